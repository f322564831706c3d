"""Hands gone wild: random presses, drags and keys leave nothing that undo doesn't take back."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import events
import gesture_kit as kit
import pytest
from events import ALT, CTRL, LEFT, PLAIN, RIGHT, SHIFT
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QLineEdit

from ui.editor import inline
from ui.editor.gestures.commands import canvas_actions
from ui.editor.marks import NO_MARKS

if TYPE_CHECKING:
    from collections.abc import Callable

    from ui.editor.editor import GraphEditor

FRAMES = {"prompts": {"rect": [268, -60, 292, 480], "nodes": ["positive", "negative"]}}
KEYS = (
    Qt.Key.Key_Left, Qt.Key.Key_Down, Qt.Key.Key_Escape, Qt.Key.Key_F, Qt.Key.Key_Alt,
    Qt.Key.Key_Shift, Qt.Key.Key_Control,
)  # fmt: skip
ACTIONS = (
    "edit.copy", "edit.paste", "edit.duplicate", "edit.duplicate_with_inputs", "edit.delete",
    "edit.extract", "edit.undo", "edit.redo", "edit.select_all", "graph.mute", "graph.collapse",
    "graph.frame", "graph.add_reroute", "graph.align_left", "view.zoom_in", "view.frame_all",
    "view.zoom_100",
)  # fmt: skip


class Hands:
    """Does random things to a canvas.

    Args:
        editor: whose.
        seed: of what it does.
    """

    def __init__(self, editor: GraphEditor, seed: int) -> None:
        self.editor = editor
        self.port = editor.view.viewport()
        self.dice = random.Random(seed)
        self.acts = canvas_actions(editor)

    def somewhere(self) -> QPoint:
        """Mostly on a thing: a port, a field, a title, a wire."""
        dice, editor = self.dice, self.editor
        if editor.document.nodes and dice.random() < 0.8:
            item = editor.scene.nodes[dice.choice(list(editor.scene.nodes))]
            geometry = item.geometry
            places = [spot.pos for spot in geometry.ports]
            places += [spot.rect.center() for spot in geometry.widgets]
            places += [geometry.rect.center(), geometry.rect.topLeft() + kit.QPointF(60, 10)]
            places += [geometry.rect.bottomRight() - kit.QPointF(2, 6)]
            return kit.pixel(editor, item.pos() + dice.choice(places))
        return QPoint(dice.randrange(self.port.width()), dice.randrange(self.port.height()))

    def act(self) -> None:
        """One thing."""
        dice = self.dice
        held = dice.choice([PLAIN, PLAIN, PLAIN, CTRL, SHIFT, ALT])
        button = dice.choice([LEFT, LEFT, LEFT, RIGHT])
        what = dice.random()
        if what < 0.55:
            start, end = self.somewhere(), self.somewhere()
            events.drag_to(self.port, start, end, button, held, steps=4)
            if dice.random() < 0.3:
                events.key_press(self.editor.view, dice.choice(KEYS))
            events.release(self.port, end, button, held)
        elif what < 0.65:
            events.double_click(self.port, self.somewhere(), LEFT, held)
        elif what < 0.75:
            events.click(self.port, self.somewhere(), button, held)
        elif what < 0.85:
            events.key(self.editor.view, dice.choice(KEYS), dice.choice([PLAIN, CTRL, SHIFT]))
        else:
            self.acts[dice.choice(ACTIONS)]()
        self.tidy()

    def tidy(self) -> None:
        """Close what opened; what was typed there isn't the question here."""
        inline.close_editor(self.editor, commit=False)
        for line in self.port.findChildren(QLineEdit):
            if line.accessibleName() == "Title" and line.isVisible():
                events.key(line, Qt.Key.Key_Escape)
        if self.editor.view.gestures.menu is not None:
            self.editor.view.gestures.menu.close()
        if (popup := QApplication.activePopupWidget()) is not None:
            popup.close()


@pytest.mark.parametrize("seed", range(12))
def test_undo_takes_all_of_it_back(
    make_editor: Callable[..., GraphEditor], seed: int
) -> None:
    canvas = kit.settle(make_editor(kit.graph(frames=FRAMES)))
    start = canvas.document.dumps()
    hands = Hands(canvas, seed)
    for _ in range(60):
        hands.act()
        gestures = canvas.view.gestures
        assert gestures.current is None
        assert not gestures.hint.isVisible()
    canvas.view.gestures.leave()
    assert canvas.scene.marks == NO_MARKS
    for name, item in canvas.scene.nodes.items():
        assert (item.pos().x(), item.pos().y()) == canvas.document.position(name)
    end = canvas.document.dumps()
    steps = canvas.stack.index()
    canvas.stack.setIndex(0)
    assert canvas.document.dumps() == start
    canvas.stack.setIndex(steps)
    assert canvas.document.dumps() == end
