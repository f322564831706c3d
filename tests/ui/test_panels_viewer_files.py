"""The viewer: pictures from files, the session's new ones, and out of it again."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import pytest
from events import click, drag_to, key, move, press, release
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QContextMenuEvent, QImage
from PySide6.QtWidgets import QApplication, QMenu
from viewer_kit import (
    BLUE,
    RED,
    file,
    image,
    middle,
    ours,
    show_both,
    shown,
    shown_viewer,
)

from studio.saving import METADATA_KEY
from ui.panels.pictures import (
    Made,
    Unreadable,
    copy_file,
    read_made,
    read_picture,
    read_thumbnail,
)
from ui.panels.viewer import Viewer
from ui.panels.viewer_geometry import (
    Compare,
)

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def viewer(qtbot: QtBot) -> Viewer:
    made = shown_viewer()
    qtbot.addWidget(made)
    return made


@pytest.fixture
def red(viewer: Viewer) -> Viewer:
    """A viewer with a red picture of 64 x 64."""
    viewer.show_image(image(RED), "red")
    return viewer


@pytest.fixture
def both(viewer: Viewer) -> Viewer:
    """A viewer that compares red, before, with blue."""
    show_both(viewer)
    return viewer


# Files


def test_a_file_is_read_beside_the_gui_thread_and_shown_whole(
    viewer: Viewer, qtbot: QtBot, tmp_path: Path
) -> None:
    path = ours(tmp_path)
    with qtbot.waitSignal(viewer.shown) as told:
        viewer.show_picture(path)
        assert viewer.canvas.picture is None
        assert viewer.path == path
    assert told.args == [path]
    assert viewer.canvas.picture is not None
    assert viewer.canvas.picture.made == Made(
        "Text to image", {"sampler": 42}, 0.75, "2026-01-02T03:04:05+00:00"
    )
    assert viewer._name.text() == "star_00001.png"
    assert viewer._made.text() == "Text to image · seed 42"
    assert "64 \u00d7 64" in viewer._pixel.text()
    assert viewer.canvas.fits


def test_of_two_pictures_asked_for_at_once_the_last_is_shown(
    viewer: Viewer, qtbot: QtBot, tmp_path: Path
) -> None:
    first = file(tmp_path, "first.png", width=1500, height=1500)
    second = file(tmp_path, "second.png", BLUE)
    viewer.show_picture(first)
    viewer.show_picture(second)
    shown(viewer, qtbot)
    assert viewer.canvas.picture is not None
    assert viewer.canvas.picture.path == second


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "isn't there any more"),
        (b"hello", "isn't a picture"),
        (b"", "can't be shown"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 20, "can't be shown"),
    ],
)
def test_what_cannot_be_shown_says_why(
    viewer: Viewer, qtbot: QtBot, tmp_path: Path, content: bytes | None, words: str
) -> None:
    path = tmp_path / "odd.png"
    if content is not None:
        path.write_bytes(content)
    viewer.show_picture(path)
    shown(viewer, qtbot)
    assert viewer.canvas.picture is None
    assert words in viewer.canvas._words
    assert not viewer._save.isEnabled()
    viewer.canvas.grab()


def test_a_header_that_claims_too_many_pixels_is_refused_before_room_is_made(
    tmp_path: Path,
) -> None:
    path = tmp_path / "bomb.png"
    head = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    chunks = b""
    for kind, data in ((b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")):
        crc = zlib.crc32(kind + data)
        chunks += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    with pytest.raises(Unreadable, match=r"too large to show: 60000 x 60000"):
        read_picture(path)
    with pytest.raises(Unreadable):
        read_thumbnail(path)


def test_thumbnails_are_small_and_keep_the_proportions(tmp_path: Path) -> None:
    wide = read_thumbnail(file(tmp_path, "wide.png", width=1024, height=512))
    assert (wide.width(), wide.height()) == (256, 128)
    small = read_thumbnail(file(tmp_path, "small.png", width=40, height=30))
    assert (small.width(), small.height()) == (40, 30)


def test_a_picture_of_another_program_has_no_graph(tmp_path: Path) -> None:
    assert read_made(file(tmp_path, "plain.png")) is None
    assert read_made(file(tmp_path, "photo.jpg")) is None
    assert read_made(tmp_path / "missing.png") is None


@pytest.mark.parametrize(
    "text", ["[1]", "{", "{}", '{"graph": 3, "seeds": [1], "seconds": "x"}', "1e999"]
)
def test_strange_metadata_does_no_harm(tmp_path: Path, text: str) -> None:
    from studio.png import encode_png

    numpy = pytest.importorskip("numpy")
    path = tmp_path / "odd.png"
    path.write_bytes(encode_png(numpy.zeros((2, 2, 3), "uint8"), {METADATA_KEY: text}))
    found = read_picture(path).made
    assert found is None or found == Made()


def test_a_viewer_that_goes_while_reading_leaves_nothing_behind(
    qtbot: QtBot, tmp_path: Path
) -> None:
    path = file(tmp_path, "large.png", width=2000, height=2000)
    gone = Viewer()
    gone.show_picture(path)
    gone.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    qtbot.wait(50)


# New pictures


def test_new_pictures_are_shown_unless_the_user_says_no(
    viewer: Viewer, qtbot: QtBot, tmp_path: Path
) -> None:
    first, second = file(tmp_path, "1.png"), file(tmp_path, "2.png", BLUE)
    viewer.offer(first)
    shown(viewer, qtbot)
    assert viewer.path == first
    click(viewer._follow, viewer._follow.rect().center())
    viewer.offer(second)
    shown(viewer, qtbot)
    assert viewer.path == first


def test_left_and_right_ask_for_the_neighbours(red: Viewer, qtbot: QtBot) -> None:
    for pressed, step in ((Qt.Key.Key_Left, -1), (Qt.Key.Key_Right, 1)):
        with qtbot.waitSignal(red.step_wanted) as told:
            key(red.canvas, pressed)
        assert told.args == [step]


def test_clear_shows_what_to_do(both: Viewer) -> None:
    both.clear()
    assert both.canvas.picture is None
    assert "appear here" in both.canvas._words
    for widget in (both._copy, both._save, both._hold, both._graph):
        assert not widget.isEnabled()
    both.grab()


# Out of the viewer


def test_copy_puts_pixels_and_file_on_the_clipboard(
    viewer: Viewer, qtbot: QtBot, tmp_path: Path
) -> None:
    path = file(tmp_path, "red.png")
    viewer.show_picture(path)
    shown(viewer, qtbot)
    click(viewer._copy, viewer._copy.rect().center())
    data = QApplication.clipboard().mimeData()
    assert QImage(data.imageData()).pixelColor(3, 3) == RED
    assert [url.toLocalFile() for url in data.urls()] == [str(path)]
    assert viewer.notice.isVisible()


def test_save_as_copies_the_file_with_its_graph(
    viewer: Viewer, qtbot: QtBot, tmp_path: Path
) -> None:
    path = ours(tmp_path)
    viewer.show_picture(path)
    shown(viewer, qtbot)
    target = tmp_path / "copy.png"
    click(viewer._save, viewer._save.rect().center())
    dialog = viewer._dialog
    assert dialog is not None
    dialog.fileSelected.emit(str(target))
    dialog.close()
    shown(viewer, qtbot)
    assert target.read_bytes() == path.read_bytes()
    viewer.save_to(tmp_path / "copy.jpg")
    shown(viewer, qtbot)
    assert QImage(str(tmp_path / "copy.jpg")).size() == QImage(str(path)).size()


def test_a_copy_that_cannot_be_written_says_so(
    viewer: Viewer, qtbot: QtBot, tmp_path: Path
) -> None:
    viewer.show_picture(file(tmp_path, "red.png"))
    shown(viewer, qtbot)
    for name in ("nowhere/x.png", "x.unknown"):
        viewer.save_to(tmp_path / name)
        shown(viewer, qtbot)
        assert "can't be written" in viewer.notice.text()


def test_a_picture_copied_onto_itself_stays(tmp_path: Path) -> None:
    path = file(tmp_path, "red.png")
    before = path.read_bytes()
    copy_file(path, path)
    assert path.read_bytes() == before


def test_a_preview_without_a_file_is_saved_too(
    red: Viewer, qtbot: QtBot, tmp_path: Path
) -> None:
    red.save_to(tmp_path / "preview.png")
    shown(red, qtbot)
    assert QImage(str(tmp_path / "preview.png")).pixelColor(1, 1) == RED


def test_the_graph_that_made_it(viewer: Viewer, qtbot: QtBot, tmp_path: Path) -> None:
    viewer.show_picture(file(tmp_path, "plain.png"))
    shown(viewer, qtbot)
    assert not viewer._graph.isEnabled()
    path = ours(tmp_path)
    viewer.show_picture(path)
    shown(viewer, qtbot)
    with qtbot.waitSignal(viewer.open_graph) as told:
        click(viewer._graph, viewer._graph.rect().center())
    assert told.args == [path]


def test_the_menu(both: Viewer, qtbot: QtBot) -> None:
    spot = middle(both)
    press(both.canvas, spot, Qt.MouseButton.RightButton)
    release(both.canvas, spot, Qt.MouseButton.RightButton)
    where = both.canvas.mapToGlobal(spot)
    QApplication.sendEvent(
        both.canvas, QContextMenuEvent(QContextMenuEvent.Reason.Mouse, spot, where)
    )
    menu = both.findChild(QMenu)
    assert menu is not None
    actions = {action.text(): action for action in menu.actions() if action.text()}
    assert not actions["Open the graph that made this"].isEnabled()
    assert actions["Save a copy as ..."].isEnabled()
    actions["Stop comparing"].trigger()
    assert both.canvas.before is None
    menu.close()


def test_losing_the_mouse_in_the_middle_of_a_drag_is_no_trouble(both: Viewer) -> None:
    drag_to(both.canvas, QPointF(both.canvas._divider_x(), 200), QPointF(300, 200))
    both.stop_comparing()
    move(both.canvas, QPoint(310, 200), Qt.MouseButton.LeftButton)
    release(both.canvas, QPoint(310, 200))
    assert both.canvas.compare is Compare.OFF
