"""The outputs panel: thumbnails off the GUI thread, choosing, dragging out, comparing, the menu."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from events import click, double_click, key, press, release
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication

from ui.panels import gallery
from ui.panels.gallery import PICTURE_MIME
from ui.panels.outputs import OutputsPanel

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Five pictures of as many colours, oldest first."""
    paths = []
    for number, name in enumerate(("red", "green", "blue", "white", "orange")):
        image = QImage(128, 96, QImage.Format.Format_RGB32)
        image.fill(QColor(name))
        paths.append(tmp_path / f"{number}_{name}.png")
        assert image.save(str(paths[-1]))
    return paths


@pytest.fixture
def panel(qtbot: QtBot) -> OutputsPanel:
    made = OutputsPanel()
    qtbot.addWidget(made)
    made.resize(300, 500)
    made.show()
    return made


@pytest.fixture
def full(panel: OutputsPanel, pictures: list[Path], qtbot: QtBot) -> OutputsPanel:
    """The panel with all five, painted."""
    for path in pictures:
        panel.add(path, "Text to image", "Save Image")
    qtbot.waitUntil(
        lambda: panel.model.thumbnail(pictures[0]) is not None and not panel.model.busy
    )
    return panel


def spot(panel: OutputsPanel, row: int) -> QPoint:
    """The middle of a tile, in pixels of the list's viewport."""
    return panel.gallery.visualRect(panel.model.index(row)).center()


def test_it_says_what_will_be_here_until_there_is_something(
    panel: OutputsPanel, pictures: list[Path]
) -> None:
    assert panel._pages.currentIndex() == 0
    assert not panel._clear.isEnabled()
    panel.add(pictures[0])
    assert panel._pages.currentIndex() == 1
    assert panel._count.text() == "1 picture of this session"
    panel.clear()
    assert panel._pages.currentIndex() == 0


def test_the_newest_is_first_and_its_thumbnail_is_painted(
    full: OutputsPanel, pictures: list[Path]
) -> None:
    assert full.paths == pictures[::-1]
    seen = full.gallery.viewport().grab().toImage()
    assert seen.pixelColor(spot(full, 0)) == QColor("orange")
    assert seen.pixelColor(spot(full, 4)) == QColor("red")


def test_as_many_columns_as_have_room(full: OutputsPanel) -> None:
    def columns() -> int:
        top = full.gallery.visualRect(full.model.index(0)).top()
        rows = range(full.model.rowCount())
        return sum(full.gallery.visualRect(full.model.index(r)).top() == top for r in rows)

    assert columns() == 3
    full.resize(120, 500)
    QApplication.processEvents()
    assert columns() == 1
    full.resize(480, 500)
    QApplication.processEvents()
    assert columns() == 5


def test_a_click_asks_for_the_picture(
    full: OutputsPanel, pictures: list[Path], qtbot: QtBot
) -> None:
    with qtbot.waitSignal(full.picture_wanted) as told:
        click(full.gallery.viewport(), spot(full, 1))
    assert told.args == [pictures[3]]
    assert full.gallery.selected() == [pictures[3]]


def test_the_arrow_keys_go_from_picture_to_picture(
    full: OutputsPanel, pictures: list[Path], qtbot: QtBot
) -> None:
    click(full.gallery.viewport(), spot(full, 0))
    with qtbot.waitSignal(full.picture_wanted) as told:
        key(full.gallery, Qt.Key.Key_Right)
    assert told.args == [pictures[3]]
    with qtbot.waitSignal(full.picture_wanted) as told:
        key(full.gallery, Qt.Key.Key_Down)
    assert told.args == [pictures[0]]


def test_a_double_click_and_enter_open(
    full: OutputsPanel, pictures: list[Path], qtbot: QtBot
) -> None:
    with qtbot.waitSignal(full.activated) as told:
        double_click(full.gallery.viewport(), spot(full, 2))
    assert told.args == [pictures[2]]
    with qtbot.waitSignal(full.activated) as told:
        key(full.gallery, Qt.Key.Key_Return)
    assert told.args == [pictures[2]]


def test_what_is_dragged_out_is_a_file_and_one_of_ours(
    full: OutputsPanel, pictures: list[Path]
) -> None:
    assert full.gallery.make_drag() is None
    click(full.gallery.viewport(), spot(full, 0))
    click(full.gallery.viewport(), spot(full, 2), modifiers=CTRL)
    drag = full.gallery.make_drag()
    assert drag is not None
    data = drag.mimeData()
    assert [url.toLocalFile() for url in data.urls()] == [str(pictures[4]), str(pictures[2])]
    paths = json.loads(bytes(data.data(PICTURE_MIME).data()))["paths"]
    assert paths == [str(pictures[4]), str(pictures[2])]
    assert not drag.pixmap().isNull()
    drag.deleteLater()


def test_a_drag_with_the_mouse_begins_one(
    full: OutputsPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = []
    monkeypatch.setattr(full.gallery, "startDrag", begun.append)
    from events import drag_to

    drag_to(full.gallery.viewport(), spot(full, 1), spot(full, 1) + QPoint(60, 60))
    release(full.gallery.viewport(), spot(full, 1) + QPoint(60, 60))
    assert begun


def test_a_picture_that_comes_again_moves_to_the_front(
    full: OutputsPanel, pictures: list[Path]
) -> None:
    click(full.gallery.viewport(), spot(full, 4))
    full.add(pictures[1], "again", saved=True)
    assert full.paths == [pictures[i] for i in (1, 4, 3, 2, 0)]
    assert full.gallery.selected() == [pictures[0]]
    tip = full.model.index(0).data(Qt.ItemDataRole.ToolTipRole)
    assert tip == "1_green.png\nagain\nmade by an earlier run"
    full.add(pictures[1])
    assert len(full.paths) == 5


def test_two_selected_pictures_are_compared_the_older_first(
    full: OutputsPanel, pictures: list[Path], qtbot: QtBot
) -> None:
    assert not full._compare.isEnabled()
    click(full.gallery.viewport(), spot(full, 0))
    click(full.gallery.viewport(), spot(full, 3), modifiers=CTRL)
    assert full._count.text() == "2 of 5 pictures of this session"
    with qtbot.waitSignal(full.compare_wanted) as told:
        click(full._compare, full._compare.rect().center())
    assert told.args == [pictures[1], pictures[4]]


def test_the_viewer_s_picture_is_marked_without_an_echo(
    full: OutputsPanel, pictures: list[Path], qtbot: QtBot
) -> None:
    with qtbot.assertNotEmitted(full.picture_wanted):
        full.go_to(pictures[2])
        assert full.gallery.selected() == [pictures[2]]
        full.go_to(None)
    assert full.gallery.selected() == []


def test_neighbours(full: OutputsPanel, pictures: list[Path]) -> None:
    assert full.neighbour(pictures[4], 1) == pictures[3]
    assert full.neighbour(pictures[4], -1) is None
    assert full.neighbour(pictures[0], 1) is None
    assert full.neighbour(None, 1) is None


def test_a_file_that_is_gone_or_broken_says_so(
    panel: OutputsPanel, qtbot: QtBot, tmp_path: Path
) -> None:
    gone, broken = tmp_path / "gone.png", tmp_path / "broken.png"
    broken.write_bytes(b"nothing")
    panel.add(gone)
    panel.add(broken)
    panel.gallery.grab()
    qtbot.waitUntil(lambda: bool(panel.model.fault(gone) and panel.model.fault(broken)))
    assert "isn't there" in panel.model.index(1).data(Qt.ItemDataRole.ToolTipRole)
    panel.gallery.grab()


def test_the_menu_of_one_picture(
    full: OutputsPanel, pictures: list[Path], qtbot: QtBot
) -> None:
    assert full.menu().isEmpty()
    press(full.gallery.viewport(), spot(full, 0), Qt.MouseButton.RightButton)
    release(full.gallery.viewport(), spot(full, 0), Qt.MouseButton.RightButton)
    actions = {action.text(): action for action in full.menu().actions()}
    with qtbot.waitSignal(full.open_graph) as told:
        actions["Open the graph that made this"].trigger()
    assert told.args == [pictures[4]]
    actions["Copy the path"].trigger()
    assert QApplication.clipboard().text() == str(pictures[4])
    actions["Copy the picture"].trigger()
    qtbot.waitUntil(lambda: QApplication.clipboard().mimeData().hasImage())
    actions["Take off the list"].trigger()
    assert pictures[4] not in full.paths
    assert pictures[4].exists()


def test_the_list_and_its_thumbnails_have_limits(
    qtbot: QtBot, pictures: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery, "KEPT", 2)
    made = OutputsPanel()
    qtbot.addWidget(made)
    made.model._limit = 4
    for path in pictures:
        made.add(path)
    assert made.paths == pictures[:0:-1]
    for path in made.paths:
        made.model.thumbnail(path)
        qtbot.waitUntil(lambda: not made.model.busy)
    assert len(made.model._images) == 2


def test_a_picture_taken_off_while_it_is_read(
    panel: OutputsPanel, pictures: list[Path], qtbot: QtBot
) -> None:
    panel.add(pictures[0])
    panel.model.thumbnail(pictures[0])
    panel.clear()
    qtbot.wait(50)
    assert panel.paths == []
    assert not panel.model.busy


def test_thousands_of_pictures_are_listed_without_reading_them(
    panel: OutputsPanel, tmp_path: Path
) -> None:
    for number in range(2000):
        panel.add(tmp_path / f"{number}.png")
    assert panel.model.rowCount() == 2000
    panel.gallery.grab()
    # Only those that are seen are read.
    assert len(panel.model._reading) + len(panel.model._faults) < 60
