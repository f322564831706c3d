"""All of inpainting: rasterising, the canvas, and what is painted."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.report import Figure

PARTS = ("inpaint_raster", "inpaint_canvas", "inpaint_quality")


def measure() -> list[Figure]:
    """The figures of every part."""
    found: list[Figure] = []
    for part in PARTS:
        found += importlib.import_module(f"benchmarks.{part}").measure()
    return found
