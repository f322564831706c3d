"""Measures against their definitions; prompts that are new; the painter with what ships."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from graph_bench import Bench, graph
from PIL import Image

from benchmarks.quality import Family
from studio.training import quality
from studio.training.captions import Caption
from studio.training.drawing import draw
from studio.training.heldout import (
    PATIENCE,
    SEED,
    content,
    repairs,
    seen_by,
    wishes,
)
from studio.training.judge import judge
from studio.training.measures import Share, psnr, seam
from studio.training.painting import SAMPLER, SCHEDULE, STEPS, Painter
from studio.training.recipe import Recipe
from studio.training.sheets import WRONG, sheet
from studio.training.world import SIZE, Mix, scene

if TYPE_CHECKING:
    from numpy.typing import NDArray

RESOURCES = Path(__file__).parents[2] / "resources"
PLAIN = Mix(pairs=0, grounds=(1, 0, 0, 0))
GREY = (120, 120, 120)


# ------------------------------------------------------------------ numbers


@pytest.mark.parametrize(("right", "of"), [(0, 20), (97, 100), (485, 500), (12, 12)])
def test_the_interval_is_wilsons(right: int, of: int) -> None:
    """Against the formula: the roots p of |right / of - p| = z sqrt(p (1 - p) / of)."""
    z, share = 1.959963984540054, right / of
    centre = (share + z * z / (2 * of)) / (1 + z * z / of)
    reach = z / (1 + z * z / of) * math.sqrt(share * (1 - share) / of + (z / (2 * of)) ** 2)
    low, high = Share(right, of).interval
    assert low == pytest.approx(100 * (centre - reach), abs=1e-9)
    assert high == pytest.approx(100 * (centre + reach), abs=1e-9)


def test_nothing_says_nothing() -> None:
    assert Share(0, 0).percent == 0
    assert Share(0, 0).interval == (0, 100)


def test_psnr_is_of_the_squared_errors_mean() -> None:
    grey = np.full((2, 8, 8, 3), 0.5)
    assert psnr(grey, grey + 0.1) == pytest.approx(20)
    assert psnr(grey, grey) == math.inf
    other = grey.copy()
    other[1] += 0.1
    assert psnr(grey, other) == pytest.approx(20 + 10 * math.log10(2))
    where = np.zeros((2, 8, 8), bool)
    where[1, :3] = True
    assert psnr(grey, other, where) == pytest.approx(20)


def _wall(step: float, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """A grainy wall with a square hole, what is in it so many steps of 8 bits lighter."""
    hole = np.zeros((SIZE, SIZE), bool)
    hole[30:80, 40:90] = True
    grain = np.random.default_rng(seed).normal(0, 1.5, (SIZE, SIZE, 3))
    return (np.array(GREY) + grain + step * hole[..., None]) / 255, hole


def test_a_seam_is_told_from_none() -> None:
    ratios = [seam(*_wall(step), GREY) for step in (0, 1, 2, 4, 8)]
    assert ratios[0] == pytest.approx(1, abs=0.05)
    assert ratios == sorted(ratios)
    assert ratios[2] > 1.3
    assert ratios[4] > 4


def test_a_thing_across_the_border_is_no_seam() -> None:
    made, hole = _wall(0)
    made[20:50, 30:60] = (0.9, 0.1, 0.1)
    assert seam(made, hole, GREY) == pytest.approx(1, abs=0.05)


def test_where_a_blend_ends_counts_too() -> None:
    made, hole = _wall(0)
    wider = np.zeros((SIZE, SIZE), bool)
    wider[24:86, 34:96] = True
    made[wider] += 8 / 255
    assert seam(made, hole, GREY, feather=0) < 1.5
    assert seam(made, hole, GREY, feather=6) > 3


# ------------------------------------------------------------------ what is asked for


def test_scenes_that_read_alike_have_one_content() -> None:
    two = next(each for n in range(99) if len((each := scene(3, n)).things) == 2)
    assert content(two) == content(replace(two, things=two.things[::-1]))
    moved = replace(two.things[0], x=two.things[0].x + 0.25, turn=7.0, radius=16.5)
    assert content(two) == content(replace(two, things=(moved, two.things[1])))
    other = replace(two.things[0], shape="ring" if two.things[0].shape != "ring" else "star")
    assert content(two) != content(replace(two, things=(other, two.things[1])))
    swapped = (replace(two.things[0], x=two.things[1].x, y=two.things[1].y),
               replace(two.things[1], x=two.things[0].x, y=two.things[0].y))  # fmt: skip
    assert content(two) != content(replace(two, things=swapped))


def test_prompts_are_new_and_as_mixed_as_scenes_are() -> None:
    known = wishes(60, Mix())
    seen = frozenset(content(each.wanted) for each in known)
    fresh = wishes(60, Mix(), seen)
    assert not seen & {content(each.wanted) for each in fresh}
    kinds = [Counter(each.wanted.background.kind for each in found) for found in (known, fresh)]
    assert kinds[0] == kinds[1]
    assert len(kinds[0]) == 4
    repaired = repairs(10, PLAIN, frozenset(content(one.wanted) for one in repairs(10, PLAIN)))
    assert len(repaired) == 10


def test_where_all_is_known_there_is_no_prompt() -> None:
    seen = frozenset(content(scene(SEED, n, PLAIN)) for n in range(2 * PATIENCE))
    assert wishes(2, PLAIN, seen) == []


def test_a_model_has_seen_its_own_scenes_and_its_bases(monkeypatch: pytest.MonkeyPatch) -> None:
    learnt = {"scenes": 30, "steps": 1}
    base = _recipe(
        seed=5, first_stage={"widths": [8, 8, 8, 8], "steps": 1}, text={}, denoiser=learnt
    )
    monkeypatch.setattr("studio.training.recipe.read", lambda path: base)
    seen = seen_by(_recipe(seed=6, base="pocket", denoiser=learnt))
    for seed in (5, 6):
        assert {content(scene(seed, n, base.world.mix)) for n in range(30)} <= seen
    assert len(seen) <= 60


def _recipe(**parts: Any) -> Recipe:
    return Recipe.model_validate({"title": "for a test", **parts})


def test_what_is_to_be_replaced_lies_in_the_hole_and_nothing_else() -> None:
    for case in repairs(40, Mix(pairs=0.6)):
        assert case.old.shape != case.new.shape
        assert case.old.colour != case.new.colour
        differs = (draw(case.scene) != draw(case.wanted)).any(-1)
        assert differs.any()
        assert not differs[~case.hole].any()
        for other in case.scene.things:
            if other is not case.old:
                assert not case.hole[round(other.y), round(other.x)]


def test_what_is_in_the_mask_is_judged_alone() -> None:
    for case in repairs(8, replace(PLAIN, pairs=0.5)):
        assert all(quality.inside(case, judge(draw(case.wanted))).values())
        wrong = quality.inside(case, judge(draw(case.scene)))
        assert wrong == {"count": True, "colour": False, "shape": False}
        nothing = replace(case.wanted, things=())
        assert not any(quality.inside(case, judge(draw(nothing))).values())


# ------------------------------------------------------------------ sheets


def test_a_sheet_shows_pictures_captions_and_marks() -> None:
    pictures = [np.full((40, 50, 3), level, np.uint8) for level in (0, 100, 200)]
    found = sheet(pictures, ["a red circle on a blue background", "b", "c"], ["", "shape", ""], 2)
    pixels = np.asarray(found)
    assert isinstance(found, Image.Image)
    for level in (0, 100, 200):
        assert (pixels == level).all(-1).sum() >= 40 * 50
    red = (pixels == WRONG).all(-1)
    rows, columns = np.nonzero(red)
    assert len(rows) > 3 * 2 * (40 + 50)
    # All red is at the second picture, its frame above and its words below.
    left = np.nonzero((pixels == 100).all(-1))[1].min()
    assert columns.min() >= left - 3
    assert rows.max() > np.nonzero((pixels == 100).all(-1))[0].max() + 10
    assert rows.max() < np.nonzero((pixels == 200).all(-1))[0].min()


def test_marks_say_what_is_wrong() -> None:
    (wish,) = wishes(1, PLAIN)
    thing = wish.wanted.things[0]
    other = replace(thing, shape="ring" if thing.shape != "ring" else "star")
    pictures = np.stack(
        [draw(replace(wish.wanted, things=each)) for each in ((thing,), (other,), ())]
    )
    found = quality.judged(pictures, [wish] * 3)
    assert found.wrong[0] == []
    assert found.wrong[1] == ["shape"]
    assert found.wrong[2][0] == "count"
    assert found.shares["all right"] == Share(1, 3)
    assert found.shares["count"] == Share(2, 3)
    assert next(iter(found.shares)) == "all right"
    assert quality.samples(found).width > 3 * SIZE


# ------------------------------------------------------------------ with the models that ship


@pytest.fixture(scope="module")
def painter() -> Painter:
    return Painter.load(RESOURCES / "pocket", 4.0)


PROMPTS = [
    f"{article} {colour} circle in the centre on a {ground} background"
    for article, colour, ground in (
        ("a", "red", "white"), ("a", "green", "black"), ("a", "yellow", "purple"),
        ("an", "orange", "blue"),
    )
]  # fmt: skip


def test_it_paints_each_prompt_what_the_nodes_paint(painter: Painter, bench: Bench) -> None:
    made = painter.paint(PROMPTS)
    seen = [judge(picture) for picture in made]
    right = [
        f"{each.things[0].colour} circle" in prompt and f"on a {each.colours[0]} " in prompt
        for each, prompt in zip(seen, PROMPTS, strict=True)
        if len(each.things) == 1
    ]
    assert sum(right) >= 3
    # The first of them, by itself, from the same noise.
    nodes: dict[str, Any] = {
        "checkpoint": ("LoadCheckpoint", {"name": "pocket"}),
        "words": ("TextEncode", {"text": PROMPTS[0]}, {"clip": "checkpoint.clip"}),
        "negative": ("TextEncode", {"text": ""}, {"clip": "checkpoint.clip"}),
        "size": ("EmptyLatent", {"width": SIZE, "height": SIZE}),
        "sampler": (
            "KSampler",
            {"seed": 0, "steps": STEPS, "cfg": 4.0, "sampler": SAMPLER, "schedule": SCHEDULE},
            {"model": "checkpoint.model", "positive": "words", "negative": "negative",
             "latent": "size"},
        ),
        "decode": ("VAEDecode", {}, {"latent": "sampler", "vae": "checkpoint.vae"}),
    }  # fmt: skip
    result = bench.run(graph(**nodes), ["decode"])
    assert result.error is None
    pixels = result.values["decode"]["image"].pixels[0].permute(1, 2, 0).numpy()
    assert abs(pixels * 255 - made[0]).max() <= 1.5


def test_it_repaints_what_is_masked() -> None:
    painter = Painter.load(RESOURCES / "pocket-inpaint", 4.0)
    cases = [each for each in repairs(12, PLAIN) if each.new.size != "small"][:3]
    plain = [
        replace(
            each, caption=Caption(_plain(each.new.colour, each.new.shape), (False,), False, False)
        )
        for each in cases
    ]
    found = quality.repainted(painter, plain)
    assert found.judged.shares["colour"].right >= 2
    assert 15 < found.outside < 40
    assert found.seam is not None
    assert found.blended is not None
    assert 1 < found.blended < found.seam < 30
    # Put together along the hard edge: what is outside is the grainy scene itself.
    for case, picture in zip(plain, found.judged.pictures, strict=True):
        before = quality.grainy(draw(case.scene), case.seed)
        assert (picture == before)[~case.hole].all()
        assert (picture != before)[case.hole].any()


def _plain(colour: str, shape: str) -> str:
    return f"a {colour} {shape}"


def test_a_lora_counts_by_its_strength(painter: Painter) -> None:
    file = RESOURCES / "loras" / "pocket-striped.safetensors"
    assert quality.trigger(file) == "striped style"
    asked = quality.styled_wishes(1, "striped", Mix(pairs=0, grounds=(1, 0, 0, 0)))
    assert all(thing.style == "striped" for each in asked for thing in each.wanted.things)
    assert not any("strip" in each.caption.text for each in asked)
    none = quality.styled(painter, file, 0.0, asked)
    assert all(prompt.endswith(", striped style") for prompt in none.prompts)
    assert none.shares["style"].right == 0
    assert (none.pictures == painter.paint(none.prompts)).all()
    assert (none.pictures != quality.styled(painter, file, 1.0, asked).pictures).any()


def test_a_heavier_word_is_seen_more(painter: Painter) -> None:
    reds = quality.shifted(painter, 1)
    assert len(reds) == len(quality.WEIGHTS)
    assert reds[-1] - reds[0] > 60


def test_a_finished_model_gets_its_figures_and_a_sheet() -> None:
    """As trainings call it; here with the pocket that ships."""
    recipe = _recipe(
        world={"checked": 0, "dotted": 0},
        first_stage={"widths": [8, 8, 8, 8], "steps": 1},
        text={},
        denoiser={"scenes": 2, "steps": 1},
    )
    figures, shown = quality.of_model(RESOURCES / "pocket", recipe, count=2)
    assert list(figures) == ["first stage", "one object", "two objects"]
    stage = figures["first stage"]
    assert 24 < stage["PSNR, dB"] < 45
    assert stage["untouched"]["colour"]["percent"] == 100
    assert 0.6 < stage["preview, R2"] <= 1
    assert figures["two objects"]["relation"]["of"] == 2
    assert json.loads(json.dumps(figures)) == figures
    assert shown.height > SIZE


def test_the_benchmark_says_what_is_missing(tmp_path: Path) -> None:
    rows = Family(tmp_path, 1).measure()
    assert [row.what.split()[0] for row in rows] == [
        "pocket", "pocket-v", "pocket-inpaint", "pocket-striped", "pocket-outlined",
    ]  # fmt: skip
    for row in rows:
        assert "is missing" in row.what
        assert row.holds is False
