"""Rectangles between view pixels and screen pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QTransform

from studio.masks.pixels import Rect

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PySide6.QtGui import QRegion


def exact_view_rect(rect: QRect, ratio: float) -> QRectF:
    """Screen pixels as view pixels."""
    return QRectF(
        rect.x() / ratio, rect.y() / ratio, rect.width() / ratio, rect.height() / ratio
    )


def view_rect(rect: QRect, ratio: float) -> QRect:
    """Screen pixels as view pixels, whole ones, all around them."""
    return exact_view_rect(rect, ratio).toAlignedRect()


def screen_rect(rect: QRect, ratio: float) -> QRect:
    """View pixels as screen pixels, whole ones, all around them."""
    real = QRectF(
        rect.x() * ratio, rect.y() * ratio, rect.width() * ratio, rect.height() * ratio
    )
    return real.toAlignedRect()


def rects_of(region: QRegion) -> list[QRect]:
    """The rectangles of a region; none of them overlaps another."""
    return list(cast("Iterable[QRect]", region))  # PySide6's stubs don't know that


def around(rects: list[Rect]) -> Rect:
    """The rectangle around all of them; there has to be one."""
    left, top = min(rect.x for rect in rects), min(rect.y for rect in rects)
    right = max(rect.x + rect.width for rect in rects)
    bottom = max(rect.y + rect.height for rect in rects)
    return Rect(left, top, right - left, bottom - top)


def to_screen(device: QTransform) -> QTransform:
    """What has to be set so that one unit is one pixel of the screen, and lies on it.

    A view may lie between two pixels of the screen where the ratio is no whole number.
    """
    off_x = (round(device.dx()) - device.dx()) / device.m11()
    off_y = (round(device.dy()) - device.dy()) / device.m22()
    return QTransform(1 / device.m11(), 0, 0, 1 / device.m22(), off_x, off_y)
