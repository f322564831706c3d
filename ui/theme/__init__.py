"""Colours, sizes, fonts and icons. Everything painted takes them from here, by what they mean."""

from __future__ import annotations

from ui.theme.manager import ThemeManager, current, instance, motion
from ui.theme.theme import Theme, blend, icon_of

__all__ = ["Theme", "ThemeManager", "blend", "current", "icon_of", "instance", "motion"]
