"""What the window's actions do: files, runs, panels and help. The canvas has its own."""

from __future__ import annotations

import importlib
from functools import partial
from html import escape
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QInputDialog, QMessageBox

from studio.graph.files import loads
from ui.editor.gestures.commands import canvas_actions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from PySide6.QtCore import QPointF

    from studio.graph.checked import Source
    from ui.command_palette import CommandPalette
    from ui.editor.editor import GraphEditor
    from ui.editor.palette import Palette
    from ui.engine.job import Job
    from ui.paint.panel import PaintPanel
    from ui.panels.viewer import Viewer
    from ui.theme.manager import Choice
    from ui.window import MainWindow

MOST_RUNS = 1000
WARM_AFTER = 1200
"""Milliseconds from the first paint until the palette is made ready."""


class Commands(QObject):
    """Binds the actions of a window, and those of the canvas to the tab in front.

    Args:
        window: theirs.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window = window
        self._canvas: dict[str, Callable[[], object]] = {}
        self._palette: Palette | None = None
        self._command_palette: CommandPalette | None = None
        self._bind()
        self.look_at(None)

    def trigger(self, name: str) -> None:
        """Do an action by its id."""
        self.window.actions_.action(name).trigger()

    # Binding

    def _bind(self) -> None:
        window, tabs = self.window, self.window.tabs
        slots: dict[str, Callable[[], object]] = {
            "file.new": tabs.new,
            "file.open": tabs.ask_open,
            "file.start_page": tabs.show_start,
            "file.next_tab": partial(tabs.step, 1),
            "file.previous_tab": partial(tabs.step, -1),
            "file.close": tabs.close_current,
            "file.close_all": tabs.close_all,
            "file.quit": window.close,
            "edit.preferences": self.open_settings,
            "view.minimap": self.toggle_minimap,
            "view.fullscreen": self.toggle_fullscreen,
            "view.reset_layout": self.reset_layout,
            "paint.full": self.paint_full,
            "run.cancel": self.stop,
            "run.pause": self.pause,
            "run.clear": window.workshop.queue.cancel_waiting,
            "help.commands": self.open_command_palette,
            "help.cheatsheet": self.open_cheatsheet,
            "help.tour": self.start_tour,
            "help.about": self.about,
        }
        for choice in ("dark", "light", "system"):
            slots[f"view.theme_{choice}"] = partial(self.set_theme, choice)
        for name in window.panels.docks:
            slots[f"panel.{name}"] = window.panels[name].toggle
        slots["panel.paint"] = self.toggle_paint
        window.actions_.bind_all(slots)
        actions = window.actions_
        actions.action("view.minimap").setChecked(window.preferences.minimap)
        self._show_theme()
        window.workshop.queue.paused_changed.connect(actions.action("run.pause").setChecked)

    def look_at(self, editor: GraphEditor | None) -> None:
        """Another tab is in front: what acts on a graph acts on this one."""
        actions, tabs = self.window.actions_, self.window.tabs
        actions.unbind(self._canvas)
        self._canvas = {}
        if editor is None:
            return
        run = partial(self.run, editor)
        self._canvas = {
            **canvas_actions(editor),
            "file.save": tabs.save,
            "file.save_as": tabs.save_as,
            "file.export_selection": tabs.export_selection,
            "edit.find": partial(self.find, editor),
            "paint.open": self.paint,
            "run.run": run,
            "run.front": partial(run, front=True),
            "run.to_selected": partial(self.run_to_selected, editor),
            "run.many": partial(self.run_many, editor),
        }
        actions.bind_all(self._canvas)
        editor.view.minimap_shown = self.window.preferences.minimap

    # Runs

    def run(self, editor: GraphEditor, *, front: bool = False, times: int = 1) -> None:
        """Queue the graph in front."""
        page = self.window.tabs.page_of(editor)
        key = page.key if page else ""
        self.window.workshop.runner.run(editor, key=key, front=front, times=times)

    def run_to_selected(self, editor: GraphEditor) -> None:
        """Queue a run of what the selected nodes need."""
        names = editor.selected()
        if not names:
            editor.message.emit("Select the nodes to run to first.")
            return
        page = self.window.tabs.page_of(editor)
        self.window.workshop.runner.run(editor, key=page.key if page else "", only=names)

    def run_to(self, editor: GraphEditor, node: str) -> None:
        """Queue a run of what one node needs."""
        page = self.window.tabs.page_of(editor)
        self.window.workshop.runner.run(editor, key=page.key if page else "", only=[node])

    def run_many(self, editor: GraphEditor) -> None:
        """Ask how many runs, and queue them."""
        times, sure = QInputDialog.getInt(
            self.window, "Run several times", "How many runs:", 4, 1, MOST_RUNS
        )
        if sure:
            self.run(editor, times=times)

    def stop(self) -> None:
        """Stop the run under way."""
        self.window.workshop.queue.cancel_running()

    def pause(self) -> None:
        """Start no further run, or go on."""
        queue = self.window.workshop.queue
        queue.set_paused(not queue.paused)

    # The canvas

    def open_palette(
        self,
        at: QPointF,
        source: Source | None = None,
        target: tuple[str, str] | None = None,
    ) -> None:
        """The list of node types, at a place of the canvas.

        Args:
            at: in scene coordinates.
            source: output whose wire was dropped there.
            target: node and socket whose wire was dropped there.
        """
        editor = self.window.editor
        if editor is None:
            return
        self._the_palette().open(editor, at, source, target)

    def _the_palette(self) -> Palette:
        from ui.editor.palette import Palette

        if self._palette is None:
            self._palette = Palette(self.window)
            self._palette.recent = self.window.preferences.get("palette_recent", [])
            self._palette.used.connect(self._keep_recent)
        return self._palette

    def _keep_recent(self, _: str) -> None:
        assert self._palette is not None
        self.window.preferences.put("palette_recent", list(self._palette.recent))

    def add_model(self, kind: str, name: str) -> None:
        """Add the node that loads a model to the graph in front."""
        from ui.panels.model_drag import ModelDrop

        if (editor := self.window.editor) is not None:
            ModelDrop(editor).add(kind, name)
        else:
            self.window.status.say("Open a graph first; the model is loaded by a node in it.")

    def find(self, editor: GraphEditor) -> None:
        """The find bar of the tab in front."""
        from ui.editor.find import FindBar

        bar = editor.findChild(FindBar) or FindBar(editor)
        bar.open()

    def toggle_minimap(self) -> None:
        """Show or hide the map, in all tabs."""
        shown = self.window.actions_.action("view.minimap").isChecked()
        self.window.preferences.minimap = shown
        for editor in self.window.tabs.editors():
            editor.view.minimap_shown = shown

    # The canvas for masks

    def paint(self, node: str = "", layer: str = "") -> None:
        """Open the canvas for a node of the graph in front.

        Args:
            node: its id; empty takes the one at hand.
            layer: "mask" or "sketch"; empty keeps the one at hand.
        """
        self._paint_panel().open(node, layer)

    def toggle_paint(self) -> None:
        """Hide the canvas where it is seen, show it where it isn't."""
        dock = self.window.panels["paint"]
        if dock.isVisible() and not dock.visibleRegion().isEmpty():
            dock.hide()
        else:
            self._paint_panel().setFocus()

    def paint_full(self) -> None:
        """Give the canvas the whole window, or take it back."""
        panel = self._paint_panel()
        panel.full_wanted.emit(not panel.full)

    def reset_layout(self) -> None:
        """Put every panel back to its place."""
        if (panel := self.window.workshop.paint_panel) is not None and panel.full:
            panel.full_wanted.emit(False)
        self.window.panels.arrange()

    def _paint_panel(self) -> PaintPanel:
        dock = self.window.panels["paint"]
        if dock.isHidden():
            self.window.panels.note_column()
        dock.fill()
        panel = self.window.workshop.paint_panel
        assert panel is not None
        if not panel.full:
            dock.show()
            dock.raise_()
            self.window.panels.widen_paint()
        return panel

    # Looks

    def set_theme(self, choice: Choice) -> None:
        """Wear another theme, now and the next time."""
        self.window.preferences.theme = choice
        self.window.themes.set(choice)
        self._show_theme()

    def _show_theme(self) -> None:
        for choice in ("dark", "light", "system"):
            action = self.window.actions_.action(f"view.theme_{choice}")
            action.setChecked(self.window.themes.choice == choice)

    def toggle_fullscreen(self) -> None:
        """The whole screen, or a window again."""
        if self.window.isFullScreen():
            self.window.showNormal()
        else:
            self.window.showFullScreen()

    def show_picture(self, path: Path) -> None:
        """Show a picture in the viewer; the focus stays, for the arrow keys to go on."""
        self._viewer().show_picture(path)

    def go_to_picture(self, path: Path) -> None:
        """Show a picture in the viewer, and go there."""
        viewer = self._viewer()
        viewer.show_picture(path)
        viewer.setFocus()

    def show_job(self, job: Job) -> None:
        """Show what a run made."""
        if job.outputs:
            self.show_picture(job.outputs[0])

    def open_job(self, job: Job) -> None:
        """The graph of a run, as it was then, in a tab of its own."""
        self.window.tabs.open_graph(loads(job.graph, job.title), job.title, base=job.base)

    def compare_pictures(self, older: Path, newer: Path) -> None:
        """Show two pictures in the viewer, one against the other."""
        viewer = self._viewer()
        viewer.show_picture(newer)
        viewer.compare_with(older)

    def _viewer(self) -> Viewer:
        from ui.panels.viewer import Viewer

        dock = self.window.panels["viewer"]
        viewer = dock.fill()
        dock.show()
        dock.raise_()
        assert isinstance(viewer, Viewer)
        return viewer

    # Help and settings

    def after_start(self) -> None:
        """What comes when the window stands: the tour, for whom it is new; then what is soon
        wanted and takes a moment to make."""
        QTimer.singleShot(WARM_AFTER, self, self._warm)
        if not self.window.preferences.tour_done and self.window.editor is not None:
            self.start_tour()

    def _warm(self) -> None:
        self._the_palette().warm(self.window.specs)
        # Laying out needs it, and it takes a quarter of a second to import.
        self.window.tabs.jobs.run(
            lambda: importlib.import_module("networkx"), lambda _: None, lambda _: None
        )

    def open_settings(self) -> None:
        """Folders, device, theme, keys, worker."""
        from ui.settings_dialog import SettingsDialog

        window = self.window
        dialog = SettingsDialog(window.preferences, window.actions_, window.themes, window)
        dialog.engine_changed.connect(window.workshop.restart)
        dialog.finished.connect(dialog.deleteLater)
        dialog.finished.connect(self._show_theme)
        dialog.open()

    def open_command_palette(self) -> None:
        """All actions by name."""
        from ui.command_palette import CommandPalette

        if self._command_palette is None:
            self._command_palette = CommandPalette(self.window.actions_, self.window)
        self._command_palette.open()

    def open_cheatsheet(self) -> None:
        """Keys and gestures."""
        from ui.cheatsheet import CheatSheet

        sheet = CheatSheet(self.window.actions_, self.window)
        sheet.finished.connect(sheet.deleteLater)
        sheet.open()

    def start_tour(self) -> None:
        """Five hints."""
        from ui.tour import Tour

        Tour(self.window, self.window.preferences).start()

    def about(self) -> None:
        """Version, licence and folders."""
        from studio import __version__
        from studio.places import Places

        places = Places.load()
        QMessageBox.about(
            self.window,
            "About Latent Studio",
            f"<b>Latent Studio {__version__}</b><br>Apache-2.0<br><br>"
            f"Home: {escape(str(places.home))}<br>Pictures: {escape(str(places.output))}<br><br>"
            "Font: Inter (OFL). Icons: Lucide (ISC).",
        )
