"""Areas, masks, strengths and times of entries, against the rules written out entry by entry."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from tiny_models import live, random_conditioning

from studio.diffusion.denoiser import LiveModel, Steering
from studio.diffusion.guidance import AreaOutside, guide
from studio.diffusion.guidance.regions import Box, pieces
from studio.diffusion.noise import initial_noise
from studio.values import Area, Conditioning, ConditioningEntry, PixelArea

if TYPE_CHECKING:
    from torch import Tensor

SIGMA, CFG, SIZE, BATCH = 2.5, 5.0, (24, 40), 2
X = initial_noise((BATCH, 4, *SIZE), 1) * 3
WORDS = random_conditioning(1, *(7,) * 6).entries
"""Six texts."""


class CropUNet:
    """Predicts noise that depends on the text, on every cell and on the mean of what it sees."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, sample: Tensor, timestep: Tensor, **told: Any) -> tuple[Tensor, ...]:
        self.shapes.append(tuple(sample.shape))
        text = told["encoder_hidden_states"].mean((1, 2)).reshape(-1, 1, 1, 1)
        mean = sample.mean((2, 3), keepdim=True)
        return (0.3 * sample + text * 4 + mean * sample.shape[-1] / 40,)


@pytest.fixture
def unet() -> CropUNet:
    return CropUNet()


@pytest.fixture
def model(unet: CropUNet, sd_sigmas: Any, tiny_space: Any) -> LiveModel:
    return live(unet, sd_sigmas, tiny_space)


def alone(model: LiveModel, entry: ConditioningEntry, box: tuple[int, int, int, int]) -> Tensor:
    """x0 under one entry of one part (top, left, height, width) of X, in a call of its own."""
    top, left, height, width = box
    part = X[..., top : top + height, left : left + width]
    assert entry.embeddings is not None
    return model.denoise(part, SIGMA, Steering(entry.embeddings.expand(BATCH, -1, -1)))


def mixed(model: LiveModel, *parts: tuple[ConditioningEntry, Any, Any]) -> Tensor:
    """The mean over (entry, box, weights), cell by cell; weights of the box [h, w] or a number."""
    total, count = torch.zeros(BATCH, 4, *SIZE), torch.zeros(BATCH, 1, *SIZE)
    for entry, box, weights in parts:
        top, left, height, width = box or (0, 0, *SIZE)
        x0 = alone(model, entry, (top, left, height, width))
        weights = torch.as_tensor(weights).expand(BATCH, 1, height, width)
        for row in range(height):
            for column in range(width):
                weight = weights[:, :, row, column]
                total[:, :, top + row, left + column] += weight * x0[:, :, row, column]
                count[:, :, top + row, left + column] += weight
    return torch.where(count > 0, total / count, torch.zeros(()))


def guided(cond: Tensor, uncond: Tensor) -> Tensor:
    return uncond + CFG * (cond - uncond)


def conditioning(*entries: ConditioningEntry) -> Conditioning:
    return Conditioning(entries)


def check(x0: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(x0, expected, atol=2e-4, rtol=1e-5)


def fade(box: tuple[int, int, int, int], size: tuple[int, int] = SIZE) -> Tensor:
    """The weights of an area, cell by cell: eighths rising from edges that aren't the picture's."""
    top, left, height, width = box
    weights = torch.ones(height, width)
    for row in range(height):
        for column in range(width):
            for at, length, start, full in (
                (row, height, top, size[0]),
                (column, width, left, size[1]),
            ):
                steps = min(8, length // 4)
                if steps and start > 0 and at < steps:
                    weights[row, column] *= (at + 1) / steps
                if steps and start + length < full and length - 1 - at < steps:
                    weights[row, column] *= (length - at) / steps
    return weights


# ------------------------------------------------------------------ areas

AREAS = [
    # given, the cells it covers
    (PixelArea(0, 0, 320, 192), (0, 0, 24, 40)),
    (PixelArea(64, 32, 128, 96), (4, 8, 12, 16)),
    (PixelArea(8, 8, 24, 16), (1, 1, 2, 3)),  # too small to fade
    (PixelArea(128, 64, 4096, 4096), (8, 16, 16, 24)),  # reaches beyond the picture
    (PixelArea(0, 0, 160, 192), (0, 0, 24, 20)),
    (Area(0.5, 0.25, 0.5, 0.5), (6, 20, 12, 20)),
    (Area(0.1, 0.3, 0.33, 0.33), (7, 4, 8, 13)),
    (Area(0.9, 0.9, 0.001, 0.001), (22, 36, 1, 1)),
]


@pytest.mark.parametrize(("area", "box"), AREAS)
def test_an_area_is_predicted_alone_and_fades(
    model: LiveModel, unet: CropUNet, area: Any, box: tuple[int, int, int, int]
) -> None:
    """Both halves: the negative gets a counterpart of the area, with its own text."""
    everywhere, there, negative = WORDS[:3]
    positive = conditioning(everywhere, replace(there, area=area, strength=1.5))
    x0 = guide(model, positive, conditioning(negative), CFG, BATCH, size=SIZE)(X, SIGMA)
    assert {shape[2:] for shape in unet.shapes} == {SIZE, box[2:]}

    weights = fade(box) * 1.5
    cond = mixed(model, (everywhere, None, 1.0), (there, box, weights))
    uncond = mixed(model, (negative, None, 1.0), (negative, box, weights))
    check(x0, guided(cond, uncond))


def test_outside_of_all_areas_nothing_is_predicted(model: LiveModel) -> None:
    box = (4, 8, 12, 16)
    positive = conditioning(replace(WORDS[0], area=PixelArea(64, 32, 128, 96)))
    x0 = guide(model, positive, Conditioning(()), 1.0, BATCH, size=SIZE)(X, SIGMA)
    check(x0, mixed(model, (WORDS[0], box, fade(box))))
    assert not x0[..., :4, :].any()
    # Weights are shares of their sum: a faded edge that nothing else covers is whole.
    check(Box(*box).of(x0), alone(model, WORDS[0], box))


def test_areas_of_one_size_share_a_call(model: LiveModel, unet: CropUNet) -> None:
    areas = [PixelArea(0, 0, 128, 96), PixelArea(64, 64, 128, 96), PixelArea(0, 0, 96, 96)]
    placed = [replace(e, area=a) for e, a in zip(WORDS[1:], areas, strict=False)]
    guide(model, conditioning(WORDS[0], *placed), conditioning(WORDS[4]), CFG, BATCH, size=SIZE)(
        X, SIGMA
    )
    assert unet.shapes == [
        (2 * BATCH, 4, *SIZE),
        (4 * BATCH, 4, 12, 16),
        (2 * BATCH, 4, 12, 12),
    ]


def test_counterparts_take_the_smallest_entry_around(model: LiveModel) -> None:
    """As the peer: of the entries that hold the area the smallest, or nothing where it has it."""
    whole, wide, inner = WORDS[:3]
    wide = replace(wide, area=PixelArea(0, 0, 256, 160))
    inner = replace(inner, area=PixelArea(64, 32, 96, 96), strength=2.0, start=0.1)
    apart = replace(WORDS[3], area=PixelArea(200, 0, 120, 96))
    positive, negative = conditioning(whole, inner, apart), conditioning(WORDS[4], wide)
    made = guide(model, positive, negative, CFG, BATCH, size=SIZE)
    texts = {id(entry.embeddings): i for i, entry in enumerate(WORDS)}
    found = [
        [(texts[id(piece.entry.embeddings)], piece.area) for piece in half]
        for half in (made.positive, made.negative)
    ]
    boxes = [Box(4, 8, 12, 12), Box(0, 25, 12, 15), Box(0, 0, 20, 32)]
    assert found[0] == [(0, None), (2, boxes[0]), (3, boxes[1]), (0, boxes[2])]
    # `inner` lies in `wide`, `apart` reaches beyond it.
    assert found[1] == [(4, None), (1, boxes[2]), (1, boxes[0]), (4, boxes[1])]
    added = made.negative[2]
    assert added.highest == made.positive[1].highest < math.inf
    assert torch.equal(torch.as_tensor(added.weight), torch.as_tensor(made.positive[1].weight))


def test_an_area_that_both_halves_have_needs_no_counterpart(
    model: LiveModel, unet: CropUNet
) -> None:
    area = PixelArea(0, 0, 160, 96)
    halves = [conditioning(e, replace(e, area=area)) for e in WORDS[:2]]
    guide(model, *halves, CFG, BATCH, size=SIZE)(X, SIGMA)
    assert [len(shape) and shape[0] for shape in unet.shapes] == [2 * BATCH, 2 * BATCH]


@pytest.mark.parametrize("area", [PixelArea(320, 0, 64, 64), PixelArea(0, 192, 64, 64)])
def test_an_area_outside_is_refused(model: LiveModel, area: PixelArea) -> None:
    entry = replace(WORDS[0], area=area)
    words = rf"negative.* {area.x} pixels from the left and {area.y}.*320 x 192"
    with pytest.raises(AreaOutside, match=words) as caught:
        guide(model, conditioning(WORDS[1]), conditioning(entry), CFG, BATCH, size=SIZE)
    assert caught.value.exit_code == 2


def test_a_share_at_the_far_edge_is_refused(model: LiveModel) -> None:
    entry = replace(WORDS[0], area=Area(1.0, 0.0, 0.5, 0.5))
    with pytest.raises(AreaOutside):
        guide(model, conditioning(entry), conditioning(WORDS[1]), CFG, BATCH, size=SIZE)


# ------------------------------------------------------------------ masks


def test_masks_weigh_what_is_predicted_of_the_whole(model: LiveModel, unet: CropUNet) -> None:
    mask = torch.rand(1, 1, *SIZE, generator=torch.Generator().manual_seed(3))
    mask[..., :5] = 0
    positive = conditioning(
        WORDS[0], replace(WORDS[1], mask=mask, mask_strength=0.7, strength=1.5)
    )
    x0 = guide(model, positive, conditioning(WORDS[2]), CFG, BATCH, size=SIZE)(X, SIGMA)
    assert unet.shapes == [(3 * BATCH, 4, *SIZE)]
    cond = mixed(model, (WORDS[0], None, 1.0), (WORDS[1], None, mask * 0.7 * 1.5))
    check(x0, guided(cond, mixed(model, (WORDS[2], None, 1.0))))


def test_a_mask_in_an_area_is_cut_and_not_faded(model: LiveModel) -> None:
    mask = torch.rand(BATCH, 1, *SIZE, generator=torch.Generator().manual_seed(3))
    box = (4, 8, 12, 16)
    entry = replace(WORDS[1], mask=mask, area=PixelArea(64, 32, 128, 96))
    x0 = guide(model, conditioning(WORDS[0], entry), conditioning(WORDS[2]), CFG, BATCH, size=SIZE)(
        X, SIGMA
    )
    weights = mask[..., 4:16, 8:24]
    cond = mixed(model, (WORDS[0], None, 1.0), (WORDS[1], box, weights))
    uncond = mixed(model, (WORDS[2], None, 1.0), (WORDS[2], box, weights))
    check(x0, guided(cond, uncond))


def test_masks_of_any_size_and_number_are_fitted(model: LiveModel) -> None:
    """Bilinear as the peer; masks are repeated over the pictures in turn."""
    mask = torch.rand(1, 1, 96, 80, generator=torch.Generator().manual_seed(3))
    fitted = torch.nn.functional.interpolate(mask, size=SIZE, mode="bilinear")
    positive = conditioning(WORDS[0], replace(WORDS[1], mask=mask))
    x0 = guide(model, positive, Conditioning(()), 1.0, BATCH, size=SIZE)(X, SIGMA)
    check(x0, mixed(model, (WORDS[0], None, 1.0), (WORDS[1], None, fitted)))


@pytest.mark.parametrize(
    ("rows", "columns", "box"),
    [
        (slice(3, 20), slice(10, 30), (3, 10, 17, 20)),
        (slice(10, 12), slice(1, 2), (10, 1, 8, 8)),  # at least eight cells
        (slice(20, 24), slice(36, 40), (20, 36, 4, 4)),  # but not beyond the latent
        (slice(0, 0), slice(0, 0), (0, 0, 8, 8)),
    ],
)
def test_a_mask_can_set_the_area(
    model: LiveModel, rows: slice, columns: slice, box: tuple[int, int, int, int]
) -> None:
    mask = torch.zeros(2, 1, *SIZE)
    mask[1, :, rows, columns] = 0.5
    ignored = PixelArea(0, 0, 64, 64)
    entry = replace(WORDS[1], mask=mask, mask_bounds=True, area=ignored)
    x0 = guide(model, conditioning(WORDS[0], entry), conditioning(WORDS[2]), CFG, BATCH, size=SIZE)(
        X, SIGMA
    )
    top, left, height, width = box
    weights = mask[..., top : top + height, left : left + width]
    cond = mixed(model, (WORDS[0], None, 1.0), (WORDS[1], box, weights))
    uncond = mixed(model, (WORDS[2], None, 1.0), (WORDS[2], box, weights))
    check(x0, guided(cond, uncond))


# ------------------------------------------------------------------ strengths and times


def test_strengths_are_shares_of_their_sum(model: LiveModel, unet: CropUNet) -> None:
    positive = conditioning(*(replace(e, strength=s) for e, s in zip(WORDS, (3, 1), strict=False)))
    x0 = guide(model, positive, Conditioning(()), 1.0, BATCH)(X, SIGMA)
    one, two = (alone(model, e, (0, 0, *SIZE)) for e in WORDS[:2])
    check(x0, (3 * one + two) / 4)
    weighty = conditioning(replace(WORDS[0], strength=7.0))
    check(guide(model, weighty, Conditioning(()), 1.0, BATCH)(X, SIGMA), one)


def test_strength_0_leaves_an_entry_out(model: LiveModel) -> None:
    silent = replace(WORDS[1], strength=0.0)
    x0 = guide(model, conditioning(WORDS[0], silent), Conditioning(()), 1.0, BATCH)(X, SIGMA)
    check(x0, alone(model, WORDS[0], (0, 0, *SIZE)))
    nothing = guide(model, conditioning(silent), Conditioning(()), 1.0, BATCH)(X, SIGMA)
    assert not nothing.any()


@pytest.mark.parametrize(
    ("start", "end", "counts"),
    [
        # t = 321 is 0.678 of the way from 999 to 0
        (0.0, 1.0, True),
        (0.0, 0.678, False),
        (0.0, 0.679, True),
        (0.678, 1.0, True),
        (0.679, 1.0, False),
        (0.5, 0.6, False),
        (1.0, 1.0, False),
        (0.0, 0.0, False),
    ],
)
def test_times_are_shares_of_the_training_timesteps(
    model: LiveModel, unet: CropUNet, start: float, end: float, counts: bool
) -> None:
    sigma = float(model.sigmas.sigmas[321]) * 0.9999
    entry = replace(WORDS[1], start=start, end=end)
    made = guide(model, conditioning(WORDS[0], entry), conditioning(WORDS[2]), CFG, BATCH)
    made(X, sigma)
    assert unet.shapes == [((3 if counts else 2) * BATCH, 4, *SIZE)]


def test_both_ends_belong_to_a_time(model: LiveModel) -> None:
    """At a level that is an end to the bit, as in the peer; so two times that meet overlap."""
    middle = model.sigmas.sigma(0.25 * 999)
    (piece,) = pieces("positive", [replace(WORDS[0], start=0.75, end=0.75)], model, 1, None)
    assert piece.counts(middle)
    assert not piece.counts(middle * 1.000001)
    assert not piece.counts(middle * 0.999999)


def test_prompts_that_take_turns(model: LiveModel, unet: CropUNet) -> None:
    early, late = replace(WORDS[0], end=0.5), replace(WORDS[1], start=0.51)
    denoise = guide(model, conditioning(early, late), Conditioning(()), 1.0, BATCH)
    for t, entry in ((900, WORDS[0]), (100, WORDS[1]), (600, WORDS[0])):
        sigma = float(model.sigmas.sigmas[t])
        told = Steering(entry.embeddings.expand(BATCH, -1, -1))  # type: ignore[union-attr]
        check(denoise(X, sigma), model.denoise(X, sigma, told))
    assert not denoise(X, model.sigmas.sigma(494.5)).any(), "nothing counts: as in the peer"


def test_a_real_network_in_areas(tiny_model: LiveModel) -> None:
    """Sides that no halving fits, too."""
    box = (3, 5, 13, 11)
    area = PixelArea(40, 24, 88, 104)
    positive = conditioning(WORDS[0], replace(WORDS[1], area=area))
    with torch.no_grad():
        x0 = guide(tiny_model, positive, conditioning(WORDS[2]), CFG, BATCH, size=SIZE)(X, SIGMA)
        cond = mixed(tiny_model, (WORDS[0], None, 1.0), (WORDS[1], box, fade(box)))
        uncond = mixed(tiny_model, (WORDS[2], None, 1.0), (WORDS[2], box, fade(box)))
    torch.testing.assert_close(x0, guided(cond, uncond), atol=5e-4, rtol=0)


def test_places_need_the_latents_size(model: LiveModel) -> None:
    placed = conditioning(replace(WORDS[0], area=PixelArea(0, 0, 64, 64)))
    with pytest.raises(ValueError, match="size"):
        guide(model, placed, conditioning(WORDS[1]), CFG, BATCH)
