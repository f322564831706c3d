"""On, off, stronger, weaker, in any order: the base weights are the very same objects."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
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
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from studio.diffusion.lora import live
from studio.diffusion.lora.fitting import Target
from studio.diffusion.lora.live import Loras
from studio.diffusion.lora.modules import unet_names
from studio.diffusion.lora.reading import LoraFile, read_lora
from studio.diffusion.lora.stack import LoraStack, layers_of

if TYPE_CHECKING:
    from pathlib import Path

    from studio.values import FileRef

LINE, CONV3 = shape_of("line"), shape_of("conv3")

POOL: tuple[tuple[str, Made], ...] = (
    ("line", low_rank(LINE, seed=1)),
    ("line", biased(low_rank(LINE, seed=2), 20)),
    ("line", hadamard(LINE, seed=3)),
    ("line", dora(LINE, "output", seed=4)),
    ("line", dora(LINE, "input", seed=5)),
    ("line", kronecker(LINE, first=(4, 3), seed=6)),
    ("conv3", low_rank(CONV3, seed=7)),
    ("conv3", tucker_low_rank(CONV3, seed=8)),
    ("conv3", tucker_hadamard(CONV3, seed=9)),
    ("conv3", dora(CONV3, "input", seed=10)),
    ("norm", biased(whole((8,), seed=11, name="w_norm"), 8, name="b_norm")),
    ("bare", biased(whole(LINE, seed=12), 20)),
)


def never(words: str) -> None:
    raise AssertionError(f"a warning: {words}")


def parameters(module: nn.Module) -> dict[str, tuple[int, bytes]]:
    """Every parameter's object and bytes."""
    return {
        name: (id(parameter), parameter.detach().numpy().tobytes())
        for name, parameter in module.named_parameters()
    }


def hooks(module: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in module.modules())


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> list[LoraFile]:
    folder = tmp_path_factory.mktemp("pool")
    return [
        read_lora(write(folder / f"{i}.safetensors", named(layer, made)))
        for i, (layer, made) in enumerate(POOL)
    ]


def stack_on(toy: nn.Module) -> LoraStack:
    layers = layers_of(toy)
    return LoraStack(layers, Target("UNet", frozenset({"unet"}), "toy", unet_names(layers)))


strengths = st.sampled_from([0.0, 1.0, 0.5, -0.7, 1.6])
stacks = st.lists(st.tuples(st.sampled_from(range(len(POOL))), strengths), max_size=5)
budgets = st.sampled_from([None, 0, 1000])


def test_any_sequence_of_stacks(pool: list[LoraFile]) -> None:
    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.tuples(stacks, budgets), min_size=1, max_size=6))
    def check(sequence: list[tuple[list[tuple[int, float]], int | None]]) -> None:
        toy = Toy()
        before = parameters(toy)
        stack = stack_on(toy)
        for chosen, spare in sequence:
            stack.set([(pool[i], strength) for i, strength in chosen], spare=spare, warn=never)
            outputs = toy()
            wanted = expected([(*POOL[i], strength) for i, strength in chosen])
            for layer in LAYERS:
                size = max(wanted[layer].abs().max().item(), 1)
                torch.testing.assert_close(
                    outputs[layer], wanted[layer], rtol=1e-5, atol=2e-5 * size
                )
            if spare == 0:
                # Nothing is kept: between calls the layers hold their own parameters.
                assert parameters(toy) == before
        stack.set([], warn=never)
        assert parameters(toy) == before
        assert hooks(toy) == 0
        assert stack.bytes == 0

    check()


def test_on_and_off_many_times(pool: list[LoraFile]) -> None:
    toy = Toy()
    before, plain = parameters(toy), toy()
    stack = stack_on(toy)
    for round_ in range(20):
        stack.set([(lora, 1 + round_ / 10) for lora in pool], warn=never)
        assert parameters(toy) != before
        stack.set([], warn=never)
        assert parameters(toy) == before
    after = toy()
    assert all(torch.equal(after[layer], plain[layer]) for layer in LAYERS)


def test_another_strength_of_a_branch_changes_a_number(pool: list[LoraFile]) -> None:
    """No weight is read, copied or converted: the hooks and factors are those of before."""
    toy = Toy()
    stack = stack_on(toy)
    thin = [pool[0], pool[5], pool[6]]
    stack.set([(lora, 1.0) for lora in thin], warn=never)
    before = parameters(toy), [dict(m._forward_hooks) for m in toy.modules()]
    with FlopCounterMode(display=False) as counter:
        stack.set([(lora, 0.3) for lora in thin], warn=never)
    assert counter.get_total_flops() == 0
    assert (parameters(toy), [dict(m._forward_hooks) for m in toy.modules()]) == before
    wanted = expected([(*POOL[i], 0.3) for i in (0, 5, 6)])
    torch.testing.assert_close(toy()["line"], wanted["line"], rtol=1e-5, atol=1e-4)


def test_an_unchanged_patched_weight_is_kept(pool: list[LoraFile]) -> None:
    toy = Toy()
    stack = stack_on(toy)
    stack.set([(pool[2], 1.0), (pool[0], 1.0)], warn=never)
    patched: Any = toy.mid_block.line
    weight = patched.weight
    stack.set([(pool[2], 1.0), (pool[0], 0.2)], warn=never)
    assert patched.weight is weight
    stack.set([(pool[2], 1.0), (pool[0], 0.2), (pool[6], 1.0)], warn=never)
    assert patched.weight is weight


def test_the_byte_budget_is_kept(pool: list[LoraFile]) -> None:
    toy = Toy()
    stack = stack_on(toy)
    line, conv = 4 * 20 * 24, 4 * 6 * 72
    sizes = ((None, line + conv), (line + conv, line + conv), (0, 0), (line, line),
             (line - 1, conv), (conv - 1, 0))  # fmt: skip
    for spare, wanted in sizes:
        stack.set([(pool[2], 1.0), (pool[8], 1.0)], spare=spare, warn=never)
        assert stack.bytes == wanted, spare


def test_the_base_comes_back_though_a_call_fails(pool: list[LoraFile]) -> None:
    toy = Toy()
    before = parameters(toy)
    stack_on(toy).set([(pool[2], 1.0)], spare=0, warn=never)
    line: Any = toy.mid_block.line
    with pytest.raises(RuntimeError):
        line(torch.zeros(1, 7))
    assert parameters(toy) == before


def test_a_change_that_fails_midway_takes_everything_off(
    pool: list[LoraFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = Toy()
    before = parameters(toy)
    stack = stack_on(toy)
    stack.set([(pool[0], 1.0), (pool[8], 1.0)], warn=never)

    def fails(*_: object) -> Tensor:
        raise MemoryError

    monkeypatch.setattr("studio.diffusion.lora.forms.Hadamard.add_to", fails)
    with pytest.raises(MemoryError):
        stack.set([(pool[0], 1.0), (pool[6], 1.0), (pool[2], 1.0)], warn=never)
    assert parameters(toy) == before
    assert hooks(toy) == 0


def test_the_same_lora_twice_adds_up(pool: list[LoraFile]) -> None:
    toy = Toy()
    stack_on(toy).set([(pool[0], 0.25), (pool[0], 0.5)], warn=never)
    wanted = expected([(*POOL[0], 0.75)])
    torch.testing.assert_close(toy()["line"], wanted["line"], rtol=1e-5, atol=1e-4)


# ------------------------------------------------------------------ files in memory


def toys_lora(folder: Path, name: str, seed: int) -> FileRef:
    return write(folder / f"{name}.safetensors", named("line", low_rank(LINE, seed=seed)))


def test_a_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []

    def counted(reference: FileRef) -> LoraFile:
        reads.append(reference.name)
        return read_lora(reference)

    monkeypatch.setattr(live, "read_lora", counted)
    a, b = toys_lora(tmp_path, "a", 1), toys_lora(tmp_path, "b", 2)
    loras, toy = Loras(), Toy()
    for recipe in ((ref(a),), (ref(a, 0.5), ref(b)), (), (ref(b),), (ref(a),)):
        loras.on_unet(toy, recipe, family="toy", warn=never)
    assert reads == ["a", "b"]
    small = Loras(budget=1)
    reads.clear()
    for name in (a, a, b, b, a):
        small.on_unet(toy, (ref(name),), family="toy", warn=never)
    assert reads == ["a", "b", "a"]


def test_a_strength_of_nought_reads_no_file(tmp_path: Path) -> None:
    gone = toys_lora(tmp_path, "gone", 1)
    (tmp_path / "gone.safetensors").unlink()
    Loras().on_unet(Toy(), (ref(gone, 0.0),), family="toy", warn=never)


def test_two_models_have_stacks_of_their_own(tmp_path: Path) -> None:
    a, b = toys_lora(tmp_path, "a", 1), toys_lora(tmp_path, "b", 2)
    loras, one, two = Loras(), Toy(), Toy()
    loras.on_unet(one, (ref(a),), family="toy", warn=never)
    loras.on_unet(two, (ref(b),), family="toy", warn=never)
    wanted = [expected([("line", low_rank(LINE, seed=seed), 1.0)]) for seed in (1, 2)]
    torch.testing.assert_close(one()["line"], wanted[0]["line"], rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(two()["line"], wanted[1]["line"], rtol=1e-5, atol=1e-4)


def test_a_model_that_is_let_go_is_freed_at_once(tmp_path: Path) -> None:
    loras, toy = Loras(), Toy()
    for name, made in (("a", low_rank(LINE)), ("b", hadamard(LINE))):
        file = write(tmp_path / f"{name}.safetensors", named("line", made))
        loras.on_unet(toy, (ref(file),), family="toy", warn=never)
    inner = weakref.ref(toy.mid_block.line)
    gc.disable()
    try:
        del toy
        assert inner() is None
    finally:
        gc.enable()
