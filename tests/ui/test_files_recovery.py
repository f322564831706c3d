"""Nothing older than two seconds is lost, however the editor ends: with editors killed for real."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from events import click
from files_kit import WORKFLOWS, Stage, edit, titles, write
from PySide6.QtCore import QPoint

from studio.editing.recovery import RecoveryStore
from studio.editing.session import Session, TabNote, new_key
from studio.graph.document import Graph, Node
from studio.graph.files import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytestqt.qtbot import QtBot

    from studio.registry import Registry
    from ui.files.keeping import Keeper

    MakeStage = Callable[[], Stage]

HERE = Path(__file__).parent


@pytest.fixture
def stages(registry: Registry, home: Path) -> Iterator[MakeStage]:
    """Windows of one user, one after another."""
    home.mkdir(exist_ok=True)
    made: list[Stage] = []

    def make() -> Stage:
        made.append(Stage(registry, home))
        made[-1].keep()
        return made[-1]

    yield make
    for stage in made:
        if stage.keeper is not None:
            stage.keeper.autosave.end()
        stage.keeper = None
        stage.end()


def keeper(stage: Stage) -> Keeper:
    assert stage.keeper is not None
    return stage.keeper


def start(qtbot: QtBot, stage: Stage, *paths: Path, default: Path | None = None) -> Stage:
    with qtbot.waitSignal(keeper(stage).started, timeout=10_000):
        keeper(stage).start(paths, default)
    qtbot.waitUntil(lambda: not stage.tabs.jobs.waiting, timeout=10_000)
    return stage


def crash(stage: Stage) -> None:
    """End as a process that is killed does: nothing is tidied up, and its lock is free."""
    kept = keeper(stage).autosave
    kept._stop()
    assert kept.store is not None
    lock = kept.store._lock
    assert lock._file is not None
    lock._file.close()
    lock._file = None
    kept.store = None
    stage.keeper = None


def settle(qtbot: QtBot, stage: Stage) -> None:
    qtbot.waitUntil(lambda: keeper(stage).autosave.settled, timeout=5000)


def kept_files(home: Path) -> list[Path]:
    return [path for path in home.glob("recovery/*/*.json") if path.name != "tabs.json"]


# Keeping


def test_a_change_is_kept_within_two_seconds(
    qtbot: QtBot, stages: MakeStage, home: Path
) -> None:
    stage = start(qtbot, stages())
    editor = stage.tabs.new()
    edit(editor)
    begun = time.monotonic()
    qtbot.waitUntil(lambda: len(kept_files(home)) == 1, timeout=2000)
    assert time.monotonic() - begun < 2
    editor.stack.undo()
    qtbot.waitUntil(lambda: not kept_files(home), timeout=2000)


def test_changes_that_never_stop_are_kept_all_the_same(
    qtbot: QtBot, stages: MakeStage, home: Path
) -> None:
    stage = start(qtbot, stages())
    editor = stage.tabs.new()
    end = time.monotonic() + 1.9
    count = 0
    while time.monotonic() < end and not kept_files(home):
        count += 1
        edit(editor, count)
        qtbot.wait(20)
    assert kept_files(home)


def test_saving_and_closing_end_the_keeping(
    qtbot: QtBot, stages: MakeStage, home: Path, tmp_path: Path
) -> None:
    stage = start(qtbot, stages())
    saved, closed = stage.tabs.new(), stage.tabs.new()
    edit(saved)
    edit(closed)
    qtbot.waitUntil(lambda: len(kept_files(home)) == 2, timeout=2000)
    stage.answers.to_save = [tmp_path / "x.json"]
    stage.tabs.save(saved)
    qtbot.waitUntil(lambda: len(kept_files(home)) == 1, timeout=3000)
    stage.tabs.close(closed)
    assert stage.tabs.closer.dialog is not None
    click(stage.tabs.closer.dialog.discard, QPoint(5, 5))
    qtbot.waitUntil(lambda: not kept_files(home), timeout=3000)


def test_a_clean_end_leaves_nothing_but_the_tabs(
    qtbot: QtBot, stages: MakeStage, home: Path, tmp_path: Path
) -> None:
    stage = start(qtbot, stages(), write(tmp_path / "a.json"))
    edit(stage.tabs.new())
    settle(qtbot, stage)
    keeper(stage).end()
    assert list((home / "recovery").iterdir()) == []
    session = Session.loads((home / "session.json").read_bytes())
    assert [note.path for note in session.tabs] == [tmp_path / "a.json"]


def test_a_lost_folder_is_told_once(qtbot: QtBot, stages: MakeStage, home: Path) -> None:
    import shutil

    stage = start(qtbot, stages())
    store = keeper(stage).autosave.store
    assert store is not None
    shutil.rmtree(store.folder)
    edit(stage.tabs.new())
    qtbot.waitUntil(lambda: stage.tabs.notices.get("kept") is not None, timeout=3000)
    banner = stage.tabs.notices.get("kept")
    assert banner is not None
    assert "can't be kept" in banner.words
    # There is room again: nothing is lost, and nobody is told otherwise.
    autosave = keeper(stage).autosave
    store.folder.mkdir()
    edit(stage.tabs.editors()[-1])
    qtbot.waitUntil(lambda: stage.tabs.notices.get("kept") is None, timeout=9000)
    assert list(store.folder.glob("*.json"))
    assert autosave.store is store


def test_a_home_that_is_a_file_is_told(qtbot: QtBot, stages: MakeStage, home: Path) -> None:
    home.mkdir(exist_ok=True)
    (home / "recovery").write_text("")
    stage = start(qtbot, stages())
    assert stage.tabs.notices.get("kept") is not None
    edit(stage.tabs.new())
    qtbot.wait(800)
    assert keeper(stage).autosave.settled


# The tabs of the last time


def test_tabs_come_back_with_what_one_saw(
    qtbot: QtBot, stages: MakeStage, tmp_path: Path
) -> None:
    paths = [write(tmp_path / f"{name}.json", nodes=4) for name in "abc"]
    stage = start(qtbot, stages(), *paths)
    qtbot.waitUntil(lambda: len(stage.tabs.editors()) == 3)
    stage.tabs.show_page(stage.tabs.pages()[1])
    editor = stage.tabs.current
    assert editor is not None
    editor.view.look_from(0.5, 300, -200)
    keeper(stage).end()
    stage.keeper = None
    again = start(qtbot, stages())
    assert titles(again.tabs) == ["a", "b", "c"]
    # Only the one in front was read.
    qtbot.waitUntil(lambda: len(again.tabs.editors()) == 1)
    front = again.tabs.current
    assert front is not None
    assert front.path == paths[1]
    qtbot.waitUntil(lambda: abs(front.view.zoom - 0.5) < 0.01)
    _, x, y = front.view.viewpoint()
    assert (x, y) == (pytest.approx(300, abs=8), pytest.approx(-200, abs=8))
    again.tabs.step(1)
    qtbot.waitUntil(lambda: len(again.tabs.editors()) == 2)


def test_the_first_start_opens_the_default(qtbot: QtBot, stages: MakeStage) -> None:
    stage = start(qtbot, stages(), default=WORKFLOWS / "text_to_image.json")
    assert titles(stage.tabs) == ["Text to image"]


def test_a_damaged_session_is_no_session(qtbot: QtBot, stages: MakeStage, home: Path) -> None:
    (home / "session.json").write_bytes(b"\0{")
    stage = start(qtbot, stages(), default=WORKFLOWS / "text_to_image.json")
    assert titles(stage.tabs) == ["Text to image"]


def test_a_second_window_starts_anew(
    qtbot: QtBot, stages: MakeStage, home: Path, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.json")
    note = TabNote(new_key(), "a", path)
    (home / "session.json").write_text(Session((note,)).dumps())
    start(qtbot, stages())
    second = start(qtbot, stages(), default=WORKFLOWS / "text_to_image.json")
    assert titles(second.tabs) == ["Text to image"]


# After a crash


def test_unsaved_tabs_come_back_with_a_word(
    qtbot: QtBot, stages: MakeStage, tmp_path: Path, home: Path
) -> None:
    path = write(tmp_path / "a.json", "A", 2)
    stage = start(qtbot, stages(), path)
    qtbot.waitUntil(lambda: stage.tabs.current is not None)
    assert stage.tabs.current is not None
    edit(stage.tabs.current)
    edit(stage.tabs.new())
    stage.tabs.new()  # empty: nothing to bring back
    settle(qtbot, stage)
    qtbot.waitUntil(lambda: bool(list(home.glob("recovery/*/tabs.json"))), timeout=3000)
    qtbot.wait(1100)
    crash(stage)
    again = start(qtbot, stages())
    assert titles(again.tabs) == ["A", "Untitled"]
    first, second = again.tabs.editor_pages()
    assert first.path == path
    assert first.unsaved
    assert second.unsaved
    assert len(first.editor.document.nodes) == 3
    assert len(second.editor.document.nodes) == 1
    assert again.said == ["2 unsaved graphs were restored: the program had ended unexpectedly."]
    banner = first.banners.get("restored")
    assert banner is not None
    assert "the program ended before this was saved" in banner.words
    # They are kept on, for the next crash.
    assert len(kept_files(home)) == 2
    click(banner.buttons["Give it up"], QPoint(5, 5))
    qtbot.waitUntil(lambda: len(first.editor.document.nodes) == 2)
    assert not first.unsaved
    qtbot.waitUntil(lambda: len(kept_files(home)) == 1, timeout=3000)


def test_a_crash_right_after_saving_restores_nothing(
    qtbot: QtBot, stages: MakeStage, tmp_path: Path
) -> None:
    path = tmp_path / "a.json"
    graph = Graph(title="A", nodes={"n": Node(type="Integer")})
    stage = start(qtbot, stages())
    store = keeper(stage).autosave.store
    assert store is not None
    note = TabNote(new_key(), "A", path, None, "the hash before saving")
    store.keep(note, graph)
    store.remember(Session((note,)))
    from studio.graph.files import save

    save(graph, path)
    crash(stage)
    again = start(qtbot, stages())
    qtbot.waitUntil(lambda: again.tabs.current is not None)
    assert again.tabs.current is not None
    assert not again.tabs.current.unsaved
    assert again.said == []


def test_a_restored_graph_does_not_write_over_what_others_wrote(
    qtbot: QtBot, stages: MakeStage, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.json", "mine")
    stage = start(qtbot, stages(), path)
    qtbot.waitUntil(lambda: stage.tabs.current is not None)
    assert stage.tabs.current is not None
    edit(stage.tabs.current)
    settle(qtbot, stage)
    crash(stage)
    write(path, "theirs")
    again = start(qtbot, stages())
    page = again.tabs.editor_pages()[0]
    again.tabs.saver.save(page)
    qtbot.waitUntil(lambda: page.banners.get("changed on disk") is not None)
    assert load(path).title == "theirs"


def test_a_half_written_file_is_skipped_with_a_word(
    qtbot: QtBot, stages: MakeStage, home: Path
) -> None:
    stage = start(qtbot, stages())
    for _ in range(2):
        edit(stage.tabs.new())
    settle(qtbot, stage)
    cut = kept_files(home)[0]
    crash(stage)
    cut.write_bytes(cut.read_bytes()[:-30])
    again = start(qtbot, stages())
    assert len(again.tabs.editors()) == 1
    banner = again.tabs.notices.get("restored")
    assert banner is not None
    assert "could not be restored" in banner.words


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL")
@pytest.mark.parametrize(("pace", "seconds"), [(5, 3.0), (90, 2.3), (700, 2.6)])
def test_a_killed_editor_loses_at_most_two_seconds(
    qtbot: QtBot, stages: MakeStage, home: Path, tmp_path: Path, pace: int, seconds: float
) -> None:
    paths = [write(tmp_path / f"{name}.json", name, 200) for name in "ab"]
    command = [sys.executable, str(HERE / "editing_child.py"), str(home), str(pace)]
    root = str(HERE.parents[1])
    with subprocess.Popen(
        [*command, *map(str, paths)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": root, "QT_QPA_PLATFORM": "offscreen"},
    ) as child:
        assert child.stdout is not None
        lines: list[str] = []
        reader = threading.Thread(target=lambda: lines.extend(child.stdout))  # type: ignore[arg-type]
        reader.start()
        qtbot.waitUntil(lambda: bool(lines) or child.poll() is not None, timeout=30_000)
        assert child.poll() is None
        qtbot.wait(int(seconds * 1000))
        child.send_signal(signal.SIGKILL)
        killed = time.monotonic()
        child.wait(10)
        reader.join(10)
    said = [line.split() for line in lines if line.count(" ") == 1]
    safe = max((int(n) for n, when in said if float(when) < killed - 2), default=0)
    assert safe > 0 or seconds <= 2
    stage = start(qtbot, stages())
    assert len(stage.tabs.editors()) == 3
    for editor in stage.tabs.editors():
        assert editor.unsaved
        first = next(iter(editor.document.nodes.values()))
        assert first.params["value"] >= safe
    assert stage.tabs.notices.get("restored") is None
    assert load(paths[0]).nodes["n0"].params == {"value": 0}
    # Its folder is gone; ours has the graphs now.
    assert len(list(home.glob("recovery/*.lock"))) == 1
    assert len(kept_files(home)) == 3


def test_a_living_editor_is_left_alone(
    qtbot: QtBot, stages: MakeStage, home: Path
) -> None:
    stage = start(qtbot, stages())
    edit(stage.tabs.new())
    settle(qtbot, stage)
    second = start(qtbot, stages())
    assert second.tabs.editors() == []
    assert len(kept_files(home)) == 1
    other = RecoveryStore(home / "recovery")
    assert other.living()
