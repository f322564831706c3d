"""What the tests of the canvas's panel share: pictures on disk, graphs that paint on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from studio.graph.document import Graph, Node
from studio.masks.items import Brush
from studio.png import encode_png
from ui.paint.bindings import Bindings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from PySide6.QtCore import QObject
    from pytestqt.qtbot import QtBot

    from ui.editor.editor import GraphEditor
    from ui.paint.binding import Binding
    from ui.paint.painting import Painting


def gradient(width: int, height: int) -> Any:
    """A picture in which every pixel tells where it is, uint8 [H, W, 3]."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 // max(width - 1, 1), y * 255 // max(height - 1, 1), (x + y) % 256],
                    -1).astype(np.uint8)  # fmt: skip


def write_picture(path: Path, width: int = 128, height: int = 96) -> Path:
    """A picture file."""
    path.write_bytes(encode_png(gradient(width, height), {}))
    return path


def paint_graph(path: str, **params: Any) -> Graph:
    """LoadImage "load" feeds InpaintMask "mask"."""
    return Graph(
        nodes={
            "load": Node(type="LoadImage", params={"path": path}),
            "mask": Node(type="InpaintMask", params=params, inputs={"image": "load.image"}),
        },
        layout={"load": (0, 0), "mask": (300, 0)},
    )


def brush(painting: Painting, *points: tuple[float, float], radius: float = 6.0) -> Brush:
    """A brush through points in picture pixels."""
    rows = [[*painting.to_units(x, y), 255] for x, y in points]
    return Brush(radius=painting.radius_units(radius), points=np.array(rows, np.int32))


def stroke(painting: Painting, points: Sequence[tuple[float, float]], radius: float = 6.0) -> None:
    """Paint a stroke on the mask."""
    painting.begin("mask", brush(painting, points[0], radius=radius))
    for x, y in points[1:]:
        painting.extend([[*painting.to_units(x, y), 255]])
    painting.end()


def bind(qtbot: QtBot, editor: GraphEditor, parent: QObject, node: str = "mask") -> Binding:
    """A binding whose picture is read."""
    bindings = Bindings(parent)
    binding = bindings.get(editor, node)
    qtbot.waitUntil(lambda: binding.painting.ready, timeout=10_000)
    return binding
