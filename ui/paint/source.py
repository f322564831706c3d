"""Where the picture under the brush comes from: a file that is read here, or what the engine made.

A LoadImage's file is read as a run reads it, to the same numbers. Of anything else the engine has
the picture only where it was made before; where it wasn't, `words` say what to do.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import shiboken6
from PySide6.QtCore import QObject, Signal

from studio.pictures import PictureError, probe_picture, read_rgb8
from ui.editor.inline.path import input_folders
from ui.engine.planner import place_of
from ui.paint.chain import origin
from ui.paint.mips import PictureLevels

if TYPE_CHECKING:
    from collections.abc import Callable

    from studio.editing.document import Wire
    from studio.errors import StudioError
    from ui.editor.editor import GraphEditor
    from ui.jobs import Job, Jobs

LOADER, PATH = "LoadImage", "path"


class PictureSource(QObject):
    """The picture that feeds a node's input `image`.

    Args:
        editor: holds the graph.
        jobs: where files are read.
        parent: Qt's.
    """

    sized = Signal(int, int)
    """Width and height of the picture that is being read, if its file tells them soon."""
    found = Signal(object)
    """`PictureLevels`: there is a picture, or another one."""
    busy = Signal()
    """It is being read or asked for: `words` say so."""
    missing = Signal()
    """There is none (any more): `words` and `can_run` say why."""

    def __init__(self, editor: GraphEditor, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._editor = editor
        self._jobs = jobs
        self.words = ""
        """Why there is no picture; what is done meanwhile while one is on its way."""
        self.can_run = False
        """A run up to `wire.source.node` would make it."""
        self.offline = False
        """Only the engine can tell whether there is one, and it isn't running."""
        self.wire: Wire | None = None
        """Where the picture comes from, past reroutes and bypassed nodes; None: nothing wired."""
        self.path: Path | None = None
        """Of the file that a LoadImage reads."""
        self.path_wanted = False
        """It is a file's."""
        self._places: list[Path] = []
        """Where the file may be."""
        self._seen: Seen | None = None
        """What was found there when it was read; None meanwhile."""
        self._state: tuple[object, ...] = ()
        self._job: Job | None = None
        self._sizing: Job | None = None
        self._asked = ""
        self._written: Path | None = None
        if (client := editor.client) is not None:
            client.received.connect(self._on_event)
            client.state_changed.connect(self._engine_changed)

    @property
    def loader(self) -> str:
        """Id of the LoadImage whose picture it is; empty where it is none."""
        return self.wire.source.node if self.wire is not None and self._is_loader() else ""

    def follow(self, node: str, *, anew: bool = False) -> None:
        """See where the picture of a node comes from now, and get it if that is another.

        Args:
            node: id, in the document.
            anew: get it even so: the file or what was run may be another.
        """
        wire = self._editor.document.wires_into(node).get("image")
        if wire is not None:
            wire = replace(wire, source=origin(self._editor.document, wire.source))
        self.wire = wire
        state = self._look()
        if state == self._state and not anew:
            return
        self._state = state
        self._stop()
        self.path, self.can_run, self.path_wanted = None, False, False
        self.offline = False
        self._places = []
        if self.wire is None or self.wire.source.node not in self._editor.document.nodes:
            self._miss("Wire a picture into this node to paint on it.")
        elif self._is_loader():
            self._read(str(state[1]))
        else:
            self._ask()

    def look_again(self) -> None:
        """See whether the file is another one by now, or has come or gone, and read it then."""
        places = self._places
        if not places or self._seen is None:
            return

        def then(now: Seen) -> None:
            if places is self._places and self._seen is not None and now != self._seen:
                self._stop()
                self._read(str(self._state[1]))

        self._jobs.run(lambda: _see(places), then, lambda _: None)

    def close(self) -> None:
        """Nobody wants the picture any more."""
        self._stop()
        client = self._editor.client
        if client is not None and shiboken6.isValid(client):
            client.received.disconnect(self._on_event)
            client.state_changed.disconnect(self._engine_changed)

    # Where it comes from

    def _is_loader(self) -> bool:
        assert self.wire is not None
        node = self._editor.document.nodes.get(self.wire.source.node)
        # Of one that is muted, too: "run up to here" would never make its picture.
        return (
            node is not None
            and node.type == LOADER
            and PATH not in self._editor.document.wires_into(self.wire.source.node)
        )

    def _look(self) -> tuple[object, ...]:
        """What tells one picture from another, as far as the document knows it."""
        if self.wire is None:
            return ("none",)
        name = self.wire.source.node
        if self._is_loader():
            path = self._editor.document.nodes[name].params.get(PATH, "")
            return ("file", path, input_folders(self._editor))
        return ("node", *self._upstream(name), self.wire.source.output)

    def _upstream(self, name: str) -> tuple[object, ...]:
        """All nodes that a picture is made of; they are never changed in place."""
        document = self._editor.document
        seen: dict[str, object] = {}
        todo = [name]
        while todo:
            one = todo.pop()
            if one in seen or one not in document.nodes:
                continue
            node = document.nodes[one]
            seen[one] = (one, node.type, node.mode, node.params, node.inputs)
            todo += [wire.source.node for wire in document.wires_into(one).values()]
        return tuple(seen.values())

    # Files

    def _read(self, text: str) -> None:
        if not text:
            self._miss("Choose a picture in Load Image to paint on it.")
            return
        if "\0" in text or len(text) > 4096:
            self._miss("The path in Load Image is none. Choose a picture there.")
            return
        path = Path(os.path.expanduser(text))
        places = [path] if path.is_absolute() else [f / path for f in input_folders(self._editor)]
        self._places, self._seen = places, None
        self.words = f"Reading {path.name} …"
        self.path_wanted = True
        self.busy.emit()
        found: list[Seen] = []

        def read() -> PictureLevels:
            found.append(_see(places))
            return PictureLevels.build(read_rgb8(found[0].path))

        def then(picture: PictureLevels) -> None:
            self._seen, self.path = found[0], found[0].path
            self._have(picture)

        def failed(error: StudioError | OSError) -> None:
            self._seen = found[0] if found else None
            self._miss(str(error))

        self._probe(lambda: _see(places).path)
        self._job = self._jobs.run(read, then, failed)

    def _probe(self, find: Callable[[], Path]) -> None:
        """Look how large it is; what can't be looked at is told of by reading it."""

        def probe() -> tuple[int, int]:
            try:
                return probe_picture(find())[:2]
            except (PictureError, OSError):
                return 0, 0

        def then(size: tuple[int, int]) -> None:
            if all(size):
                self.sized.emit(*size)

        self._sizing = self._jobs.run(probe, then, lambda _: None)

    # The engine

    def _ask(self) -> None:
        client = self._editor.client
        assert self.wire is not None
        if client is None or not client.is_ready:
            self._no_engine()
            return
        handle, name = tempfile.mkstemp(prefix="latent-paint-", suffix=".png")
        os.close(handle)
        self._written = Path(name)
        self.words = "Asking the engine for the picture …"
        self.busy.emit()
        editor = self._editor
        self._asked = client.picture(
            editor.text.nodes_only(editor.document.nodes),
            self.wire.source.node,
            self.wire.source.output,
            path=self._written,
            **place_of(editor),
        )
        if not self._asked:
            self._not_made("")

    def _on_event(self, event: dict[str, Any]) -> None:
        if event.get("event") == "run_finished" and self.can_run:
            # It may have been made now.
            self.can_run = False
            self._stop()
            self._ask()
        if not self._asked or event.get("id") != self._asked:
            return
        self._asked = ""
        if event.get("event") != "pictured" or not event.get("path"):
            self._not_made(str(event.get("reason") or event.get("message") or ""))
            return
        path = Path(str(event["path"]))

        def read() -> PictureLevels:
            try:
                return PictureLevels.build(read_rgb8(path))
            finally:
                path.unlink(missing_ok=True)

        self._written = None
        self._job = self._jobs.run(read, self._have, lambda error: self._miss(str(error)))

    def _no_engine(self) -> None:
        self.offline = True
        self._miss("The picture comes from the engine, which isn't running.")

    def _engine_changed(self, state: str) -> None:
        if self._asked and state != "ready":
            self._asked = ""
            self._no_engine()
        elif state == "ready" and self.words and self._state[:1] == ("node",):
            self._stop()
            self._ask()

    # Answers

    def _have(self, picture: PictureLevels) -> None:
        self.offline = False
        self.words = ""
        self.found.emit(picture)

    def _not_made(self, reason: str) -> None:
        self.can_run, self.offline = True, False
        if reason.startswith("it "):
            # As the worker says it of the output that it was asked for.
            reason = f"The picture {reason[3:]}"
        why = reason.rstrip(".") or "The picture isn't there yet"
        self._miss(f"{why[0].upper()}{why[1:]}. Run the graph up to here to paint on it.")

    def _miss(self, words: str) -> None:
        self._drop_file()
        self.words = words
        self.missing.emit()

    def _stop(self) -> None:
        for job in (self._job, self._sizing):
            if job is not None:
                job.cancel()
        self._job = self._sizing = None
        self._asked = ""
        self._drop_file()

    def _drop_file(self) -> None:
        if self._written is not None:
            self._written.unlink(missing_ok=True)
            self._written = None


class Seen(NamedTuple):
    """Where a file is, and what changes when it is written (None where there is none)."""

    path: Path
    stat: tuple[int, int] | None


def _see(places: list[Path]) -> Seen:
    """The first of these places with a file; the first of all where there is none."""
    path = next((place for place in places if os.path.exists(place)), places[0])
    try:
        found = path.stat()
    except (OSError, ValueError):  # ValueError: no path of this system
        return Seen(path, None)
    return Seen(path, (found.st_mtime_ns, found.st_size))
