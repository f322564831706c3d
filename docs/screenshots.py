"""Takes the pictures of the editor in `docs/images`, from the real window.

    python docs/screenshots.py [FOLDER] [--size 1600x900] [--theme dark] [--only paint]

It runs in a home of its own, on the pocket model, with real mouse events. With no screen it draws
offscreen; the pictures are the same.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, Qt  # noqa: E402
from PySide6.QtGui import QMouseEvent, QPainter  # noqa: E402
from PySide6.QtWidgets import QApplication, QDialog  # noqa: E402
from screenshots_paint import paint_pictures  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QPixmap
    from PySide6.QtWidgets import QWidget

    from studio.graph.document import Graph
    from ui.editor.editor import GraphEditor
    from ui.window import MainWindow

PATIENCE = 180.0
"""Seconds that a run may take."""


class Stage:
    """A window, and what is done to it.

    Args:
        window: shown.
        folder: where pictures go.
        suffix: of their names: size and theme.
    """

    def __init__(self, window: MainWindow, folder: Path, suffix: str) -> None:
        self.window = window
        self.folder = folder
        self.suffix = suffix

    @property
    def editor(self) -> GraphEditor:
        editor = self.window.editor
        assert editor is not None
        return editor

    def wait(self, until: Callable[[], bool] = lambda: False, seconds: float = 0.4) -> bool:
        """Let the window live until something holds, or some time has passed."""
        end = time.monotonic() + seconds
        while not until() and time.monotonic() < end:
            QApplication.processEvents()
            time.sleep(0.005)
        return until()

    def take(self, name: str) -> None:
        """A picture of the window as it is, dialogs and popups included."""
        self.wait()
        window = self.window
        picture = window.grab()
        for other in QApplication.topLevelWidgets():
            if other is not window and other.isVisible() and other.isWindow():
                self._lay_over(picture, other)
        path = self.folder / f"{name}-{self.suffix}.png"
        picture.save(str(path))
        print(path)

    def _lay_over(self, picture: QPixmap, other: QWidget) -> None:
        """Another top-level widget as a desktop would show it: dialogs in the middle, framed."""
        from ui.theme import current

        window = self.window
        at = window.mapFromGlobal(other.mapToGlobal(QPoint(0, 0)))
        if isinstance(other, QDialog):
            # No desktop has placed it here.
            box = QRect(QPoint(), other.size())
            box.moveCenter(window.rect().center())
            at = box.topLeft()
            painter = QPainter(picture)
            painter.fillRect(window.rect(), current().overlay)
            painter.setPen(current().node_border)
            painter.drawRect(box.adjusted(-1, -1, 0, 0))
            painter.end()
        other.render(picture, at)

    def mouse(self, kind: QEvent.Type, at: QPointF, *, held: bool = False) -> None:
        """One mouse event on the canvas, at a place of the scene."""
        view = self.editor.view
        spot = QPointF(view.mapFromScene(at))
        left = Qt.MouseButton.LeftButton
        move = kind == QEvent.Type.MouseMove
        event = QMouseEvent(
            kind,
            spot,
            QPointF(view.viewport().mapToGlobal(spot.toPoint())),
            Qt.MouseButton.NoButton if move else left,
            left if held or kind == QEvent.Type.MouseButtonPress else Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
        )
        QApplication.sendEvent(view.viewport(), event)
        self.wait(seconds=0.02)

    def drag(self, start: QPointF, end: QPointF, *, drop: bool = True) -> None:
        """Drag with the left button; without `drop` it stays held."""
        self.mouse(QEvent.Type.MouseMove, start)
        self.mouse(QEvent.Type.MouseButtonPress, start)
        for step in range(1, 9):
            self.mouse(QEvent.Type.MouseMove, start + (end - start) * step / 8, held=True)
        if drop:
            self.mouse(QEvent.Type.MouseButtonRelease, end)

    def run(self) -> None:
        """Run the graph, and wait for its end."""
        queue = self.window.workshop.queue
        self.window.actions_.action("run.run").trigger()
        self.wait(lambda: queue.running is not None, 30)
        if not self.wait(lambda: queue.running is None and not queue.waiting, PATIENCE):
            raise SystemExit("the run takes too long")
        planner = self.window.workshop.planner
        self.wait(lambda: not planner.busy, 10)


def pictures(stage: Stage) -> None:
    """All of them, in the order of a first day."""
    window = stage.window
    stage.wait(lambda: window.workshop.client.is_ready, 60)
    window.actions_.action("file.start_page").trigger()
    stage.wait(seconds=1.5)
    stage.take("start")
    window.tabs.show_page(window.tabs.pages()[0])
    stage.run()
    stage.editor.select(["sampler"])
    stage.editor.view.frame(None)
    stage.take("run")
    _while_running(stage)
    _palette(stage)
    _refusal(stage)
    _error(stage)
    _settings(stage)
    paint_pictures(stage)
    _many(stage)


def _while_running(stage: Stage) -> None:
    from studio.editing.edits import set_params

    window, editor = stage.window, stage.editor
    editor.push(set_params(editor.document, {"sampler": {"seed": 42, "steps": 60}}, "Set"))
    window.actions_.action("run.run").trigger()
    stage.wait(lambda: editor.states.get("sampler").step >= 30, 60)
    stage.take("running")
    queue = window.workshop.queue
    stage.wait(lambda: queue.running is None, PATIENCE)
    editor.stack.undo()


def _palette(stage: Stage) -> None:
    from PySide6.QtTest import QTest

    editor = stage.editor
    editor.view.frame(None)
    stage.window.commands.open_palette(editor.view.mapToScene(QPoint(420, 90)))
    stage.wait()
    # A screen without a window manager activates no window.
    focus = QApplication.focusWidget() or stage.window.focusWidget()
    for letter in "enc":
        QTest.keyClicks(focus, letter)
    stage.take("palette")
    QTest.keyClick(focus, Qt.Key.Key_Escape)


def _refusal(stage: Stage) -> None:
    editor = stage.editor
    start = editor.scene.port_pos("latent", "out", "latent")
    end = editor.scene.port_pos("sampler", "in", "positive")
    stage.drag(start, end, drop=False)
    stage.take("refusal")
    editor.view.gestures.cancel()


def _error(stage: Stage) -> None:
    from studio.editing.edits import set_param
    from studio.editing.wiring import disconnect

    window = stage.window
    editor = stage.editor
    document = editor.document
    editor.push(disconnect(document, [document.wires_into("decode")["vae"]]))
    editor.push(set_param(document, "checkpoint", "name", "dreamshaper_8.safetensors"))
    planner = window.workshop.planner
    stage.wait(lambda: planner.busy, 2)
    stage.wait(lambda: not planner.busy, 10)
    window.panels["problems"].bring_up()
    stage.take("problems")
    editor.stack.undo()
    editor.stack.undo()
    window.panels["inspector"].bring_up()


def _settings(stage: Stage) -> None:
    from ui.settings_dialog import SettingsDialog

    stage.window.actions_.action("edit.preferences").trigger()
    stage.wait(seconds=0.6)
    stage.take("settings")
    dialog = stage.window.findChild(SettingsDialog)
    if dialog is not None:
        dialog.reject()
    stage.wait()


def _many(stage: Stage) -> None:
    editor = stage.window.tabs.open_graph(scenes(6, 5))
    stage.wait()
    editor.view.frame(None)
    planner = stage.window.workshop.planner
    stage.wait(lambda: planner.busy, 2)
    stage.wait(lambda: not planner.busy, 20)
    stage.take("many")


def scenes(columns: int, rows: int) -> Graph:
    """A storyboard: the text-to-image graph in a frame of its own for each scene."""
    from studio.graph.document import Frame, Graph, Node
    from studio.graph.files import load

    one = load(ROOT / "workflows" / "text_to_image.json")
    places = one.layout.values()
    left, top = min(x for x, _ in places), min(y for _, y in places)
    wide, high = max(x for x, _ in places) - left + 220, max(y for _, y in places) - top + 200
    nodes: dict[str, Node] = {}
    layout: dict[str, tuple[float, float]] = {}
    frames: dict[str, Frame] = {}
    for number in range(columns * rows):
        x = number % columns * (wide + 160)
        y = number // columns * (high + 180)
        names = {name: f"{name}_{number + 1}" for name in one.nodes}
        for name, node in one.nodes.items():
            wires = {port: _renamed(wire, names) for port, wire in node.inputs.items()}
            params = dict(node.params)
            if name == "positive":
                params["text"] = f"{SHAPES[number % len(SHAPES)]}, scene {number + 1}"
            if name == "sampler":
                params["seed"] = number + 1
            nodes[names[name]] = node.model_copy(update={"inputs": wires, "params": params})
            px, py = one.layout[name]
            layout[names[name]] = (x + px - left, y + py - top)
        frames[f"scene_{number + 1}"] = Frame(
            title=f"Scene {number + 1}",
            rect=(x - 40, y - 60, wide + 80, high + 120),
            nodes=tuple(names.values()),
        )
    return Graph(title="Storyboard", nodes=nodes, layout=layout, frames=frames)


SHAPES = ("a red circle", "a yellow star", "a blue square", "a green triangle", "a purple heart")


SCENES = {"all": pictures, "paint": paint_pictures}


def _renamed(wire: str, names: dict[str, str]) -> str:
    node, dot, port = wire.partition(".")
    return names[node] + dot + port


def take_all(
    folder: Path, size: tuple[int, int], theme: str, scenes: Callable[[Stage], None]
) -> None:
    """Pictures of one size in one theme. One window a process: it is a fresh start each time."""
    from studio.registry import Registry
    from ui.actions import Actions
    from ui.app import make_application
    from ui.preferences import Preferences
    from ui.theme import instance
    from ui.window import MainWindow

    preferences = Preferences()
    preferences.theme = theme  # type: ignore[assignment]
    preferences.reduced_motion = True
    preferences.tour_done = True
    app = make_application(["screenshots"], preferences)
    window = MainWindow(Registry.load(), preferences, Actions(preferences, app), instance())
    window.resize(*size)
    window.start()
    window.show()
    stage = Stage(window, folder, f"{theme}-{size[0]}")
    stage.wait(seconds=1)
    try:
        scenes(stage)
    finally:
        for editor in window.tabs.editors():
            editor.stack.setClean()
        window.close()
        stage.wait()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--size", default="1600x900")
    parser.add_argument("--theme", choices=("dark", "light"), default="dark")
    parser.add_argument("--only", choices=SCENES, default="all", help="these pictures alone")
    parser.add_argument("--home", type=Path, help="home folder to use, which is seen in pictures")
    options = parser.parse_args()
    width, _, height = options.size.partition("x")
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="latent-studio-") as home:
        os.environ["LATENT_STUDIO_HOME"] = str(options.home or home)
        take_all(options.folder, (int(width), int(height)), options.theme, SCENES[options.only])


if __name__ == "__main__":
    main()
