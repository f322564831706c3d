"""Makes the sheet `docs/images/inpaintings.png`: ten of the benchmark's inpaintings, side by side.

    python docs/inpaintings.py [FILE]

A column is a case: the scene, what is masked, what pocket and pocket-inpaint made of it.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from PIL import Image, ImageDraw, ImageFont  # noqa: E402

from benchmarks.inpaint_quality import a, before, cases, run  # noqa: E402
from studio.pictures import to_uint8  # noqa: E402
from studio.training.world import SIZE  # noqa: E402

COUNT = 10
GAP = 12
LEFT = 120
"""Pixels for the words beside the rows."""
FOOT = 44
"""Pixels for the words below a column."""
PAPER, INK = (250, 250, 250), (40, 42, 48)
ROWS = ("before", "mask", "pocket", "pocket-inpaint")


def main() -> None:
    """Sample, and write the sheet."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs/images/inpaintings.png"
    chosen = cases()[:: 50 // COUNT]
    made = [run(model, "Inpaint", chosen) for model in ROWS[2:]]
    font = ImageFont.truetype(str(next((ROOT / "resources/fonts").glob("Inter*.ttf"))), 13)
    width = LEFT + COUNT * (SIZE + GAP)
    sheet = Image.new("RGB", (width, len(ROWS) * (SIZE + GAP) + GAP + FOOT), PAPER)
    draw = ImageDraw.Draw(sheet)
    for row, words in enumerate(ROWS):
        draw.text((GAP, GAP + row * (SIZE + GAP) + SIZE // 2 - 8), words, INK, font)
    for column, case in enumerate(chosen):
        scene = before(case) / 255
        masked = np.where(case.hole[..., None], 0.4 * scene + [0.54, 0.1, 0.1], scene)
        for row, pixels in enumerate((scene, masked, made[0][column], made[1][column])):
            tile = Image.fromarray(to_uint8(pixels.astype(np.float32)))
            sheet.paste(tile, (LEFT + column * (SIZE + GAP), GAP + row * (SIZE + GAP)))
        words = f"{a(case.new.colour)}\n{case.new.shape}"
        place = (LEFT + column * (SIZE + GAP), len(ROWS) * (SIZE + GAP) + GAP)
        draw.multiline_text(place, words, INK, font)
    sheet.save(path, optimize=True)
    print(path)


if __name__ == "__main__":
    main()
