"""Nodes that turn text into conditioning."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from studio.context import Context
from studio.diffusion.text.prompt import WEIGHTINGS
from studio.node import node
from studio.params import ChoiceSeed, OneOf, Prompt
from studio.values import Clip, Conditioning, SizeHints

if TYPE_CHECKING:
    from studio.values import FileRef

Text = Annotated[str, Field(max_length=100_000), Prompt()]
Weighting = Annotated[str, OneOf(WEIGHTINGS)]
Pixels = Annotated[int, Field(ge=0, le=16384)]


@node("TextEncode", category="Conditioning")
def text_encode(
    clip: Clip,
    *,
    text: Text = "",
    weighting: Weighting = "comfy",
    seed: Annotated[int, ChoiceSeed()] = 0,
    context: Context,
) -> Conditioning:
    """Encode a prompt for the denoiser.

    `(word)` weighs a word more, `(word:1.3)` as much as the number says, `{a|b}` is one of
    several, `embedding:name` a textual inversion, `BREAK` begins a new chunk of 75 tokens. The
    whole syntax: docs/prompts.md.

    Args:
        clip: the text encoder.
        text: what the picture should show, or, for the negative input, what it should not.
        weighting: how weights are read and applied: as ComfyUI does, or as Automatic's web UI.
        seed: chooses among the alternatives {a|b} of the text; without any it plays no part.

    Returns:
        Conditioning for a sampler.
    """
    return _encode(context, clip, text, weighting, seed)


@node("TextEncodeSDXL", category="Conditioning")
def text_encode_sdxl(
    clip: Clip,
    *,
    text_g: Text = "",
    text_l: Text = "",
    width: Pixels = 1024,
    height: Pixels = 1024,
    crop_x: Pixels = 0,
    crop_y: Pixels = 0,
    target_width: Pixels = 1024,
    target_height: Pixels = 1024,
    weighting: Weighting = "comfy",
    seed: Annotated[int, ChoiceSeed(("text_g", "text_l"))] = 0,
    context: Context,
) -> Conditioning:
    """Encode a prompt for SDXL: a text for each of its encoders, and what it is told of sizes.

    SDXL was shown how large each picture was before it was cropped and scaled, and where it was
    cropped. A small size here gives the look of a picture that was blown up, a crop cuts subjects
    off. TextEncode gives both encoders one text, and takes the sizes of the latent.

    Args:
        clip: SDXL's text encoders.
        text_g: the prompt for the larger encoder, OpenCLIP-bigG.
        text_l: the prompt for the smaller one, CLIP-L.
        width: of the picture before cropping, in pixels.
        height: of the picture before cropping, in pixels.
        crop_x: where the picture was cropped, in pixels from the left.
        crop_y: where the picture was cropped, in pixels from the top.
        target_width: of the picture to make, in pixels.
        target_height: of the picture to make, in pixels.
        weighting: how weights are read and applied: as ComfyUI does, or as Automatic's web UI.
        seed: chooses among the alternatives {a|b} of both texts.

    Returns:
        Conditioning for a sampler.
    """
    sizes = SizeHints(width, height, crop_x, crop_y, target_width, target_height)
    return _encode(context, clip, (text_l, text_g), weighting, seed, sizes)


@node("TextEncodeRefiner", category="Conditioning")
def text_encode_refiner(
    clip: Clip,
    *,
    text: Text = "",
    width: Pixels = 1024,
    height: Pixels = 1024,
    crop_x: Pixels = 0,
    crop_y: Pixels = 0,
    aesthetic_score: Annotated[float, Field(ge=0, le=1000)] = 6.0,
    weighting: Weighting = "comfy",
    seed: Annotated[int, ChoiceSeed()] = 0,
    context: Context,
) -> Conditioning:
    """Encode a prompt for the refiner of SDXL, which is told how good a picture looks.

    Args:
        clip: the refiner's text encoder.
        text: what the picture should show, or should not.
        width: of the picture before cropping, in pixels.
        height: of the picture before cropping, in pixels.
        crop_x: where the picture was cropped, in pixels from the left.
        crop_y: where the picture was cropped, in pixels from the top.
        aesthetic_score: how good it looks, 1 to 10; 6 is usual for what the picture should show,
            2.5 for what it should not.
        weighting: how weights are read and applied: as ComfyUI does, or as Automatic's web UI.
        seed: chooses among the alternatives {a|b} of the text.

    Returns:
        Conditioning for a sampler.
    """
    sizes = SizeHints(width, height, crop_x, crop_y, width, height, aesthetic_score)
    return _encode(context, clip, (text,), weighting, seed, sizes)


@node("EncodeClass", category="Conditioning")
def encode_class(
    clip: Clip,
    *,
    label: Annotated[int, Field(ge=0, le=1_000_000)] | None = None,
    context: Context,
) -> Conditioning:
    """Name a class, for models that were trained on classes in place of text.

    Args:
        clip: the model's table of classes.
        label: number of the class, from 0 (ImageNet's are 0 to 999); none for the negative input:
            the class that stands for no class.

    Returns:
        Conditioning for a sampler.
    """
    return context.models.classes(clip).encode(label)


@node("ClipSkip", category="Conditioning")
def clip_skip(clip: Clip, *, layers: Annotated[int, Field(ge=1, le=24)] = 2) -> Clip:
    """Stop the text encoder early, as some models were trained to have it.

    Args:
        clip: the text encoder.
        layers: where to stop, counted from the end: 1 takes the last layer's output, 2 the one's
            before it, and so on. ComfyUI writes -1, -2.

    Returns:
        The text encoder, stopping there.
    """
    return replace(clip, skip=layers)


def _encode(
    context: Context,
    clip: Clip,
    text: str | tuple[str, ...],
    weighting: str,
    seed: int,
    sizes: SizeHints | None = None,
) -> Conditioning:
    """One text goes to all encoders, several to one each."""
    from studio.diffusion.text.alternatives import settle

    texts = (text,) if isinstance(text, str) else text
    settled = [settle(text, seed) for text in texts]
    files = {
        name: file
        for before, after in zip(texts, settled, strict=True)
        for name, file in _embeddings(context, before, after, weighting).items()
    }
    live = context.models.text(clip, context.warn)
    return live.encode(
        settled[0] if isinstance(text, str) else settled,
        context.warn,
        weighting=weighting,
        embeddings=files,
        sizes=sizes,
    )


def _embeddings(context: Context, before: str, after: str, weighting: str) -> dict[str, FileRef]:
    """The files of the embeddings that a settled prompt mentions."""
    from studio.diffusion.text.prompt import mentioned
    from studio.values import FileRef

    environment = context.environment
    return {
        name: FileRef(
            name, str(environment.embedding(name).path), environment.embedding_fingerprint(name)
        )
        for name in mentioned(before, after, weighting)
    }
