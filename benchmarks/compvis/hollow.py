"""Files of weights that are a header and a hole: any size, at once, and no room on the disk."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.compvis.parts import Shapes

_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1}


def write_hollow(
    path: Path,
    tensors: Shapes,
    *,
    dtype: str = "F16",
    metadata: Mapping[str, str] | None = None,
    values: Mapping[str, bytes] | None = None,
) -> Path:
    """Write a safetensors file of zeros that takes no room: its data is a hole.

    Args:
        path: its folder is made.
        tensors: names and shapes.
        dtype: of all of them, as the format names it.
        metadata: of the header.
        values: bytes of some tensors, in place of zeros.

    Returns:
        `path`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    header: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    end, width = 0, _BYTES[dtype]
    starts = {}
    for name, shape in tensors.items():
        starts[name], end = end, end + width * math.prod(shape)
        header[name] = {
            "dtype": dtype, "shape": list(shape), "data_offsets": [starts[name], end],
        }  # fmt: skip
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + end)
        for name, data in (values or {}).items():
            file.seek(8 + len(text) + starts[name])
            file.write(data)
    return path
