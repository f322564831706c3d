"""First stages in files of their own: loaded as the library loads them, or refused in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from compvis_files import TINY, tiny_configs, tiny_file
from safetensors.torch import load_file, save_file
from tiny_stages import KL, latent, make, never, picture

from benchmarks.compvis import first_stage_shapes, write_tensors
from studio.diffusion.checkpoints import BadCheckpoint
from studio.diffusion.store import ModelStore
from studio.hardware import Policy
from studio.values import CheckpointRef, Vae

if TYPE_CHECKING:
    from pathlib import Path

    from studio.diffusion.vae import LiveVae


def lone(path: Path, dtype: str = "float32") -> LiveVae:
    """What the store makes of a first stage of its own."""
    reference = CheckpointRef("it", str(path), str(path))
    return ModelStore(Policy("cpu", "cpu", dtype)).vae(Vae(reference, alone=True))


def assert_same(found: LiveVae, wanted: Any) -> None:
    state, expected = found.module.state_dict(), wanted.state_dict()
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[name], expected[name]) for name in expected)
    given = latent(found, 32, 32)
    quantised = {"force_not_quantize": False} if found.quantised else {}
    with torch.no_grad():
        decoded = wanted.decode(given.samples, **quantised).sample
    assert torch.equal(found.decode(given, never).pixels, (decoded * 0.5 + 0.5).clamp(0, 1))


@pytest.mark.parametrize("prefix", ["", "first_stage_model."])
def test_a_file_in_compvis_layout(tmp_path: Path, prefix: str) -> None:
    from diffusers import AutoencoderKL

    shapes = first_stage_shapes(TINY["sd1"].first_stage)
    path = tmp_path / "vae.safetensors"
    write_tensors(path, {prefix + name: shape for name, shape in shapes.items()})
    plain = path
    if prefix:
        tensors = load_file(path)
        plain = tmp_path / "plain.safetensors"
        save_file({name.removeprefix(prefix): t for name, t in tensors.items()}, plain)
    found = lone(path)
    config = tiny_configs(tmp_path / "configs", "sd1")
    wanted = AutoencoderKL.from_single_file(
        str(plain), config=str(config), subfolder="vae", local_files_only=True
    )
    assert_same(found, wanted.eval())
    # It doesn't say whether it is Stable Diffusion 1's or SDXL's.
    assert found.space.name == "kl-f8-c4"


def test_a_vq_file_in_compvis_layout(tmp_path: Path) -> None:
    path = tmp_path / "vq.safetensors"
    write_tensors(path, first_stage_shapes(TINY["ldm_class"].first_stage))
    found = lone(path)
    assert found.quantised
    assert found.space.name == "vq-f4-c3"
    found.decode(found.encode(picture(32, 32), never), never)


@pytest.mark.parametrize("folder", [True, False])
def test_diffusers_files(tmp_path: Path, folder: bool) -> None:
    wanted = make({**KL, "scaling_factor": 0.13025})
    wanted.save_pretrained(tmp_path / "vae")
    if folder:
        found = lone(tmp_path / "vae")
        assert_same(found, wanted)
        assert found.space.name == "kl-f8-c4-0.13025"
        assert found.space.scaling_factor == 0.13025
    else:
        file = tiny_file_of_diffusers(tmp_path)
        found = lone(file)
        state = load_file(file)
        assert all(torch.equal(t, state[n]) for n, t in found.module.state_dict().items())
        assert found.space.name == "kl-f8-c4"


def tiny_file_of_diffusers(folder: Path) -> Path:
    """The weights alone of a first stage that diffusers saved.

    With 32 groups in its norms: a file can't say how many, a folder's config can.
    """
    module = make({**KL, "block_out_channels": (32,) * 4, "norm_num_groups": 32})
    module.save_pretrained(folder / "alone")
    return folder / "alone" / "diffusion_pytorch_model.safetensors"


def test_of_a_whole_checkpoint_the_first_stage_is_taken(tmp_path: Path) -> None:
    path = tiny_file(tmp_path / "all.safetensors", "sdxl")
    store = ModelStore(Policy("cpu", "cpu", "float32"))
    reference = CheckpointRef("it", str(path), "print")
    alone, whole = (store.vae(Vae(reference, alone=a)) for a in (True, False))
    # One file, and still two first stages: the checkpoint knows how its latents are scaled.
    assert (alone.space.name, whole.space.name) == ("kl-f8-c4", "kl-f8-c4-0.13025")
    given = latent(whole, 32, 32)
    assert torch.equal(alone.decode(given, never).pixels, whole.decode(given, never).pixels)


def test_sdxls_stays_in_float32_where_float16_overflows(tmp_path: Path) -> None:
    path = tiny_file(tmp_path / "all.safetensors", "sdxl")
    dtypes = {}
    for dtype in ("float16", "bfloat16"):
        store = ModelStore(Policy("cpu", "cpu", dtype))
        live = store.vae(Vae(CheckpointRef("it", str(path), "print")))
        assert live.dtype is next(live.module.parameters()).dtype
        dtypes[dtype] = live.dtype
    assert dtypes == {"float16": torch.float32, "bfloat16": torch.bfloat16}


def test_what_is_no_first_stage(tmp_path: Path) -> None:
    lora = tmp_path / "lora.safetensors"
    layer = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q"
    write_tensors(lora, {f"{layer}.lora_down.weight": (2, 32), f"{layer}.lora_up.weight": (32, 2)})
    with pytest.raises(BadCheckpoint, match=r"is no first stage: it is a LoRA") as caught:
        lone(lora)
    assert "Give another file as the VAE" in str(caught.value)
    denoiser = tmp_path / "denoiser.safetensors"
    write_tensors(denoiser, {"model.diffusion_model.input_blocks.0.0.weight": (32, 4, 3, 3)})
    with pytest.raises(BadCheckpoint, match="is no first stage"):
        lone(denoiser)
    torn = tmp_path / "torn.safetensors"
    torn.write_bytes(tiny_file_of_diffusers(tmp_path).read_bytes()[:-1000])
    with pytest.raises(BadCheckpoint, match=r"torn\.safetensors"):
        lone(torn)
