"""The outline's rows: nodes, and under each its ports and values, in step with the document."""

from __future__ import annotations

import json
from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from studio.editing.changes import ABSENT
from studio.editing.edits import rename, set_param
from ui.panels.outline_lines import Line, lines_of, matches
from ui.plain import plain_tip
from ui.theme import icon_of, icons

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from studio.editing.changes import Change
    from studio.graph.document import Node
    from ui.editor.editor import GraphEditor

Index = QModelIndex | QPersistentModelIndex

NAME, VALUE = range(2)
_TITLES = ("Name", "Value")
_ICONS = {"input": "arrow-left", "value": "sliders-horizontal", "output": "arrow-right"}

# Made once: a view asks for the flags of every row that it lays out, and "or" is slow in Python.
_SHOWN = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
_TITLE = _SHOWN | Qt.ItemFlag.ItemIsEditable
_LEAF = _SHOWN | Qt.ItemFlag.ItemNeverHasChildren
_FIELD = _LEAF | Qt.ItemFlag.ItemIsEditable
_SWITCH = _LEAF | Qt.ItemFlag.ItemIsUserCheckable

MANY = 40
"""Nodes that come or go at once, from which all rows are made anew."""


class OutlineModel(QAbstractItemModel):
    """A tree over one graph. Nodes stand by title, so that they stay where one looks for them.

    Args:
        parent: Qt's.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.editor: GraphEditor | None = None
        self._words: list[str] = []
        self._order: list[tuple[str, str]] = []
        """Title in small letters, and id."""
        self._rows: dict[str, int] = {}
        # A child's index holds its node's number: ids are texts, and Qt keeps a number.
        self._numbers: dict[str, int] = {}
        self._names: dict[int, str] = {}
        self._lines: dict[str, list[Line]] = {}

    # What is shown

    def set_editor(self, editor: GraphEditor | None) -> None:
        """Show this graph."""
        if self.editor is not None:
            self.editor.document.changed.disconnect(self._document_changed)
            self.editor.states.changed.disconnect(self._states_changed)
        self.editor = editor
        if editor is not None:
            editor.document.changed.connect(self._document_changed)
            editor.states.changed.connect(self._states_changed)
        self.rebuild()

    def set_filter(self, text: str) -> None:
        """Show only nodes with these words in title, id, type or values."""
        words = text.casefold().split()
        if words != self._words:
            self._words = words
            self.rebuild()

    def rebuild(self) -> None:
        """Make all rows anew."""
        self.beginResetModel()
        self._lines.clear()
        names: Iterable[str] = self.editor.document.nodes if self.editor else ()
        self._order = sorted(self._place(name) for name in names if self._is_shown(name))
        self._number_rows()
        self.endResetModel()

    # Where things are

    def node_of(self, index: Index) -> str | None:
        """The node of a row, or that of the row above it."""
        if not index.isValid():
            return None
        number = index.internalId()
        return self._names.get(number) if number else self._order[index.row()][1]

    def line_of(self, index: Index) -> Line | None:
        """The port or value of a row; None for a node's own row."""
        if not index.isValid() or not index.internalId():
            return None
        lines = self._children(self._names[index.internalId()])
        return lines[index.row()] if index.row() < len(lines) else None

    def index_of(self, name: str) -> QModelIndex:
        """The row of a node; invalid where it isn't shown."""
        row = self._rows.get(name)
        return QModelIndex() if row is None else self.createIndex(row, 0, 0)

    # Qt's

    def index(self, row: int, column: int, parent: Index | None = None) -> QModelIndex:
        if parent is None or not parent.isValid():
            known = 0 <= row < len(self._order) and 0 <= column < len(_TITLES)
            return self.createIndex(row, column, 0) if known else QModelIndex()
        if not self.hasIndex(row, column, parent):
            return QModelIndex()
        return self.createIndex(row, column, self._number(self._order[parent.row()][1]))

    def parent(self, index: Index | None = None) -> Any:
        if index is None:
            return QObject.parent(self)
        if not index.isValid() or not index.internalId():
            return QModelIndex()
        return self.index_of(self._names[index.internalId()])

    def rowCount(self, parent: Index | None = None) -> int:
        if parent is None or not parent.isValid():
            return len(self._order)
        if parent.internalId() or parent.column():
            return 0
        return len(self._children(self._order[parent.row()][1]))

    def columnCount(self, parent: Index | None = None) -> int:
        return len(_TITLES)

    def hasChildren(self, parent: Index | None = None) -> bool:
        # A node has at least one port or value; looking would make all the lines.
        if parent is None or not parent.isValid():
            return bool(self._order)
        return not parent.internalId() and parent.column() == 0

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation is Qt.Orientation.Horizontal:
            return _TITLES[section]
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        line = self.line_of(index)
        if line is None:
            return _TITLE if index.column() == NAME else _SHOWN
        if line.role == "value" and index.column() == VALUE:
            return _SWITCH if _is_switch(line) else _FIELD
        return _LEAF

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if self.editor is None or not index.isValid():
            return None
        line = self.line_of(index)
        if line is not None:
            return _line_data(line, index.column(), role)
        return self._node_data(self._order[index.row()][1], index.column(), role)

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        editor, name, line = self.editor, self.node_of(index), self.line_of(index)
        if editor is None or name is None:
            return False
        document = editor.document
        if line is None:
            return editor.attempt(lambda: rename(document, name, str(value)))
        try:
            if role == Qt.ItemDataRole.CheckStateRole:
                found: Any = Qt.CheckState(value) is Qt.CheckState.Checked
            else:
                found = parse(line, str(value))
        except ValueError as error:
            editor.message.emit(f"{error}.")
            return False
        return editor.attempt(lambda: set_param(document, name, line.name, found))

    # News

    def _document_changed(self, changes: tuple[Change, ...]) -> None:
        nodes = [change for change in changes if change.section == "nodes"]
        views = [c.key for c in changes if c.section == "view" and c.key in self._rows]
        if not nodes and not views:
            return
        moved = sum(c.before is ABSENT or c.after is ABSENT for c in nodes)
        if moved > MANY or (self._words and nodes):
            self.rebuild()
            return
        others: dict[str, None] = dict.fromkeys(views)
        for change in nodes:
            self._node_changed(change)
            others |= dict.fromkeys(_sources(change.before))
            others |= dict.fromkeys(_sources(change.after))
            # Lines of those it feeds name it.
            if self.editor and change.key in self.editor.document.nodes:
                fed = self.editor.document.wires_out_of(change.key)
                others |= dict.fromkeys(wire.target for wire in fed)
        for name in others:
            if name in self._rows:
                self._refresh(name)

    def _node_changed(self, change: Change) -> None:
        name = change.key
        if change.after is ABSENT:
            if (row := self._rows.get(name)) is not None:
                self.beginRemoveRows(QModelIndex(), row, row)
                del self._order[row]
                self._lines.pop(name, None)
                self._number_rows()
                self.endRemoveRows()
        elif name not in self._rows:
            row = bisect_left(self._order, self._place(name))
            self.beginInsertRows(QModelIndex(), row, row)
            self._order.insert(row, self._place(name))
            self._number_rows()
            self.endInsertRows()
        else:
            self._move(name)
            self._refresh(name)

    def _move(self, name: str) -> None:
        """Put a renamed node where its title belongs."""
        row, place = self._rows[name], self._place(name)
        if self._order[row] == place:
            return
        rest = self._order[:row] + self._order[row + 1 :]
        new = bisect_left(rest, place)
        root = QModelIndex()
        # Qt counts the new place as if the row were still in its old one.
        moves = new != row
        if moves:
            self.beginMoveRows(root, row, row, root, new if new < row else new + 1)
        rest.insert(new, place)
        self._order = rest
        self._number_rows()
        if moves:
            self.endMoveRows()

    def _refresh(self, name: str) -> None:
        """Show a node's row, and the lines under it, as they are now."""
        top = self.index_of(name)
        self.dataChanged.emit(top, top.siblingAtColumn(VALUE))
        old = self._lines.get(name)
        if old is None or self.editor is None:
            return  # nobody has looked at them
        new = lines_of(self.editor.document, name)
        if [(line.role, line.name) for line in old] != [(line.role, line.name) for line in new]:
            if old:
                self.beginRemoveRows(top, 0, len(old) - 1)
                self._lines[name] = []
                self.endRemoveRows()
            if new:
                self.beginInsertRows(top, 0, len(new) - 1)
                self._lines[name] = new
                self.endInsertRows()
            return
        self._lines[name] = new
        for row, (before, after) in enumerate(zip(old, new, strict=True)):
            if before != after:
                first = self.index(row, NAME, top)
                self.dataChanged.emit(first, first.siblingAtColumn(VALUE))

    def _states_changed(self, names: set[str]) -> None:
        for name in names & self._rows.keys():
            index = self.index_of(name).siblingAtColumn(VALUE)
            self.dataChanged.emit(index, index)

    # Inside

    def _place(self, name: str) -> tuple[str, str]:
        assert self.editor is not None
        return self.editor.document.title_of(name).casefold(), name

    def _is_shown(self, name: str) -> bool:
        assert self.editor is not None
        return not self._words or matches(self.editor.document, name, self._words)

    def _number_rows(self) -> None:
        self._rows = {name: row for row, (_, name) in enumerate(self._order)}

    def _number(self, name: str) -> int:
        if (number := self._numbers.get(name)) is None:
            number = self._numbers[name] = len(self._numbers) + 1
            self._names[number] = name
        return number

    def _children(self, name: str) -> Sequence[Line]:
        assert self.editor is not None
        if (lines := self._lines.get(name)) is None:
            known = name in self.editor.document.nodes
            lines = self._lines[name] = lines_of(self.editor.document, name) if known else []
        return lines

    def _node_data(self, name: str, column: int, role: int) -> Any:
        assert self.editor is not None
        document = self.editor.document
        if name not in document.nodes:
            return None
        state = self.editor.states.get(name)
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return document.title_of(name) if column == NAME else state.words
        if role == Qt.ItemDataRole.DecorationRole and column == NAME:
            spec = document.spec(name)
            return icons.icon(icon_of(spec.category) if spec else "circle-alert")
        if role == Qt.ItemDataRole.ToolTipRole:
            words = f"{name} ({document.nodes[name].type})" if column == NAME else state.reason
            return plain_tip(words)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            parts = [document.title_of(name), name, state.words]
            return ", ".join(part for part in parts if part)
        return None


def parse(line: Line, text: str) -> Any:
    """What a person typed, as a value.

    Raises:
        ValueError: it is none, in words.
    """
    if line.param is not None:
        return line.param.parse(text)
    if isinstance(line.value, str):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text  # of a type nobody knows: taken as it stands


def _is_switch(line: Line) -> bool:
    return line.param is not None and line.param.kind == "bool" and not line.param.nullable


def _line_data(line: Line, column: int, role: int) -> Any:
    if role == Qt.ItemDataRole.DisplayRole:
        return line.name if column == NAME else " ".join(line.text.split())
    if role == Qt.ItemDataRole.EditRole:
        return _typed(line) if column == VALUE else line.name
    if role == Qt.ItemDataRole.CheckStateRole and column == VALUE and _is_switch(line):
        return Qt.CheckState.Checked if line.value else Qt.CheckState.Unchecked
    if role == Qt.ItemDataRole.DecorationRole and column == NAME:
        return icons.icon(_ICONS[line.role], "secondary")
    if role == Qt.ItemDataRole.ToolTipRole:
        return plain_tip(line.text)
    if role == Qt.ItemDataRole.AccessibleTextRole:
        return line.spoken
    return None


def _typed(line: Line) -> str:
    """The value as one would type it."""
    if isinstance(line.value, str):
        return line.value
    return "none" if line.value is None else json.dumps(line.value, ensure_ascii=False)


def _sources(node: Node | Any) -> list[str]:
    """Ids of the nodes that feed a node."""
    if node is ABSENT:
        return []
    return [text.partition(".")[0] for text in node.inputs.values()]
