"""A theme put on the application: style, palette, font and a small style sheet."""

from __future__ import annotations

from dataclasses import fields
from string import Template
from typing import TYPE_CHECKING

from PySide6.QtGui import QColor, QPalette

from studio.places import resources
from ui.theme import fonts, metrics
from ui.theme.theme import blend

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from ui.theme.theme import Theme


def dress(app: QApplication, theme: Theme) -> None:
    """Make the application look like `theme`.

    Raises:
        fonts.FontMissing: the fonts that ship with the program can't be read.
    """
    if app.property("theme") is None:
        app.setStyle("Fusion")
        app.setFont(fonts.body())
    app.setProperty("theme", theme.name)
    app.setPalette(palette(theme))
    app.setStyleSheet(style_sheet(theme))


def palette(theme: Theme) -> QPalette:
    """Qt's colour roles. The style sheet leaves most widgets to them."""
    role = QPalette.ColorRole
    made = QPalette()
    for where, colour in (
        (role.Window, theme.panel),
        (role.WindowText, theme.text),
        (role.Base, theme.field),
        (role.AlternateBase, blend(theme.field, theme.text, 0.03)),
        (role.Text, theme.text),
        (role.PlaceholderText, theme.disabled),
        (role.Button, theme.raised),
        (role.ButtonText, theme.text),
        (role.BrightText, theme.error),
        (role.Highlight, theme.highlight),
        (role.HighlightedText, theme.text),
        (role.Accent, theme.accent),
        (role.Link, theme.accent),
        (role.LinkVisited, theme.accent),
        (role.ToolTipBase, theme.tooltip),
        (role.ToolTipText, theme.text),
        (role.Light, blend(theme.raised, theme.text, 0.10)),
        (role.Midlight, blend(theme.raised, theme.text, 0.05)),
        (role.Mid, theme.border),
        (role.Dark, theme.border),
        (role.Shadow, theme.canvas),
    ):
        made.setColor(where, colour)
    for where in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
        made.setColor(QPalette.ColorGroup.Disabled, where, theme.disabled)
    made.setColor(QPalette.ColorGroup.Disabled, role.Highlight, theme.pressed)
    return made


def style_sheet(theme: Theme) -> str:
    """`resources/themes/editor.qss` with the tokens of the theme filled in."""
    themes = resources() / "themes"
    words = {
        f.name: _qss(value)
        for f in fields(theme)
        if isinstance(value := getattr(theme, f.name), QColor)
    }
    return Template((themes / "editor.qss").read_text("utf-8")).substitute(
        words,
        pictures=(themes / theme.name).as_posix(),
        small_size=f"{metrics.SMALL}px",
    )


def _qss(colour: QColor) -> str:
    if colour.alpha() == 255:
        return colour.name()
    return f"rgba({colour.red()}, {colour.green()}, {colour.blue()}, {colour.alpha()})"
