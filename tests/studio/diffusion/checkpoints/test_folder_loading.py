"""Checkpoints in folders, as the library saves them: what loads.

The library's own modules, from which the folders were saved, are the measure of everything here.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from checkpoint_bench import GRAPH, PROMPT, assert_loaded, modules, same
from graph_bench import Bench, graph
from PIL import Image as Pil
from safetensors.torch import load_file, save_file
from tiny_folder import make_pipeline

from studio.hardware import Policy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

UNET = "unet/diffusion_pytorch_model.safetensors"
VAE = "vae/diffusion_pytorch_model.safetensors"
TEXT = "text_encoder/model.safetensors"


@pytest.fixture(scope="module")
def pipeline() -> Any:
    """The library's modules that `tiny` was saved from."""
    return make_pipeline()


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
@pytest.mark.parametrize("text", ["", PROMPT])
def test_embeddings_equal_the_librarys(bench: Bench, pipeline: Any, text: str) -> None:
    nodes = graph(**{**GRAPH, "words": ("TextEncode", {"text": text}, {"clip": "checkpoint.clip"})})
    (entry,) = bench.value(nodes, "words").entries
    theirs, _ = pipeline.encode_prompt(text, torch.device("cpu"), 1, False)
    assert entry.embeddings.shape == (1, 77, 24)
    assert (entry.embeddings - theirs).abs().max() < 1e-5
    assert not bench.warned


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
