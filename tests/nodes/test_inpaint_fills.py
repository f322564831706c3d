"""Filling holes, soft edges, frames and blending: what stands in studio/inpaint."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from studio.inpaint import FILLS
from studio.inpaint.compose import MARGIN, blend, blend_mask, bounds, usual_feather
from studio.inpaint.fills import fill
from studio.inpaint.frames import MAX_SCALE, frame_around
from studio.inpaint.membrane import _densely, _sparsely, membrane

Floats = NDArray[np.float32]


def slope(height: int = 40, width: int = 56) -> Floats:
    """A picture that rises evenly in both directions."""
    rows, columns = np.mgrid[:height, :width]
    made = np.stack([rows / height, columns / width, (rows + columns) / (height + width)], -1)
    return (0.1 + 0.8 * made).astype(np.float32)


def hole(height: int = 40, width: int = 56, margin: int = 12) -> NDArray[np.bool_]:
    made = np.zeros((height, width), bool)
    made[margin : height - margin, margin : width - margin] = True
    return made


@pytest.mark.parametrize("how", FILLS)
def test_what_is_known_keeps_its_bits(how: str) -> None:
    given = slope()
    found = fill(given, hole(), how)
    assert found.dtype == np.float32
    assert np.array_equal(found[~hole()], given[~hole()])
    assert found.min() >= 0
    assert found.max() <= 1
    assert np.array_equal(given, slope()), "its input was changed"


@pytest.mark.parametrize("how", FILLS)
def test_a_plain_picture_stays_plain(how: str) -> None:
    plain = np.full((30, 30, 3), 0.3, np.float32)
    expected = {"none": 0.0, "neutral": 0.5}.get(how, 0.3)
    assert np.allclose(fill(plain, hole(30, 30), how)[hole(30, 30)], expected, atol=1e-5)


def test_blur_and_telea_go_on_with_a_slope() -> None:
    """A harmonic function is its own skin; Telea's first order follows a slope."""
    error = {how: np.abs(fill(slope(), hole(), how) - slope()).max() for how in FILLS}
    assert error["blur"] < 0.01
    assert error["telea"] < 0.12
    assert error["telea"] < error["edge"]


def test_isophotes_carry_an_edge_across_a_hole() -> None:
    """Of two halves, black and white, the border goes straight on through the hole."""
    halves = np.zeros((41, 61, 3), np.float32)
    halves[21:] = 1
    gap = np.zeros((41, 61), bool)
    gap[:, 27:34] = True
    found = fill(halves, gap, "navier_stokes")
    assert found[:18, 27:34].max() < 0.25
    assert found[24:, 27:34].min() > 0.75


@pytest.mark.parametrize("how", FILLS)
def test_beyond_an_edge_and_where_all_is_a_hole(how: str) -> None:
    beyond = np.zeros((24, 40), bool)
    beyond[:, 25:] = True
    assert fill(slope(24, 40), beyond, how).shape == (24, 40, 3)
    everything = np.ones((24, 40), bool)
    assert np.ptp(fill(slope(24, 40), everything, how)) == 0
    nothing = np.zeros((24, 40), bool)
    assert np.array_equal(fill(slope(24, 40), nothing, how), slope(24, 40))


@pytest.mark.parametrize("how", ["blur", "telea", "navier_stokes"])
def test_a_filling_can_be_stopped(how: str) -> None:
    class Stop(Exception):
        pass

    def tick(done: int, of: int) -> None:
        raise Stop

    with pytest.raises(Stop):
        fill(slope(), hole(), how, tick)


@given(st.integers(1, 40), st.integers(1, 40), st.floats(0, 1), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_looking_at_all_pixels_or_at_the_free_ones_gives_the_same_bits(
    height: int, width: int, share: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    values = rng.random((height, width, 3), np.float32)
    free = rng.random((height, width)) < share
    other = values.copy()
    steps = _densely(values, free), _sparsely(other, free)
    for _ in range(3):
        for step in steps:
            step()
        assert np.array_equal(values, other)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 17), st.integers(1, 17), st.integers(0, 2**32 - 1))
def test_a_skin_stays_between_what_holds_it(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values, known = rng.random((height, width, 2), np.float32), rng.random((height, width)) < 0.3
    found = membrane(values, known)
    assert np.array_equal(found[known], values[known])
    if known.any():
        assert (found >= values[known].min(0) - 1e-5).all()
        assert (found <= values[known].max(0) + 1e-5).all()
    else:
        assert not found.any()


# ------------------------------------------------------------------ soft edges


def square(side: int = 64, margin: int = 24) -> Floats:
    return hole(side, side, margin).astype(np.float32)


def test_a_blend_mask_is_opaque_inside_and_ends_where_it_says() -> None:
    from scipy import ndimage

    mask = square()
    distance = ndimage.distance_transform_edt(mask < 0.5)
    soft = blend_mask(mask, 3, 5)
    assert soft.dtype == np.float32
    assert (soft[distance <= 3] == 1).all()
    assert (soft[distance >= 8] == 0).all()
    between = (distance > 3) & (distance < 8)
    assert ((soft[between] > 0) & (soft[between] < 1)).all()


def test_nothing_to_grow_or_feather_leaves_a_mask_alone() -> None:
    mask = np.random.default_rng(0).random((20, 20), np.float32)
    assert np.array_equal(blend_mask(mask, 0, 0), mask)
    assert (blend_mask(mask, 2, 3) >= mask).all()


def test_masks_shrink_but_not_from_the_pictures_edge() -> None:
    mask = np.zeros((32, 32), np.float32)
    mask[:, 16:] = 1
    smaller = blend_mask(mask, -4, 0)
    assert np.array_equal(np.flatnonzero(smaller[5]), np.arange(20, 32))
    assert (smaller[:, 20:] == 1).all()


def test_the_usual_feather_goes_by_the_masks_size() -> None:
    assert usual_feather(np.zeros((9, 9), np.float32)) == 4
    assert usual_feather(square(400, 100)) == 28
    assert usual_feather(square(2000, 10)) == 64
    assert bounds(square()) == (24, 24, 40, 40)
    assert bounds(np.zeros((9, 9), np.float32)) is None


# ------------------------------------------------------------------ blending


@pytest.mark.parametrize("match", [False, True])
def test_outside_a_blend_keeps_its_bits(match: bool) -> None:
    rng = np.random.default_rng(0)
    base, over = rng.random((2, 64, 64, 3), np.float32)
    alpha = blend_mask(square(), 0, 6)
    made = blend(base, over, alpha, match=match)
    assert np.array_equal(made[alpha == 0], base[alpha == 0])
    if not match:
        assert np.array_equal(made[alpha == 1], over[alpha == 1])
    assert made.min() >= 0
    assert made.max() <= 1


def test_a_drift_of_colours_is_taken_out() -> None:
    """A model that gives a wall back a little too dark, and more so to the right."""
    base = slope(64, 64)
    wrong = np.linspace(0.02, 0.1, 64, dtype=np.float32)[None, :, None]
    alpha = blend_mask(square(), 0, 6)
    plain, matched = (blend(base, base - wrong, alpha, match=m) for m in (False, True))
    assert np.abs(plain - base).max() > 0.05
    assert np.abs(matched - base).max() < 0.005


def test_another_content_beside_the_mask_is_no_drift() -> None:
    base = np.full((64, 64, 3), 0.4, np.float32)
    over = base - 0.05
    over[20:44, 41:60] = 1  # something that the model painted across the mask's border
    made = blend(base, over, blend_mask(square(), 0, 0), match=True)
    assert np.abs(made - 0.4).max() < 0.01


def test_only_the_masks_surroundings_are_looked_at() -> None:
    base = np.zeros((400, 400, 3), np.float32)
    alpha = np.zeros((400, 400), np.float32)
    alpha[100:110, 100:110] = 1
    far = np.full_like(base, 0.1)
    far[100 - MARGIN : 110 + MARGIN, 100 - MARGIN : 110 + MARGIN] = 0
    assert not blend(base, far, alpha, match=True).any()


# ------------------------------------------------------------------ frames

sides = st.integers(1, 3000)


@settings(max_examples=300, deadline=None)
@given(sides, sides, st.data())
def test_a_frame_holds_the_mask_and_lies_within(
    width: int, height: int, data: st.DataObject
) -> None:
    left = data.draw(st.integers(0, width - 1))
    top = data.draw(st.integers(0, height - 1))
    right, bottom = data.draw(st.integers(left + 1, width)), data.draw(st.integers(top + 1, height))
    size = data.draw(st.sampled_from([None, 64, 128, 512, 1024]))
    share = data.draw(st.floats(0, 8))
    frame = frame_around((left, top, right, bottom), width, height, context=share, size=size)
    assert 0 <= frame.x <= left
    assert 0 <= frame.y <= top
    assert right <= frame.x + frame.width <= width
    assert bottom <= frame.y + frame.height <= height
    if size is None:
        assert (frame.scaled_width, frame.scaled_height) == (frame.width, frame.height)
        return
    # As large as the model wants, and never squeezed.
    scale = frame.scaled_width / frame.width
    assert scale <= MAX_SCALE + 1
    if min(frame.scaled_width, frame.scaled_height) > 20:
        other = frame.scaled_height / frame.height
        assert abs(scale - other) <= 0.5 / frame.width + 0.5 / frame.height + 1e-9
        assert scale >= MAX_SCALE - 1 or np.isclose(
            frame.scaled_width * frame.scaled_height, size * size, rtol=0.1
        )


def test_a_frame_is_a_square_where_there_is_room() -> None:
    frame = frame_around((100, 100, 140, 120), 400, 300, context=0.5, size=128)
    assert (frame.x, frame.y, frame.width, frame.height) == (80, 70, 80, 80)
    assert (frame.scaled_width, frame.scaled_height) == (128, 128)
    corner = frame_around((380, 280, 400, 300), 400, 300, context=0.5, size=None)
    assert (corner.x, corner.y, corner.width, corner.height) == (360, 260, 40, 40)
    flat = frame_around((100, 2, 180, 28), 400, 30, context=0.5, size=None)
    assert (flat.x, flat.y, flat.width, flat.height) == (60, 0, 160, 30)
