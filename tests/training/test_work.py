"""A training's folder: whose it is, and what it keeps."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import torch
from test_first_stage import plan

from studio.training import first_stage
from studio.training.recipe import FirstStage, Recipe
from studio.training.work import NotEmpty, NothingToResume, NotResumed, OtherRecipe, Work
from studio.training.world import Mix

if TYPE_CHECKING:
    from pathlib import Path

RECIPE = Recipe(title="x", first_stage=FirstStage(widths=(8, 8, 8, 8), steps=1))


def test_a_folder_is_one_trainings(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    with pytest.raises(NothingToResume, match="Leave out --resume"):
        Work(out, RECIPE, resume=True)
    assert not out.exists(), "nothing is made where nothing is done"
    Work(out, RECIPE, resume=False)
    with pytest.raises(NotResumed, match="--resume"):
        Work(out, RECIPE, resume=False)
    Work(out, RECIPE, resume=True)
    with pytest.raises(OtherRecipe, match="another recipe"):
        Work(out, RECIPE.model_copy(update={"seed": 2}), resume=True)


def test_words_for_people_may_change(tmp_path: Path) -> None:
    Work(tmp_path / "out", RECIPE, resume=False)
    said = RECIPE.model_copy(update={"title": "y", "about": "z", "takes": "long", "cfg": 3.0})
    Work(tmp_path / "out", said, resume=True)


def test_what_else_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(NotEmpty, match="isn't empty"):
        Work(tmp_path, RECIPE, resume=False)
    with pytest.raises(NotEmpty):
        Work(tmp_path / "mine.txt", RECIPE, resume=False)
    assert [each.name for each in tmp_path.iterdir()] == ["mine.txt"]


def test_time_adds_up_over_kills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100.0, 130.0, 1000.0, 1005.0, 1006.0])
    monkeypatch.setattr("studio.training.work.time.monotonic", lambda: next(clock))
    assert Work(tmp_path / "out", RECIPE, resume=False).spend() == 30
    again = Work(tmp_path / "out", RECIPE, resume=True)
    assert again.spend() == 35
    assert again.spend() == 36
    assert json.loads((tmp_path / "out/training/spent.json").read_text()) == 36


def test_latents_are_made_once(tmp_path: Path) -> None:
    work = Work(tmp_path / "out", RECIPE, resume=False)
    vae = first_stage.new(plan(), 1).eval()
    vae.register_to_config(scaling_factor=0.5)
    told: list[int] = []
    made = work.latents(vae, 1, Mix(), 3, lambda done, _: told.append(done))
    assert made.shape == (3, 4, 16, 16)
    assert made.dtype is torch.float16
    assert told == [3]
    again = work.latents(vae, 1, Mix(), 3, lambda done, _: told.append(done))
    assert torch.equal(made, again)
    assert told == [3]
