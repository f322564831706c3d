"""The writer of CompVis files: its names and shapes are those that the library takes in whole."""

from __future__ import annotations

import json
import logging
import math
from typing import TYPE_CHECKING, Any

import pytest
import torch
from compvis_files import tiny_configs, tiny_file
from compvis_names import bert_names, first_stage_names, resampling_blocks, self_attention
from safetensors import safe_open
from safetensors.torch import load_file
from tiny_folder import pipelines

from benchmarks.compvis import (
    FULL,
    TINY,
    ClassTable,
    ClipText,
    Layout,
    LdmBert,
    OpenClip,
    configs,
    shapes,
    unet_shapes,
    write_checkpoint,
    write_tensors,
)
from benchmarks.compvis.folders import CONFIGS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EVERY = {f"full {name}": layout for name, layout in FULL.items()} | {
    f"tiny {name}": layout for name, layout in TINY.items()
}
Tensors = dict[str, torch.Tensor]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """The library's advice (no accelerate, safety checker) is no concern of these tests."""
    loggers = [logging.getLogger(name) for name in ("diffusers", "transformers")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    yield
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


def on_meta(layout: Layout) -> Tensors:
    return {name: torch.empty(shape, device="meta") for name, shape in shapes(layout).items()}


def expected(module: torch.nn.Module) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in module.state_dict().items()}


def built(class_name: str, config: dict[str, Any]) -> torch.nn.Module:
    with torch.device("meta"):
        return getattr(pipelines(), class_name).from_config(config)


def shapes_of(tensors: Tensors) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in tensors.items()}


# --- the denoiser -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EVERY)
def test_the_denoiser_is_taken_in_whole(name: str) -> None:
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint

    layout = EVERY[name]
    config = configs(layout)["unet/config.json"]
    tensors = on_meta(layout)
    converted = convert_ldm_unet_checkpoint(tensors, config)
    if layout.unet.resample_blocks:
        resampling, wrong = resampling_blocks(tensors)
        converted = {k: v for k, v in converted.items() if not k.startswith(wrong)} | resampling
    if layout.unet.context is None:
        converted = self_attention(
            converted, heads=layout.unet.heads, head_width=layout.unet.head_width
        )
    assert shapes_of(converted) == expected(built(config["_class_name"], config))


@pytest.mark.parametrize("heads", [1, 4])
def test_the_oracle_of_self_attention_is_ldms_attention_block(heads: int) -> None:
    from diffusers.models.attention_processor import Attention

    generator = torch.Generator().manual_seed(0)
    block = {
        name: torch.randn(shape, generator=generator)
        for name, shape in (
            ("a.attentions.0.norm.weight", (64,)),
            ("a.attentions.0.norm.bias", (64,)),
            ("a.attentions.0.qkv.weight", (192, 64, 1)),
            ("a.attentions.0.qkv.bias", (192,)),
            ("a.attentions.0.proj_out.weight", (64, 64, 1)),
            ("a.attentions.0.proj_out.bias", (64,)),
        )
    }
    x = torch.randn((2, 64, 3, 5), generator=generator)
    # QKVAttentionLegacy, written out head by head.
    norm, qkv, out = (
        [block[f"a.attentions.0.{part}.{kind}"] for kind in ("weight", "bias")]
        for part in ("norm", "qkv", "proj_out")
    )
    flat = torch.nn.functional.group_norm(x, 32, *norm).flatten(2)
    rows = torch.nn.functional.conv1d(flat, *qkv)
    seen = []
    for part in rows.split(192 // heads, dim=1):
        query, key, value = part.split(64 // heads, dim=1)
        weights = (query.transpose(1, 2) @ key / math.sqrt(64 // heads)).softmax(-1)
        seen.append(value @ weights.transpose(1, 2))
    wanted = x + torch.nn.functional.conv1d(torch.cat(seen, 1), *out).reshape(x.shape)

    library = Attention(
        64,
        heads=heads,
        dim_head=64 // heads,
        norm_num_groups=32,
        residual_connection=True,
        bias=True,
        _from_deprecated_attn_block=True,
    )
    library.load_state_dict(
        {
            k.removeprefix("a.attentions.0."): v
            for k, v in self_attention(block, heads=heads).items()
        }
    )
    torch.testing.assert_close(library(x), wanted, rtol=1e-4, atol=1e-4)


# --- the first stage ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", EVERY)
def test_the_first_stage_is_taken_in_whole(name: str) -> None:
    layout = EVERY[name]
    files = configs(layout)
    config = files.get("vae/config.json") or files["vqvae/config.json"]
    converted = first_stage_names(on_meta(layout), layout.first_stage, config)
    assert shapes_of(converted) == expected(built(config["_class_name"], config))


# --- the text encoders --------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in EVERY if EVERY[name].text])
def test_every_text_encoder_is_taken_in_whole(name: str) -> None:
    import transformers
    from diffusers.loaders.single_file_utils import (
        convert_ldm_clip_checkpoint,
        convert_open_clip_checkpoint,
    )
    from diffusers.pipelines.latent_diffusion.pipeline_latent_diffusion import (
        LDMBertConfig,
        LDMBertModel,
    )

    layout = EVERY[name]
    files = configs(layout)
    tensors = on_meta(layout)
    for prefix, part in layout.text:
        if isinstance(part, ClassTable):
            table = files["class_embedder/config.json"]
            assert tensors[f"{prefix}embedding.weight"].shape == (
                table["n_classes"],
                table["embed_dim"],
            )
            continue
        if isinstance(part, LdmBert):
            with torch.device("meta"):
                module: Any = LDMBertModel(LDMBertConfig(**files["bert/config.json"]))
            converted = bert_names(tensors, f"{prefix}transformer.")
        else:
            second = isinstance(part, OpenClip) and bool(layout.unet.adm)
            config = files[f"text_encoder{'_2' if second else ''}/config.json"]
            with torch.device("meta"):
                module = getattr(transformers, config["architectures"][0])(
                    transformers.CLIPTextConfig(**config)
                )
            if isinstance(part, ClipText):
                converted = convert_ldm_clip_checkpoint(tensors)
                assert converted.pop("text_model.embeddings.position_ids").shape == (1, 77)
            else:
                converted = convert_open_clip_checkpoint(module, tensors, prefix=f"{prefix}model.")
                if not second:
                    # SD 2's encoder is used without its last layer and without the projection. The
                    # library drops them by their numbers at full size.
                    converted.pop("text_projection.weight", None)
                    last = f"text_model.encoder.layers.{part.layers - 1}."
                    converted = {k: v for k, v in converted.items() if not k.startswith(last)}
            if not hasattr(module, "text_model"):
                converted = {k.removeprefix("text_model."): v for k, v in converted.items()}
        assert shapes_of(converted) == expected(module), prefix


# --- against what is known of the public files ---------------------------------------------------


@pytest.mark.parametrize(
    ("name", "tensors", "millions"),
    [
        ("sd1", 686, 859.52),
        ("sd2", 686, 865.91),
        ("sd2_upscale", 687, 473.40),
        ("sdxl", 1680, 2567.46),
        ("sdxl_refiner", 1220, 2259.53),
        ("ldm_text", 686, 872.30),
        ("ldm_class", 688, 400.92),
        ("ldm_class_vq8", 626, 394.98),
        ("ldm_celebahq", 368, 274.06),
        ("ldm_churches", 520, 294.97),
        ("ldm_sr", 306, 113.62),
    ],
)
def test_the_denoisers_have_their_published_sizes(name: str, tensors: int, millions: float) -> None:
    found = unet_shapes(FULL[name].unet)
    assert len(found) == tensors
    assert sum(map(math.prod, found.values())) / 1e6 == pytest.approx(millions, abs=0.005)


def test_the_published_files_counts() -> None:
    # v1-5-pruned-emaonly: 686 + 248 + 197; sd_xl_base_1.0: 1680 + 248 + 197 + 390.
    assert len(shapes(FULL["sd1"], schedule=False)) == 1131
    assert len(shapes(FULL["sdxl"])) == 2515
    assert len(shapes(FULL["sd1"], ema=True)) == 1143 + 686 + 2


@pytest.mark.parametrize("name", FULL)
def test_the_shipped_configs_are_those_of_the_full_layouts(name: str) -> None:
    layout = FULL[name]
    for path, config in configs(layout).items():
        assert json.loads((CONFIGS / layout.configs / path).read_text()) == config, path


def test_every_config_folder_is_complete_and_has_its_source() -> None:
    about = json.loads((CONFIGS / "about.json").read_text())["folders"]
    folders = {path.name for path in CONFIGS.iterdir() if path.is_dir()}
    assert set(about) == folders == {layout.configs for layout in (FULL | TINY).values()}
    for folder in folders:
        assert about[folder].keys() >= {"checkpoint", "source", "licence"}, folder
        index = json.loads((CONFIGS / folder / "model_index.json").read_text())
        for part, value in index.items():
            if isinstance(value, list) and value[0] and not part.startswith("tokenizer"):
                name = "scheduler_config.json" if part.endswith("scheduler") else "config.json"
                assert (CONFIGS / folder / part / name).is_file(), (folder, part)


def test_the_shipped_schedulers_are_read_by_the_library() -> None:
    for path in sorted(CONFIGS.rglob("scheduler_config.json")):
        config = json.loads(path.read_text())
        made = getattr(pipelines(), config["_class_name"]).from_config(config)
        assert all(made.config[key] == config[key] for key in config if key[0] != "_"), path


# --- the files ----------------------------------------------------------------------------------


def test_a_file_holds_what_was_described(tmp_path: Path) -> None:
    layout = TINY["sd1"]
    path = write_checkpoint(
        tmp_path / "deep" / "a.safetensors", layout, ema=True, metadata={"title": "a"}
    )
    wanted = shapes(layout, ema=True)
    with safe_open(path, "pt") as file:
        assert file.metadata() == {"title": "a"}
        assert set(file.keys()) == set(wanted)
    tensors = load_file(path)
    assert {name: tuple(tensor.shape) for name, tensor in tensors.items()} == wanted
    ids = "cond_stage_model.transformer.text_model.embeddings.position_ids"
    own = {
        ids: torch.int64,
        "model_ema.num_updates": torch.int32,
        "model_ema.decay": torch.float32,
        "betas": torch.float32,
    }
    assert {name: tensors[name].dtype for name in own} == own
    assert torch.equal(tensors[ids], torch.arange(77)[None])
    first = "model.diffusion_model.input_blocks.0.0.weight"
    averaged = tensors["model_ema.diffusion_modelinput_blocks00weight"]
    assert tensors[first].dtype == averaged.dtype == torch.float16
    assert not torch.equal(tensors[first], averaged)
    assert tensors["alphas_cumprod"][-1].item() == pytest.approx(0.00466, rel=1e-3)
    assert all(tensor.isfinite().all() for tensor in tensors.values())


def test_the_schedule_is_that_of_the_librarys_scheduler(tmp_path: Path) -> None:
    for name in ("sd1", "ldm_churches", "sd2_upscale"):
        buffers = load_file(tiny_file(tmp_path / f"{name}.safetensors", name))
        config = configs(TINY[name])["scheduler/scheduler_config.json"]
        library = getattr(pipelines(), config["_class_name"]).from_config(config)
        torch.testing.assert_close(buffers["alphas_cumprod"], library.alphas_cumprod)
        torch.testing.assert_close(buffers["betas"], library.betas)
    assert "scale_factor" in load_file(tmp_path / "ldm_churches.safetensors")
    assert len([k for k in buffers if k.startswith("low_scale_model.")]) == 8


def test_equal_arguments_give_equal_bytes_and_a_seed_others(tmp_path: Path) -> None:
    small = {"a.weight": (4, 3), "a.bias": (4,), "norm.weight": (4,)}
    first, same, other = (
        write_tensors(tmp_path / f"{name}.safetensors", small, seed=seed).read_bytes()
        for name, seed in (("first", 0), ("same", 0), ("other", 1))
    )
    assert first == same != other


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float8_e4m3fn"])
def test_every_type_of_weights_is_read_back(tmp_path: Path, dtype: str) -> None:
    small = {"a.weight": (64, 100), "a.bias": (3,), "logit_scale": (), "norm.weight": (5,)}
    tensors = load_file(write_tensors(tmp_path / "a.safetensors", small, dtype=dtype))
    assert {tensor.dtype for tensor in tensors.values()} == {getattr(torch, dtype)}
    assert tensors["a.weight"].float().std().item() == pytest.approx(0.1, rel=0.1)
    assert tensors["norm.weight"].float().mean().item() == pytest.approx(1, abs=0.1)


def test_a_ckpt_holds_the_same_and_no_code(tmp_path: Path) -> None:
    plain = load_file(tiny_file(tmp_path / "a.safetensors", "ldm_sr"))
    saved = torch.load(tiny_file(tmp_path / "a.ckpt", "ldm_sr"), weights_only=True)["state_dict"]
    assert saved.keys() == plain.keys()
    assert all(torch.equal(saved[name], plain[name]) for name in plain)


# --- the library's whole pipelines from the files -----------------------------------------------


# The library's Euler scheduler, on NumPy 2.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("name", ["sd1", "sdxl"])
def test_the_library_loads_the_file_and_denoises(name: str, tmp_path: Path) -> None:
    folder = tiny_configs(tmp_path / "configs", name)
    path = tiny_file(tmp_path / "a.safetensors", name)
    index = json.loads((folder / "model_index.json").read_text())
    pipeline_class = getattr(pipelines(), index["_class_name"])
    pipeline = pipeline_class.from_single_file(path, config=str(folder), local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    own = load_file(path)
    weight = own["model.diffusion_model.middle_block.0.in_layers.2.weight"]
    assert torch.equal(pipeline.unet.mid_block.resnets[0].conv1.weight, weight)
    picture = pipeline(
        "a red circle",
        num_inference_steps=2,
        generator=torch.Generator().manual_seed(0),
        height=64,
        width=64,
        output_type="latent",
    ).images
    assert picture.isfinite().all()
    decoded = pipeline.vae.decode(picture / picture.std()).sample
    assert 0.1 < decoded.std().item() < 10
