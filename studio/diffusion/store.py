"""The model store: turns recipes into live modules and keeps them warm within a byte budget."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch

from studio.diffusion.checkpoints import BadCheckpoint, Checkpoint, read_checkpoint, read_vae
from studio.diffusion.loading import size_of
from studio.diffusion.lora.live import Loras
from studio.diffusion.spaces import without_scale
from studio.diffusion.text.live import as_classes, as_text
from studio.diffusion.text.loading import load_text
from studio.diffusion.unets import load_unet, sigma_space
from studio.diffusion.vae import LiveVae, load_vae
from studio.hardware import Policy, memory_info

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from studio.diffusion.denoiser import LiveModel
    from studio.diffusion.sigmas import SigmaSpace
    from studio.diffusion.text.live import LiveClasses, LiveText
    from studio.values import CheckpointRef, Clip, Model, Vae


@dataclass
class _Entry:
    live: Any
    bytes: int
    seconds: float


class ModelStore:
    """Live modules by recipe, least recently used ones let go beyond the budget.

    Args:
        policy: device and dtype of everything it loads.
        budget: bytes of weights to keep; None takes half the machine's memory, or 85 % of the
            GPU's.
    """

    def __init__(self, policy: Policy, budget: int | None = None) -> None:
        self.policy = policy
        self.device = torch.device(policy.device)
        self.dtype: torch.dtype = getattr(torch, policy.dtype)
        self.budget = budget if budget is not None else self._default_budget()
        self.reused_seconds = 0.0
        """Load time of every module that was handed out warm, added up."""
        self.loading_seconds = 0.0
        """Time spent on making modules, importing their libraries included."""
        self._entries: OrderedDict[tuple[object, ...], _Entry] = OrderedDict()
        self._checkpoints: dict[tuple[object, ...], Checkpoint] = {}
        self._loras = Loras()

    def model(self, recipe: Model, warn: Callable[[str], None] | None = None) -> LiveModel:
        """The denoiser of a recipe.

        Args:
            recipe: which, and with what on top.
            warn: told what the user should know of its LoRAs.

        Raises:
            InputError: its files don't fit.
        """
        live: LiveModel = self._get(recipe.checkpoint, "unet", self._load_model)
        self._loras.on_unet(
            cast("nn.Module", live.unet),
            recipe.loras,
            family=self._checkpoint(recipe.checkpoint).family.id,
            warn=warn,
            spare=self._spare(live.unet),
        )
        return replace(live, guidance=recipe.guidance)

    def sigma_space(self, recipe: Model) -> SigmaSpace:
        """The noise levels that the denoiser of a recipe was trained on. Loads no weights.

        Raises:
            BadCheckpoint: its files don't fit.
        """
        return sigma_space(self._checkpoint(recipe.checkpoint))

    def text(self, recipe: Clip, warn: Callable[[str], None] | None = None) -> LiveText:
        """The text encoder of a recipe.

        Args:
            recipe: which, and with what on top.
            warn: told what the user should know of its LoRAs.

        Raises:
            InputError: its files don't fit, or there is none.
        """
        live = as_text(self._get(recipe.checkpoint, "text_encoder", self._load_text), recipe)
        self._loras.on_text(
            [encoder.module for encoder in live.encoders],
            recipe.loras,
            family=self._checkpoint(recipe.checkpoint).family.id,
            warn=warn,
            spare=self._spare(*(encoder.module for encoder in live.encoders)),
        )
        return live

    def classes(self, recipe: Clip) -> LiveClasses:
        """The table of classes of a recipe.

        Raises:
            InputError: its files don't fit, or it takes text.
        """
        live = self._get(recipe.checkpoint, "text_encoder", self._load_text)
        return as_classes(live, recipe)

    def vae(self, recipe: Vae) -> LiveVae:
        """The first stage of a recipe.

        Raises:
            BadCheckpoint: its files don't fit, or there is none.
        """
        # Apart, though a file can be both: alone it doesn't say how its latents are scaled.
        part, load = (
            ("lone vae", self._load_lone_vae) if recipe.alone else ("vae", self._load_vae)
        )
        live: LiveVae = self._get(recipe.checkpoint, part, load)
        return live

    @property
    def bytes(self) -> int:
        """Of all weights that are held, and of what LoRAs add to them."""
        return sum(entry.bytes for entry in self._entries.values()) + self._loras.bytes

    def clear(self) -> None:
        """Let go of every module."""
        self._entries.clear()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _spare(self, *modules: Any) -> int:
        """Bytes that LoRAs on these modules may take."""
        weights = sum(entry.bytes for entry in self._entries.values())
        return self.budget - weights - self._loras.bytes_beside(modules)

    def _get(
        self,
        reference: CheckpointRef,
        part: str,
        load: Callable[[CheckpointRef], tuple[Any, Any]],
    ) -> Any:
        key = (*_identity(reference), part)
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
            self.reused_seconds += entry.seconds
            return entry.live
        start = time.perf_counter()
        live, module = load(reference)
        entry = _Entry(live, size_of(module), time.perf_counter() - start)
        self.loading_seconds += entry.seconds
        self._entries[key] = entry
        while self.bytes > self.budget and len(self._entries) > 1:
            self._entries.popitem(last=False)
        return live

    def _checkpoint(self, reference: CheckpointRef) -> Checkpoint:
        key = _identity(reference)
        if key not in self._checkpoints:
            self._checkpoints[key] = read_checkpoint(
                Path(reference.path), reference.name, reference.prediction, reference.ema
            )
        return self._checkpoints[key]

    def _load_model(self, reference: CheckpointRef) -> tuple[LiveModel, Any]:
        return load_unet(self._checkpoint(reference), self.device, self.dtype)

    def _load_text(self, reference: CheckpointRef) -> tuple[LiveText | LiveClasses, Any]:
        return load_text(self._checkpoint(reference), self.device, self.dtype)

    def _load_vae(self, reference: CheckpointRef) -> tuple[LiveVae, Any]:
        checkpoint = self._checkpoint(reference)
        if checkpoint.vae is None:
            raise BadCheckpoint(
                checkpoint.name,
                checkpoint.path,
                "has no first stage (VAE)",
                "Give it one with LoadVae, and wire that where this checkpoint's vae is wired.",
            )
        return load_vae(
            checkpoint.vae, checkpoint.space, checkpoint.name, self.device, self.dtype
        )

    def _load_lone_vae(self, reference: CheckpointRef) -> tuple[LiveVae, Any]:
        path = Path(reference.path)
        part, space = read_vae(path, reference.name)
        if path.is_file():
            space = without_scale(space)
        return load_vae(part, space, reference.name, self.device, self.dtype)

    def _default_budget(self) -> int:
        if self.device.type == "cuda":
            return int(torch.cuda.mem_get_info(self.device)[1] * 0.85)
        return int(memory_info().total // 2)


def _identity(reference: CheckpointRef) -> tuple[object, ...]:
    """What tells live modules of one reference from those of another; the name doesn't."""
    return reference.fingerprint, reference.prediction, reference.ema
