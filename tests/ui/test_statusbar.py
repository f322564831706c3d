"""The status bar: words of any length change nothing but themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMainWindow

from ui.statusbar import StatusBar

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


def test_long_words_dont_widen_the_window(qtbot: QtBot) -> None:
    window = QMainWindow()
    qtbot.addWidget(window)
    bar = StatusBar(window)
    window.setStatusBar(bar)
    window.resize(700, 300)
    window.show()
    words = "The engine died: " + "it was killed, by hand or by the system; " * 12
    bar.say(words)
    qtbot.wait(50)
    assert window.width() == 700
    assert window.minimumSizeHint().width() < 700
    assert bar.words.text() == words.strip()
    assert bar.words.toolTip() == words.strip(), "what is cut is told by the hover"
    bar.say("Saved")
    assert bar.words.toolTip() == ""
