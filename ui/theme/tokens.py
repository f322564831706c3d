"""The token file, read once: `resources/themes/tokens.toml`."""

from __future__ import annotations

import tomllib
from functools import cache
from typing import Any

from studio.places import resources


@cache
def tokens() -> dict[str, Any]:
    """All tokens as the file has them. Shared; don't change it."""
    return tomllib.loads((resources() / "themes" / "tokens.toml").read_text("utf-8"))
