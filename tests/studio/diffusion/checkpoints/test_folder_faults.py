"""Checkpoints in folders: what is refused, and how."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from checkpoint_bench import AGAIN, GRAPH, assert_loaded, trap
from graph_bench import Bench, graph
from safetensors.torch import load_file, save_file
from tiny_folder import make_pipeline

from studio.graph.errors import GraphInvalid

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

UNET = "unet/diffusion_pytorch_model.safetensors"
VAE = "vae/diffusion_pytorch_model.safetensors"
TEXT = "text_encoder/model.safetensors"
BIN = "unet/diffusion_pytorch_model.bin"


def remove(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


def put(name: str, data: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(data)


def cut(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-1])


def change(name: str, **values: Any) -> Callable[[Path], object]:
    def work(folder: Path) -> None:
        data = json.loads((folder / name).read_text())
        data.update(values)
        (folder / name).write_text(json.dumps(data))

    return work


def only_pickles(folder: Path) -> None:
    (folder / UNET).unlink()
    # Loading it would leave a file; see the test.
    trap(folder / BIN, folder / "executed")


def header(value: Any) -> bytes:
    text = json.dumps(value).encode()
    return struct.pack("<Q", len(text)) + text


def shards(*names: Any) -> Callable[[Path], object]:
    def work(folder: Path) -> None:
        (folder / UNET).unlink()
        weights = {f"tensor{i}": name for i, name in enumerate(names)}
        (folder / f"{UNET}.index.json").write_text(json.dumps({"weight_map": weights}))

    return work


def folder_instead(name: str) -> Callable[[Path], object]:
    def work(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return work


def bad_dtype(folder: Path) -> None:
    """A header that is whole and names a type that doesn't exist."""
    text = json.dumps({"a": {"dtype": "F7", "shape": [1], "data_offsets": [0, 4]}}).encode()
    (folder / UNET).write_bytes(struct.pack("<Q", len(text)) + text + bytes(4))


RANDOM = np.random.default_rng(0).bytes(5000)
OTHERS = "Checkpoints of other families can't be used yet"
KIND = "Checkpoints of this kind can't be used yet"
INDEX, SCHEDULER = "model_index.json", "scheduler/scheduler_config.json"
PYTORCH = ["diffusers", "UNet2DConditionModel"]

# What is done to the folder, the file that is named, what is said of it, and what to do.
REFUSED_BY_CHECK: dict[str, tuple[Callable[[Path], object], str, str, str]] = {
    "index no JSON": (put(INDEX, b"{"), INDEX, "isn't JSON", AGAIN),
    "index of zeros": (put(INDEX, bytes(500)), INDEX, "isn't JSON", AGAIN),
    "index a list": (put(INDEX, b"[]"), INDEX, "isn't a JSON object", AGAIN),
    "index nested": (put(INDEX, b"[" * 10**6), INDEX, "isn't JSON", AGAIN),
    "no unet in it": (change(INDEX, unet=[None, None]), INDEX, "its unet is missing", OTHERS),
    "unet unknown": (
        change(INDEX, unet=["diffusers", "FluxTransformer2DModel"]),
        INDEX,
        "its unet is FluxTransformer2DModel; known: UNet2DConditionModel",
        OTHERS,
    ),
    "vae unknown": (change(INDEX, vae=["diffusers", "AsymmetricAutoencoderKL"]), INDEX,
                    "vae is AsymmetricAutoencoderKL; known: AutoencoderKL, VQModel", OTHERS),
    "encoder unknown": (
        change(INDEX, text_encoder=["transformers", "T5EncoderModel"]),
        INDEX,
        "its text_encoder is T5EncoderModel",
        OTHERS,
    ),
    "unet a number": (change(INDEX, unet=3), INDEX, "its unet is missing", OTHERS),
    "config missing": (remove("unet/config.json"), "unet/config.json", "is missing", AGAIN),
    "config no JSON": (put("vae/config.json", b"x"), "vae/config.json", "isn't JSON", AGAIN),
    "config cut": (put("unet/config.json", b'{"a": 1'), "unet/config.json", "isn't JSON", AGAIN),
    "config a folder": (
        folder_instead("unet/config.json"),
        "unet/config.json",
        "can't be read: Is a directory",
        "Check its permissions",
    ),
    "channels a word": (
        change("vae/config.json", latent_channels="four"),
        "vae/config.json",
        "latent_channels",
        AGAIN,
    ),
    "levels a number": (
        change("vae/config.json", block_out_channels=8),
        "vae/config.json",
        "block_out_channels",
        AGAIN,
    ),
    "scaling a word": (
        change("vae/config.json", scaling_factor="much"),
        "vae/config.json",
        "scaling_factor",
        AGAIN,
    ),
    "preview odd": (
        put("latent_preview.json", b'{"rgb": [1]}'),
        "latent_preview.json",
        "no list of rows",
        AGAIN,
    ),
    "a unet of odd channels": (
        change("unet/config.json", in_channels=6),
        "unet/config.json",
        "takes 6 channels where a latent has 4",
        "can't be used yet",
    ),
    "an SDXL unet": (
        change("unet/config.json", addition_embed_type="text_time"),
        "unet/config.json",
        "wants more than a text encoding (text_time)",
        "can't be used yet",
    ),
    "InstructPix2Pix": (
        change("unet/config.json", in_channels=8),
        "unet/config.json",
        "is InstructPix2Pix (Stable Diffusion 1)",
        "can't be used yet",
    ),
    "vocabulary missing": (
        remove("tokenizer/tokenizer.json"),
        "tokenizer",
        "the vocabulary is missing",
        AGAIN,
    ),
    "scheduler missing": (remove(SCHEDULER), SCHEDULER, "the file is missing", AGAIN),
    "prediction unknown": (
        change(SCHEDULER, prediction_type="flow"),
        SCHEDULER,
        "its prediction_type is \"flow\"; known: epsilon, v_prediction, sample",
        KIND,
    ),
    "prediction a list": (change(SCHEDULER, prediction_type=[]), SCHEDULER, "is []", KIND),
    "weights missing": (
        remove(UNET), "unet", "the weights (a .safetensors or .bin file) are", AGAIN,
    ),
    "weights cut": (cut(UNET), UNET, "bytes long where its header says 830,464", AGAIN),
    "weights too long": (
        lambda folder: (folder / VAE).write_bytes((folder / VAE).read_bytes() + b"x"),
        VAE,
        "is 231,637 bytes long where its header says 231,636",
        AGAIN,
    ),
    "weights empty": (put(UNET, b""), UNET, "the file is empty", AGAIN),
    "weights random": (put(TEXT, RANDOM), TEXT, "isn't a whole safetensors file", AGAIN),
    "weights text": (put(UNET, b"weights? " * 50), UNET, "isn't a whole", AGAIN),
    "weights elsewhere": (
        put(UNET, b"version https://git-lfs.github.com/spec/v1\n"), UNET,
        "is a pointer of Git LFS", AGAIN,
    ),
    "weights a page": (put(UNET, b"<html><body>Log in</body>"), UNET, "is a web page", AGAIN),
    "header 2^60": (put(UNET, struct.pack("<Q", 2**60) + b"{}"), UNET, "isn't a whole", AGAIN),
    "header 100 MB": (put(UNET, struct.pack("<Q", 10**8) + b"{}"), UNET, "isn't a whole", AGAIN),
    "header a list": (put(UNET, header([1])), UNET, "isn't a whole", AGAIN),
    "header nested": (put(UNET, header("[" * 10**5)), UNET, "isn't a whole", AGAIN),
    "no offsets": (put(UNET, header({"a": {"dtype": "F32"}})), UNET, "isn't a whole", AGAIN),
    "weights a folder": (folder_instead(UNET), "unet", "the weights (a .safetensors or", AGAIN),
    "unknown dtype": (bad_dtype, UNET, 'a has the unknown dtype "F7"', AGAIN),
    "a pickle with code": (
        only_pickles,
        BIN,
        "is a pickle that needs code to run when it is opened (",
        "Convert it to safetensors with a program you trust",
    ),
    "shard missing": (shards("a.safetensors"), "unet/a.safetensors", "is missing", AGAIN),
    "shard outside": (shards("../../../etc/passwd"), "unet/passwd", "is missing", AGAIN),
    "shard nameless": (shards(""), f"{UNET}.index.json", "names no files", AGAIN),
    "no shards": (shards(), f"{UNET}.index.json", "names no files", AGAIN),
    "shards of lists": (shards(["a"]), f"{UNET}.index.json", "names no files", AGAIN),
    "shards a list": (
        lambda folder: (
            (folder / UNET).unlink(),
            put(f"{UNET}.index.json", b'{"weight_map": ["a"]}')(folder),
        ),
        f"{UNET}.index.json",
        "names no files",
        AGAIN,
    ),
}


def refuse(bench: Bench, fault: str) -> str:
    """The message of a check."""
    with pytest.raises(GraphInvalid) as caught:
        bench.plan(graph(**GRAPH), ["decode"])
    assert caught.value.exit_code == 2, fault
    (only,) = caught.value.faults
    assert only.path == "nodes.checkpoint.params.name"
    return only.message


@pytest.mark.parametrize("fault", REFUSED_BY_CHECK)
def test_faults_that_files_and_headers_show_are_found_before_the_run(
    bench: Bench, tiny: Path, fault: str
) -> None:
    damage, name, words, hint = REFUSED_BY_CHECK[fault]
    damage(tiny)
    message = refuse(bench, fault)
    assert message.startswith(f"the checkpoint 'tiny': {tiny / name}: ")
    assert words in message
    assert hint in message


def test_a_pickle_is_never_executed(bench: Bench, tiny: Path) -> None:
    only_pickles(tiny)
    refuse(bench, "pickle")
    assert not (tiny / "executed").exists()


def test_a_pickle_beside_safetensors_is_never_looked_at(bench: Bench, tiny: Path) -> None:
    for name in (BIN, "text_encoder/pytorch_model.bin"):
        trap(tiny / name, tiny / "executed")
    assert_loaded(bench, make_pipeline())
    assert not (tiny / "executed").exists()


def test_without_its_index_it_is_no_checkpoint(bench: Bench, tiny: Path) -> None:
    (tiny / INDEX).unlink()
    message = refuse(bench, "no index")
    assert 'There is no model "tiny" among the checkpoints' in message
    assert str(tiny.parent) in message


def retype(name: str, edit: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    def work(folder: Path) -> None:
        state = load_file(folder / name)
        edit(state)
        save_file(state, folder / name, {"format": "pt"})

    return work


def wider(state: dict[str, torch.Tensor]) -> None:
    state["conv_in.weight"] = torch.zeros(16, 9, 3, 3)


def fewer(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    name = "embeddings.token_embedding.weight"
    return {name: state[name][:100].clone()}


# The node that finds it, and the rest as above.
FAULTS_ON_LOADING: dict[str, tuple[Callable[[Path], object], str, str, str, str]] = {
    "another shape": (
        retype(UNET, wider),
        "sampler",
        UNET,
        "conv_in.weight has the shape [16, 9, 3, 3], and its config asks for [16, 4, 3, 3]",
        "The config and the weights belong to different models",
    ),
    "missing tensors": (
        retype(UNET, lambda state: [state.pop(f"conv_{i}.bias") for i in ("in", "out")]),
        "sampler",
        "unet",
        "tensors are missing, the first is conv_in.bias",
        "belong to different models",
    ),
    "another config": (
        change("vae/config.json", layers_per_block=2),
        "decode",
        "vae",
        "tensors are missing, the first is decoder.up_blocks.0.resnets.2",
        "belong to different models",
    ),
    "unknown blocks": (
        change("unet/config.json", down_block_types=["NoSuchBlock", "DownBlock2D"]),
        "sampler",
        "unet/config.json",
        "NoSuchBlock does not exist",
        AGAIN,
    ),
    "text config odd": (
        change("text_encoder/config.json", hidden_size="wide"),
        "words",
        "text_encoder/config.json",
        "can't be used (Validation error for field 'hidden_size'",
        AGAIN,
    ),
    "vocabulary damaged": (
        put("tokenizer/tokenizer.json", b"{}"),
        "words",
        "tokenizer",
        "the vocabulary can't be used",
        AGAIN,
    ),
    "betas unknown": (
        change(SCHEDULER, beta_schedule="wild"),
        "sampler",
        SCHEDULER,
        "beta_schedule is 'wild'",
        "Supported: linear, scaled_linear",
    ),
    "betas a word": (change(SCHEDULER, beta_end="x"), "sampler", SCHEDULER, "betas", "Supported"),
    "no betas": (change(SCHEDULER, trained_betas=[]), "sampler", SCHEDULER, "betas", "Supported"),
    "betas above 1": (change(SCHEDULER, beta_end=3.0), "sampler", SCHEDULER, "betas", "Supported"),
    "flow matching": (
        change(SCHEDULER, _class_name="FlowMatchEulerDiscreteScheduler"),
        "sampler",
        SCHEDULER,
        "flow-matching schedule",
        "Supported",
    ),
    "another vocabulary": (
        lambda folder: (
            change("text_encoder/config.json", vocab_size=100)(folder),
            retype(TEXT, lambda state: state.update(fewer(state)))(folder),
        ),
        "words",
        "tokenizer",
        "the vocabulary has 676 tokens, and the text encoder knows 100",
        "They belong to different models",
    ),
}


@pytest.mark.parametrize("fault", FAULTS_ON_LOADING)
def test_faults_that_only_loading_shows_name_the_node_and_the_file(
    bench: Bench, tiny: Path, fault: str
) -> None:
    damage, node, name, words, hint = FAULTS_ON_LOADING[fault]
    damage(tiny)
    result = bench.run(graph(**GRAPH), ["decode"])
    message = str(result.error)
    assert result.exit_code == 2, message
    assert message.startswith(f"{node} (")
    assert f"the checkpoint 'tiny': {tiny / name}: " in message
    assert words in message
    assert hint in message
