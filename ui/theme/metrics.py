"""Sizes of everything that is painted, in pixels at 100 %. They come from the token file."""

from __future__ import annotations

from typing import Final

from ui.theme.tokens import tokens

_METRICS = tokens()["metrics"]

GRID: Final[int] = _METRICS["grid"]
SNAP: Final[int] = _METRICS["snap"]
NODE_WIDTH: Final[int] = _METRICS["node_width"]
NODE_MIN: Final[int] = _METRICS["node_min"]
HEADER: Final[int] = _METRICS["header"]
ROW: Final[int] = _METRICS["row"]
RADIUS: Final[int] = _METRICS["radius"]
FIELD_RADIUS: Final[int] = _METRICS["field_radius"]
PORT: Final[int] = _METRICS["port"]
PORT_HIT: Final[int] = _METRICS["port_hit"]
WIRE: Final[float] = _METRICS["wire"]
WIRE_HOVER: Final[float] = _METRICS["wire_hover"]
SELECTION: Final[float] = _METRICS["selection"]
FOOTER: Final[int] = _METRICS["footer"]
PAD: Final[int] = _METRICS["pad"]
BODY: Final[int] = _METRICS["body"]
TITLE: Final[int] = _METRICS["title"]
SMALL: Final[int] = _METRICS["small"]
HEADING: Final[int] = _METRICS["heading"]
ICON: Final[int] = _METRICS["icon"]
MOTION: Final[int] = _METRICS["motion"]
"""Milliseconds of the longest animation; `manager.motion()` gives 0 where motion is reduced."""
