"""The engine or the editor is killed: what was painted is there all the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from studio.editing.edits import set_param
from studio.graph.document import Graph, Node
from studio.graph.files import dumps
from studio.masks.imported import mask_path
from tests.ui.hostile_kit import a_window, pump, settle, strokes
from tests.ui.mask_kit import paint_graph, write_picture
from tests.ui.test_paint_panel import agree, drag, editor_of, opened

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from studio.registry import Registry
    from ui.paint.panel import PaintPanel

HERE = Path(__file__).parent
WAIT = 60_000

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL")


def answered(qtbot: QtBot, panel: PaintPanel) -> None:
    """The engine has said whether it has the picture."""
    binding = panel.binding
    assert binding is not None
    pump()
    qtbot.waitUntil(lambda: not binding.source._asked, timeout=WAIT)
    settle(qtbot, panel)


def test_the_engine_is_killed_while_one_paints_on_what_it_made(
    qtbot: QtBot, registry: Registry
) -> None:
    graph = Graph(
        nodes={
            "solid": Node(type="SolidImage", params={"width": 40, "height": 24}),
            "mask": Node(type="InpaintMask", inputs={"image": "solid"}),
            "save": Node(type="SaveImage", inputs={"image": "mask.image"}),
        },
        layout={"solid": (0, 0), "mask": (300, 0), "save": (600, 0)},
    )
    with a_window(qtbot, registry, graph, engine=True) as window:
        editor, client = editor_of(window), window.workshop.client
        editor.paint_wanted.emit("mask", "mask")
        panel = window.workshop.paint_panel
        assert panel is not None
        assert panel.binding is not None
        source, painting = panel.binding.source, panel.view.painting
        qtbot.waitUntil(lambda: source.can_run, timeout=WAIT)
        assert not painting.ready
        panel.advice.button.click()
        qtbot.waitUntil(lambda: painting.ready, timeout=WAIT)
        drag(panel, (5, 5), (20, 12))
        # Dead, with a question under way: one paints on on the picture that one has.
        editor.push(set_param(editor.document, "solid", "colour", "#ff0000"))
        os.kill(client.pid, signal.SIGKILL)
        qtbot.waitUntil(lambda: not client.is_ready, timeout=WAIT)
        pump()
        assert painting.ready
        drag(panel, (5, 12), (20, 20))
        assert len(strokes(editor)) == 2
        agree(panel)
        qtbot.waitUntil(lambda: client.is_ready, timeout=WAIT)
        answered(qtbot, panel)
        assert painting.ready
        assert "run before" in panel.advice.words.text()
        panel.advice.button.click()
        qtbot.waitUntil(
            lambda: painting.ready
            and painting.picture is not None
            and painting.picture[0, 0].tolist() == [255, 0, 0],
            timeout=WAIT,
        )
        assert len(strokes(editor)) == 2
        agree(panel)


def test_a_killed_editor_has_the_stroke_and_the_imported_mask(
    qtbot: QtBot, registry: Registry, tmp_path: Path
) -> None:
    picture = write_picture(tmp_path / "picture.png")
    path = tmp_path / "graph.json"
    path.write_text(dumps(paint_graph(str(picture))))
    grey = write_picture(tmp_path / "grey.png", 64, 48)
    before = path.read_text()
    with subprocess.Popen(
        [sys.executable, str(HERE / "painting_child.py"), str(path), str(grey)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(HERE.parents[1]), "QT_QPA_PLATFORM": "offscreen"},
    ) as child:
        assert child.stdout is not None
        lines: list[str] = []
        reader = threading.Thread(target=lambda: lines.extend(child.stdout))  # type: ignore[arg-type]
        reader.start()
        qtbot.waitUntil(lambda: bool(lines) or child.poll() is not None, timeout=WAIT)
        qtbot.wait(2000)  # what is older than that is promised
        child.send_signal(signal.SIGKILL)
        child.wait(10)
        reader.join(10)
    assert lines == ["2 steps\n"]
    assert path.read_text() == before
    with a_window(qtbot, registry) as window:
        window.start([])
        qtbot.waitUntil(
            lambda: window.editor is not None and "mask" in window.editor.document.nodes,
            timeout=WAIT,
        )
        editor = editor_of(window)
        assert editor.unsaved
        assert editor.path == path
        raster, brush = strokes(editor)
        assert (raster["t"], brush["t"]) == ("raster", "brush")
        assert mask_path(tmp_path, str(raster["hash"])).is_file()
        panel = opened(window, qtbot)
        agree(panel)
        window.keeper.end()
