"""Values of jobs in words, for labels and lines."""

from __future__ import annotations

import re
from typing import Any

from studio.words import cut

_PATH = re.compile(r"(?:[A-Za-z]:)?[^\n]*[/\\]([^/\\\n]+[/\\][^/\\\n]+\.\w{1,12})")
"""A file in a folder of a folder. What tells files apart stands at the end."""


def label(value: Any, limit: int) -> str:
    """A value on one line, at most `limit` characters; of a path its end is kept.

    "on", "none", "3" for 3.0, "empty" for a text without letters, "…/photos/cat.png".
    """
    if isinstance(value, bool):
        return "on" if value else "off"
    text = "none" if value is None else " ".join(str(value).split())
    if isinstance(value, float):
        text = text.removesuffix(".0")
    elif isinstance(value, str) and (found := _PATH.fullmatch(text)):
        text = f"…/{found[1]}"
        return text if len(text) <= limit else f"…{text[1 - limit :]}"
    return cut(text, limit) or "empty"
