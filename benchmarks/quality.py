"""How good the models of the pocket family are: painted by the program, seen by the judge.

With the models that ship, 500 prompts a row, in about an hour of one core. By the environment:
`LATENT_STUDIO_QUALITY_MODELS` names a folder with other models (`pocket`, `pocket-v`,
`pocket-inpaint`, `loras`), `LATENT_STUDIO_QUALITY_COUNT` another number of prompts, and
`LATENT_STUDIO_QUALITY_SHEETS` a folder for sample sheets.

Shares have 95 per cent confidence intervals (Wilson). Of prompts the content is new to the model:
what its recipe trained it with is drawn again and compared.
"""

from __future__ import annotations

import functools
import os
import statistics
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.report import Figure, log
from benchmarks.sides import PLAIN, Child, Side
from studio.places import resources
from studio.training import quality, recipe
from studio.training.heldout import repairs, seen_by, wishes
from studio.training.painting import Painter
from studio.training.quality import ALL, STRENGTHS
from studio.training.world import STYLES

if TYPE_CHECKING:
    from collections.abc import Callable

    from studio.training.heldout import Wish
    from studio.training.measures import Share
    from studio.training.quality import Judged
    from studio.training.recipe import Recipe
    from studio.training.world import Style

PROMPT = "a red circle on a blue background"
ROWS = {"one object": (0.0, 97), "two objects": (1.0, 90)}
"""Share of pairs, and what the pocket is to reach."""


@dataclass(frozen=True, slots=True)
class Rate(Figure):
    """A share, in per cent, with its 95 per cent confidence interval."""

    low: float = 0.0
    high: float = 100.0
    of: int = 0

    def to_json(self) -> dict[str, Any]:
        """As a figure's, and the interval, and of how many."""
        interval = [round(self.low, 1), round(self.high, 1)]
        return {**Figure.to_json(self), "interval": interval, "of": self.of}


def rate(what: str, share: Share, reach: str = "") -> Rate:
    """A row of the report."""
    low, high = share.interval
    return Rate(what, share.percent, "%", reach, low=low, high=high, of=share.of)


def measure() -> list[Figure]:
    """All rows; where a model is missing, one that says so."""
    given = os.environ.get
    home = given("LATENT_STUDIO_QUALITY_MODELS")
    sheets = given("LATENT_STUDIO_QUALITY_SHEETS")
    return Family(
        Path(home) if home else resources(),
        int(given("LATENT_STUDIO_QUALITY_COUNT") or 500),
        Path(sheets) if sheets else None,
    ).measure()


class Family:
    """The models in a folder.

    Args:
        folder: that holds them.
        count: of prompts for a row.
        sheets: where sample sheets go, if anywhere.
    """

    def __init__(self, folder: Path, count: int, sheets: Path | None = None) -> None:
        self.folder = folder
        self.count = count
        self.sheets = sheets

    def measure(self) -> list[Figure]:
        """All rows."""
        base = self.folder / "pocket"
        parts: list[tuple[str, Path, Callable[[], list[Figure]]]] = [
            ("pocket", base, self.pocket),
            ("pocket-v", self.folder / "pocket-v", self.velocity),
            ("pocket-inpaint", self.folder / "pocket-inpaint", self.inpaint),
        ]
        for style in STYLES[1:]:
            parts.append(
                (f"pocket-{style}", self.lora(style), functools.partial(self.styled, style))
            )
        figures: list[Figure] = []
        for name, path, work in parts:
            # Whatever else there is, it is for the pocket or compared with it.
            lacking = [each for each in (path, base) if not each.exists()]
            if lacking:
                what = f"{name} is missing: there is no {lacking[0]}"
                figures.append(Figure(what, 0, "models", ">= 1"))
            else:
                log(name)
                figures += work()
        return figures

    def lora(self, style: str) -> Path:
        """Where a LoRA is."""
        return self.folder / "loras" / f"pocket-{style}.safetensors"

    @functools.cached_property
    def base(self) -> Painter:
        """The pocket."""
        return Painter.load(self.folder / "pocket", _recipe("pocket").cfg)

    @functools.cached_property
    def asked(self) -> dict[str, list[Wish]]:
        """What both the pocket and the pocket-v are asked for: new to either."""
        mix = _recipe("pocket").world.mix
        log("what they have seen")
        seen = seen_by(_recipe("pocket")) | seen_by(_recipe("pocket-v"))
        found = {
            row: wishes(self.count, replace(mix, pairs=pairs), seen)
            for row, (pairs, _) in ROWS.items()
        }
        for row, asked in found.items():
            log(f"{row}: {len(asked)} prompts that aren't among the {len(seen)} contents seen")
        return found

    @functools.cached_property
    def prompted(self) -> dict[str, Judged]:
        """What the pocket paints."""
        return self._prompted("pocket", self.base)

    def pocket(self) -> list[Figure]:
        """Prompts, the first stage, weights of words, previews, time."""
        figures = self._rows("pocket", self.prompted)
        figures += self._first_stage()
        reds = quality.shifted(self.base, max(self.count // 10, 1))
        log(f"red less blue at weights {quality.WEIGHTS}: {[round(red) for red in reds]}")
        rise = min(later - earlier for earlier, later in pairwise(reds))
        what = "prompt weights: least rise of red less blue from one weight to the next"
        figures.append(Figure(what, rise, "of 255", "> 0"))
        return figures + self._time()

    def velocity(self) -> list[Figure]:
        """The prompts that the pocket had."""
        painter = Painter.load(self.folder / "pocket-v", _recipe("pocket-v").cfg)
        found = self._prompted("pocket-v", painter)
        figures = self._rows("pocket-v", found, goals=False)
        for name, judged in found.items():
            behind = self.prompted[name].shares[ALL].percent - judged.shares[ALL].percent
            figures.append(Figure(f"pocket-v, {name}: points behind pocket", behind, "%", "<= 3"))
        return figures

    def inpaint(self) -> list[Figure]:
        """Things replaced."""
        name = "pocket-inpaint"
        known = _recipe(name)
        painter = Painter.load(self.folder / name, known.cfg)
        asked = repairs(self.count, known.world.mix, seen_by(known))
        found = quality.repainted(painter, asked)
        self._sheet(name, found.judged)
        figures: list[Figure] = [
            rate(f"{name}: asked thing in the mask", found.judged.shares[ALL], ">= 95"),
            *_details(f"{name}, in the mask", found.judged),
        ]
        for how, each in (("a hard", found.seam), ("the program's", found.blended)):
            if each is not None:
                what = f"{name}: seam of {how} composite on plain backgrounds"
                figures.append(Figure(what, each, "x", "<= 1.3"))
        what = f"{name}: PSNR outside the mask, raw"
        return [*figures, Figure(what, found.outside, "dB", ">= 32")]

    def styled(self, style: Style) -> list[Figure]:
        """A LoRA at its strengths: all prompts at the ends, a fifth of them between."""
        file = self.lora(style)
        known = _recipe(file.stem)
        asked = quality.styled_wishes(self.count, style, known.world.mix, seen_by(known))
        some = max(len(asked) // 5, 1)
        made = {
            each: quality.styled(self.base, file, each, asked if each in (0, 1) else asked[:some])
            for each in STRENGTHS
        }
        self._sheet(file.stem, made[1.0])
        goals = {0.0: "<= 5", 1.0: ">= 90"}
        figures: list[Figure] = [
            rate(f"{style}, strength {strength}", judged.shares["style"], goals.get(strength, ""))
            for strength, judged in made.items()
        ]
        styled = [
            sum("style" not in wrong for wrong in judged.wrong[:some]) for judged in made.values()
        ]
        rise = min(later - earlier for earlier, later in pairwise(styled))
        what = f"{style}: least rise from one strength to the next, same {some} prompts"
        figures.append(Figure(what, 100 * rise / some, "%", ">= 0"))
        return figures + _details(f"{style}, strength 1", made[1.0])

    def _prompted(self, name: str, painter: Painter) -> dict[str, Judged]:
        found = {}
        for row, asked in self.asked.items():
            log(f"{name}, {row}")
            found[row] = quality.prompted(painter, asked)
            self._sheet(f"{name}-{row.split()[0]}", found[row])
        return found

    def _rows(self, name: str, found: dict[str, Judged], goals: bool = True) -> list[Figure]:
        figures: list[Figure] = []
        for row, judged in found.items():
            reach = f">= {ROWS[row][1]}" if goals else ""
            figures.append(rate(f"{name}, {row}: {ALL}", judged.shares[ALL], reach))
            figures += _details(f"{name}, {row}", judged)
        return figures

    def _first_stage(self) -> list[Figure]:
        """On scenes as the pocket paints them; and on harder ones, as it was trained with."""
        log("first stage")
        known = _recipe("pocket")
        found = quality.restored(self.base.vae, wishes(self.count, known.world.mix))
        self._sheet("first-stage", found.ceiling)
        shares = found.untouched.shares
        figures: list[Figure] = [
            Figure("first stage: PSNR, of the mean squared error", found.psnr, "dB", ">= 36"),
            Figure("first stage: PSNR, median of the pictures", found.median, "dB"),
            rate("first stage: ceiling, all right", found.ceiling.shares[ALL], ">= 97"),
            *_details("first stage: ceiling", found.ceiling),
        ]
        if known.first_stage and known.first_stage.world:
            mix = known.first_stage.world.mix
            hard = quality.restored(self.base.vae, wishes(self.count, mix))
            what = "first stage, more textures and styles"
            figures.append(Figure(f"{what}: PSNR, of the mean squared error", hard.psnr, "dB"))
            figures.append(rate(f"{what}: ceiling, all right", hard.ceiling.shares[ALL]))
        figures += [
            rate("judge, on drawn scenes: all right", shares[ALL]),
            rate("judge, on drawn scenes: colour", shares["colour"], ">= 99"),
            rate("judge, on drawn scenes: shape", shares["shape"], ">= 98"),
        ]
        if found.preview is not None:
            figures.append(Figure("latent preview: R2 of the stored colours", found.preview, ""))
        return figures

    def _time(self) -> list[Figure]:
        options = {
            "folder": str(self.folder / "pocket"), "cfg": self.base.cfg, "prompt": PROMPT,
        }  # fmt: skip
        side = Side("picture", options, {**PLAIN, "OMP_NUM_THREADS": "1"})
        child = Child(side, "benchmarks.child_picture")
        try:
            _ = child.ready
            runs = [child.ask() for _ in range(7)]
        finally:
            child.close()
        clock, busy = (statistics.median(each) for each in zip(*runs, strict=True))
        what = "time: one picture of 20 steps, one thread, model loaded"
        return [Figure(what, clock, "s", "<= 1.0"), Figure(f"{what}; of the processor", busy, "s")]

    def _sheet(self, name: str, judged: Judged) -> None:
        if self.sheets is not None:
            self.sheets.mkdir(parents=True, exist_ok=True)
            quality.samples(judged).save(self.sheets / f"{name}.png", optimize=True)


def _recipe(name: str) -> Recipe:
    """That a model was made by."""
    return recipe.read(recipe.path_of(name))


def _details(what: str, judged: Judged) -> list[Figure]:
    """All shares but the first."""
    return [rate(f"{what}: {name}", each) for name, each in judged.shares.items() if name != ALL]
