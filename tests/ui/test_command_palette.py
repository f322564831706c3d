"""The command palette: finds by what people type, does it, and gives the focus back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QMainWindow

from ui.actions import Actions
from ui.command_palette import CommandPalette
from ui.preferences import Preferences

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot


class Scene:
    def __init__(self, qtbot: QtBot) -> None:
        self.window = QMainWindow()
        qtbot.addWidget(self.window)
        self.field = QLineEdit(self.window)
        self.window.setCentralWidget(self.field)
        self.window.resize(1000, 700)
        self.actions = Actions(Preferences(), self.window)
        self.done: list[str] = []
        for spec in self.actions.specs:
            if spec.id != "file.save":
                self.actions.bind(spec.id, lambda name=spec.id: self.done.append(name))
        self.actions.install(self.window)
        with qtbot.waitActive(self.window):
            self.window.show()
            self.window.activateWindow()
        self.field.setFocus()
        self.palette = CommandPalette(self.actions, self.window)

    def shown(self) -> list[str]:
        model = self.palette.model
        return [model.data(model.index(row)) for row in range(model.rowCount())]

    def press(self, *keys: Qt.Key) -> None:
        for key in keys:
            QTest.keyClick(self.palette.search, key)


@pytest.fixture
def scene(qtbot: QtBot, home: Path) -> Scene:
    made = Scene(qtbot)
    made.palette.open()
    return made


def test_it_opens_with_everything_that_can_be_done(scene: Scene) -> None:
    assert scene.palette.isVisible()
    assert scene.palette.search.hasFocus()
    shown = scene.shown()
    assert "New graph" in shown
    assert "Save" not in shown, "nothing is bound to it"
    assert not any(text.startswith("Command palette") for text in shown)
    assert scene.palette.geometry().center().x() == pytest.approx(500, abs=2)
    assert scene.window.rect().contains(scene.palette.geometry())


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("run", "Run"),
        ("undo", "Undo"),
        ("frame", "Frame"),
        ("align left", "Align left edges"),
        ("aling left", "Align left edges"),
        ("light", "Light theme"),
        ("minimap", "Minimap"),
        ("distribute down", "Distribute down"),
    ],
)
def test_typing_finds(scene: Scene, typed: str, first: str) -> None:
    QTest.keyClicks(scene.palette.search, typed)
    assert scene.shown()[0] == first


def test_enter_does_it_and_gives_the_focus_back(scene: Scene, qtbot: QtBot) -> None:
    QTest.keyClicks(scene.palette.search, "mute")
    scene.press(Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: scene.done == ["graph.mute"])
    assert not scene.palette.isVisible()
    assert scene.field.hasFocus()


def test_arrows_walk_round(scene: Scene, qtbot: QtBot) -> None:
    first, second, *_, last = scene.shown()
    assert scene.palette.list.currentIndex().data() == first
    scene.press(Qt.Key.Key_Down)
    assert scene.palette.list.currentIndex().data() == second
    scene.press(Qt.Key.Key_Up, Qt.Key.Key_Up)
    assert scene.palette.list.currentIndex().data() == last
    scene.press(Qt.Key.Key_PageDown)
    assert scene.palette.list.currentIndex().data() == last


def test_a_click_does_it(scene: Scene, qtbot: QtBot) -> None:
    view = scene.palette.list
    index = scene.palette.model.index(2)
    QTest.mouseClick(
        view.viewport(), Qt.MouseButton.LeftButton, pos=view.visualRect(index).center()
    )
    qtbot.waitUntil(lambda: scene.done == ["file.start_page"])


def test_escape_does_nothing_more(scene: Scene) -> None:
    scene.press(Qt.Key.Key_Escape)
    assert not scene.palette.isVisible()
    assert scene.done == []
    assert scene.field.hasFocus()


def test_it_goes_when_the_focus_does(scene: Scene) -> None:
    scene.field.setFocus()
    assert not scene.palette.isVisible()
    assert scene.field.hasFocus()


def test_what_nothing_is_called_says_so(scene: Scene) -> None:
    QTest.keyClicks(scene.palette.search, "qqqzzz")
    assert scene.shown() == []
    assert scene.palette.nothing.isVisible()
    scene.press(Qt.Key.Key_Return)
    assert scene.palette.isVisible()
    assert scene.done == []


def test_what_was_used_last_comes_first(scene: Scene, qtbot: QtBot) -> None:
    QTest.keyClicks(scene.palette.search, "collapse")
    scene.press(Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(scene.done))
    scene.palette.open()
    assert scene.palette.search.text() == ""
    assert scene.shown()[0] == "Collapse"


def test_it_stays_inside_a_window_that_shrinks(scene: Scene) -> None:
    scene.window.resize(700, 560)
    assert scene.palette.isVisible()
    assert scene.palette.geometry().right() <= scene.window.width()


def test_rows_have_names_for_screen_readers(scene: Scene) -> None:
    model = scene.palette.model
    said = model.data(model.index(0), Qt.ItemDataRole.AccessibleTextRole)
    assert said == "File: New graph Ctrl+N"
