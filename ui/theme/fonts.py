"""The bundled fonts. All text is set in Inter, so that pictures of the editor look alike anywhere.

The fonts are shared: copy one (`QFont(fonts.body())`) before changing it. Figures are tabular, so
that numbers don't jump while they change.
"""

from __future__ import annotations

from functools import cache

from PySide6.QtGui import QFont, QFontDatabase

from studio.errors import StudioError
from studio.places import resources
from ui.theme import metrics

FAMILY = "Inter"
MONO = "JetBrains Mono"


class FontMissing(StudioError):
    """A font that ships with the program can't be read."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The font {name} can't be read.", hint="Install Latent Studio again.")


@cache
def load() -> None:
    """Make Inter known to Qt. Once a process, after there is a QGuiApplication.

    Raises:
        FontMissing: a file isn't there or isn't a font.
    """
    for weight in ("Regular", "Medium", "SemiBold"):
        _add(f"Inter-{weight}.ttf")


@cache
def body() -> QFont:
    """Labels, values and everything else."""
    return _inter(metrics.BODY, QFont.Weight.Normal)


@cache
def value() -> QFont:
    """What the user set: values in fields."""
    return _inter(metrics.BODY, QFont.Weight.Medium)


@cache
def title() -> QFont:
    """Titles of nodes and docks."""
    return _inter(metrics.TITLE, QFont.Weight.DemiBold)


@cache
def heading() -> QFont:
    """The first line of a dialog, a panel or an empty page."""
    return _inter(metrics.HEADING, QFont.Weight.DemiBold)


@cache
def small() -> QFont:
    """Footers, hints, shortcuts."""
    return _inter(metrics.SMALL, QFont.Weight.Normal)


@cache
def mono() -> QFont:
    """Logs, JSON and paths. Its file is read at the first call."""
    load()
    _add("JetBrainsMono-Regular.ttf")
    font = QFont([MONO, FAMILY])
    font.setPixelSize(metrics.BODY)
    font.setStyleHint(QFont.StyleHint.Monospace)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return font


def _inter(pixels: int, weight: QFont.Weight) -> QFont:
    load()
    font = QFont(FAMILY)
    font.setPixelSize(pixels)
    font.setWeight(weight)
    # Hinted to whole pixels the letters stand unevenly far apart.
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    font.setFeature(QFont.Tag("tnum"), 1)
    return font


def _add(name: str) -> None:
    if QFontDatabase.addApplicationFont(str(resources() / "fonts" / name)) < 0:
        raise FontMissing(name)
