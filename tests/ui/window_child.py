"""A whole editor in a process of its own: opens a graph, edits, runs it, says what it imported."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).parents[2]))

from studio.editing.edits import set_params
from studio.registry import Registry
from ui.actions import Actions
from ui.app import make_application
from ui.preferences import Preferences
from ui.theme import instance
from ui.window import MainWindow

if TYPE_CHECKING:
    from collections.abc import Callable

HEAVY = ("torch", "diffusers", "transformers")
LATE = ("numpy", "scipy", "ui.paint")
"""The canvas for masks, and numpy with it, come when the canvas is first opened."""


def main() -> None:
    preferences = Preferences()
    preferences.tour_done = True
    app = make_application(["child"], preferences)
    actions = Actions(preferences, app)
    window = MainWindow(Registry.load(), preferences, actions, instance())
    window.start([Path(sys.argv[1])])
    window.show()

    def wait(until: Callable[[], bool]) -> None:
        end = time.monotonic() + 120
        while not until() and time.monotonic() < end:
            app.processEvents()
            time.sleep(0.01)

    wait(lambda: window.editor is not None)
    early = [name for name in LATE if name in sys.modules]
    for name in window.panels.docks:
        window.panels[name].bring_up()
    editor = window.editor
    assert editor is not None
    editor.push(set_params(editor.document, {"sampler": {"steps": 3, "seed": 5}}, "Set"))
    actions.action("run.run").trigger()
    queue = window.workshop.queue
    wait(lambda: bool(queue.jobs) and queue.jobs[0].over)
    job = queue.jobs[0]
    editor.stack.setClean()
    window.close()
    report = {
        "status": job.status,
        "error": job.error,
        "pictures": len(job.outputs),
        "early": early,
        "heavy": [name for name in HEAVY if name in sys.modules],
    }
    print(json.dumps(report))  # noqa: T201  (it is what the parent reads)


main()
