"""Behind the window: the engine, its queue, and the panels that show them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from ui.engine.catalogue import ModelCatalogue
from ui.engine.client import EngineClient
from ui.engine.command import default_command
from ui.engine.planner import Planner
from ui.engine.queue import RunQueue
from ui.running import Runner

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from PySide6.QtWidgets import QWidget

    from studio.graph.errors import Fault
    from ui.editor.editor import GraphEditor
    from ui.engine.job import Job
    from ui.paint.panel import PaintPanel
    from ui.preferences import Preferences
    from ui.window import MainWindow


class Workshop(QObject):
    """The engine as the window sees it.

    Args:
        window: whose it is.
        preferences: the worker's command.
    """

    message = Signal(str)
    engine_words = Signal(str, str)
    """Status for the dot, and words."""
    memory_words = Signal(str)
    run_words = Signal(str)
    load = Signal(bool, int)
    """A run is under way; jobs running and waiting."""
    faults = Signal(object, tuple)

    def __init__(self, window: MainWindow, preferences: Preferences) -> None:
        super().__init__(window)
        self._preferences = preferences
        self.client = EngineClient(preferences.worker_command or None, parent=self)
        self.queue = RunQueue(self.client, self)
        self.planner = Planner(self.client, self)
        self.catalogue = ModelCatalogue(self.client, self)
        self.runner = Runner(self.queue, self)
        self.editor: GraphEditor | None = None
        self._panels: dict[str, Any] = {}
        self._pictures: list[tuple[Path, str]] = []
        client, queue = self.client, self.queue
        client.state_changed.connect(lambda _: self._tell_engine())
        client.ready.connect(lambda _: self._tell_engine())
        client.memory_changed.connect(self._tell_memory)
        client.died.connect(self._on_died)
        queue.message.connect(self.message)
        queue.job_changed.connect(self._on_job)
        queue.order_changed.connect(self._tell_load)
        queue.paused_changed.connect(lambda _: self._tell_load())
        queue.output.connect(self._on_output)
        queue.job_finished.connect(self._on_finished)
        self.planner.faults_changed.connect(self._on_faults)
        self.runner.message.connect(self.message)

    # Life

    def start(self) -> None:
        """Start the worker; nothing waits for it."""
        self.client.start()
        self._tell_engine()

    def restart(self) -> None:
        """Start the worker anew, as after a change of the settings."""
        self.client.restart(self._preferences.worker_command or default_command())

    def stop(self) -> None:
        """End the worker, for good."""
        self.planner.set_editor(None)
        if (panel := self.paint_panel) is not None:
            panel.close_down()
        self.client.stop()

    def look_at(self, editor: GraphEditor | None) -> None:
        """Another tab is in front; None where none is."""
        self.editor = editor
        self.planner.set_editor(editor)
        for name in ("inspector", "problems", "outline", "paint"):
            if panel := self._panels.get(name):
                panel.set_editor(editor)

    # Panels

    def makers(self, window: MainWindow) -> dict[str, Callable[[], QWidget]]:
        """How each panel is made, by name."""
        makers: dict[str, Callable[[MainWindow], QWidget]] = {
            "inspector": self._inspector,
            "outputs": self._outputs,
            "viewer": self._viewer,
            "models": self._models,
            "queue": self._queue,
            "log": self._log,
            "problems": self._problems,
            "outline": self._outline,
            "paint": self._paint,
        }
        return {name: partial(self._made, name, make, window) for name, make in makers.items()}

    def _made(
        self, name: str, make: Callable[[MainWindow], QWidget], window: MainWindow
    ) -> QWidget:
        panel = self._panels[name] = make(window)
        return panel

    def _inspector(self, window: MainWindow) -> QWidget:
        from ui.panels.inspector import Inspector

        panel = Inspector(window)
        panel.set_editor(self.editor)
        return panel

    def _outputs(self, window: MainWindow) -> QWidget:
        from ui.panels.outputs import OutputsPanel

        panel = OutputsPanel(window)
        panel.picture_wanted.connect(window.commands.show_picture)
        panel.activated.connect(window.commands.go_to_picture)
        panel.compare_wanted.connect(window.commands.compare_pictures)
        panel.open_graph.connect(window.tabs.open)
        for path, title in self._pictures:
            panel.add(path, title)
        self._pictures.clear()
        return panel

    def _viewer(self, window: MainWindow) -> QWidget:
        from ui.panels.viewer import Viewer

        panel = Viewer(window)
        panel.open_graph.connect(window.tabs.open)
        panel.step_wanted.connect(self._step_pictures)
        panel.shown.connect(self._mark_picture)
        return panel

    def _mark_picture(self, path: Path | None) -> None:
        if outputs := self._panels.get("outputs"):
            outputs.go_to(path)

    def _step_pictures(self, step: int) -> None:
        viewer, outputs = self._panels.get("viewer"), self._panels.get("outputs")
        if viewer and outputs and (path := outputs.neighbour(viewer.path, step)):
            viewer.show_picture(path)

    def _models(self, window: MainWindow) -> QWidget:
        from ui.panels.models import ModelsPanel

        panel = ModelsPanel(self.catalogue, window)
        panel.add_wanted.connect(window.commands.add_model)
        return panel

    def _queue(self, window: MainWindow) -> QWidget:
        from ui.panels.queue import QueuePanel

        panel = QueuePanel(self.queue, window)
        panel.view_requested.connect(window.commands.show_job)
        panel.open_graph.connect(window.commands.open_job)
        return panel

    def _log(self, window: MainWindow) -> QWidget:
        from ui.panels.log import LogPanel

        return LogPanel(self.client, window)

    def _problems(self, window: MainWindow) -> QWidget:
        from ui.panels.problems import ProblemsPanel

        panel = ProblemsPanel(window)
        panel.set_editor(self.editor)
        panel.set_faults(self.planner.faults)
        return panel

    def _outline(self, window: MainWindow) -> QWidget:
        from ui.panels.outline import Outline

        panel = Outline(window)
        panel.set_editor(self.editor)
        return panel

    @property
    def paint_panel(self) -> PaintPanel | None:
        """The canvas for masks; None before it was first shown."""
        return self._panels.get("paint")

    def _paint(self, window: MainWindow) -> QWidget:
        # None of it, nor numpy, is imported before.
        from ui.paint.full import FullWindow
        from ui.paint.panel import PaintPanel

        panel = PaintPanel(self.queue, self._preferences, window)
        panel.run_wanted.connect(window.commands.run_to)
        FullWindow(window, window.panels["paint"], panel)
        panel.set_editor(self.editor)
        return panel

    # News

    def _on_faults(self, editor: GraphEditor, faults: tuple[Fault, ...]) -> None:
        if editor is self.editor and (panel := self._panels.get("problems")):
            panel.set_faults(faults)
        self.faults.emit(editor, faults)

    def _on_output(self, job: Job, path: Path) -> None:
        if panel := self._panels.get("outputs"):
            panel.add(path, job.title)
        else:
            self._pictures.append((path, job.title))
        # A viewer that follows shows what was made last.
        if viewer := self._panels.get("viewer"):
            viewer.offer(path)

    def _on_finished(self, _: Job) -> None:
        # What was made is in the cache now.
        self.planner.plan_now()

    def _on_job(self, job: Job) -> None:
        if job is self.queue.running or job.over:
            running = self.queue.running
            self.run_words.emit(running.words if running else "")
        self._tell_load()

    def _on_died(self, *_: object) -> None:
        self._tell_engine()

    def _tell_load(self) -> None:
        self.load.emit(self.queue.running is not None, self.queue.load)
        self._tell_engine()

    def _tell_engine(self) -> None:
        client = self.client
        match client.state:
            case "ready":
                status = "running" if self.queue.running else "done"
                words = client.words
                if self.queue.paused:
                    words = "Queue paused"
            case "starting":
                status, words = "unknown", "Engine starting …"
            case "failed":
                status, words = "failed", "The engine doesn't start"
            case _:
                status, words = "unknown", "Engine stopped"
        self.engine_words.emit(status, words)

    def _tell_memory(self, memory: dict[str, Any]) -> None:
        used, total = memory.get("used", 0), memory.get("total", 0)
        self.memory_words.emit(_memory_words(used, total) if total else "")


def _memory_words(used: float, total: float) -> str:
    """ "memory 0.5 of 25 GB": in one unit and in few digits, since it changes all the time."""
    unit, name = (1e9, "GB") if total >= 1e9 else (1e6, "MB")
    whole = f"{total / unit:.0f}" if total >= 10 * unit else f"{total / unit:.1f}"
    return f"memory {used / unit:.1f} of {whole} {name}"
