"""JSON as graphs have it: read only where it can be written again and means the same."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from studio.words import short

MAX_DIGITS = 1000
"""Of a whole number; Python itself reads no more than 4300."""

MAX_DEPTH = 100
"""Lists and objects in one another; what writes graphs gives up at 255."""

_HALF = re.compile(r"\\u[dD][89a-fA-F]")


def loads(text: str) -> Any:
    """JSON text as plain data.

    Raises:
        json.JSONDecodeError: it isn't JSON.
        ValueError: it is, but would be lost or altered when written again; in words that follow
            the name of the file.
    """
    try:
        data = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_whole_number,
        )
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    if _too_deep(data):
        raise ValueError("is nested too deeply")
    if _HALF.search(text):
        # Nothing that writes text takes it, so it could be neither saved nor run.
        try:
            json.dumps(data, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ValueError(r"holds half a character (a lone \ud800 … \udfff)") from None
    return data


def _too_deep(data: Any) -> bool:
    level = [data]
    for _ in range(MAX_DEPTH + 1):
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f'the key "{key}" stands twice in one object; one would be lost')
            seen.add(key)
    return result


def _no_constant(name: str) -> Any:
    raise ValueError(f"holds {name}, which JSON doesn't allow")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        # It would be written back as Infinity, which is no JSON.
        raise ValueError(f"holds the number {short(text)}, which is too large")
    return number


def _whole_number(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"holds a number of {len(text):,} digits, which is too large")
    return int(text)
