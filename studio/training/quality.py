"""How good a model of the family is: pictures painted by the program, seen by the judge.

What `train` writes into a model's card and what `python -m benchmarks quality` measures of the
models that ship is the same, but for the number of pictures.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import safe_open

from studio.diffusion.preview import explained
from studio.diffusion.spaces import scale
from studio.inpaint.compose import blend, blend_mask
from studio.training.captions import caption
from studio.training.drawing import draw
from studio.training.heldout import SEED, Wish, repairs, seen_by, wishes
from studio.training.judge import judge
from studio.training.measures import INKED, Share, psnr, seam
from studio.training.painting import Painter, first_stage, to_bytes, to_pixels
from studio.training.sheets import sheet
from studio.training.verdict import verdict
from studio.training.world import COLOURS, SHAPES, STYLES
from studio.values import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence
    from pathlib import Path

    import PIL.Image
    from numpy.typing import NDArray

    from studio.diffusion.vae import LiveVae
    from studio.training.heldout import Repair
    from studio.training.judge import Seen, SeenThing
    from studio.training.recipe import Recipe
    from studio.training.verdict import Verdict
    from studio.training.world import Mix, Style

    Bytes = NDArray[np.uint8]

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Of LoRAs."""

WEIGHTS = (0.6, 0.8, 1.0, 1.2, 1.4)
"""Of a word in a prompt."""

GRAIN = 1.5
"""Of pictures to repaint, in steps of 8 bits: a plain colour has no gradient to hide a seam in."""

FEATHER = 6.0
"""Of a blend, in pixels."""

ALL = "all right"


@dataclass(frozen=True)
class Judged:
    """Pictures with what was asked for, and what came of it.

    Args:
        pictures: [n, SIZE, SIZE, 3].
        prompts: n of them.
        wrong: of each, what is wrong with it.
        shares: of the pictures in which each thing is right; all of it first.
    """

    pictures: Bytes
    prompts: list[str]
    wrong: list[list[str]]
    shares: dict[str, Share]


def samples(*found: Judged, count: int = 24, columns: int = 6) -> PIL.Image.Image:
    """A sheet of the first pictures of each, with what is wrong."""
    each = count // len(found)
    # Where the number of things is wrong, so is all that would be said of them.
    marks = [
        ", ".join(wrong[:1] if "count" in wrong else wrong)
        for one in found
        for wrong in one.wrong[:each]
    ]
    pictures = [picture for one in found for picture in one.pictures[:each]]
    prompts = [prompt for one in found for prompt in one.prompts[:each]]
    return sheet(pictures, prompts, marks, columns)


def _judged(
    pictures: Bytes, prompts: Sequence[str], found: Sequence[Mapping[str, bool | None]]
) -> Judged:
    """What verdicts come to; None is no verdict."""
    wrong = [[name for name, right in each.items() if right is False] for each in found]
    shares = {ALL: Share(sum(not each for each in wrong), len(wrong))}
    for name in found[0]:
        told = [right for each in found if (right := each[name]) is not None]
        if told:
            shares[name] = Share(sum(told), len(told))
    return Judged(pictures, list(prompts), wrong, shares)


def judged(pictures: Bytes, asked: Sequence[Wish], prompts: Sequence[str] = ()) -> Judged:
    """Pictures against what was asked for.

    Args:
        pictures: [n, SIZE, SIZE, 3].
        asked: n of them.
        prompts: in their words, where those are others than the captions'.
    """
    found = [
        _as_dict(verdict(wish.wanted, wish.caption, judge(picture)))
        for picture, wish in zip(pictures, asked, strict=True)
    ]
    return _judged(pictures, prompts or [wish.caption.text for wish in asked], found)


def _as_dict(of: Verdict) -> dict[str, bool | None]:
    return {field.name: getattr(of, field.name) for field in fields(of)}


def prompted(painter: Painter, asked: Sequence[Wish]) -> Judged:
    """What a model paints when it is asked for scenes."""
    return judged(painter.paint([wish.caption.text for wish in asked]), asked)


# ------------------------------------------------------------------ inpainting


@dataclass(frozen=True)
class Repainted:
    """What an inpainting model made of scenes.

    Args:
        judged: the thing inside the mask; the pictures are put together along its hard edge.
        seam: the mean gradient ratio at the mask's border, on plain backgrounds; None where there
            was none.
        blended: the same where pictures are put together as the Inpaint node does it.
        outside: PSNR of the raw picture outside the mask, in dB.
    """

    judged: Judged
    seam: float | None
    blended: float | None
    outside: float


def repainted(painter: Painter, asked: Sequence[Repair]) -> Repainted:
    """Have things replaced; see `Painter.repaint`."""
    before = np.stack([grainy(draw(each.scene), each.seed) for each in asked])
    holes = np.stack([each.hole for each in asked])
    prompts = [each.caption.text for each in asked]
    raw = painter.repaint(before, holes, prompts)
    made = np.where(holes[..., None], raw, before)
    found = [inside(each, judge(picture)) for each, picture in zip(asked, made, strict=True)]
    plain = [n for n, each in enumerate(asked) if each.scene.background.kind == "plain"]
    seams = [_seams(asked[n], before[n], raw[n]) for n in plain]
    hard, soft = np.mean(seams, axis=0).tolist() if seams else (None, None)
    return Repainted(
        _judged(made, prompts, found), hard, soft, psnr(raw / 255, before / 255, ~holes)
    )


def _seams(asked: Repair, before: Bytes, raw: Bytes) -> tuple[float, float]:
    """Where a picture is put together along the hole's edge, and where it is blended."""
    below, above = (each.astype(np.float32) / np.float32(255) for each in (before, raw))
    ground = asked.scene.background.rgbs[0]
    hard = np.where(asked.hole[..., None], above, below)
    alpha = blend_mask(asked.hole.astype(np.float32), 0, FEATHER)
    soft = blend(below, above, alpha)
    return seam(hard, asked.hole, ground), seam(soft, asked.hole, ground, FEATHER)


def inside(asked: Repair, seen: Seen) -> dict[str, bool | None]:
    """Whether the one thing inside a mask is the one that was asked for."""
    left, top, right, bottom = asked.box
    there = [each for each in seen.things if left <= each.x < right and top <= each.y < bottom]

    def one(is_so: Callable[[SeenThing], bool]) -> bool:
        return len(there) == 1 and is_so(there[0])

    return {
        "count": len(there) == 1,
        "colour": one(lambda thing: thing.colour == asked.new.colour),
        "shape": one(lambda thing: thing.shape == asked.new.shape),
    }


def grainy(pixels: Bytes, seed: int) -> Bytes:
    """A picture with a camera's noise."""
    noise = np.random.default_rng(seed).normal(0, GRAIN, pixels.shape)
    return np.asarray((pixels + noise).round().clip(0, 255), np.uint8)


# ------------------------------------------------------------------ LoRAs


def trigger(file: Path) -> str:
    """The words that a LoRA's file says to use."""
    with safe_open(file, "numpy") as opened:
        return str(opened.metadata()["modelspec.trigger_phrase"])


def styled(painter: Painter, file: Path, strength: float, asked: Sequence[Wish]) -> Judged:
    """What a LoRA makes of scenes, with its trigger words.

    Args:
        painter: of the model that it is for.
        file: the LoRA.
        strength: 0..1.
        asked: see `styled_wishes`.

    Returns:
        the share of "style" says in how many pictures all things have it.
    """
    prompts = [f"{wish.caption.text}, {trigger(file)}" for wish in asked]
    return judged(painter.with_lora(file, strength).paint(prompts), asked, prompts)


def styled_wishes(
    count: int, style: Style, mix: Mix, seen: frozenset[Hashable] = frozenset()
) -> list[Wish]:
    """Wishes for scenes of a style, in captions that don't speak of it; see `wishes`."""
    striped, outlined = float(style == "striped"), float(style == "outlined")
    found = wishes(count, replace(mix, styles=(0.0, striped, outlined)), seen)
    for number, wish in enumerate(found):
        plain = tuple(replace(each, style="plain") for each in wish.wanted.things)
        rng = np.random.default_rng([SEED, number, 3])
        found[number] = Wish(wish.wanted, caption(replace(wish.wanted, things=plain), rng))
    return found


# ------------------------------------------------------------------ first stage


@dataclass(frozen=True)
class Restored:
    """What a first stage makes of pictures that it encodes, to the mean, and decodes.

    Args:
        psnr: in dB, of the squared error's mean over all pixels of all pictures.
        median: of the pictures' own PSNR.
        ceiling: the judge's verdicts on them: what no model that paints with it can surpass.
        untouched: those on the pictures themselves.
        preview: R^2 of the stored colours of the latent (see `studio.diffusion.preview`), of all
            cells; None where none are stored.
    """

    psnr: float
    median: float
    ceiling: Judged
    untouched: Judged
    preview: float | None


def restored(vae: LiveVae, asked: Sequence[Wish]) -> Restored:
    """Through a first stage and back."""
    before = np.stack([draw(wish.wanted) for wish in asked])
    pixels = to_pixels(before)
    latents = vae.encode(Image(pixels), _never)
    after = vae.decode(latents, _never).pixels
    samples = latents.samples
    assert samples is not None
    pairs = list(zip(after.numpy(), pixels.numpy(), strict=True))
    return Restored(
        psnr(after.numpy(), pixels.numpy()),
        float(np.median([psnr(*pair) for pair in pairs])),
        judged(to_bytes(after), asked),
        judged(before, asked),
        explained(vae.space.rgb, scale(samples, vae.space), pixels) if vae.space.rgb else None,
    )


# ------------------------------------------------------------------ weights of words


def shifted(painter: Painter, count: int) -> list[float]:
    """How red a thing gets that is asked to be "(red:w) blue", for each of `WEIGHTS`.

    Args:
        painter: that paints.
        count: of pictures at each weight, of all shapes in turn; the same noise at every weight.

    Returns:
        red less blue of the mean colour of all that isn't the white background, in steps of 8 bits.
    """
    found = []
    for weight in WEIGHTS:
        prompts = [
            f"a large (red:{weight}) blue {SHAPES[number % len(SHAPES)]} on a white background"
            for number in range(count)
        ]
        pixels = painter.paint(prompts).astype(float)
        inked = np.linalg.norm(pixels - COLOURS["white"], axis=-1) > INKED * 255
        red, _, blue = pixels[inked].mean(0)
        found.append(float(red - blue))
    return found


# ------------------------------------------------------------------ a whole model


def of_model(
    folder: Path, recipe: Recipe, count: int = 64, device: str = "cpu"
) -> tuple[dict[str, Any], PIL.Image.Image]:
    """What a finished training has made, for its card.

    Args:
        folder: of the model, in the layout of diffusers; of a first stage alone its `vae`.
        recipe: that made it: says its cfg, its scenes, and what it has seen.
        count: of pictures for each row.
        device: to compute on, in float32.

    Returns:
        figures by name, ready for JSON: `Share.to_json` of each thing that can be right, or
        numbers; and a sheet of samples.

    Raises:
        InputError: the model can't be read.
    """
    mix = recipe.world.mix
    figures: dict[str, Any] = {}
    shown: list[Judged] = []
    if recipe.first_stage is not None:
        through = restored(first_stage(folder, device), wishes(count, mix))
        figures["first stage"] = told_first_stage(through)
        shown = [through.ceiling]
    if recipe.denoiser is not None:
        painter = Painter.load(folder, recipe.cfg, device)
        seen = seen_by(recipe)
        if recipe.denoiser.masks:
            repaired = repainted(painter, repairs(count, mix, seen))
            figures["repainted"] = told_repainted(repaired)
            shown = [repaired.judged]
        else:
            rows = {"one object": 0.0, **({"two objects": 1.0} if mix.pairs else {})}
            made = {
                name: prompted(painter, wishes(count, replace(mix, pairs=pairs), seen))
                for name, pairs in rows.items()
            }
            figures |= {name: told(each) for name, each in made.items()}
            shown = list(made.values())
    return figures, samples(*shown)


def of_lora(
    file: Path, base: Path, recipe: Recipe, count: int = 32, device: str = "cpu"
) -> tuple[dict[str, Any], PIL.Image.Image]:
    """As `of_model`, of a LoRA: the style by strength, and all else at strength 1.

    Args:
        file: the LoRA.
        base: folder of the model that it is for.
        recipe: that made it; its world says which style.
        count: of pictures at each strength.
        device: to compute on.
    """
    asked = styled_wishes(count, style_of(recipe), recipe.world.mix, seen_by(recipe))
    painter = Painter.load(base, recipe.cfg, device)
    made = {each: styled(painter, file, each, asked) for each in STRENGTHS}
    by_strength = {str(each): found.shares["style"].to_json() for each, found in made.items()}
    return {"style by strength": by_strength, "at strength 1": told(made[1.0])}, samples(made[1.0])


def style_of(recipe: Recipe) -> Style:
    """Of a LoRA: what most things in its world are, besides plain."""
    weights = dict(zip(STYLES, recipe.world.mix.styles, strict=True))
    return max(STYLES[1:], key=lambda style: weights[style])


def told(found: Judged) -> dict[str, Any]:
    """For a report."""
    return {name: share.to_json() for name, share in found.shares.items()}


def told_repainted(found: Repainted) -> dict[str, Any]:
    """For a report."""
    numbers = {"outside, dB": found.outside, "seam": found.seam, "seam, blended": found.blended}
    known = {name: round(each, 2) for name, each in numbers.items() if each is not None}
    return {**told(found.judged), **known}


def told_first_stage(found: Restored) -> dict[str, Any]:
    """For a report."""
    figures = {
        "PSNR, dB": round(found.psnr, 1),
        "PSNR, median, dB": round(found.median, 1),
        "ceiling": told(found.ceiling),
        "untouched": told(found.untouched),
    }
    if found.preview is None:
        return figures
    return {**figures, "preview, R2": round(found.preview, 3)}


def _never() -> None:
    """Nobody cancels."""
