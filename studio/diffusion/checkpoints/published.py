"""The published configs of known checkpoints, which ship with the program."""

from __future__ import annotations

import functools
import json
from typing import Any

from studio.places import resources


def published(*where: str) -> dict[str, Any]:
    """A config.

    Args:
        where: folder in `resources/configs`, folder of the part, name of the file.
    """
    data: dict[str, Any] = json.loads(_text(*where))
    return data


@functools.cache
def _text(*where: str) -> str:
    return resources().joinpath("configs", *where).read_text(encoding="utf-8")
