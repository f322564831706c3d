"""The main window: puts tabs, canvas, panels and engine together. What it does is elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QMainWindow,
    QMenu,
    QSizePolicy,
    QToolBar,
    QToolButton,
    QWidget,
)

from studio.editing.arrange import with_places
from studio.graph.migrate import migrate
from ui.actions import MENUS
from ui.commands import Commands
from ui.editor.editor import GraphEditor
from ui.files.dropping import FileDrop
from ui.files.keeping import Keeper
from ui.files.tabs import EditorTabs
from ui.files.templates import default_template
from ui.panels.model_drag import ModelDrop
from ui.panelset import PanelSet
from ui.runbar import RunBar
from ui.statusbar import StatusBar
from ui.theme import icons
from ui.workshop import Workshop

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from PySide6.QtGui import QCloseEvent, QShowEvent

    from studio.graph.document import Graph
    from studio.graph.errors import Fault
    from studio.spec import NodeSpec
    from ui.actions import Actions
    from ui.preferences import Preferences
    from ui.theme.manager import ThemeManager

SIDE = ("inspector", "paint", "outputs", "viewer", "models", "queue", "outline", "problems", "log")
BAR = 40


class MainWindow(QMainWindow):
    """The editor's window.

    Args:
        specs: node types.
        preferences: the user's.
        actions: not bound yet.
        themes: the application's.
        start_engine: False leaves the worker to be started by hand.
    """

    first_painted = Signal()
    """Once, when the window has been drawn for the first time."""
    closed = Signal()

    def __init__(
        self,
        specs: Mapping[str, NodeSpec],
        preferences: Preferences,
        actions: Actions,
        themes: ThemeManager,
        *,
        start_engine: bool = True,
    ) -> None:
        super().__init__()
        self.setObjectName("window")
        self.setWindowTitle("Latent Studio")
        self.specs = specs
        self.preferences = preferences
        self.actions_ = actions
        self.themes = themes
        self._start_engine = start_engine
        self._painted = False
        self.workshop = Workshop(self, preferences)
        self.tabs = EditorTabs(
            self._make_editor,
            self,
            start_page=self._make_start_page,
            prepare=lambda graph: with_places(graph, specs),
        )
        self.status = StatusBar(self)
        self.setStatusBar(self.status)
        self.setCentralWidget(self.tabs.stack)
        self.panels = PanelSet(self, self.workshop.makers(self))
        self.run_bar = RunBar(actions, self)
        self._build_top()
        self._build_side()
        self.commands = Commands(self)
        self.keeper = Keeper(self.tabs, preferences.path.parent, self)
        self.drop = FileDrop(self.tabs, parent=self)
        self.drop.accept_on(self)
        self._may_close = False
        actions.install(self)
        self._connect()
        self.resize(QSize(1440, 860))
        self._restore()

    # Building

    def _make_editor(self, graph: Graph, path: Path | None) -> GraphEditor:
        graph, notes, _ = migrate(graph, self.specs)
        editor = GraphEditor(graph, self.specs, path)
        if notes:
            self.status.say(f"Brought up to date: {'; '.join(notes)}")
        editor.catalogue = self.workshop.catalogue
        editor.client = self.workshop.client
        editor.view.drop_targets.append(ModelDrop(editor))
        self.actions_.install_canvas(editor.view)
        return editor

    def _make_start_page(self) -> QWidget:
        from ui.start_page import StartPage

        page = StartPage(self.tabs.jobs, self.specs, self.preferences.recent)
        page.new_wanted.connect(self.tabs.new)
        page.open_wanted.connect(self.tabs.ask_open)
        page.path_chosen.connect(self.tabs.open)
        page.template_chosen.connect(self.tabs.open_template)
        page.follow(self.preferences)
        return page

    def _build_top(self) -> None:
        bar = QToolBar("Tabs and runs", self)
        bar.setObjectName("top-bar")
        bar.setMovable(False)
        bar.setFloatable(False)
        bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        bar.setFixedHeight(BAR)
        self.menu_button = QToolButton(bar)
        self.menu_button.setObjectName("menu")
        self.menu_button.setFixedSize(48, BAR)
        self.menu_button.setIconSize(QSize(20, 20))
        self.menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu_button.setToolTip("Menu")
        self.menu_button.setAccessibleName("Menu")
        self.menu = QMenu(self.menu_button)
        self.menu.aboutToShow.connect(self._fill_menu)
        self.menu_button.setMenu(self.menu)
        bar.addWidget(self.menu_button)
        self.tabs.bar.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        bar.addWidget(self.tabs.bar)
        bar.addWidget(self.run_bar)
        _inset(bar, 0)
        self.addToolBar(Qt.ToolBarArea.TopToolBarArea, bar)

    def _build_side(self) -> None:
        bar = QToolBar("Panels", self)
        bar.setObjectName("side-bar")
        bar.setMovable(False)
        bar.setFloatable(False)
        bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        bar.setOrientation(Qt.Orientation.Vertical)
        bar.setFixedWidth(48)
        bar.setIconSize(QSize(18, 18))
        self.panel_buttons: dict[str, QToolButton] = {}
        for name in SIDE:
            button = QToolButton(bar)
            button.setFixedSize(36, 36)
            button.setCheckable(True)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            action = self.actions_.action(f"panel.{name}")
            button.setAccessibleName(action.text())
            button.clicked.connect(action.trigger)
            bar.addWidget(button)
            self.panel_buttons[name] = button
        stretch = QWidget(bar)
        stretch.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        bar.addWidget(stretch)
        self.settings_button = QToolButton(bar)
        self.settings_button.setFixedSize(36, 36)
        self.settings_button.setAccessibleName("Settings")
        self.settings_button.clicked.connect(self.actions_.action("edit.preferences").trigger)
        bar.addWidget(self.settings_button)
        _inset(bar, 6)
        self.addToolBar(Qt.ToolBarArea.LeftToolBarArea, bar)
        self.side_bar = bar
        self._restyle()

    def _restyle(self) -> None:
        """What the style sheet can't do: icons in the theme's colours, keys in tool tips."""
        self.menu_button.setIcon(icons.icon("logo", "accent", 20))
        for name, button in self.panel_buttons.items():
            spec = self.actions_.spec(f"panel.{name}")
            button.setIcon(icons.icon(spec.icon, "icon", 18))
            keys = self.actions_.words_for_keys(spec.id)
            button.setToolTip(f"{spec.text}  {keys}".rstrip())
        self.settings_button.setIcon(icons.icon("settings", "icon", 18))
        keys = self.actions_.words_for_keys("edit.preferences")
        self.settings_button.setToolTip(f"Settings  {keys}".rstrip())
        self.run_bar.restyle()

    def _fill_menu(self) -> None:
        if not self.menu.isEmpty():
            return
        for title, _ in MENUS:
            self.menu.addMenu(self.actions_.menu(title, self.menu))

    def _connect(self) -> None:
        tabs, status, shop = self.tabs, self.status, self.workshop
        tabs.editor_added.connect(self._editor_added)
        tabs.current_changed.connect(self._current_changed)
        tabs.status.connect(status.say)
        tabs.title_changed.connect(self._title)
        tabs.used.connect(self.preferences.add_recent)
        status.problems_wanted.connect(lambda: self.panels["problems"].bring_up())
        status.engine_wanted.connect(lambda: self.panels["log"].bring_up())
        status.zoom_wanted.connect(self._zoom)
        shop.message.connect(status.say)
        shop.engine_words.connect(status.show_engine)
        shop.memory_words.connect(status.show_memory)
        shop.run_words.connect(status.show_run)
        shop.load.connect(self._show_load)
        shop.faults.connect(self._show_faults)
        self.themes.changed.connect(self._restyle)
        self.themes.motion_changed.connect(self.panels.follow_motion)
        self.actions_.keys_changed.connect(lambda _: self._restyle())
        for name, dock in zip(self.panels.docks, self.panels, strict=True):
            dock.visibilityChanged.connect(self.panel_buttons[name].setChecked)

    # Tabs

    @property
    def editor(self) -> GraphEditor | None:
        """The graph in front; None where the start page is."""
        return self.tabs.current

    def _editor_added(self, editor: GraphEditor) -> None:
        editor.message.connect(self.status.say)
        editor.view.moved.connect(self._view_moved)
        editor.paint_wanted.connect(self.commands.paint)
        editor.view.palette_wanted.connect(self.commands.open_palette)
        editor.view.gestures.action_wanted.connect(self.commands.trigger)
        editor.view.gestures.keys_of = self.actions_.words_for_keys
        self.themes.changed.connect(editor.scene.set_theme)

    def _current_changed(self, editor: GraphEditor | None) -> None:
        self.workshop.look_at(editor)
        self.commands.look_at(editor)
        if editor is not None:
            self.status.show_zoom(editor.view.zoom)
        self._title()

    def _title(self) -> None:
        page = self.tabs.current_page
        # Qt puts the mark of unsaved changes where [*] is; in a title of the user's it stays.
        title = page.title.replace("[*]", "[*][*]") if page else ""
        self.setWindowTitle(f"{title}[*]" if page else "Start")
        self.setWindowModified(bool(page and page.unsaved))

    def _view_moved(self) -> None:
        editor = self.editor
        if editor is not None:
            self.status.show_zoom(editor.view.zoom)

    def _zoom(self, scale: float) -> None:
        if (editor := self.editor) is not None:
            editor.view.zoom_to(scale, editor.view.viewport().rect().center())

    # News

    def _show_load(self, running: bool, waiting: int) -> None:
        self.run_bar.show_load(running=running, waiting=waiting)

    def _show_faults(self, editor: GraphEditor, faults: Sequence[Fault]) -> None:
        if editor is self.editor:
            self.status.show_problems(len(faults))
        words: dict[str, list[str]] = {}
        for fault in faults:
            if fault.node:
                words.setdefault(fault.node, []).append(fault.message)
        editor.scene.set_faults(words)

    # Opening, showing and closing

    def start(self, paths: Sequence[Path] = ()) -> None:
        """Bring back what was open, and open these files in front of it."""
        self.keeper.start(paths, default_template())

    def event(self, event: QEvent) -> bool:
        done = super().event(event)
        if event.type() == QEvent.Type.WindowActivate:
            # Others may have written to the files meanwhile.
            self.tabs.saver.look_again()
        if event.type() == QEvent.Type.UpdateRequest and not self._painted and self.isVisible():
            self._painted = True
            self.first_painted.emit()
            # What nobody sees yet waits until there is something to see.
            QTimer.singleShot(0, self, self._settle)
        return done

    def _settle(self) -> None:
        self.panels.fill()
        if self._start_engine:
            self.workshop.start()
        self.commands.after_start()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self.editor is not None:
            self.editor.view.setFocus()

    def _restore(self) -> None:
        if not (geometry := self.preferences.geometry).isEmpty():
            self.restoreGeometry(geometry)
        if not (layout := self.preferences.layout).isEmpty():
            self.restoreState(layout)

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self._may_close and not self.tabs.ask_unsaved(self._answered):
            event.ignore()
            return
        self.preferences.geometry = self.saveGeometry()
        self.preferences.layout = self.saveState()
        self.preferences.save()
        # Gone at once; what follows may take a moment.
        self.hide()
        self.keeper.end()
        self.tabs.end()
        self.workshop.stop()
        event.accept()
        self.closed.emit()

    def _answered(self, sure: bool) -> None:
        """What should be saved is, or the user thought better of it."""
        if sure:
            self._may_close = True
            self.close()


def _inset(bar: QToolBar, pixels: int) -> None:
    """Room around a bar's buttons, as in the style sheet, which is read before it has its name."""
    layout = bar.layout()
    assert layout is not None
    layout.setContentsMargins(pixels, pixels, pixels, pixels)
    layout.setSpacing(4)
