"""Inpainting with the models that ship, judged: a few of the cases of benchmarks/inpaint_quality.

There are 50 in the benchmark, and more ways to inpaint.
"""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.inpaint_quality import check, run, seam
from benchmarks.scenes import COLOURS, SHAPES, SIZE, Seen, Thing, cases, draw, judge


def test_the_judge_sees_what_is_drawn() -> None:
    """Every shape in every size that the cases have, turned a little, on grain."""
    for number, case in enumerate(cases(60)):
        shape, old = SHAPES[number % len(SHAPES)], case.old
        thing = Thing(shape, old.colour, old.x, old.y, old.radius, old.turn)
        pixels = draw([thing], case.background, 1.5, number)
        assert judge(pixels, case.hole, case.background) == Seen(shape, old.colour)


def test_the_judge_sees_nothing_where_nothing_is() -> None:
    for background in COLOURS:
        everywhere = np.ones((SIZE, SIZE), bool)
        assert judge(draw([], background, 1.5), everywhere, background) == Seen(None, None)


def test_the_cases_are_fixed_and_hide_what_they_replace() -> None:
    chosen = cases()
    assert chosen == cases()
    assert chosen[:7] == cases(7)
    assert len({case.prompt for case in chosen}) >= 49
    for case in chosen:
        assert case.old.shape != case.wanted.shape
        assert len({case.old.colour, case.wanted.colour, case.background}) == 3
        assert (case.picture()[~case.hole] == draw([], case.background)[~case.hole]).all()


def test_a_seam_is_noticed() -> None:
    (case,) = cases(1)
    plain = draw([], case.background, 1.5)
    assert 0.8 < seam(plain, case.hole, case.background) < 1.2
    darker = np.where(case.hole[..., None], plain - 0.02, plain)
    assert seam(darker, case.hole, case.background) > 1.8


@pytest.mark.parametrize(("model", "right"), [("pocket", 5), ("pocket-inpaint", 7)])
@pytest.mark.parametrize("way", ["Inpaint", "InpaintModelConditioning"])
def test_the_shape_asked_for_is_in_the_hole(model: str, right: int, way: str) -> None:
    """Eight cases; the benchmark's goals are 60 and 88 per cent of fifty."""
    chosen = cases(8)
    found = [check(case, made) for case, made in zip(chosen, run(model, way, chosen), strict=True)]
    assert sum(each.right for each in found) >= right
    assert not any(each.changed for each in found)
    assert np.mean([each.seam for each in found]) <= 1.5
