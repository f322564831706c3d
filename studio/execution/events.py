"""What a run reports, as typed values; `to_json` gives the line that `--json` prints."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Event:
    """Base of all events."""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data; the key "event" names the kind in snake_case."""
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()
        return {"event": name, **dataclasses.asdict(self)}


@dataclass(frozen=True)
class RunStarted(Event):
    """A run begins: ids of the nodes that will run, in order."""

    title: str
    nodes: tuple[str, ...]


@dataclass(frozen=True)
class NodeCached(Event):
    """A node's result was there already: in "memory", on "disk", or as "saved" files.

    The preview, if any, is uint8 [H, W, 3].
    """

    node: str
    tier: str
    preview: NDArray[np.uint8] | None = field(default=None, repr=False, compare=False)

    def to_json(self) -> dict[str, Any]:
        data = {"event": "node_cached", "node": self.node, "tier": self.tier}
        return data | _picture(self.preview)


@dataclass(frozen=True)
class NodeStarted(Event):
    """A node's body begins."""

    node: str
    type: str


@dataclass(frozen=True)
class NodeProgress(Event):
    """A node has done `step` of `of`; the preview is uint8 [H, W, 3]."""

    node: str
    step: int
    of: int
    preview: NDArray[np.uint8] | None = field(default=None, repr=False, compare=False)

    def to_json(self) -> dict[str, Any]:
        data: dict[str, Any] = {
            "event": "node_progress",
            "node": self.node,
            "step": self.step,
            "of": self.of,
        }
        return data | _picture(self.preview)


@dataclass(frozen=True)
class NodeFinished(Event):
    """A node's body returned, and its files, if any, are written.

    `seconds` is all of its own time; `loading` the part of it that importing libraries and
    reading weights took. The preview, if any, is uint8 [H, W, 3].
    """

    node: str
    seconds: float
    loading: float = 0.0
    preview: NDArray[np.uint8] | None = field(default=None, repr=False, compare=False)

    def to_json(self) -> dict[str, Any]:
        data: dict[str, Any] = {
            "event": "node_finished",
            "node": self.node,
            "seconds": self.seconds,
            "loading": self.loading,
        }
        return data | _picture(self.preview)


@dataclass(frozen=True)
class OutputWritten(Event):
    """A file is in its place; `saved` where it was there already from an earlier run."""

    node: str
    path: str
    saved: bool = False


@dataclass(frozen=True)
class Warned(Event):
    """Something the user should know though the run goes on."""

    message: str
    node: str | None = None


@dataclass(frozen=True)
class NodeFailed(Event):
    """A node raised. `detail` is the traceback where the fault isn't the user's."""

    node: str
    message: str
    detail: str = ""


@dataclass(frozen=True)
class RunFinished(Event):
    """The last event of a run: status, all outputs, seconds; the message of what stopped it."""

    status: Literal["ok", "failed", "cancelled"]
    outputs: tuple[OutputWritten, ...]
    seconds: float
    message: str = ""
    exit_code: int = 0

    def to_json(self) -> dict[str, Any]:
        data = super().to_json()
        data["outputs"] = [
            {"node": output.node, "path": output.path, "saved": output.saved}
            for output in self.outputs
        ]
        return data


def _picture(pixels: NDArray[np.uint8] | None) -> dict[str, str]:
    """A preview as a JPEG in base64; nothing where there is none."""
    if pixels is None:
        return {}
    import base64

    from studio.pictures import encode_jpeg

    return {"preview": base64.b64encode(encode_jpeg(pixels)).decode()}
