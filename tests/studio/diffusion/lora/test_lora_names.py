"""Names of tensors and layers: every trainer's spelling of one LoRA is the same LoRA."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import torch
from lora_makers import ref, run_text, run_unet, tiny_text, tiny_unet, write
from torch import Tensor, nn

from studio.diffusion.lora.keys import read_key
from studio.diffusion.lora.live import Loras
from studio.diffusion.lora.modules import compvis_paths
from studio.diffusion.lora.stack import layers_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

Layers = dict[str, tuple[Tensor, Tensor]]
ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")


def never(words: str) -> None:
    raise AssertionError(f"a warning: {words}")


def factors(module: nn.Module, rank: int = 2, only: tuple[str, ...] = ()) -> Layers:
    """Random down and up factors for each linear layer and convolution, by path."""
    generator = torch.Generator().manual_seed(11)
    made: Layers = {}
    for path, layer in layers_of(module).items():
        weight: Any = layer.weight
        if not isinstance(layer, nn.Linear | nn.Conv2d) or (only and not path.endswith(only)):
            continue
        out, *rest = weight.shape
        down = torch.randn(rank, *rest, generator=generator) * 0.3
        up = torch.randn(out, rank, *[1] * len(rest[1:]), generator=generator) * 0.3
        made[path] = (down, up)
    return made


def merged(module: nn.Module, layers: Layers, strength: float, alpha: float | None) -> None:
    """Add the factors' products to a module's weights."""
    found = layers_of(module)
    for path, (down, up) in layers.items():
        layer: Any = found[path]
        scale = strength * (1.0 if alpha is None else alpha / down.shape[0])
        delta = (up.flatten(1) @ down.flatten(1)).reshape(layer.weight.shape)
        layer.weight = nn.Parameter(layer.weight + scale * delta, requires_grad=False)


def kohya(prefix: str, path: str, pair: tuple[Tensor, Tensor], alpha: float) -> dict[str, Tensor]:
    base = prefix + path.replace(".", "_")
    return {
        f"{base}.lora_down.weight": pair[0],
        f"{base}.lora_up.weight": pair[1],
        f"{base}.alpha": torch.tensor(alpha),
    }


def old_processors(path: str, pair: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
    """`attn1.processor.to_q_lora.down.weight`, as diffusers first wrote them."""
    owner, _, name = path.removesuffix(".0").rpartition(".")
    return {
        f"{owner}.processor.{name}_lora.{way}.weight": tensor
        for way, tensor in zip(("down", "up"), pair, strict=True)
    }


def dotted(path: str, pair: tuple[Tensor, Tensor], down: str, up: str) -> dict[str, Tensor]:
    return {f"{path}.{down}": pair[0], f"{path}.{up}": pair[1]}


def compvis(unet: nn.Module) -> dict[str, str]:
    return {ours: theirs for theirs, ours in compvis_paths(layers_of(unet)).items()}


UNET_SPELLINGS: dict[str, Callable[[dict[str, str], str, Any], Mapping[str, Tensor]]] = {
    "kohya": lambda _, path, pair: kohya("lora_unet_", path, pair, 1.0),
    "kohya, CompVis": lambda theirs, path, pair: kohya("lora_unet_", theirs[path], pair, 1.0),
    "lycoris": lambda _, path, pair: kohya("lycoris_", path, pair, 1.0),
    "ComfyUI": lambda theirs, path, pair: {
        **dotted(f"diffusion_model.{theirs[path]}", pair, "lora_down.weight", "lora_up.weight"),
        f"diffusion_model.{theirs[path]}.alpha": torch.tensor(1.0),
    },
    "diffusers": lambda _, path, pair: {
        **dotted(f"unet.{path}", pair, "lora.down.weight", "lora.up.weight"),
        f"unet.{path}.alpha": torch.tensor(1.0),
    },
    "PEFT": lambda _, path, pair: {
        **dotted(f"base_model.model.{path}", pair, "lora_A.weight", "lora_B.weight"),
        f"base_model.model.{path}.alpha": torch.tensor(1.0),
    },
    "PEFT, adapter named": lambda _, path, pair: {
        **dotted(f"unet.base_model.model.{path}", pair, "lora_A.default.weight",
                 "lora_B.default.weight"),
        f"unet.base_model.model.{path}.alpha": torch.tensor(1.0),
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", ["sd1", "sd2", "sdxl"])
def test_every_spelling_of_a_unets_lora_gives_the_same_result(kind: str, tmp_path: Path) -> None:
    unet = tiny_unet(kind)
    theirs = compvis(unet)
    layers = factors(unet)
    assert set(layers) <= set(theirs)
    wanted = tiny_unet(kind)
    merged(wanted, layers, 0.7, alpha=1.0)
    expected = run_unet(wanted)
    assert (expected - run_unet(unet)).abs().max() > 0.01
    loras = Loras()
    for name, spell in UNET_SPELLINGS.items():
        tensors: dict[str, Tensor] = {}
        for path, pair in layers.items():
            tensors |= spell(theirs, path, pair)
        file = write(tmp_path / f"{name}.safetensors", tensors)
        loras.on_unet(unet, (ref(file, 0.7),), family=kind, warn=never)
        torch.testing.assert_close(run_unet(unet), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("prefix", ["", "unet."])
def test_diffusers_old_attention_processors(prefix: str, tmp_path: Path) -> None:
    unet, wanted = tiny_unet("sd1"), tiny_unet("sd1")
    layers = factors(unet, only=ATTENTION)
    merged(wanted, layers, 1.0, alpha=None)
    tensors: dict[str, Tensor] = {}
    for path, pair in layers.items():
        tensors |= {f"{prefix}{name}": t for name, t in old_processors(path, pair).items()}
    file = write(tmp_path / "old.safetensors", tensors)
    Loras().on_unet(unet, (ref(file),), family="sd1", warn=never)
    torch.testing.assert_close(run_unet(unet), run_unet(wanted), rtol=1e-4, atol=1e-5)


OLD_TEXT = {"q_proj": "to_q", "k_proj": "to_k", "v_proj": "to_v", "out_proj": "to_out"}


def spelled_text(number: str, style: str, layers: Layers) -> dict[str, Tensor]:
    """A text encoder's LoRA; its layers as the library names them within `text_model`."""
    tensors: dict[str, Tensor] = {}
    for short, pair in layers.items():
        path = f"text_model.{short}" if not short.startswith("text_") else short
        owner, _, last = path.rpartition(".")
        match style:
            case "kohya":
                tensors |= kohya(f"lora_te{number}_", path, pair, 2.0)
            case "old" if last in OLD_TEXT:
                base = f"text_encoder{'_2' if number == '2' else ''}.{owner}.{OLD_TEXT[last]}_lora"
                tensors |= {f"{base}.down.weight": pair[0], f"{base}.up.weight": pair[1]}
            case "diffusers" | "old":
                base = f"text_encoder{'_2' if number == '2' else ''}.{path}.lora_linear_layer"
                tensors |= {f"{base}.down.weight": pair[0], f"{base}.up.weight": pair[1]}
            case "PEFT":
                base = f"text_encoder{'_2' if number == '2' else ''}.{path}"
                tensors |= {f"{base}.lora_A.weight": pair[0], f"{base}.lora_B.weight": pair[1]}
            case "ComfyUI":
                base = f"text_encoders.clip_{'g' if number == '2' else 'l'}.transformer.{path}"
                tensors |= {f"{base}.lora_down.weight": pair[0], f"{base}.lora_up.weight": pair[1]}
    return tensors


TEXT_STYLES = ["kohya", "diffusers", "old", "PEFT", "ComfyUI"]


def text_factors(encoder: Any) -> Layers:
    return {p.removeprefix("text_model."): pair for p, pair in factors(encoder).items()}


@pytest.mark.parametrize("style", TEXT_STYLES)
@pytest.mark.parametrize("projected", [False, True])
def test_every_spelling_for_one_text_encoder(style: str, projected: bool, tmp_path: Path) -> None:
    encoder = tiny_text(projected=projected)
    wanted = tiny_text(projected=projected)
    merged(wanted, factors(encoder), 0.5, alpha=None)
    file = write(tmp_path / "x.safetensors", spelled_text("", style, text_factors(encoder)))
    Loras().on_text([encoder], (ref(file, 0.5),), family="sd2", warn=never)
    torch.testing.assert_close(run_text(encoder), run_text(wanted), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("style", TEXT_STYLES)
def test_the_two_text_encoders_of_sdxl(style: str, tmp_path: Path) -> None:
    pair = [tiny_text(16, seed=1), tiny_text(24, projected=True, seed=2)]
    wanted = [tiny_text(16, seed=1), tiny_text(24, projected=True, seed=2)]
    tensors: dict[str, Tensor] = {}
    for number, encoder, target in zip(("1", "2"), pair, wanted, strict=True):
        merged(target, factors(encoder), 1.0, alpha=None)
        tensors |= spelled_text(number, style, text_factors(encoder))
    file = write(tmp_path / "x.safetensors", tensors)
    Loras().on_text(pair, (ref(file),), family="sdxl", warn=never)
    for encoder, target in zip(pair, wanted, strict=True):
        torch.testing.assert_close(run_text(encoder), run_text(target), rtol=1e-4, atol=1e-5)


def test_the_refiners_text_encoder_is_sdxls_second(tmp_path: Path) -> None:
    encoder, wanted = tiny_text(projected=True), tiny_text(projected=True)
    merged(wanted, factors(encoder), 1.0, alpha=None)
    file = write(tmp_path / "x.safetensors", spelled_text("2", "kohya", text_factors(encoder)))
    Loras().on_text([encoder], (ref(file),), family="sdxl_refiner", warn=never)
    torch.testing.assert_close(run_text(encoder), run_text(wanted), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["sd1", "sd2", "sdxl"])
def test_compvis_names_are_those_of_the_librarys_own_converter(kind: str) -> None:
    """A checkpoint made of our CompVis names comes out of the library's under diffusers' names."""
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint

    unet = tiny_unet(kind)
    state = unet.state_dict()
    checkpoint = {
        f"model.diffusion_model.{theirs}.{end}": state[f"{ours}.{end}"]
        for theirs, ours in compvis_paths(layers_of(unet)).items()
        for end in ("weight", "bias")
        if f"{ours}.{end}" in state
    }
    assert len(checkpoint) == len(state)
    converted = convert_ldm_unet_checkpoint(checkpoint, dict(unet.config))
    assert converted.keys() == state.keys()
    assert all(converted[name] is tensor or torch.equal(converted[name], tensor)
               for name, tensor in state.items())  # fmt: skip


@pytest.mark.parametrize(
    ("theirs", "kind", "ours"),
    [
        ("input_blocks.4.1.transformer_blocks.0.attn1.to_q", "sdxl",
         "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"),
        ("input_blocks.8.1.transformer_blocks.2.ff.net.0.proj", "sdxl",
         "down_blocks.2.attentions.1.transformer_blocks.2.ff.net.0.proj"),
        ("middle_block.1.proj_in", "sdxl", "mid_block.attentions.0.proj_in"),
        ("output_blocks.0.1.transformer_blocks.0.attn2.to_k", "sdxl",
         "up_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k"),
        ("output_blocks.2.2.conv", "sdxl", "up_blocks.0.upsamplers.0.conv"),
        ("label_emb.0.2", "sdxl", "add_embedding.linear_2"),
        ("time_embed.0", "sdxl", "time_embedding.linear_1"),
        ("out.2", "sdxl", "conv_out"),
        ("input_blocks.0.0", "sd1", "conv_in"),
        ("input_blocks.3.0.op", "sd1", "down_blocks.0.downsamplers.0.conv"),
        ("input_blocks.7.0.skip_connection", "sd1", None),
        ("input_blocks.1.0.in_layers.2", "sd1", "down_blocks.0.resnets.0.conv1"),
        ("input_blocks.1.0.emb_layers.1", "sd1", "down_blocks.0.resnets.0.time_emb_proj"),
        ("middle_block.2.out_layers.3", "sd1", "mid_block.resnets.1.conv2"),
        ("output_blocks.2.1.conv", "sd1", "up_blocks.0.upsamplers.0.conv"),
        ("output_blocks.5.2.conv", "sd1", "up_blocks.1.upsamplers.0.conv"),
        ("output_blocks.11.1.proj_out", "sd1", "up_blocks.3.attentions.2.proj_out"),
    ],
)  # fmt: skip
def test_compvis_names_by_hand(theirs: str, kind: str, ours: str | None) -> None:
    assert paths_of(kind).get(theirs) == ours


@cache
def paths_of(kind: str) -> dict[str, str]:
    return compvis_paths(layers_of(tiny_unet(kind)))


@pytest.mark.parametrize(
    ("name", "part", "flat", "field"),
    [
        ("lora_unet_mid_block_attentions_0_proj_in.lora_up.weight", "unet",
         "mid_block_attentions_0_proj_in", "up"),
        ("lora_te_text_model_encoder_layers_0_mlp_fc1.alpha", "te",
         "text_model_encoder_layers_0_mlp_fc1", "alpha"),
        ("lora_te1_text_model_encoder_layers_0_mlp_fc1.hada_w1_a", "te1",
         "text_model_encoder_layers_0_mlp_fc1", "hada_w1_a"),
        ("lora_te2_text_projection.lokr_w2_b", "te2", "text_projection", "lokr_w2_b"),
        ("unet.mid_block.attentions.0.proj_in.lora.down.weight", "unet",
         "mid_block_attentions_0_proj_in", "down"),
        ("unet.a.attn1.processor.to_out_lora.up.weight", "unet", "a_attn1_to_out", "up"),
        ("text_encoder_2.text_model.x.q_proj.lora_linear_layer.down.weight", "te2",
         "text_model_x_q_proj", "down"),
        ("base_model.model.down_blocks.0.resnets.0.conv1.lora_A.weight", "unet",
         "down_blocks_0_resnets_0_conv1", "down"),
        ("unet.x.lora_B.weight", "unet", "x", "up"),
        ("unet.x.lora_B.my_adapter.weight", "unet", "x", "up"),
        ("unet.x.lora_A", "unet", "x", "down"),
        ("unet.x.lora_B.bias", "unet", "x", "up_bias"),
        ("unet.x.lora_B.default.bias", "unet", "x", "up_bias"),
        ("unet.x.lora_magnitude_vector", "unet", "x", "magnitude_out"),
        ("unet.x.lora_magnitude_vector.default.weight", "unet", "x", "magnitude_out"),
        ("lora_unet_x.dora_scale", "unet", "x", "magnitude"),
        ("lora_unet_x.w_norm", "unet", "x", "diff"),
        ("lora_unet_x.b_norm", "unet", "x", "diff_b"),
        ("lora_unet_x.diff_b", "unet", "x", "diff_b"),
        ("lora_unet_x.oft_blocks", "unet", "x", ""),
        ("transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight", "other",
         "transformer_single_transformer_blocks_0_attn_to_q", "down"),
        ("", "other", "", ""),
        ("weight", "other", "weight", ""),
        (".alpha", "other", "", "alpha"),
    ],
)  # fmt: skip
def test_reading_names(name: str, part: str, flat: str, field: str) -> None:
    key = read_key(name)
    assert (key.part, key.flat, key.field) == (part, flat, field)
