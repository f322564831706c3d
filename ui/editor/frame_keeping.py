"""Keeps the items of a scene's frames in step with its document, and around their nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF

from ui.editor.frame_item import FrameItem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ui.editor.scene import GraphScene

FAR = 1e7
"""Frames farther off or larger than this, in pixels, are shown at this: a file may say 1e30."""
SMALLEST = 60.0


class FrameKeeper:
    """Makes, fits and drops the items of frames.

    Args:
        scene: whose items they are.
    """

    def __init__(self, scene: GraphScene) -> None:
        self._scene = scene
        self._document = scene.document
        self._frames_of: dict[str, set[str]] = {}
        self._nodes_of: dict[str, tuple[str, ...]] = {}
        self._held: dict[str, QRectF] = {}

    def around(self, nodes: Iterable[str]) -> set[str]:
        """The frames that hold any of these nodes."""
        return {frame for name in nodes for frame in self._frames_of.get(name, ())}

    def nodes_of(self, frames: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """The nodes of each of these frames."""
        return {name: self._nodes_of[name] for name in frames}

    def sync(self, changed: Iterable[str], nodes: Iterable[str] = ()) -> None:
        """Let frames follow their document, and all that hold these nodes follow those."""
        for name in {*changed}:
            self._sync(name)
        for name in self.around(nodes).difference(changed):
            self.fit(name)

    def hold(self, frames: Mapping[str, QRectF]) -> set[str]:
        """Show these frames elsewhere than the document has them, and no others.

        Returns:
            Those that are elsewhere than before, to be fitted.
        """
        held = {name: rect for name, rect in frames.items() if name in self._scene.frames}
        changed = {*self._held, *held}
        self._held = held
        return changed

    def fit(self, name: str) -> None:
        """Let a frame lie around its nodes, if it is there."""
        item, frame = self._scene.frames.get(name), self._document.frames.get(name)
        if item is None or frame is None:
            return
        carried, nodes = self._scene.carried, self._scene.nodes
        if carried is not None and name in carried.frames:
            rects = carried.boxes_in(name)
        else:
            rects = [nodes[node].node_rect() for node in frame.nodes if node in nodes]
        item.fit(self._held.get(name) or _clamped(QRectF(*frame.rect)), rects)

    def _sync(self, name: str) -> None:
        for node in self._nodes_of.pop(name, ()):
            self._frames_of[node].discard(name)
        frame = self._document.frames.get(name)
        item = self._scene.frames.get(name)
        if frame is None:
            if item is not None:
                del self._scene.frames[name]
                self._scene.removeItem(item)
            return
        if item is None:
            item = self._scene.frames[name] = FrameItem(self._scene, name)
            self._scene.addItem(item)
        self._nodes_of[name] = frame.nodes
        for node in frame.nodes:
            self._frames_of.setdefault(node, set()).add(name)
        self.fit(name)
        item.update()


def _clamped(rect: QRectF) -> QRectF:
    """A frame's rectangle where it can be painted."""
    left, top = max(-FAR, min(FAR, rect.left())), max(-FAR, min(FAR, rect.top()))
    width, height = (max(SMALLEST, min(FAR, side)) for side in (rect.width(), rect.height()))
    return QRectF(left, top, width, height)
