"""Text from files shown as it is: what looks like HTML to Qt would be read as HTML."""

from __future__ import annotations

from html import escape

from PySide6.QtGui import Qt


def plain_tip(text: str) -> str:
    """Words for a tool tip, which Qt can't be told to take as plain text.

    A prompt or a model's metadata may say `<img src="//host/x">`, and Qt would go and fetch it.

    Args:
        text: of any origin; lines end with "\\n".
    """
    if not Qt.mightBeRichText(text):
        return text
    return f'<span style="white-space: pre-wrap">{escape(text)}</span>'
