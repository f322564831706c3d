"""Everything that is wrong with the graph in front; a click leads there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)
from PySide6.QtGui import QGuiApplication, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QLabel,
    QMenu,
    QStackedWidget,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from ui.panels.problem_row import ProblemRow
from ui.plain import plain_tip
from ui.theme import fonts, icons

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtCore import QPoint
    from PySide6.QtGui import QKeyEvent, QResizeEvent

    from studio.graph.errors import Fault
    from ui.editor.editor import GraphEditor

Index = QModelIndex | QPersistentModelIndex
FAULT = Qt.ItemDataRole.UserRole

PROBLEM, NODE = range(2)
_TITLES = ("Problem", "Node")


class ProblemsPanel(QWidget):
    """A list of faults, those that keep the graph from running first.

    Args:
        parent: Qt's.
    """

    count_changed = Signal(int, int)
    """Faults that keep the graph from running, and those that don't."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._editor: GraphEditor | None = None
        self.model = ProblemsModel(self)
        self.tree = _Tree(self)
        self.tree.setModel(self.model)
        self.tree.set_columns()
        self.tree.setItemDelegate(ProblemRow(self.tree))
        self.tree.clicked.connect(self.jump)
        self.tree.entered_on.connect(self.jump)
        self.tree.customContextMenuRequested.connect(self._menu)
        self.nothing = QWidget(self)
        self._sign = QLabel(self.nothing)
        self._words = QLabel(self.nothing)
        for label in (self._sign, self._words):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._words.setFont(fonts.body())
        self._words.setEnabled(False)
        column = QVBoxLayout(self.nothing)
        column.addStretch(1)
        column.addWidget(self._sign)
        column.addWidget(self._words)
        column.addStretch(1)
        self._pages = QStackedWidget(self)
        self._pages.addWidget(self.nothing)
        self._pages.addWidget(self.tree)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._pages)
        self.setFocusProxy(self.tree)
        self._show()

    def set_editor(self, editor: GraphEditor | None) -> None:
        """Show the faults of this graph from now on; none until `set_faults`."""
        if editor is self._editor:
            return
        self._editor = editor
        self.set_faults(())

    def set_faults(self, faults: Sequence[Fault]) -> None:
        """Show these. The chosen row stays, where its fault does."""
        chosen = self.tree.currentIndex().data(FAULT)
        self.model.set_faults(faults, self._editor)
        if chosen is not None and (row := self.model.row_of(chosen)) >= 0:
            self.tree.setCurrentIndex(self.model.index(row, 0))
        self._show()
        blocking = sum(fault.blocking for fault in faults)
        self.count_changed.emit(blocking, len(faults) - blocking)

    def jump(self, index: QModelIndex) -> None:
        """Show the node that a fault is about."""
        fault: Fault | None = index.data(FAULT)
        editor = self._editor
        if fault is None or editor is None or fault.node is None:
            return
        if fault.node not in editor.document.nodes:
            editor.message.emit(f"{fault.node} isn't there any more.")
            return
        editor.select([fault.node])
        editor.view.centre_on(fault.node)

    def copy(self) -> None:
        """The faults as text, to the clipboard: the chosen one, else all."""
        chosen: Fault | None = self.tree.currentIndex().data(FAULT)
        faults = [chosen] if chosen else self.model.faults
        QGuiApplication.clipboard().setText("\n".join(str(fault) for fault in faults))

    def _show(self) -> None:
        some = self.model.rowCount() > 0
        self._pages.setCurrentWidget(self.tree if some else self.nothing)
        if not some:
            well = self._editor is not None
            sign = icons.pixmap(
                "circle-check" if well else "workflow",
                "ok" if well else "disabled",
                24,
                self.devicePixelRatioF(),
            )
            self._sign.setPixmap(sign)
            self._words.setText("No problems" if well else "No graph is open")

    def _menu(self, where: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        index = self.tree.indexAt(where)
        show = menu.addAction("Show the node")
        show.setEnabled(index.isValid() and index.data(FAULT).node is not None)
        show.triggered.connect(lambda: self.jump(self.tree.currentIndex()))
        menu.addAction("Copy").triggered.connect(self.copy)
        menu.popup(self.tree.viewport().mapToGlobal(where))


class ProblemsModel(QAbstractTableModel):
    """Faults as rows."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.faults: list[Fault] = []
        self._titles: dict[str, str] = {}

    def set_faults(self, faults: Sequence[Fault], editor: GraphEditor | None) -> None:
        """Take other faults.

        Args:
            faults: in the order of the graph.
            editor: knows what the nodes are called.
        """
        ordered = sorted(faults, key=lambda fault: not fault.blocking)
        titles = {}
        for fault in ordered:
            if editor and fault.node in editor.document.nodes and fault.node is not None:
                titles[fault.node] = editor.document.title_of(fault.node)
        if ordered == self.faults and titles == self._titles:
            return
        self.beginResetModel()
        self.faults, self._titles = ordered, titles
        self.endResetModel()

    def row_of(self, fault: Fault) -> int:
        """Where a fault is; -1 where it is gone."""
        return next((row for row, known in enumerate(self.faults) if known == fault), -1)

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.faults)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(_TITLES)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation is Qt.Orientation.Horizontal:
            return _TITLES[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        fault = self.faults[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._where(fault) if index.column() == NODE else _one_line(fault.message)
        if role == Qt.ItemDataRole.DecorationRole and index.column() == PROBLEM:
            if fault.blocking:
                return icons.icon("circle-alert", "error")
            return icons.icon("triangle-alert", "warning")
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(fault.message)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            kind = "error" if fault.blocking else "warning"
            return f"{kind}, {self._where(fault)}: {fault.message}"
        return fault if role == FAULT else None

    def _where(self, fault: Fault) -> str:
        if fault.node is None:
            return fault.path or "the graph"
        title = self._titles.get(fault.node, fault.node)
        return f"{title} · {fault.port}" if fault.port else title


class _Tree(QTreeView):
    """A flat list; Enter is a click. The delegate shows both columns in one."""

    entered_on = Signal(QModelIndex)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAccessibleName("Problems of the graph")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setRootIsDecorated(False)
        self.setHeaderHidden(True)
        self.setIndentation(0)
        self.setMouseTracking(True)
        self.setAllColumnsShowFocus(True)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)

    def set_columns(self) -> None:
        """The problem takes the room there is; Qt allows it only once there is a model."""
        header = self.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(PROBLEM, QHeaderView.ResizeMode.Stretch)
        self.setColumnHidden(NODE, True)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            # Messages have other heights now.
            self.scheduleDelayedItemsLayout()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.entered_on.emit(self.currentIndex())
        elif event.matches(QKeySequence.StandardKey.Copy):
            self.parent_panel().copy()
        else:
            super().keyPressEvent(event)

    def parent_panel(self) -> ProblemsPanel:
        """The panel it is in."""
        found = self.parent()
        while not isinstance(found, ProblemsPanel):
            assert found is not None
            found = found.parent()
        return found


def _one_line(text: str) -> str:
    return " ".join(text.split())
