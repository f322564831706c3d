"""The menu behind the eye: how the mask is shown over the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QActionGroup, QColor, QIcon, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QMenu, QWidget

from ui.theme.manager import current

if TYPE_CHECKING:
    from ui.paint.settings import PaintSettings


class OverlayMenu(QMenu):
    """How the mask is shown: tint, contour or checks, its colour and strength, the guides."""

    def __init__(self, settings: PaintSettings, parent: QWidget) -> None:
        super().__init__(parent)
        self._settings = settings
        self.kinds = {}
        one_of = QActionGroup(self)
        for name, words in (
            ("tint", "Tint the mask"),
            ("contour", "Outline the mask"),
            ("checker", "Checks where it is masked"),
        ):
            action = self.addAction(words)
            action.setCheckable(True)
            one_of.addAction(action)
            action.triggered.connect(lambda _=False, name=name: setattr(settings, "overlay", name))
            self.kinds[name] = action
        self.addSeparator()
        strengths = self.addMenu("Strength")
        self.strengths = {}
        one_of = QActionGroup(self)
        for percent in (20, 40, 60, 80, 100):
            action = strengths.addAction(f"{percent} %")
            action.setCheckable(True)
            one_of.addAction(action)
            action.triggered.connect(
                lambda _=False, percent=percent: setattr(settings, "overlay_opacity", percent)
            )
            self.strengths[percent] = action
        colours = self.addMenu("Colour")
        self.colours = {}
        for name, value in OVERLAY_COLOURS.items():
            # Not checkable: an icon leaves no room for the check, so the swatch has it.
            action = colours.addAction(name)
            action.triggered.connect(
                lambda _=False, value=value: setattr(settings, "overlay_colour", value)
            )
            self.colours[value] = action
        self.addSeparator()
        self.guides = self.addAction("Guides at multiples of 8")
        self.guides.setCheckable(True)
        self.guides.triggered.connect(lambda on: setattr(settings, "guides", on))
        self.aboutToShow.connect(self._show)

    def _show(self) -> None:
        settings = self._settings
        for name, action in self.kinds.items():
            action.setChecked(name == settings.overlay)
        for percent, action in self.strengths.items():
            action.setChecked(percent == settings.overlay_opacity)
        for value, action in self.colours.items():
            action.setIcon(_swatch(value, chosen=value == settings.overlay_colour))
        self.guides.setChecked(settings.guides)


OVERLAY_COLOURS = {
    "Red": "#ff3d55", "Orange": "#ff8a1f", "Green": "#22c55e", "Cyan": "#18b8d6",
    "Blue": "#3b82f6", "Magenta": "#e040fb", "White": "#ffffff",
}  # fmt: skip


def _swatch(colour: str, *, chosen: bool) -> QIcon:
    """A square of a colour, with a tick in the one that is chosen."""
    side, ratio = 16, 2
    drawn = QPixmap(side * ratio, side * ratio)
    drawn.setDevicePixelRatio(ratio)
    drawn.fill(Qt.GlobalColor.transparent)
    painter = QPainter(drawn)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(current().control_border, 1))
    painter.setBrush(QColor(colour))
    painter.drawRoundedRect(QRectF(0.5, 0.5, side - 1, side - 1), 4, 4)
    if chosen:
        pen = QPen(QColor(16, 17, 20), 2)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.drawPolyline([QPointF(4, 8.5), QPointF(7, 11.5), QPointF(12, 5)])
    painter.end()
    return QIcon(drawn)
