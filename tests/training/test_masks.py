"""What an inpainting model is shown beside its latent."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from test_first_stage import plan

from studio.training import first_stage, masks
from studio.training.data import to_signed
from studio.training.drawing import draw
from studio.training.masks import KINDS, Masked, mask
from studio.training.world import SIZE, Mix, scene


def test_masks_come_in_their_shares() -> None:
    rng = np.random.default_rng(1)
    scenes = [scene(1, number) for number in range(600)]
    found = [mask(each, rng) for each in scenes]
    assert {value for each in found for value in np.unique(each)} == {0, 1}
    everywhere = np.mean([each.all() for each in found])
    nowhere = np.mean([not each.any() for each in found])
    assert everywhere == pytest.approx(KINDS["all"], abs=0.04)
    assert nowhere == pytest.approx(KINDS["none"], abs=0.02)

    def hidden(at: int) -> bool:
        return any(
            found[at][int(thing.y), int(thing.x)] and not found[at].all()
            for thing in scenes[at].things
        )

    over = np.mean([hidden(number) for number in range(len(scenes))])
    assert KINDS["thing"] - 0.05 < over < KINDS["thing"] + KINDS["anywhere"]


def test_the_five_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mask, then the latent of what it leaves, scaled: the order of Stable Diffusion's models."""
    half = np.zeros((SIZE, SIZE), np.uint8)
    half[:, SIZE // 2 :] = 1
    monkeypatch.setattr(masks, "mask", lambda of, rng: half)
    vae = first_stage.new(plan(), 1).eval()
    vae.register_to_config(scaling_factor=0.5)
    found = Masked(vae, 1, Mix())(torch.tensor([3, 5]), torch.Generator())
    assert found.shape == (2, 5, 16, 16)
    assert (found[:, 0, :, :8] == 0).all()
    assert (found[:, 0, :, 8:] == 1).all()
    for place, number in enumerate((3, 5)):
        pixels = torch.from_numpy(draw(scene(1, number))).permute(2, 0, 1)[None]
        left = to_signed(pixels)
        left[..., SIZE // 2 :] = 0
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            wanted = vae.encode(left).latent_dist.mode()[0].float() * 0.5
        torch.testing.assert_close(found[place, 1:], wanted, atol=0.02, rtol=0.05)


def test_the_same_state_draws_the_same_masks() -> None:
    vae = first_stage.new(plan(), 1).eval()
    vae.register_to_config(scaling_factor=1.0)
    numbers = torch.tensor([1, 2])
    one, same, other = (
        Masked(vae, 1, Mix())(numbers, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
