"""Trains the second stage: a UNet that denoises latents by what a prompt says, and its encoder.

What decides (measured on this world): the steps in which words matter are those with much noise,
and plain min-SNR weights (Hang et al. 2023) nearly leave them out. Half of the steps are drawn from
there, and weights have a floor.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

import torch
from diffusers import DDPMScheduler
from diffusers.training_utils import EMAModel, compute_snr
from torch.nn import functional

from studio.training import checkpoints
from studio.training.data import captions
from studio.training.optim import Optimiser
from studio.training.words import tokens

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from diffusers import UNet2DConditionModel
    from torch import Tensor
    from transformers import CLIPTextModel, CLIPTokenizer

    from studio.training.world import Mix

    Tell = Callable[[int, dict[str, float]], None]
    Say = Callable[[Tensor, int], list[str]]
    Beside = Callable[[Tensor, torch.Generator], Tensor]

Prediction = Literal["epsilon", "v_prediction"]
"""What a UNet says of a noisy latent: its noise; or its velocity (Salimans and Ho 2022)."""

NOISE = {
    "num_train_timesteps": 1000,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
}
"""As Stable Diffusion's."""

WORDS_MATTER = (350, 1000)
"""Timesteps that half of the batch is drawn from."""

MOST = 50.0
"""Of a weight."""

EMPTY = 0.1
"""Share of captions left out, so that the UNet knows what no prompt looks like."""


@dataclass(frozen=True)
class Plan:
    """How a denoiser is trained.

    Args:
        prediction: what the UNet says.
        scenes: different ones to learn from.
        steps: of training.
        batch: latents in a step.
        rate: for Muon, of the UNet's matrices.
        other_rate: for AdamW, of the rest of it and of the text encoder.
        ema: decay of the averaged weights.
    """

    prediction: Prediction
    scenes: int
    steps: int
    batch: int = 32
    rate: float = 2e-3
    other_rate: float = 1e-3
    ema: float = 0.999


@dataclass(frozen=True)
class Lessons:
    """What a UNet is shown, step by step: scenes, words, noise. All of it follows from the seed.

    Args:
        prediction: what the UNet says.
        batch: latents in a step.
        latents: of the scenes, [n, 4, h, w], scaled.
        say: what is said of scenes, by their numbers, in a round.
        tokenizer: of the text encoder.
        seed: of order, timesteps and noise.
        device: to compute on.
        beside: makes more channels for scenes, [n, c, h, w], of their numbers.
    """

    prediction: Prediction
    batch: int
    latents: Tensor
    say: Say
    tokenizer: CLIPTokenizer
    seed: int
    device: torch.device
    beside: Beside | None = None

    def loss(
        self, unet: UNet2DConditionModel, text: CLIPTextModel, step: int
    ) -> tuple[Tensor, Tensor]:
        """The loss of a step, the first of which is 1, and the plain mean squared error."""
        rng = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        chosen, round_ = _chosen(self.seed, len(self.latents), self.batch, step)
        count = len(chosen)
        said = self.say(chosen, round_)
        left_out = torch.rand(count, generator=rng) < EMPTY
        said = ["" if out else words for words, out in zip(said, left_out, strict=True)]
        ids = tokens(self.tokenizer, said)
        x = self.latents[chosen].float()
        noise = torch.randn(x.shape, generator=rng)
        t = _timesteps(count, rng)
        noising = DDPMScheduler(**NOISE)
        weight = weights(noising, t, self.prediction).to(self.device)
        noisy = noising.add_noise(x, noise, t).to(self.device)
        wanted = noise if self.prediction == "epsilon" else noising.get_velocity(x, noise, t)
        if self.beside is not None:
            noisy = torch.cat([noisy, self.beside(chosen, rng).to(noisy)], 1)
        seen = text(ids.to(self.device)).last_hidden_state
        found = unet(noisy, t.to(self.device), seen).sample
        each = functional.mse_loss(found, wanted.to(self.device), reduction="none").mean((1, 2, 3))
        return (weight * each).mean(), each.mean()


def train(
    plan: Plan,
    unet: UNet2DConditionModel,
    text: CLIPTextModel,
    tokenizer: CLIPTokenizer,
    latents: Tensor,
    mix: Mix,
    seed: int,
    folder: Path,
    *,
    device: torch.device,
    tell: Tell,
    beside: Beside | None = None,
    look: Callable[[int], None] | None = None,
    every: int = 200,
) -> None:
    """Train what may change of a UNet and its text encoder in place, or go on with it.

    Args:
        plan: how.
        unet, text: as they begin; afterwards averaged weights.
        tokenizer: of the text encoder.
        latents: of the scenes, [n, 4, h, w], scaled.
        mix: of the scenes, for their captions.
        seed: of the scenes; noise and order follow from it too.
        folder: for what a killed training goes on from.
        device: to compute on.
        tell, look, every: see `learn`.
        beside: makes more channels for scenes, [n, c, h, w], of their numbers.

    Raises:
        Diverged: the loss is no number.
    """
    both = torch.nn.ModuleList([unet.to(device), text.to(device)])
    say = partial(captions, seed, mix)
    lessons = Lessons(plan.prediction, plan.batch, latents, say, tokenizer, seed, device, beside)
    learn(
        both,
        # Muon made all prompts alike: the text encoder is AdamW's.
        Optimiser(
            [unet], plain=[text], rate=plan.rate, other_rate=plan.other_rate, steps=plan.steps
        ),
        partial(lessons.loss, unet, text),
        plan.steps,
        plan.ema,
        folder / "denoiser.pt",
        tell=tell,
        look=look,
        every=every,
    )


def learn(
    learnt: torch.nn.Module,
    optimiser: Optimiser,
    loss: Callable[[int], tuple[Tensor, Tensor]],
    steps: int,
    ema: float,
    path: Path,
    *,
    tell: Tell,
    look: Callable[[int], None] | None,
    every: int,
) -> None:
    """Go all steps of a training, or those that are left, averaging weights as it goes.

    Args:
        learnt: what changes; afterwards averaged weights.
        optimiser: of it.
        loss: of a step, and the plain mean squared error.
        steps: of the whole training.
        ema: decay of the averaged weights.
        path: of the file that a killed training goes on from.
        tell: told of the steps done, and figures of the last.
        look: called with the steps done after every tenth of them, to see how far it is: averaged
            weights are in place for the time. It must leave torch's own random numbers alone.
        every: steps from one checkpoint to the next.

    Raises:
        Diverged: the loss is no number.
    """
    learnt.train()
    weights = list(learnt.parameters())
    average = EMAModel(weights, decay=ema, use_ema_warmup=True, power=0.75)
    parts = {"model": learnt, "optimiser": optimiser, "average": average}
    done = checkpoints.load(path, parts)
    average.to(weights[0].device)
    for step in range(done + 1, steps + 1):
        weighted, mse = loss(step)
        norm = optimiser.step(weighted)
        average.step(weights)
        figures = {"loss": float(weighted.detach()), "mse": float(mse.detach())}
        tell(step, {**figures, "gradient": norm})
        if step % every == 0 or step == steps:
            checkpoints.save(path, step, parts)
        if look is not None and 10 * step // steps > 10 * (step - 1) // steps:
            average.store(weights)
            average.copy_to(weights)
            learnt.eval()
            look(step)
            average.restore(weights)
            learnt.train()
    average.copy_to(weights)
    learnt.eval()


def weights(noising: DDPMScheduler, t: Tensor, prediction: str) -> Tensor:
    """How much the squared error at each timestep counts, [n].

    For epsilon (min(snr, 5) + 1/4) / snr, at most MOST. An error in the latent, e, is one of
    snr e^2 in epsilon and of (snr + 1) e^2 in velocity (Salimans and Ho 2022), so that velocities
    count by (min(snr, 5) + 1/4) / (snr + 1), which never comes near MOST.
    """
    snr = compute_snr(noising, t)
    counts = (snr.clamp(max=5) + 0.25) / (snr if prediction == "epsilon" else snr + 1)
    return torch.as_tensor(counts.clamp(max=MOST))


def _timesteps(count: int, rng: torch.Generator) -> Tensor:
    anywhere = torch.randint(0, 1000, (count,), generator=rng)
    anywhere[: count // 2] = torch.randint(*WORDS_MATTER, (count // 2,), generator=rng)
    return anywhere


def _chosen(seed: int, count: int, batch: int, step: int) -> tuple[Tensor, int]:
    """Scenes of a step, each once a round; and which round it is."""
    in_round = max(1, count // batch)
    round_, place = divmod(step - 1, in_round)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed * 7919 + round_))
    return order[place * batch : (place + 1) * batch], round_
