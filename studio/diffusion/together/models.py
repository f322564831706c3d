"""The model store as nodes see it that take turns."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from studio.diffusion.together.predictor import Ask

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from studio.diffusion.denoiser import LiveModel, Steering
    from studio.diffusion.together.predictor import Predictor
    from studio.diffusion.together.turns import Turn
    from studio.values import Model


class TurnModels:
    """A model store whose denoisers wait for those of others. All else is the store's own.

    Args:
        predictor: computes for all of them.
        turn: of whoever uses this one.
    """

    def __init__(self, predictor: Predictor, turn: Turn[Ask, Tensor]) -> None:
        self._predictor = predictor
        self._turn = turn

    def model(self, recipe: Model, warn: Callable[[str], None] | None = None) -> LiveModel:
        """As `ModelStore.model`."""
        live = self._predictor.store.model(recipe, warn)
        self._predictor.load(recipe, live)
        weights = recipe.checkpoint, recipe.loras

        def together(seen: Tensor, timestep: Tensor, steering: Steering) -> Tensor:
            return self._turn.ask(Ask(weights, seen, timestep, steering))

        return replace(live, together=together)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._predictor.store, name)
