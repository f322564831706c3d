"""The models panel: files by kind, searched and filtered, what they are, and into the graph."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPoint, QSize, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QMenu,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from studio.places import KINDS
from ui.panels.boxes import Column, Empty
from ui.panels.facts import Facts
from ui.panels.model_tree import ModelTree, details
from ui.panels.parts import MARGIN, IconButton, Words
from ui.theme import fonts, icons

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QKeyEvent

    from ui.engine.catalogue import ModelCatalogue, ModelEntry

ALL = "All families"
TYPING = 80
"""Milliseconds after a keystroke until the list follows: thousands of files are sifted."""

GATHERED = 60
"""Milliseconds over which news of the catalogue is gathered."""


class ModelsPanel(QWidget):
    """Model files that graphs can name.

    Args:
        catalogue: of the engine; None until there is one.
        parent: Qt's.
    """

    add_wanted = Signal(str, str)
    """Kind and name of a model to add to the graph."""

    def __init__(
        self, catalogue: ModelCatalogue | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.tree = ModelTree(self)
        self.view = _View(self.tree)
        self._catalogue: ModelCatalogue | None = None
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(TYPING)
        self._typing.timeout.connect(self._filter)
        # A listing comes in many pieces, and a tree that jumps with each can't be read.
        self._news = QTimer(self)
        self._news.setSingleShot(True)
        self._news.setInterval(GATHERED)
        self._news.timeout.connect(self.reload)
        self._folded: set[str] = set()
        self._build()
        self._refresh.setEnabled(False)
        self._say_empty(False)
        self.set_catalogue(catalogue)

    # What there is

    def set_catalogue(self, catalogue: ModelCatalogue | None) -> None:
        """Show the models of this engine."""
        if catalogue is self._catalogue:
            return
        if self._catalogue is not None:
            self._catalogue.changed.disconnect(self._news.start)
        self._catalogue = catalogue
        if catalogue is not None:
            catalogue.changed.connect(self._news.start)
        self._refresh.setEnabled(catalogue is not None)
        self.reload()

    def reload(self) -> None:
        """Show what the catalogue has now; selection, folds and search stay."""
        chosen = self.current()
        catalogue = self._catalogue
        self.tree.set_entries(
            {kind: catalogue.entries(kind) for kind in KINDS} if catalogue is not None else {}
        )
        self._offer_families()
        self._filter()
        if chosen is not None:
            self.select(chosen.kind, chosen.name)

    def current(self) -> ModelEntry | None:
        """The file that is selected."""
        return self.tree.entry(self.view.currentIndex())

    def select(self, kind: str, name: str) -> bool:
        """Go to a file; False where it isn't shown."""
        index = self.tree.find(kind, name)
        if index.isValid():
            self.view.setCurrentIndex(index)
            self.view.scrollTo(index)
        return index.isValid()

    # Doing

    def add(self) -> None:
        """Ask for the selected model to be added to the graph."""
        entry = self.current()
        if entry is not None and not entry.fault:
            self.add_wanted.emit(entry.kind, entry.name)

    def refresh(self) -> None:
        """Look for files again."""
        if self._catalogue is not None:
            self._catalogue.refresh()

    def menu(self) -> QMenu:
        """The menu of the selected file, not shown."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        entry = self.current()
        if entry is None:
            return menu

        def add(icon: str, text: str, slot: Callable[[], object], enabled: bool = True) -> None:
            action = menu.addAction(icons.icon(icon), text)
            action.triggered.connect(slot)
            action.setEnabled(enabled)

        add("plus", "Add to the graph", self.add, not entry.fault)
        add("copy", "Copy the name", self.copy_name)
        add("folder-open", "Show in its folder", self.reveal, bool(entry.path))
        menu.addSeparator()
        add("refresh-cw", "Look for files again", self.refresh)
        return menu

    def copy_name(self) -> None:
        """Put the name on the clipboard, as a prompt takes it where it is an embedding."""
        if (entry := self.current()) is not None:
            QGuiApplication.clipboard().setText(entry.in_prompt or entry.name)

    def reveal(self) -> None:
        """Show the file's folder in the system's file manager."""
        if (entry := self.current()) is not None and entry.path:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(Path(entry.path).parent)))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # Down goes from the search into the list, Esc empties the search.
        if event.key() == Qt.Key.Key_Down and self.search.hasFocus():
            self.view.setFocus(Qt.FocusReason.TabFocusReason)
            if self.current() is None:
                self._select_first()
        elif event.key() == Qt.Key.Key_Escape and self.search.text():
            self.search.clear()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self.search.hasFocus():
                self._filter()
                if self.current() is None:
                    self._select_first()
            self.add()
        else:
            super().keyPressEvent(event)

    # Building

    def _build(self) -> None:
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search models")
        self.search.setAccessibleName("Search models")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(lambda _: self._typing.start())
        self.family = QComboBox()
        self.family.setAccessibleName("Family")
        self.family.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.family.addItem(ALL)
        self.family.currentIndexChanged.connect(lambda _: self._filter())
        self._refresh = IconButton("refresh-cw", "Look for files again", self.refresh)
        head = QWidget()
        row = QHBoxLayout(head)
        row.setContentsMargins(MARGIN, 8, 6, 8)
        row.setSpacing(6)
        row.addWidget(self.search, 1)
        row.addWidget(self.family)
        row.addWidget(self._refresh)
        self._empty = Empty("boxes", "No models", "")
        self._pages = QStackedWidget()
        self._pages.addWidget(self._empty)
        self._pages.addWidget(self.view)
        self._details = _Details(self)
        self._split = QSplitter(Qt.Orientation.Vertical)
        self._split.setChildrenCollapsible(False)
        self._split.setHandleWidth(1)
        self._split.addWidget(self._pages)
        self._split.addWidget(self._details)
        self._split.setStretchFactor(0, 1)
        self._split.setSizes([400, 220])
        self._details.hide()
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addWidget(head)
        box.addWidget(self._split, 1)
        self.view.selectionModel().currentChanged.connect(self._show_details)
        self.view.doubleClicked.connect(lambda _: self.add())
        self.view.collapsed.connect(self._on_fold)
        self.view.expanded.connect(self._on_fold)
        self.view.customContextMenuRequested.connect(self._show_menu)
        self.setFocusProxy(self.search)

    # Inside

    def _offer_families(self) -> None:
        chosen = self.family.currentText()
        self.family.blockSignals(True)
        self.family.clear()
        self.family.addItems([ALL, *self.tree.families])
        self.family.setCurrentIndex(max(0, self.family.findText(chosen)))
        self.family.blockSignals(False)
        self.family.setVisible(self.family.count() > 2)

    def _filter(self) -> None:
        self._typing.stop()
        chosen = self.current()
        family = self.family.currentText() if self.family.currentIndex() > 0 else ""
        text = self.search.text().strip()
        self.tree.set_filter(text, family)
        sought = bool(text or family)
        for row, group in enumerate(self.tree.groups):
            # What is searched for isn't hidden in a fold.
            opened = sought or group.kind not in self._folded
            self.view.blockSignals(True)
            self.view.setExpanded(self.tree.index(row, 0), opened)
            self.view.blockSignals(False)
        if chosen is not None:
            self.select(chosen.kind, chosen.name)
        self._say_empty(sought)
        self._show_details()

    def _say_empty(self, sought: bool) -> None:
        self._pages.setCurrentIndex(1 if self.tree.groups else 0)
        if self.tree.groups:
            return
        if self.tree.total and sought:
            self._empty.set_words("Nothing found", "No model has all these words.")
        elif self._catalogue is not None and self._catalogue.busy:
            self._empty.set_words("Looking for models", "Names come first, then what they are.")
        elif self._catalogue is None:
            self._empty.set_words("No models yet", "They are listed once the engine runs.")
        else:
            self._empty.set_words(
                "No models",
                "Put checkpoints, LoRAs and others into the folder models, or name your folders "
                "in the settings; then look for files again.",
            )

    def _select_first(self) -> None:
        if self.tree.groups:
            first = self.tree.index(0, 0, self.tree.index(0, 0))
            self.view.setCurrentIndex(first)

    def _show_details(self, *_: object) -> None:
        entry = self.current()
        self._details.setVisible(entry is not None)
        if entry is not None:
            self._details.show_entry(entry)

    def _on_fold(self, index: QModelIndex) -> None:
        kind = self.tree.groups[index.row()].kind
        if self.view.isExpanded(index):
            self._folded.discard(kind)
        else:
            self._folded.add(kind)

    def _show_menu(self, point: QPoint) -> None:
        menu = self.menu()
        if not menu.isEmpty():
            menu.popup(self.view.viewport().mapToGlobal(point))


class _View(QTreeView):
    def __init__(self, model: ModelTree) -> None:
        super().__init__()
        self.setModel(model)
        self.setUniformRowHeights(True)
        self.setHeaderHidden(True)
        self.setRootIsDecorated(True)
        self.setIndentation(14)
        self.setIconSize(QSize(14, 14))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setDragEnabled(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setAccessibleName("Models")
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        header = self.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        # Only what is seen is measured: a collection may have thousands of files.
        header.setResizeContentsPrecision(0)


class _Details(QWidget):
    """What is known of one file, below the list."""

    def __init__(self, panel: ModelsPanel) -> None:
        super().__init__()
        self._name = Words(font=fonts.title(), wrap=True)
        self._name.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._fault = Words(tone="error", wrap=True)
        self._facts = Facts()
        self._add = QPushButton(icons.icon("plus"), "Add to the graph")
        self._add.setIconSize(icons.BESIDE)
        self._add.clicked.connect(lambda _=False: panel.add())
        column = Column()
        column.box.setSpacing(8)
        for widget in (self._name, self._fault, self._facts):
            column.box.addWidget(widget)
        column.box.addStretch(1)
        foot = QHBoxLayout()
        foot.setContentsMargins(MARGIN, 6, MARGIN, MARGIN)
        foot.addWidget(self._add)
        foot.addStretch(1)
        foot.addWidget(IconButton("copy", "Copy the name", panel.copy_name))
        foot.addWidget(IconButton("folder-open", "Show in its folder", panel.reveal))
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addWidget(column, 1)
        box.addLayout(foot)
        self.setMinimumHeight(120)

    def show_entry(self, entry: ModelEntry) -> None:
        self._name.setText(entry.name)
        self._fault.setText(f"It can't be used: {entry.fault}" if entry.fault else "")
        self._fault.setVisible(bool(entry.fault))
        self._facts.set_rows(details(entry))
        self._add.setEnabled(not entry.fault and entry.kind != "embeddings")
