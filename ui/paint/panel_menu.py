"""Behind the three dots: files in and out, and what acts on a whole layer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QMenu

from studio.editing.strokes import MASK, SKETCH, set_items
from studio.masks.imported import embed
from ui.editor.inline.path import PICTURES
from ui.paint import files
from ui.paint.tools.keys import KEYS
from ui.theme import icons

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QAction

    from studio.errors import StudioError
    from ui.paint.panel import PaintPanel

PNG = "PNG (*.png)"


class PanelMenu(QMenu):
    """The canvas's menu.

    Args:
        panel: whose canvas; the parent.
    """

    def __init__(self, panel: PaintPanel) -> None:
        super().__init__(panel)
        self._panel = panel
        self.dialog: QFileDialog | None = None
        """The one that asks for a file now."""
        self.acts: dict[str, QAction] = {}
        for name, icon, words, do in (
            ("save_mask", "save", "Save mask as PNG …", self.ask_save_mask),
            ("save_alpha", "file-image", "Save picture with mask as alpha …", self.ask_save_alpha),
            ("load_mask", "folder-open", "Load mask …", self.ask_load),
            ("embed", "box", "Embed imported masks", self.embed_masks),
            ("", "", "", None),
            ("paste", "clipboard-paste", "Paste a picture", lambda: panel.incoming.paste()),
            ("", "", "", None),
            ("invert", "contrast", "Invert the mask", lambda: panel.do("invert")),
            ("fill", "square-full", "Fill", lambda: panel.do("fill")),
            ("clear", "trash-2", "Clear", lambda: panel.do("clear")),
            ("remove", "rotate-ccw", "Remove all strokes", self.remove_all),
        ):
            self._add(name, icon, words, do)
        self.aboutToShow.connect(self._show)

    def _add(self, name: str, icon: str, words: str, do: Callable[[], object] | None) -> None:
        if do is None:
            self.addSeparator()
            return
        # Said and not bound: the canvas itself hears its keys.
        key = next((each.keys[0] for each in KEYS if each.action == name), "")
        action = self.addAction(icons.icon(icon), f"{words}\t{key}" if key else words)
        action.triggered.connect(lambda _=False: do())
        self.acts[name] = action

    def _show(self) -> None:
        binding = self._panel.binding
        ready = binding is not None and binding.painting.ready
        for name in ("save_mask", "save_alpha", "load_mask", "invert", "fill", "clear"):
            self.acts[name].setEnabled(ready)
        hashes = binding.painting.strokes.hashes if binding is not None else ()
        self.acts["embed"].setEnabled(ready and bool(hashes))
        # What a file has there that can't be drawn is got rid of in this way, too.
        self.acts["remove"].setEnabled(
            binding is not None and binding.alive and not binding.is_bare()
        )

    # Saving

    def ask_save_mask(self) -> None:
        """Ask for a file and write the mask there."""
        self._ask_save("Save the mask", "mask", self.save_mask)

    def ask_save_alpha(self) -> None:
        """Ask for a file and write the picture there, transparent where it is masked."""
        self._ask_save("Save the picture with the mask as alpha", "masked", self.save_alpha)

    def save_mask(self, path: Path) -> None:
        """Write the node's mask, white = repaint."""
        self._write(path, files.save_mask)

    def save_alpha(self, path: Path) -> None:
        """Write the picture, transparent where it is masked."""
        self._write(path, files.save_with_alpha)

    def _write(self, path: Path, write: Callable[[files.Snapshot, Path], None]) -> None:
        binding = self._panel.binding
        if binding is None or not binding.painting.ready:
            return
        path = path if path.suffix.lower() == files.SUFFIX else path.with_name(path.name + ".png")
        snapshot = files.Snapshot(binding.painting)
        self._panel.jobs.run(
            lambda: write(snapshot, path),
            lambda _: self._panel.tell(f"Saved {path}"),
            self._failed,
        )

    def _ask_save(self, title: str, ending: str, then: Callable[[Path], None]) -> None:
        binding = self._panel.binding
        if binding is None:
            return
        source = binding.source.path
        name = f"{source.stem if source else binding.node}_{ending}.png"
        dialog = QFileDialog(self._panel, title, str(self._folder()), PNG)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("png")
        dialog.selectFile(name)
        self._open(dialog, then)

    # Loading

    def ask_load(self) -> None:
        """Ask for a picture file and put it on the mask."""
        dialog = QFileDialog(self._panel, "Load a mask", str(self._folder()), PICTURES)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        self._open(dialog, lambda path: self._panel.incoming.as_mask(path))

    def _folder(self) -> Path:
        binding = self._panel.binding
        if binding is not None and binding.editor.path is None and binding.source.path:
            return binding.source.path.parent
        return binding.base if binding is not None else Path.home()

    def _open(self, dialog: QFileDialog, then: Callable[[Path], None]) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda text: then(Path(text)))
        dialog.destroyed.connect(self._dialog_gone)
        self.dialog = dialog
        dialog.open()

    def _dialog_gone(self) -> None:
        self.dialog = None

    # The strokes

    def embed_masks(self) -> None:
        """Put the imported masks into the graph, so that it needs no files beside it."""
        binding = self._panel.binding
        if binding is None or not binding.painting.ready:
            return  # what can't be drawn is left as it is
        value = binding.editor.document.nodes[binding.node].params.get(MASK) or {}
        strokes, base = binding.painting.strokes, binding.base

        def work() -> list[dict[str, Any]]:
            return files.changed_items(value, embed(strokes, base))

        def then(items: list[dict[str, Any]]) -> None:
            document = binding.editor.document
            now = document.nodes[binding.node].params.get(MASK) if binding.alive else None
            if now is not value:
                self._panel.tell("The mask has changed meanwhile. Embed it again.")
                return
            binding.push(set_items(document, binding.node, {MASK: items}, "Embed masks"))
            self._panel.tell("The imported masks are in the graph now.")

        self._panel.jobs.run(work, then, self._failed)

    def remove_all(self) -> None:
        """Begin anew: no strokes on mask and sketch; one step of undo."""
        binding = self._panel.binding
        if binding is not None and binding.alive:
            edit = set_items(
                binding.editor.document, binding.node, {MASK: [], SKETCH: []}, "Remove all strokes"
            )
            binding.push(edit)

    def _failed(self, error: StudioError | OSError) -> None:
        self._panel.tell(str(error), "error")
