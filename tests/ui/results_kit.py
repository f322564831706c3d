"""What the tests of results, frames and outpainting share: a canvas on a graph's mask node."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QVBoxLayout, QWidget

from ui.engine.client import EngineClient
from ui.engine.command import default_command
from ui.engine.job import Job
from ui.engine.queue import RunQueue
from ui.jobs import Jobs
from ui.paint.binding import Binding
from ui.paint.painting import Painting
from ui.paint.settings import PaintSettings
from ui.paint.strip import ResultStrip
from ui.paint.surroundings import Surroundings
from ui.paint.view import PaintView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytestqt.qtbot import QtBot

    from ui.editor.editor import GraphEditor

WAIT = 20_000
WORKFLOWS = Path(__file__).resolve().parents[2] / "workflows"


class Desk(QWidget):
    """A canvas with its strip and all that stands around it, on the node "mask" of an editor.

    Args:
        editor: of the graph.
        qtbot: waits.
    """

    def __init__(self, editor: GraphEditor, qtbot: QtBot) -> None:
        super().__init__()
        self.editor, self.qtbot = editor, qtbot
        self.client = EngineClient(
            (*default_command(), "--device", "cpu", "--dtype", "float32"), warm=False
        )
        self.queue = RunQueue(self.client)
        self.jobs = Jobs(2, self)
        self.settings = PaintSettings(self)
        self.nothing = Painting(self)
        self.view = PaintView(self.nothing, self.settings, self)
        self.strip = ResultStrip(self.view, self)
        self.surroundings = Surroundings(self.view, self.strip, self.queue, self)
        self.messages: list[str] = []
        self.surroundings.message.connect(self.messages.append)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addWidget(self.view, 1)
        box.addWidget(self.strip)
        self.resize(640, 560)
        self.show()
        self.activateWindow()
        self.binding = Binding(editor, "mask", self.jobs, self)
        self.view.set_painting(self.binding.painting)
        self.surroundings.set_binding(self.binding)
        self.settle()
        self.view.setFocus()

    def settle(self) -> None:
        """The picture is there, the frame is known, results are read."""
        painting, around = self.binding.painting, self.surroundings
        self.qtbot.waitUntil(
            lambda: painting.ready and not (around.frames.busy or around.results.busy),
            timeout=WAIT,
        )

    def wrote(self, path: Path, node: str = "save", editor: GraphEditor | None = None) -> None:
        """A run of the graph wrote a picture."""
        job = Job("Inpaint", "{}", states=(editor or self.editor).states)
        event: dict[str, Any] = {"event": "output_written", "node": node, "path": str(path)}
        self.queue.job_event.emit(job, event)
        self.settle()

    def end(self) -> None:
        """Close it."""
        self.surroundings.set_binding(None)
        self.binding.close()
        self.client.stop()
        self.qtbot.waitUntil(lambda: not self.strip.model.busy, timeout=WAIT)
        self.jobs.close()
        self.close()
        for part in (self.queue, self.client, self):
            part.deleteLater()


@contextmanager
def desks(
    make_editor: Callable[[Path], GraphEditor], folder: Path, qtbot: QtBot
) -> Iterator[Callable[[str], Desk]]:
    """Makes desks on the workflows of inpainting, which are copied into a folder; closes them."""
    for name in ("inpaint", "inpaint_only_masked"):
        shutil.copy(WORKFLOWS / f"{name}.json", folder)
    shutil.copytree(WORKFLOWS / "pictures", folder / "pictures")
    made: list[Desk] = []

    def make(name: str) -> Desk:
        made.append(Desk(make_editor(folder / f"{name}.json"), qtbot))
        return made[-1]

    yield make
    for desk in made:
        desk.end()
