"""Masks to learn inpainting from: over a shape, anywhere, everywhere, nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch.nn import functional

from studio.training.data import to_signed
from studio.training.drawing import draw
from studio.training.world import SIZE, scene

if TYPE_CHECKING:
    from diffusers import AutoencoderKL
    from torch import Tensor

    from studio.training.world import Mix, Scene

KINDS = {"thing": 0.6, "anywhere": 0.28, "all": 0.09, "none": 0.03}
"""How often a mask covers a shape, lies anywhere, covers all, or nothing."""


def mask(of: Scene, rng: np.random.Generator) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """What is to be painted anew in a picture of a scene, [SIZE, SIZE]: 1, and 0 elsewhere."""
    kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
    if kind in ("all", "none"):
        return np.full((SIZE, SIZE), int(kind == "all"), np.uint8)
    if kind == "thing":
        thing = of.things[int(rng.integers(len(of.things)))]
        x, y = thing.x, thing.y
        across, down = thing.radius + rng.uniform(2, 14, 2)
    else:
        x, y = rng.uniform(0, SIZE, 2)
        across, down = rng.uniform(8, 48, 2)
    ink = Image.new("L", (SIZE, SIZE))
    box = (x - across, y - down, x + across, y + down)
    pen = ImageDraw.Draw(ink)
    if rng.random() < 0.6:
        pen.rectangle(box, fill=1)
    else:
        pen.ellipse(box, fill=1)
    return np.asarray(ink)


class Masked:
    """The five channels beside a latent: the mask, and the latent of what it leaves.

    In the order of Stable Diffusion's inpainting models; masked pixels are grey.

    Args:
        vae: that encodes.
        seed, mix: of the scenes.
    """

    def __init__(self, vae: AutoencoderKL, seed: int, mix: Mix) -> None:
        self._vae = vae
        self._seed = seed
        self._mix = mix
        self._scale = float(vae.config["scaling_factor"])

    @torch.no_grad()
    def __call__(self, numbers: Tensor, rng: torch.Generator) -> Tensor:
        """Of scenes by number, [n, 5, h, w], float32."""
        own = np.random.default_rng(int(torch.randint(2**31 - 1, (1,), generator=rng)))
        scenes = [scene(self._seed, int(n), self._mix) for n in numbers]
        masks = torch.from_numpy(np.stack([mask(each, own) for each in scenes]))[:, None].float()
        pictures = to_signed(
            torch.from_numpy(np.stack([draw(each) for each in scenes])).permute(0, 3, 1, 2)
        )
        device = next(self._vae.parameters()).device
        left = (pictures * (1 - masks)).to(device)
        with torch.autocast(device.type, torch.bfloat16):
            latent = self._vae.encode(left).latent_dist.mean
        small = functional.interpolate(masks, latent.shape[-2:])
        return torch.cat([small, latent.float().cpu() * self._scale], 1)
