"""Nodes that put LoRAs on models."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, NamedTuple

from pydantic import Field

from studio.context import Context
from studio.node import node
from studio.params import ModelName
from studio.values import Clip, FileRef, LoraRef, Model

LoraName = Annotated[str, ModelName("loras")]
Strength = Annotated[float, Field(ge=-100, le=100)]


class WithLora(NamedTuple):
    """A denoiser and a text encoder with a LoRA on them."""

    model: Model
    clip: Clip


@node(
    "LoadLora",
    category="Loaders",
    made_from={
        "model": ("model", "name", "model_strength"),
        "clip": ("clip", "name", "clip_strength"),
    },
)
def load_lora(
    model: Model,
    clip: Clip,
    *,
    name: LoraName = "pocket-striped",
    model_strength: Strength = 1.0,
    clip_strength: Strength = 1.0,
    context: Context,
) -> WithLora:
    """Put a LoRA on a denoiser and its text encoder.

    LoRAs stack: each of these nodes adds one to those that are on already. The checkpoint's own
    weights stay as they are, so another strength reads none of them again. Files in the formats of
    Kohya, diffusers, PEFT and LyCORIS are read (docs/lora.md); one for another family is refused,
    and keys that fit nothing are counted and told.

    Args:
        model: the denoiser.
        clip: the text encoder; it is left alone by LoRAs that were trained without it.
        name: a file in the loras folders; "pocket-striped" ships with the program.
        model_strength: how strongly the denoiser follows it: 1 as trained, 0 not at all, below 0
            the opposite.
        clip_strength: how strongly the text encoder follows it.

    Returns:
        The denoiser and the text encoder with the LoRA on them.
    """
    file = _reference(name, context)
    if model_strength != 0:
        model = replace(model, loras=(*model.loras, LoraRef(file, model_strength)))
    if clip_strength != 0:
        clip = replace(clip, loras=(*clip.loras, LoraRef(file, clip_strength)))
    return WithLora(model, clip)


@node("LoadLoraModelOnly", category="Loaders")
def load_lora_model_only(
    model: Model,
    *,
    name: LoraName = "pocket-striped",
    strength: Strength = 1.0,
    context: Context,
) -> Model:
    """Put a LoRA on a denoiser alone; the text encoder stays as it is.

    Args:
        model: the denoiser.
        name: a file in the loras folders; "pocket-striped" ships with the program.
        strength: how strongly the denoiser follows it: 1 as trained, 0 not at all, below 0 the
            opposite.

    Returns:
        The denoiser with the LoRA on it.
    """
    file = _reference(name, context)
    if strength == 0:
        return model
    return replace(model, loras=(*model.loras, LoraRef(file, strength)))


def _reference(name: str, context: Context) -> FileRef:
    environment = context.environment
    return FileRef(
        name=name,
        path=str(environment.model("loras", name).path),
        fingerprint=environment.model_fingerprint("loras", name),
    )
