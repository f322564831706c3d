"""The model store: turns recipes into live modules and keeps them warm within a byte budget."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from studio.diffusion.checkpoints import AGAIN, BadCheckpoint, Checkpoint, read_checkpoint
from studio.diffusion.denoiser import LiveModel
from studio.diffusion.loading import load_module, size_of
from studio.diffusion.sigmas import SigmaSpace, UnknownNoiseSchedule
from studio.diffusion.text import LiveText
from studio.diffusion.vae import LiveVae
from studio.hardware import Policy, memory_info

if TYPE_CHECKING:
    from collections.abc import Callable

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
        self._entries: OrderedDict[tuple[str, str], _Entry] = OrderedDict()
        self._checkpoints: dict[str, Checkpoint] = {}

    def model(self, recipe: Model) -> LiveModel:
        """The denoiser of a recipe.

        Raises:
            BadCheckpoint: its files don't fit.
        """
        live: LiveModel = self._get(recipe.checkpoint, "unet", self._load_model)
        return live

    def text(self, recipe: Clip) -> LiveText:
        """The text encoder of a recipe.

        Raises:
            BadCheckpoint: its files don't fit.
        """
        live: LiveText = self._get(recipe.checkpoint, "text_encoder", self._load_text)
        return live

    def vae(self, recipe: Vae) -> LiveVae:
        """The first stage of a recipe.

        Raises:
            BadCheckpoint: its files don't fit.
        """
        live: LiveVae = self._get(recipe.checkpoint, "vae", self._load_vae)
        return live

    @property
    def bytes(self) -> int:
        """Of all weights that are held."""
        return sum(entry.bytes for entry in self._entries.values())

    def clear(self) -> None:
        """Let go of every module."""
        self._entries.clear()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _get(
        self,
        reference: CheckpointRef,
        part: str,
        load: Callable[[Checkpoint], tuple[Any, Any]],
    ) -> Any:
        key = (reference.fingerprint, part)
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
            self.reused_seconds += entry.seconds
            return entry.live
        start = time.perf_counter()
        checkpoint = self._checkpoint(reference)
        live, module = load(checkpoint)
        entry = _Entry(live, size_of(module), time.perf_counter() - start)
        self.loading_seconds += entry.seconds
        self._entries[key] = entry
        while self.bytes > self.budget and len(self._entries) > 1:
            self._entries.popitem(last=False)
        return live

    def _checkpoint(self, reference: CheckpointRef) -> Checkpoint:
        if reference.fingerprint not in self._checkpoints:
            self._checkpoints[reference.fingerprint] = read_checkpoint(
                Path(reference.path), reference.name
            )
        return self._checkpoints[reference.fingerprint]

    def _load_model(self, checkpoint: Checkpoint) -> tuple[LiveModel, Any]:
        from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

        part = checkpoint.unet
        try:
            sigmas = SigmaSpace.from_config(checkpoint.scheduler)
        except UnknownNoiseSchedule as error:
            path = checkpoint.path / "scheduler" / "scheduler_config.json"
            raise BadCheckpoint(checkpoint.name, path, error.what, error.hint) from None
        module = load_module(
            part,
            lambda: UNet2DConditionModel.from_config(dict(part.config)),
            checkpoint.name,
            device=self.device,
            dtype=self.dtype,
        )
        live = LiveModel(
            unet=module,
            sigmas=sigmas,
            space=checkpoint.space,
            prediction=checkpoint.prediction,
            device=self.device,
            dtype=self.dtype,
        )
        return live, module

    def _load_text(self, checkpoint: Checkpoint) -> tuple[LiveText, Any]:
        from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer
        from transformers.utils import logging

        # What it would say (a text is long, a config odd) is said by us, in our words.
        logging.set_verbosity_error()
        part = checkpoint.text_encoder
        module = load_module(
            part,
            lambda: CLIPTextModel(CLIPTextConfig(**part.config)),
            checkpoint.name,
            device=self.device,
            dtype=self.dtype,
        )
        folder = checkpoint.tokenizer
        try:
            tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
        except Exception as error:  # a damaged vocabulary makes the library raise nearly anything
            reason = f"the vocabulary can't be used ({type(error).__name__}: {error})"
            raise BadCheckpoint(checkpoint.name, folder, reason, AGAIN) from error
        config: Any = module.config
        if len(tokenizer) > config.vocab_size:
            raise BadCheckpoint(
                checkpoint.name,
                folder,
                f"the vocabulary has {len(tokenizer)} tokens, and the text encoder knows "
                f"{config.vocab_size}",
                "They belong to different models.",
            )
        return LiveText(tokenizer, module, self.device), module

    def _load_vae(self, checkpoint: Checkpoint) -> tuple[LiveVae, Any]:
        from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

        part = checkpoint.vae
        # force_upcast marks first stages whose activations overflow float16.
        dtype = self.dtype
        if dtype is torch.float16 and part.config.get("force_upcast"):
            dtype = torch.float32
        module = load_module(
            part,
            lambda: AutoencoderKL.from_config(dict(part.config)),
            checkpoint.name,
            device=self.device,
            dtype=dtype,
        )
        return LiveVae(module, checkpoint.space, self.device, dtype), module

    def _default_budget(self) -> int:
        if self.device.type == "cuda":
            return int(torch.cuda.mem_get_info(self.device)[1] * 0.85)
        return int(memory_info().total // 2)
