"""The settings dialog: keeps on Save, forgets on Cancel, says what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractSpinBox, QComboBox, QLineEdit

from studio.settings import read_settings
from ui.actions import Actions
from ui.preferences import Preferences
from ui.settings_dialog import SettingsDialog
from ui.theme import ThemeManager, current

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from PySide6.QtWidgets import QApplication, QPushButton
    from pytestqt.qtbot import QtBot

CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


class Desk:
    """A dialog and all it changes."""

    def __init__(self, qtbot: QtBot, app: QApplication, home: Path) -> None:
        self.qtbot = qtbot
        self.home = home
        self.file = home / "settings.toml"
        self.preferences = Preferences()
        self.actions = Actions(self.preferences)
        self.themes = ThemeManager(app, "dark")
        self.restarts = 0

    def open(self, page: str) -> SettingsDialog:
        dialog = SettingsDialog(self.preferences, self.actions, self.themes)
        self.qtbot.addWidget(dialog)
        dialog.engine_changed.connect(self._count)
        dialog.show()
        dialog.activateWindow()
        dialog.show_page(page)
        return dialog

    def _count(self) -> None:
        self.restarts += 1

    def close(self) -> None:
        self.themes.set("dark")
        shiboken6.delete(self.themes)


@pytest.fixture
def desk(qtbot: QtBot, qapp: QApplication, home: Path) -> Iterator[Desk]:
    home.mkdir()
    made = Desk(qtbot, qapp, home)
    yield made
    made.close()


def click(button: QPushButton) -> None:
    assert button.isVisible()
    assert button.isEnabled()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def save(dialog: SettingsDialog) -> None:
    click(dialog.save_button)


def cancel(dialog: SettingsDialog) -> None:
    QTest.keyClick(dialog, Qt.Key.Key_Escape)


# Engine and folders


def test_saving_nothing_changes_nothing(desk: Desk) -> None:
    desk.file.write_text("# mine\nmemory_budget = 1073741824\n")
    dialog = desk.open("Engine")
    assert dialog.engine.memory.text() == "1 GiB"
    save(dialog)
    assert not dialog.isVisible()
    assert desk.file.read_text() == "# mine\nmemory_budget = 1073741824\n"
    assert desk.restarts == 0


def test_the_engine_is_set(desk: Desk) -> None:
    desk.file.write_text('# mine\ndevice = "cuda"\n')
    dialog = desk.open("Engine")
    dialog.engine.device.setCurrentText("")
    dialog.engine.device.setFocus()
    QTest.keyClicks(dialog.engine.device, "cpu")
    dialog.engine.dtype.setCurrentText("bfloat16")
    dialog.engine.threads.setValue(3)
    QTest.keyClicks(dialog.engine.memory, "500 MB")
    QTest.keyClicks(dialog.engine.cache, "1 GiB")
    save(dialog)
    settings = read_settings(desk.file)
    assert (settings.device, settings.dtype, settings.threads) == ("cpu", "bfloat16", 3)
    assert (settings.memory_budget, settings.cache_budget) == (500_000_000, 2**30)
    assert desk.file.read_text().startswith("# mine\n")
    assert desk.restarts == 1


def test_defaults_leave_the_file(desk: Desk) -> None:
    desk.file.write_text('device = "cpu"\nthreads = 2\ncache_budget = "1 GiB"\n')
    dialog = desk.open("Engine")
    dialog.engine.threads.setValue(0)
    dialog.engine.cache.clear()
    save(dialog)
    assert desk.file.read_text() == 'device = "cpu"\n'


def test_a_wrong_value_is_said_and_not_saved(desk: Desk) -> None:
    dialog = desk.open("Engine")
    QTest.keyClicks(dialog.engine.memory, "ten")
    assert dialog.engine.memory.property("bad") == "true"
    dialog.show_page("Looks")
    save(dialog)
    assert dialog.isVisible()
    assert "not a size" in dialog.message.text()
    assert dialog.list.currentItem().text() == "Engine"
    assert not desk.file.exists()
    dialog.engine.memory.clear()
    QTest.keyClicks(dialog.engine.memory, "10 GiB")
    assert dialog.engine.memory.property("bad") == "false"
    save(dialog)
    assert not dialog.isVisible()


def test_folders(desk: Desk, tmp_path: Path) -> None:
    models = tmp_path / "ComfyUI" / "models"
    (models / "loras").mkdir(parents=True)
    dialog = desk.open("Folders")
    dialog.folders.add_folder(str(models))
    dialog.folders.add_folder(str(models))
    QTest.keyClicks(dialog.folders.output, str(tmp_path / "pictures"))
    save(dialog)
    settings = read_settings(desk.file)
    assert settings.model_folders == (models,)
    assert settings.output == tmp_path / "pictures"
    again = desk.open("Folders")
    again.folders.folders.setCurrentRow(0)
    click(again.folders.remove)
    save(again)
    assert read_settings(desk.file).model_folders == ()


def test_every_line_has_a_name_for_screen_readers(desk: Desk) -> None:
    dialog = desk.open("Folders")
    lines = [line for line in dialog.findChildren(QLineEdit) if not line.accessibleName()]
    inner = (QComboBox, QAbstractSpinBox)
    assert [line for line in lines if not isinstance(line.parent(), inner)] == []


def test_folders_without_models_are_said(desk: Desk, tmp_path: Path, qtbot: QtBot) -> None:
    dialog = desk.open("Folders")
    dialog.folders.add_folder(str(tmp_path / "gone"))
    hint = dialog.folders._models_row.hint
    qtbot.waitUntil(lambda: "isn't there" in hint.text())
    dialog.folders.folders.setCurrentRow(0)
    click(dialog.folders.remove)
    assert "isn't there" not in hint.text()
    cancel(dialog)


def test_a_broken_file_is_said_and_the_other_pages_work(desk: Desk) -> None:
    desk.file.write_text("nonsense = 1\n")
    dialog = desk.open("Looks")
    assert "nonsense" in dialog.message.text()
    assert not dialog.engine.isEnabled()
    assert not dialog.folders.isEnabled()
    click_theme(dialog, "light")
    save(dialog)
    assert desk.preferences.theme == "light"
    assert desk.file.read_text() == "nonsense = 1\n"


# Looks


def click_theme(dialog: SettingsDialog, choice: str) -> None:
    button = dialog.looks.themes[choice]  # type: ignore[index]
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def test_a_theme_is_worn_at_once_and_kept(desk: Desk) -> None:
    dialog = desk.open("Looks")
    click_theme(dialog, "light")
    assert current().name == "light"
    assert desk.preferences.theme == "dark"
    dialog.looks.motion.click()
    save(dialog)
    assert desk.preferences.theme == "light"
    assert desk.preferences.reduced_motion
    assert desk.themes.reduced_motion
    desk.themes.reduced_motion = False
    assert desk.restarts == 0


def test_cancel_takes_the_theme_back(desk: Desk) -> None:
    dialog = desk.open("Looks")
    click_theme(dialog, "light")
    dialog.looks.motion.click()
    cancel(dialog)
    assert not dialog.isVisible()
    assert current().name == "dark"
    assert not desk.themes.reduced_motion
    assert desk.preferences.theme == "dark"


# Keys


def press(dialog: SettingsDialog, key: Qt.Key, modifiers: Qt.KeyboardModifier) -> None:
    """Record keys as a user does: a click into the field, then the keys."""
    capture = dialog.keys.capture
    QTest.mouseClick(capture, Qt.MouseButton.LeftButton)
    assert capture.listening
    QTest.keyClick(capture, key, modifiers)


def test_other_keys_are_kept_on_save(desk: Desk) -> None:
    dialog = desk.open("Keys")
    dialog.keys.select("run.run")
    press(dialog, Qt.Key.Key_K, CTRL | SHIFT)
    assert "free" in dialog.keys.note.text()
    click(dialog.keys.set_button)
    assert desk.actions.keys("run.run")[0] == "Ctrl+Return", "not yet"
    save(dialog)
    assert desk.actions.keys("run.run") == ("Ctrl+Shift+K",)
    assert desk.preferences.shortcuts == {"run.run": ("Ctrl+Shift+K",)}


def test_cancel_leaves_the_keys(desk: Desk) -> None:
    dialog = desk.open("Keys")
    dialog.keys.select("run.run")
    press(dialog, Qt.Key.Key_K, CTRL)
    click(dialog.keys.set_button)
    cancel(dialog)
    assert desk.preferences.shortcuts == {}


def test_a_conflict_is_shown_and_resolved(desk: Desk) -> None:
    dialog = desk.open("Keys")
    dialog.keys.select("run.run")
    press(dialog, Qt.Key.Key_D, CTRL)
    assert dialog.keys.note.text() == 'Ctrl+D is taken from "Duplicate".'
    assert dialog.keys.note.property("kind") == "warning"
    click(dialog.keys.add_button)
    save(dialog)
    assert "Ctrl+D" in desk.actions.keys("run.run")
    assert desk.actions.keys("edit.duplicate") == ()


def test_keys_of_the_canvas_cannot_be_had(desk: Desk) -> None:
    dialog = desk.open("Keys")
    dialog.keys.select("run.run")
    press(dialog, Qt.Key.Key_Left, CTRL)
    assert "can't be had" in dialog.keys.note.text()
    assert not dialog.keys.set_button.isEnabled()
    assert not dialog.keys.add_button.isEnabled()


@pytest.mark.parametrize(
    ("key", "modifiers", "written"),
    [
        (Qt.Key.Key_Tab, CTRL, "Ctrl+Tab"),
        (Qt.Key.Key_Backtab, CTRL | SHIFT, "Ctrl+Shift+Tab"),
        (Qt.Key.Key_Delete, SHIFT, "Shift+Del"),
        (Qt.Key.Key_F5, Qt.KeyboardModifier.NoModifier, "F5"),
        (Qt.Key.Key_Question, SHIFT, "?"),
        (Qt.Key.Key_S, CTRL, "Ctrl+S"),
    ],
)
def test_any_keys_can_be_recorded(
    desk: Desk, key: Qt.Key, modifiers: Qt.KeyboardModifier, written: str, qtbot: QtBot
) -> None:
    dialog = desk.open("Keys")
    dialog.keys.select("graph.layout")
    with qtbot.waitSignal(dialog.keys.capture.captured) as heard:
        press(dialog, key, modifiers)
    assert heard.args == [written]


def test_escape_ends_recording_and_not_the_dialog(desk: Desk) -> None:
    dialog = desk.open("Keys")
    dialog.keys.select("run.run")
    press(dialog, Qt.Key.Key_Escape, Qt.KeyboardModifier.NoModifier)
    assert dialog.isVisible()
    assert not dialog.keys.capture.listening
    assert not dialog.keys.set_button.isEnabled()


def test_no_keys_and_defaults(desk: Desk) -> None:
    desk.actions.rebind("run.run", ["F5"])
    dialog = desk.open("Keys")
    dialog.keys.select("edit.copy")
    click(dialog.keys.clear_button)
    assert dialog.keys.staged["edit.copy"] == ()
    assert not dialog.keys.clear_button.isEnabled()
    click(dialog.keys.reset_button)
    assert "Ctrl+C" in dialog.keys.staged["edit.copy"]
    click(dialog.keys.all_button)
    save(dialog)
    assert desk.preferences.shortcuts == {}


def test_the_list_can_be_searched(desk: Desk) -> None:
    dialog = desk.open("Keys")
    QTest.keyClicks(dialog.keys.search, "ctrl+shift+p")
    shown = [name for name, item in dialog.keys._items.items() if not item.isHidden()]
    assert shown == ["help.commands"]


# Worker


def test_the_workers_command(desk: Desk) -> None:
    dialog = desk.open("Worker")
    QTest.keyClicks(dialog.worker.command, '/opt/python "my main.py" worker')
    save(dialog)
    assert desk.preferences.worker_command == ("/opt/python", "my main.py", "worker")
    assert desk.restarts == 1
    again = desk.open("Worker")
    again.worker.command.clear()
    save(again)
    assert desk.preferences.worker_command == ()
    assert desk.restarts == 2


def test_a_command_that_is_none_is_said(desk: Desk) -> None:
    dialog = desk.open("Worker")
    QTest.keyClicks(dialog.worker.command, 'python "main.py')
    assert dialog.worker.command.parentWidget() is not None
    save(dialog)
    assert dialog.isVisible()
    assert "no command" in dialog.message.text()
    cancel(dialog)
    assert desk.preferences.worker_command == ()
