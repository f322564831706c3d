"""The optimiser of trainings: Muon for matrices as the library has it, AdamW for the rest."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn

from studio.training.optim import MATCH, Diverged, Optimiser

STEPS = 50


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 6, 3), nn.GroupNorm(2, 6), nn.Conv2d(6, 4, 3))


def loss(model: nn.Module, seed: int = 0) -> torch.Tensor:
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(seed))
    found: torch.Tensor = model(x).square().mean()
    return found


def test_a_convolution_moves_as_its_matrix_would() -> None:
    ours, theirs = network(), network()
    optimiser = Optimiser([ours], rate=0.01, other_rate=0.001, steps=1, warmup=1.0, clip=1e9)
    optimiser.step(loss(ours))

    flat = nn.Parameter(theirs[0].weight.data.flatten(1).clone())
    loss(theirs).backward()  # type: ignore[no-untyped-call]
    assert theirs[0].weight.grad is not None
    flat.grad = theirs[0].weight.grad.flatten(1)
    torch.optim.Muon([flat], lr=0.01, weight_decay=0.01, adjust_lr_fn=MATCH).step()
    torch.testing.assert_close(ours[0].weight.flatten(1), flat)

    adam = torch.optim.AdamW([theirs[1].weight], lr=0.001, betas=(0.9, 0.99), weight_decay=0.01)
    adam.step()
    torch.testing.assert_close(ours[1].weight, theirs[1].weight)


def test_rates_rise_stay_and_fall() -> None:
    model = network()
    optimiser = Optimiser([model], rate=1.0, other_rate=0.1, steps=STEPS, warmup=0.1, decay=0.4)
    rates = []
    for _ in range(STEPS):
        rates.append(optimiser.rate)
        optimiser.step(loss(model) * 0)
    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert rates[5:30] == pytest.approx([1.0] * 25)
    assert rates[40] == pytest.approx(0.5 + 0.5 * math.cos(math.pi / 2))
    assert rates[-1] < 0.01
    assert optimiser.rate == pytest.approx(0, abs=1e-9)


def test_it_goes_on_where_it_was() -> None:
    whole = network()
    optimiser = Optimiser([whole], rate=0.01, other_rate=0.001, steps=STEPS)
    for step in range(6):
        if step == 3:
            kept, state = copy.deepcopy(whole), copy.deepcopy(optimiser.state_dict())
        optimiser.step(loss(whole, step))
    again = Optimiser([kept], rate=0.01, other_rate=0.001, steps=STEPS)
    again.load_state_dict(state)
    for step in range(3, 6):
        again.step(loss(kept, step))
    for one, other in zip(whole.parameters(), kept.parameters(), strict=True):
        assert torch.equal(one, other)


def test_gradients_are_clipped_and_their_norm_is_told() -> None:
    model = network()
    big = loss(model) * 1000
    norm = Optimiser([model], rate=0.01, other_rate=0.001, steps=STEPS).step(big)
    assert norm > 1
    clipped = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
    assert float(clipped.norm()) == pytest.approx(1, rel=1e-4)


def test_a_loss_that_is_no_number_stops_it() -> None:
    model = network()
    before = copy.deepcopy(model.state_dict())
    optimiser = Optimiser([model], rate=0.01, other_rate=0.001, steps=STEPS)
    with pytest.raises(Diverged, match="Lower the recipe's rates"):
        optimiser.step(loss(model) * math.nan)
    assert all(torch.equal(before[name], each) for name, each in model.state_dict().items())
