"""What a drag carries: nodes and frames with the places they started from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ui.editor.scene import GraphScene

Place = tuple[float, float]
Rect = tuple[float, float, float, float]


@dataclass(frozen=True)
class Load:
    """Args:
    nodes: where each node started.
    frames: where each frame started, as the document has it.
    """

    nodes: dict[str, Place]
    frames: dict[str, Rect]

    @classmethod
    def of(cls, scene: GraphScene, nodes: Iterable[str], frames: Iterable[str]) -> Load:
        """These nodes and frames, and what lies in the frames."""
        document = scene.document
        chosen = [frame for frame in frames if frame in document.frames]
        names = dict.fromkeys(nodes)
        for frame in chosen:
            names |= dict.fromkeys(document.frames[frame].nodes)
        return cls(
            {name: document.position(name) for name in names if name in document.nodes},
            {frame: document.frames[frame].rect for frame in chosen},
        )

    def shifted(self, dx: float, dy: float) -> Load:
        """All of it elsewhere."""
        return Load(
            {name: (x + dx, y + dy) for name, (x, y) in self.nodes.items()},
            {name: (x + dx, y + dy, w, h) for name, (x, y, w, h) in self.frames.items()},
        )

    def box(self, scene: GraphScene, node: str, frame: str) -> QRectF:
        """The box of what the mouse holds: that node, else that frame."""
        if node in self.nodes:
            return QRectF(*self.nodes[node], *scene.size_of(node))
        return scene.frames[frame].scene_rect()
