"""Writing what a node made, under the output folder, with all it takes to make it again."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from studio.errors import InputError
from studio.execution.cache import SavedFile
from studio.outputs import expand
from studio.png import METADATA_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from studio.context import Context


class NothingToSave(InputError):
    """A picture without pixels."""

    def __init__(self) -> None:
        super().__init__("there is no picture in the batch.")


class Saver:
    """The names and metadata of one node's files.

    Made in the node, in the run's thread; `write` may then be called on the side thread.

    Args:
        context: of the node.
        pattern: name pattern, see `studio.names`.
        width: in pixels, for the pattern.
        height: in pixels, for the pattern.
    """

    def __init__(self, context: Context, pattern: str, width: int, height: int) -> None:
        self.provenance: Mapping[str, Any] = context.provenance()
        self._folder = context.environment.output
        self._pattern = pattern
        self._now = datetime.now()
        seeds = list(self.provenance["seeds"].values())
        self._fields = {
            "graph": context.environment.graph_name,
            "node": context.node,
            # The last sampler above decides, as it drew the noise that is seen.
            "seed": seeds[-1] if seeds else "none",
            "width": width,
            "height": height,
            "key": context.key,
        }

    def write(self, data: bytes, suffix: str, index: int = 0) -> SavedFile:
        """Write a whole file under the next free number.

        Args:
            data: its bytes.
            suffix: with its dot.
            index: place in the batch, for the pattern.

        Raises:
            DiskFull, OutputNotWritable, …: nothing was left behind.
        """
        name = expand(self._pattern, {**self._fields, "batch": index}, self._now)
        written = self._folder.write_new(name, data, suffix)
        return SavedFile(written.path, written.bytes, written.blake3)

    def picture(self, pixels: NDArray[np.float32], index: int) -> SavedFile:
        """Encode a picture [H, W, 3] in 0..1 as PNG, its metadata inside, and write it."""
        from studio.pictures import to_uint8
        from studio.png import encode_png

        about = {**self.provenance, "batch_index": index}
        text = {METADATA_KEY: json.dumps(about, ensure_ascii=False)}
        return self.write(encode_png(to_uint8(pixels), text), ".png", index)
