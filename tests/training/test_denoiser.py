"""The second stage's training: what a UNet is shown, how errors count, and how far it gets."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler
from tiny_denoiser import CPU, Killed, Log, latents, models, same, snapshot, tokenizer
from torch import nn

from studio.training import denoiser
from studio.training.denoiser import NOISE, Lessons, Plan, weights
from studio.training.optim import Diverged, Optimiser
from studio.training.words import tokens
from studio.training.world import Mix

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

    from studio.training.denoiser import Prediction

BETAS = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
KEPT = np.cumprod(1 - BETAS)
"""Of a latent's variance at each timestep, from Stable Diffusion's betas."""

SNR = KEPT / (1 - KEPT)


def parts(t: Tensor) -> tuple[Tensor, Tensor]:
    """How much of the latent and of the noise there is, [n, 1, 1, 1]."""
    kept = torch.from_numpy(KEPT)[t].reshape(-1, 1, 1, 1)
    return kept.sqrt(), (1 - kept).sqrt()


class Seen:
    """Stands for both models: knows what the answer is, and remembers what it was asked."""

    def __init__(self, latent: Tensor, prediction: Prediction) -> None:
        self._latent, self._prediction = latent.double(), prediction
        self.ids: list[Tensor] = []
        self.t: list[Tensor] = []

    def text(self, ids: Tensor) -> Any:
        self.ids.append(ids)
        return SimpleNamespace(last_hidden_state=None)

    def unet(self, noisy: Tensor, t: Tensor, words: None) -> Any:
        self.t.append(t)
        a, s = parts(t)
        noise = (noisy - a * self._latent) / s
        velocity = a * noise - s * self._latent
        answer = noise if self._prediction == "epsilon" else velocity
        return SimpleNamespace(sample=answer.float())


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_what_it_is_shown_and_asked(prediction: Prediction) -> None:
    latent = torch.linspace(-1, 1, 4 * 2 * 2).reshape(1, 4, 2, 2)
    said: list[tuple[list[int], int]] = []

    def say(numbers: Tensor, round_: int) -> list[str]:
        said.append((numbers.tolist(), round_))
        return ["a red star"] * len(numbers)

    seen: Any = Seen(latent, prediction)
    lessons = Lessons(prediction, 32, latent.repeat(70, 1, 1, 1), say, tokenizer(), 1, CPU)
    losses = [float(lessons.loss(seen.unet, seen.text, step)[1]) for step in range(1, 161)]
    # Whoever knows the latent knows the answer.
    assert max(losses) < 1e-6
    _check_timesteps(torch.stack(seen.t))
    nothing = tokens(tokenizer(), [""])
    empty = torch.cat([(ids == nothing).all(1) for ids in seen.ids])
    assert float(empty.double().mean()) == pytest.approx(0.1, abs=0.015)
    _check_rounds(said)


def _check_timesteps(t: Tensor) -> None:
    """Half of each batch is anywhere, half where words matter."""
    assert t.shape == (160, 32)
    low, high = t[:, :16].double(), t[:, 16:].double()
    for half, start in ((low, 350), (high, 0)):
        assert (int(half.min()), int(half.max())) == (
            pytest.approx(start, abs=3),
            pytest.approx(999, abs=3),
        )
        width = 1000 - start
        error = width / (12 * half.numel()) ** 0.5
        assert float(half.mean()) == pytest.approx(start + width / 2, abs=4 * error)


def _check_rounds(said: list[tuple[list[int], int]]) -> None:
    """No scene twice in a round, another order each time, and all of them seen."""
    assert [round_ for _, round_ in said] == [step // 2 for step in range(160)]
    rounds = [said[2 * each][0] + said[2 * each + 1][0] for each in range(80)]
    assert all(len(set(round_)) == 64 for round_ in rounds)
    assert len({tuple(round_) for round_ in rounds}) == 80
    assert set().union(*rounds) == set(range(70))


def test_fewer_scenes_than_a_batch() -> None:
    seen: Any = Seen(torch.zeros(1, 4, 2, 2), "epsilon")
    lessons = Lessons(
        "epsilon", 8, torch.zeros(3, 4, 2, 2), lambda n, _: ["a"] * len(n), tokenizer(), 1, CPU
    )
    lessons.loss(seen.unet, seen.text, 1)
    assert [len(t) for t in seen.t] == [3]


def test_weights_are_those_of_the_formula() -> None:
    t = torch.arange(1000)
    found = weights(DDPMScheduler(**NOISE), t, "epsilon").numpy()
    np.testing.assert_allclose(found, np.minimum((np.minimum(SNR, 5) + 0.25) / SNR, 50), rtol=2e-4)
    # Min-SNR alone would leave the noisiest step at 1.
    assert found[999] == 50


def test_an_error_in_the_latent_counts_the_same_in_both_predictions() -> None:
    """Both are said of a latent that is wrong by as much; only the cap of epsilon's tells them."""
    rng = torch.Generator().manual_seed(0)
    t = torch.arange(1000)
    a, s = parts(t)
    x, noise, wrong = (
        torch.randn(1000, 4, 2, 2, generator=rng, dtype=torch.float64) for _ in range(3)
    )
    noisy, guess = a * x + s * noise, x + 0.1 * wrong
    guessed = (noisy - a * guess) / s
    errors = {
        "epsilon": guessed - noise,
        "v_prediction": (a * guessed - s * guess) - (a * noise - s * x),
    }
    noising = DDPMScheduler(**NOISE)
    epsilon, velocity = (
        weights(noising, t, name) * error.square().mean((1, 2, 3)) for name, error in errors.items()
    )
    free = weights(noising, t, "epsilon") < 50
    assert int(free.sum()) > 980
    torch.testing.assert_close(epsilon[free], velocity[free], rtol=2e-4, atol=0)


def train(
    folder: Path,
    steps: int = 7,
    *,
    seed: int = 1,
    kill: int | None = None,
    every: int = 3,
) -> tuple[list[Tensor], Log]:
    """Averaged weights of a tiny training with channels beside, and what was told of it."""
    folder.mkdir(exist_ok=True)
    unet, text = models(channels=9)
    log = Log(kill)
    denoiser.train(
        Plan("epsilon", 8, steps, batch=4, rate=5e-3, other_rate=5e-3),
        unet, text, tokenizer(), latents(8), Mix(), seed, folder,
        device=CPU,
        tell=log,
        beside=_beside,
        every=every,
    )  # fmt: skip
    assert not unet.training
    assert not text.training
    return snapshot(unet, text), log


def _beside(numbers: Tensor, rng: torch.Generator) -> Tensor:
    return torch.randn(len(numbers), 5, 8, 8, generator=rng)


def test_killed_and_resumed_is_as_another_never_killed(tmp_path: Path) -> None:
    whole, told = train(tmp_path / "whole")
    with pytest.raises(Killed):
        train(tmp_path / "killed", kill=5)
    resumed, rest = train(tmp_path / "killed")
    assert same(resumed, whole)
    # From the checkpoint after the third step.
    assert rest.figures == {step: told.figures[step] for step in range(4, 8)}
    done, nothing = train(tmp_path / "killed")
    assert same(done, whole)
    assert not nothing.figures
    _, other = train(tmp_path / "other", 1, seed=2)
    assert other.figures[1] != told.figures[1]


def test_the_loss_falls(tmp_path: Path) -> None:
    _, log = train(tmp_path, 24, every=24)
    mse = [figures["mse"] for figures in log.figures.values()]
    assert np.mean(mse[-8:]) < 0.8 * np.mean(mse[:4])


def test_a_loss_that_is_no_number_ends_it(tmp_path: Path) -> None:
    unet, text = models()
    with pytest.raises(Diverged):
        denoiser.train(
            Plan("epsilon", 4, 2, batch=4),
            unet, text, tokenizer(), torch.full((4, 4, 8, 8), torch.nan), Mix(), 1, tmp_path,
            device=CPU,
            tell=Log(),
        )  # fmt: skip
    assert not list(tmp_path.iterdir())


class Layer(nn.Module):
    """Learns to be nothing in 25 steps, and remembers what it was before each."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))
        self.was: list[Tensor] = []

    def loss(self, step: int) -> tuple[Tensor, Tensor]:
        assert self.training
        self.was.append(self.weight.detach().clone())
        found = (self.weight * step / 25).square().mean()
        return found, found

    def learn(self, path: Path, look: Callable[[int], None] | None = None) -> None:
        optimiser = Optimiser([], plain=[self], rate=0.1, other_rate=0.1, steps=25)
        denoiser.learn(self, optimiser, self.loss, 25, 0.9, path, tell=Log(), look=look, every=10)


def test_looking_shows_averaged_weights_and_changes_nothing(tmp_path: Path) -> None:
    alone, looked = Layer(), Layer()
    looks: dict[int, Tensor] = {}

    def look(done: int) -> None:
        assert not looked.training
        looks[done] = looked.weight.detach().clone()

    alone.learn(tmp_path / "alone")
    looked.learn(tmp_path / "looked", look)
    assert same(alone.was, looked.was)
    assert list(looks) == [3, 5, 8, 10, 13, 15, 18, 20, 23, 25]
    average = torch.ones(3)
    for done, trained in enumerate(looked.was[1:], 1):
        decay = min(0.9, 1 - done**-0.75)
        average = decay * average + (1 - decay) * trained
        if done in looks:
            torch.testing.assert_close(looks[done], average)
    assert same([looks[25], looks[25]], [alone.weight, looked.weight])
