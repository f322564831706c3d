"""The application: started in a process of its own, errors caught, signals heeded."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton, QWidget

from studio.errors import StudioError
from ui.mishaps import MOST, Mishaps
from ui.stopping import StopSignals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot

ROOT = Path(__file__).resolve().parents[2]


def python(code: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "LATENT_STUDIO_HOME": str(home)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_application_is_dressed_and_light(home: Path) -> None:
    """In a process of its own: this one has an application already, and torch."""
    done = python(
        """
import sys
from ui.app import make_application
from ui.preferences import Preferences
preferences = Preferences()
preferences.theme = "light"
app = make_application(None, preferences)
from ui.theme import current
from PySide6.QtGui import QFontInfo
print(current().name, QFontInfo(app.font()).family(), app.applicationDisplayName())
print(app.windowIcon().pixmap(32).isNull())
heavy = {"torch", "diffusers", "transformers", "nodes", "pydantic", "numpy", "rapidfuzz"}
print(sorted(heavy & set(sys.modules)))
""",
        home,
    )
    assert done.stdout.splitlines() == ["light Inter Latent Studio", "False", "[]"], done.stderr
    assert done.stderr == ""


# Errors


@pytest.fixture
def mishaps(qtbot: QtBot) -> Iterator[Mishaps]:
    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    made = Mishaps()
    made.window = window
    yield made
    if made.box is not None:
        made.box.reject()


def fail(mishaps: Mishaps, error: BaseException) -> None:
    try:
        raise error
    except BaseException as caught:
        mishaps.caught(type(caught), caught, caught.__traceback__)


def test_an_error_is_said_in_words(
    mishaps: Mishaps, capsys: pytest.CaptureFixture[str]
) -> None:
    fail(mishaps, ValueError("a thing\nis wrong"))
    box = mishaps.box
    assert box is not None
    assert box.isVisible()
    assert box.words.text() == "ValueError: a thing is wrong"
    assert not box.details.isVisible()
    QTest.mouseClick(box.more, Qt.MouseButton.LeftButton)
    assert "Traceback" in box.details.toPlainText()
    assert "Traceback" in capsys.readouterr().err


def test_our_own_errors_are_said_as_they_are(mishaps: Mishaps) -> None:
    fail(mishaps, StudioError("The disk is full.", hint="Make room."))
    assert mishaps.box is not None
    assert mishaps.box.words.text() == "The disk is full. Make room."


def test_many_errors_make_one_box(mishaps: Mishaps) -> None:
    for number in range(MOST * 3):
        fail(mishaps, ValueError(str(number)))
    box = mishaps.box
    assert box is not None
    assert "ValueError: 0" in box.words.text()
    assert f"{MOST - 1} more" in box.words.text()


def test_the_same_error_is_told_once(mishaps: Mishaps) -> None:
    for _ in range(5):
        fail(mishaps, ValueError("again"))
    assert mishaps.box is not None
    assert "more" not in mishaps.box.words.text()


def test_it_goes_on_after_the_box(mishaps: Mishaps) -> None:
    fail(mishaps, ValueError("first"))
    assert mishaps.box is not None
    for button in mishaps.box.findChildren(QPushButton):
        if button.text() == "Continue":
            QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert mishaps.box is None
    fail(mishaps, ValueError("second"))
    assert mishaps.box is not None
    assert mishaps.box.words.text() == "ValueError: second"


def test_details_can_be_copied(mishaps: Mishaps) -> None:
    fail(mishaps, ValueError("copied"))
    assert mishaps.box is not None
    mishaps.box.copy()
    text = QGuiApplication.clipboard().text()
    assert text.startswith("Latent Studio ")
    assert "ValueError: copied" in text


def test_errors_of_threads_arrive_too(mishaps: Mishaps, qtbot: QtBot) -> None:
    def work() -> None:
        fail(mishaps, ValueError("in a thread"))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert mishaps.box is None, "widgets belong to the GUI thread"
    qtbot.waitUntil(lambda: mishaps.box is not None)


def test_installing_and_leaving(mishaps: Mishaps) -> None:
    before = (sys.excepthook, threading.excepthook)
    mishaps.install()
    assert sys.excepthook == mishaps.caught
    mishaps.uninstall()
    assert (sys.excepthook, threading.excepthook) == before


# Signals


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_asks_the_window_to_close(qtbot: QtBot, number: signal.Signals) -> None:
    before = signal.getsignal(number)
    stopping = StopSignals()
    try:
        with qtbot.waitSignal(stopping.stop, timeout=2000):
            os.kill(os.getpid(), number)
        assert signal.getsignal(number) is signal.SIG_DFL, "a second one ends the process"
    finally:
        stopping.close()
    assert signal.getsignal(number) is before
