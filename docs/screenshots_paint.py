"""The pictures of the brush canvas in `docs/images`; see `screenshots.py`, which takes them."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from studio.editing.edits import set_params

if TYPE_CHECKING:
    from collections.abc import Iterable

    from screenshots import Stage

    from ui.paint.panel import PaintPanel
    from ui.paint.view import PaintView

ROOT = Path(__file__).resolve().parent.parent
LEFT = Qt.MouseButton.LeftButton
NONE = Qt.MouseButton.NoButton

RESULTS = (("a red heart", 1), ("a white circle", 5), ("a blue square", 2), ("a green star", 1))
"""What is asked for in place of the heart, and the seeds; the last one is seen large."""


def paint_pictures(stage: Stage) -> None:
    """The brush over a picture; what came of it; a crop; more room around a picture."""
    panel = open_canvas(stage, "inpaint")
    settings, view = panel.settings, panel.view
    settings.hardness = 80
    settings.radius = 16
    stroke(stage, view, circle(64, 62, 34))
    stroke(stage, view, [(60, 50), (52, 66), (72, 70), (68, 54)])
    settings.radius = 12
    hover(stage, view, (98, 92))
    stage.take("canvas-brush")
    _results(stage, panel)
    _crop(stage)
    _outpaint(stage)
    stage.window.panels["paint"].hide()


def _results(stage: Stage, panel: PaintPanel) -> None:
    """Several results on the strip, the last one compared with the picture by the slider."""
    view = panel.view
    for words, seed in RESULTS:
        text = f"{words} in the centre on a purple background"
        values = {"positive": {"text": text}, "inpaint": {"seed": seed}}
        stage.editor.push(set_params(stage.editor.document, values, "Set"))
        stage.run()
        stage.wait(lambda: panel.strip.current is not None, 10)
    stage.wait(seconds=0.5)
    QTest.keyClick(view, Qt.Key.Key_M)
    leave(stage, view)
    stage.take("canvas-results")
    QTest.keyClick(view, Qt.Key.Key_Return)
    stage.wait(seconds=0.5)
    view.compare = "off"


def _crop(stage: Stage) -> None:
    """Only the surroundings of the mask are sampled."""
    panel = open_canvas(stage, "inpaint_only_masked")
    leave(stage, panel.view)
    stage.take("canvas-crop")


def _outpaint(stage: Stage) -> None:
    """Room is added at the left, by the frame's edge."""
    panel = open_canvas(stage, "outpaint")
    view = panel.view
    panel.do("tool.frame")
    stage.wait()
    frame = view.frames[2]
    assert frame is not None
    edge = (frame.left(), frame.center().y())
    press(stage, view, edge)
    for step in range(1, 9):
        drag(stage, view, (edge[0] - 5 * step, edge[1]))
    stage.take("canvas-outpaint")
    release(stage, view, (edge[0] - 40, edge[1]))
    stage.wait(seconds=0.5)
    panel.do("tool.brush")
    full = stage.window.actions_.action("paint.full")
    full.trigger()
    stage.wait(seconds=0.5)
    hover(stage, view, (64, 96))
    stage.take("canvas-full")
    full.trigger()


def open_canvas(stage: Stage, workflow: str) -> PaintPanel:
    """A workflow that ships, with its canvas."""
    window = stage.window
    window.tabs.open_template(ROOT / "workflows" / f"{workflow}.json")
    stage.wait(seconds=0.5)
    stage.editor.view.frame(None)
    masks = [n for n, node in stage.editor.document.nodes.items() if node.type == "InpaintMask"]
    window.commands.paint(masks[0] if masks else "")
    panel = window.workshop.paint_panel
    assert panel is not None
    stage.wait(lambda: panel.view.painting.ready, 20)
    stage.wait(seconds=0.5)
    # The canvas took some of the graph's room.
    stage.editor.view.frame(None)
    return panel


# The hand; places are pixels of the picture


def circle(x: float, y: float, radius: float, corners: int = 24) -> list[tuple[float, float]]:
    """A way around."""
    turns = [2 * math.pi * corner / corners for corner in range(corners + 1)]
    return [(x + radius * math.cos(turn), y + radius * math.sin(turn)) for turn in turns]


def stroke(stage: Stage, view: PaintView, points: Iterable[tuple[float, float]]) -> None:
    """Paint with the left button."""
    places = list(points)
    press(stage, view, places[0])
    for start, end in pairwise(places):
        for step in range(1, 5):
            share = step / 4
            x, y = (a + (b - a) * share for a, b in zip(start, end, strict=True))
            drag(stage, view, (x, y))
    release(stage, view, places[-1])


def press(stage: Stage, view: PaintView, at: tuple[float, float]) -> None:
    """The left button goes down."""
    hover(stage, view, at)
    send(stage, view, QEvent.Type.MouseButtonPress, view.placement.to_view(*at), LEFT)


def drag(stage: Stage, view: PaintView, at: tuple[float, float]) -> None:
    """The mouse moves with it held."""
    send(stage, view, QEvent.Type.MouseMove, view.placement.to_view(*at), LEFT)


def release(stage: Stage, view: PaintView, at: tuple[float, float]) -> None:
    """It comes up."""
    send(stage, view, QEvent.Type.MouseButtonRelease, view.placement.to_view(*at), NONE)


def hover(stage: Stage, view: PaintView, at: tuple[float, float]) -> None:
    """Only the ring of the brush."""
    send(stage, view, QEvent.Type.MouseMove, view.placement.to_view(*at), NONE)


def leave(stage: Stage, view: PaintView) -> None:
    """The mouse is elsewhere: no ring."""
    QApplication.sendEvent(view, QEvent(QEvent.Type.Leave))
    stage.wait(seconds=0.01)


def send(
    stage: Stage, view: PaintView, kind: QEvent.Type, at: QPointF, held: Qt.MouseButton
) -> None:
    """One mouse event."""
    where = QPointF(view.mapToGlobal(at.toPoint()))
    button = NONE if kind == QEvent.Type.MouseMove else LEFT
    event = QMouseEvent(kind, at, where, button, held, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(view, event)
    stage.wait(seconds=0.01)
