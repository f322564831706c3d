"""The whole window with a real engine: run, edit, close, and what the process never imports."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QInputDialog

from studio.editing.edits import set_param
from studio.editing.seeds import set_seed_mode
from studio.graph.files import load
from ui.actions import Actions
from ui.preferences import Preferences
from ui.theme import instance
from ui.window import MainWindow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytestqt.qtbot import QtBot

    from studio.registry import Registry

ROOT = Path(__file__).parents[2]
WORKFLOW = ROOT / "workflows" / "text_to_image.json"


@pytest.fixture
def make_window(
    qtbot: QtBot, qapp: QApplication, registry: Registry
) -> Iterator[Callable[..., MainWindow]]:
    made: list[MainWindow] = []

    def make(*paths: Path, engine: bool = False) -> MainWindow:
        preferences = Preferences()
        preferences.tour_done = True
        themes = instance()
        actions = Actions(preferences)
        window = MainWindow(registry, preferences, actions, themes, start_engine=engine)
        window.resize(1600, 900)
        window.start(paths)
        with qtbot.waitSignal(window.first_painted):
            window.show()
        qtbot.waitUntil(lambda: bool(window.tabs.pages()))
        made.append(window)
        return window

    yield make
    for window in made:
        for editor in window.tabs.editors():
            editor.stack.setClean()
        window.close()
        window.actions_.deleteLater()
        window.deleteLater()
    qapp.sendPostedEvents()
    qapp.processEvents()


def test_it_opens_on_the_text_to_image_graph(make_window: Callable[..., MainWindow]) -> None:
    window = make_window()
    assert window.editor is not None
    assert window.editor.document.dumps() == WORKFLOW.read_text()
    assert not window.editor.unsaved
    assert window.editor.path is None  # a template is never written to


def test_there_is_nothing_to_run_on_the_start_page(make_window: Callable[..., MainWindow]) -> None:
    window = make_window()
    assert window.run_bar.run.isEnabled()
    window.tabs.show_start()
    assert window.editor is None
    assert not window.run_bar.run.isEnabled()
    window.tabs.new()
    assert window.run_bar.run.isEnabled()


def test_ctrl_enter_makes_a_picture_in_the_node(
    make_window: Callable[..., MainWindow], qtbot: QtBot, home: Path
) -> None:
    window = make_window(engine=True)
    editor = window.editor
    assert editor is not None
    editor.push(set_param(editor.document, "sampler", "steps", 4))
    previews: list[int] = []
    editor.states.changed.connect(
        lambda _: previews.append(editor.states.get("sampler").step)
    )
    editor.view.setFocus()
    QTest.keyClick(editor.view, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: editor.states.get("save").status == "saved", timeout=90_000)
    assert max(previews) >= 2
    qtbot.waitUntil(lambda: editor.states.preview("save") is not None, timeout=10_000)
    pictures = list((home / "output").rglob("*.png"))
    assert len(pictures) == 1
    assert editor.states.files("save") == (pictures[0],)
    outputs = window.panels["outputs"].panel
    assert outputs.paths == pictures  # type: ignore[union-attr]


def test_theme_switch_and_undo_by_keys(make_window: Callable[..., MainWindow]) -> None:
    window = make_window()
    editor = window.editor
    assert editor is not None
    before = editor.document.dumps()
    editor.push(set_param(editor.document, "sampler", "steps", 7))
    editor.view.setFocus()
    QTest.keyClick(editor.view, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert editor.document.dumps() == before
    QTest.keyClick(editor.view, Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier)
    assert editor.document.nodes["sampler"].params["steps"] == 7
    window.actions_.action("view.theme_light").trigger()
    assert not window.themes.theme.is_dark
    assert Preferences().theme == "light"
    window.actions_.action("view.theme_dark").trigger()


def test_every_action_is_bound_or_waits_for_a_graph(
    make_window: Callable[..., MainWindow],
) -> None:
    window = make_window()
    unbound = [
        spec.id for spec in window.actions_.specs if not window.actions_.action(spec.id).isEnabled()
    ]
    assert unbound == []
    window.tabs.show_start()
    waiting = [
        spec.id for spec in window.actions_.specs if not window.actions_.action(spec.id).isEnabled()
    ]
    assert "run.run" in waiting
    assert "file.open" not in waiting


def test_closing_with_unsaved_changes_asks_once(
    make_window: Callable[..., MainWindow], qtbot: QtBot, tmp_path: Path
) -> None:
    path = tmp_path / "graph.json"
    path.write_text(WORKFLOW.read_text())
    window = make_window(path)
    qtbot.waitUntil(lambda: window.editor is not None)
    editor = window.editor
    assert editor is not None
    editor.push(set_param(editor.document, "sampler", "steps", 9))
    window.close()
    assert window.isVisible()
    dialog = window.findChild(QDialog)
    assert dialog is not None
    dialog.reject()
    assert window.isVisible()
    with qtbot.waitSignal(window.tabs.saver.saved):
        window.actions_.action("file.save").trigger()
    assert load(path).nodes["sampler"].params["steps"] == 9
    assert window.close()


def test_panels_open_and_are_remembered(make_window: Callable[..., MainWindow]) -> None:
    window = make_window()
    for name in window.panels.docks:
        window.panels[name].bring_up()
        QApplication.processEvents()
        assert window.panels[name].panel is not None, name
    window.actions_.action("view.reset_layout").trigger()
    assert not window.panels["inspector"].isHidden()
    assert window.panels["queue"].isHidden()


def test_runs_by_keys(
    make_window: Callable[..., MainWindow], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an engine they wait, in their order."""
    window = make_window()
    editor, queue = window.editor, window.workshop.queue
    assert editor is not None
    ctrl, shift, alt = (
        Qt.KeyboardModifier.ControlModifier,
        Qt.KeyboardModifier.ShiftModifier,
        Qt.KeyboardModifier.AltModifier,
    )
    editor.view.setFocus()
    QTest.keyClick(editor.view, Qt.Key.Key_Return, ctrl)
    (first,) = queue.waiting
    assert first.only == ()
    editor.select(["decode"])
    QTest.keyClick(editor.view, Qt.Key.Key_Return, alt)
    assert [job.only for job in queue.waiting] == [(), ("decode",)]
    QTest.keyClick(editor.view, Qt.Key.Key_Return, ctrl | shift)
    assert queue.waiting[1] is first, "the last one goes before all that waits"
    editor.push(set_seed_mode(editor.document, "sampler", "seed", "increment"))
    monkeypatch.setattr(QInputDialog, "getInt", lambda *_: (3, True))
    QTest.keyClick(editor.view, Qt.Key.Key_R, ctrl | shift)
    graphs = [json.loads(job.graph)["nodes"]["sampler"] for job in queue.waiting[-3:]]
    assert [node["params"]["seed"] for node in graphs] == [2, 3, 4]
    window.actions_.action("run.clear").trigger()
    assert queue.waiting == []


def test_panels_glide_only_where_the_user_wants_motion(
    make_window: Callable[..., MainWindow],
) -> None:
    window = make_window()
    assert not window.isAnimated(), "tests wear no motion"
    window.themes.reduced_motion = False
    assert window.isAnimated()
    assert window.isDockNestingEnabled()
    window.themes.reduced_motion = True
    assert not window.isAnimated()


def test_the_editor_process_never_imports_torch(home: Path) -> None:
    """Start, open, edit and run, in a process of its own."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("window_child.py")), str(WORKFLOW)],
        capture_output=True,
        text=True,
        timeout=180,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["status"] == "done"
    assert report["pictures"] == 1
    assert report["early"] == []
    assert report["heavy"] == []
