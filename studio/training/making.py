"""Follows a recipe: from nothing, or from a model of the family, to a folder that can be used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch

from studio.training import denoiser, first_stage, layout, lora, previews, words
from studio.training.masks import Masked
from studio.training.samples import HELD_OUT, Pictures, first_stage_sheet
from studio.training.work import Work
from studio.training.world import SIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer

    from studio.training.denoiser import Prediction
    from studio.training.recipe import Denoiser, FirstStage, Lora, Recipe

AHEAD = 5_000
"""Captions that a vocabulary is learnt from."""


class Watcher(Protocol):
    """Is told how a training gets on."""

    def begin(self, stage: str, steps: int) -> None:
        """A stage begins, or goes on."""

    def step(self, done: int, figures: Mapping[str, float]) -> None:
        """So many steps are done."""


@dataclass
class Parts:
    """What a model is made of, float32."""

    vae: AutoencoderKL
    tokenizer: CLIPTokenizer
    text: CLIPTextModel
    unet: UNet2DConditionModel


class Making:
    """A training from beginning to end.

    Args:
        name: of the recipe.
        recipe: to follow.
        base: folder of the model that it begins with, where it says one.
        out: for the model, in the layout of diffusers, or for the LoRA; and for the work.
        device: to compute on.
        watcher: told how it gets on.
        resume: go on with what `out` holds.
        workers: processes that draw pictures.

    Raises:
        InputError: `out` holds something else.
    """

    def __init__(
        self,
        name: str,
        recipe: Recipe,
        base: Path | None,
        out: Path,
        *,
        device: torch.device,
        watcher: Watcher,
        resume: bool = False,
        workers: int = 0,
    ) -> None:
        self._name = name
        self._recipe = recipe
        self._base = base
        self._out = out
        self._device = device
        self._watcher = watcher
        self._workers = workers
        self._mix = recipe.world.mix
        self.work = Work(out, recipe, resume=resume)

    def run(self) -> Path:
        """Train, and write what came of it; what is done already isn't done again.

        Returns:
            The model's folder, or the LoRA's file.

        Raises:
            Diverged: the training went astray.
            InputError: the base doesn't fit.
        """
        vae = self._first_stage()
        if self._recipe.lora is not None:
            made = self._lora(self._recipe.lora, vae)
        elif self._recipe.denoiser is not None:
            made = self._denoiser(self._recipe.denoiser, vae)
        else:
            vae.half().save_pretrained(self._out / "vae")
            made = self._out
        self.work.spend()
        return made

    def _first_stage(self) -> AutoencoderKL:
        wanted, seed = self._recipe.first_stage, self._recipe.seed
        if wanted is None:
            return layout.load_first_stage(self._model()).to(self._device)
        mix = (wanted.world or self._recipe.world).mix
        plan = _plan(wanted)
        tell = self._stage("first stage", plan.steps + plan.decoder_steps)

        def look(step: int) -> None:
            if self._recipe.sheets:
                path = self.work.samples / f"first-stage-{step:06}.png"
                first_stage_sheet(path, vae, seed, mix)

        vae = first_stage.new(plan, seed).to(self._device)
        first_stage.train(
            plan, vae, mix, seed, self.work.folder,
            device=self._device, tell=tell, workers=self._workers, look=look,
            every=self._recipe.every,
        )  # fmt: skip
        return vae

    def _denoiser(self, wanted: Denoiser, vae: AutoencoderKL) -> Path:
        recipe = self._recipe
        if recipe.text is not None:
            folder = self.work.folder / "tokenizer"
            sentences = words.sentences(recipe.seed, self._mix, AHEAD)
            tokenizer = words.learn(sentences, recipe.text.vocabulary, folder)
            torch.manual_seed(recipe.seed)
            text = words.encoder(
                tokenizer, recipe.text.width, recipe.text.layers, recipe.text.heads
            )
        else:
            tokenizer, text = layout.load_text(self._model())
        if self._base is None:
            torch.manual_seed(recipe.seed + 1)
            unet = layout.new_unet(wanted, int(text.config.hidden_size))
        else:
            unet = layout.load_unet(self._base, masks=wanted.masks)
        parts = Parts(vae, tokenizer, text, unet)
        latents = self._latents(vae, wanted.scenes)
        tell = self._stage("denoiser", wanted.steps)
        denoiser.train(
            denoiser.Plan(
                wanted.prediction, wanted.scenes, wanted.steps, wanted.batch, wanted.rate,
                wanted.other_rate,
            ),
            unet, text, tokenizer, latents, self._mix, recipe.seed, self.work.folder,
            device=self._device,
            tell=tell,
            beside=Masked(vae, recipe.seed, self._mix) if wanted.masks else None,
            look=self._pictures(parts, wanted.prediction),
            every=recipe.every,
        )  # fmt: skip
        factors, r2 = previews.fit(vae, recipe.seed + HELD_OUT, self._mix)
        layout.write_model(self._out, vae, tokenizer, text, unet, wanted.prediction)
        layout.write_preview(self._out, factors, r2)
        return self._out

    def _lora(self, wanted: Lora, vae: AutoencoderKL) -> Path:
        recipe, base = self._recipe, self._model()
        tokenizer, text = layout.load_text(base)
        parts = Parts(vae, tokenizer, text, layout.load_unet(base))
        prediction = layout.prediction_of(base)
        latents = self._latents(vae, wanted.scenes)
        tell = self._stage("LoRA", wanted.steps)
        changes = lora.train(
            lora.Plan(
                wanted.trigger, prediction, wanted.rank, wanted.convolutions, wanted.steps,
                wanted.batch, wanted.rate,
            ),
            parts.unet, text, tokenizer, latents, self._mix, recipe.seed, self.work.folder,
            device=self._device,
            tell=tell,
            look=self._pictures(parts, prediction, wanted.trigger),
            every=recipe.every,
        )  # fmt: skip
        made = self._out / f"{self._name}.safetensors"
        lora.write(
            made, changes, wanted.format,
            title=recipe.title, trigger=wanted.trigger, base=recipe.base or base.name,
        )  # fmt: skip
        return made

    def _stage(self, stage: str, steps: int) -> Callable[[int, Mapping[str, float]], None]:
        self._watcher.begin(stage, steps)

        def tell(done: int, figures: Mapping[str, float]) -> None:
            self.work.note(stage, done, figures)
            self._watcher.step(done, figures)

        return tell

    def _latents(self, vae: AutoencoderKL, count: int) -> torch.Tensor:
        self._watcher.begin("latents", count)
        return self.work.latents(
            vae, self._recipe.seed, self._mix, count, self._watcher.step, self._workers
        )

    def _pictures(self, parts: Parts, prediction: Prediction, trigger: str = "") -> Pictures | None:
        if not self._recipe.sheets:
            return None
        return Pictures(
            self.work.samples, parts.vae, parts.tokenizer, parts.text, parts.unet, prediction,
            self._recipe.cfg, self._recipe.seed, self._mix, trigger,
        )  # fmt: skip

    def _model(self) -> Path:
        assert self._base is not None
        return self._base


def _plan(wanted: FirstStage) -> first_stage.Plan:
    blocks = len(wanted.widths)
    return first_stage.Plan(
        {
            "down_block_types": ("DownEncoderBlock2D",) * blocks,
            "up_block_types": ("UpDecoderBlock2D",) * blocks,
            "block_out_channels": wanted.widths,
            "layers_per_block": wanted.layers,
            "latent_channels": 4,
            "norm_num_groups": wanted.groups,
            "sample_size": SIZE,
        },
        wanted.steps,
        wanted.decoder_steps,
        wanted.batch,
        wanted.half,
        wanted.rate,
        wanted.other_rate,
        wanted.kl,
        wanted.edges,
        wanted.noise,
    )
