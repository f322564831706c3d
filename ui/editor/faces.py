"""Keeps the pictures of nodes, so that panning and zooming paint pictures and not nodes.

A node takes a millisecond to paint and a twentieth of that to copy. While the view zooms, pictures
of the old size are stretched, and new ones are painted only as far as the frame's time allows;
once the view is still, `refine` paints what was put off.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPixmap

from ui.editor.node_paint import paint_face
from ui.editor.pictures import SHADOW

if TYPE_CHECKING:
    from ui.editor.node_paint import Face
    from ui.theme import Theme

MARGIN = SHADOW + 4.0
"""Around a node, for its shadow and the half of its ports."""
LIMIT = 48 * 2**20
"""Bytes of all pictures kept."""
LARGEST = 3_000_000
"""Pixels beyond which a node is painted straight away: few are in view then."""
FRAME = 0.006
"""Seconds that a frame of a zoom may spend on new pictures."""


@dataclass(frozen=True, slots=True)
class Baked:
    """A node's picture.

    Args:
        face: what it shows.
        scale: device pixels for one of the node's.
        pixmap: the node with `MARGIN` around it.
    """

    face: Face
    scale: float
    pixmap: QPixmap

    @property
    def bytes(self) -> int:
        return self.pixmap.width() * self.pixmap.height() * 4


class Faces:
    """The pictures of a scene's nodes, the last ones used."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Baked] = OrderedDict()
        self._bytes = 0
        self._frame_start = 0.0
        self.hurried = False
        """The view zooms: better an old picture now than a new one late."""
        self.late: set[str] = set()
        """Nodes whose picture was put off."""

    def begin_frame(self) -> None:
        """The view starts to paint."""
        self._frame_start = time.perf_counter()

    def get(self, name: str, face: Face, theme: Theme, scale: float) -> Baked | None:
        """The node's picture; an old one, or None, while there is no time for a new one."""
        found = self._kept.get(name)
        if found is not None and found.scale == scale and found.face is face:
            self._kept.move_to_end(name)
            return found
        if self.hurried and (found is not None or not self._time_left()):
            self.late.add(name)
            return found
        return self.bake(name, face, theme, scale)

    def bake(self, name: str, face: Face, theme: Theme, scale: float) -> Baked:
        """Paint the node's picture anew."""
        self.late.discard(name)
        made = Baked(face, scale, bake(face, theme, scale))
        self.forget(name)
        self._kept[name] = made
        self._bytes += made.bytes
        while self._bytes > LIMIT and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= dropped.bytes
        return made

    def forget(self, name: str) -> None:
        """The node is gone."""
        if (old := self._kept.pop(name, None)) is not None:
            self._bytes -= old.bytes

    def clear(self) -> None:
        """Everything looks otherwise: another theme."""
        self._kept.clear()
        self._bytes = 0

    @property
    def bytes(self) -> int:
        """Of all pictures."""
        return self._bytes

    def _time_left(self) -> bool:
        return time.perf_counter() - self._frame_start < FRAME


def bake(face: Face, theme: Theme, scale: float) -> QPixmap:
    """A node's picture with `MARGIN` around it."""
    geometry = face.geometry
    width = math.ceil((geometry.width + 2 * MARGIN) * scale)
    height = math.ceil((geometry.height + 2 * MARGIN) * scale)
    pixmap = QPixmap(width, height)
    pixmap.fill(Qt.GlobalColor.transparent)
    # Ended even where something goes wrong: a painter that outlives its pixmap crashes Qt.
    with QPainter(pixmap) as painter:
        painter.scale(scale, scale)
        painter.translate(MARGIN, MARGIN)
        paint_face(painter, theme, face, scale)
    return pixmap
