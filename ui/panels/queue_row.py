"""How a row of the queue is painted, and where it is pressed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QMouseEvent, QPainter, QPainterPath
from PySide6.QtWidgets import QAbstractItemView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from ui.panels.queue_model import JOB
from ui.theme import current, fonts, icons

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtCore import QAbstractItemModel
    from PySide6.QtGui import QColor

    from ui.engine.job import Job

Index = QModelIndex | QPersistentModelIndex

HEIGHT = 56
MARGIN = 12
PICTURE = 40
BUTTON = 24

_SIGNS = {
    "waiting": ("clock", "secondary"),
    "running": ("loader-circle", "accent"),
    "done": ("check", "ok"),
    "failed": ("circle-alert", "error"),
    "cancelled": ("ban", "secondary"),
}


class QueueRow(QStyledItemDelegate):
    """Paints a job: picture, title, where it stands, progress, and a button.

    Args:
        press: called with the job whose button was pressed.
        parent: the view.
    """

    def __init__(self, press: Callable[[Job], None], parent: QAbstractItemView) -> None:
        super().__init__(parent)
        self._press = press

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(160, HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        job: Job = index.data(JOB)
        theme, rect = current(), option.rect
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if selected or hovered:
            inside = QRectF(rect).adjusted(4, 1, -4, -1)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.highlight if selected else theme.raised)
            painter.drawRoundedRect(inside, 6, 6)
        self._picture(painter, rect, job, option.widget.devicePixelRatioF())
        left = rect.left() + MARGIN + PICTURE + 10
        right = rect.right() - MARGIN - (BUTTON + 4 if hovered or selected else 0)
        running = job.status == "running"
        top, room = rect.top() + (6 if running else 10), right - left
        self._line(painter, QRect(left, top, room, 18), job.title, title=True)
        self._line(painter, QRect(left, top + 18, room, 16), job.words, self._tone(job))
        if running:
            self._bar(painter, QRectF(left, rect.top() + 43, room, 4), job.progress)
        if hovered or selected:
            icon, _ = button_of(job)
            spot = button_spot(rect)
            drawn = icons.pixmap(icon, "text", 16, option.widget.devicePixelRatioF())
            painter.drawPixmap(spot.left() + 4, spot.top() + 4, drawn)
        painter.restore()

    def _picture(self, painter: QPainter, rect: QRect, job: Job, ratio: float) -> None:
        theme = current()
        spot = QRect(rect.left() + MARGIN, rect.top() + (HEIGHT - PICTURE) // 2, PICTURE, PICTURE)
        path = QPainterPath()
        path.addRoundedRect(QRectF(spot), 5, 5)
        painter.fillPath(path, theme.field)
        if job.thumbnail is None:
            sign, colour = _SIGNS[job.status]
            drawn = icons.pixmap(sign, colour, 18, ratio)
            painter.drawPixmap(spot.center().x() - 8, spot.center().y() - 8, drawn)
            return
        painter.save()
        painter.setClipPath(path)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        image = job.thumbnail
        side = min(image.width(), image.height())
        source = QRect((image.width() - side) // 2, (image.height() - side) // 2, side, side)
        painter.drawImage(spot, image, source)
        painter.restore()

    def _tone(self, job: Job) -> QColor:
        return current().error if job.status == "failed" else current().secondary

    def _line(
        self,
        painter: QPainter,
        rect: QRect,
        text: str,
        colour: QColor | None = None,
        *,
        title: bool = False,
    ) -> None:
        painter.setFont(fonts.value() if title else fonts.small())
        painter.setPen(colour or current().text)
        shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, rect.width())
        painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter, shown)

    def _bar(self, painter: QPainter, rect: QRectF, share: float) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(current().field)
        painter.drawRoundedRect(rect, 2, 2)
        if share > 0:
            painter.setBrush(current().accent)
            full = QRectF(rect.topLeft(), rect.size())
            full.setWidth(max(4.0, rect.width() * share))
            painter.drawRoundedRect(full, 2, 2)

    def editorEvent(
        self,
        event: QEvent,
        model: QAbstractItemModel,
        option: QStyleOptionViewItem,
        index: Index,
    ) -> bool:
        kinds = (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonRelease)
        if event.type() in kinds and isinstance(event, QMouseEvent):
            inside = button_spot(option.rect).contains(event.position().toPoint())
            if inside and event.button() == Qt.MouseButton.LeftButton:
                if event.type() == QEvent.Type.MouseButtonRelease:
                    self._press(index.data(JOB))
                return True
        return super().editorEvent(event, model, option, index)


def button_spot(rect: QRect) -> QRect:
    """Where a row's button is."""
    top = rect.top() + (rect.height() - BUTTON) // 2
    return QRect(rect.right() - MARGIN - BUTTON + 4, top, BUTTON, BUTTON)


def button_of(job: Job) -> tuple[str, str]:
    """Icon of a row's button, and what it does."""
    if job.status == "running":
        return "square", "Stop"
    if job.status == "waiting":
        return "x", "Take out"
    return "rotate-ccw", "Run again"
