"""Tabs by real events: open, save, close, and everything that can be wrong with a file."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest
from events import MIDDLE, click, double_click, drag, key
from files_kit import WORKFLOWS, Stage, edit, titles, write
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QLabel

from studio.graph.document import Graph
from studio.graph.files import dumps, load, to_json
from studio.png import METADATA_KEY, encode_png
from ui.files.dropping import FileDrop
from ui.files.pages import EditorPage, FaultPage, OpeningPage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from studio.registry import Registry
    from ui.editor.editor import GraphEditor
    from ui.files.tabs import EditorTabs


@pytest.fixture
def stage(qtbot: QtBot, registry: Registry, home: Path) -> Iterator[Stage]:
    made = Stage(registry, home)
    qtbot.waitExposed(made.window)
    yield made
    made.end()


@pytest.fixture
def tabs(stage: Stage) -> EditorTabs:
    return stage.tabs


def opened(qtbot: QtBot, tabs: EditorTabs, path: Path) -> GraphEditor:
    tabs.open(path)
    qtbot.waitUntil(lambda: bool(tabs.current and tabs.current.path == path.resolve()))
    assert tabs.current is not None
    return tabs.current


def page_of(tabs: EditorTabs, editor: GraphEditor) -> EditorPage:
    page = tabs.page_of(editor)
    assert page is not None
    return page


def picture(path: Path, graph: Graph | None = None, text: str | None = None) -> Path:
    about = {}
    if graph is not None:
        about = {METADATA_KEY: json.dumps({"graph": to_json(graph)})}
    if text is not None:
        about = {METADATA_KEY: text}
    path.write_bytes(encode_png(np.zeros((4, 4, 3), np.uint8), about))
    return path


# New and open


def test_new_makes_an_empty_tab_in_front(stage: Stage, tabs: EditorTabs) -> None:
    seen: list[object] = []
    tabs.current_changed.connect(seen.append)
    first = tabs.new()
    second = tabs.new()
    assert titles(tabs) == ["Untitled", "Untitled 2"]
    assert tabs.current is second
    assert seen == [first, second]
    assert not first.unsaved


def test_the_plus_and_a_double_click_beside_the_tabs_make_tabs(
    stage: Stage, tabs: EditorTabs
) -> None:
    click(tabs.bar.plus, tabs.bar.plus.rect().center())
    assert len(tabs.editors()) == 1
    double_click(tabs.bar, QPoint(tabs.bar.width() - 10, 20))
    assert len(tabs.editors()) == 2


def test_a_file_opens_in_a_tab_and_is_shown_when_opened_again(
    qtbot: QtBot, tabs: EditorTabs, tmp_path: Path
) -> None:
    used: list[Path] = []
    tabs.used.connect(used.append)
    path = write(tmp_path / "one.json", "One", 3)
    editor = opened(qtbot, tabs, path)
    assert len(editor.document.nodes) == 3
    other = opened(qtbot, tabs, write(tmp_path / "two.json"))
    assert titles(tabs) == ["One", "two"]
    tabs.open(path)
    assert tabs.current is editor
    assert tabs.editors() == [editor, other]
    assert used == [path, tmp_path / "two.json"]


def test_a_link_to_an_open_file_shows_that(
    qtbot: QtBot, tabs: EditorTabs, tmp_path: Path
) -> None:
    path = write(tmp_path / "one.json")
    editor = opened(qtbot, tabs, path)
    tabs.new()
    (tmp_path / "link.json").symlink_to(path)
    tabs.open(tmp_path / "link.json")
    qtbot.waitUntil(lambda: tabs.current is editor)
    assert len(tabs.pages()) == 2


def test_a_template_is_a_copy_without_a_file(tabs: EditorTabs) -> None:
    tabs.open_template(WORKFLOWS / "text_to_image.json")
    editor = tabs.current
    assert editor is not None
    assert editor.path is None
    assert titles(tabs) == ["Text to image"]
    assert editor.base == WORKFLOWS
    assert not editor.unsaved


def test_a_picture_of_ours_opens_its_graph(
    qtbot: QtBot, tabs: EditorTabs, tmp_path: Path
) -> None:
    graph = load(WORKFLOWS / "text_to_image.json")
    path = picture(tmp_path / "star_0001.png", graph)
    tabs.open(path)
    qtbot.waitUntil(lambda: tabs.current is not None)
    editor = tabs.current
    assert editor is not None
    assert editor.path is None
    assert dumps(editor.document.graph()) == dumps(graph)
    assert editor.base == tmp_path


BROKEN = {
    "missing.json": (None, "there is no such file"),
    "empty.json": (b"", "isn't JSON"),
    "binary.json": (b"\xff\xfe\0\1", "isn't text in UTF-8"),
    "other.json": (b'{"a": 1}', "no Latent Studio graph"),
    "newer.json": (b'{"format": "latent-studio", "version": 99, "nodes": {}}', "format version 99"),
    "deep.json": (b"[" * 200_000, "nested too deeply"),
    "nan.json": (
        b'{"format": "latent-studio", "version": 1, "nodes": {"a": {"type": "Integer"}},'
        b' "layout": {"a": [NaN, 0]}}',
        "NaN",
    ),
    "bad_nodes.json": (
        b'{"format": "latent-studio", "version": 1, "nodes": {"1 2": {"type": "X"}, "b": 3}}',
        "a node's id is a word",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_wrong_with_a_file_stands_in_its_tab(
    qtbot: QtBot, tabs: EditorTabs, tmp_path: Path, name: str
) -> None:
    data, words = BROKEN[name]
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    tabs.open(path)
    qtbot.waitUntil(lambda: isinstance(tabs.current_page, FaultPage))
    page = tabs.current_page
    assert isinstance(page, FaultPage)
    assert words in page.words.toPlainText()
    assert tabs.current is None
    assert not page.unsaved


def test_folders_pipes_and_foreign_pictures_are_told(
    qtbot: QtBot, tabs: EditorTabs, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "folder.json").mkdir()
    picture(tmp_path / "foreign.png")
    picture(tmp_path / "damaged.png", text="{")
    (tmp_path / "cut.png").write_bytes((tmp_path / "foreign.png").read_bytes()[:40])
    wanted = {
        "pipe.json": "a device or a pipe",
        "folder.json": "this is a folder",
        "foreign.png": "without a graph in it",
        "damaged.png": "the graph in it is damaged",
        "cut.png": "cut.png",
    }
    for name in wanted:
        tabs.open(tmp_path / name)
    qtbot.waitUntil(lambda: all(isinstance(page, FaultPage) for page in tabs.pages()))
    for page, words in zip(tabs.pages(), wanted.values(), strict=True):
        assert isinstance(page, FaultPage)
        assert words in page.words.toPlainText()


def test_a_file_of_100000_faults_shows_some(
    qtbot: QtBot, tabs: EditorTabs, tmp_path: Path
) -> None:
    nodes = ",".join(f'"{i} x": 1' for i in range(20_000))
    path = tmp_path / "x.json"
    path.write_text(f'{{"format": "latent-studio", "version": 1, "nodes": {{{nodes}}}}}')
    tabs.open(path)
    qtbot.waitUntil(lambda: isinstance(tabs.current_page, FaultPage), timeout=20_000)
    assert isinstance(tabs.current_page, FaultPage)
    assert "more like these" in tabs.current_page.words.toPlainText()


def test_try_again_after_the_file_was_mended(
    qtbot: QtBot, tabs: EditorTabs, tmp_path: Path
) -> None:
    path = tmp_path / "x.json"
    path.write_text("{")
    tabs.open(path)
    qtbot.waitUntil(lambda: isinstance(tabs.current_page, FaultPage))
    write(path, "Mended")
    assert isinstance(tabs.current_page, FaultPage)
    tabs.current_page.again.emit(tabs.current_page)
    qtbot.waitUntil(lambda: tabs.current is not None)
    assert titles(tabs) == ["Mended"]


def test_far_places_do_no_harm(qtbot: QtBot, tabs: EditorTabs, tmp_path: Path) -> None:
    path = tmp_path / "far.json"
    path.write_text(
        '{"format": "latent-studio", "version": 1, "nodes": {"a": {"type": "Integer"}, '
        '"b": {"type": "Nobody"}}, "layout": {"a": [1e30, -1e300], "b": [1e-300, 0]}}'
    )
    editor = opened(qtbot, tabs, path)
    tabs.stack.grab()
    assert editor.document.layout["a"] == (1e30, -1e300)


def test_a_slow_file_shows_a_busy_sign_and_can_be_cancelled(
    qtbot: QtBot, tabs: EditorTabs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    import ui.files.tabs as module

    gate = threading.Event()
    real = module.read_graph

    def slow(path: Path) -> object:
        gate.wait(10)
        return real(path)

    monkeypatch.setattr(module, "read_graph", slow)
    tabs.open(write(tmp_path / "x.json"))
    page = tabs.current_page
    assert isinstance(page, OpeningPage)
    assert not page.bar.isVisible()
    qtbot.waitUntil(page.bar.isVisible)
    assert "x.json" in page.words.text()
    click(page.stop, page.stop.rect().center())
    assert tabs.pages() == []
    gate.set()
    qtbot.wait(50)
    assert tabs.pages() == []


def test_a_large_graph_shows_the_sign_before_it_is_drawn(
    qtbot: QtBot, tabs: EditorTabs, tmp_path: Path
) -> None:
    path = write(tmp_path / "large.json", nodes=2000)
    tabs.open(path)
    page = tabs.current_page
    assert isinstance(page, OpeningPage)
    shown: list[str] = []
    show = page.show_busy
    page.show_busy = lambda words="": (shown.append(words), show(words))  # type: ignore[method-assign]
    qtbot.waitUntil(lambda: tabs.current is not None, timeout=20_000)
    assert "Drawing 2,000 nodes …" in shown


# Tabs


def test_tabs_are_chosen_moved_and_stepped_through(qtbot: QtBot, tabs: EditorTabs) -> None:
    editors = [tabs.open_graph(Graph(title=name)) for name in "abc"]
    bar = tabs.bar.tabs
    click(bar, bar.tabRect(0).center())
    assert tabs.current is editors[0]
    tabs.step(-1)
    assert tabs.current is editors[2]
    tabs.step(1)
    assert tabs.current is editors[0]
    drag(bar, bar.tabRect(0).center(), bar.tabRect(2).center() + QPoint(20, 0), steps=12)
    qtbot.waitUntil(lambda: titles(tabs) == ["b", "c", "a"])
    assert tabs.current is editors[0]


def test_a_middle_click_and_the_cross_close(qtbot: QtBot, tabs: EditorTabs) -> None:
    closed: list[object] = []
    tabs.editor_closed.connect(closed.append)
    a, b = tabs.open_graph(Graph(title="a")), tabs.open_graph(Graph(title="b"))
    bar = tabs.bar.tabs
    click(bar, bar.tabRect(0).center(), MIDDLE)
    assert closed == [a]
    assert tabs.current is b
    button = bar.button(0)
    assert button is not None
    click(button, button.rect().center())
    assert closed == [a, b]
    assert tabs.current is None


def test_a_dot_marks_unsaved_changes(tabs: EditorTabs) -> None:
    editor = tabs.new()
    button = tabs.bar.tabs.button(0)
    assert button is not None
    assert not button.unsaved
    edit(editor)
    assert button.unsaved
    editor.stack.undo()
    assert not button.unsaved


def test_the_title_follows_the_document(tabs: EditorTabs) -> None:
    from studio.editing.edits import set_title

    editor = tabs.new()
    editor.push(set_title(editor.document, "Fish & chips"))
    assert titles(tabs) == ["Fish & chips"]
    assert tabs.bar.tabs.tabText(0) == "Fish && chips"
    editor.stack.undo()
    assert titles(tabs) == ["Untitled"]


def test_the_start_page_comes_and_goes(qtbot: QtBot, registry: Registry, home: Path) -> None:
    stage = Stage(registry, home, lambda: QLabel("Start here"))
    tabs = stage.tabs
    tabs.show_start()
    assert titles(tabs) == ["Start"]
    assert tabs.current is None
    editor = tabs.new()
    assert tabs.pages() == [tabs.page_of(editor)]
    tabs.close(editor)
    assert titles(tabs) == ["Start"]
    assert tabs.session().tabs == ()
    stage.end()


# Save


def test_save_writes_the_file_and_clears_the_dot(
    qtbot: QtBot, tabs: EditorTabs, tmp_path: Path
) -> None:
    path = write(tmp_path / "x.json")
    editor = opened(qtbot, tabs, path)
    edit(editor)
    tabs.save()
    qtbot.waitUntil(lambda: not editor.unsaved)
    assert path.read_text() == editor.document.dumps()
    editor.stack.undo()
    assert editor.unsaved


def test_a_new_graph_asks_where(stage: Stage, qtbot: QtBot, tmp_path: Path) -> None:
    tabs = stage.tabs
    editor = tabs.open_graph(Graph(title="My Graph: 1/2"))
    edit(editor)
    stage.answers.to_save = [None, tmp_path / "mine.json"]
    tabs.save()
    assert editor.unsaved
    assert editor.path is None
    tabs.save()
    qtbot.waitUntil(lambda: not editor.unsaved)
    assert stage.answers.suggested == ["my_graph_1_2.json"] * 2
    assert editor.path == tmp_path / "mine.json"
    assert load(tmp_path / "mine.json").title == "My Graph: 1/2"


def test_save_as_goes_on_in_the_new_file(stage: Stage, qtbot: QtBot, tmp_path: Path) -> None:
    tabs = stage.tabs
    path = write(tmp_path / "old.json")
    editor = opened(qtbot, tabs, path)
    before = path.read_bytes()
    edit(editor)
    stage.answers.to_save = [tmp_path / "new.json"]
    tabs.save_as()
    qtbot.waitUntil(lambda: editor.path == tmp_path / "new.json")
    assert path.read_bytes() == before
    assert titles(tabs) == ["new"]


def test_edits_while_saving_stay_unsaved(qtbot: QtBot, tabs: EditorTabs, tmp_path: Path) -> None:
    path = write(tmp_path / "x.json")
    editor = opened(qtbot, tabs, path)
    edit(editor)
    tabs.save()
    edit(editor, 2)
    qtbot.waitUntil(lambda: not page_of(tabs, editor).saving)
    assert editor.unsaved
    assert len(load(path).nodes) == 2


def test_a_save_that_fails_says_so_and_loses_nothing(
    stage: Stage, qtbot: QtBot, tmp_path: Path
) -> None:
    tabs = stage.tabs
    editor = tabs.new()
    edit(editor)
    stage.answers.to_save = [tmp_path / "nowhere" / "x.json"]
    tabs.save()
    page = page_of(tabs, editor)
    qtbot.waitUntil(lambda: page.banners.get("saving") is not None)
    banner = page.banners.get("saving")
    assert banner is not None
    assert "could not be written" in banner.words
    assert editor.unsaved


def test_a_file_that_is_open_elsewhere_is_not_written_over(
    stage: Stage, qtbot: QtBot, tmp_path: Path
) -> None:
    tabs = stage.tabs
    path = write(tmp_path / "x.json", "theirs")
    opened(qtbot, tabs, path)
    editor = tabs.new()
    stage.answers.to_save = [path]
    tabs.save()
    banner = page_of(tabs, editor).banners.get("saving")
    assert banner is not None
    assert "open in another tab" in banner.words
    assert load(path).title == "theirs"


def test_export_writes_the_selection_alone(stage: Stage, qtbot: QtBot, tmp_path: Path) -> None:
    tabs = stage.tabs
    tabs.open_template(WORKFLOWS / "text_to_image.json")
    editor = tabs.current
    assert editor is not None
    tabs.export_selection()
    assert stage.said[-1] == "Select what to export first."
    editor.select(["sampler", "decode"])
    stage.answers.to_save = [tmp_path / "part.json"]
    tabs.export_selection()
    qtbot.waitUntil(lambda: (tmp_path / "part.json").exists())
    qtbot.waitUntil(lambda: stage.said[-1].startswith("Exported 2 nodes"))
    part = load(tmp_path / "part.json")
    assert set(part.nodes) == {"sampler", "decode"}
    assert part.nodes["decode"].inputs == {"latent": "sampler"}
    assert not part.model_extra
    assert editor.path is None


# Changed by others


def test_a_changed_file_is_noticed_and_reloaded_as_a_step(
    qtbot: QtBot, tabs: EditorTabs, tmp_path: Path
) -> None:
    path = write(tmp_path / "x.json", "before", 2)
    editor = opened(qtbot, tabs, path)
    page = page_of(tabs, editor)
    write(path, "after", 5)
    qtbot.waitUntil(lambda: page.banners.get("changed on disk") is not None)
    banner = page.banners.get("changed on disk")
    assert banner is not None
    click(banner.buttons["Reload"], QPoint(5, 5))
    qtbot.waitUntil(lambda: len(editor.document.nodes) == 5)
    assert not editor.unsaved
    assert titles(tabs) == ["after"]
    editor.stack.undo()
    assert len(editor.document.nodes) == 2
    assert editor.unsaved
    # It is watched on, though it is another file to the system now.
    write(path, "again", 1)
    qtbot.waitUntil(lambda: page.banners.get("changed on disk") is not None)


def test_keep_mine_then_save_writes_over(qtbot: QtBot, tabs: EditorTabs, tmp_path: Path) -> None:
    path = write(tmp_path / "x.json", "mine", 2)
    editor = opened(qtbot, tabs, path)
    page = page_of(tabs, editor)
    write(path, "theirs", 5)
    qtbot.waitUntil(lambda: page.banners.get("changed on disk") is not None)
    banner = page.banners.get("changed on disk")
    assert banner is not None
    click(banner.buttons["Keep mine"], QPoint(5, 5))
    assert editor.unsaved
    tabs.save()
    qtbot.waitUntil(lambda: load(path).title == "mine")


def test_saving_over_what_others_wrote_asks_first(
    qtbot: QtBot, tabs: EditorTabs, tmp_path: Path
) -> None:
    path = write(tmp_path / "x.json", "mine", 2)
    editor = opened(qtbot, tabs, path)
    page = page_of(tabs, editor)
    edit(editor)
    write(path, "theirs", 5)
    tabs.save()
    qtbot.waitUntil(lambda: page.banners.get("changed on disk") is not None)
    assert load(path).title == "theirs"
    assert editor.unsaved


def test_our_own_save_is_no_change_by_others(
    qtbot: QtBot, tabs: EditorTabs, tmp_path: Path
) -> None:
    path = write(tmp_path / "x.json")
    editor = opened(qtbot, tabs, path)
    edit(editor)
    tabs.save()
    qtbot.waitUntil(lambda: not editor.unsaved)
    tabs.saver.look_again()
    qtbot.wait(400)
    assert page_of(tabs, editor).banners.get("changed on disk") is None


def test_a_removed_file_is_told(qtbot: QtBot, tabs: EditorTabs, tmp_path: Path) -> None:
    path = write(tmp_path / "x.json")
    editor = opened(qtbot, tabs, path)
    path.unlink()
    qtbot.waitUntil(lambda: editor.unsaved)
    banner = page_of(tabs, editor).banners.get("changed on disk")
    assert banner is not None
    click(banner.buttons["Save"], QPoint(5, 5))
    qtbot.waitUntil(path.exists)
    qtbot.waitUntil(lambda: not editor.unsaved)


def test_a_reload_of_a_broken_file_keeps_the_graph(
    qtbot: QtBot, tabs: EditorTabs, tmp_path: Path
) -> None:
    path = write(tmp_path / "x.json", nodes=3)
    editor = opened(qtbot, tabs, path)
    page = page_of(tabs, editor)
    path.write_text("{")
    qtbot.waitUntil(lambda: page.banners.get("changed on disk") is not None)
    tabs.saver.reload(page)

    def told() -> bool:
        banner = page.banners.get("changed on disk")
        return banner is not None and "could not be reloaded" in banner.words

    qtbot.waitUntil(told)
    assert len(editor.document.nodes) == 3


# Close


def test_close_asks_and_cancel_keeps(qtbot: QtBot, tabs: EditorTabs) -> None:
    editor = tabs.new()
    edit(editor)
    tabs.close_current()
    dialog = tabs.closer.dialog
    assert dialog is not None
    key(dialog, Qt.Key.Key_Escape)
    assert tabs.editors() == [editor]
    tabs.close_current()
    assert tabs.closer.dialog is not None
    click(tabs.closer.dialog.discard, QPoint(5, 5))
    assert tabs.editors() == []


def test_close_saves_first_where_one_wants(
    stage: Stage, qtbot: QtBot, tmp_path: Path
) -> None:
    tabs = stage.tabs
    editor = tabs.new()
    edit(editor)
    stage.answers.to_save = [tmp_path / "x.json"]
    tabs.close_current()
    assert tabs.closer.dialog is not None
    click(tabs.closer.dialog.save, QPoint(5, 5))
    qtbot.waitUntil(lambda: tabs.editors() == [])
    assert len(load(tmp_path / "x.json").nodes) == 1


def test_all_tabs_are_asked_for_once(stage: Stage, qtbot: QtBot, tmp_path: Path) -> None:
    tabs = stage.tabs
    paths = [write(tmp_path / f"{name}.json", name) for name in "abc"]
    editors = [opened(qtbot, tabs, path) for path in paths]
    edit(editors[0])
    edit(editors[2])
    answers: list[bool] = []
    assert not tabs.close_all(answers.append)
    dialog = tabs.closer.dialog
    assert dialog is not None
    assert dialog.list.count() == 2
    item = dialog.list.item(1)
    box = dialog.list.visualItemRect(item)
    click(dialog.list.viewport(), QPointF(box.left() + 12, box.center().y()))
    if len(dialog.checked()) == 2:  # where the style puts its box elsewhere
        item.setCheckState(Qt.CheckState.Unchecked)
    assert dialog.save.text() == "Save 1"
    click(dialog.save, QPoint(5, 5))
    qtbot.waitUntil(lambda: answers == [True])
    assert tabs.editors() == []
    assert len(load(paths[0]).nodes) == 2
    assert len(load(paths[2]).nodes) == 1


def test_a_save_that_fails_keeps_everything_open(
    stage: Stage, qtbot: QtBot, tmp_path: Path
) -> None:
    tabs = stage.tabs
    for _ in range(2):
        edit(tabs.new())
    stage.answers.to_save = [tmp_path / "nowhere" / "x.json"]
    answers: list[bool] = []
    tabs.close_all(answers.append)
    assert tabs.closer.dialog is not None
    click(tabs.closer.dialog.save, QPoint(5, 5))
    qtbot.waitUntil(lambda: answers == [False])
    assert len(tabs.editors()) == 2


def test_nothing_unsaved_closes_at_once(tabs: EditorTabs) -> None:
    tabs.new()
    assert tabs.ask_unsaved(lambda _: None)
    assert tabs.close_all()
    assert tabs.pages() == []


# Drop


def drop(tabs: EditorTabs, paths: list[Path], modifiers: Qt.KeyboardModifier) -> bool:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    editor = tabs.current
    target = editor.view.viewport() if editor else tabs.stack
    left = Qt.MouseButton.LeftButton
    enter = QDragEnterEvent(QPoint(300, 200), Qt.DropAction.CopyAction, data, left, modifiers)
    QApplication.sendEvent(target, enter)
    if not enter.isAccepted():
        return False
    event = QDropEvent(QPointF(300, 200), Qt.DropAction.CopyAction, data, left, modifiers)
    QApplication.sendEvent(target, event)
    return event.isAccepted()


PLAIN = Qt.KeyboardModifier.NoModifier


def test_dropped_graphs_open_in_tabs(
    stage: Stage, qtbot: QtBot, tmp_path: Path
) -> None:
    tabs = stage.tabs
    taker = FileDrop(tabs, parent=stage.window)
    tabs.new()
    paths = [write(tmp_path / "a.json"), picture(tmp_path / "b.png", Graph(title="b of png"))]
    assert drop(tabs, paths, PLAIN)
    qtbot.waitUntil(lambda: sorted(titles(tabs)) == ["Untitled", "a", "b of png"])
    assert not drop(tabs, [tmp_path / "song.mp3"], PLAIN)
    assert taker is not None


def test_other_pictures_become_nodes_in_one_step(
    stage: Stage, qtbot: QtBot, tmp_path: Path
) -> None:
    tabs = stage.tabs
    FileDrop(tabs, parent=stage.window)
    editor = tabs.new()
    paths = [picture(tmp_path / "a.png"), tmp_path / "b.jpg"]
    assert drop(tabs, paths, PLAIN)
    qtbot.waitUntil(lambda: len(editor.document.nodes) == 2)
    given = [node.params["path"] for node in editor.document.nodes.values()]
    assert given == [str(path) for path in paths]
    editor.stack.undo()
    assert not editor.document.nodes


def test_a_picture_dropped_on_a_node_that_reads_one_is_read_there(
    stage: Stage, qtbot: QtBot, tmp_path: Path
) -> None:
    tabs = stage.tabs
    FileDrop(tabs, parent=stage.window)
    editor = tabs.new()
    first, second = tmp_path / "a.jpg", tmp_path / "b.jpg"
    assert drop(tabs, [first], PLAIN)
    (name,) = editor.document.nodes
    editor.view.centerOn(editor.scene.nodes[name].sceneBoundingRect().center())
    middle = editor.view.mapFromScene(editor.scene.nodes[name].sceneBoundingRect().center())
    editor.view.pan_by(300 - middle.x(), 200 - middle.y())
    assert drop(tabs, [second], PLAIN)
    assert [node.params["path"] for node in editor.document.nodes.values()] == [str(second)]
    editor.stack.undo()
    assert editor.document.nodes[name].params["path"] == str(first)
    assert drop(tabs, [first, second], PLAIN), "two are two nodes, wherever they fall"
    assert len(editor.document.nodes) == 3


def test_shift_makes_a_node_of_a_picture_of_ours(
    stage: Stage, qtbot: QtBot, tmp_path: Path
) -> None:
    tabs = stage.tabs
    FileDrop(tabs, parent=stage.window)
    editor = tabs.new()
    path = picture(tmp_path / "a.png", Graph())
    assert drop(tabs, [path], Qt.KeyboardModifier.ShiftModifier)
    assert [node.type for node in editor.document.nodes.values()] == ["LoadImage"]
    assert len(tabs.pages()) == 1


def test_a_template_shows_the_pictures_it_reads(qtbot: QtBot, tabs: EditorTabs) -> None:
    """They lie beside the template, though the tab has no file of its own."""
    tabs.open_template(WORKFLOWS / "image_to_image.json")
    qtbot.waitUntil(lambda: tabs.current is not None and bool(tabs.current.document.nodes))
    editor = tabs.current
    assert editor is not None
    name = next(n for n, node in editor.document.nodes.items() if node.type == "LoadImage")
    qtbot.waitUntil(lambda: editor.scene.picture_of(name) is not None)
