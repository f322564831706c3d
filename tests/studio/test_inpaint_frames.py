"""The frame that the editor draws is the one that the engine crops by."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.diffusion import inpaint as engine
from studio.inpaint.compose import blend_mask, bounds, usual_feather
from studio.inpaint.frames import covered, crop_frame, frame_around, new_area, whole_frame
from studio.values import Image, Mask

VALUES = (0.0, 0.0, 0.0, 0.004, 0.3, 0.5, 0.7, 1.0)


def some_mask(seed: int, width: int, height: int) -> np.ndarray:
    """A few boxes of few values on nothing, sometimes at the picture's edge."""
    random = np.random.default_rng(seed)
    mask = np.zeros((height, width), np.float32)
    for _ in range(random.integers(0, 4)):
        x, y = random.integers(-4, width), random.integers(-4, height)
        wide, high = random.integers(1, max(2, width // 2), 2)
        mask[max(y, 0) : max(y + high, 0), max(x, 0) : max(x + wide, 0)] = random.choice(VALUES)
    return mask


sides = st.integers(1, 60)
grows = st.one_of(st.just(0.0), st.integers(-20, 20).map(float), st.floats(-20, 20))
soft = st.one_of(st.just(0.0), st.integers(0, 20).map(float), st.floats(0.001, 20))


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 10**6), sides, sides, grows, soft)
def test_what_a_blend_mask_covers_is_known_without_it(
    seed: int, width: int, height: int, grow: float, feather: float
) -> None:
    mask = some_mask(seed, width, height)
    assert covered(mask, grow, feather) == bounds(blend_mask(mask, grow, feather))


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 10**6), sides, sides, grows, soft, st.one_of(st.none(), soft),
    st.one_of(st.none(), st.floats(0, 3)), st.sampled_from([None, 64, 128]),
)  # fmt: skip
def test_the_frame_is_that_of_all_that_is_sampled_or_blended(
    seed: int,
    width: int,
    height: int,
    grow: float,
    soften: float,
    feather: float | None,
    context: float | None,
    size: int | None,
) -> None:
    """Against the masks themselves, made whole, as the engine had it before."""
    masks = [some_mask(seed + n, width, height) for n in range(2)]
    both = []
    for mask in masks:
        usual = usual_feather(mask) if feather is None else feather
        both += [blend_mask(mask, grow, usual), blend_mask(mask, grow, soften)]
    box = bounds(np.maximum.reduce(both))
    found = crop_frame(
        masks, grow=grow, soften=soften, feather=feather, context=context, size=size
    )
    if box is None:
        assert found is None
    elif context is None:
        assert found == whole_frame(width, height)
    else:
        assert found == frame_around(box, width, height, context=context, size=size)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("context", [None, 0.25])
def test_the_engine_crops_by_it(batch: int, context: float | None) -> None:
    masks = np.stack([some_mask(seed, 90, 53) for seed in (4, 2, 3)][:batch])
    image = Image(torch.rand(batch, 3, 53, 90))
    how = {"grow": 3.0, "soften": 2.0, "feather": None, "context": context, "size": 64}
    job = engine.crop(image, Mask(torch.from_numpy(masks)[:, None]), step=8, **how)
    assert job.frame == crop_frame(list(masks), **how)
    empty = Mask(torch.zeros(1, 1, 53, 90))
    with pytest.raises(engine.NothingMasked):
        engine.crop(image, empty, step=8, **how)


def test_the_area_that_outpainting_adds_fades_into_the_picture() -> None:
    found = new_area(10, 6, (4, 0, 0, 2), 3)
    assert found.shape == (8, 14)
    assert (found[:, :4] == 1).all()
    assert (found[6:] == 1).all()
    assert not found[:3, 7:].any()
    column = found[0, 4:7]
    assert (np.diff(column) < 0).all()
    image = Image(torch.rand(1, 3, 6, 10))
    _, mask = engine.outpaint(image, None, (4, 0, 0, 2), "none", 3, lambda: None)
    assert np.array_equal(mask.pixels[0, 0].numpy(), found)


pads = st.one_of(st.just(0), st.integers(0, 9))
small = st.integers(1, 30)


@settings(max_examples=200, deadline=None)
@given(small, small, st.tuples(pads, pads, pads, pads), st.integers(0, 40))
def test_it_fades_by_the_distance_to_what_is_new(
    width: int, height: int, beyond: tuple[int, int, int, int], overlap: int
) -> None:
    left, top, right, bottom = beyond
    new = np.ones((top + height + bottom, left + width + right), np.float32)
    new[top : top + height, left : left + width] = 0
    assert np.array_equal(new_area(width, height, beyond, overlap), blend_mask(new, 0, overlap))


def test_a_mask_of_sixteen_megapixels_is_framed_in_no_time() -> None:
    """It looks at the mask's values and never at distances: a plane that isn't in memory twice."""
    mask = np.zeros((4000, 4000), np.float32)
    mask[100:1900, 300:2100] = 1
    found = covered(mask, 40, 64)
    assert found == (300 - 103, 0, 2100 + 103, 1900 + 103)
    assert math.isclose(usual_feather(mask), 64)
