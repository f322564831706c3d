"""The path of a file: typed, browsed, and shown small where it is a picture."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QFileDialog, QSizePolicy, QWidget

from studio.editing.edits import set_param
from studio.errors import StudioError
from studio.params import OutputFile
from studio.places import Places
from studio.settings import home_folder
from ui.editor.inline.iconbutton import IconButton
from ui.editor.inline.line import LineField
from ui.editor.pictures import Thumbnails
from ui.theme import manager

if TYPE_CHECKING:
    from PySide6.QtGui import QDragEnterEvent, QDropEvent, QPaintEvent

    from studio.spec import Param
    from ui.editor.editor import GraphEditor

PICTURES = "Pictures (*.png *.jpg *.jpeg *.webp *.bmp *.tif *.tiff *.gif);;All files (*)"
_PREVIEW = 140
"""Pixels of height at most."""


class PathField(LineField):
    """A path.

    Args:
        param: has the marker `PictureFile` or `OutputFile`.
        parent: Qt's.
        editor: its file's folder is where relative paths start.
        node: id of the node.
        preview: show the picture below.
        scale: see `Field`.
    """

    def __init__(
        self,
        param: Param,
        parent: QWidget | None,
        editor: GraphEditor,
        node: str,
        *,
        preview: bool = False,
        scale: float = 1.0,
    ) -> None:
        super().__init__(param, parent, scale=scale)
        self._editor = editor
        self._node = node
        margins = self.row.contentsMargins()
        margins.setRight(round(3 * scale))
        self.row.setContentsMargins(margins)
        self.browse_button = IconButton("folder-open", "Choose a file", self, scale)
        self.browse_button.clicked.connect(self.browse)
        self.row.addWidget(self.browse_button)
        self.preview: Preview | None = None
        if preview:
            self.preview = Preview(self, editor)
            layout = self.layout()
            assert layout is not None
            layout.addWidget(self.preview)
        self.setAcceptDrops(True)
        self.line.setAcceptDrops(False)

    def show_value(self, value: Any) -> None:
        super().show_value(value)
        if self.preview is not None:
            self.preview.show_path(value if isinstance(value, str) else "")

    def browse(self) -> None:
        """Choose a file in a dialog."""
        assert self.param is not None
        browse(self._editor, self._node, self.param.name)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if paths and self.param is not None:
            event.acceptProposedAction()
            self.line.setText(text_of_path(self._editor, self.param, Path(paths[0])))
            self.commit()


class Preview(QWidget):
    """The picture at a path, loaded off the GUI thread; nothing where there is none."""

    def __init__(self, parent: QWidget, editor: GraphEditor) -> None:
        super().__init__(parent)
        self._image: QImage | None = None
        self._path = ""
        self._thumbnails = Thumbnails(lambda: input_folders(editor), self)
        self._thumbnails.loaded.connect(self._loaded)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.hide()

    def show_path(self, path: str) -> None:
        self._path = path
        self._take(self._thumbnails.get(path))

    def sizeHint(self) -> QSize:
        if self._image is None:
            return QSize(0, 0)
        room = QSize(max(60, self.width()), _PREVIEW)
        return QSize(60, min(_PREVIEW, self._fitted(room).height()))

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._image is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        size = self._fitted(self.size())
        place = QRectF((self.width() - size.width()) / 2, 0, size.width(), size.height())
        painter.drawImage(place, self._image)
        theme = manager.current()
        painter.setPen(theme.field_border)
        painter.drawRect(place.adjusted(0, 0, -1, -1))

    def _fitted(self, room: QSize) -> QSize:
        assert self._image is not None
        size = self._image.size()
        if size.width() <= room.width() and size.height() <= room.height():
            return size
        return size.scaled(room, Qt.AspectRatioMode.KeepAspectRatio)

    def _loaded(self, path: str) -> None:
        if path == self._path:
            self._take(self._thumbnails.get(path))

    def _take(self, image: QImage | None) -> None:
        self._image = image
        self.setVisible(image is not None)
        self.updateGeometry()
        self.update()


def browse(editor: GraphEditor, node: str, param_name: str) -> QFileDialog | None:
    """Open a dialog to choose the file of a parameter; the choice is one step of undo."""
    spec = editor.document.spec(node)
    param = spec.param_by_name.get(param_name) if spec else None
    if param is None:
        return None
    dialog = QFileDialog(editor, f"Choose {param.name}")
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    marker = param.marker
    if isinstance(marker, OutputFile):
        dialog.setNameFilter(f"Files (*{marker.suffix});;All files (*)")
    elif marker.widget == "picture":
        dialog.setNameFilter(PICTURES)
    if start := _start_folder(editor, param):
        dialog.setDirectory(str(start))

    def chosen(path: str) -> None:
        if node in editor.document.nodes:
            text = text_of_path(editor, param, Path(path))
            editor.attempt(lambda: set_param(editor.document, node, param_name, text))

    dialog.fileSelected.connect(chosen)
    dialog.open()
    return dialog


def text_of_path(editor: GraphEditor, param: Param, path: Path) -> str:
    """A path as a graph says it: relative to the folder that it is looked up in."""
    if isinstance(param.marker, OutputFile):
        roots = [folder] if (folder := _output_folder(editor)) else []
    else:
        roots = list(input_folders(editor))
    for root in roots:
        if path.is_relative_to(root):
            return path.relative_to(root).as_posix()
    return str(path)


def input_folders(editor: GraphEditor) -> tuple[Path, ...]:
    """Where relative paths of pictures are looked up, in order: as a run does it."""
    beside = editor.path.absolute().parent if editor.path else editor.base
    return (*((beside,) if beside else ()), home_folder() / "input")


def _start_folder(editor: GraphEditor, param: Param) -> Path | None:
    if isinstance(param.marker, OutputFile):
        folders = [folder] if (folder := _output_folder(editor)) else []
    else:
        folders = list(input_folders(editor))
    return next((folder for folder in folders if os.path.isdir(folder)), None)


def _output_folder(editor: GraphEditor) -> Path | None:
    try:
        return Places.load().output
    except StudioError as error:
        editor.message.emit(str(error))
        return None
