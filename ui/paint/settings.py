"""What the hand holds: tool, brush, colours, and how the mask is shown. Remembered in preferences.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from PySide6.QtCore import QCoreApplication, QObject, QTimer, Signal

if TYPE_CHECKING:
    from collections.abc import Callable

    from ui.preferences import Preferences

TOOLS = (
    "brush", "eraser", "lasso", "polygon", "rectangle", "ellipse", "bucket", "colour-select",
    "frame", "hand", "zoom", "eyedropper",
)  # fmt: skip
LAYERS = ("mask", "sketch")
OVERLAYS = ("tint", "contour", "checker")
KEY = "paint"
"""Under which preferences keep all of it."""
SOON = 600
"""Milliseconds after the last change until it is kept."""

T = TypeVar("T", bound="bool | int | float | str")


class _Setting(Generic[T]):
    """An attribute that is held within its limits and tells of changes.

    Args:
        default: also says which type is meant.
        clamp: makes a sensible value of any of that type.
        kept: remembered in the preferences.
    """

    def __init__(self, default: T, clamp: Callable[[T], T], *, kept: bool = True) -> None:
        self.default = default
        self.clamp = clamp
        self.kept = kept
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, of: None, owner: type) -> _Setting[T]: ...
    @overload
    def __get__(self, of: PaintSettings, owner: type) -> T: ...
    def __get__(self, of: PaintSettings | None, owner: type) -> T | _Setting[T]:
        if of is None:
            return self
        found: T = of.values.get(self.name, self.default)
        return found

    def __set__(self, of: PaintSettings, value: T) -> None:
        of.put(self.name, self.clamp(value))


def _within(default: float, low: float, high: float) -> _Setting[float]:
    def clamp(value: float) -> float:
        return min(max(float(value), low), high) if math.isfinite(value) else default

    return _Setting(default, clamp)


def _whole(default: int, low: int, high: int) -> _Setting[int]:
    def clamp(value: float) -> int:
        return min(max(round(value), low), high) if math.isfinite(value) else default

    return _Setting(default, clamp)


def _flag(default: bool, *, kept: bool = True) -> _Setting[bool]:
    return _Setting(default, bool, kept=kept)


def _one_of(names: tuple[str, ...], *, kept: bool = True) -> _Setting[str]:
    def clamp(value: str) -> str:
        if value not in names:
            raise ValueError(f"{value!r} is none of {', '.join(names)}")
        return value

    return _Setting(names[0], clamp, kept=kept)


def _colour(default: str) -> _Setting[str]:
    def clamp(value: str) -> str:
        if not isinstance(value, str) or not re.fullmatch("#[0-9a-fA-F]{6}", value):
            raise ValueError(f"{value!r} is no colour such as {default!r}")
        return value.lower()

    return _Setting(default, clamp)


class PaintSettings(QObject):
    """What the hand holds. Numbers outside their limits are clamped.

    Setting `tool`, `layer`, `overlay` or a colour to what there isn't raises ValueError.

    Args:
        parent: Qt's.
    """

    changed = Signal(str)
    """Name of what changed."""

    tool = _one_of(TOOLS, kept=False)
    layer = _one_of(LAYERS, kept=False)
    """Which of both is painted on: the mask, or the colours under it."""
    radius = _within(24.0, 0.5, 5000.0)
    """Of the brush, picture pixels."""
    hardness = _whole(80, 0, 100)
    """Percent of the radius that is solid."""
    opacity = _whole(100, 1, 100)
    """Percent; strokes don't build up."""
    spacing = _whole(20, 1, 200)
    """Percent of the radius between two points of a stroke that are kept."""
    smoothing = _whole(0, 0, 100)
    """Percent by which the brush lags behind the hand, to smooth its path."""
    pressure_size = _flag(True)
    """The pen's pressure changes the size."""
    pressure_opacity = _flag(False)
    """The pen's pressure changes the opacity."""
    tolerance = _whole(32, 0, 255)
    """By how much a channel may differ for the bucket."""
    everywhere = _flag(False)
    """The bucket takes like pixels everywhere, not only those that hang together."""
    encircle = _flag(False)
    """The brush fills what it goes around."""
    subtract = _flag(False, kept=False)
    """Shapes, buckets and lassos take away."""
    colour = _colour("#e0552f")
    """Of the brush on the sketch."""
    other_colour = _colour("#ffffff")
    overlay_colour = _colour("#ff3d55")
    overlay_opacity = _whole(60, 0, 100)
    """Percent; of the mask's colour over the picture."""
    overlay = _one_of(OVERLAYS)
    """How the mask is shown."""
    guides = _flag(False)
    """Lines at the model's multiples of 8."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.values: dict[str, Any] = {}
        self._preferences: Preferences | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SOON)
        self._timer.timeout.connect(self.keep)

    @property
    def paints(self) -> bool:
        """The tool in hand leaves something on the mask or the sketch."""
        return self.tool not in ("frame", "hand", "zoom", "eyedropper")

    @property
    def rgb(self) -> tuple[int, int, int]:
        """`colour` as numbers, 0-255."""
        number = int(self.colour[1:], 16)
        return number >> 16, number >> 8 & 255, number & 255

    def swap(self) -> None:
        """What X does: the other colour on the sketch; brush and eraser, or adding and taking
        away, on the mask."""
        if self.layer == "sketch":
            self.colour, self.other_colour = self.other_colour, self.colour
        elif self.tool in ("brush", "eraser"):
            self.tool = "eraser" if self.tool == "brush" else "brush"
        elif self.paints:
            self.subtract = not self.subtract

    def load(self, preferences: Preferences) -> None:
        """Take what is remembered, and remember changes from now on.

        What makes no sense there is left out.
        """
        self._preferences = preferences
        app = QCoreApplication.instance()
        if app is not None:
            app.aboutToQuit.connect(self.keep)
        for name, value in preferences.get(KEY, {}).items():
            found = _KEPT.get(name)
            if found is None or not _fits(value, found.default):
                continue
            try:
                setattr(self, name, value)
            except (ValueError, OverflowError):  # a whole number of a thousand digits, say
                continue
        self._timer.stop()

    def keep(self) -> None:
        """Remember now what changed; it is done by itself soon after any change."""
        self._timer.stop()
        if self._preferences is not None:
            own = {name: self.values[name] for name in _KEPT if name in self.values}
            self._preferences.put(KEY, own)

    def put(self, name: str, value: bool | int | float | str) -> None:
        """Set a value that is within its limits, and tell; for the attributes above."""
        if getattr(self, name) == value:
            return
        self.values[name] = value
        self.changed.emit(name)
        if self._preferences is not None and name in _KEPT:
            self._timer.start()


_KEPT: dict[str, _Setting[Any]] = {
    name: found
    for name, found in vars(PaintSettings).items()
    if isinstance(found, _Setting) and found.kept
}


def _fits(value: object, default: bool | int | float | str) -> bool:
    """Whether a remembered value has the type of a setting."""
    if isinstance(default, bool) or isinstance(value, bool):
        return type(value) is type(default)
    if isinstance(default, int | float):
        return isinstance(value, int | float)
    return isinstance(value, str)
