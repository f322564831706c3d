"""Edits on Qt's undo stack: merging, and random sequences there and back."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from edit_bench import MESSY, RandomEdits, open_document
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtGui import QUndoStack

from studio.editing import edits
from ui.editor.undo import EditCommand

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from studio.registry import Registry


@given(seed=st.integers(0, 2**63))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_undo_all_gives_the_start_and_redo_all_the_end(
    registry: Registry, qtbot: QtBot, seed: int
) -> None:
    document = open_document(registry, **MESSY)
    start = document.dumps()
    stack = QUndoStack()
    rng = Random(seed)
    source = RandomEdits(document, rng)
    for _ in range(500):
        if edit := source.next():
            stack.push(EditCommand(document, edit))
        elif rng.random() < 0.2:
            stack.undo()
    end, place = document.dumps(), stack.index()
    while stack.canUndo():
        stack.undo()
    assert document.dumps() == start
    stack.setIndex(place)
    assert document.dumps() == end


def test_a_drag_is_one_step(registry: Registry, qtbot: QtBot) -> None:
    document = open_document(registry)
    stack = QUndoStack()
    for x in range(5):
        stack.push(EditCommand(document, edits.move(document, {"save": (x, 1.0)}, merge="drag 1")))
    stack.push(EditCommand(document, edits.move(document, {"save": (9.0, 1.0)}, merge="drag 2")))
    assert stack.count() == 2
    stack.undo()
    assert document.position("save") == (4.0, 1.0)
    stack.undo()
    assert "save" not in document.layout


def test_a_scrub_that_comes_back_leaves_no_step(registry: Registry, qtbot: QtBot) -> None:
    document = open_document(registry)
    stack = QUndoStack()
    for steps in (21, 25, 20):
        edit = edits.set_param(document, "sampler", "steps", steps, merge="scrub")
        stack.push(EditCommand(document, edit))
    assert stack.count() == 0
    assert stack.isClean()


def test_a_scrub_back_to_another_kind_of_number_is_a_step(
    registry: Registry, qtbot: QtBot
) -> None:
    # The file says 4; the widget gives 4.0, which is written otherwise.
    document = open_document(registry)
    start = document.dumps()
    stack = QUndoStack()
    for cfg in (5.0, 4.0):
        edit = edits.set_param(document, "sampler", "cfg", cfg, merge="scrub")
        stack.push(EditCommand(document, edit))
    assert stack.count() == 1
    stack.undo()
    assert document.dumps() == start
