"""The pictures of the brush canvas in `docs/images`; see `screenshots.py`, which takes them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

if TYPE_CHECKING:
    from collections.abc import Iterable

    from screenshots import Stage

    from ui.paint.panel import PaintPanel
    from ui.paint.view import PaintView

ROOT = Path(__file__).resolve().parent.parent
LEFT = Qt.MouseButton.LeftButton
NONE = Qt.MouseButton.NoButton


def paint_pictures(stage: Stage) -> None:
    """The brush over a picture; what came of it; more room around it."""
    panel = open_canvas(stage, "inpaint")
    view = panel.view
    stage.take("canvas-open")
    stroke(stage, view, [(34, 96), (28, 86), (30, 74), (42, 70), (50, 82), (44, 96), (36, 90)])
    hover(stage, view, (84, 40))
    stage.take("paint")
    stage.run()
    stage.wait(lambda: panel.strip.current is not None, 10)
    stage.wait(seconds=0.5)
    stage.take("results")
    QTest.keyClick(view, Qt.Key.Key_Return)
    stage.wait(seconds=0.5)
    stage.take("accepted")
    panel = open_canvas(stage, "outpaint")
    panel.do("tool.frame")
    stage.wait()
    stage.take("outpaint")
    stage.window.actions_.action("paint.full").trigger()
    stage.wait(seconds=0.5)
    stage.take("paint-full")
    stage.window.actions_.action("paint.full").trigger()
    stage.window.panels["paint"].hide()


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
    stage.editor.view.frame(None)
    return panel


def stroke(stage: Stage, view: PaintView, points: Iterable[tuple[float, float]]) -> None:
    """Paint with the left button, through pixels of the picture."""
    places = [view.placement.to_view(x, y) for x, y in points]
    send(stage, view, QEvent.Type.MouseMove, places[0], NONE)
    send(stage, view, QEvent.Type.MouseButtonPress, places[0], LEFT)
    for start, end in pairwise(places):
        for step in range(1, 5):
            send(stage, view, QEvent.Type.MouseMove, start + (end - start) * step / 4, LEFT)
    send(stage, view, QEvent.Type.MouseButtonRelease, places[-1], NONE)


def hover(stage: Stage, view: PaintView, at: tuple[float, float]) -> None:
    """Only the ring of the brush."""
    send(stage, view, QEvent.Type.MouseMove, view.placement.to_view(*at), NONE)


def send(
    stage: Stage, view: PaintView, kind: QEvent.Type, at: QPointF, held: Qt.MouseButton
) -> None:
    """One mouse event."""
    where = QPointF(view.mapToGlobal(at.toPoint()))
    button = NONE if kind == QEvent.Type.MouseMove else LEFT
    event = QMouseEvent(kind, at, where, button, held, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(view, event)
    stage.wait(seconds=0.01)
