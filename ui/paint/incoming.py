"""Pictures that are pasted or dropped on the canvas: as the picture, or as a mask."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QMimeData, QObject
from PySide6.QtGui import QCursor, QGuiApplication, QImage
from PySide6.QtWidgets import QMenu

from studio.editing.changes import EditRefused
from studio.editing.strokes import MASK, add_items
from studio.settings import home_folder
from ui.paint import files
from ui.paint.drop import paths_of
from ui.paint.opening import set_picture
from ui.theme import icons

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtCore import QPoint

    from studio.errors import StudioError
    from ui.paint.binding import Binding
    from ui.paint.panel import PaintPanel

Found = Path | QImage


class Incoming(QObject):
    """Asks what a picture is to be, and does it.

    Args:
        panel: whose canvas; the parent.
    """

    def __init__(self, panel: PaintPanel) -> None:
        super().__init__(panel)
        self._panel = panel
        self.menu: QMenu | None = None
        """The question last asked."""

    # Where pictures come from

    def wants(self, data: QMimeData) -> bool:
        """Whether there is a picture in it."""
        return data.hasImage() or bool(paths_of(data))

    def take(self, data: QMimeData, at: QPoint | None = None) -> bool:
        """Ask about the picture in dropped or pasted data; False where there is none."""
        if paths := paths_of(data):
            self.ask(paths[0], at)
            return True
        image = data.imageData() if data.hasImage() else None
        if isinstance(image, QImage) and not image.isNull():
            self.ask(image, at)
            return True
        return False

    def paste(self) -> None:
        """Ask about the picture on the clipboard."""
        data = QGuiApplication.clipboard().mimeData()
        # Some systems have nothing at all on an empty clipboard.
        if not isinstance(data, QMimeData) or not self.take(data):
            self._panel.tell("There is no picture on the clipboard.")

    def ask_files(self, paths: list[Path]) -> None:
        """Ask about dropped files; the first one counts."""
        if paths:
            self.ask(paths[0])

    def ask(self, found: Found, at: QPoint | None = None) -> None:
        """Ask what a picture is to be."""
        if self._panel.binding is None:
            return
        menu = QMenu(self._panel)
        menu.addAction(
            icons.icon("image"), "As the picture", lambda: self.as_picture(found)
        )
        menu.addAction(icons.icon("contrast"), "As a mask", lambda: self.as_mask(found))
        menu.addSeparator()
        menu.addAction("Cancel")
        menu.aboutToHide.connect(menu.deleteLater)
        menu.destroyed.connect(self._menu_gone)
        self.menu = menu
        menu.popup(at or QCursor.pos())

    def _menu_gone(self) -> None:
        self.menu = None

    # What becomes of them

    def as_picture(self, found: Found) -> None:
        """Paint on this picture from now on: one step of undo."""
        binding = self._panel.binding
        if binding is None:
            return
        if isinstance(found, Path):
            self._set_picture(binding, found)
            return
        path = binding.editor.path
        folder = path.absolute().parent if path is not None else home_folder() / "input"
        image = QImage(found)
        self._run(
            binding, lambda: files.keep_picture(image, folder), self._set_picture
        )

    def as_mask(self, found: Found) -> None:
        """Put this picture on the mask: one step of undo."""
        binding = self._panel.binding
        if binding is None:
            return
        if not binding.painting.ready:
            self._panel.tell("There is no picture yet that a mask could lie on.", "error")
            return
        size = binding.painting.width, binding.painting.height
        base = binding.base if binding.editor.path is not None else None
        image = QImage(found) if isinstance(found, QImage) else None

        def work() -> dict[str, Any]:
            if image is not None:
                plane = files.mask_of_image(image)
            else:
                assert isinstance(found, Path)
                plane = files.mask_of_file(found)
            return files.raster_item(plane, size, base)

        def then(binding: Binding, item: dict[str, Any]) -> None:
            if base not in (None, binding.base) and binding is self._panel.binding:
                self.as_mask(found)  # meanwhile the graph was saved in another folder
                return
            self._push(
                binding,
                lambda: binding.push(
                    add_items(
                        binding.editor.document, binding.node, MASK, [item], "Import a mask"
                    )
                ),
            )

        self._run(binding, work, then)

    def _set_picture(self, binding: Binding, path: Path) -> None:
        editor, loader = binding.editor, binding.source.loader
        before = editor.document.nodes[loader].params.get("path") if loader else None
        done = self._push(
            binding, lambda: binding.push(set_picture(editor, binding.node, loader, path))
        )
        if done and before is not None and binding.source.path == path:
            binding.refresh()

    def _push(self, binding: Binding, push: Callable[[], bool]) -> bool:
        if not binding.alive:
            self._panel.tell("The mask isn't there any more.", "error")
            return False
        try:
            return push()
        except EditRefused as refused:
            self._panel.tell(str(refused), "error")
            return False

    def _run(
        self, binding: Binding, work: Callable[[], Any], then: Callable[[Binding, Any], None]
    ) -> None:
        def failed(error: StudioError | OSError) -> None:
            self._panel.tell(str(error), "error")

        def done(result: Any) -> None:
            if not binding.alive:
                self._panel.tell("The mask isn't there any more.", "error")
            else:
                then(binding, result)

        self._panel.jobs.run(work, done, failed)
