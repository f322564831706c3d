"""The folder of a training under way: what a killed one goes on from."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file, save_file

from studio.errors import InputError
from studio.training.data import batches

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from diffusers import AutoencoderKL
    from torch import Tensor

    from studio.training.recipe import Recipe
    from studio.training.world import Mix

AT_ONCE = 64
"""Pictures encoded in a call."""


class OtherRecipe(InputError):
    """A folder that another recipe has begun to fill."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} holds the training of another recipe, or of another version of this one.",
            hint="Name another folder with --out.",
        )


class NotResumed(InputError):
    """A folder with a training in it, and no word of going on."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} holds a training already.",
            hint="Go on with --resume, or name another folder.",
        )


class NotEmpty(InputError):
    """A folder with something else in it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} isn't empty, and holds no training.", hint="Name another folder with --out."
        )


class NothingToResume(InputError):
    """No training where one is to go on."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} holds no training to go on with.", hint="Leave out --resume to begin one."
        )


class Work:
    """The folder of a training under way.

    Args:
        out: where the model will be; the work lies in `out/training`.
        recipe: what is followed.
        resume: go on with what is there.

    Raises:
        InputError: something else is there, or nothing to go on with.
    """

    def __init__(self, out: Path, recipe: Recipe, *, resume: bool) -> None:
        self.folder = out / "training"
        said = self.folder / "recipe.json"
        told = recipe.computed
        if said.exists():
            if said.read_text(encoding="utf-8") != told:
                raise OtherRecipe(out)
            if not resume:
                raise NotResumed(out)
        elif out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise NotEmpty(out)
        elif resume:
            raise NothingToResume(out)
        self.folder.mkdir(parents=True, exist_ok=True)
        said.write_text(told, encoding="utf-8")
        self._spent = self.folder / "spent.json"
        self._since = time.monotonic()

    @property
    def samples(self) -> Path:
        """For pictures on the way."""
        folder = self.folder / "samples"
        folder.mkdir(exist_ok=True)
        return folder

    def note(self, stage: str, step: int, figures: Mapping[str, float]) -> None:
        """Add a line to the losses; after a kill some steps stand there twice."""
        line = json.dumps({"stage": stage, "step": step, **figures})
        with (self.folder / "losses.jsonl").open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    def spend(self) -> float:
        """Note the seconds since the last note; all of them, those before a kill too."""
        now = time.monotonic()
        spent = now - self._since
        if self._spent.exists():
            spent += float(json.loads(self._spent.read_text(encoding="utf-8")))
        self._since = now
        self._spent.write_text(json.dumps(round(spent, 1)), encoding="utf-8")
        return spent

    def latents(
        self,
        vae: AutoencoderKL,
        seed: int,
        mix: Mix,
        count: int,
        tell: Callable[[int, Mapping[str, float]], None],
        workers: int = 0,
    ) -> Tensor:
        """Of the first scenes of a seed, scaled, [count, 4, h, w] in float16; made once.

        Args:
            vae: that encodes.
            seed, mix: of the scenes.
            count: of them.
            tell: told how many are done.
            workers: processes that draw.
        """
        path = self.folder / "latents.safetensors"
        if path.exists():
            found: Tensor = load_file(path)["latents"]
            return found
        parts = []
        device = next(vae.parameters()).device
        scale = float(vae.config["scaling_factor"])
        rounds = -(-count // AT_ONCE)
        with torch.no_grad():
            drawn = batches(seed, mix, AT_ONCE, rounds, workers=workers)
            for done, pictures in enumerate(drawn, 1):
                x = pictures.to(device).contiguous(memory_format=torch.channels_last)
                z = vae.encode(x).latent_dist.mean
                parts.append((z * scale).half().cpu())
                tell(min(done * AT_ONCE, count), {})
        latents = torch.cat(parts)[:count].contiguous()
        unfinished = path.with_suffix(".part")
        save_file({"latents": latents}, unfinished)
        unfinished.replace(path)
        return latents
