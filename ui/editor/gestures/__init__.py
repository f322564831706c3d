"""What hands do on the canvas: one object a gesture, each ending in one edit."""

from __future__ import annotations

from ui.editor.gestures.dispatch import Gestures

__all__ = ["Gestures"]
