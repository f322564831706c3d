"""Nothing is lost: unsaved tabs are kept while one works, and come back after a crash.

After a clean end the tabs that have a file come back, each read when it is first seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from studio.editing.recovery import RecoveryStore
from studio.editing.session import Session, write_whole
from studio.errors import StudioError
from studio.graph.files import dumps
from ui.files.autosave import Autosave, begin_store
from ui.files.reading import Opened, mark_of, read_graph

if TYPE_CHECKING:
    from collections.abc import Sequence

    from studio.editing.recovery import Kept, Recovered
    from ui.files.pages import EditorPage
    from ui.files.tabs import EditorTabs

FOLDER = "recovery"
SESSION = "session.json"
RESTORED = "restored"


@dataclass(frozen=True)
class _Found:
    """What there is to bring back."""

    recovered: Recovered
    unsaved: dict[str, Kept]
    alone: bool


class Keeper(QObject):
    """Keeps the tabs, and brings them back.

    Args:
        tabs: what is open.
        home: the user's folder; what is kept lies there.
        parent: Qt's.
    """

    started = Signal()
    """All that is brought back has its tab."""

    def __init__(self, tabs: EditorTabs, home: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tabs = tabs
        self._session_file = home / SESSION
        store, trouble = begin_store(RecoveryStore(home / FOLDER))
        self._trouble = trouble
        self.autosave = Autosave(store, tabs.session, self)
        self.autosave.failed.connect(self._not_kept)
        self.autosave.mended.connect(self._kept_again)
        self._restored: dict[str, Kept] = {}
        self._default: Path | None = None
        tabs.page_added.connect(self._page_added)
        tabs.page_closed.connect(self.autosave.forget)
        tabs.changed.connect(self.autosave.tabs_changed)
        tabs.saver.saved.connect(self._saved)

    def start(self, paths: Sequence[Path] = (), default: Path | None = None) -> None:
        """Bring back what was open, and open `paths` in front of it.

        Args:
            paths: given on the command line.
            default: a template to open where nothing else is; None shows the start page.
        """
        self._default = default
        if self._trouble:
            self._not_kept(self._trouble)
        store = self.autosave.store
        if store is not None and store.waiting():
            self.autosave.adopt(lambda recovered: self._sort_out(store, recovered, paths))
        else:
            self._reopen(paths)

    def end(self) -> None:
        """The program ends, and whatever is still unsaved was given up: remember the tabs."""
        session = self._tabs.session().with_files()
        try:
            write_whole(self._session_file, session.dumps().encode())
        except OSError as error:
            self._tabs.status.emit(f"The tabs can't be remembered: {error.strerror or error}")
        self.autosave.end()

    # Bringing back

    def _sort_out(
        self, store: RecoveryStore, recovered: Recovered, paths: Sequence[Path]
    ) -> None:
        def look() -> _Found:
            kept = {key: item for key, item in recovered.kept.items() if not _is_saved(item)}
            return _Found(recovered, kept, not store.living())

        self._tabs.jobs.run(
            look,
            lambda found: self._bring_back(found, paths),
            lambda error: self._not_kept(str(error)),
        )

    def _bring_back(self, found: _Found, paths: Sequence[Path]) -> None:
        recovered = found.recovered
        if recovered.words:
            self._tabs.notices.show_banner(RESTORED, "warning", "\n".join(recovered.words))
        for key in recovered.kept.keys() - found.unsaved.keys():
            self.autosave.drop(key)
        if not recovered.session.tabs:
            # Another window of this user shows the tabs of the last time already.
            self._reopen(paths, anew=not found.alone)
            return
        self._restored = dict(found.unsaved)
        notes = recovered.session.tabs
        for place, note in enumerate(notes):
            front = place == recovered.session.current
            if (kept := found.unsaved.get(note.key)) is None:
                self._tabs.open_note(note, front=front)
                continue
            base = note.base or (note.path.parent if note.path else Path.home())
            opened = Opened(kept.graph, note.path, note.title, base, note.mark)
            self._tabs.open_read(note, opened, unsaved=True, front=front)
        self._tabs.show_key(notes[recovered.session.current].key)
        if count := len(found.unsaved):
            graphs = "An unsaved graph was" if count == 1 else f"{count} unsaved graphs were"
            self._tabs.status.emit(f"{graphs} restored: the program had ended unexpectedly.")
        self._finish(paths)

    def _reopen(self, paths: Sequence[Path], *, anew: bool = False) -> None:
        """The tabs of the last time, unless one starts anew."""
        session = Session() if anew else self._last_session()
        for place, note in enumerate(session.tabs):
            self._tabs.open_note(note, front=place == session.current)
        if session.tabs:
            self._tabs.show_key(session.tabs[session.current].key)
        self._finish(paths)

    def _last_session(self) -> Session:
        try:
            return Session.loads(self._session_file.read_bytes()).with_files()
        except (OSError, ValueError):
            return Session()  # the first start, or a damaged list of tabs: nothing of worth

    def _finish(self, paths: Sequence[Path]) -> None:
        self._tabs.open_all(paths)
        if not self._tabs.pages():
            if self._default is not None:
                self._tabs.open_template(self._default)
            else:
                self._tabs.show_start()
        self.started.emit()

    # While one works

    def _page_added(self, page: EditorPage) -> None:
        kept = self._restored.pop(page.key, None)
        self.autosave.watch(page, kept=kept is not None)
        if kept is None:
            return
        when = datetime.fromtimestamp(kept.written).strftime("%H:%M:%S on %d %B")
        page.banners.show_banner(
            RESTORED,
            "info",
            f"Restored as it was at {when}: the program ended before this was saved.",
            [
                ("Save", lambda: self._tabs.saver.save(page)),
                ("Give it up", lambda: self._give_up(page)),
            ],
        )

    def _give_up(self, page: EditorPage) -> None:
        if page.path is not None:
            self._tabs.saver.reload(page)
        else:
            self._tabs.drop(page)

    def _saved(self, page: EditorPage) -> None:
        page.banners.clear(RESTORED)
        self.autosave.saved(page)

    def _kept_again(self) -> None:
        self._tabs.notices.clear("kept")

    def _not_kept(self, words: str) -> None:
        self._tabs.notices.show_banner("kept", "warning", words)


def _is_saved(kept: Kept) -> bool:
    """Whether the file has what was kept: the program ended just after saving."""
    path = kept.note.path
    if path is None or mark_of(path) == kept.note.mark:
        return False
    try:
        return dumps(read_graph(path).graph) == dumps(kept.graph)
    except (StudioError, OSError):
        return False
