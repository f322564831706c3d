"""The cheat sheet and the tour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QMainWindow, QPushButton, QToolBar, QToolButton, QWidget

from ui.actions import Actions
from ui.cheatsheet import CheatSheet
from ui.gesture_words import GESTURES
from ui.preferences import Preferences
from ui.tour import Hint, Tour

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot


class Window(QMainWindow):
    """What the tour needs of the main window."""

    def __init__(self, actions: Actions) -> None:
        super().__init__()
        self.actions_ = actions
        self.editor: QWidget | None = QWidget(self)
        self.setCentralWidget(self.editor)
        bar = self.addToolBar("top")
        self.menu_button = QToolButton(bar)
        self.run_bar = QPushButton("Run", bar)
        bar.addWidget(self.menu_button)
        bar.addWidget(self.run_bar)
        self.side_bar = QToolBar("side", self)
        self.addToolBar(Qt.ToolBarArea.LeftToolBarArea, self.side_bar)
        self.resize(1000, 700)


@pytest.fixture
def preferences(home: Path) -> Preferences:
    return Preferences()


@pytest.fixture
def window(qtbot: QtBot, preferences: Preferences) -> Window:
    made = Window(Actions(preferences))
    qtbot.addWidget(made)
    made.show()
    return made


@pytest.fixture
def tour(window: Window, preferences: Preferences) -> Tour:
    made = Tour(window, preferences)  # type: ignore[arg-type]
    made.start()
    return made


def click(button: QPushButton) -> None:
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


# The tour


def test_five_hints_one_after_another(tour: Tour, preferences: Preferences) -> None:
    titles = []
    for number in range(5):
        assert tour.bubble.isVisible()
        titles.append(tour.bubble.title.text())
        assert tour.bubble.words.text()
        assert tour.bubble.next_button.text() == ("Done" if number == 4 else "Next")
        assert not preferences.tour_done
        click(tour.bubble.next_button)
    assert len(set(titles)) == 5
    assert preferences.tour_done


def test_back(tour: Tour) -> None:
    assert not tour.bubble.back_button.isVisible()
    first = tour.bubble.title.text()
    click(tour.bubble.next_button)
    assert tour.bubble.title.text() != first
    click(tour.bubble.back_button)
    assert tour.bubble.title.text() == first


def test_dismissed_for_ever(tour: Tour, preferences: Preferences, qtbot: QtBot) -> None:
    with qtbot.waitSignal(tour.finished):
        click(tour.bubble.skip_button)
    assert preferences.tour_done
    assert preferences.save() == ""
    assert Preferences(preferences.path).tour_done


def test_escape_dismisses(tour: Tour, preferences: Preferences, qtbot: QtBot) -> None:
    with qtbot.waitSignal(tour.finished):
        QTest.keyClick(tour.bubble.next_button, Qt.Key.Key_Escape)
    assert preferences.tour_done


def test_the_focus_stays_on_the_canvas(
    window: Window, preferences: Preferences, qtbot: QtBot
) -> None:
    assert window.editor is not None
    window.editor.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    with qtbot.waitActive(window):
        window.activateWindow()
    window.editor.setFocus()
    made = Tour(window, preferences)  # type: ignore[arg-type]
    made.start()
    assert window.editor.hasFocus()
    QTest.keyClick(window.editor, Qt.Key.Key_Backtab)
    assert made.bubble.next_button.hasFocus()
    QTest.keyClick(made.bubble.next_button, Qt.Key.Key_Escape)
    assert preferences.tour_done


def test_keys_in_the_hints_are_those_bound(
    window: Window, preferences: Preferences, qtbot: QtBot
) -> None:
    window.actions_.rebind("run.run", ["F5"])
    window.actions_.rebind("graph.add", [])
    made = Tour(window, preferences)  # type: ignore[arg-type]
    said = " ".join(hint.words for hint in made.hints)
    assert "F5" in said
    assert "Ctrl+Enter" not in said
    assert "the menu" in said


def test_bubbles_stand_beside_what_they_are_about(tour: Tour, window: Window) -> None:
    click(tour.bubble.next_button)
    click(tour.bubble.next_button)
    below = window.run_bar.mapTo(window, QPoint(0, window.run_bar.height())).y()
    assert tour.bubble.title.text() == "Run"
    assert below - 16 <= tour.bubble.y() <= below + 16
    click(tour.bubble.next_button)
    assert tour.bubble.title.text() == "Panels"
    assert tour.bubble.x() < 80


def test_it_follows_the_window(tour: Tour, window: Window) -> None:
    window.resize(640, 480)
    assert tour.bubble.geometry().right() <= 640 + 12
    assert tour.bubble.geometry().bottom() <= 480 + 12


def test_a_hint_whose_subject_is_missing_stands_in_the_middle(
    window: Window, preferences: Preferences
) -> None:
    made = Tour(window, preferences, [Hint("A", "B", lambda: None, "right")])  # type: ignore[arg-type]
    made.start()
    assert made.bubble.isVisible()
    assert abs(made.bubble.geometry().center().x() - 500) < 4


def test_starting_it_again_ends_the_one_before(
    tour: Tour, window: Window, preferences: Preferences, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(tour.finished):
        Tour(window, preferences).start()  # type: ignore[arg-type]


# The cheat sheet


@pytest.fixture
def sheet(qtbot: QtBot, window: Window) -> CheatSheet:
    window.actions_.rebind("run.run", ["F5"])
    made = CheatSheet(window.actions_, window)
    qtbot.addWidget(made)
    made.show()
    return made


def visible_words(sheet: CheatSheet) -> list[str]:
    return [label.text() for label in sheet.findChildren(QLabel) if label.isVisible()]


def test_it_shows_the_keys_as_they_are(sheet: CheatSheet) -> None:
    said = visible_words(sheet)
    assert "F5" in said
    assert "Ctrl+Shift+P" in said
    for title, rows in GESTURES:
        assert title in said
        for how, what in rows:
            assert how in said
            assert what in said


def test_search_narrows_it(sheet: CheatSheet) -> None:
    QTest.keyClicks(sheet.search, "cut")
    said = visible_words(sheet)
    assert "Cut wires" in said
    assert "Cut" in said
    assert "Zoom in" not in said
    sheet.search.clear()
    assert "Zoom in" in visible_words(sheet)


def test_search_takes_keys(sheet: CheatSheet) -> None:
    QTest.keyClicks(sheet.search, "f5")
    assert "Run" in visible_words(sheet)
    assert "Undo" not in visible_words(sheet)


def test_escape_closes_it(sheet: CheatSheet) -> None:
    QTest.keyClick(sheet.search, Qt.Key.Key_Escape)
    assert not sheet.isVisible()
