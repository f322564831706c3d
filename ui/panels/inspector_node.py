"""The inspector's page of one node: its name, mode, parameters, ports, run, results and help."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QCheckBox, QGridLayout, QMenu, QVBoxLayout, QWidget

from studio.editing import compat, edits
from ui.editor.inline import make_field
from ui.editor.inline.kinds import Kind, kind_of
from ui.panels.boxes import Column, Section
from ui.panels.facts import Facts
from ui.panels.inspector_parts import LinkRow, ModeChoice, ParamLabel, TitleEdit, popup
from ui.panels.inspector_run import Results, RunFacts
from ui.panels.parts import Words
from ui.theme import fonts, icons

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from PySide6.QtGui import QShowEvent

    from studio.editing.changes import Change
    from studio.editing.compat import WidgetView
    from studio.editing.document import Wire
    from ui.editor.editor import GraphEditor

TALL = frozenset({"text", "json", "picture"})
"""Kinds of fields that take the whole width, with their name above."""

LABEL = (64, 112)
"""Narrowest and widest column of names, in pixels."""

TOLD_AFTER = 100
"""Milliseconds over which news of a run is gathered: ten times a second is plenty for words."""


class NodePage(Column):
    """All about one node.

    Args:
        editor: holds the document.
        name: id of the node.
        parent: Qt's.
    """

    run: RunFacts
    results: Results

    def __init__(self, editor: GraphEditor, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.editor = editor
        self.name = name
        self.title = TitleEdit("Name of the node", fonts.heading())
        self.title.committed.connect(self._rename)
        self.modes = ModeChoice()
        self.modes.chosen.connect(self._set_mode)
        self.cache = QCheckBox("Use cached results")
        self.cache.setToolTip("Off: it runs every time, and so does what it feeds")
        self.cache.clicked.connect(self._use_cache)
        self.params = _Params(editor, name)
        self.ports = _Ports(editor, name)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(TOLD_AFTER)
        self._timer.timeout.connect(self._tell_run)
        self.box.addWidget(self.title)

    def steps(self) -> Iterator[None]:
        """Builds the page: dozens of widgets, and the window shouldn't stall meanwhile.

        The page is whole when this is exhausted, if the document didn't change in between.
        """
        node = self.editor.document.nodes[self.name]
        spec = self.editor.document.spec(self.name)
        if spec is not None:
            self.box.addWidget(Words(spec.help.summary, "secondary", fonts.small(), wrap=True))
        else:
            words = f"The node type {node.type!r} isn't known here; a plugin may be missing."
            self.box.addWidget(Words(words, "warning", fonts.small(), wrap=True))
        self.box.addWidget(self.modes)
        self.box.addWidget(self.params)
        self.box.addWidget(self.cache)
        yield
        yield from self.params.grow()
        self.box.addWidget(Section("Ports", self.ports))
        self.ports.refresh()
        yield
        self.run = RunFacts(self.editor, self.name)
        self.box.addWidget(Section("This run", self.run))
        yield
        self.results = Results(self.editor, self.name)
        self.box.addWidget(Section("Results", self.results, folded=True))
        self.box.addWidget(Section("Help", _Help(self.editor, self.name), folded=True))
        self.box.addStretch(1)
        yield
        self.editor.states.changed.connect(self._on_states)
        self.refresh()

    def on_changed(self, changes: tuple[Change, ...]) -> None:
        """Follow the document; the node is still there."""
        sections = {change.section for change in changes}
        if sections & {"nodes", "view"}:
            self.refresh()
            self._timer.start()

    def refresh(self) -> None:
        """Read the document again."""
        document = self.editor.document
        self.title.show_text(document.title_of(self.name))
        self.modes.set_modes({document.nodes[self.name].mode})
        self.cache.setChecked(document.nodes[self.name].cache)
        self.params.refresh()
        self.ports.refresh()

    # Editing

    def _rename(self, title: str) -> None:
        self.editor.attempt(lambda: edits.rename(self.editor.document, self.name, title))
        self.refresh()

    def _set_mode(self, mode: Any) -> None:
        self.editor.attempt(lambda: edits.set_mode(self.editor.document, [self.name], mode))
        self.refresh()

    def _use_cache(self, on: bool) -> None:
        self.editor.attempt(lambda: edits.use_cache(self.editor.document, [self.name], on))
        self.refresh()

    # News

    def _on_states(self, names: set[str]) -> None:
        if not self._timer.isActive():
            self._timer.start()
        if self.name in names and self.editor.states.get(self.name).status != "running":
            self.results.refresh()

    def _tell_run(self) -> None:
        if self.name in self.editor.document.nodes:
            self.run.refresh()


class _Params(QWidget):
    """A row for each parameter that no socket stands for."""

    def __init__(self, editor: GraphEditor, name: str) -> None:
        super().__init__()
        self._editor = editor
        self._name = name
        self._shape: list[tuple[str, Kind]] | None = None
        self._labels: dict[str, ParamLabel] = {}
        self._inside: QWidget | None = None
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)

    def refresh(self) -> None:
        """Follow the document; fields follow by themselves, so that typing isn't disturbed."""
        found = compat.widgets(self._editor.document, self._name)
        if _shape(found) != self._shape:
            for _ in self.grow():
                pass
        for view in found:
            self._labels[view.name].set_default(view.is_default)
        self.setVisible(bool(found))

    def grow(self) -> Iterator[None]:
        """Makes the rows anew, one a step."""
        self._shape = _shape(compat.widgets(self._editor.document, self._name))
        if self._inside is not None:
            self._inside.hide()
            self._inside.deleteLater()
        self._inside = QWidget(self)
        self._labels.clear()
        grid = QGridLayout(self._inside)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(1, 1)
        spec = self._editor.document.spec(self._name)
        help_texts = spec.help.args if spec else {}
        for row, (name, kind) in enumerate(self._shape):
            label = ParamLabel(name, help_texts.get(name, ""))
            label.menu_wanted.connect(partial(self._show_menu, name))
            self._labels[name] = label
            field = make_field(self._editor, self._name, name, self._inside)
            if kind in TALL:
                label.setFixedHeight(20)
                grid.addWidget(label, 2 * row, 0, 1, 2)
                grid.addWidget(field, 2 * row + 1, 0, 1, 2)
            else:
                grid.addWidget(label, 2 * row, 0)
                grid.addWidget(field, 2 * row, 1)
            yield
        self._align()
        self._box.addWidget(self._inside)

    def _align(self) -> None:
        """One width for all names beside fields."""
        widths = [
            self._labels[name].sizeHint().width()
            for name, kind in self._shape or ()
            if kind not in TALL
        ]
        width = max(LABEL[0], min(LABEL[1], max(widths, default=0)))
        for name, kind in self._shape or ():
            if kind not in TALL:
                self._labels[name].setFixedWidth(width)

    def menu(self, name: str) -> QMenu:
        """The menu of a parameter, not shown."""
        document, node = self._editor.document, self._name
        menu = QMenu(self)
        reset = menu.addAction(icons.icon("rotate-ccw"), "Reset to the default")
        reset.triggered.connect(
            lambda: self._editor.attempt(lambda: edits.reset_param(document, node, name))
        )
        reset.setEnabled(name in document.nodes[node].params)
        spec = document.spec(node)
        if spec is not None and name in spec.param_by_name:
            socket = menu.addAction(icons.icon("plus"), "Show as a socket")
            socket.triggered.connect(
                lambda: self._editor.attempt(
                    lambda: edits.show_socket(document, node, name, True)
                )
            )
        return menu

    def _show_menu(self, name: str) -> None:
        popup(self.menu(name), self._labels[name])


def _shape(views: Iterable[WidgetView]) -> list[tuple[str, Kind]]:
    """What rows there must be."""
    return [(view.name, kind_of(view.spec, view.value)) for view in views]


class _Ports(QWidget):
    """A line for each port: what it takes or gives, and where its wire leads."""

    def __init__(self, editor: GraphEditor, name: str) -> None:
        super().__init__()
        self._editor = editor
        self._name = name
        self._shown: list[tuple[Any, ...]] = []
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(0)

    @property
    def rows(self) -> list[LinkRow]:
        """The lines, sockets first."""
        return [row for row in self.findChildren(LinkRow) if not row.isHidden()]

    def refresh(self) -> None:
        """Follow the document."""
        document = self._editor.document
        ports = compat.ports(document, self._name)
        incoming = document.wires_into(self._name)
        outgoing: dict[str, list[Wire]] = {}
        for wire in document.wires_out_of(self._name):
            outgoing.setdefault(wire.source.output, []).append(wire)
        lines: list[tuple[Any, ...]] = []
        for port in ports.inputs:
            fed = incoming.get(port.name)
            note = self._source_words(fed) if fed else "optional" if port.optional else "open"
            target = fed.source.node if fed and fed.source.node in document.nodes else None
            needed = fed is None and not port.optional
            lines.append((port.name, note, port.type, port.wired, needed, target))
        for port in ports.outputs:
            wires = outgoing.get(port.name, [])
            target = wires[0].target if wires else None
            lines.append((port.name, self._target_words(wires), port.type, True, False, target))
        if lines != self._shown:
            self._shown = lines
            self._rebuild(len(ports.inputs))

    def _rebuild(self, sockets: int) -> None:
        while (item := self._box.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        for number, (name, note, type_name, wired, needed, target) in enumerate(self._shown):
            if number == sockets and number > 0:
                self._box.addSpacing(6)
            row = LinkRow(name, note, type_name=type_name, wired=wired, needed=needed)
            row.set_press(partial(_go, self._editor, target) if target else None)
            self._box.addWidget(row)

    def _source_words(self, wire: Wire) -> str:
        document = self._editor.document
        source = wire.source
        if source.node not in document.nodes:
            return f"from {source.node}, which isn't there"
        spec = document.spec(source.node)
        title = document.title_of(source.node)
        several = spec is not None and len(spec.outputs) > 1
        return f"{title} · {source.output}" if several else title

    def _target_words(self, wires: list[Wire]) -> str:
        if not wires:
            return "unused"
        first = self._editor.document.title_of(wires[0].target)
        return first if len(wires) == 1 else f"{first} and {len(wires) - 1} more"


class _Help(QWidget):
    """The whole help of a node type, made when it is first looked at."""

    def __init__(self, editor: GraphEditor, name: str) -> None:
        super().__init__()
        self._editor = editor
        self._name = name
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(8)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._box.count() == 0:
            self._fill()

    def _fill(self) -> None:
        document = self._editor.document
        spec = document.spec(self._name)
        about = [("id", self._name), ("type", document.nodes[self._name].type)]
        if spec is not None:
            if spec.help.description:
                words = Words(_flowing(spec.help.description), "secondary", wrap=True)
                self._box.addWidget(words)
            rows = [(arg.replace("_", " "), text) for arg, text in spec.help.args.items()]
            if spec.help.returns:
                rows.append(("gives", spec.help.returns))
            facts = Facts(left=True)
            facts.set_rows(rows)
            self._box.addWidget(facts)
            about.append(("category", spec.category))
        facts = Facts()
        facts.set_rows(about)
        self._box.addWidget(facts)


def _flowing(text: str) -> str:
    """Paragraphs without the line breaks of the source file."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _go(editor: GraphEditor, name: str) -> None:
    if name in editor.document.nodes:
        editor.select([name])
        editor.view.centre_on(name)
