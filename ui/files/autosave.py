"""Keeps every unsaved tab in the recovery folder, within two seconds of each change.

The graph is taken on the GUI thread, where that costs next to nothing since its parts never
change; its text is made and written in a thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from studio.editing.recovery import RecoveryNotWritten
from ui.jobs import Jobs

if TYPE_CHECKING:
    from collections.abc import Callable

    from studio.editing.changes import Change
    from studio.editing.recovery import Recovered, RecoveryStore
    from studio.editing.session import Session
    from studio.errors import StudioError
    from ui.files.pages import EditorPage

DELAY = 600
"""Milliseconds from the first change to the writing; further changes don't put it off."""

RETRY = 5000
"""Milliseconds to the next try after a write that failed."""

TABS_DELAY = 1000
"""Milliseconds from a change of the tabs, or of what is seen in them, to the writing."""


class Autosave(QObject):
    """Writes what isn't saved.

    Args:
        store: begun; None where nothing can be kept.
        session: gives the tabs as they are.
        parent: Qt's.
    """

    failed = Signal(str)
    """Nothing can be kept at the moment, in words; told once for each reason."""
    mended = Signal()
    """What was said by `failed` holds no more."""

    def __init__(
        self,
        store: RecoveryStore | None,
        session: Callable[[], Session],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.store = store
        self._session = session
        # One thread: what is written later must win.
        self._jobs = Jobs(1, self)
        self._watched: dict[str, _Watch] = {}
        self._pending: dict[str, None] = {}
        self._writing: set[str] = set()
        self._told = ""
        self._timer = self._make_timer(DELAY, self._keep)
        self._tabs_timer = self._make_timer(TABS_DELAY, self._remember)

    def watch(self, page: EditorPage, *, kept: bool = False) -> None:
        """Keep a tab from now on.

        Args:
            page: the tab.
            kept: its graph is in the recovery folder already.
        """
        self._watched[page.key] = _Watch(page, self._changed, kept)
        page.view_moved.connect(self.tabs_changed)
        if page.unsaved:
            self._changed(page.key)

    def forget(self, page: EditorPage) -> None:
        """The tab goes: nothing of it needs keeping."""
        if watch := self._watched.pop(page.key, None):
            watch.end()
            page.view_moved.disconnect(self.tabs_changed)
            self._pending.pop(page.key, None)
            self._drop(page.key)

    def drop(self, key: str) -> None:
        """Nothing of a tab that was restored needs keeping."""
        self._drop(key)

    def saved(self, page: EditorPage) -> None:
        """The tab's graph is in its file: look again whether it needs keeping."""
        self._changed(page.key)

    def tabs_changed(self) -> None:
        """Tabs came, went or moved, or show another part."""
        if not self._tabs_timer.isActive():
            self._tabs_timer.start()

    def adopt(self, then: Callable[[Recovered], None]) -> None:
        """Take over what dead processes left."""
        if self.store:
            self._jobs.run(self.store.adopt, then, self._fail)

    @property
    def settled(self) -> bool:
        """Everything that changed is written."""
        return not self._pending and not self._jobs.waiting

    def end(self) -> None:
        """Stop. The recovery folder goes: all tabs were saved or given up."""
        self._stop()
        if self.store:
            self.store.end()
            self.store = None

    def _stop(self) -> None:
        self._timer.stop()
        self._tabs_timer.stop()
        for watch in self._watched.values():
            watch.end()
        self._watched.clear()
        self._jobs.close()

    def _make_timer(self, interval: int, slot: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(interval)
        timer.timeout.connect(slot)
        return timer

    def _changed(self, key: str) -> None:
        self._pending[key] = None
        if not self._timer.isActive():
            self._timer.start(DELAY)

    def _keep(self) -> None:
        store = self.store
        if store is None:
            self._pending.clear()
            return
        for key in list(self._pending):
            if key in self._writing:
                continue  # `_written` comes back to it
            del self._pending[key]
            watch = self._watched[key]
            if not watch.page.unsaved:
                if watch.kept:
                    watch.kept = False
                    self._drop(key)
                continue
            watch.kept = True
            note, graph = watch.page.note(), watch.page.editor.document.graph()
            self._writing.add(key)
            self._jobs.run(
                lambda note=note, graph=graph: store.keep(note, graph),  # type: ignore[misc]
                lambda _, key=key: self._written(key),  # type: ignore[misc]
                lambda error, key=key: self._not_written(key, error),  # type: ignore[misc]
            )

    def _written(self, key: str) -> None:
        if self._told:
            self._told = ""
            self.mended.emit()
        self._writing.discard(key)
        if key in self._pending and not self._timer.isActive():
            self._timer.start(DELAY)

    def _not_written(self, key: str, error: StudioError | OSError) -> None:
        self._writing.discard(key)
        if key in self._watched:
            # The disk may have room again, and this is all there is of the work.
            self._pending[key] = None
            self._timer.start(RETRY)
        self._fail(error)

    def _drop(self, key: str) -> None:
        if store := self.store:
            self._jobs.run(lambda: store.drop(key), lambda _: None, self._fail)

    def _remember(self) -> None:
        if store := self.store:
            session = self._session()
            self._jobs.run(lambda: store.remember(session), lambda _: None, self._fail)

    def _fail(self, error: StudioError | OSError) -> None:
        words = str(error)
        if words != self._told:
            self._told = words
            self.failed.emit(words)


class _Watch:
    """Hears of one tab's changes."""

    def __init__(self, page: EditorPage, changed: Callable[[str], None], kept: bool) -> None:
        self.page = page
        self.kept = kept
        self._tell = changed
        page.editor.document.changed.connect(self._changed)

    def end(self) -> None:
        self.page.editor.document.changed.disconnect(self._changed)

    def _changed(self, _: tuple[Change, ...]) -> None:
        self._tell(self.page.key)


def begin_store(store: RecoveryStore) -> tuple[RecoveryStore | None, str]:
    """The store, ready; or None and why nothing can be kept."""
    try:
        store.begin()
    except RecoveryNotWritten as error:
        return None, str(error)
    return store, ""
