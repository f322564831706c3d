"""A widget in which a picture is zoomed, moved and fitted."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Signal
from PySide6.QtWidgets import QWidget

from ui.paint.placement import MAX_ZOOM, MIN_ZOOM, Placement, centred, fitted

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

FIT_MOST = 8.0
"""Zoom to which a small picture is enlarged to fit."""

MARGIN = 24
"""View pixels around a picture that is fitted."""


class PlacedWidget(QWidget):
    """Has a `placement`, and keeps it sensible. What is placed is the subclass' business.

    Args:
        parent: Qt's.
    """

    zoomed = Signal(float)
    """The zoom, 1.0 where a picture pixel takes one of the screen."""
    placed = Signal()
    """The picture was moved or zoomed: `placement` is another."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.placement = Placement()
        self.fits = True
        """The picture is fitted to the view, and stays so when that changes its size."""
        self._told = self.placement
        self._size = QSize()
        self._middle = QPointF()
        """In picture pixels; stays in the middle while the widget has other sizes."""

    @abstractmethod
    def content(self) -> QRectF:
        """All that is to be seen, in picture pixels."""

    @abstractmethod
    def take_place(self, placement: Placement) -> None:
        """`placement` is this one, or the widget has another size."""

    @property
    def zoom(self) -> float:
        """Screen pixels that a picture pixel takes."""
        return self.placement.zoom * self.devicePixelRatioF()

    def fit(self) -> None:
        """Show all of it."""
        self.fits = True
        self.settle()

    def zoom_to(self, zoom: float, at: QPointF | None = None) -> None:
        """Zoom; what is at a point stays there.

        Args:
            zoom: screen pixels for a picture pixel, held within `MIN_ZOOM` and `MAX_ZOOM`.
            at: in view pixels; None: the middle.
        """
        zoom = max(MIN_ZOOM, min(MAX_ZOOM, zoom)) / self.devicePixelRatioF()
        if at is None and self.fits:
            self.placement = centred(self.content(), QRectF(self.rect()), zoom)
        else:
            self.placement = self.placement.zoomed(zoom, at or QRectF(self.rect()).center())
        self.fits = False
        self.settle()

    def pan_by(self, dx: float, dy: float) -> None:
        """Move the picture by view pixels; some of it stays in the view."""
        self.fits = False
        self.placement = self.placement.moved(dx, dy)
        self.settle()

    def settle(self) -> None:
        """Fit again, or keep the picture in the view, after anything changed."""
        self._settle()
        self._middle = self.placement.to_picture(QRectF(self.rect()).center())

    def _settle(self) -> None:
        ratio = self.devicePixelRatioF()
        view = QRectF(self.rect())
        if self.fits:
            inner = view.adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN)
            self.placement = fitted(self.content(), inner, MIN_ZOOM / ratio, FIT_MOST / ratio)
        else:
            self.placement = self.placement.kept_in(self.content(), view)
        self.placement = self.placement.snapped(ratio)
        self.take_place(self.placement)
        if self.placement != self._told:
            self._told = self.placement
            self.placed.emit()
            self.zoomed.emit(self.zoom)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # The event of a widget that was hidden meanwhile doesn't know its old size.
        before, now = self._size, event.size()
        self._size = now
        if not self.fits and before.isValid():
            if before.width() == now.width():
                # What comes and goes below leaves the picture where it is.
                down = (now.height() - before.height()) / 2
                self._middle += QPointF(0, down / self.placement.zoom)
            at = self.placement.to_view(self._middle.x(), self._middle.y())
            off = QRectF(self.rect()).center() - at
            self.placement = self.placement.moved(off.x(), off.y())
        self._settle()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self.settle()
        return super().event(event)
