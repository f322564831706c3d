"""Trains the first stage: an autoencoder whose latents are small, smooth and nearly normal.

As in the paper (Rombach et al. 2022, section 3.1) with a small weight on the KL divergence. What
bounds pictures of plain shapes is their edges, so these count more: absolute differences are
weighted by how much the picture changes there, and its gradients are compared too. For most of the
time scenes are at half their size, which takes a quarter of the time and teaches the same; then
the decoder alone learns from latents with noise, since those it will be given are a denoiser's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from diffusers import AutoencoderKL
from diffusers.training_utils import EMAModel
from torch.nn import functional

from studio.training import checkpoints
from studio.training.data import batches
from studio.training.optim import Optimiser

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

    from studio.training.world import Mix

    Tell = Callable[[int, dict[str, float]], None]
    Look = Callable[[int], None]


@dataclass(frozen=True)
class Plan:
    """How a first stage is trained.

    Args:
        architecture: of `AutoencoderKL`.
        steps: of encoder and decoder together.
        decoder_steps: of the decoder alone, afterwards.
        batch: pictures in a step.
        half: share of `steps` with scenes at half their size.
        rate, other_rate: for Muon and for AdamW.
        kl: weight of the divergence.
        edges: weight of edges beyond the 1 of all pixels.
        noise: deviation of what is added to latents for the decoder alone, of unit latents.
        ema: decay of the averaged weights.
    """

    architecture: dict[str, Any]
    steps: int
    decoder_steps: int
    batch: int = 16
    half: float = 0.6
    rate: float = 2e-3
    other_rate: float = 1e-3
    kl: float = 1e-6
    edges: float = 4.0
    noise: float = 0.12
    ema: float = 0.999


def new(plan: Plan, seed: int) -> AutoencoderKL:
    """A first stage that hasn't learnt yet."""
    torch.manual_seed(seed)
    return AutoencoderKL(**plan.architecture)


def train(
    plan: Plan,
    vae: AutoencoderKL,
    mix: Mix,
    seed: int,
    folder: Path,
    *,
    device: torch.device,
    tell: Tell,
    look: Look | None = None,
    workers: int = 0,
    every: int = 200,
) -> None:
    """Train a first stage in place, or go on with it; and set the scaling factor of its latents.

    Args:
        plan: how.
        vae: as it begins; afterwards averaged weights.
        mix: scenes to learn from.
        seed: of scenes and noise.
        folder: for what a killed training goes on from.
        device: to compute on.
        tell: told of the steps done, and figures of the last.
        look: called at every tenth of the steps, with averaged weights in place.
        workers: processes that draw.
        every: steps from one checkpoint to the next.

    Raises:
        Diverged: the loss is no number.
    """
    told = _Told(tell, look, max(1, (plan.steps + plan.decoder_steps) // 10))
    vae.to(device)
    _part(
        plan, vae, mix, seed, folder / "first-stage.pt", device, told, workers, every, alone=False
    )
    vae.register_to_config(scaling_factor=1 / _deviation(vae, mix, seed, device))
    if plan.decoder_steps:
        told.before = plan.steps
        path = folder / "decoder.pt"
        _part(plan, vae, mix, seed + 1, path, device, told, workers, every, alone=True)
    vae.eval().requires_grad_(False)


@dataclass
class _Told:
    """Who is told of steps, counted over both parts."""

    tell: Tell
    look: Look | None
    often: int
    before: int = 0

    def step(
        self, step: int, figures: dict[str, float], vae: AutoencoderKL, average: EMAModel
    ) -> None:
        step += self.before
        self.tell(step, figures)
        if self.look is not None and step % self.often == 0:
            average.store(vae.parameters())
            average.copy_to(vae.parameters())
            vae.eval()
            self.look(step)
            vae.train()
            average.restore(vae.parameters())


def _part(
    plan: Plan,
    vae: AutoencoderKL,
    mix: Mix,
    seed: int,
    path: Path,
    device: torch.device,
    told: _Told,
    workers: int,
    every: int,
    *,
    alone: bool,
) -> None:
    """Train all of it, or the decoder alone."""
    steps = plan.decoder_steps if alone else plan.steps
    vae.train().requires_grad_(not alone)
    learning = [vae.decoder, vae.post_quant_conv] if alone else [vae]
    for module in learning:
        module.requires_grad_(True)
    share = 0.5 if alone else 1.0
    optimiser = Optimiser(
        learning, rate=plan.rate * share, other_rate=plan.other_rate * share, steps=steps
    )
    average = EMAModel(vae.parameters(), decay=plan.ema, use_ema_warmup=True, power=0.75)
    parts = {"model": vae, "optimiser": optimiser, "average": average}
    done = checkpoints.load(path, parts)
    average.to(device)
    halved = 0 if alone else int(plan.half * steps)
    for step, pictures in enumerate(
        batches(seed, mix, plan.batch, steps, skip=done, workers=workers), done + 1
    ):
        x = pictures.to(device)
        if step <= halved:
            x = functional.avg_pool2d(x, 2)
        # A fifth faster on CPUs; the weights' own layout stays, which Muon needs.
        x = x.contiguous(memory_format=torch.channels_last)
        rng = torch.Generator("cpu").manual_seed(seed * 1_000_003 + step)
        with torch.autocast(device.type, torch.bfloat16):
            loss, figures = (_decoding if alone else _whole)(vae, plan, x, rng)
        norm = optimiser.step(loss)
        average.step(vae.parameters())
        told.step(step, {**figures, "gradient": norm}, vae, average)
        if step % every == 0 or step == steps:
            checkpoints.save(path, step, parts)
    average.copy_to(vae.parameters())


def _whole(
    vae: AutoencoderKL, plan: Plan, x: Tensor, rng: torch.Generator
) -> tuple[Tensor, dict[str, float]]:
    posterior = vae.encode(x).latent_dist
    noise = torch.randn(posterior.mean.shape, generator=rng).to(x)
    z = posterior.mean + posterior.std * noise
    found = vae.decode(z).sample.float()
    kl = posterior.kl().mean()
    loss, away = difference(found, x, plan.edges)
    return loss + plan.kl * kl, {"l1": away, "kl": float(kl.detach())}


def _decoding(
    vae: AutoencoderKL, plan: Plan, x: Tensor, rng: torch.Generator
) -> tuple[Tensor, dict[str, float]]:
    with torch.no_grad():
        z = vae.encode(x).latent_dist.mean
    amount = plan.noise / vae.config["scaling_factor"]
    # From none to all of it: latents of real pictures should decode as well as before.
    share = torch.rand((len(x), 1, 1, 1), generator=rng).to(z)
    noise = torch.randn(z.shape, generator=rng).to(z)
    found = vae.decode(z + amount * share * noise).sample.float()
    loss, away = difference(found, x, plan.edges)
    return loss, {"l1": away}


def difference(found: Tensor, wanted: Tensor, edges: float) -> tuple[Tensor, float]:
    """Of pictures [n, 3, h, w]: edges count more, and squares and slopes count too."""
    away = (found - wanted).abs()
    across, down = wanted.diff(dim=-1).abs(), wanted.diff(dim=-2).abs()
    steep = functional.pad(across, (0, 1)) + functional.pad(down, (0, 0, 0, 1))
    steep = functional.max_pool2d(steep.amax(1, keepdim=True), 3, 1, 1).clamp(max=1)
    slopes = (found.diff(dim=-1) - wanted.diff(dim=-1)).abs().mean() + (
        found.diff(dim=-2) - wanted.diff(dim=-2)
    ).abs().mean()
    loss = ((1 + edges * steep) * away).mean() + (away * away).mean() + slopes
    return loss, float(away.mean().detach())


@torch.no_grad()
def _deviation(vae: AutoencoderKL, mix: Mix, seed: int, device: torch.device) -> float:
    """Of latents of scenes that it wasn't trained on."""
    found = [
        vae.encode(x.to(device)).latent_dist.sample(torch.Generator(device).manual_seed(0))
        for x in batches(seed + 7919, mix, 32, 8)
    ]
    return float(torch.cat(found).std())
