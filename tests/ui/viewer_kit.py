"""What the tests of the viewer share: pictures, and probing what is painted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from PySide6.QtGui import QColor, QImage

from studio.saving import METADATA_KEY
from ui.panels.viewer import Viewer
from ui.panels.viewer_geometry import Compare

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtCore import QPoint, QRectF
    from pytestqt.qtbot import QtBot

RED, BLUE = QColor("#c03020"), QColor("#2040c0")


def image(colour: QColor, width: int = 64, height: int = 64) -> QImage:
    made = QImage(width, height, QImage.Format.Format_RGB32)
    made.fill(colour)
    return made


def file(folder: Path, name: str, colour: QColor = RED, width: int = 64, height: int = 64) -> Path:
    path = folder / name
    assert image(colour, width, height).save(str(path))
    return path


def ours(folder: Path, name: str = "star_00001.png") -> Path:
    """A picture that says which graph made it."""
    from studio.png import encode_png

    numpy = pytest.importorskip("numpy")
    about = {
        "graph": {"format": "latent-studio", "version": 1, "title": "Text to image", "nodes": {}},
        "seeds": {"sampler": 42},
        "seconds": {"sampler": 0.5, "decode": 0.25},
        "created": "2026-01-02T03:04:05+00:00",
    }
    path = folder / name
    pixels = numpy.full((64, 64, 3), 90, dtype="uint8")
    path.write_bytes(encode_png(pixels, {METADATA_KEY: json.dumps(about)}))
    return path


def shown_viewer() -> Viewer:
    """A viewer of 500 x 500; the caller owns it."""
    made = Viewer()
    made.resize(500, 500)
    made.show()
    return made


def show_both(viewer: Viewer) -> None:
    """Red, held, then blue: a comparison by the slider."""
    viewer.show_image(image(RED), "red")
    viewer.hold()
    viewer.show_image(image(BLUE), "blue")
    assert viewer.canvas.compare is Compare.SLIDER


def shown(viewer: Viewer, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not viewer.busy)


def probe(viewer: Viewer, x: float, y: float) -> QColor:
    return viewer.canvas.grab().toImage().pixelColor(round(x), round(y))


def rect(viewer: Viewer) -> QRectF:
    return viewer.canvas._placement.rect(viewer.canvas._size())


def middle(viewer: Viewer) -> QPoint:
    return viewer.canvas.rect().center()
