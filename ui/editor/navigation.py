"""Moves and zooms a view. Scroll bars are hidden; they move the picture that is there already."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPointF, QRectF, QTimer

if TYPE_CHECKING:
    from ui.editor.view import GraphView

SMALLEST = 0.02
LARGEST = 4.0
STEP = 1.2
"""A notch of the wheel."""
REST = 120
"""Milliseconds without a change of zoom after which everything is painted sharp again."""
SLICE = 10
"""Milliseconds that one slice of sharpening may take."""
_ROOM = 48.0
"""Viewport pixels around what is framed."""


class Navigation(QObject):
    """Where a view looks.

    Args:
        view: moved; the parent.
    """

    def __init__(self, view: GraphView) -> None:
        super().__init__(view)
        self._view = view
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST)
        self._rest.timeout.connect(self._come_to_rest)
        self._refine = QTimer(self)
        self._refine.setInterval(0)
        self._refine.timeout.connect(self._refine_some)

    @property
    def zoom(self) -> float:
        return float(self._view.transform().m11())

    def zoom_to(self, scale: float, anchor: QPointF | None = None) -> None:
        """Set the zoom; the place at `anchor` (viewport pixels; the middle) stays where it is."""
        view = self._view
        scale = min(LARGEST, max(SMALLEST, scale))
        if abs(scale - self.zoom) < 1e-9:
            return
        # A thousandth off 100 % is 100 %: letters are sharpest there.
        scale = 1.0 if abs(scale - 1.0) < 1e-3 else scale
        at = anchor if anchor is not None else view.middle()
        scene = view.to_scene(at)
        self._hurry()
        view.set_scale(scale)
        self._put(scene, at)
        view.moved.emit()

    def zoom_by(self, notches: float, anchor: QPointF) -> None:
        """Zoom by notches of the wheel."""
        self.zoom_to(self.zoom * STEP**notches, anchor)

    def pan_by(self, dx: float, dy: float) -> None:
        """Move what is shown by viewport pixels."""
        across, down = self._view.horizontalScrollBar(), self._view.verticalScrollBar()
        if dx:
            across.setValue(across.value() - round(dx))
        if dy:
            down.setValue(down.value() - round(dy))

    def centre_at(self, pos: QPointF) -> None:
        """Show a place of the scene in the middle."""
        self._put(pos, self._view.middle())

    def show_area(self, area: QRectF, *, most: float = 1.0) -> None:
        """Show an area of the scene, as large as it fits but not above `most`."""
        room = QRectF(self._view.viewport().rect()).adjusted(_ROOM, _ROOM, -_ROOM, -_ROOM)
        if area.isEmpty() or room.width() < 10 or room.height() < 10:
            return
        fit = min(room.width() / area.width(), room.height() / area.height())
        scale = min(LARGEST, most, max(SMALLEST, fit))
        if abs(scale - self.zoom) > 1e-9:
            self._view.set_scale(scale)
        self.centre_at(area.center())
        self._view.viewport().update()
        self._view.moved.emit()

    def _put(self, scene: QPointF, at: QPointF) -> None:
        """Scroll so that `scene` is at `at` in the viewport, to half a pixel."""
        now = self._view.viewportTransform().map(scene)
        across, down = self._view.horizontalScrollBar(), self._view.verticalScrollBar()
        across.setValue(across.value() + math.floor(now.x() - at.x() + 0.5))
        down.setValue(down.value() + math.floor(now.y() - at.y() + 0.5))

    # Rough while zooming, sharp at rest

    def _hurry(self) -> None:
        self._refine.stop()
        self._view.scene_shown.faces.hurried = True
        self._rest.start()

    def settle(self) -> None:
        """Paint everything sharp now, and not a moment later."""
        self._rest.stop()
        self._refine.stop()
        faces = self._view.scene_shown.faces
        if faces.hurried:
            faces.hurried = False
            faces.late.clear()
            self._view.viewport().update()
        self._view.minimap.refresh()

    def _come_to_rest(self) -> None:
        # Wires and frames first; nodes go on showing their old pictures.
        faces = self._view.scene_shown.faces
        if not faces.late:
            self.settle()
            return
        self._refine.start()

    def _refine_some(self) -> None:
        scene = self._view.scene_shown
        if self._view.sharpen(SLICE / 1000):
            return
        scene.faces.late.clear()
        self.settle()
