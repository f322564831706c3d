"""Keys and values of the text, computed once a run: the same bits, less work."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor2_0

from studio.diffusion import attention as module
from studio.diffusion.attention import Attention, Memory, own_attention


def tiny_unet(**changes: Any) -> UNet2DConditionModel:
    config = {
        "sample_size": 8,
        "in_channels": 4,
        "out_channels": 4,
        "block_out_channels": (8, 16),
        "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
        "layers_per_block": 1,
        "cross_attention_dim": 24,
        "attention_head_dim": 4,
        "norm_num_groups": 4,
    }
    return UNet2DConditionModel(**{**config, **changes}).eval()


def pair(**changes: Any) -> tuple[UNet2DConditionModel, UNet2DConditionModel]:
    """Two UNets with the same weights."""
    plain, ours = tiny_unet(**changes), tiny_unet(**changes)
    ours.load_state_dict(plain.state_dict())
    return plain, ours


def inputs(unet: UNet2DConditionModel, seed: int = 0) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(seed)
    width = unet.config.cross_attention_dim
    return {
        "sample": torch.randn(2, unet.config.in_channels, 8, 8, generator=generator),
        "encoder_hidden_states": torch.randn(2, 9, width, generator=generator),
    }


def counted(unet: UNet2DConditionModel) -> dict[str, int]:
    """How often the layers that make keys from text are called from now on."""
    calls = {"to_k": 0}

    def count(*_: object) -> None:
        calls["to_k"] += 1

    for name, layer in unet.named_modules():
        if name.endswith("attn2.to_k"):
            layer.register_forward_hook(count)
    return calls


@pytest.mark.parametrize("linear", [False, True])
@torch.no_grad()
def test_the_same_bits_as_the_librarys_own_attention(linear: bool) -> None:
    plain, ours = pair(use_linear_projection=linear)
    attention = own_attention(ours)
    told = inputs(plain)
    memory = Memory()
    calls = counted(ours)
    layers = len([name for name, _ in ours.named_modules() if name.endswith("attn2.to_k")])
    assert layers
    for timestep in (900, 500, 20):
        expected = plain(timestep=timestep, return_dict=False, **told)[0]
        with attention.using(memory):
            got = ours(timestep=timestep, return_dict=False, **told)[0]
        assert torch.equal(got, expected)
    assert calls["to_k"] == layers
    assert len(memory.found) == layers
    assert torch.equal(ours(timestep=500, return_dict=False, **told)[0],
                       plain(timestep=500, return_dict=False, **told)[0])  # fmt: skip
    assert calls["to_k"] == 2 * layers


@torch.no_grad()
def test_a_mask_over_the_text_is_kept_to() -> None:
    plain, ours = pair()
    attention = own_attention(ours)
    told = {**inputs(plain), "encoder_attention_mask": torch.tensor([[1] * 9, [1] * 4 + [0] * 5])}
    expected = plain(timestep=300, return_dict=False, **told)[0]
    with attention.using(Memory()):
        assert torch.equal(ours(timestep=300, return_dict=False, **told)[0], expected)


@torch.no_grad()
def test_each_text_has_a_memory_of_its_own() -> None:
    plain, ours = pair()
    attention = own_attention(ours)
    memories = Memory(), Memory()
    for timestep in (700, 300):
        for seed, memory in enumerate(memories):
            told = inputs(plain, seed)
            with attention.using(memory):
                got = ours(timestep=timestep, return_dict=False, **told)[0]
            assert torch.equal(got, plain(timestep=timestep, return_dict=False, **told)[0])


@torch.no_grad()
def test_over_the_budget_it_is_computed_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, ours = pair()
    attention = own_attention(ours)
    told = inputs(plain)
    memory = Memory()
    monkeypatch.setattr(module, "BUDGET", 0)
    for timestep in (700, 300):
        with attention.using(memory):
            got = ours(timestep=timestep, return_dict=False, **told)[0]
        assert torch.equal(got, plain(timestep=timestep, return_dict=False, **told)[0])
    assert not memory.found
    assert memory.bytes == 0


@torch.no_grad()
def test_attention_that_is_more_than_plain_stays_the_librarys() -> None:
    plain, ours = pair()
    for unet in (plain, ours):
        unet.down_blocks[0].attentions[0].transformer_blocks[0].attn1.rescale_output_factor = 2.0
    processor = own_attention(ours)
    kept = [p for p in ours.attn_processors.values() if p is not processor]
    assert [type(p) for p in kept] == [AttnProcessor2_0]
    told = inputs(plain)
    expected = plain(timestep=300, return_dict=False, **told)[0]
    assert torch.equal(ours(timestep=300, return_dict=False, **told)[0], expected)


def test_the_library_finds_the_signature_at_once() -> None:
    """It asks for the parameters' names, and would leave out what they don't name."""
    names = list(inspect.signature(Attention().__call__).parameters)
    assert names == ["attn", "hidden_states", "encoder_hidden_states", "attention_mask"]
