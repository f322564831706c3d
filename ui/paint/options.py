"""The rows over the canvas: layer and view in the first, what the tool in hand can be set to in
the second."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field as Limit
from pydantic import TypeAdapter
from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QMenu,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from studio.params import Marker
from studio.spec import Param
from ui.editor.inline.colour import ColourPicker, Swatch
from ui.editor.inline.number import NumberField
from ui.paint.flow import FlowLayout
from ui.paint.overlay_menu import OverlayMenu
from ui.panels.parts import IconButton, Words
from ui.theme import fonts, icons

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

    from ui.paint.settings import PaintSettings

BRUSHES = ("brush", "eraser")
SHAPES = ("lasso", "polygon", "rectangle", "ellipse")
BUCKETS = ("bucket", "colour-select")
BRUSH_TOGGLES = ("pressure_size", "pressure_opacity", "encircle")
_HEIGHT = 26


class SettingField(QWidget):
    """A number of the settings with its name before it.

    Args:
        settings: hold it.
        name: of the setting; "size" is twice the radius.
        label: what it is called.
        low, high: limits.
        words: for the tool tip.
        unit: said in the tool tip.
    """

    def __init__(
        self,
        settings: PaintSettings,
        name: str,
        label: str,
        low: int,
        high: int,
        words: str,
        *,
        slider: bool = True,
        width: int = 46,
    ) -> None:
        super().__init__()
        self._settings, self.name = settings, name
        self._radius = name == "size"
        adapter: TypeAdapter[Any] = TypeAdapter(Annotated[int, Limit(ge=low, le=high)])
        limits = {"ge": low, "le": high}
        param = Param(name, "int", False, True, None, adapter, Marker(), limits)
        self.field = NumberField(param, self, slider=slider)
        self.field.help = words
        self.field.setToolTip(words)
        self.field.setAccessibleName(label)
        self.field.main.setAccessibleName(label)
        self.field.set_line_height(_HEIGHT)
        self.field.setFixedWidth(width)
        self.field.committed.connect(self._put)
        self.field.gestured.connect(self._put)
        self.field.entered.connect(self.field.main.clearFocus)
        text = Words(label, "secondary", fonts.small())
        text.setToolTip(words)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(5)
        row.addWidget(text)
        row.addWidget(self.field)
        self.setFixedHeight(_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        settings.changed.connect(self._changed)
        self._show()

    def _put(self, value: int) -> None:
        if self._radius:
            self._settings.radius = value / 2
        else:
            setattr(self._settings, self.name, value)

    def _changed(self, name: str) -> None:
        if name == ("radius" if self._radius else self.name):
            self._show()

    def _show(self) -> None:
        if self._radius:
            self.field.show_value(max(1, round(2 * self._settings.radius)))
        else:
            self.field.show_value(getattr(self._settings, self.name))


class SettingToggle(IconButton):
    """A button that stays down while a setting is on.

    Args:
        settings: hold it.
        name: of the setting.
        icon: its icon.
        words: for the tool tip.
        text: beside the icon, where that alone wouldn't say it.
    """

    def __init__(
        self, settings: PaintSettings, name: str, icon: str, words: str, text: str = ""
    ) -> None:
        super().__init__(icon, words, checkable=True)
        if text:
            self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            self.setFont(fonts.small())
            self.setText(text)
            width = self.fontMetrics().horizontalAdvance(text)
            self.setFixedSize(width + self.iconSize().width() + 20, _HEIGHT)
        self._settings, self.name = settings, name
        self.clicked.connect(lambda on: setattr(settings, name, on))
        settings.changed.connect(self._changed)
        self._changed(name)

    def _changed(self, name: str) -> None:
        if name == self.name:
            self.setChecked(bool(getattr(self._settings, name)))


class ColourButton(Swatch):
    """A swatch of a colour of the settings, which opens a square to pick from.

    Args:
        settings: hold it.
        name: of the setting.
        words: what it is.
        side: of the square, pixels.
    """

    def __init__(self, settings: PaintSettings, name: str, words: str, side: int = 20) -> None:
        super().__init__(None, side)  # type: ignore[arg-type]
        self._settings, self.name = settings, name
        self.setToolTip(words)
        self.setAccessibleName(words)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.clicked.connect(self.open)
        settings.changed.connect(self._changed)
        self._changed(name)

    def open(self) -> None:
        """Open the square to pick from."""
        picker = ColourPicker(self, QColor(getattr(self._settings, self.name)))
        picker.picked.connect(lambda colour: setattr(self._settings, self.name, colour.name()))
        picker.move(self.mapToGlobal(QPoint(0, self.height() + 4)))
        picker.show()
        picker.setFocus(Qt.FocusReason.PopupFocusReason)

    def _changed(self, name: str) -> None:
        if name == self.name:
            self.set_colour(QColor(getattr(self._settings, name)))


class ToolOptions(QWidget):
    """What the tool in hand can be set to, in as many lines as it takes.

    Args:
        settings: shown and changed.
        parent: Qt's.
    """

    def __init__(self, settings: PaintSettings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._flow = FlowLayout(self, 10)
        self._flow.setContentsMargins(8, 2, 8, 6)
        size = SettingField(
            settings, "size", "Size", 1, 10_000,
            "Diameter of the brush in pixels of the picture ([ and ], or Ctrl + wheel)",
            slider=False, width=58,
        )  # fmt: skip
        hardness = SettingField(
            settings, "hardness", "Hardness", 0, 100, "How much of the brush is solid, in percent"
        )
        opacity = SettingField(
            settings, "opacity", "Opacity", 1, 100,
            "How strongly it masks, in percent; strokes don't build up",
        )  # fmt: skip
        spacing = SettingField(
            settings, "spacing", "Spacing", 1, 200,
            "How close the points of a stroke are kept, in percent of the radius",
        )  # fmt: skip
        smoothing = SettingField(
            settings, "smoothing", "Smoothing", 0, 100,
            "How much the brush lags behind the hand to smooth its path, in percent",
        )  # fmt: skip
        tolerance = SettingField(
            settings, "tolerance", "Tolerance", 0, 255,
            "By how much a colour may differ, in steps of 255",
        )  # fmt: skip
        self.fields = {
            each.name: each for each in (size, hardness, opacity, spacing, smoothing, tolerance)
        }
        self.toggles = {
            name: SettingToggle(settings, name, icon, words, text)
            for name, icon, words, text in (
                ("pressure_size", "pen-size", "The pen's pressure changes the size", ""),
                ("pressure_opacity", "pen-opacity", "The pen's pressure changes the opacity", ""),
                ("encircle", "encircle", "Fill what the brush goes around", ""),
                (
                    "everywhere", "scan-search", "Take like colours everywhere in the picture",
                    "Everywhere",
                ),
                ("subtract", "minus", "Take away in place of adding (X)", "Take away"),
            )
        }
        shown: tuple[tuple[QWidget, tuple[str, ...]], ...] = (
            (size, BRUSHES),
            (hardness, BRUSHES),
            (tolerance, BUCKETS),
            (opacity, (*BRUSHES, *SHAPES, *BUCKETS)),
            (spacing, BRUSHES),
            (smoothing, BRUSHES),
            (_side_by_side(*(self.toggles[name] for name in BRUSH_TOGGLES)), BRUSHES),
            (self.toggles["everywhere"], ("bucket",)),
            (self.toggles["subtract"], (*SHAPES, *BUCKETS)),
        )
        self._shown = shown
        self._none = Words("", "secondary", fonts.small())
        # As high as a line of fields, or the canvas would move with the tool.
        self._none.setFixedHeight(_HEIGHT)
        for widget, _ in shown:
            self._flow.addWidget(widget)
        self._flow.addWidget(self._none)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        settings.changed.connect(self._changed)
        self._changed("tool")

    def sizeHint(self) -> QSize:
        return QSize(240, self._flow.heightForWidth(max(self.width(), 240)))

    def minimumSizeHint(self) -> QSize:
        return QSize(160, self._flow.heightForWidth(max(self.width(), 240)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self.updateGeometry()  # other lines

    def _changed(self, name: str) -> None:
        if name != "tool":
            return
        tool = self._settings.tool
        some = False
        for widget, tools in self._shown:
            widget.setVisible(tool in tools)
            some |= tool in tools
        self._none.setText(_HINTS.get(tool, ""))
        self._none.setVisible(not some)
        self._flow.invalidate()
        self.updateGeometry()


_HINTS = {
    "hand": "Drag to move the picture; double-click to see all of it.",
    "zoom": "Click to zoom in, Alt+click to zoom out, or drag sideways.",
    "eyedropper": "Click a colour of the picture to sketch with it.",
    "frame": "Drag the frame's edges beyond the picture to paint more around it.",
}


class LayerRow(QWidget):
    """Mask or sketch, the sketch's colours, how the mask is shown, the menu and the full window.

    Args:
        settings: shown and changed.
        menu: behind the three dots.
        parent: Qt's.
    """

    fit_wanted = Signal()
    full_wanted = Signal()

    def __init__(
        self, settings: PaintSettings, menu: QMenu, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._settings = settings
        self.layers = {
            "mask": _segment("Mask", "Paint what should change (S)"),
            "sketch": _segment("Sketch", "Paint colours on the picture, under the mask (S)"),
        }
        group = QButtonGroup(self)
        for name, button in self.layers.items():
            group.addButton(button)
            button.clicked.connect(lambda _=False, name=name: setattr(settings, "layer", name))
        self.colour = ColourButton(settings, "colour", "Colour of the brush", 20)
        self.other = ColourButton(settings, "other_colour", "The other colour (X swaps them)", 14)
        self.zoom = QToolButton()  # given its place among the others by the row
        self.zoom.setText("100 %")
        self.zoom.setFont(fonts.small())
        self.zoom.setMinimumWidth(52)
        self.zoom.setFixedHeight(_HEIGHT)
        self.zoom.setToolTip("Show the whole picture  Ctrl+0")
        self.zoom.setAccessibleName("Zoom; shows the whole picture")
        self.zoom.clicked.connect(self.fit_wanted)
        self.overlay = IconButton("eye", "How the mask is shown")
        self.overlay.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.overlay.setMenu(OverlayMenu(settings, self))
        self.more = IconButton("ellipsis", "Save, load, and more")
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more.setMenu(menu)
        self.full = IconButton("expand", "Paint in the whole window", self.full_wanted.emit)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 6, 8, 2)
        row.setSpacing(4)
        row.addWidget(self.layers["mask"])
        row.addWidget(self.layers["sketch"])
        row.addSpacing(4)
        row.addWidget(self.colour)
        row.addWidget(self.other)
        row.addStretch(1)
        for button in (self.zoom, self.overlay, self.more, self.full):
            row.addWidget(button)
        settings.changed.connect(self._changed)
        self._changed("layer")

    def show_zoom(self, zoom: float) -> None:
        """Say how large the picture is shown; 1 is 100 %."""
        self.zoom.setText(f"{100 * zoom:.0f} %" if zoom >= 0.1 else f"{100 * zoom:.1f} %")

    def show_full(self, full: bool) -> None:
        """The panel has the whole window, or its dock again."""
        words = "Back to the panel  Esc" if full else "Paint in the whole window"
        self.full.setIcon(icons.icon("fullscreen" if full else "expand"))
        self.full.setToolTip(words)
        self.full.setAccessibleName(words.partition("  ")[0])

    def _changed(self, name: str) -> None:
        if name == "layer":
            layer = self._settings.layer
            self.layers[layer].setChecked(True)
            for button in (self.colour, self.other):
                button.setVisible(layer == "sketch")


def _side_by_side(*buttons: QWidget) -> QWidget:
    """Buttons that belong together."""
    group = QWidget()
    row = QHBoxLayout(group)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(2)
    for button in buttons:
        row.addWidget(button)
    return group


def _segment(text: str, words: str) -> QToolButton:
    """One of two buttons of which one is down."""
    button = QToolButton()
    button.setText(text)
    button.setCheckable(True)
    button.setFixedHeight(_HEIGHT)
    button.setMinimumWidth(56)
    button.setToolTip(words)
    button.setAccessibleName(f"Layer: {text}")
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button
