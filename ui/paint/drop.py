"""Picture files that are dragged onto a widget and dropped there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QRectF, Signal
from PySide6.QtGui import QColor, QDropEvent, QPainter, QPen

from ui.files.reading import PICTURES
from ui.theme.manager import current

if TYPE_CHECKING:
    from PySide6.QtCore import QMimeData
    from PySide6.QtWidgets import QWidget


class PictureDrop(QObject):
    """Takes the drags of a widget as an event filter.

    Args:
        widget: the parent; paints with `draw` that it would take what is dragged.
    """

    dropped = Signal(object)
    """list[Path]: files, one at least."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self._widget = widget
        self._over = False
        widget.setAcceptDrops(True)
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind == QEvent.Type.DragLeave:
            self._set_over(False)
        elif kind in (QEvent.Type.DragEnter, QEvent.Type.Drop) and isinstance(event, QDropEvent):
            paths = paths_of(event.mimeData())
            self._set_over(bool(paths) and kind == QEvent.Type.DragEnter)
            if paths:
                event.acceptProposedAction()
            if paths and kind == QEvent.Type.Drop:
                self.dropped.emit(paths)
            return bool(paths)
        return False

    def draw(self, painter: QPainter) -> None:
        """Draw that what is dragged may be dropped, while it is over the widget."""
        if not self._over:
            return
        theme = current()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        tint = QColor(theme.accent)
        tint.setAlpha(28)
        painter.setBrush(tint)
        painter.setPen(QPen(theme.accent, 2))
        painter.drawRoundedRect(QRectF(self._widget.rect()).adjusted(4, 4, -4, -4), 6, 6)
        painter.restore()

    def _set_over(self, over: bool) -> None:
        if over != self._over:
            self._over = over
            self._widget.update()


def paths_of(data: QMimeData) -> list[Path]:
    """The picture files in dropped or pasted data, by their names."""
    paths = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
    return [path for path in paths if path.suffix.lower() in PICTURES]
