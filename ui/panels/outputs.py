"""The outputs panel: this session's pictures as thumbnails, to look at, compare and use again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QMenu, QStackedWidget, QVBoxLayout, QWidget

from ui.jobs import Jobs
from ui.panels.boxes import Empty, Notice
from ui.panels.gallery import Gallery, GalleryModel, Output
from ui.panels.parts import MARGIN, IconButton, Line
from ui.panels.pictures import read_picture
from ui.theme import icons

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ui.panels.pictures import Picture


class OutputsPanel(QWidget):
    """Pictures made or found by runs of this session, newest first.

    Args:
        parent: Qt's.
    """

    picture_wanted = Signal(object)
    """Path of the picture to show: it was clicked, or gone to with the arrow keys."""
    activated = Signal(object)
    """Path of the picture that was double-clicked, or on which Enter was pressed."""
    compare_wanted = Signal(object, object)
    """Paths of two pictures to compare: the older, then the newer."""
    open_graph = Signal(object)
    """Path of the picture whose graph is to be opened."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = GalleryModel(self)
        self.gallery = Gallery(self.model)
        self._jobs = Jobs(1, self)
        self._count = Line(tone="secondary")
        self._compare = IconButton(
            "columns-2", "Compare the two that are selected", self._compare_selected
        )
        self._clear = IconButton("list-x", "Empty the list; the files stay", self.clear)
        self.notice = Notice(self)
        self._pages = QStackedWidget()
        self._pages.addWidget(
            Empty("images", "No pictures yet", "What runs of this session make is shown here.")
        )
        self._pages.addWidget(self.gallery)
        self._build()
        self.gallery.chosen.connect(self.picture_wanted)
        self.gallery.opened.connect(self.activated)
        self.gallery.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.gallery.customContextMenuRequested.connect(self._show_menu)
        self.gallery.selectionModel().selectionChanged.connect(self._tell)
        for news in (self.model.rowsInserted, self.model.rowsRemoved, self.model.modelReset):
            news.connect(self._tell)
        self.setFocusProxy(self.gallery)
        self._tell()

    # Pictures

    def add(self, path: Path, job: str = "", node: str = "", saved: bool = False) -> None:
        """List a picture first.

        Args:
            path: its file.
            job: the title of the run that made it.
            node: what wrote it.
            saved: an earlier run made it, and this one found it still good.
        """
        self.model.add(Output(path, job, node, saved))

    def clear(self) -> None:
        """Empty the list; the files stay."""
        self.model.clear()

    @property
    def paths(self) -> list[Path]:
        """All pictures, newest first."""
        return [output.path for output in self.model.outputs]

    def go_to(self, path: Path | None) -> None:
        """Mark the picture that the viewer shows."""
        self.gallery.go_to(path)

    def neighbour(self, path: Path | None, step: int) -> Path | None:
        """The picture `step` places on in the list; None where there is none."""
        row = self.model.row_of(path) if path is not None else None
        if row is None or not 0 <= row + step < len(self.model.outputs):
            return None
        return self.model.outputs[row + step].path

    # Doing

    def menu(self) -> QMenu:
        """The menu of what is selected, not shown."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        paths = self.gallery.selected()
        if not paths:
            return menu
        first = paths[0]

        def add(icon: str, text: str, slot: Callable[[], object]) -> None:
            action = menu.addAction(icons.icon(icon), text)
            action.triggered.connect(slot)

        if len(paths) == 1:
            add("eye", "Show", lambda: self.activated.emit(first))
            add("workflow", "Open the graph that made this", lambda: self.open_graph.emit(first))
            add("copy", "Copy the picture", lambda: self.copy(first))
            add("folder-open", "Show in its folder", lambda: _reveal(first))
        elif len(paths) == 2:
            add("columns-2", "Compare", self._compare_selected)
        add("clipboard-copy", "Copy the path", lambda: _copy_paths(paths))
        menu.addSeparator()
        add("x", "Take off the list", lambda: self.model.remove(paths))
        return menu

    def copy(self, path: Path) -> None:
        """Put a picture on the clipboard, once it is read."""
        self._jobs.run(lambda: read_picture(path), self._on_read, self._on_fault)

    # Inside

    def _build(self) -> None:
        head = QWidget()
        head.setFixedHeight(36)
        row = QHBoxLayout(head)
        row.setContentsMargins(MARGIN, 0, 6, 0)
        row.setSpacing(2)
        row.addWidget(self._count, 1)
        row.addWidget(self._compare)
        row.addWidget(self._clear)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addWidget(head)
        box.addWidget(self._pages, 1)
        box.addWidget(self.notice)

    def _tell(self, *_: object) -> None:
        count = len(self.model.outputs)
        selected = len(self.gallery.selectedIndexes())
        words = f"{count} picture{'' if count == 1 else 's'} of this session" if count else ""
        if selected > 1:
            words = f"{selected} of {words}"
        self._count.set_text(words)
        self._compare.setEnabled(selected == 2)
        self._clear.setEnabled(count > 0)
        self._pages.setCurrentIndex(1 if count else 0)

    def _compare_selected(self) -> None:
        paths = self.gallery.selected()
        if len(paths) == 2:
            newer, older = paths
            self.compare_wanted.emit(older, newer)

    def _show_menu(self, point: QPoint) -> None:
        menu = self.menu()
        if not menu.isEmpty():
            menu.popup(self.gallery.viewport().mapToGlobal(point))

    def _on_fault(self, error: Exception) -> None:
        self.notice.say(str(error), "error")

    def _on_read(self, found: Picture) -> None:
        data = QMimeData()
        data.setImageData(found.image)
        data.setUrls([QUrl.fromLocalFile(str(found.path))])
        QGuiApplication.clipboard().setMimeData(data)
        self.notice.say(f"{found.name} is on the clipboard.")


def _reveal(path: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(path.parent)))


def _copy_paths(paths: list[Path]) -> None:
    QGuiApplication.clipboard().setText("\n".join(str(path) for path in paths))
