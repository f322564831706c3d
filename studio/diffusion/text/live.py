"""Text to conditioning, with the encoders of one checkpoint on their device."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from studio.diffusion.text.embeddings import Embedding, read_embedding
from studio.diffusion.text.prompt import Mention, parse
from studio.diffusion.text.tokens import Slot, chunks
from studio.errors import InputError
from studio.values import Conditioning, ConditioningEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from torch import Tensor

    from studio.diffusion.text.encoders import Encoder
    from studio.diffusion.text.prompt import Prompt
    from studio.values import Clip, FileRef, SizeHints


class WrongTextCount(InputError):
    """Texts for another number of text encoders."""

    def __init__(self, names: Sequence[str], count: int) -> None:
        super().__init__(
            f"{count} texts were given, and this model has {len(names)} text encoder"
            f"{'s' if len(names) != 1 else ''} ({', '.join(names) or 'none'}).",
            hint="TextEncodeSDXL is for SDXL's base model; TextEncode is for every model.",
        )


class NoSuchClass(InputError):
    """A class that the model doesn't know."""

    def __init__(self, label: int | None, classes: int) -> None:
        asked = "no class at all" if label is None else f"class {label}"
        super().__init__(
            f"{asked}: this model knows the classes 0 to {classes - 1}"
            f"{', and none that stands for no class' if label is None else ''}.",
            hint="Without a class for nothing there is no guidance: set cfg to 1."
            if label is None
            else "",
        )


class TakesAClass(InputError):
    """Text for a model that takes a class."""

    def __init__(self, checkpoint: str) -> None:
        super().__init__(
            f"the checkpoint {checkpoint!r} takes a class in place of text.",
            hint="Use EncodeClass, with the number of the class.",
        )


class TakesText(InputError):
    """A class for a model that takes text."""

    def __init__(self, checkpoint: str) -> None:
        super().__init__(
            f"the checkpoint {checkpoint!r} takes text, not a class.", hint="Use TextEncode."
        )


@dataclass(frozen=True)
class LiveText:
    """Text encoders on their device.

    Args:
        encoders: in the order in which their outputs are put side by side.
        device: theirs.
        skip: layers left out at the end (1 = none); None takes what the family was trained with.
    """

    encoders: tuple[Encoder, ...]
    device: torch.device
    skip: int | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Of the encoders."""
        return tuple(encoder.recipe.name for encoder in self.encoders)

    def skipping(self, skip: int | None) -> LiveText:
        """The same encoders, with another clip skip."""
        return self if skip == self.skip else replace(self, skip=skip)

    def encode(
        self,
        text: str | Sequence[str],
        warn: Callable[[str], None],
        *,
        weighting: str = "comfy",
        embeddings: Mapping[str, FileRef] | None = None,
        sizes: SizeHints | None = None,
    ) -> Conditioning:
        """Encode a settled prompt (no alternatives, no comments).

        Args:
            text: the prompt, or one for each encoder. The shorter of several is filled up with
                empty chunks.
            warn: told about slips in the prompt.
            weighting: one of `WEIGHTINGS`.
            embeddings: files of the embeddings that the prompt mentions, by name.
            sizes: passed on, for SDXL.

        Returns:
            an entry of float32 [1, N·T, D], N chunks of the encoder's length T (77); D is the sum
            of the encoders' widths.

        Raises:
            BadPrompt: its syntax makes no sense.
            WrongTextCount: not as many texts as encoders.
            SkippedTooMuch: the encoder has fewer layers.
            BadWeights, EmbeddingMisfit: an embedding can't be used, or is for another encoder.
        """
        texts = (text,) * len(self.encoders) if isinstance(text, str) else tuple(text)
        if len(texts) != len(self.encoders) or not texts:
            raise WrongTextCount(self.names, len(texts))
        prompts = {each: parse(each, weighting) for each in texts}
        for note in dict.fromkeys(note for prompt in prompts.values() for note in prompt.notes):
            warn(note)
        files = _read(prompts.values(), embeddings or {})
        cut = [
            chunks(prompts[each].pieces, e.vocabulary, _vectors_for(e, files, warn), weighting)
            for each, e in zip(texts, self.encoders, strict=True)
        ]
        cut = _evened(cut, self.encoders)
        outputs = [
            encoder.encode(given, weighting, self.skip)
            for encoder, given in zip(self.encoders, cut, strict=True)
        ]
        pooled = [p for _, p in outputs if p is not None]
        return Conditioning(
            (
                ConditioningEntry(
                    torch.cat([states for states, _ in outputs], dim=-1),
                    pooled[-1] if pooled else None,
                    sizes,
                ),
            )
        )


@dataclass(frozen=True)
class LiveClasses:
    """The table of classes of a class-conditional model, on its device.

    Args:
        table: `nn.Embedding` of n classes.
        device: its.
    """

    table: Any
    device: torch.device

    @property
    def null(self) -> int | None:
        """The class that stands for none, the last; a table of ImageNet's bare 1,000 has none."""
        rows = int(self.table.num_embeddings)
        return None if rows == 1000 else rows - 1

    def encode(self, label: int | None) -> Conditioning:
        """The vector of a class as the one token of a prompt, float32 [1, 1, D].

        Args:
            label: from 0; None takes the class that stands for none.

        Raises:
            NoSuchClass: it isn't in the table.
        """
        rows = int(self.table.num_embeddings)
        index = self.null if label is None else label
        if index is None or not 0 <= index < rows:
            raise NoSuchClass(label, rows)
        row = self.table.weight[index].detach()
        return Conditioning((ConditioningEntry(row.float().cpu().reshape(1, 1, -1)),))


def as_text(live: LiveText | LiveClasses, recipe: Clip) -> LiveText:
    """The text encoders of a recipe, with its clip skip.

    Raises:
        TakesAClass: there are none, but a table of classes.
    """
    if isinstance(live, LiveClasses):
        raise TakesAClass(recipe.checkpoint.name)
    return live.skipping(recipe.skip)


def as_classes(live: LiveText | LiveClasses, recipe: Clip) -> LiveClasses:
    """The table of classes of a recipe.

    Raises:
        TakesText: there is none, but text encoders.
    """
    if isinstance(live, LiveText):
        raise TakesText(recipe.checkpoint.name)
    return live


def _read(prompts: Iterable[Prompt], files: Mapping[str, FileRef]) -> dict[str, Embedding]:
    names = {
        piece.name for prompt in prompts for piece in prompt.pieces if isinstance(piece, Mention)
    }
    return {name: read_embedding(Path(files[name].path)) for name in sorted(names)}


def _vectors_for(
    encoder: Encoder, files: Mapping[str, Embedding], warn: Callable[[str], None]
) -> Callable[[str], Tensor | None]:
    recipe = encoder.recipe

    def vectors(name: str) -> Tensor | None:
        found = files[name].fitting(recipe.key, recipe.name, encoder.width)
        if found is None:
            warn(f"{files[name].path}: holds nothing for {recipe.name}; there it is left out.")
        return found

    return vectors


def _evened(
    cut: list[list[tuple[Slot, ...]]], encoders: Sequence[Encoder]
) -> list[list[tuple[Slot, ...]]]:
    """As many chunks for every encoder: their outputs stand side by side."""
    most = max(len(given) for given in cut)
    return [
        given + [encoder.vocabulary.whole(())] * (most - len(given))
        for given, encoder in zip(cut, encoders, strict=True)
    ]
