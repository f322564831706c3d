"""Closing tabs, one or all: asks where there are unsaved changes, saves, and only then closes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from ui.files.closing import UnsavedDialog
from ui.files.pages import EditorPage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ui.files.pages import Page
    from ui.files.saving import Saver
    from ui.files.tabset import TabSet


class Closer(QObject):
    """Asks before anything is lost.

    Args:
        tabs: what is open.
        saver: writes what is to be saved.
        parent: Qt's.
    """

    def __init__(self, tabs: TabSet, saver: Saver, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tabs = tabs
        self._saver = saver
        self.dialog: UnsavedDialog | None = None
        """The question that is open."""

    def close(self, pages: Sequence[Page], done: Callable[[bool], None]) -> bool:
        """Close these; see `EditorTabs.close_all`."""

        def answered(sure: bool) -> None:
            if sure:
                for page in pages:
                    self._tabs.drop(page)
            done(sure)

        if not self.ask(pages, answered):
            return False
        answered(True)
        return True

    def ask(self, pages: Sequence[Page], done: Callable[[bool], None]) -> bool:
        """Ask for the unsaved ones among these, and save those that are to be saved.

        Args:
            pages: they stay open.
            done: hears whether nothing is lost that shouldn't be.

        Returns:
            True where there is nothing to ask; `done` isn't called then.
        """
        asked = [page for page in pages if isinstance(page, EditorPage) and page.unsaved]
        if not asked:
            return True
        if self.dialog is not None:
            self.dialog.raise_()
            return False
        if len(asked) == 1:
            self._tabs.show_page(asked[0])
        dialog = self.dialog = UnsavedDialog(asked, self._tabs.stack.window())
        dialog.decided.connect(
            lambda keys: self._save([page for page in asked if page.key in keys], done)
        )
        dialog.rejected.connect(lambda: done(False))
        dialog.finished.connect(self._answered)
        dialog.open()
        return False

    def _answered(self) -> None:
        if self.dialog is not None:
            self.dialog.deleteLater()
            self.dialog = None

    def _save(self, pages: list[EditorPage], done: Callable[[bool], None]) -> None:
        """Save these in turn; one that fails is shown with its reason, and stops it."""
        if not pages:
            done(True)
            return
        first, *rest = pages

        def saved(well: bool) -> None:
            if well:
                self._save(rest, done)
            else:
                self._tabs.show_page(first)
                done(False)

        if first.path is None:
            self._tabs.show_page(first)
        self._saver.save(first, saved)
