"""Noise from a seed: equal to the peers', repeatable, and without side effects."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys

import pytest
import torch

from studio.diffusion.noise import (
    MAX_SEED,
    BadSeed,
    brownian_noise,
    gaussian_noise,
    initial_noise,
)

CPU = torch.device("cpu")
SHAPE = (2, 4, 8, 8)


def test_initial_noise_equals_the_peers() -> None:
    with torch.random.fork_rng():
        expected = torch.randn(SHAPE, generator=torch.manual_seed(42), device="cpu")
    assert torch.equal(initial_noise(SHAPE, 42), expected)


def test_the_first_step_noise_equals_the_initial() -> None:
    draw = gaussian_noise(SHAPE, 42, CPU)
    assert torch.equal(draw(2.0, 1.0), initial_noise(SHAPE, 42))
    assert not torch.equal(draw(1.0, 0.5), initial_noise(SHAPE, 42))


def test_the_whole_range_of_seeds() -> None:
    drawn = [initial_noise(SHAPE, seed) for seed in (0, 1, 2**63 + 5, MAX_SEED)]
    assert len({float(noise[0, 0, 0, 0]) for noise in drawn}) == 4
    gaussian_noise(SHAPE, MAX_SEED, CPU)(2.0, 1.0)
    brownian_noise(SHAPE, MAX_SEED, 0.1, 2.0, CPU)(2.0, 1.0)


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_seeds_out_of_range_are_refused(seed: int) -> None:
    for draw in (
        lambda: initial_noise(SHAPE, seed),
        lambda: gaussian_noise(SHAPE, seed, CPU),
        lambda: brownian_noise(SHAPE, seed, 0.1, 2.0, CPU),
    ):
        with pytest.raises(BadSeed, match=str(seed)) as caught:
            draw()
        assert caught.value.exit_code == 2


def test_brownian_noise_is_what_torchsde_gives_the_peer() -> None:
    """Through float32 tensors and with warnings off, as k-diffusion asks for it."""
    import warnings

    import torchsde

    levels = torch.tensor([14.614642, 3.7, 1.1, 0.0291675])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = torchsde.BrownianTree(levels[-1], torch.zeros(SHAPE), levels[0], entropy=7)
        expected = [
            -tree(low, high) / (high - low).sqrt() for high, low in itertools.pairwise(levels)
        ]

    draw = brownian_noise(SHAPE, 7, float(levels[-1]), float(levels[0]), CPU)
    values = levels.tolist()
    for step, noise in enumerate(expected):
        torch.testing.assert_close(draw(values[step], values[step + 1]), noise)


def test_brownian_noise_is_one_path() -> None:
    """A step's increment is the sum of its halves', whatever was asked before."""

    def increment(order: list[tuple[float, float]]) -> dict[tuple[float, float], torch.Tensor]:
        draw = brownian_noise(SHAPE, 7, 0.1, 10.0, CPU)
        return {pair: draw(*pair) * math.sqrt(pair[0] - pair[1]) for pair in order}

    whole, first, second = (8.0, 2.0), (8.0, 5.0), (5.0, 2.0)
    forwards = increment([whole, first, second])
    backwards = increment([second, first, whole])
    torch.testing.assert_close(forwards[whole], forwards[first] + forwards[second])
    for pair in (whole, first, second):
        assert torch.equal(forwards[pair], backwards[pair])


def test_brownian_noise_is_standard_normal_and_from_the_seed() -> None:
    shape = (1, 1, 200, 200)
    noise = brownian_noise(shape, 7, 0.1, 10.0, CPU)(3.3, 1.2)
    assert abs(float(noise.mean())) < 4 / 200
    assert abs(float(noise.var()) - 1) < 4 * math.sqrt(2) / 200
    assert not torch.equal(noise, brownian_noise(shape, 8, 0.1, 10.0, CPU)(3.3, 1.2))


def test_the_global_random_state_is_left_alone() -> None:
    before = torch.get_rng_state()
    initial_noise(SHAPE, 3)
    gaussian_noise(SHAPE, 3, CPU)(2.0, 1.0)
    brownian_noise(SHAPE, 3, 0.1, 2.0, CPU)(2.0, 1.0)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("names", ("torch", "numpy", "scipy")),
        ("sampling", ("torchsde", "scipy", "diffusers", "transformers")),
    ],
)
def test_modules_load_no_more_than_they_need(module: str, absent: tuple[str, ...]) -> None:
    code = (
        f"import sys, studio.diffusion.{module}\n"
        f"loaded = [name for name in {absent!r} if name in sys.modules]\n"
        "sys.exit(f'loaded {loaded}' if loaded else 0)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
