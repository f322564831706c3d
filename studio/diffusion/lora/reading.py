"""Reading a LoRA file: its tensors sorted by layer, each layer's factors checked against each
other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from studio.diffusion.lora.adapter import AdapterNotes
from studio.diffusion.lora.errors import BadLora, spelled
from studio.diffusion.lora.family import by_metadata, by_tensors
from studio.diffusion.lora.forms import Form, Hadamard, Kronecker, LowRank, Patch, Whole
from studio.diffusion.lora.keys import Key, Part, read_key
from studio.diffusion.weights.files import open_weights

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from studio.diffusion.weights.files import WeightsFile
    from studio.values import FileRef


@dataclass(frozen=True, eq=False, repr=False)
class LoraFile:
    """A LoRA in memory.

    Args:
        name: as the user calls it.
        fingerprint: of its contents.
        patches: by part and by the layer's path with underscores.
        unknown: names of layers whose tensors are of no known form, by part.
        family: it was made for by its tensors, a key of `family.WORDS`; None where they don't say.
        noted: the family its metadata says.
    """

    name: str
    fingerprint: str
    patches: Mapping[Part, Mapping[str, Patch]]
    unknown: Mapping[Part, tuple[str, ...]]
    family: str | None
    noted: str | None

    @cached_property
    def bytes(self) -> int:
        """Of its tensors."""
        return sum(patch.bytes for part in self.patches.values() for patch in part.values())


def read_lora(reference: FileRef) -> LoraFile:
    """Read a LoRA file whole.

    Raises:
        BadWeights: the file is missing, truncated, of no known format, or a pickle with code.
        BadLora: its tensors contradict each other, or hold NaN or infinity.
    """
    file = open_weights(Path(reference.path))
    return sort_tensors(file, reference.name, reference.fingerprint)


def sort_tensors(file: WeightsFile, name: str, fingerprint: str) -> LoraFile:
    """The tensors of an open file by layer.

    Raises:
        BadLora: its tensors contradict each other, or hold NaN or infinity.
    """
    layers: dict[tuple[Part, str], list[tuple[str, Key]]] = {}
    for tensor in file.tensors:
        key = read_key(tensor)
        layers.setdefault((key.part, key.base), []).append((tensor, key))
    notes = AdapterNotes(file.metadata)
    patches: dict[Part, dict[str, Patch]] = {}
    unknown: dict[Part, list[str]] = {}
    for (part, base), tensors in layers.items():
        found = {key.field: tensor for tensor, key in tensors}
        if part == "other" or "" in found or found.keys() <= {"alpha"}:
            unknown.setdefault(part, []).append(base)
            continue
        layer = _Layer(file, name, found)
        key = tensors[0][1]
        patch = layer.patch(base, notes, key)
        flat = key.flat
        while flat in patches.setdefault(part, {}):
            flat += " "  # spelled in two ways in one file; the second is reported as unfitting
        patches[part][flat] = patch
    shapes = {tensor: tuple(info.shape) for tensor, info in file.tensors.items()}
    return LoraFile(
        name=name,
        fingerprint=fingerprint,
        patches=patches,
        unknown={part: tuple(bases) for part, bases in unknown.items()},
        family=by_tensors(shapes),
        noted=by_metadata(file.metadata),
    )


class _Layer:
    """The tensors of one layer, read from the file one by one and checked."""

    def __init__(self, file: WeightsFile, lora: str, names: Mapping[str, str]) -> None:
        self._file, self._lora, self._names = file, lora, names

    def patch(self, base: str, notes: AdapterNotes, key: Key) -> Patch:
        form = self._form(base, notes, key)
        magnitude = self._magnitude(form, base)
        return Patch(base, form, magnitude, self._bias(form, base))

    def _bias(self, form: Form | None, base: str) -> Tensor | None:
        """The difference to the bias, [out]; PEFT's, with `lora_bias`, is scaled as `up` is."""
        bias, up_bias = self._get("diff_b"), self._get("up_bias")
        bias = None if bias is None else bias.reshape(-1)
        if up_bias is None:
            return bias
        self._agree(base, form is not None)
        assert form is not None
        scaled = up_bias.reshape(-1).float() * form.scale
        if bias is None:
            return scaled
        self._agree(base, scaled.shape == bias.shape)
        return scaled + bias.float()

    def _form(self, base: str, notes: AdapterNotes, key: Key) -> Form | None:
        names = self._names
        alpha = self._alpha()
        if "up" in names or "down" in names:
            down, up, mid = self._need("down", base), self._need("up", base), self._get("mid")
            self._agree(base, up.ndim in (2, 4) and math.prod(up.shape[2:]) == 1)
            self._agree(base, down.ndim in (2, 4) and 0 < down.shape[0] == up.shape[1])
            if alpha is None:
                alpha = self._noted_alpha(notes, key, down.shape[0])
            if mid is not None:
                square = tuple(mid.shape[:2]) == (up.shape[1], down.shape[0])
                self._agree(base, mid.ndim == 4 and square and math.prod(down.shape[2:]) == 1)
            return LowRank(down, up, mid, alpha)
        if any(name.startswith("hada") for name in names):
            return self._hadamard(base, alpha)
        if any(name.startswith("lokr") for name in names):
            return self._kronecker(base, alpha)
        diff = self._get("diff")
        return None if diff is None else Whole(diff)

    def _hadamard(self, base: str, alpha: float | None) -> Hadamard:
        w1_a, w1_b, w2_a, w2_b = (
            self._need(f"hada_{factor}", base) for factor in ("w1_a", "w1_b", "w2_a", "w2_b")
        )
        t1, t2 = self._get("hada_t1"), self._get("hada_t2")
        self._agree(base, (t1 is None) == (t2 is None))
        for a, b, core in ((w1_a, w1_b, t1), (w2_a, w2_b, t2)):
            self._check_product(base, a, b, core)
        form = Hadamard(w1_a, w1_b, w2_a, w2_b, t1, t2, alpha)
        second = Hadamard(w2_a, w2_b, w2_a, w2_b, t2, t2)
        self._agree(base, form.shape == second.shape)
        return form

    def _kronecker(self, base: str, alpha: float | None) -> Kronecker:
        get, need = self._get, self._need
        w1, w2, t2 = get("lokr_w1"), get("lokr_w2"), get("lokr_t2")
        w1_a = w1_b = w2_a = w2_b = None
        if w1 is None:
            w1_a, w1_b = need("lokr_w1_a", base), need("lokr_w1_b", base)
            self._check_product(base, w1_a, w1_b, None)
        else:
            self._agree(base, w1.ndim == 2)
        if w2 is None:
            w2_a, w2_b = need("lokr_w2_a", base), need("lokr_w2_b", base)
            self._check_product(base, w2_a, w2_b, t2)
        else:
            self._agree(base, w2.ndim in (2, 4))
        return Kronecker(w1, w1_a, w1_b, w2, w2_a, w2_b, t2, alpha)

    def _check_product(self, base: str, a: Tensor, b: Tensor, core: Tensor | None) -> None:
        self._agree(base, a.ndim == b.ndim == 2 and b.shape[0] > 0)
        if core is None:
            self._agree(base, a.shape[1] == b.shape[0])
        else:
            fitting = tuple(core.shape[:2]) == (a.shape[0], b.shape[0])
            self._agree(base, core.ndim == 4 and fitting)

    def _magnitude(self, form: Form | None, base: str) -> Tensor | None:
        """DoRA's lengths as [out, 1] or [1, in].

        LyCORIS has had them by input, [1, in, …], and has them by output, [out, 1 …]; PEFT by
        output, as [out] or [1, out, 1, 1].
        """
        by_output = "magnitude_out" in self._names
        tensor = self._get("magnitude_out" if by_output else "magnitude")
        if tensor is None:
            return None
        self._agree(base, form is not None and len(form.shape) >= 2 and tensor.ndim > 0)
        assert form is not None
        rows = by_output or tensor.ndim == 1 or tensor.shape[0] == form.shape[0]
        self._agree(base, rows or tensor.shape[0] == 1)
        self._agree(base, tensor.numel() == (form.shape[0] if rows else tensor.shape[1]))
        return tensor.reshape((-1, 1) if rows else (1, -1))

    def _alpha(self) -> float | None:
        tensor = self._get("alpha", numbers=True)
        if tensor is None:
            return None
        if tensor.numel() != 1:
            raise BadLora(self._lora, f"{self._names['alpha']} is no single number")
        return float(tensor.item())

    def _noted_alpha(self, notes: AdapterNotes, key: Key, rank: int) -> float | None:
        alpha = notes.alpha(key.prefix, key.path, rank)
        if alpha is not None and not math.isfinite(alpha):
            reason = f"its metadata gives {spelled(key.base)} an alpha that is no finite number"
            raise BadLora(self._lora, reason)
        return alpha

    def _need(self, field: str, base: str) -> Tensor:
        tensor = self._get(field)
        if tensor is None:
            there = ", ".join(sorted(self._names))
            raise BadLora(self._lora, f"{spelled(base)} has {there}, but no {field}")
        return tensor

    def _get(self, field: str, *, numbers: bool = False) -> Tensor | None:
        name = self._names.get(field)
        if name is None:
            return None
        tensor = self._file.read(name)
        if not tensor.is_floating_point():
            if not numbers:
                kind = str(tensor.dtype).removeprefix("torch.")
                raise BadLora(self._lora, f"{spelled(name)} holds {kind}, not weights")
        elif not _finite(tensor):
            raise BadLora(
                self._lora,
                f"{spelled(name)} holds NaN or infinity",
                "Its training failed, or the file is damaged. Copy or download it again.",
            )
        return tensor

    def _agree(self, base: str, condition: bool) -> None:
        if not condition:
            tensors = self._file.tensors
            shapes = ", ".join(
                f"{field} {list(tensors[name].shape)}" for field, name in self._names.items()
            )
            raise BadLora(
                self._lora, f"the shapes of {spelled(base)} contradict each other ({shapes})"
            )


def _finite(tensor: Tensor) -> bool:
    # A finite sum says so in one pass; where it isn't (it may have overflowed), look one by one.
    wide = tensor if tensor.itemsize > 1 else tensor.to(torch.float16)
    return bool(wide.sum(dtype=torch.float32).isfinite()) or bool(wide.isfinite().all())
