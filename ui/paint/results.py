"""What runs made of a picture: gathered for the strip, shown on the canvas, accepted."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

import shiboken6
from PySide6.QtCore import QObject, QRectF, Signal

from studio.editing.changes import EditRefused
from ui.editor.inline.path import text_of_path
from ui.jobs import Jobs
from ui.paint.chain import below, pad_of
from ui.paint.edits import LOADS, Beyond, accept
from ui.paint.outpaint import rect_of
from ui.paint.strip import KEPT
from ui.panels.pictures import read_picture

if TYPE_CHECKING:
    from PySide6.QtCore import QSize

    from ui.engine.job import Job
    from ui.engine.queue import RunQueue
    from ui.engine.states import NodeStates
    from ui.paint.binding import Binding
    from ui.paint.strip import ResultStrip
    from ui.paint.view import PaintView
    from ui.panels.pictures import Picture

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


class _Made(NamedTuple):
    """A picture that a run wrote: by which node, and where."""

    node: str
    path: Path


class ResultKeeper(QObject):
    """Offers the pictures that runs of a graph write downstream of the mask that is painted on.

    Args:
        view: shows them.
        strip: lists them.
        queue: runs.
        parent: Qt's.
    """

    message = Signal(str)

    def __init__(
        self, view: PaintView, strip: ResultStrip, queue: RunQueue, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._view, self._strip = view, strip
        self._binding: Binding | None = None
        self._made: WeakKeyDictionary[NodeStates, deque[_Made]] = WeakKeyDictionary()
        self._jobs = Jobs(1, self, drop=True)
        queue.job_event.connect(self._on_event)
        strip.chosen.connect(self._show)
        strip.accepted.connect(self._accept)
        strip.discarded.connect(self._forget)

    def set_binding(self, binding: Binding | None) -> None:
        """Offer the results of another mask; None offers none."""
        if binding is self._binding:
            return
        self._follow(binding)
        self._binding = binding
        paths: list[Path] = []
        if binding is not None:
            made = self._made.get(binding.editor.states, ())
            there = below(binding.editor.document, binding.node)
            paths = [one.path for one in made if one.node in there]
        self._strip.set_paths(list(dict.fromkeys(reversed(paths))))

    @property
    def busy(self) -> bool:
        """A result is being read."""
        return bool(self._jobs.waiting)

    # Runs

    def _on_event(self, job: Job, event: dict[str, Any]) -> None:
        states = job.states
        if event.get("event") != "output_written" or states is None:
            return
        if not shiboken6.isValid(states):
            return
        made = _Made(event["node"], Path(event["path"]))
        if made.path.suffix.casefold() not in SUFFIXES:
            return
        found = self._made.setdefault(states, deque(maxlen=KEPT))
        if made in found:
            found.remove(made)
        found.append(made)
        binding = self._binding
        if binding is None or not shiboken6.isValid(binding) or binding.editor.states is not states:
            return
        document = binding.editor.document
        if made.node in below(document, binding.node):
            title = document.title_of(made.node)
            # A stroke in hand is on the picture, not on a result.
            show = not self._view.hands.busy
            self._strip.add(made.path, f"{job.title} \u00b7 {title}", show=show)

    # Showing

    def _show(self, path: Path | None) -> None:
        if path is None:
            self._view.original_shown = False
            self._view.show_result(None)
            return

        def then(found: Picture) -> None:
            if self._strip.current == path:
                self._view.show_result(found.image, self._place(found.size))

        def failed(error: Exception) -> None:
            if self._strip.current == path:
                self._view.show_result(None)
                self.message.emit(str(error))

        self._jobs.run(lambda: read_picture(path), then, failed)

    def _place(self, size: QSize) -> QRectF | None:
        """Where a result lies, in pixels of the picture; None for over all of it."""
        grown = self._grown((size.width(), size.height()))
        return rect_of(self._size(), grown) if grown is not None else None

    def _size(self) -> tuple[int, int]:
        return self._view.painting.width, self._view.painting.height

    def _grown(self, size: tuple[int, int]) -> Beyond | None:
        """What outpainting added to a picture of that size; None where it is none of it."""
        binding = self._binding
        if binding is None or not shiboken6.isValid(binding) or size == self._size():
            return None
        document = binding.editor.document
        name = pad_of(document, binding.node) if binding.node in document.nodes else None
        if name is None or document.nodes[name].mode != "normal":
            return None
        params = document.nodes[name].params
        values = [params.get(side, 0) for side in Beyond._fields]
        if not all(isinstance(value, int) and value >= 0 for value in values):
            return None
        beyond = Beyond(*values)
        whole = rect_of(self._size(), beyond).size().toSize()
        return beyond if (whole.width(), whole.height()) == size else None

    def _follow(self, binding: Binding | None) -> None:
        """Painting goes on on the picture: a result gives way to it."""
        old = self._binding
        if old is not None and shiboken6.isValid(old):
            old.painting.changed.disconnect(self._on_painted)
        if binding is not None:
            binding.painting.changed.connect(self._on_painted)

    def _on_painted(self, _: object) -> None:
        if self._strip.current is not None:
            self._strip.go_to(None)

    # Accepting

    def _accept(self, path: Path) -> None:
        binding = self._binding
        if binding is None or not shiboken6.isValid(binding):
            return

        def then(found: Picture) -> None:
            # Read again: a file that is gone can't become the picture. It may be off the strip by
            # now: accepted twice, or discarded.
            here = binding is self._binding and shiboken6.isValid(binding)
            if here and path in self._strip.paths:
                self._take(binding, path, (found.size.width(), found.size.height()))

        self._jobs.run(
            lambda: read_picture(path), then, lambda error: self.message.emit(str(error))
        )

    def _take(self, binding: Binding, path: Path, size: tuple[int, int]) -> None:
        editor = binding.editor
        spec = editor.document.specs.get(LOADS)
        param = spec.param_by_name.get("path") if spec is not None else None
        text = text_of_path(editor, param, path) if param is not None else str(path)
        grown = self._grown(size)
        try:
            edit = accept(
                editor.document, binding.node, text, editor.scene.sizes(), self._size(), grown
            )
        except EditRefused as refused:
            self.message.emit(str(refused))
            return
        self._strip.set_paths([])
        self._made.pop(editor.states, None)
        if editor.push(edit):
            self.message.emit(f"{path.name} is the picture now. Undo brings the old one back.")
        else:
            self.message.emit(f"{path.name} is the picture already.")
        self._view.setFocus()

    def _forget(self, path: Path) -> None:
        binding = self._binding
        if binding is None or not shiboken6.isValid(binding):
            return
        if (made := self._made.get(binding.editor.states)) is not None:
            for one in [one for one in made if one.path == path]:
                made.remove(one)
