"""The outpaint frame: what PadForOutpaint adds, as a rectangle that is dragged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import shiboken6
from PySide6.QtCore import QObject, QPointF, QRectF, Signal

from studio.editing.changes import EditRefused
from ui.editor.following import follow
from ui.paint.chain import pad_of
from ui.paint.edits import Beyond, pad

if TYPE_CHECKING:
    from studio.editing.changes import Change
    from ui.paint.binding import Binding

SNAP = 8
"""Models work on multiples of this, in pixels."""
MOST = 8192
"""Pixels that a side may add."""
LARGEST = 16384
"""Pixels of the larger picture's longer side, at most."""
REACH = 9.0
"""View pixels around an edge or a corner within which it is taken hold of."""


class Outpainter(QObject):
    """By how much the picture grows: reads it off the graph, changes it by dragging.

    Args:
        parent: Qt's.
    """

    changed = Signal()
    """`beyond` is another, also while it is being dragged."""
    message = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._binding: Binding | None = None
        self._there = Beyond()
        self._drag: tuple[str, Beyond] | None = None
        self._dragged = Beyond()

    def set_binding(self, binding: Binding | None) -> None:
        """Follow another mask; None follows none."""
        if binding is self._binding:
            return
        self.cancel()
        if self._binding is not None and shiboken6.isValid(self._binding):
            self._binding.editor.document.changed.disconnect(self._on_document, missing_ok=True)
        self._binding = binding
        if binding is not None:
            follow(binding.editor.document, self, self._on_document)
        self._read()

    # Reading

    @property
    def beyond(self) -> Beyond:
        """Pixels that are added, or would be by the drag under way."""
        return self._dragged if self._drag else self._there

    @property
    def dragging(self) -> bool:
        return self._drag is not None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture, pixels; 0 where there is none."""
        binding = self._binding
        if binding is None or not shiboken6.isValid(binding) or not binding.painting.ready:
            return 0, 0
        return binding.painting.width, binding.painting.height

    @property
    def rect(self) -> QRectF:
        """The larger picture, in pixels of the one that is painted on."""
        return rect_of(self.size, self.beyond)

    # Dragging

    def begin(self, handle: str) -> None:
        """Take hold of the frame.

        Args:
            handle: what `handle_at` found: "left", "top-left", … or "inside".
        """
        if self.size != (0, 0) and handle:
            self._drag = handle, self._there
            self._dragged = self._there

    def drag(self, dx: float, dy: float, *, free: bool = False) -> None:
        """Move what is held to so many pixels from where it was.

        Args:
            dx, dy: in pixels of the picture.
            free: to any pixel, not only to multiples of `SNAP`.
        """
        if self._drag is None:
            return
        handle, start = self._drag
        found = dragged(start, handle, dx, dy, self.size, 1 if free else SNAP)
        if found != self._dragged:
            self._dragged = found
            self.changed.emit()

    def commit(self) -> bool:
        """Let go: what was dragged becomes one step of undo. True if it changed anything."""
        if self._drag is None:
            return False
        wanted, before = self._dragged, self._there
        self._drag = None
        binding = self._binding
        done = False
        if wanted != before and binding is not None and shiboken6.isValid(binding):
            editor = binding.editor
            try:
                edit = pad(editor.document, binding.node, wanted, editor.scene.sizes())
                done = editor.push(edit)
            except EditRefused as refused:
                self.message.emit(str(refused))
            if done and edit.created:
                name = editor.document.title_of(edit.created[0])
                self.message.emit(f"{name} was put in behind the mask: the picture grows there.")
        self._read()
        self.changed.emit()
        return done

    def cancel(self) -> None:
        """Let go without a change."""
        if self._drag is not None:
            self._drag = None
            self.changed.emit()

    # Inside

    def _on_document(self, changes: tuple[Change, ...]) -> None:
        if any(change.section == "nodes" for change in changes):
            self._read()

    def _read(self) -> None:
        found = Beyond()
        binding = self._binding
        if binding is not None and shiboken6.isValid(binding):
            document = binding.editor.document
            if binding.node in document.nodes and (name := pad_of(document, binding.node)):
                node = document.nodes[name]
                if node.mode == "normal":
                    found = Beyond(*(_pixels(node.params.get(side)) for side in Beyond._fields))
        if found != self._there:
            self._there = found
            self.changed.emit()


def _pixels(value: object) -> int:
    """A parameter as it stands in a file; what can't be counts as nothing."""
    return min(max(value, 0), MOST) if isinstance(value, int) else 0


def rect_of(size: tuple[int, int], beyond: Beyond) -> QRectF:
    """The larger picture, in pixels of the smaller one."""
    width, height = size
    return QRectF(
        -beyond.left,
        -beyond.top,
        width + beyond.left + beyond.right,
        height + beyond.top + beyond.bottom,
    )


def dragged(
    start: Beyond, handle: str, dx: float, dy: float, size: tuple[int, int], snap: int
) -> Beyond:
    """What a frame becomes by a drag.

    Args:
        start: before.
        handle: "left", "top-left", …; "inside" moves the frame, which never uncovers the picture.
        dx, dy: how far, in pixels of the picture.
        size: width and height of the picture.
        snap: sides become multiples of this.
    """
    left, top, right, bottom = start
    if handle == "inside":
        left, right = _shifted(left, right, dx, snap)
        top, bottom = _shifted(top, bottom, dy, snap)
        return Beyond(left, top, right, bottom)
    width, height = size
    if "left" in handle:
        left = _snapped(left - dx, LARGEST - width - right, snap)
    if "right" in handle:
        right = _snapped(right + dx, LARGEST - width - left, snap)
    if "top" in handle:
        top = _snapped(top - dy, LARGEST - height - bottom, snap)
    if "bottom" in handle:
        bottom = _snapped(bottom + dy, LARGEST - height - top, snap)
    return Beyond(left, top, right, bottom)


def _snapped(value: float, most: int, snap: int) -> int:
    most = max(0, min(most, MOST)) // snap * snap
    return max(0, min(round(value / snap) * snap, most))


def _shifted(before: int, after: int, by: float, snap: int) -> tuple[int, int]:
    """Room on two sides, moved from one to the other."""
    first = max(0, min(round((before - by) / snap) * snap, before + after))
    return first, before + after - first


def handle_at(rect: QRectF, point: QPointF) -> str:
    """What of a frame is taken hold of at a point.

    Args:
        rect: the frame, in view pixels.
        point: in view pixels.

    Returns:
        "left", "right", "top", "bottom", two of these for a corner ("top-left"), "inside", or "".
    """
    if not rect.adjusted(-REACH, -REACH, REACH, REACH).contains(point):
        return ""
    # The nearer of two edges counts: a small frame can still be made larger.
    across = _near(point.x(), rect.left(), rect.right(), "left", "right")
    down = _near(point.y(), rect.top(), rect.bottom(), "top", "bottom")
    return "-".join(part for part in (down, across) if part) or "inside"


def _near(at: float, first: float, last: float, name: str, other: str) -> str:
    to_first, to_last = abs(at - first), abs(at - last)
    if min(to_first, to_last) > REACH:
        return ""
    return name if to_first < to_last else other
