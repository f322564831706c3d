"""Single files that can't be used: each is named, with what it is and what to do."""

from __future__ import annotations

import math
import os
import pickle
import re
import struct
from typing import TYPE_CHECKING, Any

import pytest
import torch
from checkpoint_bench import AGAIN, FLOAT32, hollow, read, trap

from benchmarks.compvis import TINY, shapes, write_checkpoint
from benchmarks.compvis.hollow import write_hollow
from studio.diffusion.checkpoints import BadCheckpoint, read_vae
from studio.diffusion.store import ModelStore
from studio.errors import InputError
from studio.values import CheckpointRef, Clip, Model, Vae

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

UNET = "model.diffusion_model."
TABLE = "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight"
BLOCK = f"{UNET}input_blocks.1.1.transformer_blocks.0.attn2."


def refusal(path: Path, ema: bool | None = None) -> str:
    with pytest.raises(BadCheckpoint) as caught:
        read(path, ema=ema)
    message = str(caught.value)
    assert message.startswith(f"the checkpoint 'it': {path}: ")
    assert caught.value.exit_code == 2
    return message


def changed(kind: str, folder: Path, **tensors: tuple[int, ...] | None) -> Path:
    """A tiny file with other shapes of some tensors (a dot written __), None = without."""
    found = shapes(TINY[kind], schedule=False)
    for name, shape in tensors.items():
        key = name.replace("__", ".")
        if shape is None:
            found.pop(key)
        else:
            found[key] = shape
    return write_hollow(folder / "it.safetensors", found)


# --- files that aren't whole ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "damage", "words"),
    [
        ("a.safetensors", lambda data: data[:-1], "bytes long where its header says"),
        ("a.safetensors", lambda data: data[: len(data) // 2], "it isn't whole"),
        ("a.safetensors", lambda data: data[:1000], "isn't a whole safetensors file"),
        ("a.safetensors", lambda _: b"", "the file is empty"),
        ("a.safetensors", lambda _: b"\0" * 4, "isn't a whole safetensors file"),
        ("a.safetensors", lambda _: bytes(4096), "isn't a whole safetensors file"),
        ("a.safetensors", lambda data: struct.pack("<Q", 2**60) + data[8:],
         "its header would take 1,152,921,504,606,846,976 bytes"),
        ("a.safetensors", lambda data: struct.pack("<Q", len(data) - 8) + data[8:],
         "isn't a whole safetensors file"),
        ("a.ckpt", lambda _: b"", "the file is empty"),
        ("a.ckpt", lambda _: b"hello" * 99, "neither a file of torch nor a safetensors file"),
        ("a.safetensors", lambda _: b"<!DOCTYPE html>" + bytes(99), "is a web page"),
        ("a.ckpt", lambda _: b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        ("a.safetensors", lambda _: b"GGUF" + bytes(99), "is a GGUF file"),
        ("a.safetensors", lambda _: b'{"a": 1}' * 9, "is JSON"),
    ],
)  # fmt: skip
def test_damaged_files(
    name: str, damage: Callable[[bytes], bytes], words: str, tmp_path: Path
) -> None:
    whole = hollow(tmp_path, "ldm_sr").read_bytes()
    path = tmp_path / name
    path.write_bytes(damage(whole))
    assert words in refusal(path)


@pytest.mark.parametrize("cut", [100, 5_000, -1000, -1])
def test_files_of_torch_that_were_cut(cut: int, tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path / "a.ckpt", TINY["ldm_sr"])
    path.write_bytes(path.read_bytes()[:cut])
    message = refusal(path)
    assert "isn't whole" in message or "isn't a whole file of torch" in message
    assert AGAIN in message


def test_a_missing_file(tmp_path: Path) -> None:
    assert "the file is missing" in refusal(tmp_path / "it.safetensors")


# --- files that need code ------------------------------------------------------------------------


class Code:
    """Unpickling it writes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return (type(self.marker).write_text, (self.marker, "the pickle ran"))


@pytest.mark.parametrize("name", ["a.ckpt", "a.pt", "a.pth", "a.bin", "a.safetensors"])
@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_file_is_never_run(name: str, zipped: bool, tmp_path: Path) -> None:
    path, marker = tmp_path / name, tmp_path / "executed"
    if zipped:
        state = {"state_dict": {"a": torch.zeros(3)}, "more": Code(marker)}
        torch.save(state, path)
        with path.open("rb") as file:
            torch.load(file, weights_only=False)
        assert marker.read_text() == "the pickle ran", "the trap doesn't work"
        marker.unlink()
    else:
        trap(path, marker)
    message = refusal(path)
    assert "is a pickle that needs code to run when it is opened (" in message
    assert "Convert it to safetensors with a program you trust" in message
    with pytest.raises(BadCheckpoint, match="needs code to run"):
        read_vae(path, "it")
    assert not marker.exists()


def test_code_in_a_newer_pickle_is_named(tmp_path: Path) -> None:
    """torch stops at its protocol, before it comes to the name."""
    marker = tmp_path / "executed"
    path = tmp_path / "a.ckpt"
    path.write_bytes(pickle.dumps({"a": Code(marker)}, protocol=4))
    assert re.search(r"needs code to run when it is opened \([\w.]*pathlib[\w.]*", refusal(path))
    assert not marker.exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    os.mkfifo(path)
    assert "is a pipe or a device, and no file" in refusal(path)


def test_a_trainers_notes_are_no_code(tmp_path: Path) -> None:
    """The original files hold numbers of NumPy and notes of Lightning beside the tensors."""
    import numpy as np

    path = write_checkpoint(tmp_path / "a.ckpt", TINY["ldm_sr"])
    state = torch.load(path, weights_only=True)
    state["callbacks"] = {"best": np.float64(0.25)}
    torch.save(state, path)
    assert read(path).family.id == "ldm_sr"


# --- other models --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        (["lora_unet_a.lora_up.weight", "lora_unet_a.lora_down.weight"], "is a LoRA: put it into"),
        (["unet.a.lora_A.weight", "unet.a.lora_B.weight"], "is a LoRA"),
        (["a.hada_w1_a", "a.hada_w2_a"], "is a LoRA"),
        (["encoder.down.0.block.0.norm1.weight"], "is a first stage: put it into the folder vae"),
        (["encoder.down_blocks.0.resnets.0.norm1.weight"], "is a first stage"),
        (["emb_params"], "is an embedding: put it into the folder embeddings"),
        (["clip_l", "clip_g"], "is an embedding"),
        (["control_model.input_blocks.0.0.weight"], "is a ControlNet"),
        (["down_blocks.0.resnets.0.conv1.weight"], "is a denoiser alone"),
        (["text_model.embeddings.position_ids"], "is a text encoder alone"),
        (["model.diffusion_model.joint_blocks.0.weight"], "is Stable Diffusion 3"),
        (["double_blocks.0.img_attn.qkv.weight"], "is Flux"),
        (["conv_first.weight"], "is an upscaler"),
        (["some.layer.weight", "b", "c", "d"], "is of no known kind: of its 4 tensors the first "
         "are b, c, d"),
        ([], "holds no tensors"),
    ],
)  # fmt: skip
def test_models_of_other_kinds(tensors: list[str], words: str, tmp_path: Path) -> None:
    path = write_hollow(tmp_path / "it.safetensors", dict.fromkeys(tensors, (4, 4)))
    message = refusal(path)
    assert words in message
    assert "Give another file as the checkpoint" in message


def test_a_checkpoint_or_a_lora_given_as_a_first_stage(tmp_path: Path) -> None:
    lora = write_hollow(tmp_path / "a.safetensors", {"lora_unet_a.lora_up.weight": (4, 4)})
    with pytest.raises(BadCheckpoint, match="is no first stage: it is a LoRA"):
        read_vae(lora, "it")
    # A whole checkpoint has one; it is taken out.
    part, space = read_vae(hollow(tmp_path, "sd1"), "it")
    assert (part.class_name, space.channels) == ("AutoencoderKL", 4)


@pytest.mark.parametrize(
    ("kind", "changes", "words"),
    [
        ("sd1", {f"{UNET}input_blocks__0__0__weight": (32, 8, 3, 3)}, "InstructPix2Pix"),
        ("sd2", {f"{UNET}input_blocks__0__0__weight": (64, 5, 3, 3)}, "Stable Diffusion 2 depth"),
        ("sd1", {f"{UNET}input_blocks__0__0__weight": (32, 6, 3, 3)},
         "a denoiser with 6 input channels for a latent of 4"),
        ("sdxl", {"edm_vpred__sigma_max": (1,)}, "preconditioning of EDM"),
        ("sd1", {"scaled_fp8": (1,)}, "8-bit weights with scales of their own"),
        ("sd2", {f"{UNET}label_emb__0__0__weight": (256, 1024)}, "as unCLIP's does"),
    ],
)  # fmt: skip
def test_near_relatives_that_are_used_otherwise(
    kind: str, changes: dict[str, tuple[int, ...]], words: str, tmp_path: Path
) -> None:
    changes = {key.replace(UNET, UNET.replace(".", "__")): shape for key, shape in changes.items()}
    assert words in refusal(changed(kind, tmp_path, **changes))


# --- tensors that contradict each other ----------------------------------------------------------


def test_the_first_tensor_that_contradicts_the_family_is_named(tmp_path: Path) -> None:
    """A header shows what decides the family; the rest shows when the weights are loaded."""
    wide = {TABLE: (49408, 96)}
    found = shapes(TINY["sd1"], schedule=False) | wide
    message = refusal(write_hollow(tmp_path / "it.safetensors", found))
    assert f"{BLOCK}to_k.weight wants a text 64 wide, and {TABLE} gives 96" in message


@pytest.mark.parametrize(
    ("name", "shape", "words"),
    [
        (f"{UNET}out.2.weight", (8, 32, 3, 3), "out.2.weight gives 8 channels, and its first"),
        (f"{UNET}input_blocks.1.0.out_layers.3.weight", (48, 32, 3, 3),
         "the residual blocks of level 0 differ"),
        (f"{UNET}input_blocks.0.0.weight", (32,), "input_blocks.0.0.weight has the shape [32]"),
        ("first_stage_model.post_quant_conv.weight", (4, 7, 1, 1), "latents aren't as wide"),
        ("first_stage_model.encoder.conv_in.weight", None, "encoder.conv_in.weight is missing"),
        (f"{UNET}out.2.weight", None, "out.2.weight is missing"),
        (TABLE, None, "token_embedding.weight is missing"),
    ],
)  # fmt: skip
def test_contradictions_in_the_header(
    name: str, shape: tuple[int, ...] | None, words: str, tmp_path: Path
) -> None:
    found = shapes(TINY["sd1"], schedule=False)
    if shape is None:
        found.pop(name)
    else:
        found[name] = shape
    assert words in refusal(write_hollow(tmp_path / "it.safetensors", found))


@pytest.mark.parametrize(
    ("name", "shape", "words"),
    [
        (f"{BLOCK}to_q.weight", (32, 33),
         f"{BLOCK}to_q.weight has the shape [32, 33], and the rest of the file asks for [32, 32]"),
        (f"{UNET}middle_block.0.in_layers.2.weight", None,
         "tensors are missing, the first is mid_block.resnets.0.conv1.weight"),
        ("first_stage_model.decoder.conv_out.bias", (7,),
         "decoder.conv_out.bias has the shape [7], and the rest of the file asks for [3]"),
        (TABLE.replace("token_embedding", "position_embedding"), (77, 65), "position_embedding"),
    ],
)  # fmt: skip
def test_contradictions_that_loading_shows(
    name: str, shape: tuple[int, ...] | None, words: str, tmp_path: Path
) -> None:
    found = shapes(TINY["sd1"], schedule=False)
    if shape is None:
        found.pop(name)
    else:
        found[name] = shape
    path = write_hollow(tmp_path / "it.safetensors", found)
    checkpoint = CheckpointRef("it", str(path), "it")
    store = ModelStore(FLOAT32)
    load: Callable[[], Any] = {
        "model": lambda: store.model(Model(checkpoint)),
        "first_stage_model": lambda: store.vae(Vae(checkpoint)),
        "cond_stage_model": lambda: store.text(Clip(checkpoint)),
    }[name.partition(".")[0]]
    with pytest.raises(InputError) as caught:
        load()
    assert words in str(caught.value)
    assert "'it'" in str(caught.value)


def test_no_tensor_is_read_to_tell_what_a_file_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of 7 GB is one header to it."""
    from benchmarks.compvis import FULL

    path = write_hollow(tmp_path / "it.safetensors", shapes(FULL["sdxl"]))
    assert path.stat().st_size > 6e9

    def refuse(*_: object) -> None:
        raise AssertionError("a tensor was read")

    monkeypatch.setattr("studio.diffusion.weights.files.SafetensorsFile.read_as", refuse)
    found = read(path)
    assert found.family.id == "sdxl"
    parameters = sum(math.prod(tensor.shape) for tensor in found.unet.tensors().values())
    assert parameters == pytest.approx(2567.46e6, rel=1e-5)
