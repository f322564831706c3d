"""The list at the left of the palette: what fits, or the categories, and the highlight in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QAbstractItemView, QFrame, QListView

from ui.editor.palette_index import PaletteIndex
from ui.editor.palette_rows import ROW, PaletteDelegate, PaletteModel, PaletteRow
from ui.theme import current

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PySide6.QtCore import QModelIndex
    from PySide6.QtGui import QPaintEvent
    from PySide6.QtWidgets import QWidget

    from studio.spec import NodeSpec
    from ui.editor.palette_index import Entry

RECENT = 6
"""How many of the types used last are shown before anything is typed."""
_PAGE = 10
_LOOSE = frozenset({"any", "int", "float", "bool", "str"})
"""Ports that take nearly anything: types with one of these come last for a dropped wire."""

Fitting = dict[str, tuple[str, str]]
"""By node type: the port that a dropped wire would go to, and that port's type."""


class NodeList(QListView):
    """Node types to choose from."""

    picked = Signal(object)
    """An `Entry` was chosen."""
    highlighted = Signal()
    """Another row is highlighted."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows_model = PaletteModel(self)
        self._specs: Mapping[str, NodeSpec] | None = None
        self._index = PaletteIndex({})
        self._fitting: Fitting | None = None
        self._recent: Sequence[str] = ()
        self._opened: set[str] = set()
        self._text = ""
        self.setModel(self.rows_model)
        self.setItemDelegate(PaletteDelegate(self))
        self.setFrameShape(QFrame.Shape.NoFrame)
        # Else every keystroke would make the canvas below paint itself too.
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalScrollBar().setSingleStep(ROW)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Nodes")
        self.entered.connect(self.setCurrentIndex)
        self.clicked.connect(self._clicked)

    # What is shown

    def take_apart(self, specs: Mapping[str, NodeSpec]) -> None:
        """Make these node types searchable; nothing is done for those that are so already."""
        if self._specs is not specs:
            self._specs = specs
            self._index = PaletteIndex(specs)

    def begin(self, fitting: Fitting | None, recent: Sequence[str]) -> None:
        """Start over, with all categories shut.

        Args:
            fitting: the types to choose among; None for all.
            recent: types used lately, the last one first.
        """
        self._fitting = fitting
        self._recent = list(recent)
        self._opened = set()
        self.show_for("")

    def show_for(self, text: str) -> None:
        """Show what fits what was typed, the first highlighted."""
        self._text = text.strip()
        self.rows_model.show_rows(self._found() if self._text else self._tree())
        rows = self.rows_model.rows
        first = next((n for n, row in enumerate(rows) if row.kind != "label"), None)
        if first is not None:
            self.setCurrentIndex(self.rows_model.index(first))
        self.scrollToTop()
        self.highlighted.emit()

    @property
    def rows(self) -> list[PaletteRow]:
        """All rows, from top to bottom."""
        return self.rows_model.rows

    @property
    def row(self) -> PaletteRow | None:
        """The highlighted row."""
        found: PaletteRow | None = self.currentIndex().data(Qt.ItemDataRole.UserRole)
        return found

    def _found(self) -> list[PaletteRow]:
        entries = self._index.search(self._text, only=self._fitting, recent=self._recent)
        return [self._node_row(entry, by_search=True) for entry in entries]

    def _tree(self) -> list[PaletteRow]:
        """What was used lately, then the categories; with a wire, all that takes it."""
        rows: list[PaletteRow] = []
        fitting = self._fitting
        lately = [
            entry
            for name in self._recent
            if (entry := self._index.get(name)) and (fitting is None or name in fitting)
        ][:RECENT]
        if lately:
            rows.append(PaletteRow("label", label="Used lately"))
            rows += [self._node_row(entry) for entry in lately]
            rows.append(PaletteRow("label", label="All nodes"))
        if fitting is not None:
            entries = [e for e in self._index.search("", only=fitting) if e not in lately]
            entries.sort(key=lambda entry: fitting[entry.type][1] in _LOOSE)
            return rows + [self._node_row(entry) for entry in entries]
        for group in self._index.groups():
            parents = group.path.split("/")[:-1]
            if any("/".join(parents[: n + 1]) not in self._opened for n in range(len(parents))):
                continue
            opened = group.path in self._opened
            rows.append(PaletteRow("group", group=group, depth=group.depth, open=opened))
            if opened:
                rows += [self._node_row(entry, group.depth + 1) for entry in group.entries]
        return rows

    def _node_row(self, entry: Entry, depth: int = 0, *, by_search: bool = False) -> PaletteRow:
        port = self._fitting.get(entry.type) if self._fitting is not None else None
        return PaletteRow("node", entry=entry, depth=depth, port=port, by_search=by_search)

    # Moving and choosing

    def choose(self) -> None:
        """Take the highlighted node type, or open or shut the highlighted category."""
        row = self.row
        if row is None:
            return
        if row.group is not None:
            self._open(row.group.path, not row.open)
        elif row.entry is not None:
            self.picked.emit(row.entry)

    def step(self, count: int) -> None:
        """Move the highlight by `count` rows, over words that can't be chosen.

        Single steps go round at the ends; longer ones stop there.
        """
        places = [place for place, row in enumerate(self.rows) if row.kind != "label"]
        if not places:
            return
        now = self.currentIndex().row()
        after = (places.index(now) if now in places else 0) + count
        after = after % len(places) if abs(count) == 1 else min(len(places) - 1, max(0, after))
        if after == 0:  # the word above the first row is shown with it
            self.scrollToTop()
        self.setCurrentIndex(self.rows_model.index(places[after]))

    def page(self, way: int) -> None:
        """Move the highlight by a page, down (1) or up (-1)."""
        self.step(way * _PAGE)

    def open_group(self) -> bool:
        """Open the highlighted category; False where none is highlighted."""
        row = self.row
        if self._text or row is None or row.group is None:
            return False
        if not row.open:
            self._open(row.group.path, True)
        return True

    def shut_group(self) -> bool:
        """Shut the highlighted category, or go to the one that the highlighted row is in."""
        row = self.row
        if self._text or row is None or self._fitting is not None:
            return False
        if row.group is not None and row.open:
            self._open(row.group.path, False)
        elif row.group is not None and "/" in row.group.path:
            self._highlight(row.group.path.rpartition("/")[0])
        elif row.entry is not None and row.depth:
            self._highlight(row.entry.category)
        return True

    def _open(self, path: str, opened: bool) -> None:
        if opened:
            self._opened.add(path)
        else:
            self._opened.discard(path)
        self.rows_model.show_rows(self._tree())
        self._highlight(path)

    def _highlight(self, path: str) -> None:
        for place, row in enumerate(self.rows):
            if row.group is not None and row.group.path == path:
                index = self.rows_model.index(place)
                self.setCurrentIndex(index)
                self.scrollTo(index)

    def _clicked(self, index: QModelIndex) -> None:
        self.setCurrentIndex(index)
        self.choose()

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self.viewport()).fillRect(event.rect(), current().panel)
        super().paintEvent(event)

    def currentChanged(self, now: QModelIndex, before: QModelIndex) -> None:  # type: ignore[override]
        super().currentChanged(now, before)
        self.highlighted.emit()
