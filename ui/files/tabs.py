"""The open graphs: new, open, save, close. What a window needs of tabs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from studio.editing.session import TabNote, new_key
from studio.errors import StudioError
from studio.graph.document import Graph
from ui.files.closing_up import Closer
from ui.files.dialogs import FileDialogs
from ui.files.pages import EditorPage, FaultPage, OpeningPage, Page
from ui.files.reading import Opened, read_graph
from ui.files.saving import Saver
from ui.files.tabset import TabSet
from ui.jobs import Job, Jobs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from PySide6.QtWidgets import QWidget

    from ui.editor.editor import GraphEditor

    MakeEditor = Callable[[Graph, Path | None], GraphEditor]

LARGE = 1500
"""Nodes from which the busy sign is painted before the canvas is made."""


class EditorTabs(TabSet):
    """Graphs in tabs.

    Args:
        make_editor: makes the editor of a graph; its file comes second.
        parent: Qt's.
        dialogs: ask for files.
        start_page: makes what is seen where nothing is open; None shows nothing.
        prepare: works on graphs that were read, in the thread that reads; None leaves them be.
    """

    status = Signal(str)
    """Words for the status bar."""
    used = Signal(object)
    """A path that was opened or saved, for the recent files."""

    def __init__(
        self,
        make_editor: MakeEditor,
        parent: QObject | None = None,
        *,
        dialogs: FileDialogs | None = None,
        start_page: Callable[[], QWidget] | None = None,
        prepare: Callable[[Graph], Graph] | None = None,
    ) -> None:
        super().__init__(parent, start_page)
        self._make_editor = make_editor
        self._prepare = prepare
        self.dialogs = dialogs or FileDialogs()
        self.jobs = Jobs(4, self)
        self.saver = Saver(self.jobs, self.editor_pages, self.dialogs, self)
        self.saver.status.connect(self.status)
        self.saver.used.connect(self.used)
        self.closer = Closer(self, self.saver, self)
        self._reading: dict[str, Job] = {}
        self._untitled = 0
        self.bar.new_wanted.connect(self.new)
        self.bar.tabs.tabCloseRequested.connect(self._close_at)

    # Opening

    def new(self) -> GraphEditor:
        """An empty graph in a new tab."""
        return self.open_graph(Graph())

    def open_graph(
        self,
        graph: Graph,
        title: str = "",
        *,
        path: Path | None = None,
        base: Path | None = None,
        mark: str = "",
        unsaved: bool = False,
        note: TabNote | None = None,
        front: bool = True,
    ) -> GraphEditor:
        """A graph in a new tab, or in that of the page with the note's key.

        Args:
            graph: taken over.
            title: for a graph without one.
            path: its file; None where it has none.
            base: folder where its relative paths start, where it has no file.
            mark: content hash of the file.
            unsaved: it differs from what is in the file.
            note: what is remembered of the tab.
            front: show it.
        """
        if title and not graph.title and path is None:
            graph = graph.model_copy(update={"title": title})
        editor = self._make_editor(graph, path)
        page = EditorPage(editor, base, mark, note.key if note else "", self._pages)
        if path is None and editor.name() == "Untitled":
            self._untitled += 1
            page.number = self._untitled
        if unsaved:
            editor.stack.resetClean()
        if note and note.view:
            page.look_at(note.view)
        editor.message.connect(self.status)
        if path is not None:
            self.saver.know(path, mark)
        self.put(page, front=front)
        return editor

    def open(self, path: Path, *, front: bool = True) -> None:
        """Open a graph's file, or a picture of ours, in a tab; one that is open is shown.

        Reading is done in a thread. What goes wrong is told in the tab.
        """
        path = Path(path).absolute()
        if page := self._page_at(path):
            self.show_page(page)
        else:
            self.open_note(TabNote(new_key(), path.stem, path), front=front, at_once=True)

    def open_all(self, paths: Iterable[Path]) -> None:
        """Open several files, a tab each."""
        for path in paths:
            self.open(path)

    def ask_open(self) -> None:
        """Ask for files, and open them."""
        self.open_all(self.dialogs.ask_open(self.stack.window()))

    def open_template(self, path: Path) -> None:
        """A copy of a graph that ships with the program, without a file of its own.

        These files are small and ours, so they are read here and now.
        """
        try:
            opened = read_graph(path)
        except (StudioError, OSError) as error:
            self._show_fault(TabNote(new_key(), path.stem, path), error)
        else:
            self.open_graph(opened.graph, opened.title, base=opened.base)

    def open_note(self, note: TabNote, *, front: bool = True, at_once: bool = False) -> None:
        """A tab as it is remembered; its file is read when it is first seen, or at once."""
        page = OpeningPage(note, self._pages)
        page.wanted.connect(self._read)
        page.cancelled.connect(self.close_page)
        self.put(page, front=front)
        if at_once:
            self._read(page)

    def open_read(
        self, note: TabNote, opened: Opened, *, unsaved: bool = False, front: bool = True
    ) -> None:
        """A graph that was read already, in a tab as it is remembered.

        Args:
            note: of the tab.
            opened: the graph and its file.
            unsaved: the file has another.
            front: show it.
        """
        page = OpeningPage(note, self._pages, unsaved=unsaved)
        page.start()
        self.put(page, front=front)
        self._opened(page, opened)

    def show_key(self, key: str) -> None:
        """Bring the tab with this key to the front, if there is one."""
        if (place := self.bar.tabs.place_of(key)) >= 0:
            self.bar.tabs.setCurrentIndex(place)

    def _page_at(self, path: Path) -> Page | None:
        return next((page for page in self.pages() if page.path == path), None)

    def _read(self, page: OpeningPage) -> None:
        if page.key in self._reading or page.path is None:
            return
        page.start()
        path = page.path
        self._reading[page.key] = self.jobs.run(
            lambda: self._prepared(read_graph(path)),
            lambda opened: self._opened(page, opened),
            lambda error: self._not_opened(page, error),
        )

    def _prepared(self, opened: Opened) -> Opened:
        """In the thread that reads: what takes long for a large graph."""
        if self._prepare is None or len(opened.graph.nodes) < LARGE:
            return opened
        return replace(opened, graph=self._prepare(opened.graph))

    def _opened(self, page: OpeningPage, opened: Opened) -> None:
        count = len(opened.graph.nodes)
        if count < LARGE:
            self._make(page, opened)
            return
        page.show_busy(f"Drawing {count:,} nodes …")
        page.stop.hide()
        # Painted before the canvas takes all the time there is.
        page.repaint()
        QTimer.singleShot(30, page, lambda: self._make(page, opened))

    def _make(self, page: OpeningPage, opened: Opened) -> None:
        self._reading.pop(page.key, None)
        note, front = page.note(), page is self.current_page
        same = self._page_at(opened.path) if opened.path else None
        if same is not None and same is not page:
            # Another name of a file that is open, by a link.
            self.drop(page)
            self.show_page(same)
            return
        self.open_graph(
            opened.graph,
            opened.title,
            path=opened.path,
            base=opened.base,
            mark=opened.mark,
            unsaved=page.restored,
            note=note,
            front=front,
        )
        if path := opened.path or note.path:
            self.used.emit(path)

    def _not_opened(self, page: OpeningPage, error: StudioError | OSError) -> None:
        self._reading.pop(page.key, None)
        self._show_fault(page.note(), error, front=page is self.current_page)

    def _show_fault(self, note: TabNote, error: Exception, *, front: bool = True) -> None:
        fault = FaultPage(note, error, self._pages)
        fault.again.connect(self._again)
        fault.close_wanted.connect(self.close_page)
        self.put(fault, front=front)

    def _again(self, page: FaultPage) -> None:
        self.open_note(page.note(), at_once=True)

    # Closing

    def close_current(self) -> None:
        """Close the tab in front; asks where it has unsaved changes."""
        if page := self.current_page:
            self.close_page(page)

    def close(self, editor: GraphEditor) -> None:
        """Close an editor's tab; asks where it has unsaved changes."""
        if page := self.page_of(editor):
            self.close_page(page)

    def close_page(self, page: Page) -> None:
        """Close a tab; asks where it has unsaved changes."""
        self.closer.close([page], lambda _: None)

    def close_all(self, done: Callable[[bool], None] = lambda _: None) -> bool:
        """Close every tab; asks once for all that have unsaved changes.

        Args:
            done: hears whether all were closed.

        Returns:
            True where nothing had to be asked: all are closed. Else the answer comes to `done`.
        """
        return self.closer.close(self.pages(), done)

    def ask_unsaved(self, done: Callable[[bool], None]) -> bool:
        """Ask for all unsaved tabs, and leave them open: for the end of the program.

        Args:
            done: hears whether what should be saved is, so that the program may end.

        Returns:
            True where nothing has to be asked; `done` isn't called then.
        """
        return self.closer.ask(self.pages(), done)

    def drop(self, page: Page) -> None:
        if job := self._reading.pop(page.key, None):
            job.cancel()
        if isinstance(page, EditorPage) and page.path is not None:
            self.saver.forget(page.path)
        super().drop(page)

    def _close_at(self, place: int) -> None:
        self.close_page(self.pages()[place])

    # Saving

    def save(self, editor: GraphEditor | None = None) -> None:
        """Save an editor's graph, or that of the tab in front."""
        if page := self._wanted(editor):
            self.saver.save(page)

    def save_as(self, editor: GraphEditor | None = None) -> None:
        """Ask for a path, and save there."""
        if page := self._wanted(editor):
            self.saver.save_as(page)

    def export_selection(self, editor: GraphEditor | None = None) -> None:
        """Save the selected nodes as a graph of their own."""
        if page := self._wanted(editor):
            self.saver.export(page)

    def _wanted(self, editor: GraphEditor | None) -> EditorPage | None:
        editor = editor or self.current
        return self.page_of(editor) if editor else None

    def end(self) -> None:
        """Wait for what is being read and written; for the end of the program."""
        self.ended = True
        for job in self._reading.values():
            job.cancel()
        self._reading.clear()
        self.jobs.close()
        for page in self.editor_pages():
            page.leave()
