"""Pages in tabs: which there are, in which order, which is seen, what they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from studio.editing.session import Session
from ui.files.banner import Banners
from ui.files.pages import EditorPage, Page, StartTab
from ui.files.tabbar import TabStrip
from ui.plain import plain_tip

if TYPE_CHECKING:
    from collections.abc import Callable

    from ui.editor.editor import GraphEditor


class TabSet(QObject):
    """Holds the pages. `bar` and `stack` are placed by the window.

    Args:
        parent: Qt's.
        start_page: makes what is seen where nothing is open; None shows nothing.
    """

    current_changed = Signal(object)
    """The `GraphEditor` that is seen, or None: the start page, a file on its way."""
    editor_added = Signal(object)
    editor_closed = Signal(object)
    """A `GraphEditor` that is about to be deleted."""
    page_added = Signal(object)
    page_closed = Signal(object)
    """As the two above, with the `EditorPage`."""
    title_changed = Signal()
    """Of the tab in front: title, path, or whether there are unsaved changes."""
    changed = Signal()
    """Tabs came, went, moved or were chosen."""

    def __init__(
        self, parent: QObject | None = None, start_page: Callable[[], QWidget] | None = None
    ) -> None:
        super().__init__(parent)
        self._make_start = start_page
        self.bar = TabStrip()
        self.stack = QWidget()
        self.notices = Banners(self.stack)
        """What concerns no single tab."""
        self._pages = QStackedWidget(self.stack)
        layout = QVBoxLayout(self.stack)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.notices)
        layout.addWidget(self._pages, 1)
        self._by_key: dict[str, Page] = {}
        self._front: GraphEditor | None = None
        self.ended = False
        """No start page is wanted any more."""
        tabs = self.bar.tabs
        tabs.currentChanged.connect(self._show_current)
        tabs.tabMoved.connect(self.changed)

    # Looking

    def pages(self) -> list[Page]:
        """All tabs, from left to right."""
        return [self._by_key[key] for key in self.bar.tabs.keys()]  # noqa: SIM118  (a method)

    def editor_pages(self) -> list[EditorPage]:
        """The tabs with a graph, from left to right."""
        return [page for page in self.pages() if isinstance(page, EditorPage)]

    def editors(self) -> list[GraphEditor]:
        """The graphs under edit, from left to right."""
        return [page.editor for page in self.editor_pages()]

    @property
    def current_page(self) -> Page | None:
        key = self.bar.tabs.tabData(self.bar.tabs.currentIndex())
        return self._by_key.get(key)

    @property
    def current(self) -> GraphEditor | None:
        """The editor that is seen."""
        page = self.current_page
        return page.editor if isinstance(page, EditorPage) else None

    def page_of(self, editor: GraphEditor) -> EditorPage | None:
        return next((page for page in self.editor_pages() if page.editor is editor), None)

    def session(self) -> Session:
        """The tabs as they are."""
        pages = [page for page in self.pages() if not isinstance(page, StartTab)]
        current = self.current_page
        place = next((i for i, page in enumerate(pages) if page is current), 0)
        return Session(tuple(page.note() for page in pages), place)

    # Choosing

    def show_page(self, page: Page) -> None:
        """Bring a tab to the front."""
        self.bar.tabs.setCurrentIndex(self.bar.tabs.place_of(page.key))

    def step(self, by: int) -> None:
        """The next tab (1) or the one before (-1), round and round."""
        if count := self.bar.tabs.count():
            self.bar.tabs.setCurrentIndex((self.bar.tabs.currentIndex() + by) % count)

    def show_start(self) -> None:
        """The start page, in a tab that goes when something is opened."""
        if self._make_start is None:
            return
        page = self._start_tab()
        if page is None:
            page = StartTab(self._make_start(), self._pages)
            self.put(page)
        self.show_page(page)

    # For those who make and close pages

    def put(self, page: Page, *, front: bool = True) -> None:
        """Show a page in its tab, which is made where there is none with its key."""
        tabs = self.bar.tabs
        old = self._by_key.pop(page.key, None)
        self._by_key[page.key] = page
        self._pages.addWidget(page)
        if old is None:
            tabs.add(page.key, "")
        self._retitle(page)
        page.titled.connect(self._retitle)
        if old is not None:
            self._part_with(old)
        if isinstance(page, EditorPage):
            self.editor_added.emit(page.editor)
            self.page_added.emit(page)
        if front:
            self.show_page(page)
        start = self._start_tab()
        if start is not None and start is not page:
            self.drop(start)
        self._show_current()

    def drop(self, page: Page) -> None:
        """Close a tab, whatever is in it."""
        if self._by_key.get(page.key) is not page:
            return
        tabs = self.bar.tabs
        place = tabs.place_of(page.key)
        button = tabs.button(place)
        del self._by_key[page.key]
        tabs.removeTab(place)
        if button is not None:
            button.deleteLater()
        self._part_with(page)
        if not self._by_key and not self.ended:
            self.show_start()
        self._show_current()

    def _part_with(self, page: Page) -> None:
        if isinstance(page, EditorPage):
            if page.editor is self._front:
                self._front = None
                self.current_changed.emit(None)
            page.leave()
            self.page_closed.emit(page)
            self.editor_closed.emit(page.editor)
        self._pages.removeWidget(page)
        page.hide()
        page.deleteLater()

    def _start_tab(self) -> StartTab | None:
        return next((p for p in self._by_key.values() if isinstance(p, StartTab)), None)

    def _retitle(self, page: Page) -> None:
        tabs = self.bar.tabs
        place = tabs.place_of(page.key)
        if place < 0:
            return
        tabs.setTabText(place, page.title.replace("&", "&&"))
        tabs.setTabToolTip(place, plain_tip(page.hint))
        tabs.setAccessibleTabName(place, page.title + (", unsaved" if page.unsaved else ""))
        if button := tabs.button(place):
            button.set_state(unsaved=page.unsaved)
        if page is self.current_page:
            self.title_changed.emit()

    def _show_current(self) -> None:
        page = self.current_page
        if page is not None and self._pages.currentWidget() is not page:
            self._pages.setCurrentWidget(page)
        front = self.current
        if front is not self._front:
            self._front = front
            self.current_changed.emit(front)
            self.title_changed.emit()
        # Unless one walks along the tabs by keyboard.
        if page is not None and page.isVisible() and not self.bar.tabs.hasFocus():
            page.setFocus()
        self.changed.emit()
