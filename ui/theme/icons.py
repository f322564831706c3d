"""Icons from the SVG files in `resources/icons`, in the colours of the theme of the moment.

An icon is drawn when it is first shown, and follows the theme by itself. The files are Lucide's
(https://lucide.dev, ISC licence), but for `latent-studio.svg` and `logo.svg`, which are ours.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QIconEngine, QPainter, QPixmap

from studio.errors import StudioError
from studio.places import resources
from ui.theme import metrics
from ui.theme.manager import current

if TYPE_CHECKING:
    from PySide6.QtSvg import QSvgRenderer

Colour = QColor | str | None
"""A colour, the name of a `Theme` field ("accent", "error"), or None for the theme's `icon`."""

# Lucide draws lines of 2 on 24; at 16 pixels somewhat thinner ones go better with Inter.
_STROKE = 1.9

_pixmaps: dict[tuple[str, int, int, float], QPixmap] = {}
# PySide6 frees what `clone` returns before Qt has taken it. Qt clones only when an icon that is
# shared gets changed, so these are few.
_clones: list[QIconEngine] = []


BESIDE = QSize(19, 16)
"""Size of an icon beside words: it is drawn at the left, the rest keeps the words away."""


class IconMissing(StudioError):
    """An icon is asked for that doesn't ship with the program."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no icon {name!r}.", hint="Icons lie in resources/icons.")


def icon(name: str, colour: Colour = None, size: int = metrics.ICON) -> QIcon:
    """An icon for buttons, actions and items.

    Args:
        name: of a file in `resources/icons`, without ".svg".
        colour: see `Colour`; a field's name follows the theme.
        size: pixels, where the widget doesn't ask for a size of its own.

    Raises:
        IconMissing: there is no such file.
    """
    if not (resources() / "icons" / f"{name}.svg").is_file():
        raise IconMissing(name)
    return QIcon(_ThemedEngine(name, colour, size))


def pixmap(
    name: str, colour: Colour = None, size: int = metrics.ICON, ratio: float = 1.0
) -> QPixmap:
    """An icon to be painted. Shared; drawn once for each colour, size and ratio.

    Args:
        name: of a file in `resources/icons`, without ".svg".
        colour: see `Colour`; that of the theme at this moment.
        size: width and height in device-independent pixels.
        ratio: device pixels for each of them.

    Raises:
        IconMissing: there is no such file.
    """
    shade = resolve(colour)
    key = (name, shade.rgba(), size, ratio)
    found = _pixmaps.get(key)
    if found is None:
        found = _pixmaps[key] = _draw(name, shade, size, ratio)
    return found


def resolve(colour: Colour) -> QColor:
    """The colour meant, in the theme of the moment."""
    if isinstance(colour, QColor):
        return colour
    if isinstance(colour, str) and colour.startswith("#"):
        return QColor(colour)
    shade: QColor = getattr(current(), colour or "icon")
    return shade


def _draw(name: str, colour: QColor, size: int, ratio: float) -> QPixmap:
    renderer = _renderer(name, colour.name())
    pixels = max(1, round(size * ratio))
    drawn = QPixmap(pixels, pixels)
    drawn.fill(Qt.GlobalColor.transparent)
    painter = QPainter(drawn)
    renderer.render(painter, QRectF(0, 0, pixels, pixels))
    painter.end()
    if colour.alpha() < 255:
        faded = QPixmap(drawn.size())
        faded.fill(Qt.GlobalColor.transparent)
        painter = QPainter(faded)
        painter.setOpacity(colour.alphaF())
        painter.drawPixmap(0, 0, drawn)
        painter.end()
        drawn = faded
    drawn.setDevicePixelRatio(ratio)
    return drawn


@cache
def _text(name: str) -> str:
    try:
        return (resources() / "icons" / f"{name}.svg").read_text("utf-8")
    except FileNotFoundError:
        raise IconMissing(name) from None


def _renderer(name: str, colour: str) -> QSvgRenderer:
    from PySide6.QtSvg import QSvgRenderer  # costs 15 ms, and the first window may do without

    text = _text(name).replace("currentColor", colour)
    text = text.replace('stroke-width="2"', f'stroke-width="{_STROKE}"')
    return QSvgRenderer(text.encode())


class _ThemedEngine(QIconEngine):
    """Draws an icon in the theme's colours at the moment it is shown."""

    def __init__(self, name: str, colour: Colour, size: int) -> None:
        super().__init__()
        self._name = name
        self._colour = colour
        self._size = size

    def paint(
        self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State
    ) -> None:
        size = min(rect.width(), rect.height())
        device = painter.device()
        drawn = self._pixmap(size, mode, device.devicePixelRatioF() if device else 1.0)
        # Wider than high has room at its right: the space between a button's icon and its words.
        top = rect.y() + (rect.height() - size) / 2
        painter.drawPixmap(QRectF(rect.x(), top, size, size), drawn, QRectF(drawn.rect()))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        return self._roomy(size, mode, 1.0)

    def scaledPixmap(
        self, size: QSize, mode: QIcon.Mode, state: QIcon.State, scale: float
    ) -> QPixmap:
        # In device-independent pixels: so many device pixels would be blown up.
        return self._roomy(size, mode, scale)

    def actualSize(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QSize:
        return size

    def clone(self) -> QIconEngine:
        copy = _ThemedEngine(self._name, self._colour, self._size)
        _clones.append(copy)
        return copy

    def _roomy(self, size: QSize, mode: QIcon.Mode, ratio: float) -> QPixmap:
        side = min(size.width(), size.height())
        drawn = self._pixmap(side, mode, ratio)
        if size.width() <= size.height():
            return drawn
        wide = QPixmap(round(size.width() * ratio), round(side * ratio))
        wide.setDevicePixelRatio(ratio)
        wide.fill(Qt.GlobalColor.transparent)
        with QPainter(wide) as painter:
            painter.drawPixmap(0, 0, drawn)
        return wide

    def _pixmap(self, size: int, mode: QIcon.Mode, ratio: float) -> QPixmap:
        if mode == QIcon.Mode.Disabled:
            return pixmap(self._name, "disabled", size, ratio)
        return pixmap(self._name, self._colour, size, ratio)
