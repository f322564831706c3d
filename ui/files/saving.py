"""Save, save as, reload and export: what goes between a tab and its file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from studio.editing.strokes import carry_masks
from studio.graph.document import Node
from studio.graph.files import loads
from ui.editor.undo import EditCommand
from ui.files.dialogs import FileDialogs, file_name
from ui.files.pages import fault_words
from ui.files.reading import ChangedOnDisk, Opened, read_graph, write_graph
from ui.files.replacing import replace_graph
from ui.files.watch import FileWatch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from studio.errors import StudioError
    from ui.editor.editor import GraphEditor
    from ui.files.pages import EditorPage
    from ui.jobs import Jobs

CHANGED = "changed on disk"
SAVING = "saving"


class Saver(QObject):
    """Writes tabs to their files and reads them again.

    Args:
        jobs: where the disk is touched.
        pages: gives the tabs that are open.
        dialogs: ask for a path.
        parent: Qt's.
    """

    status = Signal(str)
    saved = Signal(object)
    """A tab's graph is in its file: the page."""
    used = Signal(object)
    """A path that was written, for the recent files."""

    def __init__(
        self,
        jobs: Jobs,
        pages: Callable[[], list[EditorPage]],
        dialogs: FileDialogs,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._pages = pages
        self.dialogs = dialogs
        self._watch = FileWatch(jobs, self)
        self._watch.changed.connect(self._changed_on_disk)
        self._watch.gone.connect(self._gone)

    # Saving

    def save(self, page: EditorPage, done: Callable[[bool], None] = lambda _: None) -> None:
        """Write a tab to its file, which is asked for where there is none.

        Args:
            page: the tab.
            done: hears whether it was written; not at all where another save is under way.
        """
        if page.path is None:
            self.save_as(page, done)
        else:
            self._write(page, page.path, page.mark or None, done)

    def save_as(self, page: EditorPage, done: Callable[[bool], None] = lambda _: None) -> None:
        """Ask for a path, and write there."""
        suggested = str(page.path) if page.path else file_name(page.title)
        path = self.dialogs.ask_save(page.window(), suggested)
        if path is None:
            done(False)
            return
        if any(other is not page and other.path == path for other in self._pages()):
            page.banners.show_banner(
                SAVING, "error", f"{path.name} is open in another tab; close that first."
            )
            done(False)
            return
        self._write(page, path, None, done)

    def overwrite(self, page: EditorPage) -> None:
        """Write a tab over whatever its file has become."""
        if page.path is not None:
            self._write(page, page.path, None, lambda _: None)

    def _write(
        self, page: EditorPage, path: Path, known: str | None, done: Callable[[bool], None]
    ) -> None:
        if page.saving:
            return
        page.saving = True
        page.banners.clear(SAVING)
        graph, revision = page.editor.document.graph(), page.editor.document.revision
        before = page.path.absolute().parent if page.path else page.base
        folder = path.absolute().parent
        past = _past_nodes(page.editor) if before not in (None, folder) else []

        def write() -> tuple[str, list[str]]:
            mark = write_graph(graph, path, known)
            # Imported masks lie beside their graph, and go with it.
            return mark, carry_masks(graph, before, folder, past) if before else []

        def written(result: tuple[str, list[str]]) -> None:
            mark, troubles = result
            page.saving = False
            if self._is_open(page):
                self.know(path, mark, instead_of=page.path)
                # Whoever went on editing meanwhile has unsaved changes again.
                if page.editor.document.revision == revision:
                    page.editor.stack.setClean()
                elif before:
                    self._carry_on(page, before, folder)
                page.saved_as(path, mark)
                page.banners.clear(CHANGED)
            self.status.emit(" ".join([f"Saved {path}", *troubles[:1]]))
            self.saved.emit(page)
            self.used.emit(path)
            done(True)

        def failed(error: StudioError | OSError) -> None:
            page.saving = False
            if not self._is_open(page):
                self.status.emit(str(error))
            elif isinstance(error, ChangedOnDisk):
                self._offer(page)
            else:
                page.banners.show_banner(
                    SAVING,
                    "error",
                    str(error),
                    [("Save as …", lambda: self.save_as(page))],
                )
            done(False)

        self._jobs.run(write, written, failed)

    def _carry_on(self, page: EditorPage, old: Path, new: Path) -> None:
        """A mask that was imported while the graph went to another folder goes there, too."""
        graph = page.editor.document.graph()

        def carried(troubles: list[str]) -> None:
            if troubles:
                self.status.emit(troubles[0])

        self._jobs.run(
            lambda: carry_masks(graph, old, new),
            carried,
            lambda error: self.status.emit(str(error)),
        )

    def export(self, page: EditorPage) -> None:
        """Write the selected nodes to a file of their own."""
        from studio.editing.clipboard import copy_text  # not needed to start

        editor = page.editor
        names = editor.selected()
        if not names:
            self.status.emit("Select what to export first.")
            return
        frames = editor.scene.selected_frames()
        graph = loads(copy_text(editor.document, names, frames))
        # Where wires from outside came from means nothing in another file.
        if graph.model_extra:
            graph.model_extra.pop("outside", None)
        title = f"{page.title} selection"
        path = self.dialogs.ask_save(page.window(), file_name(title), "Export the selection")
        if path is None:
            return
        if any(other.path == path for other in self._pages()):
            self.status.emit(f"{path.name} is open in a tab; choose another name.")
            return
        count = len(names)
        words = f"Exported {count} node{'s' * (count != 1)} to {path}"
        self._jobs.run(
            lambda: write_graph(graph, path),
            lambda _: self.status.emit(words),
            lambda error: self.status.emit(str(error)),
        )

    # Files that others change

    def know(self, path: Path, mark: str, instead_of: Path | None = None) -> None:
        """A tab's file has these contents."""
        if instead_of is not None and instead_of != path:
            self._watch.forget(instead_of)
        self._watch.know(path, mark)

    def forget(self, path: Path) -> None:
        """No tab has this file any more."""
        self._watch.forget(path)

    def look_again(self) -> None:
        """Look whether others changed a file; for when the window is entered."""
        self._watch.look_again()

    def reload(self, page: EditorPage) -> None:
        """Take the file's graph, as a step that can be undone."""
        path = page.path
        if path is None:
            return

        def read(opened: Opened) -> None:
            if not self._is_open(page):
                return
            editor = page.editor
            editor.push(replace_graph(editor.document, opened.graph, f"Reload {path.name}"))
            editor.stack.setClean()
            page.saved_as(path, opened.mark)
            self.know(path, opened.mark)
            page.banners.clear(CHANGED)
            self.status.emit(f"Reloaded {path}")
            self.saved.emit(page)

        def failed(error: StudioError | OSError) -> None:
            words = f"{path.name} could not be reloaded, and your graph is as it was.\n"
            words += "\n".join(fault_words(error).splitlines()[:5])
            if self._is_open(page):
                page.banners.show_banner(CHANGED, "error", words)

        self._jobs.run(lambda: read_graph(path), read, failed)

    def _is_open(self, page: EditorPage) -> bool:
        """The tab may have been closed while the disk was at work."""
        return page in self._pages()

    def _page_of(self, path: Path) -> EditorPage | None:
        return next((page for page in self._pages() if page.path == path), None)

    def _changed_on_disk(self, path: Path, mark: str) -> None:
        page = self._page_of(path)
        if page and not page.saving and mark != page.mark:
            self._offer(page, mark)

    def _offer(self, page: EditorPage, mark: str = "") -> None:
        """Another program changed the file: which of the two counts?"""
        name = page.path.name if page.path else page.title
        words = f"{name} was changed by another program."
        if page.unsaved:
            words += " You have changes that aren't saved, too."

        def keep() -> None:
            # From now on these are known, and Save writes over them.
            page.mark = mark
            page.editor.stack.resetClean()

        def reload() -> None:
            self.reload(page)

        def overwrite() -> None:
            self.overwrite(page)

        mine = ("Keep mine", keep) if mark else ("Save over it", overwrite)
        page.banners.show_banner(CHANGED, "warning", words, [("Reload", reload), mine])

    def _gone(self, path: Path) -> None:
        if (page := self._page_of(path)) and not page.saving:
            page.editor.stack.resetClean()
            page.banners.show_banner(
                CHANGED,
                "warning",
                f"{path.name} isn't there any more. Save to write it again.",
                [("Save", lambda: self.overwrite(page))],
            )


def _past_nodes(editor: GraphEditor) -> list[Node]:
    """Nodes as they were, or are again after undo or redo."""
    stack = editor.stack
    commands = (stack.command(number) for number in range(stack.count()))
    return [
        node
        for command in commands
        if isinstance(command, EditCommand)
        for change in command.edit.changes
        for node in (change.before, change.after)
        if isinstance(node, Node)
    ]
