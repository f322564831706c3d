"""Optimisers of the family: Muon where a weight is a matrix, AdamW for all else.

Muon (Jordan et al. 2024; torch has it) makes each update of a matrix orthogonal. A convolution is
one too, its output channels by all else, but torch takes matrices alone: it is given views.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from studio.errors import StudioError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

class Diverged(StudioError):
    """A training whose loss is no number any more."""

    def __init__(self) -> None:
        super().__init__(
            "The training went astray: its loss is no number.",
            hint="Lower the recipe's rates, and begin in another folder.",
        )


MATCH = "match_rms_adamw"
"""Scales Muon's updates so that rates mean what they mean for AdamW (Liu et al. 2025)."""


class Optimiser:
    """Muon for matrices and AdamW for the rest, with one schedule: up, flat, down to nothing.

    Args:
        modules: whose parameters are trained by both.
        rate: for Muon.
        other_rate: for AdamW.
        steps: of the whole training.
        warmup: share of the steps in which rates rise.
        decay: share of the steps, at the end, in which they fall to 0 along a cosine.
        plain: more modules, trained by AdamW alone.
        clip: largest norm of all gradients together.
    """

    def __init__(
        self,
        modules: Iterable[nn.Module],
        *,
        rate: float,
        other_rate: float,
        steps: int,
        warmup: float = 0.02,
        decay: float = 0.4,
        plain: Iterable[nn.Module] = (),
        clip: float = 1.0,
    ) -> None:
        self._clip = clip
        matrices: list[nn.Parameter] = []
        rest: list[nn.Parameter] = []
        for module in modules:
            for name, parameter in module.named_parameters():
                if not parameter.requires_grad:
                    continue
                # First and last layers meet pixels, not features: AdamW's, as is usual.
                outer = any(part in name for part in ("conv_in.", "conv_out.", "embed"))
                (rest if parameter.ndim < 2 or outer else matrices).append(parameter)
        rest += [p for module in plain for p in module.parameters() if p.requires_grad]
        self._pairs = [(each, nn.Parameter(each.data.flatten(1))) for each in matrices]
        self._all = [*matrices, *rest]
        self._optimisers: list[torch.optim.Optimizer] = []
        if self._pairs:
            flat = [view for _, view in self._pairs]
            self._optimisers.append(
                torch.optim.Muon(flat, lr=rate, weight_decay=0.01, adjust_lr_fn=MATCH)
            )
        if rest:
            self._optimisers.append(
                torch.optim.AdamW(rest, lr=other_rate, betas=(0.9, 0.99), weight_decay=0.01)
            )
        shape = _shape(steps, warmup, decay)
        self._schedules = [LambdaLR(one, shape) for one in self._optimisers]

    @property
    def rate(self) -> float:
        """Of the next step: Muon's, or AdamW's where there is no matrix."""
        return float(self._schedules[0].get_last_lr()[0])

    def step(self, loss: Tensor) -> float:
        """Go one step down a loss; the gradients' norm.

        Raises:
            Diverged: the loss is no number.
        """
        if not torch.isfinite(loss):
            raise Diverged
        for parameter in self._all:
            parameter.grad = None
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self._all, self._clip)
        for parameter, view in self._pairs:
            view.grad = None if parameter.grad is None else parameter.grad.flatten(1)
        for optimiser, schedule in zip(self._optimisers, self._schedules, strict=True):
            optimiser.step()
            schedule.step()
        return float(norm)

    def state_dict(self) -> dict[str, Any]:
        """To go on from."""
        return {
            "optimisers": [one.state_dict() for one in self._optimisers],
            "schedules": [one.state_dict() for one in self._schedules],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        for one, saved in zip(self._optimisers, state["optimisers"], strict=True):
            one.load_state_dict(saved)
        for schedule, saved in zip(self._schedules, state["schedules"], strict=True):
            schedule.load_state_dict(saved)


def _shape(steps: int, warmup: float, decay: float) -> Any:
    up, down = max(1, round(warmup * steps)), max(1, round(decay * steps))

    def share(step: int) -> float:
        if step < up:
            return (step + 1) / up
        left = max(0.0, (steps - step) / down)
        return 1.0 if left >= 1 else 0.5 - 0.5 * float(torch.cos(torch.tensor(torch.pi * left)))

    return share
