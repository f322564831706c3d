"""Making the text encoders of a checkpoint."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from torch import nn

from studio.diffusion.checkpoints import AGAIN, BadCheckpoint
from studio.diffusion.loading import load_module
from studio.diffusion.text.encoders import RECIPES, Encoder, Recipe
from studio.diffusion.text.live import LiveClasses, LiveText
from studio.diffusion.text.tokens import Vocabulary
from studio.errors import InputError
from studio.places import resources

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from studio.diffusion.checkpoints import Checkpoint, Part
    from studio.diffusion.families import Family

SHIPPED = {"LDMBertModel": "bert"}
"""Folder of the vocabulary that ships for an encoder, where it isn't CLIP's."""


class NoTextEncoder(InputError):
    """A checkpoint without a text encoder: it lacks it, or its family takes no text."""

    def __init__(self, name: str, family: Family) -> None:
        if family.takes_text:
            super().__init__(
                f"the checkpoint {name!r} has no text encoder: only a part of the model is in it.",
                hint="Take the text from another checkpoint of this kind "
                f"({family.title}): wire its clip here.",
            )
        else:
            super().__init__(
                f"the checkpoint {name!r}: {family.title} takes no text.",
                hint="Put NoText where the sampler asks for conditioning.",
            )


class ClassTable(nn.Module):
    """A vector a class, as CompVis's `ClassEmbedder` keeps it."""

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(classes, width)


def shipped_vocabulary(class_name: str) -> Path:
    """Folder of the vocabulary for an encoder whose checkpoint brings none.

    Args:
        class_name: the library's class of the encoder.
    """
    return resources() / SHIPPED.get(class_name, "clip")


def load_text(
    checkpoint: Checkpoint, device: torch.device, dtype: torch.dtype
) -> tuple[LiveText | LiveClasses, nn.Module]:
    """The text encoders of a checkpoint, or its table of classes; and what holds their weights.

    Raises:
        NoTextEncoder: it takes neither text nor a class.
        BadCheckpoint: its files don't fit.
    """
    from transformers.utils import logging

    # What it would say (a text is long, a config odd) is said by us, in our words.
    logging.set_verbosity_error()
    parts = checkpoint.text_encoders
    if not parts:
        raise NoTextEncoder(checkpoint.name, checkpoint.family)
    if parts[0].class_name == "ClassEmbedder":
        return _classes(checkpoint, parts[0], device, dtype)
    recipes = RECIPES[checkpoint.family.facts.text]
    encoders = tuple(
        _encoder(checkpoint.name, part, folder, recipe, device, dtype)
        for part, folder, recipe in zip(parts, checkpoint.tokenizers, recipes, strict=True)
    )
    return LiveText(encoders, device), nn.ModuleList([e.module for e in encoders])


def _encoder(
    checkpoint: str,
    part: Part,
    folder: Path,
    recipe: Recipe,
    device: torch.device,
    dtype: torch.dtype,
) -> Encoder:
    module = load_module(part, lambda: _build(part), checkpoint, device=device, dtype=dtype)
    config: Any = module.config
    ours = folder == shipped_vocabulary(part.class_name)
    if ours:
        tokenizer = _shipped_tokenizer(folder, part.class_name)
    else:
        tokenizer = read_tokenizer(folder, part.class_name, checkpoint)
    if len(tokenizer) > config.vocab_size:
        raise BadCheckpoint(
            checkpoint,
            folder,
            f"the vocabulary has {len(tokenizer)} tokens, and the text encoder knows "
            f"{config.vocab_size}",
            "They belong to different models.",
        )
    # A folder's tokenizer says itself what fills up a text; ours is shared between families.
    pad = recipe.pad if ours else None
    try:
        vocabulary = Vocabulary.of(tokenizer, config.max_position_embeddings, pad)
    except ValueError:
        reason = "its tokenizer doesn't begin and end a text with one token each"
        raise BadCheckpoint(checkpoint, folder, reason, AGAIN) from None
    if recipe.cut and config.num_hidden_layers >= WHOLE_OPEN_CLIP_H:
        recipe = replace(recipe, cut=0)
    return Encoder(module, vocabulary, recipe)


WHOLE_OPEN_CLIP_H = 24
"""Layers of OpenCLIP-H as it was trained; checkpoints mostly keep the 23 that are used."""


def _build(part: Part) -> Any:
    config = dict(part.config)
    if part.class_name == "LDMBertModel":
        from diffusers.pipelines.latent_diffusion.pipeline_latent_diffusion import (
            LDMBertConfig,
            LDMBertModel,
        )

        return LDMBertModel(LDMBertConfig(**config))
    import transformers

    kind = getattr(transformers, part.class_name)
    return kind(transformers.CLIPTextConfig(**config))


def read_tokenizer(folder: Path, class_name: str, checkpoint: str) -> Any:
    """The library's tokenizer from the files in a folder; nothing is fetched.

    Args:
        folder: holds the vocabulary.
        class_name: the library's class of the encoder.
        checkpoint: its name, for messages.

    Raises:
        BadCheckpoint: the vocabulary is missing or damaged.
    """
    from transformers import BertTokenizer, CLIPTokenizer

    kind: Any = BertTokenizer if class_name == "LDMBertModel" else CLIPTokenizer
    try:
        return kind.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # a damaged vocabulary makes the library raise nearly anything
        reason = f"the vocabulary can't be used ({type(error).__name__}: {error})"
        raise BadCheckpoint(checkpoint, folder, reason, AGAIN) from error


@functools.lru_cache(maxsize=2)
def _shipped_tokenizer(folder: Path, class_name: str) -> Any:
    """The same for what ships, which stays as it is: a third of a second saved the next time."""
    return read_tokenizer(folder, class_name, folder.name)


def _classes(
    checkpoint: Checkpoint, part: Part, device: torch.device, dtype: torch.dtype
) -> tuple[LiveClasses, nn.Module]:
    classes, width = int(part.config["n_classes"]), int(part.config["embed_dim"])
    module: Any = load_module(
        part, lambda: ClassTable(classes, width), checkpoint.name, device=device, dtype=dtype
    )
    return LiveClasses(module.embedding, device), module
