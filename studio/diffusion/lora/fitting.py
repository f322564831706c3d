"""Finding the layers of a live model that a LoRA is for, and saying what doesn't fit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from studio.diffusion.lora import family as families
from studio.diffusion.lora.errors import BadLora, LoraMismatch, spelled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from torch import nn

    from studio.diffusion.lora.forms import Patch
    from studio.diffusion.lora.keys import Part
    from studio.diffusion.lora.reading import LoraFile

STEEP = 100.0
"""Alphas of more than this many ranks are remarked upon: trainers write at most a few."""

UNDERSTOOD: frozenset[Part] = frozenset({"unet", "te", "te1", "te2"})


@dataclass(frozen=True)
class Target:
    """A live module that LoRAs are put on.

    Args:
        words: what it is, for messages: "UNet", "text encoder", "second text encoder".
        parts: of files that are for it.
        family: of the checkpoint, an id of `studio.diffusion.families` or of `family.WORDS`.
        names: path of each layer by every name it goes by, with underscores.
        strangers: parts of files that no module of this model is for.
    """

    words: str
    parts: frozenset[Part]
    family: str
    names: Mapping[str, str]
    strangers: frozenset[Part] = frozenset()


@dataclass(frozen=True)
class Fit:
    """What of a LoRA is for a module.

    Args:
        patches: by the path of the layer.
        warnings: what a user should know.
    """

    patches: Mapping[str, tuple[Patch, ...]]
    warnings: tuple[str, ...] = ()


def fit(lora: LoraFile, target: Target, layers: Mapping[str, nn.Module]) -> Fit:
    """The patches of a LoRA for the layers of a module.

    A LoRA without anything for this module (a UNet's alone, put on a text encoder) is no fault.

    Args:
        lora: the file.
        target: the module, and what it is.
        layers: its layers with weights, by path.

    Raises:
        BadLora: it is no LoRA at all.
        LoraMismatch: it is for another family: nothing fits, or a layer has another shape.
    """
    _check_kind(lora, target)
    of_file = [(flat, p) for part in target.parts for flat, p in lora.patches.get(part, {}).items()]
    unknown = _unknown(lora, target)
    patches: dict[str, list[Patch]] = {}
    missing = [(base, f"{spelled(base)} is of a form that isn't known") for base in unknown]
    for flat, patch in of_file:
        path = target.names.get(flat.rstrip())
        if path is None:
            missing.append((patch.key, f"{spelled(patch.key)}: there is no such layer"))
            continue
        trouble = _mismatch(patch, path, layers[path])
        if trouble is None:
            patches.setdefault(path, []).append(patch)
        elif path == "conv_in" and "inpaint" in target.family:
            # Inpainting models have more channels in; a LoRA of the plain model fits elsewhere.
            missing.append((patch.key, trouble))
        else:
            raise _other(lora, target, trouble)
    total = len(of_file) + len(unknown)
    mine = families.coarse(target.family)
    if total and not patches:
        raise _other(
            lora,
            target,
            f"none of its {total} keys for the {target.words} fits; the first: {missing[0][1]}",
        )
    if total and lora.family not in (None, mine) and mine in families.WORDS:
        raise _other(lora, target, f"its keys for the {target.words} are of another family")
    return Fit(
        {path: tuple(found) for path, found in patches.items()},
        tuple(_warnings(lora, target, total, missing, [p for _, p in of_file])),
    )


def _check_kind(lora: LoraFile, target: Target) -> None:
    """Refuse what is no LoRA, and what is surely for another family."""
    if not any(lora.patches.values()) and not lora.unknown.keys() & UNDERSTOOD:
        others = lora.unknown.get("other", ())
        if lora.family is not None:
            raise _other(lora, target, f"none of its {len(others)} keys fits")
        first = f"the first of its {len(others)} keys is {spelled(others[0])}" if others else ""
        raise BadLora(
            lora.name,
            f"it holds no tensors of a form that is known ({first or 'it is empty'})",
            "Is it a LoRA for an image model, in one of the formats of docs/lora.md?",
        )
    strange = [
        patch for part in sorted(target.strangers) for patch in lora.patches.get(part, {}).values()
    ]
    if strange:
        raise _other(
            lora,
            target,
            f"{len(strange)} of its keys are for a text encoder that this model doesn't have; the "
            f"first: {spelled(strange[0].key)}",
        )
    mine = families.coarse(target.family)
    if lora.family is not None and lora.family != mine and mine in families.WORDS:
        count = sum(len(part) for part in lora.patches.values())
        if count and not any(lora.patches.get(part) for part in target.parts):
            raise _other(lora, target, "none of its keys fits")
        if "unet" not in target.parts:
            # A text encoder may be shared between families while the UNets differ.
            raise _other(lora, target, "its keys for the UNet are of another family")


def _unknown(lora: LoraFile, target: Target) -> list[str]:
    """Names of layers of no known form that would be for this module."""
    parts = {*target.parts, *(("other",) if "unet" in target.parts else ())}
    return [base for part in sorted(parts) for base in lora.unknown.get(part, ())]


def _mismatch(patch: Patch, path: str, layer: nn.Module) -> str | None:
    """What is wrong with a patch's shapes for this layer, or None."""
    weight: Any = getattr(layer, "weight", None)
    bias: Any = getattr(layer, "bias", None)
    if patch.form is not None:
        wanted, shape = tuple(weight.shape), patch.form.shape
        flat = shape[:1] == wanted[:1] and math.prod(shape[1:]) == math.prod(wanted[1:])
        kernel_free = len(shape) == 2 or len(wanted) == 2 or shape[2:] == wanted[2:]
        if not (flat and kernel_free and len(shape) >= min(2, len(wanted))):
            return _differs(patch.key, shape, path, wanted)
        if patch.magnitude is not None and len(wanted) >= 2:
            sides = patch.magnitude.shape
            if sides[0] not in (1, wanted[0]) or sides[1] not in (1, wanted[1]):
                lengths = f"{patch.key}.dora_scale"
                return _differs(lengths, tuple(patch.magnitude.shape), path, wanted)
    if patch.bias is not None:
        if not hasattr(layer, "bias"):
            return f"{spelled(patch.key)} has a difference to the bias, and {path} has none"
        rows = (weight if bias is None else bias).shape[0]
        if patch.bias.shape[0] != rows:
            return _differs(f"{patch.key}.diff_b", tuple(patch.bias.shape), path, (rows,))
    return None


def _differs(key: str, shape: tuple[int, ...], path: str, wanted: tuple[int, ...]) -> str:
    return f"{spelled(key)} has the shape {list(shape)} where {path} has {list(wanted)}"


def _warnings(
    lora: LoraFile,
    target: Target,
    total: int,
    missing: list[tuple[str, str]],
    patches: Sequence[Patch],
) -> Iterable[str]:
    if missing:
        yield (
            f"the LoRA {lora.name!r}: {total - len(missing)} of {total} keys for the "
            f"{target.words} fit; the first that doesn't: {missing[0][1]}"
        )
    idle = [patch.key for patch in patches if patch.idle]
    if idle:
        yield (
            f"the LoRA {lora.name!r}: the alpha of {len(idle)} of {total} keys for the "
            f"{target.words} is 0, so they change nothing"
        )
    steep = [p for p in patches if p.form is not None and abs(p.form.scale) > STEEP]
    if steep:
        yield (
            f"the LoRA {lora.name!r}: the alpha of {len(steep)} of {total} keys for the "
            f"{target.words} is over {STEEP:g} times their rank (the first: "
            f"{spelled(steep[0].key)}); if the picture falls apart, lower the strength"
        )
    mine = families.coarse(target.family)
    if lora.family is None and lora.noted not in (None, mine) and mine in families.WORDS and total:
        yield (
            f"the LoRA {lora.name!r} says that it was made for "
            f"{families.WORDS[lora.noted or '']}; this model is {families.WORDS[mine]}"
        )


def _other(lora: LoraFile, target: Target, reason: str) -> LoraMismatch:
    guess = lora.family or lora.noted or ("sdxl" if lora.patches.get("te2") else None)
    made_for = None if guess is None else families.WORDS[guess]
    mine = families.coarse(target.family)
    return LoraMismatch(lora.name, reason, made_for, families.WORDS.get(mine, target.family))
