"""Stacks of LoRAs through the model store, on small checkpoints of every family that has them."""

from __future__ import annotations

import copy
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import torch
from compvis_files import tiny_file
from lora_makers import ref, write
from torch import Tensor, nn

from studio.diffusion.lora.stack import layers_of
from studio.diffusion.store import ModelStore
from studio.diffusion.weights.files import SafetensorsFile
from studio.hardware import Policy
from studio.values import CheckpointRef, Clip, LoraRef, Model

if TYPE_CHECKING:
    from studio.values import FileRef

RANK, ALPHA = 2, 1.0
STRENGTHS = (0.7, -0.3)
PROMPT = "a small orange heart"
OTHER_SKIP = {"sd1": 2, "sd2": 3, "sdxl": 1}
"""A clip skip that the family doesn't have by itself, and its tiny encoders have layers for."""


class World(NamedTuple):
    """A checkpoint, what its store makes of it, and two LoRAs with their tensors."""

    store: ModelStore
    checkpoint: CheckpointRef
    files: tuple[FileRef, FileRef]
    tensors: tuple[dict[str, Tensor], dict[str, Tensor]]

    @property
    def stack(self) -> tuple[LoraRef, ...]:
        return tuple(map(ref, self.files, STRENGTHS))

    def denoiser(self, loras: tuple[LoraRef, ...]) -> Any:
        return self.store.model(Model(self.checkpoint, loras), never).unet

    def states(self, loras: tuple[LoraRef, ...], skip: int | None = None) -> Tensor:
        live = self.store.text(Clip(self.checkpoint, loras, skip), never)
        states = live.encode(PROMPT, never).entries[0].embeddings
        assert states is not None
        return states


def never(words: str) -> None:
    raise AssertionError(f"a warning: {words}")


def kohya(module: nn.Module, prefix: str, seed: int) -> dict[str, Tensor]:
    """Factors for every linear layer and convolution, as Kohya's trainer names them."""
    generator = torch.Generator().manual_seed(seed)
    tensors: dict[str, Tensor] = {}
    for path, layer in layers_of(module).items():
        if not isinstance(layer, nn.Linear | nn.Conv2d):
            continue
        base = prefix + path.removeprefix("text_model.").replace(".", "_")
        out, *rest = layer.weight.shape
        shapes = {"lora_down": (RANK, *rest), "lora_up": (out, RANK, *[1] * len(rest[1:]))}
        for factor, shape in shapes.items():
            tensors[f"{base}.{factor}.weight"] = torch.randn(shape, generator=generator) * 0.2
        tensors[f"{base}.alpha"] = torch.tensor(ALPHA)
    return tensors


def modules(world: World) -> dict[str, nn.Module]:
    """The live modules by the beginning of their layers' names in LoRA files."""
    encoders = world.store.text(Clip(world.checkpoint)).encoders
    numbers = [""] if len(encoders) == 1 else ["1", "2"]
    text = {
        f"lora_te{number}_text_model_": encoder.module
        for number, encoder in zip(numbers, encoders, strict=True)
    }
    return {"lora_unet_": world.denoiser(()), **text}


@pytest.fixture(scope="module", params=["sd1", "sd2", "sdxl"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp(request.param)
    path = tiny_file(folder / "tiny.safetensors", request.param)
    checkpoint = CheckpointRef("tiny", str(path), request.param)
    found = World(ModelStore(Policy("cpu", "cpu", "float32")), checkpoint, ..., ...)  # type: ignore[arg-type]
    made = []
    for seed in (1, 2):
        tensors: dict[str, Tensor] = {}
        for prefix, module in modules(found).items():
            tensors |= kohya(module, prefix, seed)
        made.append((write(folder / f"{seed}.safetensors", tensors), tensors))
    return found._replace(files=tuple(m[0] for m in made), tensors=tuple(m[1] for m in made))


def merged(module: nn.Module, prefix: str, tensors: tuple[dict[str, Tensor], ...]) -> Any:
    """A copy of a module with both LoRAs added to its weights."""
    result = copy.deepcopy(module)
    for path, layer in layers_of(result).items():
        base = prefix + path.removeprefix("text_model.").replace(".", "_")
        for strength, factors in zip(STRENGTHS, tensors, strict=True):
            if f"{base}.alpha" in factors:
                up, down = (factors[f"{base}.lora_{way}.weight"] for way in ("up", "down"))
                delta = strength * ALPHA / RANK * (up.flatten(1) @ down.flatten(1))
                weight: Any = layer.weight
                layer.weight = nn.Parameter(weight + delta.reshape(weight.shape), False)
    return result


@torch.no_grad()
def denoised(unet: Any) -> Tensor:
    config, generator = unet.config, torch.Generator().manual_seed(5)
    extra = {}
    if config.addition_embed_type == "text_time":
        wide = unet.add_embedding.linear_1.in_features - 6 * config.addition_time_embed_dim
        pooled = torch.randn(1, wide, generator=generator)
        extra["added_cond_kwargs"] = {"text_embeds": pooled, "time_ids": torch.ones(1, 6)}
    x = torch.randn(1, config.in_channels, 16, 16, generator=generator)
    words = torch.randn(1, 7, config.cross_attention_dim, generator=generator)
    result: Tensor = unet(x, torch.tensor(300), words, return_dict=False, **extra)[0]
    return result


def bits(module: nn.Module) -> dict[str, tuple[int, bytes]]:
    return {name: (id(p), p.numpy().tobytes()) for name, p in module.named_parameters()}


def test_a_stack_is_the_sum_of_its_differences(world: World) -> None:
    live = modules(world)
    before = {prefix: bits(module) for prefix, module in live.items()}
    plain, words = denoised(live["lora_unet_"]), world.states(())
    wanted = {prefix: merged(module, prefix, world.tensors) for prefix, module in live.items()}
    unet = world.denoiser(world.stack)
    assert unet is live["lora_unet_"]
    torch.testing.assert_close(denoised(unet), denoised(wanted["lora_unet_"]), rtol=1e-4, atol=2e-5)
    assert (denoised(unet) - plain).abs().max() > 0.1
    live_text = world.store.text(Clip(world.checkpoint, world.stack), never)
    ids = torch.tensor([[1, 5, 9, 3, 2]])
    for encoder, (prefix, merged_one) in zip(
        live_text.encoders, list(wanted.items())[1:], strict=True
    ):
        got, hand = (m(input_ids=ids).last_hidden_state for m in (encoder.module, merged_one))
        torch.testing.assert_close(got, hand, rtol=1e-4, atol=2e-5, msg=prefix)
    assert (world.states(world.stack) - words).abs().max() > 0.1
    assert torch.equal(world.states(()), words)
    assert torch.equal(denoised(world.denoiser(())), plain)
    assert {prefix: bits(module) for prefix, module in live.items()} == before


def test_recipes_that_share_a_model_take_turns(world: World) -> None:
    """With and without, in any order, with another clip skip: each as if it were alone."""
    one, two = world.stack[:1], world.stack
    other = OTHER_SKIP[world.checkpoint.fingerprint]
    alone = {
        (loras, skip): world.states(loras, skip)
        for loras in ((), one, two)
        for skip in (None, other)
    }
    assert len({states.numpy().tobytes() for states in alone.values()}) == len(alone)
    for (loras, skip), states in [*alone.items(), *reversed(alone.items())]:
        assert torch.equal(world.states(loras, skip), states)
    first = {loras: denoised(world.denoiser(loras)) for loras in ((), one, two)}
    for loras in (one, (), two, one, two, ()):
        assert torch.equal(denoised(world.denoiser(loras)), first[loras])


def test_another_strength_reads_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a base weight nor the LoRA's file, which may even be gone by then."""
    first = denoised(world.denoiser(world.stack)), world.states(world.stack)
    reads: Counter[str] = Counter()

    def counted(file: SafetensorsFile, name: str, dtype: torch.dtype) -> Tensor:
        reads[file.path.name] += 1
        return read(file, name, dtype)

    read = SafetensorsFile.read_as
    monkeypatch.setattr(SafetensorsFile, "read_as", counted)
    for strengths in ((0.1, 0.2), (1.0, 0.0), (0.0, 0.0), STRENGTHS):
        loras = tuple(map(ref, world.files, strengths))
        last = denoised(world.denoiser(loras)), world.states(loras)
    assert not reads
    assert all(map(torch.equal, first, last))
    if world.checkpoint.fingerprint != "sd1":
        return
    # The counter counts: another store reads each tensor of the base once, and of the files.
    other = world._replace(store=ModelStore(Policy("cpu", "cpu", "float32")))
    assert torch.equal(denoised(other.denoiser(world.stack)), first[0])
    assert reads["1.safetensors"] == len(world.tensors[0])
    assert reads["tiny.safetensors"] > 100
