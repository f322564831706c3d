"""Telling what a single file is, from the names and shapes in its header. No torch.

Which family it is of follows from the table in `families`: how text is encoded, which channels
the denoiser sees beside the latent, and whether it is told a noise level. Tensors that contradict
each other are named.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from studio.diffusion.checkpoints.parts import BadCheckpoint
from studio.diffusion.compvis import unet, vae
from studio.diffusion.compvis.names import Names, UnknownArchitecture
from studio.diffusion.families import MARKS, OTHER_KEYS, Facts, Family, Text, family_of, other_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from studio.diffusion.weights.header import Header

EMA_PREFIX = "model_ema."

_FIRST = "input_blocks.0.0.weight"
_CLIP_TABLE = "embeddings.token_embedding.weight"

_CONDITIONING = ("cond_stage_model.", "conditioner.")

# First letters of a text encoder's tensors, and which kind it is.
_TEXTS: tuple[tuple[str, Text], ...] = (
    ("conditioner.embedders.1.model.", "clip + open_clip"),
    ("conditioner.embedders.0.model.", "open_clip_g"),
    ("conditioner.embedders.0.transformer.", "clip + open_clip"),
    ("cond_stage_model.transformer.text_model.", "clip"),
    ("cond_stage_model.transformer.embeddings.", "clip"),
    ("cond_stage_model.model.", "open_clip"),
    ("cond_stage_model.transformer.token_emb.", "bert"),
    ("cond_stage_model.embedding.", "class"),
)
# Of each encoder of a kind, the tensors whose second side is the width of what it gives.
_TABLES: dict[Text, tuple[tuple[str, ...], ...]] = {
    "clip": ((f"cond_stage_model.transformer.text_model.{_CLIP_TABLE}",
              f"cond_stage_model.transformer.{_CLIP_TABLE}"),),
    "open_clip": (("cond_stage_model.model.token_embedding.weight",),),
    "clip + open_clip": (
        (f"conditioner.embedders.0.transformer.text_model.{_CLIP_TABLE}",),
        ("conditioner.embedders.1.model.token_embedding.weight",),
    ),
    "open_clip_g": (("conditioner.embedders.0.model.token_embedding.weight",),),
    "bert": (("cond_stage_model.transformer.token_emb.weight",),),
    "class": (("cond_stage_model.embedding.weight",),),
}  # fmt: skip
_BY_CONTEXT: dict[int, Text] = {
    768: "clip", 1024: "open_clip", 2048: "clip + open_clip", 1280: "open_clip_g"
}  # fmt: skip
"""What a denoiser without its text encoder was trained with, by the width it attends to."""

_SIZED: tuple[Text, ...] = ("clip + open_clip", "open_clip_g")
"""Kinds of text that come with a vector of sizes (SDXL)."""

KNOWN = "Known are Stable Diffusion 1, 2 and XL and the latent-diffusion papers' models."
ANOTHER = "Give another file as the checkpoint."


@dataclass(frozen=True)
class Recognised:
    """What a single file is, from its header.

    Args:
        header: of the file.
        family: which family it is of.
        config: the folder of its published configs.
        shape: of its denoiser.
        names: of all its tensors.
        has_text, has_vae: whether the parts are in the file.
    """

    header: Header
    family: Family
    config: str
    shape: unet.UNetShape
    names: Names
    has_text: bool
    has_vae: bool

    @cached_property
    def has_ema(self) -> bool:
        """Whether it has averaged weights beside the trained ones, of the whole denoiser."""
        return ema_name(unet.PREFIX + _FIRST) in self.names and all(
            ema_name(unet.PREFIX + name) in self.names for name in self.names.under(unet.PREFIX)
        )


def recognise(header: Header, name: str) -> Recognised:
    """Tell what a single file is.

    Args:
        header: of the file.
        name: for messages.

    Raises:
        BadCheckpoint: it is no checkpoint, of no known family, or its tensors contradict each
            other.
    """

    def bad(reason: str, hint: str = KNOWN) -> BadCheckpoint:
        return BadCheckpoint(name, header.path, reason, hint)

    names = Names(header.tensors)
    denoiser = names.under(unet.PREFIX)
    if _FIRST not in denoiser:
        raise bad(what_else(header.tensors), ANOTHER)
    for mark, words in MARKS:
        if mark in names:
            raise bad(f"{words}, which can't be used yet")
    try:
        shape = unet.read_shape(denoiser)
        has_text = any(names.has(prefix) for prefix in _CONDITIONING)
        kind = _text_kind(names) if has_text else _by_context(shape)
        stage = names.under(vae.PREFIX)
        latent = _latent_channels(stage, shape, kind)
        family = family_of(facts := Facts(kind, shape.in_channels - latent, bool(shape.classes)))
        if family is None:
            known = other_of(facts) or (
                f"a denoiser with {shape.in_channels} input channels for a latent of {latent}, "
                f"and with {f'the text encoder {kind!r}' if kind != 'none' else 'no text encoder'}"
            )
            raise bad(f"is {known}, which can't be used yet")
        _check_sizes(shape, kind)
        _check_latent(stage, shape, latent)
        if has_text:
            _check_text(names, shape, kind)
    except UnknownArchitecture as error:
        raise bad(f"is of a build that isn't known: {error}") from None
    return Recognised(
        header=header,
        family=family,
        config=_config_folder(family, stage, latent, len(shape.levels)),
        shape=shape,
        names=names,
        has_text=has_text,
        has_vae=bool(stage),
    )


def ema_name(name: str) -> str:
    """How an averaged tensor is called: without dots, and without the first word."""
    return EMA_PREFIX + name.removeprefix("model.").replace(".", "")


def what_else(names: Iterable[str]) -> str:
    """What a file is that has no denoiser where a checkpoint has it."""
    listed = list(names)
    if unet.PREFIX + _FIRST in listed:
        return "is a checkpoint: put it into the folder checkpoints, and use LoadCheckpoint"
    for key, title in OTHER_KEYS:
        # A key with a star is looked for anywhere in a name.
        inner = key.strip("*")
        if any(inner in n if key[0] == "*" else n.startswith(key) for n in listed):
            return f"is {title}"
    if not listed:
        return "holds no tensors"
    few = ", ".join(sorted(listed)[:3])
    if len(listed) == 1:
        return f"is of no known kind: its one tensor is {few}"
    return f"is of no known kind: of its {len(listed)} tensors the first are {few}"


def _text_kind(names: Names) -> Text:
    for prefix, kind in _TEXTS:
        if names.has(prefix):
            return kind
    inside = (name for prefix in _CONDITIONING for name in names if name.startswith(prefix))
    raise UnknownArchitecture(f"its text encoder holds {min(inside)}")


def _by_context(shape: unet.UNetShape) -> Text:
    """The text that a denoiser without its encoder was trained with."""
    if shape.context is None:
        return "none"
    kind = _BY_CONTEXT.get(shape.context, "clip")
    # LDM's BERT gives as wide a text as the refiner's encoder, which comes with sizes.
    return "bert" if kind == "open_clip_g" and shape.added is None else kind


def _latent_channels(stage: Names, shape: unet.UNetShape, kind: Text) -> int:
    if "decoder.conv_in.weight" in stage:
        # Of a VQ model the codes are as wide as the latents.
        width = "quantize.embedding.weight" if vae.is_quantised(stage) else "decoder.conv_in.weight"
        return stage.side(width, 1)
    return 4 if kind not in ("none", "class") else shape.out_channels


def _config_folder(family: Family, stage: Names, latent: int, levels: int) -> str:
    """Which published configs: the papers' models came with several first stages.

    Where a file lacks the first stage, the denoiser shows which it was.
    """
    quantised = vae.is_quantised(stage)
    if family.id == "ldm_class" and latent == 4:
        return "ldm_class_vq8" if quantised or (not stage and levels == 3) else "ldm_class_kl"
    if family.id == "ldm_uncond" and not quantised and latent == 4:
        return "ldm_uncond_kl"
    return family.config


def _check_sizes(shape: unet.UNetShape, kind: Text) -> None:
    if shape.added is not None and kind not in _SIZED:
        raise UnknownArchitecture(
            f"its denoiser wants a vector of {shape.added} beside the text "
            f"({unet.PREFIX}label_emb.0.0.weight), as unCLIP's does"
        )
    if shape.added is None and kind in _SIZED:
        raise UnknownArchitecture(
            f"its text is SDXL's, and {unet.PREFIX}label_emb.0.0.weight is missing"
        )


def _check_latent(stage: Names, shape: unet.UNetShape, latent: int) -> None:
    if shape.out_channels != latent:
        raise UnknownArchitecture(
            f"{unet.PREFIX}out.2.weight gives {shape.out_channels} channels, and its first stage "
            f"({stage.prefix}decoder.conv_in.weight) takes {latent}"
        )


def _check_text(names: Names, shape: unet.UNetShape, kind: Text) -> None:
    """The text encoders must give what the denoiser attends to."""
    widths = []
    for spellings in _TABLES[kind]:
        known = next((spelling for spelling in spellings if spelling in names), spellings[0])
        widths.append((known, names.side(known, 1)))
    if shape.context is None or sum(width for _, width in widths) == shape.context:
        return
    given = " and ".join(f"{known} gives {width}" for known, width in widths)
    raise UnknownArchitecture(
        f"{unet.PREFIX}{shape.attention} wants a text {shape.context} wide, and {given}"
    )
