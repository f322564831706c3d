"""Painting pictures: the level of detail that fits, squares when enlarged, labels, the slider."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFontMetricsF, QPainter, QPen, QPixmap

from ui.panels.viewer_geometry import NEAREST_ABOVE
from ui.theme import fonts

if TYPE_CHECKING:
    from PySide6.QtGui import QImage

    from ui.panels.pictures import Picture
    from ui.theme import Theme

CHECK = 8
"""Side of the squares behind transparent pictures, in pixels of the view."""

HANDLE = 14


def draw_picture(
    painter: QPainter, picture: Picture, target: QRectF, clip: QRectF, theme: Theme
) -> None:
    """Draw the part of a picture that is seen.

    Args:
        painter: in pixels of the view.
        picture: stretched to `target`.
        target: where all of it would lie.
        clip: where it may be painted.
        theme: for the squares behind transparent ones.
    """
    ratio = painter.device().devicePixelRatioF()
    scale = target.width() * ratio / max(1, picture.size.width())
    if abs(scale - 1) < 1e-6:
        # At 100 % pixels must meet pixels, or all of it would be blurred.
        target = QRectF(target)
        target.moveTopLeft(
            QPointF(round(target.x() * ratio) / ratio, round(target.y() * ratio) / ratio)
        )
    seen = target & clip
    if seen.isEmpty():
        return
    level = level_for(picture, scale)
    source, place = _part(level, target, seen)
    painter.save()
    painter.setClipRect(seen)
    if level.hasAlphaChannel():
        painter.setBrushOrigin(target.topLeft())
        painter.fillRect(seen, _checks(theme.is_dark))
    painter.setRenderHint(
        QPainter.RenderHint.SmoothPixmapTransform,
        scale <= NEAREST_ABOVE and abs(scale - 1) >= 1e-6,
    )
    painter.drawImage(place, level, source)
    painter.restore()


def level_for(picture: Picture, scale: float) -> QImage:
    """The smallest level with at least a pixel for each of the screen's at this scale."""
    wanted = picture.size.width() * scale
    fitting = [level for level in picture.levels if level.width() >= wanted]
    return fitting[-1] if fitting else picture.levels[0]


def _part(level: QImage, target: QRectF, seen: QRectF) -> tuple[QRectF, QRectF]:
    """The pixels of a level that are seen, whole ones, and where they lie."""
    x_scale = target.width() / level.width()
    y_scale = target.height() / level.height()
    source = QRectF(
        (seen.x() - target.x()) / x_scale,
        (seen.y() - target.y()) / y_scale,
        seen.width() / x_scale,
        seen.height() / y_scale,
    )
    # A pixel more on each side, for smoothing across the edge of what is seen.
    whole = source.adjusted(-1, -1, 1, 1).toAlignedRect() & level.rect()
    place = QRectF(
        target.x() + whole.x() * x_scale,
        target.y() + whole.y() * y_scale,
        whole.width() * x_scale,
        whole.height() * y_scale,
    )
    return QRectF(whole), place


def draw_divider(painter: QPainter, x: float, pane: QRectF, theme: Theme) -> None:
    """The line of the compare slider with its handle; light on dark, to be seen on any picture."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(0, 0, 0, 140), 4))
    painter.drawLine(QPointF(x, pane.top()), QPointF(x, pane.bottom()))
    painter.setPen(QPen(QColor("white"), 2))
    painter.drawLine(QPointF(x, pane.top()), QPointF(x, pane.bottom()))
    middle = QPointF(x, pane.center().y())
    painter.setPen(QPen(QColor(0, 0, 0, 140), 1))
    painter.setBrush(QColor("white"))
    painter.drawEllipse(middle, HANDLE, HANDLE)
    pen = QPen(QColor("#25272d"), 2)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    for side in (-1, 1):
        tip = middle + QPointF(side * 8, 0)
        painter.drawPolyline(
            [tip + QPointF(-side * 4, -4), tip, tip + QPointF(-side * 4, 4)]
        )
    painter.restore()


def draw_label(
    painter: QPainter, pane: QRectF, text: str, theme: Theme, *, right: bool = False
) -> None:
    """A picture's name in an upper corner of its pane."""
    if not text:
        return
    font = fonts.small()
    metrics = QFontMetricsF(font)
    text = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, pane.width() / 2 - 32)
    width = metrics.horizontalAdvance(text) + 16
    x = pane.right() - 8 - width if right else pane.left() + 8
    rect = QRectF(x, pane.top() + 8, width, 20)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(16, 17, 20, 190))
    painter.drawRoundedRect(rect, 4, 4)
    painter.setPen(QColor("white"))
    painter.setFont(font)
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)
    painter.restore()


def draw_words(painter: QPainter, rect: QRectF, words: str, theme: Theme) -> None:
    """What stands where there is no picture."""
    painter.setFont(fonts.body())
    painter.setPen(theme.secondary)
    flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
    painter.drawText(rect.adjusted(24, 24, -24, -24), flags, words)


@lru_cache(maxsize=2)
def _checks(dark: bool) -> QBrush:
    light, other = ("#3a3d45", "#2c2e35") if dark else ("#ffffff", "#dfe2e8")
    tile = QPixmap(2 * CHECK, 2 * CHECK)
    tile.fill(QColor(light))
    painter = QPainter(tile)
    painter.fillRect(0, 0, CHECK, CHECK, QColor(other))
    painter.fillRect(CHECK, CHECK, CHECK, CHECK, QColor(other))
    painter.end()
    return QBrush(tile)
