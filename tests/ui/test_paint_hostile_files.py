"""Files that others broke, moved or made up: told in words, and never written over unasked."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from studio.editing.edits import set_mode, set_param
from studio.graph.document import Graph
from studio.graph.files import dumps, load
from studio.masks.imported import mask_path
from tests.ui.hostile_kit import a_window, look, on_picture, pump, settle, strokes
from tests.ui.mask_kit import paint_graph, write_picture
from tests.ui.test_paint_panel import agree, drag, editor_of, opened
from ui.engine.pictures import read_scaled
from ui.paint.settings import PaintSettings
from ui.preferences import Preferences

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot

    from studio.registry import Registry
    from ui.editor.editor import GraphEditor
    from ui.paint.panel import PaintPanel
    from ui.window import MainWindow


@pytest.fixture
def window(qtbot: QtBot, registry: Registry, tmp_path: Path) -> Iterator[MainWindow]:
    with a_window(qtbot, registry, on_picture(tmp_path)) as made:
        yield made


def open_file(window: MainWindow, qtbot: QtBot, path: Path) -> GraphEditor:
    """The editor of a file that is opened."""
    window.tabs.open(path)
    qtbot.waitUntil(
        lambda: window.editor is not None and window.editor.path == path, timeout=10_000
    )
    return editor_of(window)


def canvas(window: MainWindow, qtbot: QtBot) -> PaintPanel:
    """The canvas on "mask", whatever became of its picture."""
    editor_of(window).paint_wanted.emit("mask", "mask")
    panel = window.workshop.paint_panel
    assert panel is not None
    settle(qtbot, panel)
    return panel


HOSTILE: dict[str, Any] = {
    "kind": {"version": 1, "items": [{"t": "wobble"}]},
    "list": [1, 2, 3],
    "text": "hello",
    "number": 5,
    "later": {"version": 99, "items": []},
    "later with items": {"version": 99, "items": [{"t": "fill"}]},
    "items text": {"version": 1, "items": "abc"},
    "items null": {"version": 1, "items": None},
    "item null": {"version": 1, "items": [None]},
    "nested": {"version": 1, "items": [[[[[]]]]]},
    "huge": {"version": 1, "items": [{"t": "brush", "r": 10**30, "h": 80, "p": [10**30, 0, 9]}]},
    "many": {
        "version": 1,
        "items": [{"t": "brush", "o": 100, "r": 9, "h": 80, "p": [0, 0, 9] * 350_000}] * 3,
    },
    "path": {"version": 1, "items": [{"t": "raster", "o": 100, "hash": "../../etc/passwd"}]},
    "data": {"version": 1, "items": [{"t": "raster", "o": 9, "hash": "0" * 64, "data": "!!!"}]},
}


@pytest.mark.parametrize("param", ["strokes", "sketch"])
@pytest.mark.parametrize("kind", HOSTILE)
def test_strokes_that_cannot_be_drawn_are_told_and_stay(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, kind: str, param: str
) -> None:
    graph = json.loads(dumps(paint_graph("picture.png")))
    graph["nodes"]["mask"].setdefault("params", {})[param] = HOSTILE[kind]
    path = tmp_path / "graph.json"
    path.write_text(json.dumps(graph))
    editor = open_file(window, qtbot, path)
    panel = canvas(window, qtbot)
    painting = panel.view.painting
    assert not painting.ready
    assert "can't be drawn" in painting.words
    # Whatever is tried, they are as they were.
    drag(panel, (30, 30), (60, 45))
    for action in ("invert", "fill", "clear"):
        panel.do(action)
    panel.incoming.as_mask(tmp_path / "picture.png")
    panel.menu.embed_masks()
    panel.menu.aboutToShow.emit()
    settle(qtbot, panel)
    assert editor.stack.count() == 0
    assert editor.document.nodes["mask"].params[param] == HOSTILE[kind]
    # To begin anew is a step that can be undone.
    assert panel.menu.acts["remove"].isEnabled()
    panel.menu.acts["remove"].trigger()
    settle(qtbot, panel)
    assert painting.ready
    drag(panel, (30, 30), (60, 45))
    agree(panel)
    editor.stack.undo()
    editor.stack.undo()
    settle(qtbot, panel)
    assert not painting.ready
    assert editor.document.nodes["mask"].params[param] == HOSTILE[kind]


def test_nan_in_a_file_is_told(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    text = dumps(paint_graph("picture.png", strokes={"version": 1, "items": []}))
    path = tmp_path / "graph.json"
    path.write_text(text.replace('"items": []', '"items": [{"t": "brush", "r": NaN, "p": []}]'))
    before = path.read_text()
    assert "NaN" in before
    count = len(window.tabs.editors())
    window.tabs.open(path)
    qtbot.waitUntil(lambda: not window.tabs.jobs.waiting)
    pump()
    assert len(window.tabs.editors()) == count
    assert path.read_text() == before


@pytest.mark.parametrize(
    "kind", ["16 bits", "CMYK", "turned", "animated", "1x1", "16384x9", "3x9000", "LA"]
)
def test_pictures_of_every_kind_take_strokes(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, kind: str
) -> None:
    panel = opened(window, qtbot)
    editor = editor_of(window)
    drag(panel, (30, 30), (60, 45))
    path, size = tmp_path / "x.png", (64, 48)
    match kind:
        case "16 bits":
            Image.new("I;16", size, 40_000).save(path)
        case "CMYK":
            path = path.with_suffix(".jpg")
            Image.new("CMYK", size, (10, 200, 30, 40)).save(path)
        case "turned":
            path = path.with_suffix(".jpg")
            image = Image.new("RGB", size, (10, 200, 30))
            exif = image.getexif()
            exif[0x112] = 6
            image.save(path, exif=exif)
            size = (48, 64)
        case "animated":
            path = path.with_suffix(".gif")
            frames = [Image.new("P", size, number) for number in range(3)]
            frames[0].save(path, save_all=True, append_images=frames[1:])
        case "LA":
            Image.new("LA", size, (90, 4)).save(path)
        case _:
            width, height = (int(part) for part in kind.split("x"))
            size = (width, height)
            write_picture(path, *size)
    editor.push(set_param(editor.document, "load", "path", str(path)))
    settle(qtbot, panel)
    painting = panel.view.painting
    assert painting.ready, painting.words
    assert (painting.width, painting.height) == size
    for tool in ("brush", "rectangle", "ellipse", "lasso", "bucket"):
        panel.settings.tool = tool
        drag(panel, (0.1, 0.1), (size[0] * 0.4, size[1] * 0.7), (size[0] - 0.1, size[1] - 0.1))
    for zoom in (32.0, 0.01):
        panel.view.zoom_to(zoom)
        pump()
    panel.view.fit()
    agree(panel)
    while editor.stack.canUndo():
        editor.stack.undo()
    settle(qtbot, panel)
    assert (painting.width, painting.height) == (128, 96)
    agree(panel)


@pytest.mark.parametrize("kind", ["missing", "folder", "cut short", "empty", "words", "pipe"])
def test_what_is_no_picture_is_told_and_the_strokes_stay(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, kind: str
) -> None:
    panel = opened(window, qtbot)
    editor = editor_of(window)
    drag(panel, (30, 30), (60, 45))
    path = tmp_path / "x.png"
    match kind:
        case "folder":
            path.mkdir()
        case "cut short":
            path.write_bytes((tmp_path / "picture.png").read_bytes()[:200])
        case "empty":
            path.write_bytes(b"")
        case "words":
            path.write_text("words")
        case "pipe":
            if not hasattr(os, "mkfifo"):
                pytest.skip("no pipes with names")
            os.mkfifo(path)
    editor.push(set_param(editor.document, "load", "path", str(path)))
    settle(qtbot, panel)
    assert not panel.view.painting.ready
    assert "x.png" in panel.view.painting.words
    assert read_scaled(path, 64).isNull()
    panel.incoming.as_mask(path)
    settle(qtbot, panel)
    assert len(strokes(editor)) == 1
    editor.stack.undo()
    settle(qtbot, panel)
    assert panel.view.painting.ready
    agree(panel)


def test_a_file_that_goes_and_comes_is_seen(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    """It has the same time as before when it is put back, and may not have been there at first."""
    panel = opened(window, qtbot)
    editor = editor_of(window)
    painting = panel.view.painting
    drag(panel, (30, 30), (60, 45))
    picture, later = tmp_path / "picture.png", tmp_path / "later.png"
    picture.rename(tmp_path / "away.png")
    look(qtbot, panel)
    assert not painting.ready
    (tmp_path / "away.png").rename(picture)
    look(qtbot, panel)
    assert painting.ready
    agree(panel)
    editor.push(set_param(editor.document, "load", "path", str(later)))
    settle(qtbot, panel)
    look(qtbot, panel)
    assert not painting.ready
    write_picture(later, 30, 20)
    look(qtbot, panel)
    assert (painting.ready, painting.width) == (True, 30)
    later.write_bytes(b"junk")
    look(qtbot, panel)
    assert not painting.ready
    write_picture(later, 60, 20)
    look(qtbot, panel)
    assert (painting.ready, painting.width) == (True, 60)
    agree(panel)
    assert len(strokes(editor)) == 1


@pytest.mark.parametrize("mode", ["mute", "bypass"])
def test_a_muted_picture_is_painted_on(window: MainWindow, qtbot: QtBot, mode: Any) -> None:
    """No run would make it: nobody is told to run up to it."""
    panel = opened(window, qtbot)
    editor = editor_of(window)
    editor.push(set_mode(editor.document, ["load"], mode))
    settle(qtbot, panel)
    drag(panel, (30, 30), (60, 45))
    assert len(strokes(editor)) == 1
    assert not panel.advice.button.isVisible()
    agree(panel)


def saved_in(window: MainWindow, qtbot: QtBot, folder: Path) -> GraphEditor:
    """A graph of its own in a folder of its own, painted on."""
    folder.mkdir()
    picture = write_picture(folder / "picture.png")
    path = folder / "graph.json"
    path.write_text(dumps(paint_graph(str(picture))))
    return open_file(window, qtbot, path)


def save_as(window: MainWindow, qtbot: QtBot, path: Path) -> None:
    window.tabs.saver.dialogs.ask_save = lambda *_, **__: path  # type: ignore[method-assign]
    window.commands.trigger("file.save_as")
    qtbot.waitUntil(lambda: editor_of(window).path == path)
    qtbot.waitUntil(lambda: not window.tabs.jobs.waiting)


def test_undone_masks_go_along_to_another_folder(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    editor = saved_in(window, qtbot, tmp_path / "a")
    (tmp_path / "b").mkdir()
    panel = opened(window, qtbot)
    panel.incoming.as_mask(write_picture(tmp_path / "grey.png", 64, 48))
    qtbot.waitUntil(lambda: editor.stack.count() == 1 and panel.view.painting.ready)
    before = panel.view.painting.mask.mask.copy()
    editor.stack.undo()
    settle(qtbot, panel)
    save_as(window, qtbot, tmp_path / "b" / "copy.json")
    (tmp_path / "a" / "masks").rename(tmp_path / "gone")
    editor.stack.redo()
    settle(qtbot, panel)
    assert panel.view.painting.ready, panel.view.painting.words
    assert (panel.view.painting.mask.mask == before).all()


def test_a_mask_imported_while_the_graph_goes_elsewhere_is_beside_it(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    editor = saved_in(window, qtbot, tmp_path / "a")
    (tmp_path / "b").mkdir()
    panel = opened(window, qtbot)
    path = tmp_path / "b" / "copy.json"
    window.tabs.saver.dialogs.ask_save = lambda *_, **__: path  # type: ignore[method-assign]
    panel.incoming.as_mask(write_picture(tmp_path / "grey.png", 64, 48))
    window.commands.trigger("file.save_as")
    qtbot.waitUntil(lambda: editor.path == path and editor.stack.count() == 1)
    settle(qtbot, panel)
    qtbot.waitUntil(lambda: not window.tabs.jobs.waiting)
    (item,) = strokes(editor)
    assert mask_path(tmp_path / "b", str(item["hash"])).is_file()
    agree(panel)


def test_a_folder_that_takes_no_masks_is_told(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    editor = saved_in(window, qtbot, tmp_path / "a")
    panel = opened(window, qtbot)
    (tmp_path / "a" / "masks").write_text("a file where the folder should be")
    panel.incoming.as_mask(write_picture(tmp_path / "grey.png", 64, 48))
    settle(qtbot, panel)
    assert "can't be written" in panel.notice.text()
    assert editor.stack.count() == 0
    drag(panel, (30, 30), (60, 45))
    window.commands.trigger("file.save")
    qtbot.waitUntil(lambda: not editor.unsaved)
    assert editor.path is not None
    assert len(load(editor.path).nodes["mask"].params["strokes"]["items"]) == 1


@pytest.mark.parametrize(
    "text",
    [
        "[]", "5", "{", "null", '"text"', f'{{"radius": {10**400}, "hardness": {10**400}}}',
        '{"radius": NaN, "hardness": Infinity, "guides": 1}',
        '{"radius": "x", "hardness": null, "colour": "red", "overlay": "zzz", "spacing": [1]}',
        '{"values": 3, "changed": 1, "put": 2, "tool": "bomb", "nonsense": {}}',
    ],
)  # fmt: skip
def test_nonsense_in_the_preferences_is_left_out(qapp: QApplication, text: str) -> None:
    preferences = Preferences()
    preferences._store.setValue("paint", text)
    settings = PaintSettings()
    settings.load(preferences)
    assert settings.radius == 24.0
    assert settings.hardness == 80
    assert settings.tool == "brush"
    settings.radius = 30
    settings.keep()
    assert preferences.get("paint", {}) == {"radius": 30} | {
        name: settings.values[name] for name in preferences.get("paint", {}) if name != "radius"
    }


def test_an_empty_graph_has_nothing_to_open(window: MainWindow, qtbot: QtBot) -> None:
    panel = opened(window, qtbot)
    window.tabs.open_graph(Graph(), "Empty")
    for action in ("paint.open", "paint.full", "paint.full"):
        window.commands.trigger(action)
        pump()
    assert not panel.full
    assert panel.pages.currentIndex() == 0
