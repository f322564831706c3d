"""The viewer's canvas: one picture or two, zoomed, panned and compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSizeF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import QWidget

from ui.panels.viewer_geometry import KEPT, Compare, Placement, centred, fitted, halves
from ui.panels.viewer_keys import STEP, Zoom, action_of
from ui.panels.viewer_paint import draw_divider, draw_label, draw_picture, draw_words
from ui.theme.manager import current

if TYPE_CHECKING:
    from PySide6.QtGui import (
        QEnterEvent,
        QMouseEvent,
        QPaintEvent,
        QResizeEvent,
        QWheelEvent,
    )

    from ui.panels.pictures import Picture

FIT_MOST = 8.0
"""Zoom to which a small picture is enlarged to fit."""

MARGIN = 8
DIVIDER_REACH = 10
"""Pixels from the compare slider within which it is grabbed."""

GAP = 2
"""Pixels between pictures side by side."""

MODES = (Compare.SLIDER, Compare.SIDE, Compare.HOVER)


class PictureCanvas(QWidget):
    """Shows pictures; knows no files.

    Left or middle drag pans, the wheel zooms at the pointer, a double-click goes between 100 %
    and all of it. Keys: Ctrl+0 or F fit, Ctrl+1 to 4 zoom to 100, 200, 400 and 800 %, M the next
    way to compare, C swaps, Left and Right the neighbours in the session's pictures.
    """

    zoomed = Signal(float)
    """The zoom, 1.0 where a pixel of the picture is one of the screen."""
    pointed = Signal(object)
    """The QPoint under the pointer in pixels of the picture; None outside."""
    compare_changed = Signal(object)
    """The `Compare` mode."""
    swapped = Signal()
    step_wanted = Signal(int)
    """-1 or 1: the picture before or after this one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(120, 96)
        self.setAccessibleName("Picture")
        self._after: Picture | None = None
        self._before: Picture | None = None
        self._mode = Compare.OFF
        self._words = ""
        self._placement = Placement(1.0, 0.0, 0.0)
        self._fit = True
        self._split = 0.5
        self._hovering = False
        self._dragged: QPointF | None = None
        self._divider_held = False

    # What is shown

    @property
    def picture(self) -> Picture | None:
        return self._after

    @property
    def before(self) -> Picture | None:
        """What it is compared with."""
        return self._before

    def set_picture(self, picture: Picture | None, words: str = "") -> None:
        """Show a picture; one of the same size keeps its place, to compare by switching.

        Args:
            picture: None shows none.
            words: shown in its place.
        """
        old = self._after
        self._after, self._words = picture, words
        if picture is not None and (old is None or old.size != picture.size):
            self._fit = True
        self._settle()
        self._tell_name()

    def set_before(self, picture: Picture | None) -> None:
        """What to compare with; None ends comparing."""
        self._before = picture
        if picture is None:
            self.set_compare(Compare.OFF)
        self.update()

    @property
    def compare(self) -> Compare:
        return self._mode

    def set_compare(self, mode: Compare) -> None:
        """Compare another way; without a picture to compare with it stays off."""
        if self._before is None:
            mode = Compare.OFF
        if mode is not self._mode:
            self._mode = mode
            self._settle()
            self.compare_changed.emit(mode)

    def swap(self) -> None:
        """Exchange the two pictures."""
        if self._before is not None and self._after is not None:
            self._before, self._after = self._after, self._before
            self._settle()
            self._tell_name()
            self.swapped.emit()

    @property
    def split(self) -> float:
        """Where the compare slider stands, 0 to 1 across the picture."""
        return self._split

    # Zoom

    @property
    def zoom(self) -> float:
        """1.0 where a pixel of the picture is one of the screen."""
        return self._placement.scale * self.devicePixelRatioF()

    @property
    def fits(self) -> bool:
        """The picture is fitted to the view, and stays so when that changes its size."""
        return self._fit

    def fit(self) -> None:
        """Show all of it."""
        self._fit = True
        self._settle()

    def zoom_to(self, zoom: float, anchor: QPointF | None = None) -> None:
        """Zoom to `zoom`; what is at `anchor`, the view's middle by default, stays there."""
        if self._after is None:
            return
        pane = self._panes()[0]
        scale = zoom / self.devicePixelRatioF()
        if anchor is None and self._fit:
            self._placement = centred(self._size(), pane, scale)
        else:
            spot = self._in_first_pane(anchor) if anchor is not None else pane.center()
            self._placement = self._placement.zoomed(scale, spot)
        self._fit = False
        self._settle()

    def place_of(self, point: QPointF) -> QPointF:
        """A point of the canvas in pixels of the picture."""
        return self._placement.to_picture(self._in_first_pane(point))

    # Qt

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = current()
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.canvas)
        if self._after is None:
            draw_words(painter, QRectF(self.rect()), self._words, theme)
            return
        before = self._before
        panes = self._panes()
        if before is None or self._mode is Compare.OFF:
            self._draw(painter, self._after, panes[0])
        elif self._mode is Compare.HOVER:
            shown = before if self._hovering else self._after
            self._draw(painter, shown, panes[0])
            draw_label(painter, panes[0], shown.name, theme)
        elif self._mode is Compare.SLIDER:
            self._draw(painter, self._after, panes[0])
            left = QRectF(panes[0])
            left.setRight(self._divider_x())
            self._draw(painter, before, panes[0], clip=left)
            draw_divider(painter, self._divider_x(), panes[0], theme)
            draw_label(painter, panes[0], before.name, theme)
            draw_label(painter, panes[0], self._after.name, theme, right=True)
        else:
            self._draw(painter, before, panes[0])
            self._draw(painter, self._after, panes[1])
            painter.fillRect(QRectF(panes[0].right(), 0, GAP, self.height()), theme.node_border)
            draw_label(painter, panes[0], before.name, theme)
            draw_label(painter, panes[1], self._after.name, theme)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._settle()

    def wheelEvent(self, event: QWheelEvent) -> None:
        notches = event.angleDelta().y() / 120
        if self._after is not None and notches:
            self.zoom_to(self.zoom * STEP**notches, event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() not in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            event.ignore()
            return
        left = event.button() == Qt.MouseButton.LeftButton
        self._divider_held = left and self._on_divider(event.position())
        self._dragged = event.position()
        if not self._divider_held and self._after is not None:
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        point = event.position()
        if self._dragged is None:
            self._hover(point)
            return
        if self._divider_held:
            self._set_split(point.x())
        elif self._after is not None:
            delta = point - self._dragged
            self._dragged = point
            self._fit = False
            self._placement = self._placement.moved(delta.x(), delta.y())
            self._settle()
        self._tell_point(point)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._dragged = None
        self._divider_held = False
        self._hover(event.position())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        if abs(self.zoom - 1.0) < 1e-6:
            self.fit()
        else:
            self.zoom_to(1.0, event.position())

    def enterEvent(self, event: QEnterEvent) -> None:
        self._hover(event.position())

    def leaveEvent(self, event: QEvent) -> None:
        self._set_hovering(False)
        self.pointed.emit(None)

    def event(self, event: QEvent) -> bool:
        # The window's shortcuts would take Ctrl+0 and the like for the graph.
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and action_of(event) is not None
        ):
            event.accept()
            return True
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self._settle()
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        action = action_of(event)
        if action is None:
            super().keyPressEvent(event)
            return
        match action:
            case "fit":
                self.fit()
            case "compare":
                self._next_mode()
            case "swap":
                self.swap()
            case int() as step:
                self.step_wanted.emit(step)
            case Zoom(to=to, by=by):
                self.zoom_to((to or self.zoom) * by)
            case QPoint() as delta:
                self._fit = False
                self._placement = self._placement.moved(delta.x(), delta.y())
                self._settle()

    # Inside

    def _next_mode(self) -> None:
        if self._before is not None:
            at = MODES.index(self._mode) if self._mode in MODES else -1
            self.set_compare(MODES[(at + 1) % len(MODES)])

    def _size(self) -> QSizeF:
        assert self._after is not None
        return QSizeF(self._after.size)

    def _panes(self) -> tuple[QRectF, ...]:
        whole = QRectF(self.rect())
        if self._mode is Compare.SIDE and self._before is not None:
            return halves(whole, GAP)
        return (whole,)

    def _in_first_pane(self, point: QPointF) -> QPointF:
        """Both panes show the same part: a point of the second as one of the first."""
        panes = self._panes()
        if len(panes) > 1 and point.x() >= panes[1].x():
            return QPointF(point.x() - panes[1].x(), point.y())
        return point

    def _settle(self) -> None:
        """Fit again, or keep the picture in the view, after anything changed."""
        if self._after is not None:
            pane = self._panes()[0]
            if self._fit:
                inner = pane.adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN)
                most = FIT_MOST / self.devicePixelRatioF()
                self._placement = fitted(self._size(), inner, most)
            else:
                self._placement = self._placement.kept_in(self._size(), pane)
        self.update()
        self.zoomed.emit(self.zoom)

    def _draw(
        self, painter: QPainter, picture: Picture, pane: QRectF, clip: QRectF | None = None
    ) -> None:
        target = self._placement.rect(self._size()).translated(pane.x(), 0)
        draw_picture(painter, picture, target, clip or pane, current())

    def _divider_x(self) -> float:
        rect = self._placement.rect(self._size())
        return rect.x() + rect.width() * self._split

    def _on_divider(self, point: QPointF) -> bool:
        if self._mode is not Compare.SLIDER or self._after is None:
            return False
        return abs(point.x() - self._divider_x()) <= DIVIDER_REACH

    def _set_split(self, x: float) -> None:
        rect = self._placement.rect(self._size())
        # It stays within what is seen: a slider that is gone can't be fetched back.
        left = max(rect.left(), min(KEPT, rect.right()))
        right = min(rect.right(), max(self.width() - KEPT, rect.left()))
        x = max(min(left, right), min(x, max(left, right)))
        self._split = max(0.0, min(1.0, (x - rect.x()) / rect.width()))
        self.update()

    def _hover(self, point: QPointF) -> None:
        if self._on_divider(point):
            self.setCursor(Qt.CursorShape.SplitHCursor)
        elif self._after is not None:
            self.setCursor(Qt.CursorShape.OpenHandCursor)
        else:
            self.unsetCursor()
        self._set_hovering(self._after is not None)
        self._tell_point(point)

    def _set_hovering(self, hovering: bool) -> None:
        if hovering != self._hovering:
            self._hovering = hovering
            if self._mode is Compare.HOVER:
                self.update()

    def _tell_point(self, point: QPointF) -> None:
        if self._after is None:
            return
        spot = self.place_of(point)
        inside = QRectF(self._after.image.rect()).contains(spot)
        pixel = QPoint(int(spot.x()), int(spot.y()))
        inside = inside and self._after.image.valid(pixel)
        self.pointed.emit(pixel if inside else None)

    def _tell_name(self) -> None:
        name = self._after.name if self._after else self._words
        self.setAccessibleDescription(name)
