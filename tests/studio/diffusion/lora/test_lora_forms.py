"""Every form's effect on a layer, against W + scale · delta computed another way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from lora_makers import (
    LAYERS,
    Made,
    Toy,
    biased,
    dora,
    expected,
    hadamard,
    kronecker,
    low_rank,
    named,
    ref,
    shape_of,
    tucker_hadamard,
    tucker_low_rank,
    whole,
    write,
)

from studio.diffusion.lora import branches
from studio.diffusion.lora.fitting import Target
from studio.diffusion.lora.live import Loras
from studio.diffusion.lora.modules import unet_names
from studio.diffusion.lora.reading import read_lora
from studio.diffusion.lora.stack import LoraStack, layers_of

if TYPE_CHECKING:
    from pathlib import Path

LINE, CONV3, CONV1 = shape_of("line"), shape_of("conv3"), shape_of("conv1")

FORMS: dict[str, tuple[str, Made]] = {
    "LoRA, linear": ("line", low_rank(LINE)),
    "LoRA, linear without bias": ("bare", low_rank(LINE)),
    "LoRA, no alpha": ("line", low_rank(LINE, alpha=None)),
    "LoRA, negative alpha": ("line", low_rank(LINE, alpha=-1.0)),
    "LoRA, rank 1": ("line", low_rank(LINE, rank=1)),
    "LoRA, rank above the sides": ("line", low_rank(LINE, rank=30)),
    "LoRA, 1x1 factors on a linear layer": ("line", low_rank((20, 24, 1, 1))),
    "LoRA, flat factors on a 1x1 convolution": ("conv1", low_rank((6, 8))),
    "LoRA, flat factors on a 3x3 convolution": ("conv3", low_rank((6, 72))),
    "LoRA, embedding": ("words", low_rank((10, 12))),
    "LoCon, 3x3": ("conv3", low_rank(CONV3)),
    "LoCon, 1x1": ("conv1", low_rank(CONV1)),
    "LoCon, Tucker": ("conv3", tucker_low_rank(CONV3)),
    "LoHa, linear": ("line", hadamard(LINE)),
    "LoHa, rank 1, thin": ("line", hadamard(LINE, rank=1)),
    "LoHa, 3x3": ("conv3", hadamard(CONV3)),
    "LoHa, rank 1, 3x3": ("conv3", hadamard(CONV3, rank=1)),
    "LoHa, 1x1": ("conv1", hadamard(CONV1)),
    "LoHa, Tucker": ("conv3", tucker_hadamard(CONV3)),
    "LoKr, linear": ("line", kronecker(LINE)),
    "LoKr, thin": ("line", kronecker(LINE, first=(4, 3))),
    "LoKr, first a product": ("line", kronecker(LINE, first=(4, 4), split="1")),
    "LoKr, second a product": ("line", kronecker(LINE, first=(5, 3), split="2")),
    "LoKr, both products": ("line", kronecker(LINE, first=(4, 4), split="12")),
    "LoKr, no alpha": ("line", kronecker(LINE, first=(5, 3), split="2", alpha=None)),
    "LoKr, first of one number": ("line", kronecker(LINE, first=(1, 1))),
    "LoKr, 3x3": ("conv3", kronecker(CONV3, first=(3, 2))),
    "LoKr, 3x3, second a product": ("conv3", kronecker(CONV3, first=(3, 4), split="2")),
    "LoKr, 3x3, thick": ("conv3", kronecker(CONV3, first=(1, 8), split="2")),
    "LoKr, Tucker": ("conv3", kronecker(CONV3, first=(3, 2), split="1t")),
    "LoKr, 1x1": ("conv1", kronecker(CONV1, first=(2, 2))),
    "DoRA by output": ("line", dora(LINE, "output")),
    "DoRA by input": ("line", dora(LINE, "input")),
    "DoRA by output, 3x3": ("conv3", dora(CONV3, "output")),
    "DoRA by input, 3x3": ("conv3", dora(CONV3, "input")),
    "DoRA by output, 1x1": ("conv1", dora(CONV1, "output")),
    "difference, linear": ("line", whole(LINE)),
    "difference, 3x3": ("conv3", whole(CONV3)),
    "difference and bias": ("line", biased(whole(LINE), 20)),
    "difference to a bias that isn't there": ("bare", biased(whole(LINE), 20)),
    "LoRA and bias": ("line", biased(low_rank(LINE), 20)),
    "LoRA and bias of a convolution": ("conv3", biased(low_rank(CONV3), 6)),
    "bias alone": ("line", biased(Made({}, lambda base, _: base), 20)),
    "norm": ("norm", biased(whole((8,), name="w_norm"), 8, name="b_norm")),
    "norm's difference": ("norm", whole((8,))),
    "embedding's difference": ("words", whole((10, 12))),
}  # fmt: skip
every_form = pytest.mark.parametrize("name", FORMS)


def close(got: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> None:
    for layer in LAYERS:
        size = wanted[layer].abs().max().item()
        torch.testing.assert_close(got[layer], wanted[layer], rtol=1e-5, atol=1e-5 * max(size, 1))


def never(words: str) -> None:
    raise AssertionError(f"a warning: {words}")


def stack_on(toy: Toy) -> LoraStack:
    layers = layers_of(toy)
    return LoraStack(layers, Target("UNet", frozenset({"unet"}), "toy", unet_names(layers)))


@every_form
def test_the_layer_computes_what_the_changed_weight_would(name: str, tmp_path: Path) -> None:
    """Kept and on the fly, at three strengths; and the form knows its shape beforehand."""
    layer, made = FORMS[name]
    lora = read_lora(write(tmp_path / "lora.safetensors", named(layer, made)))
    for strength in (1.0, 0.6, -0.5):
        wanted = expected([(layer, made, strength)])
        for spare in (None, 0):
            toy = Toy()
            stack = stack_on(toy)
            stack.set([(lora, strength)], spare=spare, warn=never)
            assert stack.changed == (f"mid_block.{layer}",)
            close(toy(), wanted)
    patch = lora.patches["unet"][f"mid_block_{layer}"]
    if patch.form is not None:
        assert tuple(patch.form.delta(torch.device("cpu")).shape) == patch.form.shape


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_factors_of_any_dtype_are_read(dtype: torch.dtype, tmp_path: Path) -> None:
    made = low_rank(LINE)
    rounded = {name: tensor.to(dtype) for name, tensor in named("line", made).items()}
    again = {name: tensor.float() for name, tensor in rounded.items()}
    outputs = []
    for number, tensors in enumerate((rounded, again)):
        toy = Toy()
        lora = read_lora(write(tmp_path / f"{number}.safetensors", tensors))
        stack_on(toy).set([(lora, 1.0)], warn=never)
        outputs.append(toy()["line"])
    torch.testing.assert_close(outputs[0], outputs[1], rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_model_in_half_precision_keeps_its_dtype(dtype: torch.dtype, tmp_path: Path) -> None:
    """A patched weight is rounded once, from float32."""
    made = hadamard(LINE)
    toy = Toy().to(dtype)
    base = toy.mid_block.line.weight.detach().clone()
    lora = read_lora(write(tmp_path / "lora.safetensors", named("line", made)))
    stack_on(toy).set([(lora, 0.7)], warn=never)
    weight = toy.mid_block.line.weight
    assert weight.dtype is dtype
    exact = torch.from_numpy(made.weight(base.double().numpy(), 0.7))
    torch.testing.assert_close(weight, exact.float().to(dtype), rtol=1e-2, atol=0)
    branch = Toy().to(dtype)
    low = read_lora(write(tmp_path / "low.safetensors", named("line", low_rank(LINE))))
    stack_on(branch).set([(low, 0.7)], warn=never)
    output = branch.mid_block.line(torch.ones(1, 24, dtype=dtype))
    assert output.dtype is dtype
    merged = low_rank(LINE).weight(base.double().numpy(), 0.7)
    wanted = merged.sum(1) + branch.mid_block.line.bias.double().numpy()
    torch.testing.assert_close(output[0].double(), torch.from_numpy(wanted), rtol=0.05, atol=0.05)


def test_thin_forms_leave_the_weight_alone(tmp_path: Path) -> None:
    """Low rank, thin Kronecker and thin Hadamard run beside the layer: nothing is copied."""
    for name in ("LoRA, linear", "LoCon, 3x3", "LoCon, Tucker", "LoKr, thin", "LoHa, rank 1, thin"):
        layer, made = FORMS[name]
        lora = read_lora(write(tmp_path / f"{layer}.safetensors", named(layer, made)))
        toy = Toy()
        weight = getattr(toy.mid_block, layer).weight
        stack = stack_on(toy)
        stack.set([(lora, 1.0)], warn=never)
        assert getattr(toy.mid_block, layer).weight is weight, name
        assert 0 < stack.bytes <= 2 * sum(t.nbytes for t in made.tensors.values()), name


@pytest.mark.parametrize("layer", ["line", "conv3", "conv1"])
@pytest.mark.parametrize("rank", [1, 3])
def test_a_hadamard_form_is_a_low_rank_one_of_the_square_rank(
    layer: str, rank: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(branches, "THIN_PRODUCT", 100.0)
    made = hadamard(shape_of(layer), rank=rank)
    lora = read_lora(write(tmp_path / "lora.safetensors", named(layer, made)))
    toy = Toy()
    weight = getattr(toy.mid_block, layer).weight
    stack_on(toy).set([(lora, 0.6)], warn=never)
    assert getattr(toy.mid_block, layer).weight is weight
    close(toy(), expected([(layer, made, 0.6)]))


@pytest.mark.parametrize("by", ["output", "input"])
def test_dora_rescales_what_was_put_on_before_it(by: str, tmp_path: Path) -> None:
    first, second, third = low_rank(LINE, seed=20), dora(LINE, by, seed=21), low_rank(LINE, seed=22)
    files = [
        read_lora(write(tmp_path / f"{i}.safetensors", named("line", made)))
        for i, made in enumerate((first, second, third))
    ]
    toy = Toy()
    stack = stack_on(toy)
    for order in ((0, 1, 2), (1, 0, 2), (2, 0, 1)):
        stack.set([(files[i], 0.8) for i in order], warn=never)
        made = [(first, second, third)[i] for i in order]
        close(toy(), expected([("line", one, 0.8) for one in made]))


def test_the_order_of_additive_forms_makes_no_difference(tmp_path: Path) -> None:
    makers = [low_rank(LINE), hadamard(LINE), kronecker(LINE, first=(4, 3)), whole(LINE)]
    files = [
        read_lora(write(tmp_path / f"{i}.safetensors", named("line", made)))
        for i, made in enumerate(makers)
    ]
    wanted = expected([("line", made, 0.5) for made in makers])
    toy = Toy()
    stack = stack_on(toy)
    for order in ((0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2)):
        stack.set([(files[i], 0.5) for i in order], warn=never)
        close(toy(), wanted)


def test_peft_spells_doras_lengths_by_output_in_two_shapes(tmp_path: Path) -> None:
    for layer, shape, sides in (("line", LINE, (20,)), ("conv3", CONV3, (1, 6, 1, 1))):
        made = dora(shape, "output", alpha=4.0)
        spelled = {
            f"unet.mid_block.{layer}.lora_A.weight": made.tensors["lora_down.weight"],
            f"unet.mid_block.{layer}.lora_B.weight": made.tensors["lora_up.weight"],
            f"unet.mid_block.{layer}.lora_magnitude_vector": made.tensors["dora_scale"].reshape(
                sides
            ),
        }
        lora = read_lora(write(tmp_path / f"{layer}.safetensors", spelled))
        toy = Toy()
        stack_on(toy).set([(lora, 0.5)], warn=never)
        close(toy(), expected([(layer, made, 0.5)]))


def test_pefts_bias_of_the_up_factor_is_scaled_with_it(tmp_path: Path) -> None:
    made = low_rank(LINE, alpha=2.0)
    bias = torch.randn(20)
    spelled = {
        "unet.mid_block.line.lora_A.weight": made.tensors["lora_down.weight"],
        "unet.mid_block.line.lora_B.weight": made.tensors["lora_up.weight"],
        "unet.mid_block.line.lora_B.bias": bias,
        "unet.mid_block.line.alpha": torch.tensor(2.0),
    }
    lora = read_lora(write(tmp_path / "lora.safetensors", spelled))
    toy = Toy()
    stack_on(toy).set([(lora, 0.5)], warn=never)
    whole_bias = Made(made.tensors, made.weight, bias.double().numpy() * 2.0 / 4)
    close(toy(), expected([("line", whole_bias, 0.5)]))


def test_a_square_convolutions_lengths_are_told_apart_by_their_name(tmp_path: Path) -> None:
    """[1, n, 1, 1] is by input in LyCORIS's files and by output in PEFT's."""
    lengths = torch.rand(1, 5, 1, 1) + 0.5
    down, up = torch.randn(2, 5, 1, 1), torch.randn(5, 2, 1, 1)
    by_input = {"x.lora_down.weight": down, "x.lora_up.weight": up, "x.dora_scale": lengths}
    by_output = {"x.lora_A.weight": down, "x.lora_B.weight": up, "x.lora_magnitude_vector": lengths}
    found = []
    for number, tensors in enumerate((by_input, by_output)):
        spelled = {f"unet.mid_block.{name}": tensor for name, tensor in tensors.items()}
        lora = read_lora(write(tmp_path / f"{number}.safetensors", spelled))
        magnitude = lora.patches["unet"]["mid_block_x"].magnitude
        assert magnitude is not None
        found.append(tuple(magnitude.shape))
    assert found == [(1, 5), (5, 1)]


def test_a_strength_of_nought_is_not_there(tmp_path: Path) -> None:
    layer, made = FORMS["DoRA by output"]
    file = write(tmp_path / "lora.safetensors", named(layer, made))
    toy = Toy()
    plain = toy()
    Loras().on_unet(toy, (ref(file, 0.0),), family="toy", warn=never)
    assert all(torch.equal(toy()[name], plain[name]) for name in LAYERS)
