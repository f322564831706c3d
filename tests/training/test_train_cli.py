"""`train` as its user meets it: real processes, killed for real."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from forks import Program
from PIL import Image as Pil
from safetensors.torch import load_file

from studio.training import recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from forks import Forks

MICRO = """
title = "A few steps"
every = 20
sheets = {sheets}
about = "Knows nothing."
[world]
pairs = 0.0
[first_stage]
widths = [4, 8, 8, 8]
steps = 4
decoder_steps = 2
batch = 2
[text]
vocabulary = 600
width = 16
layers = 1
heads = 2
[denoiser]
widths = [8, 8]
attention = [true, false]
heads = 2
groups = 2
scenes = 64
batch = 2
steps = {steps}
"""

TAUGHT = """
title = "More channels"
sheets = false
base = "pocket"
[denoiser]
masks = true
scenes = 8
batch = 2
steps = 2
"""

STYLED = """
title = "Stripes"
sheets = false
base = "pocket"
[world]
striped = 1.0
[lora]
trigger = "in stripes"
rank = 2
scenes = 8
batch = 2
steps = 2
"""


def micro(steps: int, *, sheets: bool = False) -> str:
    return MICRO.format(steps=steps, sheets=json.dumps(sheets))


class Train:
    """Runs `main.py train` in a folder of its own."""

    def __init__(self, forks: Forks, home: Path, folder: Path) -> None:
        self._forks = forks
        self.folder = folder
        self._environment = {**os.environ, "LATENT_STUDIO_HOME": str(home), "COLUMNS": "160"}
        self._open: list[Program] = []

    def start(self, *arguments: str | Path) -> Program:
        made = Program(self._forks, ("train", *arguments), self.folder, self._environment)
        self._open.append(made)
        return made

    def __call__(self, *arguments: str | Path, code: int = 0) -> tuple[str, str]:
        process = self.start(*arguments)
        out, errors = process.communicate(b"")
        assert process.returncode == code, f"exit {process.returncode}: {out}{errors}"
        assert "Traceback" not in errors
        return out, errors

    def recipe(self, text: str, name: str = "mine.toml") -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def close(self) -> None:
        for process in self._open:
            process.close()


@pytest.fixture
def train(forks: Forks, home: Path, tmp_path: Path) -> Iterator[Train]:
    made = Train(forks, home, tmp_path)
    yield made
    made.close()


def weights(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.glob("*/*.safetensors"))
        if path.parent.name != "training"
    }


def waited(until: Callable[[], object], limit: float = 120) -> None:
    end = time.monotonic() + limit
    while not until():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.minutes
def test_a_model_from_nothing_is_used_like_any_other(train: Train) -> None:
    path = train.recipe(micro(3, sheets=True))
    out, errors = train(path, "--out", "made", "--check", "2", "--json")
    events = [json.loads(line) for line in out.splitlines()]
    stages = [event["stage"] for event in events if event["event"] == "stage"]
    assert stages == ["first stage", "latents", "denoiser"]
    assert errors == "", "libraries have nothing to say"
    made = train.folder / "made"
    assert events[-1]["path"] == "made"
    assert events[-1]["figures"]["one object"]["all right"]["of"] == 2

    card = (made / "README.md").read_text(encoding="utf-8")
    for name, digest in weights(made).items():
        assert f"`{name}`: `{digest}`" in card
    assert "Knows nothing." in card
    assert "vocabulary = 600" in card
    with Pil.open(made / "sheet.png") as sheet:
        assert sheet.width > 256
    samples = sorted(each.name for each in (made / "training/samples").iterdir())
    assert samples[0] == "first-stage-000001.png"
    assert samples[-1] == "step-000003.png"
    assert {each.dtype for each in load_file(next(made.glob("unet/*.safetensors"))).values()} == {
        torch.float16
    }
    preview = json.loads((made / "latent_preview.json").read_text())
    assert len(preview["rgb"]) == 5

    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline.from_pretrained(made)
    assert pipeline.unet.config["cross_attention_dim"] == 16
    assert pipeline.scheduler.config["prediction_type"] == "epsilon"


@pytest.mark.minutes
def test_killed_and_resumed_is_the_same_to_the_bit(train: Train) -> None:
    path = train.recipe(micro(60))
    process = train.start(path, "--out", "cut", "--check", "0")
    kept = train.folder / "cut/training/denoiser.pt"
    waited(kept.exists)
    process.send_signal(signal.SIGKILL)
    process.communicate(b"")
    assert not (train.folder / "cut/unet").exists(), "it was killed too late to tell"
    train(path, "--out", "cut", code=2)
    train(path, "--out", "cut", "--resume", "--check", "0")
    train(path, "--out", "whole", "--check", "0")
    found = weights(train.folder / "cut")
    assert len(found) == 3
    assert found == weights(train.folder / "whole")


def test_nine_channels_begin_as_the_base(train: Train) -> None:
    """What the weights of the new channels are after two small steps tells where they began."""
    train(train.recipe(TAUGHT), "--out", "made", "--check", "0")
    made = load_file(next((train.folder / "made/unet").glob("*.safetensors")))["conv_in.weight"]
    from studio.places import resources

    base = load_file(next((resources() / "pocket/unet").glob("*.safetensors")))["conv_in.weight"]
    assert made.shape[1] == 9
    assert float((made[:, :4] - base).abs().max()) < 0.01
    assert 0 < float(made[:, 4:].abs().max()) < 0.01
    index = json.loads((train.folder / "made/model_index.json").read_text())
    assert index["_class_name"] == "StableDiffusionInpaintPipeline"


def test_a_lora_is_a_file(train: Train) -> None:
    out, _ = train(train.recipe(STYLED), "--out", "made", "--check", "0")
    assert out.strip() == str(Path("made/mine.safetensors"))
    card = (train.folder / "made/README.md").read_text(encoding="utf-8")
    digest = hashlib.sha256((train.folder / "made/mine.safetensors").read_bytes()).hexdigest()
    assert f"`mine.safetensors`: `{digest}`" in card
    assert "in stripes" in card


def test_the_list(train: Train) -> None:
    out, _ = train("--list")
    for name in recipe.names():
        assert name in out
    listed: dict[str, Any] = json.loads(train("--list", "--json")[0])
    assert listed["pocket-v"]["base"] == "pocket"


def test_what_cant_be_followed_says_so_and_leaves_nothing(train: Train) -> None:
    mine = train.recipe(micro(1))
    (train.folder / "empty").mkdir()
    for arguments, says in (
        (("pocket",), "train RECIPE --out DIR"),
        (("pockets", "--out", "made"), "Did you mean pocket"),
        (("gone.toml", "--out", "made"), "no recipe 'gone.toml'"),
        (("pocket-v", "--base", "empty", "--out", "made"), "can't be what the recipe begins with"),
        ((mine, "--base", "empty", "--out", "made"), "begins with nothing"),
        ((mine, "--out", "made", "--device", "warp"), 'no device "warp"'),
        ((mine, "--out", "made", "--resume"), "no training to go on with"),
    ):
        _, errors = train(*arguments, code=2)
        assert says in errors
        assert not (train.folder / "made").exists()


def test_ctrl_c_says_how_to_go_on(train: Train) -> None:
    path = train.recipe(micro(2000))
    process = train.start(path, "--out", "made")
    waited((train.folder / "made/training/latents.safetensors").exists)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(b"")
    assert process.returncode == 130
    assert "train mine.toml --out made --resume" in errors.replace(f"{train.folder}/", "")
    assert "Traceback" not in errors
