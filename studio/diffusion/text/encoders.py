"""Text encoders: what each family takes from them, and running them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch

from studio.diffusion.text.weighting import mean_restored, towards_empty
from studio.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from studio.diffusion.text.tokens import Slot, Vocabulary

BATCH = 16
"""Chunks that are encoded at once, so that a long prompt needs no more memory than that."""


class SkippedTooMuch(InputError):
    """A clip skip that leaves no layer, or asks for one that isn't there."""

    def __init__(self, skip: int, recipe: Recipe, layers: int) -> None:
        most, least = layers + recipe.cut, 1 + recipe.cut
        why = (
            f"{recipe.name} has {most} layers"
            if skip > most
            else f"the last layer of {recipe.name} isn't kept, since no model uses it"
        )
        super().__init__(f"clip skip {skip}: {why}.", hint=f"Give a number from {least} to {most}.")


@dataclass(frozen=True)
class Recipe:
    """What a family takes from a text encoder.

    Args:
        name: for messages.
        key: the name that files of textual inversions for several encoders give it.
        skip: layers left out at the end, counted as users do (1 = none), unless they say another
            number.
        norm: whether the encoder's last normalisation is applied to that layer's output.
        pooled: what is taken for the pooled embedding: the state of the end token ("state"), that
            state projected ("projection"), or none.
        cut: layers that the weights lack at the end, because nothing uses them.
        pad: token that fills up a text with the vocabulary that ships; None takes the end token.
    """

    name: str
    key: str
    skip: int = 1
    norm: bool = True
    pooled: Literal["state", "projection"] | None = "state"
    cut: int = 0
    pad: int | None = None


CLIP_L = Recipe("CLIP-L", "clip_l")
OPEN_CLIP_H = Recipe("OpenCLIP-H", "clip_h", skip=2, cut=1, pad=0)
SDXL_CLIP_L = Recipe("CLIP-L", "clip_l", skip=2, norm=False, pooled=None)
OPEN_CLIP_G = Recipe("OpenCLIP-bigG", "clip_g", skip=2, norm=False, pooled="projection", pad=0)
LDM_BERT = Recipe("LDM's BERT", "bert", pooled=None)

RECIPES: dict[str, tuple[Recipe, ...]] = {
    "clip": (CLIP_L,),
    "open_clip": (OPEN_CLIP_H,),
    "clip + open_clip": (SDXL_CLIP_L, OPEN_CLIP_G),
    "open_clip_g": (OPEN_CLIP_G,),
    "bert": (LDM_BERT,),
}
"""Text encoders by what a family's row says of its text (`Facts.text`), in the order in which
their outputs are put side by side."""


@dataclass(frozen=True)
class Encoder:
    """A text encoder on its device.

    Args:
        module: `CLIPTextModel`, `CLIPTextModelWithProjection` or `LDMBertModel`.
        vocabulary: how its texts are cut into tokens.
        recipe: what is taken from it.
    """

    module: Any
    vocabulary: Vocabulary
    recipe: Recipe

    @property
    def width(self) -> int:
        """D of the vectors it takes."""
        return int(self.module.get_input_embeddings().weight.shape[1])

    def encode(
        self, chunks: Sequence[tuple[Slot, ...]], weighting: str, skip: int | None
    ) -> tuple[Tensor, Tensor | None]:
        """Encode and weigh the chunks of a prompt.

        Args:
            chunks: N of T slots.
            weighting: one of `WEIGHTINGS`.
            skip: layers left out at the end (1 = none); None takes the recipe's.

        Returns:
            float32 [1, N·T, D] on the CPU, and the first chunk's pooled embedding [1, P], where
            the recipe takes one.

        Raises:
            SkippedTooMuch: there are no such layers.
        """
        layer = self._layer(skip)
        weights = torch.tensor([[slot.weight for slot in chunk] for chunk in chunks])
        weighted = bool((weights != 1).any())
        given = list(chunks)
        if weighted and weighting == "comfy":
            given.append(self.vocabulary.whole(()))
        parts = [self._run(given[i : i + BATCH], layer) for i in range(0, len(given), BATCH)]
        states = torch.cat([part[0] for part in parts])
        pooled = parts[0][1]
        if weighted and weighting == "comfy":
            states = towards_empty(states[:-1], states[-1], weights)
        elif weighted:
            states = mean_restored(states, weights)
        return states.reshape(1, -1, states.shape[-1]), None if pooled is None else pooled[:1]

    def _layer(self, skip: int | None) -> int:
        """How many layers the output has gone through."""
        layers = int(self.module.config.num_hidden_layers)
        skip = self.recipe.skip if skip is None else skip
        layer = layers + self.recipe.cut + 1 - skip
        if not 0 < layer <= layers:
            raise SkippedTooMuch(skip, self.recipe, layers)
        return layer

    def _run(self, chunks: Sequence[tuple[Slot, ...]], layer: int) -> tuple[Tensor, Tensor | None]:
        ids = torch.tensor([[slot.token for slot in chunk] for chunk in chunks])
        with torch.no_grad(), _vectors_in(self.module, chunks):
            output = self.module(
                input_ids=ids.to(self.module.get_input_embeddings().weight.device),
                output_hidden_states=True,
                return_dict=True,
            )
            last = layer == self.module.config.num_hidden_layers
            if last and self.recipe.norm:
                states = output.last_hidden_state
            else:
                states = output.hidden_states[layer]
                states = _final_norm(self.module)(states) if self.recipe.norm else states
        match self.recipe.pooled:
            case "state":
                pooled = output.pooler_output
            case "projection":
                pooled = output.text_embeds
            case None:
                pooled = None
        return states.float().cpu(), None if pooled is None else pooled.float().cpu()


def _final_norm(module: Any) -> Any:
    """The normalisation after the last layer; versions of the library keep it in two places."""
    if hasattr(module, "model"):
        return module.model.layer_norm  # LDMBertModel
    return getattr(module, "text_model", module).final_layer_norm


@contextmanager
def _vectors_in(module: Any, chunks: Sequence[tuple[Slot, ...]]) -> Iterator[None]:
    """Let the slots' own vectors take the place of the vocabulary's, for one run."""
    placed = [
        (row, column, slot.vector)
        for row, chunk in enumerate(chunks)
        for column, slot in enumerate(chunk)
        if slot.vector is not None
    ]
    if not placed:
        yield
        return
    rows, columns, vectors = zip(*placed, strict=True)

    def put(_module: Any, _arguments: Any, output: Tensor) -> Tensor:
        output = output.clone()
        output[list(rows), list(columns)] = torch.stack(vectors).to(output)
        return output

    handle = module.get_input_embeddings().register_forward_hook(put)
    try:
        yield
    finally:
        handle.remove()
