"""What is drawn on top of the canvas: the brush's ring, frames, the divider, words.

Everything is in view pixels and is seen on any picture: light lines in dark casings.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFontMetricsF, QImage, QPainter, QPainterPath, QPen

from ui.theme import fonts, icons

if TYPE_CHECKING:
    from ui.paint.tools.base import Ring
    from ui.theme import Theme

CHECK = 8
"""Side of the squares behind what is transparent, in view pixels."""

CASING = QColor(0, 0, 0, 150)
LIGHT = QColor(255, 255, 255, 235)

HANDLE = 8.0
"""Side of a handle of the outpaint frame."""

_KEPT_RING = 512.0
"""View pixels of the radius up to which a ring is drawn once and kept."""

_PILL_HEIGHT = 22.0
_PILL_PAD = 8.0

_WORDS = int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap)


@lru_cache(maxsize=8)
def checks(dark: bool, ratio: float) -> QBrush:
    """The squares behind what is transparent, in screen pixels.

    Args:
        dark: of the dark theme.
        ratio: screen pixels for a view pixel.
    """
    side = max(round(CHECK * ratio), 1)
    light, other = ("#3a3d45", "#2c2e35") if dark else ("#ffffff", "#dfe2e8")
    tile = QImage(2 * side, 2 * side, QImage.Format.Format_RGB32)
    tile.fill(QColor(light))
    painter = QPainter(tile)
    painter.fillRect(0, 0, side, side, QColor(other))
    painter.fillRect(side, side, side, side, QColor(other))
    painter.end()
    return QBrush(tile)


def draw_border(painter: QPainter, rect: QRectF, theme: Theme) -> None:
    """A calm line around the picture, just outside of it."""
    painter.save()
    painter.setPen(QPen(theme.border if theme.is_dark else theme.control_border, 0))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(rect.adjusted(-0.5, -0.5, 0.5, 0.5))
    painter.restore()


# ------------------------------------------------------------------ the ring


def draw_ring(painter: QPainter, ring: Ring) -> None:
    """The brush where it is: its rim, and fainter where its solid part ends."""
    ratio = painter.device().devicePixelRatioF()
    if ring.radius < 3:
        _draw_cross(painter, ring.at)
    elif ring.radius > _KEPT_RING:
        _stroke_ring(painter, ring.at, ring.radius, ring.core, ring.erases)
    else:
        image = _ring_image(ring.radius, ring.core, ring.erases, ratio)
        corner = ring.at - QPointF(1, 1) * (image.width() / ratio / 2)
        # On the screen's pixels, or it would be blurred.
        corner = QPointF(round(corner.x() * ratio) / ratio, round(corner.y() * ratio) / ratio)
        painter.drawImage(corner, image)
    if ring.words:
        draw_pill(painter, ring_words_rect(ring), ring.words)


@lru_cache(maxsize=4)
def _ring_image(radius: float, core: float, erases: bool, ratio: float) -> QImage:
    """A ring to be put wherever the hand goes: a large one takes long to draw."""
    side = 2 * math.ceil((radius + 3) * ratio)
    image = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(ratio)
    image.fill(0)
    painter = QPainter(image)
    middle = QPointF(1, 1) * (side / ratio / 2)
    _stroke_ring(painter, middle, radius, core, erases)
    painter.end()
    return image


def _stroke_ring(
    painter: QPainter, at: QPointF, radius: float, core: float, erases: bool
) -> None:
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if 2 < core < radius - 2:
        painter.setPen(QPen(QColor(0, 0, 0, 90), 2))
        painter.drawEllipse(at, core, core)
        painter.setPen(QPen(QColor(255, 255, 255, 120), 1, Qt.PenStyle.DotLine))
        painter.drawEllipse(at, core, core)
    painter.setPen(QPen(CASING, 3))
    painter.drawEllipse(at, radius, radius)
    rim = QPen(LIGHT, 1.25)
    if erases:
        rim.setDashPattern([4, 3])
    painter.setPen(rim)
    painter.drawEllipse(at, radius, radius)
    painter.restore()


def ring_words_rect(ring: Ring) -> QRectF:
    """Where the words beside a ring stand; empty where there are none."""
    if not ring.words:
        return QRectF()
    size = pill_size(ring.words)
    below = ring.at.y() + min(ring.radius, 120) + 10
    return QRectF(ring.at.x() - size / 2, below, size, _PILL_HEIGHT)


def _draw_cross(painter: QPainter, at: QPointF) -> None:
    """A brush too small for a ring still has to be found."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    lines = [
        QLineF(at + QPointF(3 * dx, 3 * dy), at + QPointF(8 * dx, 8 * dy))
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1))
    ]
    for pen in (QPen(CASING, 3), QPen(LIGHT, 1.25)):
        painter.setPen(pen)
        painter.drawLines(lines)
        painter.drawEllipse(at, 1.5, 1.5)
    painter.restore()


# ------------------------------------------------------------------ words


def pill_size(words: str) -> float:
    """How wide a pill with these words is, view pixels."""
    return math.ceil(QFontMetricsF(fonts.small()).horizontalAdvance(words)) + 2 * _PILL_PAD


def draw_pill(painter: QPainter, rect: QRectF, words: str) -> None:
    """A few words on a dark ground."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(16, 17, 20, 205))
    painter.drawRoundedRect(rect, 5, 5)
    painter.setPen(QColor("white"))
    painter.setFont(fonts.small())
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, words)
    painter.restore()


def draw_words(painter: QPainter, rect: QRectF, words: str, theme: Theme) -> None:
    """What stands where there is no picture."""
    painter.save()
    painter.setFont(fonts.body())
    painter.setPen(theme.secondary)
    place = words_rect(rect, words)
    painter.drawText(place, _WORDS, words)
    ratio = painter.device().devicePixelRatioF()
    corner = QPointF(round(rect.center().x()) - 14, round(place.top()) - 40)
    painter.drawPixmap(corner, icons.pixmap("image", "disabled", 28, ratio))
    painter.restore()


def words_rect(rect: QRectF, words: str) -> QRectF:
    """Where the words stand in a view in which there is no picture."""
    width = min(rect.width() - 48, 420.0)
    middle = QRectF(rect.center().x() - width / 2, rect.y() + 24, width, rect.height() - 48)
    return QFontMetricsF(fonts.body()).boundingRect(middle, _WORDS, words)


# ------------------------------------------------------------------ frames


def draw_crop(painter: QPainter, rect: QRectF, words: str, view: QRectF) -> None:
    """The frame of what is sampled.

    Args:
        rect: the frame.
        words: at its corner, "sampled at 512 x 512".
        view: in which the words have to stay.
    """
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(CASING, 3))
    painter.drawRect(rect)
    painter.setPen(QPen(LIGHT, 1.25, Qt.PenStyle.CustomDashLine))
    pen = painter.pen()
    pen.setDashPattern([6, 4])
    painter.setPen(pen)
    painter.drawRect(rect)
    _draw_corners(painter, rect)
    painter.restore()
    if words:
        draw_pill(painter, crop_words_rect(rect, words, view), words)


def crop_words_rect(rect: QRectF, words: str, view: QRectF) -> QRectF:
    """Where the words of a frame stand: above it, or inside where there is no room."""
    width = pill_size(words)
    x = max(min(rect.x(), view.right() - width - 8), view.x() + 8)
    y = rect.y() - _PILL_HEIGHT - 6
    if y < view.y() + 6:
        y = max(rect.y() + 8, view.y() + 8)
    return QRectF(x, y, width, _PILL_HEIGHT)


def draw_beyond(painter: QPainter, image: QImage, rect: QRectF, picture: QRectF) -> None:
    """The part of a preview that is beyond the picture: all of it is being made there."""
    painter.save()
    painter.setClipPath(_outside(rect, picture), Qt.ClipOperation.IntersectClip)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(rect, image)
    painter.restore()


def _outside(frame: QRectF, picture: QRectF) -> QPainterPath:
    outer, inner = QPainterPath(), QPainterPath()
    outer.addRect(frame)
    inner.addRect(picture)
    return outer.subtracted(inner)


def draw_outpaint(
    painter: QPainter,
    frame: QRectF,
    picture: QRectF,
    theme: Theme,
    *,
    empty: bool = True,
    held: bool = True,
) -> None:
    """The frame that the picture is to fill.

    Args:
        frame, picture: where they lie.
        theme: its accent marks the frame.
        empty: it is hatched where the picture doesn't fill it.
        held: it has handles, as it can be dragged now.
    """
    painter.save()
    if empty:
        outside = _outside(frame, picture)
        painter.fillPath(outside, theme.field)
        hatch = QColor(theme.accent)
        hatch.setAlpha(110 if theme.is_dark else 80)
        _draw_hatch(painter, outside, frame, hatch)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(CASING, 3))
    painter.drawRect(frame)
    painter.setPen(QPen(theme.accent, 1.5))
    painter.drawRect(frame)
    for handle in handles(frame).values() if held else ():
        square = QRectF(0, 0, HANDLE, HANDLE)
        square.moveCenter(handle)
        painter.setPen(QPen(theme.accent, 1.5))
        painter.setBrush(QColor("white"))
        painter.drawRoundedRect(square, 2, 2)
    painter.restore()


def handles(frame: QRectF) -> dict[str, QPointF]:
    """The middles of the handles of a frame, by the sides that they move."""
    x = {"left": frame.left(), "": frame.center().x(), "right": frame.right()}
    y = {"top": frame.top(), "": frame.center().y(), "bottom": frame.bottom()}
    return {
        "-".join(part for part in (down, across) if part): QPointF(x[across], y[down])
        for down in y
        for across in x
        if down or across
    }


def _draw_hatch(painter: QPainter, area: QPainterPath, around: QRectF, colour: QColor) -> None:
    painter.save()
    painter.setClipPath(area, Qt.ClipOperation.IntersectClip)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(colour, 1))
    seen = around & painter.clipBoundingRect()
    # Fixed to the frame's corner: it doesn't crawl while only a part is painted again.
    first = math.floor((seen.left() + seen.top() - around.left() - around.top()) / 12)
    last = math.ceil((seen.right() + seen.bottom() - around.left() - around.top()) / 12)
    lines = []
    for number in range(first, last + 1):
        total = around.left() + around.top() + number * 12
        lines.append(
            QLineF(total - seen.top(), seen.top(), total - seen.bottom(), seen.bottom())
        )
    painter.drawLines(lines)
    painter.restore()


def _draw_corners(painter: QPainter, rect: QRectF) -> None:
    """Solid corners, by which a frame is told from a selection."""
    arm = min(14.0, rect.width() / 3, rect.height() / 3)
    lines = []
    for corner, across, down in (
        (rect.topLeft(), 1, 1), (rect.topRight(), -1, 1),
        (rect.bottomLeft(), 1, -1), (rect.bottomRight(), -1, -1),
    ):  # fmt: skip
        lines += [
            QLineF(corner, corner + QPointF(across * arm, 0)),
            QLineF(corner, corner + QPointF(0, down * arm)),
        ]
    for pen in (QPen(CASING, 5), QPen(LIGHT, 2.5)):
        pen.setCapStyle(Qt.PenCapStyle.SquareCap)
        painter.setPen(pen)
        painter.drawLines(lines)


def draw_padding(painter: QPainter, strips: list[QRectF]) -> None:
    """What models get beyond the picture, hatched; in view pixels."""
    painter.save()
    for rect in strips:
        area = QPainterPath()
        area.addRect(rect)
        painter.fillRect(rect, QColor(128, 128, 128, 40))
        _draw_hatch(painter, area, rect, QColor(150, 155, 165, 150))
    painter.restore()


# ------------------------------------------------------------------ comparing


def draw_divider(painter: QPainter, x: float, pane: QRectF) -> None:
    """The line of the compare slider with its handle."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for pen in (QPen(CASING, 4), QPen(QColor("white"), 2)):
        painter.setPen(pen)
        painter.drawLine(QPointF(x, pane.top()), QPointF(x, pane.bottom()))
    middle = QPointF(x, pane.center().y())
    painter.setPen(QPen(CASING, 1))
    painter.setBrush(QColor("white"))
    painter.drawEllipse(middle, 14, 14)
    pen = QPen(QColor("#25272d"), 2)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    for side in (-1, 1):
        tip = middle + QPointF(side * 8, 0)
        painter.drawPolyline([tip + QPointF(-side * 4, -4), tip, tip + QPointF(-side * 4, 4)])
    painter.restore()


def draw_label(painter: QPainter, pane: QRectF, words: str, *, right: bool = False) -> None:
    """What is seen in a pane, in an upper corner of it; nothing in an empty one."""
    if pane.isEmpty():
        return
    width = pill_size(words)
    x = pane.right() - 8 - width if right else pane.left() + 8
    draw_pill(painter, QRectF(x, pane.top() + 8, width, _PILL_HEIGHT), words)
