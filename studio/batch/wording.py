"""Words for messages of batches."""

from __future__ import annotations


def cut(text: str, limit: int) -> str:
    """At most `limit` letters, on one line."""
    text = " ".join(text.split())
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
