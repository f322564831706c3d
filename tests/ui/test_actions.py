"""The registry of actions: keys work where they should, can be changed, and let people type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QComboBox,
    QLineEdit,
    QMainWindow,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from studio.places import resources
from ui.actions import MENUS, RESERVED, SPECS, Actions
from ui.preferences import Preferences

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
ALT = Qt.KeyboardModifier.AltModifier

CONTRACT = [
    "file.new", "file.open", "file.save", "file.save_as", "file.close", "file.close_all",
    "file.export_selection", "file.quit", "edit.undo", "edit.redo", "edit.cut", "edit.copy",
    "edit.paste", "edit.paste_with_inputs", "edit.duplicate", "edit.duplicate_with_inputs",
    "edit.delete", "edit.extract", "edit.select_all", "edit.rename", "edit.find",
    "edit.preferences", "graph.add", "graph.bypass", "graph.mute", "graph.collapse", "graph.frame",
    "graph.layout", "graph.align_left", "graph.align_right", "graph.align_top",
    "graph.align_bottom", "graph.align_centre", "graph.align_middle",
    "graph.distribute_horizontal", "graph.distribute_vertical", "graph.connect",
    "graph.add_reroute", "view.frame_selected", "view.frame_all", "view.zoom_100", "view.zoom_in",
    "view.zoom_out", "view.minimap", "view.theme_dark", "view.theme_light", "view.theme_system",
    "view.fullscreen", "run.run", "run.front", "run.to_selected", "run.many", "run.cancel",
    "run.pause", "run.clear", "panel.queue", "panel.inspector", "panel.outputs", "panel.viewer",
    "panel.models", "panel.problems", "panel.outline", "panel.log", "help.commands",
    "help.cheatsheet", "help.tour", "help.about",
]  # fmt: skip


@pytest.fixture
def preferences(home: Path) -> Preferences:
    return Preferences()


@pytest.fixture
def actions(qapp: object, preferences: Preferences) -> Actions:
    return Actions(preferences)


class Window(QMainWindow):
    """A canvas that takes keys, a field for a line, one for text, one read-only."""

    def __init__(self, actions: Actions) -> None:
        super().__init__()
        self.canvas = QWidget(self)
        self.canvas.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.inline = QLineEdit(self.canvas)
        self.line = QLineEdit(self)
        self.text = QPlainTextEdit(self)
        self.log = QPlainTextEdit(self)
        self.log.setReadOnly(True)
        self.choice = QComboBox(self)
        central = QWidget(self)
        layout = QVBoxLayout(central)
        for widget in (self.canvas, self.line, self.text, self.log, self.choice):
            layout.addWidget(widget)
        self.setCentralWidget(central)
        self.fired: list[str] = []
        for spec in SPECS:
            actions.bind(spec.id, lambda name=spec.id: self.fired.append(name))
        actions.install(self)
        actions.install_canvas(self.canvas)

    def keys_on(
        self,
        widget: QWidget,
        key: Qt.Key,
        modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
    ) -> list[str]:
        """What fires when a key is pressed with the focus on a widget."""
        widget.setFocus()
        self.fired.clear()
        QTest.keyClick(widget, key, modifiers)
        return list(self.fired)


@pytest.fixture
def window(qtbot: QtBot, actions: Actions) -> Window:
    made = Window(actions)
    qtbot.addWidget(made)
    with qtbot.waitActive(made):
        made.show()
        made.activateWindow()
    return made


# The list


def test_every_agreed_action_is_there() -> None:
    assert set(CONTRACT) <= {spec.id for spec in SPECS}
    assert len({spec.id for spec in SPECS}) == len(SPECS)


def test_default_keys_are_valid_and_nobody_shares_one() -> None:
    seen: dict[str, str] = {}
    for spec in SPECS:
        for key in spec.keys:
            written = QKeySequence(key).toString(QKeySequence.SequenceFormat.PortableText)
            assert written, (spec.id, key)
            assert written not in seen, (spec.id, seen.get(written), key)
            assert written not in RESERVED, (spec.id, key)
            seen[written] = spec.id


def test_menus_hold_known_actions_once() -> None:
    known = {spec.id for spec in SPECS}
    named = [name for _, names in MENUS for name in names if name]
    assert set(named) <= known
    assert len(set(named)) == len(named)
    assert known - set(named) <= {"file.next_tab", "file.previous_tab"}


def test_icons_exist() -> None:
    for spec in SPECS:
        assert not spec.icon or (resources() / "icons" / f"{spec.icon}.svg").is_file(), spec.id


def test_tool_tips_name_the_key(actions: Actions) -> None:
    assert actions.action("run.run").toolTip() == "Queue a run of this graph.  Ctrl+Enter"
    assert actions.action("graph.align_left").toolTip().startswith("Align left edges.")


# Binding


def test_an_action_is_disabled_until_it_is_bound(actions: Actions) -> None:
    action = actions.action("file.save")
    assert not action.isEnabled()
    calls: list[int] = []
    actions.bind("file.save", lambda: calls.append(1))
    assert action.isEnabled()
    action.trigger()
    actions.bind("file.save", lambda: calls.append(2))
    action.trigger()
    assert calls == [1, 2]
    actions.unbind(["file.save"])
    assert not action.isEnabled()
    action.trigger()
    assert calls == [1, 2]


def test_unknown_ids_are_errors(actions: Actions) -> None:
    with pytest.raises(KeyError):
        actions.action("no.such")
    with pytest.raises(KeyError):
        actions.bind("no.such", lambda: None)


def test_menus_are_made_of_the_same_actions(actions: Actions, window: Window) -> None:
    menu = actions.menu("Run", window)
    assert menu.actions()[0] is actions.action("run.run")
    assert any(action.isSeparator() for action in menu.actions())


# Keys


def test_keys_of_the_window_work_everywhere(window: Window) -> None:
    for widget in (window.canvas, window.choice, window.log):
        assert window.keys_on(widget, Qt.Key.Key_Return, CTRL) == ["run.run"]
        assert window.keys_on(widget, Qt.Key.Key_Q) == ["panel.queue"]
    # The keyboard's layout says which keys make it; the offscreen platform has none.
    assert window.keys_on(window.canvas, Qt.Key.Key_Question) == ["help.cheatsheet"]
    assert window.keys_on(window.canvas, Qt.Key.Key_F1) == ["help.cheatsheet"]
    assert window.keys_on(window.canvas, Qt.Key.Key_P, CTRL | SHIFT) == ["help.commands"]
    assert window.keys_on(window.canvas, Qt.Key.Key_Return, ALT) == ["run.to_selected"]


def test_keys_of_the_canvas_work_there_alone(window: Window) -> None:
    for key, modifiers, name in (
        (Qt.Key.Key_Tab, Qt.KeyboardModifier.NoModifier, "graph.add"),
        (Qt.Key.Key_A, SHIFT, "graph.add"),
        (Qt.Key.Key_Delete, Qt.KeyboardModifier.NoModifier, "edit.delete"),
        (Qt.Key.Key_F, Qt.KeyboardModifier.NoModifier, "view.frame_selected"),
        (Qt.Key.Key_X, CTRL | SHIFT, "edit.extract"),
        (Qt.Key.Key_C, CTRL, "edit.copy"),
    ):
        assert window.keys_on(window.canvas, key, modifiers) == [name]
        assert window.keys_on(window.choice, key, modifiers) == []
    window.choice.setFocus()
    QTest.keyClick(window.choice, Qt.Key.Key_Tab)
    assert not window.choice.hasFocus()


@pytest.mark.parametrize("field", ["line", "text", "inline"])
def test_typing_goes_to_the_field(window: Window, field: str) -> None:
    widget: QLineEdit | QPlainTextEdit = getattr(window, field)
    widget.setFocus()
    QTest.keyClicks(widget, "Quick fox?")
    shown = widget.text() if isinstance(widget, QLineEdit) else widget.toPlainText()
    assert shown == "Quick fox?"
    assert window.fired == []
    for key, modifiers in (
        (Qt.Key.Key_A, CTRL),
        (Qt.Key.Key_C, CTRL),
        (Qt.Key.Key_X, CTRL),
        (Qt.Key.Key_Z, CTRL),
        (Qt.Key.Key_Z, CTRL | SHIFT),
        (Qt.Key.Key_V, CTRL),
        (Qt.Key.Key_D, CTRL),
        (Qt.Key.Key_B, CTRL),
        (Qt.Key.Key_G, CTRL),
        (Qt.Key.Key_Home, Qt.KeyboardModifier.NoModifier),
        (Qt.Key.Key_Delete, Qt.KeyboardModifier.NoModifier),
        (Qt.Key.Key_Backspace, Qt.KeyboardModifier.NoModifier),
    ):
        assert window.keys_on(widget, key, modifiers) == [], key


@pytest.mark.parametrize("field", ["line", "text", "inline"])
def test_running_and_saving_work_while_typing(window: Window, field: str) -> None:
    widget: QWidget = getattr(window, field)
    assert window.keys_on(widget, Qt.Key.Key_Return, CTRL) == ["run.run"]
    assert window.keys_on(widget, Qt.Key.Key_S, CTRL) == ["file.save"]
    assert window.keys_on(widget, Qt.Key.Key_F1) == ["help.cheatsheet"]
    assert window.keys_on(widget, Qt.Key.Key_P, CTRL | SHIFT) == ["help.commands"]


def test_a_field_that_goes_away_while_it_has_the_focus(window: Window, qtbot: QtBot) -> None:
    passing = QLineEdit(window.canvas)
    passing.show()
    passing.setFocus()
    assert passing.hasFocus()
    passing.deleteLater()
    qtbot.waitUntil(lambda: window.focusWidget() is not passing)
    assert window.keys_on(window.line, Qt.Key.Key_B, CTRL) == []
    assert window.keys_on(window.canvas, Qt.Key.Key_B, CTRL) == ["graph.bypass"]


# Keys of one's own


def test_other_keys_work_at_once_and_are_kept(
    window: Window, actions: Actions, preferences: Preferences
) -> None:
    told: list[str] = []
    actions.keys_changed.connect(told.append)
    actions.rebind("run.run", ["f5", "Ctrl+R"])
    assert actions.keys("run.run") == ("F5", "Ctrl+R")
    assert told == ["run.run"]
    assert window.keys_on(window.canvas, Qt.Key.Key_F5) == ["run.run"]
    assert window.keys_on(window.canvas, Qt.Key.Key_Return, CTRL) == []
    assert "F5" in actions.action("run.run").toolTip()
    assert Actions(preferences).keys("run.run") == ("F5", "Ctrl+R")
    assert not actions.is_default("run.run")
    actions.reset("run.run")
    assert actions.is_default("run.run")
    assert preferences.shortcuts == {}
    assert window.keys_on(window.canvas, Qt.Key.Key_Return, CTRL) == ["run.run"]


def test_an_action_may_have_no_keys(actions: Actions, preferences: Preferences) -> None:
    actions.rebind("panel.queue", [])
    assert actions.keys("panel.queue") == ()
    assert actions.words_for_keys("panel.queue") == ""
    assert Actions(preferences).keys("panel.queue") == ()


def test_conflicts_are_said_in_words(actions: Actions) -> None:
    assert actions.conflicts("Ctrl+K") == []
    assert actions.conflicts("") == []
    assert actions.conflicts("ctrl+s", besides="run.run") == ['File: "Save" has it']
    assert actions.conflicts("Ctrl+S", besides="file.save") == []
    assert "canvas" in actions.conflicts("Left")[0]


def test_keys_of_actions_that_are_no_more_do_no_harm(preferences: Preferences) -> None:
    preferences.shortcuts = {"gone.gone": ("Ctrl+K",)}
    made = Actions(preferences)
    made.rebind("run.run", ["F5"])
    assert preferences.shortcuts == {"gone.gone": ("Ctrl+K",), "run.run": ("F5",)}
