"""A wall of thumbnails: the model of this session's pictures, and the list that shows them."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import (
    QAbstractListModel,
    QByteArray,
    QMimeData,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
    QUrl,
    Signal,
)
from PySide6.QtGui import QDrag, QPainter, QPainterPath, QPen, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from ui.jobs import Jobs
from ui.panels.parts import MARGIN
from ui.panels.pictures import read_thumbnail
from ui.plain import plain_tip
from ui.theme import icons
from ui.theme.manager import current

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QResizeEvent

    from ui.jobs import Job

    Index = QModelIndex | QPersistentModelIndex

PICTURE_MIME = "application/x-latent-studio-picture"
"""Of a picture dragged out of the list: JSON, {"paths": [...]}; file URLs go beside it."""

KEPT = 300
"""Thumbnails in memory, 40 to 80 MB of them at most; others are read again when they are seen."""

TILE = 84
"""Smallest side of a tile, in pixels; tiles grow to fill the row."""

GAP = 4
RADIUS = 6
DRAGGED = 96


@dataclass(frozen=True)
class Output:
    """A picture of this session.

    Args:
        path: its file.
        job: the title of the run that made it.
        node: the node that wrote it, as the canvas calls it.
        saved: it was there before this run, which found it still good.
    """

    path: Path
    job: str = ""
    node: str = ""
    saved: bool = False

    def words(self) -> str:
        """For the tooltip."""
        source = " · ".join(part for part in (self.job, self.node) if part)
        found = "made by an earlier run" if self.saved else ""
        return "\n".join(part for part in (self.path.name, source, found) if part)


class GalleryModel(QAbstractListModel):
    """Pictures, newest first; thumbnails are read when something asks for them.

    Args:
        parent: Qt's.
        limit: pictures listed; the oldest go first.
    """

    def __init__(self, parent: QObject, limit: int = 5000) -> None:
        super().__init__(parent)
        self._limit = limit
        self._outputs: list[Output] = []
        self._rows: dict[Path, int] = {}
        self._images: OrderedDict[Path, QImage] = OrderedDict()
        self._faults: dict[Path, str] = {}
        self._reading: dict[Path, Job] = {}
        self._jobs = Jobs(2, self, drop=True)

    @property
    def outputs(self) -> Sequence[Output]:
        return self._outputs

    @property
    def busy(self) -> bool:
        """A thumbnail is being read."""
        return bool(self._reading)

    def row_of(self, path: Path) -> int | None:
        """Where a picture stands; None where it isn't listed."""
        return self._rows.get(path)

    def add(self, output: Output) -> None:
        """Put a picture first; one that is listed moves there."""
        row = self._rows.get(output.path)
        if row is None:
            self.beginInsertRows(QModelIndex(), 0, 0)
            self._outputs.insert(0, output)
            self._number()
            self.endInsertRows()
            if len(self._outputs) > self._limit:
                self.remove([self._outputs[-1].path])
            return
        if row:
            self.beginMoveRows(QModelIndex(), row, row, QModelIndex(), 0)
            self._outputs.insert(0, self._outputs.pop(row))
            self._number()
            self.endMoveRows()
        self._outputs[0] = output
        self._faults.pop(output.path, None)
        self._changed(output.path)

    def remove(self, paths: Sequence[Path]) -> None:
        """Take pictures off the list; their files stay."""
        for path in paths:
            row = self._rows.get(path)
            if row is None:
                continue
            self.beginRemoveRows(QModelIndex(), row, row)
            del self._outputs[row]
            self._number()
            self.endRemoveRows()
            self._images.pop(path, None)
            self._faults.pop(path, None)
            if job := self._reading.pop(path, None):
                job.cancel()

    def clear(self) -> None:
        """Take all of them off the list."""
        self.beginResetModel()
        self._outputs.clear()
        self._number()
        self._images.clear()
        self._faults.clear()
        while self._reading:
            self._reading.popitem()[1].cancel()
        self.endResetModel()

    def thumbnail(self, path: Path) -> QImage | None:
        """A thumbnail; None while it is being read, and where it can't be."""
        image = self._images.get(path)
        if image is not None:
            self._images.move_to_end(path)
        elif path not in self._faults and path not in self._reading:
            self._reading[path] = self._jobs.run(
                lambda: read_thumbnail(path),
                partial(self._take, path), partial(self._fail, path),
            )  # fmt: skip
        return image

    def fault(self, path: Path) -> str:
        """Why there is no thumbnail; empty where there is one, or will be."""
        return self._faults.get(path, "")

    # Qt

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._outputs)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        output = self._outputs[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole | Qt.ItemDataRole.AccessibleTextRole:
                return output.path.name
            case Qt.ItemDataRole.ToolTipRole:
                return plain_tip(self._faults.get(output.path) or output.words())
            case Qt.ItemDataRole.DecorationRole:
                return self.thumbnail(output.path)
            case Qt.ItemDataRole.UserRole:
                return output
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsDragEnabled if index.isValid() else flags

    def supportedDragActions(self) -> Qt.DropAction:
        return Qt.DropAction.CopyAction

    def mimeTypes(self) -> list[str]:
        return ["text/uri-list", PICTURE_MIME]

    def mimeData(self, indexes: Sequence[Index]) -> QMimeData:
        paths = [self._outputs[index.row()].path for index in indexes]
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
        text = json.dumps({"paths": [str(path) for path in paths]})
        data.setData(PICTURE_MIME, QByteArray(text.encode(errors="surrogateescape")))
        return data

    def _take(self, path: Path, image: QImage) -> None:
        del self._reading[path]
        self._images[path] = image
        while len(self._images) > KEPT:
            self._images.popitem(last=False)
        self._changed(path)

    def _fail(self, path: Path, error: Exception) -> None:
        del self._reading[path]
        self._faults[path] = str(error)
        self._changed(path)

    def _changed(self, path: Path) -> None:
        row = self._rows.get(path)
        if row is not None:
            index = self.index(row)
            self.dataChanged.emit(index, index)

    def _number(self) -> None:
        self._rows = {output.path: row for row, output in enumerate(self._outputs)}


class Tiles(QStyledItemDelegate):
    """Paints a picture whole, on a rounded tile."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        theme = current()
        tile = QRectF(option.rect).adjusted(GAP / 2, GAP / 2, -GAP / 2, -GAP / 2)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        path = QPainterPath()
        path.addRoundedRect(tile, RADIUS, RADIUS)
        painter.fillPath(path, theme.field)
        image = index.data(Qt.ItemDataRole.DecorationRole)
        if image is not None:
            painter.setClipPath(path)
            painter.drawImage(_whole(image.size(), tile), image)
            painter.setClipping(False)
        else:
            self._draw_missing(painter, tile, index)
        self._draw_outline(painter, tile, option)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        view = self.parent()
        return view.gridSize() if isinstance(view, QListView) else QSize(TILE, TILE)

    def _draw_missing(self, painter: QPainter, tile: QRectF, index: Index) -> None:
        model = index.model()
        output = index.data(Qt.ItemDataRole.UserRole)
        failed = isinstance(model, GalleryModel) and bool(model.fault(output.path))
        name, colour = ("triangle-alert", "warning") if failed else ("image", "disabled")
        drawn = icons.pixmap(name, colour, 20, painter.device().devicePixelRatioF())
        spot = tile.center() - QRectF(0, 0, 20, 20).center()
        painter.drawPixmap(spot, drawn)

    def _draw_outline(
        self, painter: QPainter, tile: QRectF, option: QStyleOptionViewItem
    ) -> None:
        theme = current()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(QPen(theme.selection, 2))
            painter.drawRoundedRect(tile.adjusted(1, 1, -1, -1), RADIUS - 1, RADIUS - 1)
        elif option.state & (QStyle.StateFlag.State_MouseOver | QStyle.StateFlag.State_HasFocus):
            painter.setPen(QPen(theme.field_hover, 1))
            painter.drawRoundedRect(tile.adjusted(0.5, 0.5, -0.5, -0.5), RADIUS, RADIUS)


class Gallery(QListView):
    """The list: a click or the arrow keys choose, a double-click or Enter opens."""

    chosen = Signal(object)
    """Path of the picture that the user went to."""
    opened = Signal(object)
    """Path of the picture that was double-clicked, or on which Enter was pressed."""

    def __init__(self, model: GalleryModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pictures = model
        self.setModel(model)
        self.setItemDelegate(Tiles(self))
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        # Always there, or the tiles would jump between two sizes as it comes and goes.
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setDragEnabled(True)
        self.setMouseTracking(True)
        self.setAccessibleName("Pictures of this session")
        self.setViewportMargins(MARGIN - GAP // 2, 0, 0, 0)
        self.clicked.connect(self._choose)
        self._arrange()

    def selected(self) -> list[Path]:
        """Paths of the selected pictures, in the list's order."""
        return [self._path(index) for index in sorted(self.selectedIndexes())]

    def go_to(self, path: Path | None) -> None:
        """Select a picture and bring it into view, without telling of it."""
        row = self._pictures.row_of(path) if path is not None else None
        if row is None:
            self.clearSelection()
        elif self.selected() != [path]:
            index = self._pictures.index(row)
            self.setCurrentIndex(index)
            self.scrollTo(index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        before = self.currentIndex()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and before.isValid():
            self.opened.emit(self._path(before))
            return
        super().keyPressEvent(event)
        after = self.currentIndex()
        if after.isValid() and after != before:
            self._choose(after)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        if index.isValid() and event.button() == Qt.MouseButton.LeftButton:
            self.opened.emit(self._path(index))

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._arrange()
        super().resizeEvent(event)

    def startDrag(self, actions: Qt.DropAction) -> None:
        if drag := self.make_drag():
            drag.exec(Qt.DropAction.CopyAction)

    def make_drag(self) -> QDrag | None:
        """The drag of the selected pictures, not begun; None where none is selected."""
        indexes = sorted(self.selectedIndexes())
        if not indexes:
            return None
        drag = QDrag(self)
        drag.setMimeData(self._pictures.mimeData(indexes))
        image = self._pictures.thumbnail(self._path(indexes[0]))
        if image is not None:
            drawn = QPixmap.fromImage(image).scaled(
                DRAGGED,
                DRAGGED,
                Qt.AspectRatioMode.KeepAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
            drag.setPixmap(drawn)
            drag.setHotSpot(QPoint(drawn.width() // 2, drawn.height() // 2))
        return drag

    def _arrange(self) -> None:
        """As many columns as have room for `TILE`, all of one width."""
        width = self.viewport().width() - 2
        columns = max(1, width // (TILE + GAP))
        side = max(48, width // columns)
        if self.gridSize() != QSize(side, side):
            self.setGridSize(QSize(side, side))

    def _choose(self, index: QModelIndex) -> None:
        self.chosen.emit(self._path(index))

    def _path(self, index: QModelIndex) -> Path:
        return self._pictures.outputs[index.row()].path


def _whole(size: QSize, tile: QRectF) -> QRectF:
    """The picture in the middle of the tile, all of it, as large as goes."""
    scaled = size.scaled(tile.toRect().size(), Qt.AspectRatioMode.KeepAspectRatio)
    rect = QRectF(QRect(QPoint(0, 0), scaled))
    rect.moveCenter(tile.center())
    # A hair's breadth of ground beside a picture that fills the tile would look like a fault.
    bare = tile.width() - rect.width() + tile.height() - rect.height()
    return tile if bare < 3 else rect
