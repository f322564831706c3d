"""The plan of the graph in the current tab, asked for a moment after each edit.

One plan at a time is under way; edits meanwhile ask for one more. Nothing here waits, and the text
of a big graph is made in slices.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from studio.graph.errors import Fault
from ui.engine.job import refusal

if TYPE_CHECKING:
    from studio.editing.changes import Change
    from studio.editing.document import Document
    from ui.editor.editor import GraphEditor
    from ui.engine.client import EngineClient

DELAY = 250
"""Milliseconds after the last edit."""

PATIENCE = 4
"""Edits that put the plan off; from then on it comes though edits go on, as those of a scrub do."""

SLICE = 0.006
"""Seconds of the event loop that making text may take at a time."""


class Planner(QObject):
    """Keeps the states and faults of one editor's graph up to date.

    Args:
        client: the engine.
        parent: Qt's.
    """

    faults_changed = Signal(object, tuple)
    """The editor, and tuple[Fault, ...] of its graph; empty where it can run."""
    planned = Signal(object, object)
    """The editor, and the last part of the worker's plan."""

    def __init__(self, client: EngineClient, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.client = client
        self.editor: GraphEditor | None = None
        self.faults: tuple[Fault, ...] = ()
        self._document: Document | None = None
        self._asked = ""
        self._again = False
        self._edits = 0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._go)
        client.received.connect(self._on_event)
        client.ready.connect(self._on_ready)
        client.died.connect(self._on_died)

    def set_editor(self, editor: GraphEditor | None) -> None:
        """Plan for this editor from now on; None for none."""
        if editor is self.editor:
            return
        if self.editor is not None and self._document is not None:
            self._document.changed.disconnect(self._on_changed)
            self.editor.destroyed.disconnect(self._on_destroyed)
        self.editor, self._document, self._asked, self._again = editor, None, "", False
        self._set_faults(())
        self._timer.stop()
        if editor is not None:
            self._document = editor.document
            self._document.changed.connect(self._on_changed)
            editor.destroyed.connect(self._on_destroyed)
            self.plan_now()

    def plan_now(self) -> None:
        """Plan as soon as the event loop comes round: files or settings have changed."""
        if self.editor is not None:
            self._timer.start(0)

    @property
    def busy(self) -> bool:
        """A plan is asked for, or about to be."""
        return bool(self._asked) or self._timer.isActive()

    # When

    def _on_changed(self, changes: tuple[Change, ...]) -> None:
        # Where nodes are and how they look means nothing to a plan.
        if any(change.section == "nodes" for change in changes):
            self._edits += 1
            if self._edits < PATIENCE or not self._timer.isActive():
                self._timer.start(DELAY)

    def _on_ready(self, _: object) -> None:
        self._asked = ""
        self.plan_now()

    def _on_died(self, *_: object) -> None:
        self._asked = ""

    def _on_destroyed(self) -> None:
        if self._document is not None:
            self._document.changed.disconnect(self._on_changed)
        self.editor, self._document, self._asked = None, None, ""
        self._timer.stop()

    # Asking

    def _go(self) -> None:
        self._edits = 0
        editor = self.editor
        if editor is None or not self.client.is_ready:
            return
        nodes = editor.document.nodes
        if self._asked:
            self._again = True
        elif editor.text.prepare(nodes, SLICE):
            self._again = False
            self._asked = self.client.plan(editor.text.nodes_only(nodes), **place_of(editor))
        else:
            self._timer.start(0)

    # Answers

    def _on_event(self, event: dict[str, Any]) -> None:
        if event["event"] == "run_finished":
            self.plan_now()
        if not self._asked or event.get("id") != self._asked or self.editor is None:
            return
        if event["event"] == "plan" and not event.get("last", True):
            self.editor.states.set_plan(event["steps"], more=True)
            return
        self._asked = ""
        match event["event"]:
            case "plan":
                self._on_plan(self.editor, event)
            case "rejected" | "error":
                self._on_refused(self.editor, event)
        if self._again:
            self._timer.start(0)

    def _on_plan(self, editor: GraphEditor, event: dict[str, Any]) -> None:
        editor.states.set_plan(
            event["steps"],
            folded=event.get("folded"),
            modes=self._modes(editor),
            names=list(editor.document.nodes),
        )
        self._set_faults(_faults(event))
        self.planned.emit(editor, event)

    def _on_refused(self, editor: GraphEditor, event: dict[str, Any]) -> None:
        faults = _faults(event) or (Fault("", str(event["message"])),)
        editor.states.set_faulty(refusal(event), self._modes(editor))
        # A graph that hasn't begun isn't wrong; running it says what it lacks.
        self._set_faults(faults if editor.document.nodes else ())

    def _modes(self, editor: GraphEditor) -> dict[str, str]:
        nodes = editor.document.nodes
        return {name: node.mode for name, node in nodes.items() if node.mode != "normal"}

    def _set_faults(self, faults: tuple[Fault, ...]) -> None:
        if faults != self.faults:
            self.faults = faults
            if self.editor is not None:
                self.faults_changed.emit(self.editor, faults)


def place_of(editor: GraphEditor) -> dict[str, Any]:
    """What the worker must know of a graph besides its nodes: `base`, `name`, `history`."""
    if editor.path is None:
        title = editor.document.title or "untitled"
        name = "".join(c if c.isalnum() else "_" for c in title.lower()).strip("_")[:60]
        base = editor.base or Path.home()
        return {"base": base, "name": name or "untitled", "history": f"untitled {title}"}
    path = editor.path.absolute()
    return {"base": path.parent, "name": path.stem, "history": str(path)}


def _faults(event: dict[str, Any]) -> tuple[Fault, ...]:
    return tuple(Fault(**fault) for fault in event.get("faults", ()))
