"""The inspector's pages of the whole graph and of several nodes."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QVBoxLayout, QWidget

from studio.editing import edits
from studio.editing.changes import ABSENT, Change, Edit, tidy
from studio.editing.document import spaced
from studio.words import seconds
from ui.panels.boxes import Column, Section
from ui.panels.facts import Facts
from ui.panels.inspector_parts import LinkRow, ModeChoice, NotesEdit, TitleEdit
from ui.panels.inspector_run import pending_rows
from ui.panels.parts import Words
from ui.theme import fonts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ui.editor.editor import GraphEditor

NOTES = "notes"
"""Key of the graph's file that holds the notes: a text."""

MAX_NOTES = 100_000
LISTED = 40
"""Nodes listed by name; of more only how many there are."""

TOLD_AFTER = 250


def set_notes(editor: GraphEditor, text: str) -> Edit:
    """Write the graph's notes; an empty text leaves no key behind."""
    before = editor.document.head.get(NOTES, ABSENT)
    after = text[:MAX_NOTES] if text.strip() else ABSENT
    return Edit("Change the notes", tidy([Change("head", NOTES, before, after)]))


class GraphPage(Column):
    """The graph as a whole: title, notes, what it consists of.

    Args:
        editor: holds the document.
        parent: Qt's.
    """

    def __init__(self, editor: GraphEditor, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.editor = editor
        self.title = TitleEdit("Title of the graph", fonts.heading())
        self.title.setPlaceholderText("Untitled")
        self.title.committed.connect(self._set_title)
        self.notes = NotesEdit("Notes about this graph")
        self.notes.committed.connect(self._set_notes)
        self.notes.setMinimumHeight(120)
        self.facts = Facts()
        self._timer = _timer(self, self._count)
        editor.states.changed.connect(self._on_states)
        self.box.addWidget(self.title)
        for widget in (
            Words("Select a node to see and change all of it.", "secondary", wrap=True),
            self.notes,
            Section("This graph", self.facts),
        ):
            self.box.addWidget(widget)
        self.box.addStretch(1)
        self.refresh()

    def on_changed(self, changes: tuple[Change, ...]) -> None:
        """Follow the document."""
        if any(change.section != "layout" for change in changes):
            self.refresh()

    def refresh(self) -> None:
        """Read the document again."""
        document = self.editor.document
        self.title.show_text(document.title)
        notes = document.head.get(NOTES, "")
        # Another program may keep something else under this name: it is left alone.
        self.notes.setEnabled(isinstance(notes, str))
        self.notes.show_text(notes if isinstance(notes, str) else "")
        if not self._timer.isActive():
            self._timer.start()
        if not self.facts.rows():
            self._count()

    def _on_states(self, _: object) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def _count(self) -> None:
        document, states = self.editor.document, self.editor.states
        wires = sum(len(document.wires_into(name)) for name in document.nodes)
        muted = Counter[str](node.mode for node in document.nodes.values())
        rows = [
            ("nodes", str(len(document.nodes))),
            ("wires", str(wires)),
            ("frames", str(len(document.frames))),
        ]
        rows += pending_rows([states.get(name) for name in document.nodes])
        rows += [(words, str(muted[mode])) for mode, words in _OFF if muted[mode]]
        if self.editor.path is not None:
            rows.append(("file", str(self.editor.path)))
        self.facts.set_rows(rows)

    def _set_title(self, title: str) -> None:
        self.editor.attempt(lambda: edits.set_title(self.editor.document, title))
        self.refresh()

    def _set_notes(self, text: str) -> None:
        self.editor.push(set_notes(self.editor, text))


class ManyPage(Column):
    """Several nodes: what they have in common.

    Args:
        editor: holds the document.
        names: ids of the nodes.
        parent: Qt's.
    """

    def __init__(
        self, editor: GraphEditor, names: Sequence[str], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.editor = editor
        self.names = list(names)
        self.title = Words(f"{len(self.names)} nodes", font=fonts.heading())
        self.modes = ModeChoice()
        self.modes.chosen.connect(self._set_mode)
        self.facts = Facts()
        self.rows: list[LinkRow] = []
        self._timer = _timer(self, self._count)
        editor.states.changed.connect(self._on_states)
        self.box.addWidget(self.title)
        self.box.addWidget(self.modes)
        self.box.addWidget(Section("Together", self.facts))
        self.box.addWidget(Section("Selected", self._list()))
        self.box.addStretch(1)
        self.refresh()

    def on_changed(self, changes: tuple[Change, ...]) -> None:
        """Follow the document; the nodes are still there."""
        if any(change.section == "nodes" for change in changes):
            self.refresh()

    def refresh(self) -> None:
        """Read the document again."""
        nodes = self.editor.document.nodes
        self.modes.set_modes({nodes[name].mode for name in self.names})
        for row, name in zip(self.rows, self.names, strict=False):
            row.setText(self.editor.document.title_of(name))
        self._count()

    def _list(self) -> QWidget:
        document = self.editor.document
        body = QWidget()
        box = QVBoxLayout(body)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        for name in self.names[:LISTED]:
            node = document.nodes[name]
            usual = spaced(node.type)
            title = document.title_of(name)
            row = LinkRow(title, name if title == usual else usual)
            row.set_press(partial(self.editor.select, [name]))
            self.rows.append(row)
            box.addWidget(row)
        if len(self.names) > LISTED:
            box.addWidget(Words(f"and {len(self.names) - LISTED} more", "secondary"))
        return body

    def _count(self) -> None:
        document, states = self.editor.document, self.editor.states
        names = [name for name in self.names if name in document.nodes]
        types = Counter(spaced(document.nodes[name].type) for name in names)
        rows = [(title, str(count)) for title, count in types.most_common(8)]
        found = [states.get(name) for name in names]
        rows += pending_rows(found)
        spent = [state.seconds for state in found if state.seconds is not None]
        if spent:
            rows.append(("last run", seconds(sum(spent))))
        self.facts.set_rows(rows)

    def _on_states(self, names: set[str]) -> None:
        if not self._timer.isActive() and not names.isdisjoint(self.names):
            self._timer.start()

    def _set_mode(self, mode: Any) -> None:
        self.editor.attempt(lambda: edits.set_mode(self.editor.document, self.names, mode))
        self.refresh()


_OFF = (("bypass", "bypassed"), ("mute", "muted"))


def _timer(page: GraphPage | ManyPage, slot: Any) -> QTimer:
    timer = QTimer(page)
    timer.setSingleShot(True)
    timer.setInterval(TOLD_AFTER)
    timer.timeout.connect(slot)
    return timer
