"""The model files as a tree: kinds, and in each its files that fit what is searched for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractItemModel, QMimeData, QModelIndex, QObject, Qt

from studio.words import size
from ui.panels.model_drag import DraggedModel
from ui.plain import plain_tip
from ui.theme import fonts, icons
from ui.theme.manager import current

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from PySide6.QtCore import QPersistentModelIndex

    from ui.engine.catalogue import ModelEntry

    Index = QModelIndex | QPersistentModelIndex

TITLES = {
    "checkpoints": "Checkpoints",
    "loras": "LoRAs",
    "vae": "VAEs",
    "controlnet": "ControlNets",
    "embeddings": "Embeddings",
    "upscalers": "Upscalers",
    "text_encoders": "Text encoders",
}
"""What people call the kinds."""

ICONS = {
    "checkpoints": "database",
    "loras": "layers",
    "vae": "aperture",
    "controlnet": "route",
    "embeddings": "tag",
    "upscalers": "expand",
    "text_encoders": "type",
}
COLUMNS = ("Name", "Family", "Size")


@dataclass(frozen=True)
class Group:
    """The files of one kind that are shown.

    Args:
        kind: "checkpoints", "loras", ...
        entries: in order of name.
        total: how many there are, shown or not.
    """

    kind: str
    entries: tuple[ModelEntry, ...]
    total: int

    @property
    def title(self) -> str:
        return TITLES.get(self.kind, self.kind.replace("_", " ").capitalize())


class ModelTree(QAbstractItemModel):
    """Two levels: kinds and their files.

    Args:
        parent: Qt's.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._all: list[tuple[str, list[tuple[ModelEntry, str]]]] = []
        self._groups: list[Group] = []
        self._text = ""
        self._family = ""

    # What there is

    def set_entries(self, entries: Mapping[str, Iterable[ModelEntry]]) -> None:
        """Take over all model files, by kind."""
        self._all = []
        for kind, found in entries.items():
            rows = [(entry, _haystack(entry)) for entry in found]
            rows.sort(key=lambda row: row[0].name.casefold())
            self._all.append((kind, rows))
        self._sift()

    def set_filter(self, text: str, family: str = "") -> None:
        """Show those that have every word of `text` somewhere, and are of `family`."""
        if (text, family) != (self._text, self._family):
            self._text, self._family = text, family
            self._sift()

    @property
    def groups(self) -> Sequence[Group]:
        """What is shown; kinds of which nothing is shown aren't among it."""
        return self._groups

    @property
    def total(self) -> int:
        """Files there are, shown or not."""
        return sum(len(rows) for _, rows in self._all)

    @property
    def families(self) -> list[str]:
        """Families there are, in order of name."""
        return sorted({e.family for _, rows in self._all for e, _ in rows if e.family})

    def entry(self, index: Index) -> ModelEntry | None:
        """The file at an index; None at a kind."""
        group = index.internalId()
        return self._groups[group - 1].entries[index.row()] if index.isValid() and group else None

    def find(self, kind: str, name: str) -> QModelIndex:
        """Where a file is shown; an invalid index where it isn't."""
        for number, group in enumerate(self._groups):
            if group.kind == kind:
                for row, entry in enumerate(group.entries):
                    if entry.name == name:
                        return self.createIndex(row, 0, number + 1)
        return QModelIndex()

    def _sift(self) -> None:
        words = self._text.casefold().split()
        self.beginResetModel()
        self._groups = []
        for kind, rows in self._all:
            shown = tuple(
                entry
                for entry, text in rows
                if (not self._family or entry.family == self._family)
                and all(word in text for word in words)
            )
            if shown:
                self._groups.append(Group(kind, shown, len(rows)))
        self.endResetModel()

    # Qt

    def index(self, row: int, column: int, parent: Index | None = None) -> QModelIndex:
        if parent is None or not parent.isValid():
            inside = 0 <= row < len(self._groups)
            return self.createIndex(row, column, 0) if inside else QModelIndex()
        if parent.internalId() or not 0 <= row < len(self._groups[parent.row()].entries):
            return QModelIndex()
        return self.createIndex(row, column, parent.row() + 1)

    def parent(self, index: Index | None = None) -> QModelIndex:  # type: ignore[override]
        group = index.internalId() if index is not None and index.isValid() else 0
        return self.createIndex(group - 1, 0, 0) if group else QModelIndex()

    def rowCount(self, parent: Index | None = None) -> int:
        if parent is None or not parent.isValid():
            return len(self._groups)
        if parent.internalId() or parent.column():
            return 0
        return len(self._groups[parent.row()].entries)

    def columnCount(self, parent: Index | None = None) -> int:
        return len(COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        entry = self.entry(index)
        if entry is None:
            return self._group_data(self._groups[index.row()], index.column(), role)
        return _entry_data(entry, index.column(), role)

    def _group_data(self, group: Group, column: int, role: int) -> Any:
        match role:
            case Qt.ItemDataRole.DisplayRole if column == 0:
                return group.title
            case Qt.ItemDataRole.DisplayRole if column == 2:
                shown = len(group.entries)
                return str(shown) if shown == group.total else f"{shown} of {group.total}"
            case Qt.ItemDataRole.FontRole if column == 0:
                return fonts.title()
            case Qt.ItemDataRole.DecorationRole if column == 0:
                return icons.icon(ICONS.get(group.kind, "box"))
            case Qt.ItemDataRole.ForegroundRole if column:
                return current().secondary
            case Qt.ItemDataRole.TextAlignmentRole if column == 2:
                return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        if index.isValid() and self.entry(index) is not None:
            flags |= Qt.ItemFlag.ItemIsDragEnabled
        return flags

    def supportedDragActions(self) -> Qt.DropAction:
        return Qt.DropAction.CopyAction

    def mimeData(self, indexes: Sequence[Index]) -> QMimeData:
        for index in indexes:
            if (entry := self.entry(index)) is not None:
                return DraggedModel(entry.kind, entry.name).mime()
        return QMimeData()


def details(entry: ModelEntry) -> list[tuple[str, str]]:
    """All that is known of a file, for people: what, and the text."""
    rows = [("kind", TITLES.get(entry.kind, entry.kind)), ("size", size(entry.bytes))]
    about = dict(entry.about)
    if entry.family and "family" not in about:
        rows.append(("family", entry.family))
    if entry.dtype and "weights" not in about:
        rows.append(("weights", entry.dtype))
    rows += about.items()
    if entry.triggers and "trigger words" not in about:
        rows.append(("trigger words", entry.triggers))
    if entry.in_prompt and "in a prompt" not in about:
        rows.append(("in a prompt", entry.in_prompt))
    if entry.path:
        rows.append(("file", str(entry.path)))
    return [(what, text) for what, text in rows if text]


def _entry_data(entry: ModelEntry, column: int, role: int) -> Any:
    match role:
        case Qt.ItemDataRole.DisplayRole:
            return (entry.name, entry.family, size(entry.bytes))[column]
        case Qt.ItemDataRole.ToolTipRole:
            return plain_tip("\n".join(part for part in (entry.name, entry.fault) if part))
        case Qt.ItemDataRole.DecorationRole if column == 0 and entry.fault:
            return icons.icon("triangle-alert", "warning")
        case Qt.ItemDataRole.ForegroundRole if entry.fault:
            return current().disabled
        case Qt.ItemDataRole.ForegroundRole if column:
            return current().secondary
        case Qt.ItemDataRole.TextAlignmentRole if column == 2:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
    return None


def _haystack(entry: ModelEntry) -> str:
    parts = (entry.name, entry.family, entry.dtype, entry.triggers, TITLES.get(entry.kind, ""))
    return " ".join(part for part in parts if part).casefold()
