"""Several samplings at once, their calls of the UNet made as one.

Each sampling runs its sampler's code unchanged, in a thread of its own; the threads take turns, so
that only one ever computes (`turns`). Where one would call the UNet it waits, and when all wait,
what they ask is computed together (`predictor`): on the CPU so that every number has the bits it
has in a call of its own (`apart`).
"""

from studio.diffusion.together.models import TurnModels
from studio.diffusion.together.predictor import Ask, Predictor
from studio.diffusion.together.turns import Turn, take_turns

__all__ = ["Ask", "Predictor", "Turn", "TurnModels", "take_turns"]
