"""Nodes of latents, in graphs: sizes, scaling, masks, and files that survive anything."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from graph_bench import Bench, document, graph
from PIL import Image as Pil
from safetensors import safe_open
from safetensors.torch import load_file, save, save_file
from torch.nn.functional import interpolate

from studio.graph.errors import GraphInvalid

if TYPE_CHECKING:
    from collections.abc import Callable

    from studio.values import Latent

ROOT = Path(__file__).resolve().parents[2]
CHECKPOINT = {"checkpoint": ("LoadCheckpoint", {"name": "tiny"})}
NOISY: dict[str, Any] = {
    **CHECKPOINT,
    "words": ("TextEncode", {}, {"clip": "checkpoint.clip"}),
    "empty": ("EmptyLatent", {"width": 96, "height": 64, "batch": 2}),
    "noisy": (
        "KSampler",
        {"steps": 1, "sampler": "euler", "cfg": 1.0},
        {"model": "checkpoint.model", "positive": "words", "negative": "words", "latent": "empty"},
    ),
}
"""Two latents [4, 8, 12] with something in them."""


# ------------------------------------------------------------------ EmptyLatent


def test_an_empty_latent_knows_its_size_only(bench: Bench) -> None:
    params = {"width": 64, "height": 128, "batch": 3}
    latent = bench.value(graph(empty=("EmptyLatent", params)), "empty")
    assert (latent.samples, latent.space, latent.noise_mask) == (None, None, None)
    assert (latent.width, latent.height, latent.batch) == (64, 128, 3)


@pytest.mark.usefixtures("tiny")
def test_the_sampler_gives_it_the_channels_of_the_model(bench: Bench) -> None:
    latent = bench.value(graph(**NOISY), "noisy")
    assert latent.samples.shape == (2, 4, 8, 12)
    assert latent.space.scaling_factor == 0.3
    assert (latent.width, latent.height, latent.batch) == (96, 64, 2)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"width": 100}, "width is 100; .*a multiple of 8; nearest: 96 or 104"),
        ({"height": 1_000_000}, "height is 1000000; it must be a whole number from 16 to 16384"),
        ({"width": 20_001}, "from 16 to 16384"),
        ({"width": 8}, "from 16"),
        ({"batch": 0}, "from 1 to 256"),
        ({"batch": 257}, "from 1 to 256"),
        ({"width": "64"}, 'width is "64"'),
        ({"width": True}, "width is true"),
    ],
)
def test_sizes_that_cannot_be(bench: Bench, params: dict[str, Any], words: str) -> None:
    with pytest.raises(GraphInvalid, match=words) as caught:
        bench.plan(graph(empty=("EmptyLatent", params)), ["empty"])
    assert caught.value.faults[0].node == "empty"


# ------------------------------------------------------------------ ScaleLatent


def scaled(bench: Bench, **params: Any) -> tuple[Latent, Latent]:
    """What goes in and what comes out."""
    nodes = {**NOISY, "scale": ("ScaleLatent", params, {"latent": "noisy"})}
    result = bench.run(graph(**nodes), ["noisy", "scale"])
    assert result.error is None, result.error
    return result.values["noisy"]["latent"], result.values["scale"]["latent"]


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(
    ("params", "size"),
    [
        ({}, (192, 128)),
        ({"factor": 1.5}, (144, 96)),
        ({"factor": 1.3}, (128, 80)),  # 124.8 x 83.2, in whole cells
        ({"factor": 0.01}, (8, 8)),
        ({"width": 48}, (48, 32)),
        ({"height": 32}, (48, 32)),
        ({"width": 64, "height": 200}, (64, 200)),
        ({"factor": 1.0}, (96, 64)),
    ],
)
def test_the_size_of_a_scaled_latent(
    bench: Bench, params: dict[str, Any], size: tuple[int, int]
) -> None:
    _, latent = scaled(bench, **params)
    assert (latent.width, latent.height) == size
    assert latent.samples is not None
    assert tuple(latent.samples.shape) == (2, 4, size[1] // 8, size[0] // 8)


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("factor", [0.5, 2.0])
@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("nearest", {"mode": "nearest-exact"}),
        ("area", {"mode": "area"}),
        ("bilinear", {"mode": "bilinear", "align_corners": False}),
        ("bicubic", {"mode": "bicubic", "align_corners": False}),
    ],
)
def test_methods_are_torchs(
    bench: Bench, method: str, options: dict[str, Any], factor: float
) -> None:
    before, after = scaled(bench, method=method, factor=factor)
    assert before.samples is not None
    size = (int(8 * factor), int(12 * factor))
    if factor < 1 and method.startswith("bi"):
        options = {**options, "antialias": True}
    assert torch.equal(after.samples, interpolate(before.samples, size, **options))
    # A latent isn't a picture: nothing is cut to 0..1.
    assert float(before.samples.min()) < -1 < 1 < float(before.samples.max())
    assert float(after.samples.min()) < 0
    assert after.space == before.space


def test_scaling_an_empty_latent_scales_its_size(bench: Bench) -> None:
    nodes = graph(
        empty=("EmptyLatent", {"width": 64, "height": 32, "batch": 2}),
        scale=("ScaleLatent", {"factor": 1.5}, {"latent": "empty"}),
    )
    latent = bench.value(nodes, "scale")
    assert (latent.samples, latent.width, latent.height, latent.batch) == (None, 96, 48, 2)


def test_scaling_too_far(bench: Bench) -> None:
    nodes = graph(
        empty=("EmptyLatent", {"width": 2048}),
        scale=("ScaleLatent", {"factor": 16.0}, {"latent": "empty"}),
    )
    result = bench.run(nodes, ["scale"])
    assert result.exit_code == 2
    assert "scale (ScaleLatent): scaled to 32768 x 8192 pixels" in str(result.error)


# ------------------------------------------------------------------ SetNoiseMask

MASKED: dict[str, Any] = {
    **NOISY,
    "picture": ("LoadImage", {"path": "alpha.png"}),
    "masked": ("SetNoiseMask", {}, {"latent": "noisy", "mask": "picture.mask"}),
}


@pytest.fixture
def alpha(tmp_path: Path) -> Path:
    """A picture whose left half is transparent."""
    pixels = np.full((32, 48, 4), 255, np.uint8)
    pixels[:, :24, 3] = 0
    Pil.fromarray(pixels).save(tmp_path / "alpha.png")
    return tmp_path / "alpha.png"


@pytest.mark.usefixtures("tiny", "alpha")
def test_a_noise_mask_of_any_size_is_kept_as_it_is(bench: Bench) -> None:
    result = bench.run(graph(**MASKED), ["noisy", "picture", "masked"])
    noisy, masked = (result.values[name]["latent"] for name in ("noisy", "masked"))
    assert torch.equal(masked.noise_mask, result.values["picture"]["mask"].pixels)
    assert torch.equal(masked.samples, noisy.samples)
    assert noisy.noise_mask is None, "the input was changed"


@pytest.mark.usefixtures("tiny", "alpha")
def test_sampling_changes_only_what_the_mask_opens(bench: Bench) -> None:
    sampler = {"steps": 3, "sampler": "euler", "seed": 3}
    inputs = {"model": "checkpoint.model", "positive": "words", "negative": "words"}
    nodes = {
        **MASKED,
        "again": ("KSampler", sampler, {**inputs, "latent": "masked"}),
        "larger": ("ScaleLatent", {"factor": 2.0}, {"latent": "again"}),
    }
    result = bench.run(graph(**nodes), ["noisy", "again", "larger"])
    before, after = (result.values[name]["latent"] for name in ("noisy", "again"))
    changed = (before.samples != after.samples).any(dim=(0, 1), keepdim=False)
    assert changed[:, :6].all()
    assert not changed[:, 6:].any()
    assert result.values["larger"]["latent"].noise_mask is after.noise_mask


# ------------------------------------------------------------------ SaveLatent, LoadLatent


def saved(bench: Bench, nodes: dict[str, Any], which: str, **params: Any) -> Path:
    result = bench.run(graph(**nodes, keep=("SaveLatent", params, {"latent": which})))
    assert result.error is None, result.error
    return Path(result.outputs[0].path)


def loading(name: str) -> dict[str, Any]:
    return {"loaded": ("LoadLatent", {"name": name})}


@pytest.mark.usefixtures("tiny", "alpha")
@pytest.mark.parametrize("which", ["empty", "noisy", "masked"])
def test_a_round_trip_is_exact(bench: Bench, tmp_path: Path, which: str) -> None:
    path = saved(bench, MASKED, which)
    assert path == tmp_path / "out" / "latents" / "graph_00001.safetensors"
    original = bench.value(graph(**MASKED), which)
    loaded = bench.value(graph(**loading("latents/graph_00001.safetensors")), "loaded")
    for name in ("samples", "noise_mask"):
        one, two = getattr(original, name), getattr(loaded, name)
        assert (one is None and two is None) or torch.equal(one, two)
    for name in ("space", "width", "height", "batch"):
        assert getattr(original, name) == getattr(loaded, name)


@pytest.mark.usefixtures("tiny", "alpha")
def test_a_round_trip_into_another_process(bench: Bench, home: Path, tmp_path: Path) -> None:
    """A graph saves a latent; a second program loads it and saves it again."""
    path = saved(bench, MASKED, "masked", name="first")
    again = document(
        **loading(path.name), keep=("SaveLatent", {"name": "second"}, {"latent": "loaded"})
    )
    (tmp_path / "again.json").write_text(json.dumps(again))
    done = subprocess.run(
        [sys.executable, str(ROOT / "main.py"), "run", "again.json", "--out", "out", "-q"],
        cwd=tmp_path,
        env={**os.environ, "LATENT_STUDIO_HOME": str(home), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    second = Path(done.stdout.strip())
    assert second.name == "second_00001.safetensors"
    one, two = load_file(path), load_file(second)
    assert one.keys() == two.keys() == {"latent_tensor", "noise_mask"}
    assert all(torch.equal(one[name], two[name]) for name in one)
    with safe_open(path, "pt") as first, safe_open(second, "pt") as other:
        assert first.metadata()["latent"] == other.metadata()["latent"]
        about = json.loads(other.metadata()["latent_studio"])
    assert about["graph"]["nodes"]["loaded"]["params"] == {"name": "first_00001.safetensors"}


@pytest.mark.usefixtures("tiny")
def test_a_changed_file_is_read_again(bench: Bench) -> None:
    first = saved(bench, NOISY, "noisy", name="one")
    other = {**NOISY, "empty": ("EmptyLatent", {"width": 32, "height": 32})}
    second = saved(bench, other, "noisy", name="two")
    nodes = graph(**loading("one_00001.safetensors"))
    assert bench.value(nodes, "loaded").width == 96
    first.write_bytes(second.read_bytes())
    assert bench.value(nodes, "loaded").width == 32


# ------------------------------------------------------------------ bad latent files

SPACE = {"name": "s", "channels": 4, "downscale": 8, "scaling_factor": 0.3, "shift": 0, "rgb": None}
ABOUT = {"space": SPACE, "width": 96, "height": 64, "batch": 1}
SAMPLES = torch.zeros(1, 4, 8, 12)


def file_of(about: Any = ABOUT, **tensors: torch.Tensor) -> bytes:
    text = about if isinstance(about, str) else json.dumps(about)
    data: bytes = save(tensors, {"latent": text})
    return data


def about(**changes: Any) -> dict[str, Any]:
    return {**ABOUT, **changes}


def space(**changes: Any) -> dict[str, Any]:
    return about(space={**SPACE, **changes})


def header_of(header: Any, data: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


HUGE = {"dtype": "F32", "shape": [1, 4, 2**20, 2**20], "data_offsets": [0, 2**44]}
WHOLE = file_of(latent_tensor=SAMPLES)
BAD_FILES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "isn't a whole safetensors file"),
    "text": (b"this is no latent, but a text\n" * 10, "isn't a whole safetensors file"),
    "picture": (b"\x89PNG\r\n\x1a\n" + bytes(100), "isn't a whole safetensors file"),
    "truncated": (WHOLE[:-1], "isn't a whole safetensors file"),
    "half a header": (WHOLE[:20], "isn't a whole safetensors file"),
    "too long": (WHOLE + b"x", "isn't a whole safetensors file"),
    "a header of 2^60 bytes": (struct.pack("<Q", 2**60), "isn't a whole safetensors file"),
    "claims terabytes": (header_of({"latent_tensor": HUGE}), "isn't a whole safetensors file"),
    "a model": (save({"weight": SAMPLES}), "holds no latent"),
    "a latent of another program": (save({"latent_tensor": SAMPLES}), "holds no latent"),
    "no JSON": (file_of("{", latent_tensor=SAMPLES), "holds no latent"),
    "a list": (file_of([], latent_tensor=SAMPLES), "holds no latent"),
    "nested": (file_of("[" * 100_000, latent_tensor=SAMPLES), "holds no latent"),
    "no width": (file_of({"space": SPACE}, latent_tensor=SAMPLES), "holds no latent"),
    "words for numbers": (file_of(about(width="wide"), latent_tensor=SAMPLES), "holds no latent"),
    "a space of words": (file_of(about(space="sd"), latent_tensor=SAMPLES), "holds no latent"),
    "a space without scale": (
        file_of(about(space={"name": "s"}), latent_tensor=SAMPLES),
        "holds no latent",
    ),
    "odd preview": (file_of(space(rgb=[[1, 2]]), latent_tensor=SAMPLES), "holds no latent"),
    "three axes": (file_of(latent_tensor=SAMPLES[0]), r"latent_tensor has the shape \[4, 8, 12\]"),
    "no cells": (file_of(latent_tensor=SAMPLES[:0]), r"shape \[0, 4, 8, 12\]"),
    "other channels": (file_of(latent_tensor=SAMPLES[:, :3]), r"\(1, 3, 8, 12\), not \(1, 4, 8"),
    "other size": (file_of(about(width=104), latent_tensor=SAMPLES), r"not \(1, 4, 8, 13\)"),
    "other batch": (file_of(about(batch=2), latent_tensor=SAMPLES), r"not \(2, 4, 8, 12\)"),
    "no space": (file_of(about(space=None), latent_tensor=SAMPLES), "without a latent space"),
    "no samples": (file_of(), "or the reverse"),
    "claims a huge size": (file_of(about(space=None, width=10**12)), "holds no latent"),
    "claims a huge batch": (file_of(about(space=None, batch=10**9)), "holds no latent"),
    "below zero": (file_of(about(space=None, height=-8)), "holds no latent"),
    "downscale 0": (file_of(space(downscale=0), latent_tensor=SAMPLES), "that can't be"),
    "scaling 0": (file_of(space(scaling_factor=0), latent_tensor=SAMPLES), "scaling factor is 0"),
    "scaling 1e999": (
        file_of(json.dumps(space()).replace("0.3", "1e999"), latent_tensor=SAMPLES),
        "scaling factor is inf",
    ),
    "mask of three axes": (
        file_of(latent_tensor=SAMPLES, noise_mask=torch.zeros(1, 8, 12)),
        r"noise_mask has the shape \[1, 8, 12\]",
    ),
    "mask of three channels": (
        file_of(latent_tensor=SAMPLES, noise_mask=torch.zeros(1, 3, 8, 12)),
        r"noise mask has the shape \(1, 3, 8, 12\)",
    ),
    "masks for others": (
        file_of(latent_tensor=SAMPLES, noise_mask=torch.zeros(5, 1, 8, 12)),
        r"noise mask has the shape \(5, 1, 8, 12\)",
    ),
    "mask out of range": (
        file_of(latent_tensor=SAMPLES, noise_mask=torch.full((1, 1, 8, 12), 2.0)),
        "noise mask has values outside 0 to 1",
    ),
}


def test_the_hand_made_file_is_right_before_it_is_wrong(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.safetensors").write_bytes(WHOLE)
    assert bench.value(graph(**loading("a.safetensors")), "loaded").space.channels == 4


@pytest.mark.parametrize("fault", BAD_FILES)
def test_bad_files_are_refused_with_a_reason(bench: Bench, tmp_path: Path, fault: str) -> None:
    data, words = BAD_FILES[fault]
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.safetensors").write_bytes(data)
    result = bench.run(graph(**loading("a.safetensors")), ["loaded"])
    assert result.exit_code == 2
    with pytest.raises(type(result.error), match=words):
        raise result.error  # type: ignore[misc]
    assert str(result.error).startswith(
        f"loaded (LoadLatent): {tmp_path / 'out' / 'a.safetensors'}"
    )
    assert str(result.error).endswith("Use a file that SaveLatent wrote.")


def test_not_a_number_in_a_file_stops_the_run(bench: Bench, tmp_path: Path) -> None:
    samples = SAMPLES.clone()
    samples[0, 0, 0, 0] = float("nan")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.safetensors").write_bytes(file_of(latent_tensor=samples))
    result = bench.run(graph(**loading("a.safetensors")), ["loaded"])
    assert "1 of 384 values are NaN or infinite" in str(result.error)


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("node", ["decode", "sample"])
def test_a_latent_of_another_space_is_refused(bench: Bench, tmp_path: Path, node: str) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.safetensors").write_bytes(WHOLE)
    inputs = {"model": "checkpoint.model", "positive": "words", "negative": "words"}
    nodes = {
        **NOISY,
        **loading("a.safetensors"),
        "decode": ("VAEDecode", {}, {"latent": "loaded", "vae": "checkpoint.vae"}),
        "sample": ("KSampler", {"steps": 1}, {**inputs, "latent": "loaded"}),
    }
    result = bench.run(graph(**nodes), [node])
    assert result.exit_code == 2
    assert f"{node} (" in str(result.error)
    assert "space s (4 channels)" in str(result.error)
    assert "the checkpoint" in str(result.error)


def outside(tmp_path: Path) -> Path:
    path = tmp_path / "secret.safetensors"
    save_file({"latent_tensor": SAMPLES}, path, {"latent": json.dumps(ABOUT)})
    return path


def linked(tmp_path: Path) -> str:
    (tmp_path / "out" / "link.safetensors").symlink_to(outside(tmp_path))
    return "link.safetensors"


def linked_folder(tmp_path: Path) -> str:
    outside(tmp_path)
    (tmp_path / "out" / "folder").symlink_to(tmp_path)
    return "folder/secret.safetensors"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../secret.safetensors", "lies outside the output folder"),
        ("sub/../../secret.safetensors", "lies outside the output folder"),
        (lambda folder: str(outside(folder)), "lies outside the output folder"),
        (linked, "lies outside the output folder"),
        (linked_folder, "lies outside the output folder"),
        ("/dev/zero", "lies outside the output folder"),
        ("nothing.safetensors", "isn't there"),
        ("graph.json", "doesn't end in .safetensors"),
        ("", "doesn't end in .safetensors"),
        ("folder.safetensors", "isn't there"),
        ("a\0.safetensors", "is no path"),
        (f"{300 * 'x'}.safetensors", "isn't there"),
    ],
    ids=[
        "dots", "inner dots", "absolute", "link", "linked folder", "device", "missing", "suffix",
        "empty", "folder", "nul", "long",
    ],
)  # fmt: skip
def test_only_files_under_the_output_folder_are_read(
    bench: Bench, tmp_path: Path, name: str | Callable[[Path], str], words: str
) -> None:
    (tmp_path / "out" / "folder.safetensors").mkdir(parents=True)
    outside(tmp_path)
    text = name if isinstance(name, str) else name(tmp_path)
    with pytest.raises(GraphInvalid) as caught:
        bench.plan(graph(**loading(text)), ["loaded"])
    (fault,) = caught.value.faults
    assert fault.path == "nodes.loaded.params.name"
    assert words in fault.message
    assert f"Name a file under the output folder {tmp_path / 'out'}" in fault.message
