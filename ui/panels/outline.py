"""A tree of nodes, ports and values: the way in for the keyboard and for screen readers.

Qt tells assistive programs nothing of a graphics scene, so all that is on the canvas can be found,
read and changed here as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QItemSelectionRange,
    QModelIndex,
    QPersistentModelIndex,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFrame,
    QHeaderView,
    QLineEdit,
    QPlainTextEdit,
    QStyledItemDelegate,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from studio.editing.edits import remove
from studio.params import Multiline, OneOf, Prompt
from ui.panels.outline_model import NAME, VALUE, OutlineModel
from ui.theme import icons

if TYPE_CHECKING:
    from PySide6.QtCore import QAbstractItemModel
    from PySide6.QtGui import QHideEvent, QKeyEvent, QShowEvent
    from PySide6.QtWidgets import QStyleOptionViewItem

    from ui.editor.editor import GraphEditor
    from ui.panels.outline_lines import Line

Index = QModelIndex | QPersistentModelIndex

TEXT_HEIGHT = 96
"""Pixels of the field for a text of several lines."""


class Outline(QWidget):
    """The outline of the graph in front.

    Args:
        parent: Qt's.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._editor: GraphEditor | None = None
        self._following = False
        self.model = OutlineModel(self)
        self.search = QLineEdit(self)
        self.search.setPlaceholderText("Find nodes by name, type or value")
        self.search.setAccessibleName("Find in the outline")
        self.search.setClearButtonEnabled(True)
        self.search.addAction(icons.icon("search"), QLineEdit.ActionPosition.LeadingPosition)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(120)
        self._typing.timeout.connect(self._filter)
        self.search.textChanged.connect(lambda: self._typing.start())
        self.tree = OutlineTree(self)
        self.tree.setModel(self.model)
        self.tree.prepare()
        self.tree.opened.connect(self._open)
        self.tree.remove_wanted.connect(self._remove)
        self.tree.selectionModel().selectionChanged.connect(self._selected_here)
        self.model.modelReset.connect(self._selected_there)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 0)
        layout.setSpacing(8)
        layout.addWidget(self.search)
        layout.addWidget(self.tree, 1)
        self.setFocusProxy(self.tree)

    def set_editor(self, editor: GraphEditor | None) -> None:
        """Show this graph from now on."""
        if editor is self._editor:
            return
        if self._editor is not None:
            self._editor.selection_changed.disconnect(self._selected_there)
        self._editor = editor
        if editor is not None:
            editor.selection_changed.connect(self._selected_there)
        # Nothing is kept in step that nobody sees.
        self.model.set_editor(editor if self.isVisible() else None)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self.model.editor is not self._editor:
            self.model.set_editor(self._editor)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.model.set_editor(None)

    # Selection, both ways

    def _selected_here(self) -> None:
        if self._following or self._editor is None:
            return
        rows = self.tree.selectionModel().selectedRows()
        names = dict.fromkeys(name for row in rows if (name := self.model.node_of(row)))
        self._following = True
        try:
            self._editor.select(list(names))
        finally:
            self._following = False

    def _selected_there(self) -> None:
        if self._following or self._editor is None or self.model.editor is None:
            return
        model = self.tree.selectionModel()
        names = self._editor.selected()
        # A line under the node is a choice of the node as well.
        here = {self.model.node_of(row) for row in model.selectedRows()}
        if here == set(names):
            return
        flag = QItemSelectionModel.SelectionFlag
        self._following = True
        try:
            model.select(self._rows_of(names), flag.ClearAndSelect | flag.Rows)
            if len(names) == 1 and (index := self.model.index_of(names[0])).isValid():
                model.setCurrentIndex(index, flag.NoUpdate)
                self.tree.scrollTo(index)
        finally:
            self._following = False

    def _rows_of(self, names: list[str]) -> QItemSelection:
        """The nodes' rows, those that follow one another as one range: Qt is asked once, and not
        thousands of times."""
        found = (self.model.index_of(name) for name in names)
        rows = sorted((index for index in found if index.isValid()), key=QModelIndex.row)
        chosen = QItemSelection()
        first = 0
        for at, index in enumerate(rows):
            if at + 1 == len(rows) or rows[at + 1].row() != index.row() + 1:
                chosen.append(QItemSelectionRange(rows[first], index))
                first = at + 1
        return chosen

    # What Enter and double-click do

    def _open(self, index: QModelIndex) -> None:
        """Show a node, or the one at the other end of a wire."""
        editor, name = self._editor, self.model.node_of(index)
        line = self.model.line_of(index)
        if editor is None or name is None:
            return
        if line is not None and line.ends:
            name = line.ends[0]
        if name not in editor.document.nodes:
            editor.message.emit(f"{name} isn't there.")
            return
        editor.select([name])
        editor.view.centre_on(name)

    def _remove(self) -> None:
        editor = self._editor
        if editor is not None and (names := editor.selected()):
            editor.attempt(lambda: remove(editor.document, names))

    def _filter(self) -> None:
        self.model.set_filter(self.search.text())


class OutlineTree(QTreeView):
    """The tree: Enter edits a value and follows a wire, Delete removes nodes."""

    opened = Signal(QModelIndex)
    remove_wanted = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAccessibleName("Outline of the graph")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setUniformRowHeights(True)
        self.setIndentation(16)
        self.setAllColumnsShowFocus(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        trigger = QAbstractItemView.EditTrigger
        self.setEditTriggers(trigger.EditKeyPressed | trigger.DoubleClicked)
        self.setExpandsOnDoubleClick(False)
        self.setItemDelegateForColumn(VALUE, ValueDelegate(self))
        self.doubleClicked.connect(self._double_clicked)

    def prepare(self) -> None:
        """Set the columns up; Qt allows it only once there is a model."""
        header = self.header()
        header.setStretchLastSection(True)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Interactive)
        header.resizeSection(NAME, 168)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        index = self.currentIndex()
        if self.state() is QAbstractItemView.State.EditingState:
            # A field hands on the Enter that ends it.
            super().keyPressEvent(event)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and index.isValid():
            self._enter(index.siblingAtColumn(VALUE))
        elif event.key() == Qt.Key.Key_Delete:
            self.remove_wanted.emit()
        else:
            super().keyPressEvent(event)

    def _enter(self, index: QModelIndex) -> None:
        flags = index.flags()
        if flags & Qt.ItemFlag.ItemIsEditable:
            self.setCurrentIndex(index)
            self.edit(index)
        elif flags & Qt.ItemFlag.ItemIsUserCheckable:
            role = Qt.ItemDataRole.CheckStateRole
            on = Qt.CheckState(index.data(role)) is Qt.CheckState.Checked
            new = Qt.CheckState.Unchecked if on else Qt.CheckState.Checked
            self.model().setData(index, new.value, role)
        else:
            self.opened.emit(index)

    def _double_clicked(self, index: QModelIndex) -> None:
        if not index.flags() & Qt.ItemFlag.ItemIsEditable:
            self.opened.emit(index)


class ValueDelegate(QStyledItemDelegate):
    """Fields for values: a list where there are choices, several lines for prompts."""

    def createEditor(
        self, parent: QWidget, option: QStyleOptionViewItem, index: Index
    ) -> QWidget:
        line = _line(index)
        if line is None:
            return super().createEditor(parent, option, index)
        made: QWidget
        if (choices := _choices(line)) is not None:
            made = box = QComboBox(parent)
            box.addItems(choices)
            box.activated.connect(lambda: self._done(box))
        elif line.param is not None and isinstance(line.param.marker, Multiline | Prompt):
            made = area = QPlainTextEdit(parent)
            area.setTabChangesFocus(True)
        else:
            made = QLineEdit(parent)
        made.setAccessibleName(line.spoken)
        return made

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        text = str(index.data(Qt.ItemDataRole.EditRole))
        if isinstance(editor, QComboBox):
            editor.setCurrentText(text)
        elif isinstance(editor, QPlainTextEdit):
            editor.setPlainText(text)
            editor.selectAll()
        else:
            super().setEditorData(editor, index)

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:
        if isinstance(editor, QComboBox):
            model.setData(index, editor.currentText())
        elif isinstance(editor, QPlainTextEdit):
            model.setData(index, editor.toPlainText())
        elif isinstance(editor, QLineEdit):
            model.setData(index, editor.text())

    def updateEditorGeometry(
        self, editor: QWidget, option: QStyleOptionViewItem, index: Index
    ) -> None:
        super().updateEditorGeometry(editor, option, index)
        if isinstance(editor, QPlainTextEdit):
            around = editor.parentWidget()
            room = around.height() if around else TEXT_HEIGHT
            top = max(0, min(editor.y(), room - TEXT_HEIGHT))
            editor.setGeometry(editor.x(), top, editor.width(), min(TEXT_HEIGHT, room))

    def eventFilter(self, editor: Any, event: Any) -> bool:
        # Enter ends a text of several lines, as in every other field; Shift+Enter breaks a line.
        if (
            isinstance(editor, QPlainTextEdit)
            and event.type() == event.Type.KeyPress
            and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        ):
            self._done(editor)
            return True
        return super().eventFilter(editor, event)

    def _done(self, editor: QWidget) -> None:
        self.commitData.emit(editor)
        self.closeEditor.emit(editor)


def _line(index: Index) -> Line | None:
    model = index.model()
    return model.line_of(index) if isinstance(model, OutlineModel) else None


def _choices(line: Line) -> list[str] | None:
    marker = line.param.marker if line.param else None
    if not isinstance(marker, OneOf):
        return None
    return [*marker.names, *(["none"] if line.param and line.param.nullable else [])]
