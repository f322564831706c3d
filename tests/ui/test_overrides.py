"""An error that C code raised in an override of Qt's doesn't end the process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QDialog, QWidget

ROOT = Path(__file__).parents[2]

CHILD = """
import os, sys
os.environ["QT_QPA_PLATFORM"] = "offscreen"
import ui
from PySide6.QtCore import QTimer
from PySide6.QtGui import QUndoCommand, QUndoStack
from PySide6.QtWidgets import QApplication, QGraphicsRectItem, QGraphicsScene, QGraphicsView
from PySide6.QtWidgets import QWidget

def boom():
    {fault}

class Outer(QGraphicsView):
    def viewportEvent(self, event):
        return super().viewportEvent(event)

class Item(QGraphicsRectItem):
    def paint(self, *_):
        boom()

class Field(QWidget):
    def focusInEvent(self, event):
        boom()

class Command(QUndoCommand):
    def redo(self):
        boom()

told = []
sys.excepthook = lambda kind, error, trace: told.append(kind.__name__)
app = QApplication([])
scene = QGraphicsScene()
scene.addItem(Item(0, 0, 9, 9))
view = Outer(scene)
view.show()
field = Field()
field.show()
stack = QUndoStack()
for act in (field.setFocus, lambda: stack.push(Command())):
    try:
        act()
    except Exception as error:
        told.append(type(error).__name__)
QTimer.singleShot(200, app.quit)
app.exec()
print(*sorted(set(told)))
"""

FAULTS = {
    "ValueError": 'int("x")',
    "IndexError": "[][1]",
    "ZeroDivisionError": "1 / 0",
    "OverflowError": "10**400 / 1",
    "TypeError": "len(5)",
}


@pytest.mark.parametrize("kind", FAULTS)
def test_an_error_in_an_override_is_told(kind: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHILD.format(fault=FAULTS[kind])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [kind]


def test_slots_get_as_many_arguments_as_they_take(qapp: object) -> None:
    class Sender(QObject):
        told = Signal(bool)

    class Box(QDialog):
        def accept(self) -> None:
            super().accept()

    sender, box = Sender(), Box()
    sender.told.connect(box.accept)
    box.setResult(0)
    sender.told.emit(True)
    assert box.result() == QDialog.DialogCode.Accepted


def test_overrides_keep_their_names_and_bases_their_hooks(qapp: object) -> None:
    made: list[str] = []

    class Mixin:
        def __init_subclass__(cls) -> None:
            made.append(cls.__name__)
            super().__init_subclass__()

    class Both(QWidget, Mixin):
        def paintEvent(self, event: object) -> None:
            """Paints."""

    assert made == ["Both"]
    assert Both.paintEvent.__name__ == "paintEvent"
    assert Both.paintEvent.__doc__ == "Paints."
