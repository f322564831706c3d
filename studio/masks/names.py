"""Names and limits of what is done to masks, for nodes: importing this loads no numpy."""

from __future__ import annotations

CHANNELS = ("red", "green", "blue", "alpha", "luminance")
"""What of a picture file may be a mask."""
WAYS = ("union", "intersect", "subtract", "exclude")
"""How two masks become one."""
MAX_GROW = 512
"""Most pixels to grow, shrink or feather by."""
