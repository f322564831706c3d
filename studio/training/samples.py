"""Sheets of pictures on the way: what a training has come to, to be looked at.

Painted from the modules as they are in memory, with generators of their own, so that a training
with sheets computes what one without them does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from diffusers import DPMSolverMultistepScheduler

from studio.training.captions import caption
from studio.training.data import to_bytes, to_signed
from studio.training.drawing import draw
from studio.training.layout import scheduler
from studio.training.masks import Masked
from studio.training.sheets import sheet
from studio.training.words import tokens
from studio.training.world import scene

if TYPE_CHECKING:
    from pathlib import Path

    from diffusers import AutoencoderKL, UNet2DConditionModel
    from PIL import Image
    from transformers import CLIPTextModel, CLIPTokenizer

    from studio.training.denoiser import Prediction
    from studio.training.world import Mix, Scene

COUNT = 12
COLUMNS = 6
STEPS = 20

HELD_OUT = 1_000_003
"""Added to a recipe's seed for scenes that no training has seen."""


def shown(seed: int, mix: Mix) -> list[Scene]:
    """The scenes of all sheets of a training."""
    return [scene(seed + HELD_OUT, number, mix) for number in range(COUNT)]


@torch.no_grad()
def first_stage_sheet(path: Path, vae: AutoencoderKL, seed: int, mix: Mix) -> None:
    """Scenes above what comes back of them."""
    pixels = np.stack([draw(each) for each in shown(seed, mix)[:COLUMNS]])
    x = to_signed(torch.from_numpy(pixels).permute(0, 3, 1, 2))
    device = next(vae.parameters()).device
    found = to_bytes(vae.decode(vae.encode(x.to(device)).latent_dist.mean).sample)
    words = ["drawn"] * COLUMNS + ["encoded and decoded"] * COLUMNS
    _write(path, sheet([*pixels, *found], words, [""] * len(words), COLUMNS))


@dataclass(frozen=True)
class Pictures:
    """Paints the same prompts again and again.

    Args:
        folder: for sheets.
        vae, tokenizer, text, unet: as they are in memory.
        prediction: what the UNet says.
        cfg: scale of guidance.
        seed, mix: of the scenes that prompts tell of.
        trigger: after every prompt, of a LoRA.
    """

    folder: Path
    vae: AutoencoderKL
    tokenizer: CLIPTokenizer
    text: CLIPTextModel
    unet: UNet2DConditionModel
    prediction: Prediction
    cfg: float
    seed: int
    mix: Mix
    trigger: str = ""

    @torch.no_grad()
    def __call__(self, step: int) -> None:
        """Write the sheet of a step."""
        device = self.unet.device
        words = self._words()
        ids = tokens(self.tokenizer, ["", *words]).to(device)
        without, *asked = self.text(ids).last_hidden_state
        contexts = torch.cat([torch.stack([without] * COUNT), torch.stack(asked)])
        rng = torch.Generator().manual_seed(0)
        side = int(self.unet.config["sample_size"])
        x = torch.randn((COUNT, 4, side, side), generator=rng).to(device)
        beside = self._beside(rng).to(device)
        solver = DPMSolverMultistepScheduler.from_config(scheduler(self.prediction).config)
        solver.set_timesteps(STEPS)
        for t in solver.timesteps:
            seen = torch.cat([torch.cat([x, beside], 1)] * 2)
            base, guided = self.unet(seen, t, contexts).sample.chunk(2)
            x = solver.step(base + self.cfg * (guided - base), t, x).prev_sample
        found = to_bytes(self.vae.decode(x / self.vae.config["scaling_factor"]).sample)
        made = sheet(list(found), words, [""] * COUNT, COLUMNS)
        _write(self.folder / f"step-{step:06}.png", made)

    def _beside(self, rng: torch.Generator) -> torch.Tensor:
        """What an inpainting model sees of the scenes that its prompts tell of."""
        if self.unet.config["in_channels"] == 4:
            return torch.empty((COUNT, 0, *[int(self.unet.config["sample_size"])] * 2))
        masked = Masked(self.vae, self.seed + HELD_OUT, self.mix)
        return masked(torch.arange(COUNT), rng)

    def _words(self) -> list[str]:
        ending = f", {self.trigger}" if self.trigger else ""
        return [
            caption(_as_said(each, self.trigger), np.random.default_rng(number)).text + ending
            for number, each in enumerate(shown(self.seed, self.mix))
        ]


def _as_said(of: Scene, trigger: str) -> Scene:
    """A scene as a LoRA's captions tell of it: its style is in the trigger alone."""
    if not trigger:
        return of
    return replace(of, things=tuple(replace(thing, style="plain") for thing in of.things))


def _write(path: Path, image: Image.Image) -> None:
    unfinished = path.with_suffix(".part")
    image.save(unfinished, format="PNG")
    unfinished.replace(path)
