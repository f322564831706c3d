"""Paints with a model as the program's nodes do, many prompts at once: to see how good it is."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from studio.diffusion.concat import inpaint_concat, without_masked
from studio.diffusion.sampling import sample
from studio.diffusion.store import ModelStore
from studio.hardware import Policy
from studio.pictures import to_uint8
from studio.training.world import SIZE
from studio.values import (
    CheckpointRef,
    Clip,
    Conditioning,
    ConditioningEntry,
    FileRef,
    Image,
    Latent,
    LoraRef,
    Mask,
    Model,
    Vae,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from studio.diffusion.vae import LiveVae
    from studio.values import Concat

    Bytes = NDArray[np.uint8]

STEPS = 20
SAMPLER, SCHEDULE = "dpmpp_2m", "karras"
"""DPM-Solver++ 2M, as the cards of the models recommend."""

AT_ONCE = 16
"""Pictures in a call of the UNet; more is no faster on a CPU."""


def _store(device: str) -> ModelStore:
    kind = torch.device(device).type
    assert kind in ("cpu", "cuda", "mps"), device
    return ModelStore(Policy(device, kind, "float32"))  # type: ignore[arg-type]


def first_stage(folder: Path, device: str = "cpu") -> LiveVae:
    """The first stage in a model's folder, be there more or not, with its colours of previews."""
    path = str(folder / "vae")
    live = _store(device).vae(Vae(CheckpointRef(folder.name, path, path), alone=True))
    noted = folder / "latent_preview.json"
    if not noted.exists():
        return live
    rgb = tuple(tuple(row) for row in json.loads(noted.read_text(encoding="utf-8"))["rgb"])
    return replace(live, space=replace(live.space, rgb=rgb))


@dataclass(frozen=True)
class Painter:
    """A model that paints, with what is laid on it.

    Args:
        store: holds the weights.
        checkpoint: which.
        cfg: guidance scale.
        loras: on its UNet and its text encoder.
    """

    store: ModelStore
    checkpoint: CheckpointRef
    cfg: float
    loras: tuple[LoraRef, ...] = ()

    @classmethod
    def load(cls, folder: Path, cfg: float, device: str = "cpu") -> Painter:
        """The model in a folder as diffusers writes it, in float32.

        Raises:
            InputError: there is none, or its files don't fit.
        """
        return cls(_store(device), CheckpointRef(folder.name, str(folder), str(folder)), cfg)

    def with_lora(self, file: Path, strength: float) -> Painter:
        """The same, with a LoRA on top."""
        lora = LoraRef(FileRef(file.stem, str(file), str(file)), strength)
        return replace(self, loras=(lora,))

    @property
    def vae(self) -> LiveVae:
        """The first stage."""
        return self.store.vae(Vae(self.checkpoint))

    def paint(self, prompts: Sequence[str], seed: int = 0) -> Bytes:
        """A picture for each prompt, [n, SIZE, SIZE, 3].

        Args:
            prompts: n of them.
            seed: of the noise; the first pictures of a longer list are the same.
        """
        made = []
        for start in range(0, len(prompts), AT_ONCE):
            part = prompts[start : start + AT_ONCE]
            made.append(self._sampled(part, seed + start))
        return np.concatenate(made)

    def repaint(
        self, pictures: Bytes, holes: NDArray[np.bool_], prompts: Sequence[str], seed: int = 0
    ) -> Bytes:
        """What an inpainting model makes of pictures, decoded as it is: nothing is put back.

        It sees mask and picture only beside the latent, which starts from noise everywhere: what
        is around a hole is what the model itself makes of it.

        Args:
            pictures: [n, SIZE, SIZE, 3].
            holes: [n, SIZE, SIZE], what to repaint.
            prompts: n of them.
            seed: of the noise.
        """
        made = []
        for start in range(0, len(prompts), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            image = Image(to_pixels(pictures[part]))
            mask = Mask(torch.from_numpy(holes[part]).float()[:, None])
            masked = self.vae.encode(without_masked(image, mask), _never)
            made.append(self._sampled(prompts[part], seed + start, inpaint_concat(mask, masked)))
        return np.concatenate(made)

    def _sampled(self, prompts: Sequence[str], seed: int, concat: Concat | None = None) -> Bytes:
        text = self.store.text(Clip(self.checkpoint, self.loras))
        found = [_only(text.encode(prompt, _ignored)) for prompt in prompts]
        tokens = [each.embeddings for each in found if each.embeddings is not None]
        # A batch with a text for each picture; guidance repeats only what is one for all.
        positive = ConditioningEntry(torch.cat(tokens), concat=concat)
        negative = replace(_only(text.encode("", _ignored)), concat=concat)
        latent = sample(
            self.store.model(Model(self.checkpoint, self.loras)),
            Conditioning((positive,)),
            Conditioning((negative,)),
            Latent(None, None, SIZE, SIZE, len(prompts)),
            seed=seed,
            steps=STEPS,
            cfg=self.cfg,
            sampler=SAMPLER,
            schedule=SCHEDULE,
        )
        return to_bytes(self.vae.decode(latent, _never).pixels)


def to_pixels(pictures: Bytes) -> torch.Tensor:
    """From [n, h, w, 3] of 8 bits to [n, 3, h, w] in 0..1."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255


def to_bytes(pixels: torch.Tensor) -> Bytes:
    """From [n, 3, h, w] in 0..1 to [n, h, w, 3] of 8 bits, as pictures are saved."""
    return to_uint8(pixels.permute(0, 2, 3, 1).numpy())


def _only(conditioning: Conditioning) -> ConditioningEntry:
    (entry,) = conditioning.entries
    return entry


def _never() -> None:
    """Nobody cancels."""


def _ignored(_: str) -> None:
    """Captions have no slips to warn of."""
