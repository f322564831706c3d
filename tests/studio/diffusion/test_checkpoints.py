"""Checkpoints in folders, as the library saves them: what loads, what is refused and how.

The library's own modules, from which the folders were saved, are the measure of everything here.
"""

from __future__ import annotations

import json
import pickle
import shutil
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from graph_bench import Bench, graph
from PIL import Image as Pil
from safetensors.torch import load_file, save_file
from tiny_folder import make_pipeline

from studio.diffusion.store import ModelStore
from studio.graph.errors import GraphInvalid
from studio.hardware import Policy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from studio.values import CheckpointRef, Clip, Model, Vae

UNET = "unet/diffusion_pytorch_model.safetensors"
VAE = "vae/diffusion_pytorch_model.safetensors"
TEXT = "text_encoder/model.safetensors"
FLOAT32 = Policy("cpu", "cpu", "float32")
PROMPT = "a small orange heart on a yellow background"

GRAPH: dict[str, Any] = {
    "checkpoint": ("LoadCheckpoint", {"name": "tiny"}),
    "words": ("TextEncode", {"text": PROMPT}, {"clip": "checkpoint.clip"}),
    "size": ("EmptyLatent", {"width": 64, "height": 64}),
    "sampler": (
        "KSampler",
        {"steps": 2},
        {"model": "checkpoint.model", "positive": "words", "negative": "words", "latent": "size"},
    ),
    "decode": ("VAEDecode", {}, {"latent": "sampler", "vae": "checkpoint.vae"}),
}


@pytest.fixture(scope="module")
def pipeline() -> Any:
    """The library's modules that `tiny` was saved from."""
    return make_pipeline()


def recipes(bench: Bench, name: str = "tiny") -> tuple[Model, Clip, Vae]:
    nodes = graph(checkpoint=("LoadCheckpoint", {"name": name}))
    values = bench.run(nodes, ["checkpoint"]).values["checkpoint"]
    return values["model"], values["clip"], values["vae"]


def same(state: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]) -> bool:
    """Equal names, types and bits."""
    return state.keys() == wanted.keys() and all(
        state[name].dtype == wanted[name].dtype and torch.equal(state[name], wanted[name])
        for name in wanted
    )


def modules(bench: Bench, policy: Policy = FLOAT32) -> tuple[Any, Any, Any]:
    """UNet, text encoder and first stage, loaded by the program."""
    model, clip, vae = recipes(bench)
    store = ModelStore(policy)
    return store.model(model).unet, store.text(clip).encoder, store.vae(vae).module


def assert_loaded(bench: Bench, pipeline: Any) -> None:
    unet, text, vae = modules(bench)
    assert same(unet.state_dict(), pipeline.unet.state_dict())
    assert same(text.state_dict(), pipeline.text_encoder.state_dict())
    assert same(vae.state_dict(), pipeline.vae.state_dict())


# ------------------------------------------------------------------ what loads


@pytest.mark.usefixtures("tiny")
def test_the_weights_are_the_librarys_to_the_bit(bench: Bench, pipeline: Any) -> None:
    assert_loaded(bench, pipeline)
    for module in modules(bench):
        assert not module.training
        for tensor in (*module.parameters(), *module.buffers()):
            assert not tensor.is_meta
            assert not tensor.requires_grad


@pytest.mark.usefixtures("tiny")
def test_it_makes_a_picture(bench: Bench) -> None:
    image = bench.value(graph(**GRAPH), "decode")
    assert image.pixels.shape == (1, 3, 64, 64)


@pytest.mark.usefixtures("tiny")
def test_buffers_that_no_file_holds_are_filled(bench: Bench, pipeline: Any) -> None:
    _, text, vae = modules(bench)
    ours, theirs = dict(text.named_buffers()), dict(pipeline.text_encoder.named_buffers())
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert dict(vae.named_buffers()).keys() == dict(pipeline.vae.named_buffers()).keys()


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("text", ["", PROMPT, "red " * 100])
def test_embeddings_equal_the_librarys(bench: Bench, pipeline: Any, text: str) -> None:
    nodes = graph(**{**GRAPH, "words": ("TextEncode", {"text": text}, {"clip": "checkpoint.clip"})})
    (entry,) = bench.value(nodes, "words").entries
    theirs, _ = pipeline.encode_prompt(text, torch.device("cpu"), 1, False)
    assert entry.embeddings.shape == (1, 77, 24)
    assert (entry.embeddings - theirs).abs().max() < 1e-5
    assert bool(bench.warned) == (len(text) > 100)


def test_a_tokenizer_without_its_config(bench: Bench, tiny: Path) -> None:
    """Its length is the encoder's."""
    wanted = bench.value(graph(**GRAPH), "words").entries[0].embeddings
    (tiny / "tokenizer" / "tokenizer_config.json").unlink()
    found = bench.value(graph(**GRAPH), "words").entries[0].embeddings
    assert "words" in bench.ran
    assert torch.equal(found, wanted)


@pytest.mark.usefixtures("tiny")
def test_the_first_stage_equals_the_librarys(bench: Bench, pipeline: Any, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 48, 3), np.uint8)
    Pil.fromarray(pixels).save(tmp_path / "a.png")
    nodes = graph(
        checkpoint=GRAPH["checkpoint"],
        picture=("LoadImage", {"path": "a.png"}),
        encode=("VAEEncode", {}, {"image": "picture.image", "vae": "checkpoint.vae"}),
        decode=("VAEDecode", {}, {"latent": "encode", "vae": "checkpoint.vae"}),
    )
    values = bench.run(nodes, ["encode", "decode"]).values
    latent, image = values["encode"]["latent"], values["decode"]["image"]
    given = torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255
    with torch.no_grad():
        wanted = pipeline.vae.encode(given * 2 - 1).latent_dist.mode()
        decoded = pipeline.vae.decode(wanted).sample
    assert latent.samples.shape == (1, 4, 8, 6)
    assert (latent.samples - wanted).abs().max() < 1e-5
    assert (image.pixels - (decoded / 2 + 0.5).clamp(0, 1)).abs().max() < 1e-5


def test_half_precision_files(bench: Bench, tiny: Path, pipeline: Any) -> None:
    """As `variant="fp16"` writes them; computed in float32 they are the halves, widened."""
    shutil.rmtree(tiny)
    make_pipeline().to(dtype=torch.float16).save_pretrained(tiny, variant="fp16")
    assert (tiny / "unet" / "diffusion_pytorch_model.fp16.safetensors").is_file()
    assert (tiny / "text_encoder" / "model.fp16.safetensors").is_file()
    for ours, theirs in zip(
        modules(bench), (pipeline.unet, pipeline.text_encoder, pipeline.vae), strict=True
    ):
        wanted = {name: value.half().float() for name, value in theirs.state_dict().items()}
        assert same(ours.state_dict(), wanted)


@pytest.mark.usefixtures("tiny")
def test_computing_in_half_precision(bench: Bench, pipeline: Any) -> None:
    """The first stage stays in float32 where its config says that it overflows."""
    unet, text, vae = modules(bench, Policy("cpu", "cpu", "float16"))
    halves = {name: value.half() for name, value in pipeline.unet.state_dict().items()}
    assert same(unet.state_dict(), halves)
    assert next(text.parameters()).dtype == torch.float16
    assert pipeline.vae.config.force_upcast
    assert same(vae.state_dict(), pipeline.vae.state_dict())


def test_weights_in_several_files(bench: Bench, tiny: Path, pipeline: Any) -> None:
    shutil.rmtree(tiny)
    make_pipeline().save_pretrained(tiny, max_shard_size="100KB")
    assert len(list(tiny.glob("unet/*.safetensors"))) == 10
    assert len(list(tiny.glob("text_encoder/*.safetensors"))) == 2
    assert_loaded(bench, pipeline)


def test_weights_in_several_files_of_half_precision(bench: Bench, tiny: Path) -> None:
    shutil.rmtree(tiny)
    halved = make_pipeline().to(dtype=torch.float16)
    halved.save_pretrained(tiny, max_shard_size="100KB", variant="fp16")
    assert list(tiny.glob("*/*.index.fp16.json"))
    unet, _, _ = modules(bench)
    wanted = {name: value.float() for name, value in halved.unet.state_dict().items()}
    assert same(unet.state_dict(), wanted)


def rewrite(path: Path, spelling: Callable[[str], str], **more: torch.Tensor) -> None:
    """Give the tensors of a file other names, and add some."""
    state = {spelling(name): value for name, value in load_file(path).items()}
    save_file({**state, **more}, path, {"format": "pt"})


def test_both_spellings_of_the_text_encoder(bench: Bench, tiny: Path, pipeline: Any) -> None:
    """transformers 5 leaves out the `text_model.` that every older file has."""
    assert not any(name.startswith("text_model.") for name in load_file(tiny / TEXT))
    without = bench.value(graph(**GRAPH), "words").entries[0]
    rewrite(
        tiny / TEXT,
        lambda name: f"text_model.{name}",
        **{"text_model.embeddings.position_ids": torch.arange(77)[None]},
    )
    (key, *_) = load_file(tiny / TEXT)
    assert key.startswith("text_model.")
    with_prefix = bench.value(graph(**GRAPH), "words").entries[0]
    assert "words" in bench.ran
    assert torch.equal(without.embeddings, with_prefix.embeddings)
    assert torch.equal(without.pooled, with_prefix.pooled)
    assert_loaded(bench, pipeline)


def test_the_older_names_of_attention(bench: Bench, tiny: Path, pipeline: Any) -> None:
    """As the first stage of Stable Diffusion 1.5 has them."""
    older = {
        ".to_q.": ".query.",
        ".to_k.": ".key.",
        ".to_v.": ".value.",
        ".to_out.0.": ".proj_attn.",
    }

    def spelling(name: str) -> str:
        for now, before in older.items():
            name = name.replace(now, before)
        return name

    rewrite(tiny / VAE, spelling)
    assert "decoder.mid_block.attentions.0.proj_attn.bias" in load_file(tiny / VAE)
    assert_loaded(bench, pipeline)


def test_tensors_that_nobody_asked_for_are_left_alone(
    bench: Bench, tiny: Path, pipeline: Any
) -> None:
    rewrite(tiny / UNET, str, **{"model_ema.decay": torch.ones(3)})
    assert_loaded(bench, pipeline)


@pytest.mark.parametrize(("channels", "levels", "cells"), [(4, (8, 8, 16), 16), (8, (8, 16), 32)])
def test_latent_spaces_of_other_sizes(
    bench: Bench, tiny: Path, channels: int, levels: tuple[int, ...], cells: int
) -> None:
    shutil.rmtree(tiny)
    make_pipeline(channels=channels, vae_levels=levels).save_pretrained(tiny)
    values = bench.run(graph(**GRAPH), ["sampler", "decode"]).values
    assert values["sampler"]["latent"].samples.shape == (1, channels, cells, cells)
    assert values["decode"]["image"].pixels.shape == (1, 3, 64, 64)


def test_another_seed_of_weights_is_another_checkpoint(bench: Bench, tiny: Path) -> None:
    """Same name, other contents: nothing of the first is used again."""
    first = bench.value(graph(**GRAPH), "decode").pixels
    shutil.rmtree(tiny)
    make_pipeline(seed=1).save_pretrained(tiny)
    second = bench.value(graph(**GRAPH), "decode").pixels
    assert bench.ran == ["words", "sampler", "decode"]
    assert not torch.equal(first, second)


# ------------------------------------------------------------------ what is refused


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
    (folder / "unet" / "diffusion_pytorch_model.bin").write_bytes(
        pickle.dumps(Trap(folder / "executed"))
    )


class Trap:
    """Unpickling it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.write_text, (self.path, "the pickle ran"))


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


RANDOM = np.random.default_rng(0).bytes(5000)
AGAIN = "Copy or download the model again"
OTHERS = "Checkpoints of other families can't be used yet"
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
    "vae unknown": (change(INDEX, vae=["diffusers", "VQModel"]), INDEX, "vae is VQModel", OTHERS),
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
    "an inpainting unet": (
        change("unet/config.json", in_channels=9),
        "unet/config.json",
        "takes 9 channels where a latent has 4",
        "can't be used yet",
    ),
    "an SDXL unet": (
        change("unet/config.json", addition_embed_type="text_time"),
        "unet/config.json",
        "wants more than a text encoding (text_time)",
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
        "its prediction_type is 'flow'; known: epsilon, v_prediction, sample",
        OTHERS,
    ),
    "prediction a list": (change(SCHEDULER, prediction_type=[]), SCHEDULER, "is []", OTHERS),
    "weights missing": (remove(UNET), "unet", "the weights (a .safetensors file) are", AGAIN),
    "weights cut": (cut(UNET), UNET, "bytes long where its header says 830,464", AGAIN),
    "weights too long": (
        lambda folder: (folder / VAE).write_bytes((folder / VAE).read_bytes() + b"x"),
        VAE,
        "is 231,637 bytes long where its header says 231,636",
        AGAIN,
    ),
    "weights empty": (put(UNET, b""), UNET, "isn't a whole safetensors file", AGAIN),
    "weights random": (put(TEXT, RANDOM), TEXT, "isn't a whole safetensors file", AGAIN),
    "weights text": (put(UNET, b"version https://git-lfs\n" * 5), UNET, "isn't a whole", AGAIN),
    "header 2^60": (put(UNET, struct.pack("<Q", 2**60) + b"{}"), UNET, "isn't a whole", AGAIN),
    "header 100 MB": (put(UNET, struct.pack("<Q", 10**8) + b"{}"), UNET, "isn't a whole", AGAIN),
    "header a list": (put(UNET, header([1])), UNET, "isn't a whole", AGAIN),
    "header nested": (put(UNET, header("[" * 10**5)), UNET, "isn't a whole", AGAIN),
    "no offsets": (put(UNET, header({"a": {"dtype": "F32"}})), UNET, "isn't a whole", AGAIN),
    "weights a folder": (folder_instead(UNET), "unet", "the weights (a .safetensors", AGAIN),
    "only pickles": (
        only_pickles,
        "unet/diffusion_pytorch_model.bin",
        "the weights are a pickle, which can run code",
        "Convert the model to safetensors",
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
    trap = tiny / "unet" / "diffusion_pytorch_model.bin"
    refuse(bench, "pickle")
    assert not (tiny / "executed").exists()
    pickle.loads(trap.read_bytes())
    assert (tiny / "executed").read_text() == "the pickle ran", "the trap doesn't work"


def test_a_pickle_beside_safetensors_is_never_looked_at(
    bench: Bench, tiny: Path, pipeline: Any
) -> None:
    for name in ("unet/diffusion_pytorch_model.bin", "text_encoder/pytorch_model.bin"):
        (tiny / name).write_bytes(pickle.dumps(Trap(tiny / "executed")))
    assert_loaded(bench, pipeline)
    assert not (tiny / "executed").exists()


def test_without_its_index_it_is_no_checkpoint(bench: Bench, tiny: Path) -> None:
    (tiny / INDEX).unlink()
    message = refuse(bench, "no index")
    assert 'There is no model "tiny" among the checkpoints' in message
    assert str(tiny.parent) in message


def test_a_single_file_is_not_read_yet(bench: Bench, tiny: Path) -> None:
    shutil.copy(tiny / UNET, tiny.parent / "one.safetensors")
    nodes = graph(checkpoint=("LoadCheckpoint", {"name": "one"}))
    with pytest.raises(GraphInvalid, match="this version reads diffusers folders"):
        bench.plan(nodes, ["checkpoint"])


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


def bad_dtype(folder: Path) -> None:
    """A header that is whole and names a type that doesn't exist."""
    text = json.dumps({"a": {"dtype": "F7", "shape": [1], "data_offsets": [0, 4]}}).encode()
    (folder / UNET).write_bytes(struct.pack("<Q", len(text)) + text + bytes(4))


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
    "unknown dtype": (bad_dtype, "sampler", UNET, "can't be read", AGAIN),
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


# ------------------------------------------------------------------ the store


@pytest.fixture
def parts(bench: Bench, tiny: Path) -> tuple[Model, Clip, Vae]:
    assert tiny.is_dir()
    return recipes(bench)


SIZES = {"unet": 820_000, "text": 112_000, "vae": 213_000}
"""About, in bytes."""


def test_a_second_use_loads_nothing(parts: tuple[Model, Clip, Vae]) -> None:
    model, clip, vae = parts
    store = ModelStore(FLOAT32)
    first = (store.model(model), store.text(clip), store.vae(vae))
    loaded, held = store.loading_seconds, store.bytes
    assert loaded > 0
    assert store.reused_seconds == 0
    second = (store.model(model), store.text(clip), store.vae(vae))
    assert all(one is two for one, two in zip(first, second, strict=True))
    assert store.loading_seconds == loaded
    assert store.reused_seconds == pytest.approx(loaded)
    assert store.bytes == held
    assert held == sum(
        tensor.numel() * tensor.element_size()
        for module in (first[0].unet, first[1].encoder, first[2].module)
        for tensor in (*module.parameters(), *module.buffers())
    )


def test_equal_contents_share_their_modules(bench: Bench, tiny: Path) -> None:
    shutil.copytree(tiny, tiny.parent / "copy")
    store = ModelStore(FLOAT32)
    one, two = recipes(bench)[0], recipes(bench, "copy")[0]
    assert one.checkpoint.path != two.checkpoint.path
    assert store.model(one) is store.model(two)


def test_the_least_recently_used_goes_when_the_budget_is_spent(
    parts: tuple[Model, Clip, Vae],
) -> None:
    model, clip, vae = parts
    store = ModelStore(FLOAT32, budget=SIZES["unet"] + SIZES["vae"] + 50_000)
    first_vae, first_unet = store.vae(vae), store.model(model)
    assert store.vae(vae) is first_vae  # now the unet was used longest ago
    store.text(clip)
    assert store.bytes < SIZES["unet"]
    assert store.vae(vae) is first_vae
    reused = store.reused_seconds
    again = store.model(model)
    assert again is not first_unet
    assert store.reused_seconds == reused
    assert same(again.unet.state_dict(), first_unet.unet.state_dict())


def test_what_is_in_use_stays_though_it_is_over_the_budget(parts: tuple[Model, Clip, Vae]) -> None:
    model, clip, vae = parts
    store = ModelStore(FLOAT32, budget=1)
    for _ in range(2):
        for use in (lambda: store.model(model), lambda: store.text(clip), lambda: store.vae(vae)):
            use()
            assert use() is use()
    assert store.bytes < SIZES["unet"]
    store.clear()
    assert store.bytes == 0


def test_a_checkpoint_that_vanished_is_named(parts: tuple[Model, Clip, Vae], tiny: Path) -> None:
    reference: CheckpointRef = parts[0].checkpoint
    shutil.rmtree(tiny)
    with pytest.raises(Exception, match=str(tiny)) as caught:
        ModelStore(FLOAT32).model(parts[0])
    assert caught.value.exit_code == 2  # type: ignore[attr-defined]
    assert reference.path == str(tiny)
