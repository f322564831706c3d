"""What is done to masks, against slow or other ways of doing it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from studio.masks import shape

SIZES = st.tuples(st.integers(1, 24), st.integers(1, 24))
VALUES = st.sampled_from([0.0, 0.0, 0.0, 1.0, *(float(np.float32(v / 255)) for v in range(256))])
MASKS = arrays(np.float32, SIZES, elements=VALUES)


def disc(radius: int) -> Any:
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return x * x + y * y <= radius * radius


@given(MASKS, st.integers(0, 30))
@settings(deadline=None, max_examples=100)
def test_growing_takes_the_largest_within_a_disc(mask: Any, radius: int) -> None:
    wanted = ndimage.grey_dilation(mask, footprint=disc(radius), mode="constant", cval=0)
    assert np.array_equal(shape.grow(mask, radius), wanted)
    least = ndimage.grey_erosion(mask, footprint=disc(radius), mode="constant", cval=1)
    shrunk = shape.grow(mask, -radius)
    assert np.array_equal(shrunk, least)
    assert not np.signbit(shrunk).any()


@given(MASKS, st.floats(0, 20), st.floats(0, 20))
@settings(deadline=None, max_examples=60)
def test_growing_is_steady(mask: Any, one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert (shape.grow(mask, less) <= shape.grow(mask, more) + 1e-6).all()
    assert (shape.grow(mask, -more) <= shape.grow(mask, -less) + 1e-6).all()
    assert np.abs(shape.grow(1 - mask, less) - (1 - shape.grow(mask, -less))).max() < 1e-6
    whole, rest = divmod(less, 1)
    low, high = shape.grow(mask, whole), shape.grow(mask, whole + 1)
    assert np.abs(shape.grow(mask, less) - (low + rest * (high - low))).max() < 1e-6


@given(MASKS, st.one_of(st.just(0.0), st.floats(0.01, 12)))
@settings(deadline=None, max_examples=60)
def test_feathering_is_a_gaussian_cut_off(mask: Any, pixels: float) -> None:
    reach = shape.feather_reach(pixels)
    assert reach == math.ceil(1.5 * pixels)
    wanted = mask.astype(float)
    if reach:
        weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / (pixels / 2)) ** 2)
        weights /= weights.sum()
        for axis in (0, 1):
            edges = [(0, 0), (0, 0)]
            edges[axis] = (reach, reach)
            padded = np.pad(wanted, edges, mode="edge")
            wanted = np.apply_along_axis(np.convolve, axis, padded, weights, "valid")
    found = shape.feather(mask, pixels)
    assert np.abs(found - wanted).max() < 1e-5
    assert found.dtype == np.float32
    assert found.min() >= 0
    assert found.max() <= 1
    # Beyond its reach nothing is there, not even a last bit.
    far = ndimage.maximum_filter(mask, 2 * reach + 1, mode="constant", cval=0) == 0
    assert not found[far].any()


def test_feathering_looks_at_what_is_masked_alone() -> None:
    mask = np.zeros((400, 300), np.float32)
    mask[200:220, 100:160] = 1
    whole = ndimage.gaussian_filter(mask, 8, mode="nearest", radius=24)
    assert np.array_equal(shape.feather(mask, 16), np.clip(whole, 0, 1))


@given(MASKS)
@settings(deadline=None, max_examples=80)
def test_holes_are_filled_as_high_as_their_rim(mask: Any) -> None:
    wanted = mask.copy()
    for level in np.unique(mask):
        wanted[ndimage.binary_fill_holes(mask >= level)] = level
    assert np.array_equal(shape.fill_holes(mask), wanted)


def test_a_spiral_has_no_hole() -> None:
    mask = np.ones((41, 41), np.float32)
    y, x, dy, dx, length = 20, 20, 0, 1, 2
    while length < 44:
        for _ in range(2):
            for _ in range(length):
                if 0 <= y < 41 and 0 <= x < 41:
                    mask[y, x] = 0
                y, x = y + dy, x + dx
            dy, dx = dx, -dy
        length += 2
    assert np.array_equal(shape.fill_holes(mask), mask)
    mask[:, [0, -1]] = mask[[0, -1]] = 1
    assert (shape.fill_holes(mask) == 1).all()


@given(MASKS, st.data())
@settings(deadline=None, max_examples=40)
def test_combining(one: Any, data: st.DataObject) -> None:
    other = data.draw(arrays(np.float32, one.shape, elements=st.sampled_from([0.0, 0.25, 1.0])))
    assert np.array_equal(shape.combine(one, other, "union"), np.where(one > other, one, other))
    both = shape.combine(one, other, "intersect")
    assert np.array_equal(both, np.where(one > other, other, one))
    hard_one, hard_other = one >= 0.5, other >= 0.5
    sets = {
        "union": hard_one | hard_other,
        "intersect": hard_one & hard_other,
        "subtract": hard_one & ~hard_other,
        "exclude": hard_one ^ hard_other,
    }
    assert tuple(sets) == shape.WAYS
    for how, wanted in sets.items():
        found = shape.combine(hard_one.astype(np.float32), hard_other.astype(np.float32), how)
        assert np.array_equal(found, wanted)
    with pytest.raises(ValueError, match="must be one of union"):
        shape.combine(one, other, "xor")


def test_threshold_and_invert() -> None:
    mask = np.array([[0, 0.25, 0.5, 1]], np.float32)
    assert shape.threshold(mask, 0.5).tolist() == [[0, 0, 1, 1]]
    assert shape.threshold(mask, 0).tolist() == [[1, 1, 1, 1]]
    assert shape.invert(mask).tolist() == [[1, 0.75, 0.5, 0]]


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_picking_by_colour(wanted: int, there: int, tolerance: int) -> None:
    picture = np.full((1, 1, 3), there / 255, np.float32)
    picture[..., 1] = np.float32(10 / 255)
    off = abs(wanted - there)
    colour = (wanted, 10, there)
    assert shape.from_colour(picture, colour, tolerance, 0)[0, 0] == (off <= tolerance)
    eight = (picture * 255).round().astype(np.uint8)
    assert shape.like_colour(eight, colour, tolerance)[0, 0] == (off <= tolerance)
    soft = shape.from_colour(picture, colour, tolerance, 20)[0, 0]
    assert soft == pytest.approx(min(max(1 - (off - tolerance) / 20, 0), 1), abs=1e-4)


def test_luminance() -> None:
    grey = np.random.default_rng(0).random(1000, np.float32)
    assert np.array_equal(shape.luminance(grey, grey, grey), grey)
    assert shape.luminance(1.0, 0.0, 0.0) == pytest.approx(0.2126)
    assert shape.luminance(0.0, 1.0, 0.0) == pytest.approx(0.7152)
    assert shape.luminance(0.0, 0.0, 1.0) == pytest.approx(0.0722)


@pytest.mark.parametrize("pixels", [math.nan, math.inf, 513, -513])
def test_how_far_it_goes(pixels: float) -> None:
    mask = np.ones((2, 2), np.float32)
    with pytest.raises(ValueError, match="it must be -512 to 512"):
        shape.grow(mask, pixels)
    with pytest.raises(ValueError, match="it must be 0 to 512"):
        shape.feather(mask, pixels)


def test_nothing_and_all_of_it() -> None:
    for size in ((1, 1), (5, 9), (0, 4)):
        for value in (0, 1):
            mask = np.full(size, value, np.float32)
            for pixels in (-512, -1.5, 0, 0.5, 512):
                assert np.array_equal(shape.grow(mask, pixels), mask)
            assert np.allclose(shape.feather(mask, 512), mask, atol=1e-6)
            assert np.array_equal(shape.fill_holes(mask), mask)
            assert shape.grow(mask, 0) is not mask


class Enough(Exception):
    pass


def test_it_can_be_stopped() -> None:
    def stop() -> None:
        raise Enough

    mask = np.eye(9, dtype=np.float32)
    for call in (lambda: shape.grow(mask, 3, stop), lambda: shape.fill_holes(mask, stop)):
        with pytest.raises(Enough):
            call()
