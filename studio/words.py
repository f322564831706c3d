"""Turning values and near misses into words for messages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], count: int = 3) -> str:
    """ " Did you mean …?" with the names most like `name`; empty where none is like it."""
    from rapidfuzz import process, utils

    found = process.extract(
        str(name),
        list(dict.fromkeys(known)),
        limit=count,
        score_cutoff=60,
        processor=utils.default_process,
    )
    # Only what is about as near as the nearest: a long list helps nobody.
    names = [match[0] for match in found if match[1] >= found[0][1] - 8]
    return f" Did you mean {' or '.join(names)}?" if names else ""


def short(value: Any, limit: int = 40) -> str:
    """`value` as a person would write it in JSON, cut to `limit` characters."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return cut(f'"{value}"' if isinstance(value, str) else str(value), limit)


def cut(text: str, limit: int) -> str:
    """`text` on one line, cut to `limit` characters."""
    text = " ".join(text.split())
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def a(name: str) -> str:
    """A name with its article: "a Vae", "an Image"."""
    return f"{'an' if name[:1].upper() in tuple('AEIOU') else 'a'} {name}"


def plain(text: str) -> str:
    """`text` as UTF-8 can hold it: bytes of a file name that aren't text are written \\udc80 …

    In JSON that is an escape, from which a reader gets the very name back.
    """
    return text.encode(errors="backslashreplace").decode()


def size(count: float) -> str:
    """A number of bytes in words: "3.2 MB"."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def seconds(value: float) -> str:
    """A duration in words: "24 ms", "0.35 s", "4.1 s", "12 s", "2 min 5 s", "1 h 4 min"."""
    if value < 0.0995:
        return f"{value * 1000:.0f} ms"
    # What would be rounded up to 1.00 or to 10.0 has a digit less.
    for below, digits in ((0.995, 2), (9.95, 1)):
        if value < below:
            return f"{value:.{digits}f} s"
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
