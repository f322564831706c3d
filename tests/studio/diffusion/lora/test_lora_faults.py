"""LoRAs that don't fit, are damaged, or aren't LoRAs: always an error or a warning with counts."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from lora_makers import low_rank, named, ref, tiny_text, tiny_unet, write
from safetensors.torch import save
from torch import Tensor, nn

from studio.diffusion.lora.errors import BadLora, LoraMismatch
from studio.diffusion.lora.live import Loras
from studio.diffusion.lora.modules import compvis_paths
from studio.diffusion.lora.reading import read_lora
from studio.diffusion.lora.stack import layers_of
from studio.diffusion.weights.header import BadWeights
from studio.values import FileRef

if TYPE_CHECKING:
    from collections.abc import Callable


def attention_lora(
    width: int, *, sides: int = 16, theirs: bool = False, text: tuple[str, ...] = ()
) -> dict[str, Tensor]:
    """A LoRA on the middle block's cross-attention, and on text encoders."""
    block = "middle_block_1" if theirs else "mid_block_attentions_0"
    tensors: dict[str, Tensor] = {}
    for name, wide in (("to_q", sides), ("to_k", width)):
        key = f"lora_unet_{block}_transformer_blocks_0_attn2_{name}"
        tensors[f"{key}.lora_down.weight"] = torch.randn(2, wide)
        tensors[f"{key}.lora_up.weight"] = torch.randn(sides, 2)
    for prefix in text:
        key = f"{prefix}text_model_encoder_layers_0_mlp_fc1"
        tensors[f"{key}.lora_down.weight"] = torch.randn(2, 16)
        tensors[f"{key}.lora_up.weight"] = torch.randn(32, 2)
    return tensors


class Said(list[str]):
    """Collects warnings."""

    def __call__(self, words: str) -> None:
        self.append(words)


def on_unet(file: FileRef, kind: str = "sd1", family: str | None = None) -> list[str]:
    said = Said()
    Loras().on_unet(tiny_unet(kind), (ref(file),), family=family or kind, warn=said)
    return said


def on_text(file: FileRef, count: int = 1, family: str = "sd1") -> list[str]:
    said = Said()
    encoders = [tiny_text(seed=seed) for seed in range(count)]
    Loras().on_text(encoders, (ref(file),), family=family, warn=said)
    return said


# ------------------------------------------------------------------ another family


@pytest.mark.parametrize(
    ("width", "made_for"),
    [(768, "Stable Diffusion 1"), (1024, "Stable Diffusion 2"), (2048, "SDXL")],
)
@pytest.mark.parametrize(("kind", "model"), [("sd1", "Stable Diffusion 1"),
                                             ("sd2", "Stable Diffusion 2"),
                                             ("sdxl", "SDXL")])  # fmt: skip
def test_a_lora_of_another_family(
    width: int, made_for: str, kind: str, model: str, tmp_path: Path
) -> None:
    file = write(tmp_path / "style.safetensors", attention_lora(width, text=("lora_te_",)))
    if made_for == model:
        return
    with pytest.raises(LoraMismatch) as caught:
        on_unet(file, kind)
    assert "'style'" in str(caught.value)
    assert f"It was made for {made_for}; this model is {model}." in str(caught.value)
    with pytest.raises(
        LoraMismatch, match=re.escape(f"made for {made_for}; this model is {model}")
    ):
        on_text(file, 2 if kind == "sdxl" else 1, kind)


def test_a_lora_with_two_text_encoders_on_a_model_with_one(tmp_path: Path) -> None:
    tensors = {
        name: tensor
        for name, tensor in attention_lora(24, text=("lora_te1_", "lora_te2_")).items()
        if "lora_te" in name
    }
    file = write(tmp_path / "x.safetensors", tensors)
    with pytest.raises(LoraMismatch) as caught:
        on_text(file, 1)
    assert "1 of its keys are for a text encoder that this model doesn't have" in str(caught.value)
    assert "lora_te2_text_model_encoder_layers_0_mlp_fc1" in str(caught.value)
    assert "made for SDXL" in str(caught.value)


def test_a_lora_for_flux(tmp_path: Path) -> None:
    key = "transformer.single_transformer_blocks.0.attn.to_q"
    tensors = {f"{key}.lora_A.weight": torch.randn(2, 8), f"{key}.lora_B.weight": torch.randn(8, 2)}
    file = write(tmp_path / "flux.safetensors", tensors)
    for put in (on_unet, on_text):
        with pytest.raises(LoraMismatch, match="made for Flux; this model is Stable Diffusion 1"):
            put(file)


def test_the_first_tensor_of_another_shape_is_named_with_both_shapes(tmp_path: Path) -> None:
    file = write(tmp_path / "x.safetensors", attention_lora(40))
    with pytest.raises(LoraMismatch) as caught:
        on_unet(file)
    assert "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k" in str(caught.value)
    assert "has the shape [16, 40]" in str(caught.value)
    assert "where mid_block.attentions.0.transformer_blocks.0.attn2.to_k has [16, 24]" in str(
        caught.value
    )


@pytest.mark.parametrize(
    ("ending", "tensor", "shape"),
    [("diff_b", torch.zeros(9), [9]), ("diff", torch.zeros(3, 3), [3, 3])],
)
def test_differences_of_another_shape(
    ending: str, tensor: Tensor, shape: list[int], tmp_path: Path
) -> None:
    tensors = {f"lora_unet_conv_out.{ending}": tensor}
    with pytest.raises(LoraMismatch, match=re.escape(f"has the shape {shape} where conv_out has")):
        on_unet(write(tmp_path / "x.safetensors", tensors))


def test_an_inpainting_models_first_layer_may_be_wider(tmp_path: Path) -> None:
    tensors = {
        **attention_lora(24),
        "lora_unet_conv_in.lora_down.weight": torch.randn(2, 5, 3, 3),
        "lora_unet_conv_in.lora_up.weight": torch.randn(8, 2, 1, 1),
    }
    file = write(tmp_path / "x.safetensors", tensors)
    (warning,) = on_unet(file, family="sd1_inpaint")
    assert "2 of 3 keys for the UNet fit" in warning
    assert "lora_unet_conv_in has the shape [8, 5, 3, 3] where conv_in has [8, 4, 3, 3]" in warning
    with pytest.raises(LoraMismatch):
        on_unet(file)


def test_metadata_alone_that_says_otherwise_is_a_warning(tmp_path: Path) -> None:
    noted = {"ss_base_model_version": "sdxl_base_v1-0"}
    file = write(tmp_path / "x.safetensors", attention_lora(24), noted)
    (warning,) = on_unet(file)
    assert "says that it was made for SDXL; this model is Stable Diffusion 1" in warning
    noted = {"modelspec.architecture": "stable-diffusion-v1/lora"}
    assert on_unet(write(tmp_path / "y.safetensors", attention_lora(24), noted)) == []


def test_metadata_explains_a_misfit(tmp_path: Path) -> None:
    noted = {"ss_base_model_version": "sd_v2_v"}
    file = write(tmp_path / "x.safetensors", attention_lora(40), noted)
    with pytest.raises(LoraMismatch, match="made for Stable Diffusion 2; this model is Stable"):
        on_unet(file)


# ------------------------------------------------------------------ counts


def test_no_key_fits(tmp_path: Path) -> None:
    tensors = named("nowhere", low_rank((4, 4)), prefix="lora_unet_down_blocks_77_")
    with pytest.raises(LoraMismatch) as caught:
        on_unet(write(tmp_path / "x.safetensors", tensors))
    assert "none of its 1 keys for the UNet fits" in str(caught.value)
    assert "lora_unet_down_blocks_77_nowhere: there is no such layer" in str(caught.value)


def test_some_keys_fit(tmp_path: Path) -> None:
    tensors = {
        **attention_lora(24, text=("lora_te_",)),
        **named("gone", low_rank((4, 4)), prefix="lora_unet_down_blocks_77_"),
        "lora_unet_conv_out.oft_blocks": torch.zeros(2, 2),
        "lora_te_text_model_encoder_layers_5_mlp_fc1.diff": torch.zeros(2, 2),
    }
    file = write(tmp_path / "x.safetensors", tensors)
    (warning,) = on_unet(file)
    assert warning == (
        "the LoRA 'x': 2 of 4 keys for the UNet fit; the first that doesn't: "
        "lora_unet_conv_out is of a form that isn't known"
    )
    (warning,) = on_text(file)
    assert "1 of 2 keys for the text encoder fit" in warning


def test_the_warning_is_given_each_time(tmp_path: Path) -> None:
    """Also where the LoRA is on already: each run of a graph tells its user."""
    tensors = {**attention_lora(24), "lora_unet_nowhere.diff": torch.zeros(2)}
    file = write(tmp_path / "x.safetensors", tensors)
    loras, unet = Loras(), tiny_unet("sd1")
    for strength in (1.0, 1.0, 0.5):
        said = Said()
        loras.on_unet(unet, (ref(file, strength),), family="sd1", warn=said)
        assert len(said) == 1


def test_without_a_listener_the_log_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tensors = {**attention_lora(24), "lora_unet_nowhere.diff": torch.zeros(2)}
    file = write(tmp_path / "x.safetensors", tensors)
    Loras().on_unet(tiny_unet("sd1"), (ref(file),), family="sd1")
    assert "2 of 3 keys" in caplog.text


def test_a_lora_for_one_part_is_no_fault_on_the_other(tmp_path: Path) -> None:
    unet_only = write(tmp_path / "unet.safetensors", attention_lora(24))
    both = attention_lora(24, text=("lora_te_",))
    text_only = write(
        tmp_path / "text.safetensors", {name: t for name, t in both.items() if "_te_" in name}
    )
    assert on_text(unet_only) == on_unet(unet_only) == []
    assert on_text(text_only) == on_unet(text_only) == []


def test_one_layer_spelled_twice_counts_twice(tmp_path: Path) -> None:
    tensors = {**attention_lora(24), **attention_lora(24, theirs=True)}
    assert on_unet(write(tmp_path / "x.safetensors", tensors)) == []


@pytest.mark.parametrize("alpha", [torch.tensor(0.0), torch.tensor(0), torch.zeros(1)])
def test_an_alpha_of_nought_changes_nothing_and_says_so(alpha: Tensor, tmp_path: Path) -> None:
    tensors = attention_lora(24)
    for name in [name for name in tensors if name.endswith("lora_up.weight")]:
        tensors[name.replace("lora_up.weight", "alpha")] = alpha
    file = write(tmp_path / "x.safetensors", tensors)
    (warning,) = on_unet(file)
    assert "the alpha of 2 of 2 keys for the UNet is 0, so they change nothing" in warning


# ------------------------------------------------------------------ files


def broken(change: Callable[[dict[str, Tensor]], None]) -> dict[str, Tensor]:
    tensors = attention_lora(24)
    change(tensors)
    return tensors


Q = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_q"


def nan(value: float) -> Callable[[dict[str, Tensor]], None]:
    return lambda tensors: tensors[f"{Q}.lora_up.weight"].view(-1)[3:4].fill_(value) and None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (nan(float("nan")), f"{Q}.lora_up.weight holds NaN or infinity"),
        (nan(float("-inf")), f"{Q}.lora_up.weight holds NaN or infinity"),
        (lambda t: t.__delitem__(f"{Q}.lora_up.weight"),
         f"{Q} has down, but no up"),
        (lambda t: t.update({f"{Q}.lora_up.weight": torch.zeros(16, 3)}),
         f"the shapes of {Q} contradict each other (down [2, 16], up [16, 3])"),
        (lambda t: t.update({f"{Q}.lora_up.weight": torch.zeros(16, 0),
                             f"{Q}.lora_down.weight": torch.zeros(0, 16)}),
         f"the shapes of {Q} contradict each other"),
        (lambda t: t.update({f"{Q}.lora_mid.weight": torch.zeros(2, 3, 3, 3)}),
         f"the shapes of {Q} contradict each other"),
        (lambda t: t.update({f"{Q}.alpha": torch.zeros(2)}), f"{Q}.alpha is no single number"),
        (lambda t: t.update({f"{Q}.alpha": torch.tensor(float("nan"))}),
         f"{Q}.alpha holds NaN or infinity"),
        (lambda t: t.update({f"{Q}.dora_scale": torch.zeros(7, 1)}),
         f"the shapes of {Q} contradict each other"),
        (lambda t: t.update({f"{Q}.lora_up.weight": torch.zeros(16, 2, dtype=torch.int8)}),
         f"{Q}.lora_up.weight holds int8, not weights"),
        (lambda t: t.update({"lora_unet_x.hada_w1_a": torch.zeros(4, 2)}),
         "lora_unet_x has hada_w1_a, but no hada_w1_b"),
        (lambda t: t.update({f"lora_unet_x.hada_w{i}": torch.zeros(4, 2)
                             for i in ("1_a", "1_b", "2_a", "2_b")}),
         "the shapes of lora_unet_x contradict each other"),
        (lambda t: t.update({"lora_unet_x.lokr_w1": torch.zeros(2, 2)}),
         "lora_unet_x has lokr_w1, but no lokr_w2_a"),
        (lambda t: t.update({"lora_unet_x.lokr_w1": torch.zeros(2, 2, 2),
                             "lora_unet_x.lokr_w2": torch.zeros(2, 2)}),
         "the shapes of lora_unet_x contradict each other"),
        (lambda t: t.update({"lora_unet_x.lokr_w1": torch.zeros(2, 2),
                             "lora_unet_x.lokr_w2_a": torch.zeros(2, 2),
                             "lora_unet_x.lokr_w2_b": torch.zeros(3, 2)}),
         "the shapes of lora_unet_x contradict each other"),
    ],
)  # fmt: skip
def test_tensors_that_make_no_sense(
    change: Callable[[dict[str, Tensor]], None], words: str, tmp_path: Path
) -> None:
    file = write(tmp_path / "x.safetensors", broken(change))
    with pytest.raises(BadLora) as caught:
        read_lora(file)
    assert "the LoRA 'x'" in str(caught.value)
    assert words in str(caught.value)


def test_large_half_precision_values_are_no_infinity(tmp_path: Path) -> None:
    tensors = broken(lambda t: t.update({f"{Q}.lora_up.weight": torch.full((16, 2), 6e4).half()}))
    read_lora(write(tmp_path / "x.safetensors", tensors))


@pytest.mark.parametrize("cut", [0, 4, 8, 60, 900])
def test_a_truncated_file(cut: int, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(save(attention_lora(24))[:cut])
    with pytest.raises(BadWeights, match=r"x\.safetensors"):
        on_unet(FileRef("x", str(path), "x"))


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(BadWeights, match="missing"):
        on_unet(FileRef("x", str(tmp_path / "x.safetensors"), "x"))


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


def test_a_pickle_with_code_is_not_run(tmp_path: Path) -> None:
    path, mark = tmp_path / "x.pt", tmp_path / "mark"
    path.write_bytes(pickle.dumps({"lora_unet_x.alpha": Bomb(mark)}))
    with pytest.raises(BadWeights, match="code"):
        on_unet(FileRef("x", str(path), "x"))
    assert not mark.exists()


def test_a_pickle_of_tensors_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    torch.save(attention_lora(24), path)
    assert on_unet(FileRef("x", str(path), "x")) == []


@pytest.mark.parametrize(
    "tensors",
    [
        {"emb_params": torch.zeros(2, 8)},
        {"conv.weight": torch.zeros(2)},
        {"x.alpha": torch.ones(1)},
        {},
    ],
)
def test_a_file_that_is_no_lora(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    file = write(tmp_path / "x.safetensors", tensors)
    for put in (on_unet, on_text):
        with pytest.raises(BadLora, match="no tensors of a form that is known"):
            put(file)


def test_a_whole_checkpoint_is_no_lora(tmp_path: Path) -> None:
    unet = tiny_unet("sd1")
    tensors = {
        f"model.diffusion_model.{theirs}.weight": layers_of(unet)[ours].weight
        for theirs, ours in compvis_paths(layers_of(unet)).items()
    }
    with pytest.raises((BadLora, LoraMismatch), match=r"none of its|no tensors of a form"):
        on_unet(write(tmp_path / "x.safetensors", tensors))  # type: ignore[arg-type]


def test_a_failed_change_leaves_the_former_stack(tmp_path: Path) -> None:
    """What can't be put on is found out before anything is touched."""
    good = write(tmp_path / "good.safetensors", attention_lora(24))
    bad = write(tmp_path / "bad.safetensors", attention_lora(40))
    loras, unet = Loras(), tiny_unet("sd1")
    layer: nn.Linear = unet.mid_block.attentions[0].transformer_blocks[0].attn2.to_q
    x = torch.randn(1, 16)
    loras.on_unet(unet, (ref(good),), family="sd1", warn=Said())
    before = layer(x)
    with pytest.raises(LoraMismatch):
        loras.on_unet(unet, (ref(good, 0.5), ref(bad)), family="sd1", warn=Said())
    assert torch.equal(layer(x), before)
