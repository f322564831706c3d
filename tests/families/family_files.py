"""A tiny random model of every family, in both layouts, and the library's modules of it.

The single file is CompVis's, from `benchmarks.compvis`. The library reads it where it can
(`from_single_file`); of the papers' models, which it reads in its own layout only, the tensors are
renamed by the test suite's own tables (`compvis_names`). The diffusers folder is then what the
library's modules save: nothing of ours takes part in making it.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compvis_files import tiny_configs, tiny_file
from compvis_names import bert_names, first_stage_names, resampling_blocks, self_attention
from safetensors.torch import load_file, save_file
from tiny_folder import pipelines

from benchmarks.compvis import TINY, Layout, configs

if TYPE_CHECKING:
    import torch

RESOURCES = Path(__file__).resolve().parents[2] / "resources"

LABELS = "class_embedder"


@dataclass
class Tiny:
    """One tiny model.

    Args:
        name: one of `TINY`.
        root: an empty folder of its own.
    """

    name: str
    root: Path

    @property
    def layout(self) -> Layout:
        return TINY[self.name]

    @property
    def is_paper(self) -> bool:
        """Of the papers' models, whose files the library doesn't convert."""
        return self.name.startswith("ldm_")

    @cached_property
    def file(self) -> Path:
        """The single file."""
        return tiny_file(self.root / f"{self.name}.safetensors", self.name)

    @cached_property
    def configs(self) -> Path:
        """The library's configs, with the vocabulary of each text encoder."""
        folder = tiny_configs(self.root / "configs", self.name, tokenizer=RESOURCES / "clip")
        for path in folder.glob("tokenizer*"):
            _pad_with(path, _padding(path.name, self.layout.configs))
        if (folder / "bert").is_dir():
            shutil.copytree(RESOURCES / "bert", folder / "tokenizer")
        return folder

    @cached_property
    def index(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.configs / "model_index.json").read_text())
        return found

    @cached_property
    def modules(self) -> dict[str, Any]:
        """The library's modules by their names in the folder, and its scheduler."""
        return _paper_modules(self) if self.is_paper else self._whole.components

    @cached_property
    def folder(self) -> Path:
        """The diffusers folder, written by the library."""
        folder = self.root / self.name
        folder.mkdir()
        for name, module in self.modules.items():
            if name == LABELS:
                # The library has no class for it.
                shutil.copytree(self.configs / name, folder / name)
                save_file(module, folder / name / "model.safetensors")
            elif name.startswith("tokenizer"):
                if module is not None:
                    shutil.copytree(self.configs / name, folder / name)
            elif hasattr(module, "save_pretrained"):
                module.save_pretrained(folder / name)
        if self.is_paper:
            shutil.copy(self.configs / "model_index.json", folder)
        else:
            self._whole.save_config(folder)
        if self.layout.unet.context is None and self.layout.unet.heads:
            # The library saves no key that its class doesn't know.
            shutil.copy(self.configs / "unet" / "config.json", folder / "unet")
        return folder

    def pipeline(self, class_name: str | None = None, **options: Any) -> Any:
        """A pipeline of the library around the modules, silent.

        Args:
            class_name: None takes the one that the folder names.
            options: of the pipeline's constructor.
        """
        from diffusers import DiffusionPipeline

        pipeline = self._whole if class_name is None and not self.is_paper else None
        if pipeline is None:
            name = class_name or self.index["_class_name"]
            pipeline = _pipeline_class(name)(**self.modules, **options)
        assert isinstance(pipeline, DiffusionPipeline)
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    @cached_property
    def _whole(self) -> Any:
        kind = _pipeline_class(self.index["_class_name"])
        tokenizers = {
            path.name: _clip_tokenizer(_padding(path.name, self.layout.configs))
            for path in self.configs.glob("tokenizer*")
        }
        return kind.from_single_file(
            str(self.file), config=str(self.configs), local_files_only=True, **tokenizers
        )


@dataclass
class Family:
    """Every tiny model, made when it is first asked for."""

    root: Path
    _made: dict[str, Tiny] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Tiny:
        if name not in self._made:
            folder = self.root / f"of-{name}"
            folder.mkdir()
            self._made[name] = Tiny(name, folder)
        return self._made[name]


def install(tiny: Tiny, home: Path, name: str | None = None) -> tuple[str, str]:
    """Put both layouts of a model where a user keeps models; the names to ask for."""
    folder = home / "models" / "checkpoints"
    name = name or tiny.name
    single, whole = folder / f"{name}.safetensors", folder / f"{name}-folder"
    for link, target in ((single, tiny.file), (whole, tiny.folder)):
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)
    return f"{name}.safetensors", f"{name}-folder"


def _pipeline_class(name: str) -> Any:
    module = pipelines()
    if name == "LDMPipeline":
        from diffusers.pipelines.deprecated.latent_diffusion_uncond import LDMPipeline

        return LDMPipeline
    return getattr(module, name)


def _padding(tokenizer: str, family: str) -> str:
    """What fills up a text: CLIP's own encoder has the end token, OpenCLIP's have the token 0."""
    return "!" if tokenizer == "tokenizer_2" or family.startswith("sd2") else "<|endoftext|>"


def _pad_with(tokenizer: Path, token: str) -> None:
    path = tokenizer / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "pad_token": token}))


@cache
def _clip_tokenizer(padding: str) -> Any:
    """The library takes a while to read a vocabulary."""
    from transformers import CLIPTokenizer

    return CLIPTokenizer.from_pretrained(RESOURCES / "clip", pad_token=padding)


def _paper_modules(tiny: Tiny) -> dict[str, Any]:
    tensors = load_file(tiny.file)
    files = configs(tiny.layout)
    if "scale_factor" in tensors:
        # Measured in training; CompVis keeps it among the tensors, the library in the config.
        files["vqvae/config.json"]["scaling_factor"] = tensors["scale_factor"].item()
    scheduler = files["scheduler/scheduler_config.json"]
    modules: dict[str, Any] = {
        "unet": _denoiser(tiny.layout, tensors, files["unet/config.json"]),
        "vqvae": _loaded(
            files["vqvae/config.json"],
            first_stage_names(tensors, tiny.layout.first_stage, files["vqvae/config.json"]),
        ),
        "scheduler": getattr(pipelines(), scheduler["_class_name"]).from_config(scheduler),
    }
    if "bert/config.json" in files:
        modules |= _bert(tiny, tensors, files["bert/config.json"])
    if f"{LABELS}/config.json" in files:
        modules[LABELS] = {"embedding.weight": tensors["cond_stage_model.embedding.weight"]}
    return modules


def _denoiser(layout: Layout, tensors: dict[str, torch.Tensor], config: dict[str, Any]) -> Any:
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint

    prefix = "model.diffusion_model."
    own = {name: tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    converted = convert_ldm_unet_checkpoint(dict(own), config)
    unet = layout.unet
    if unet.resample_blocks:
        resampling, wrong = resampling_blocks(own)
        converted = {k: v for k, v in converted.items() if not k.startswith(wrong)} | resampling
    if unet.context is None:
        converted = self_attention(converted, heads=unet.heads, head_width=unet.head_width)
    module = _loaded(config, converted)
    if unet.context is None and unet.heads:
        # LDM's yaml has a number of heads for all levels, the library's config a width of each.
        from diffusers.models.attention_processor import Attention

        for part in module.modules():
            if isinstance(part, Attention):
                part.scale, part.heads = (part.inner_dim / unet.heads) ** -0.5, unet.heads
    return module


def _loaded(config: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Any:
    module = getattr(pipelines(), config["_class_name"]).from_config(config)
    module.load_state_dict(tensors, strict=True)
    return module.eval()


def _bert(tiny: Tiny, tensors: dict[str, torch.Tensor], config: dict[str, Any]) -> dict[str, Any]:
    from diffusers.pipelines.latent_diffusion.pipeline_latent_diffusion import (
        LDMBertConfig,
        LDMBertModel,
    )
    from transformers import BertTokenizer

    bert = LDMBertModel(LDMBertConfig(**config))
    bert.load_state_dict(bert_names(tensors, "cond_stage_model.transformer."), strict=True)
    tokenizer = BertTokenizer.from_pretrained(tiny.configs / "tokenizer")
    return {"bert": bert.eval(), "tokenizer": tokenizer}
