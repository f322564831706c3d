"""Random hands on the canvas of a real graph: all of it undoes and redoes to the same bytes."""

from __future__ import annotations

import random
from hashlib import blake2b
from typing import TYPE_CHECKING

import events
import numpy as np
import paint_board as kit
import pytest
from events import ALT, CTRL, LEFT, MIDDLE, PLAIN, RIGHT, SHIFT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from paint_board import pen, pen_move, pen_press, pen_release
from PIL import Image
from PySide6.QtCore import QEvent, QObject, QPointF, Qt
from PySide6.QtWidgets import QApplication

from studio.graph.document import Graph, Node
from studio.masks.raster import rasterise
from studio.masks.sketch import draw, parse_sketch
from studio.masks.strokes import parse
from ui.paint.bindings import Bindings
from ui.paint.settings import TOOLS, PaintSettings
from ui.paint.view import PaintView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from ui.editor.editor import GraphEditor

Key = Qt.Key
WIDTH, HEIGHT = 96, 64
KEYS = (
    (Key.Key_X, PLAIN), (Key.Key_S, PLAIN), (Key.Key_V, SHIFT), (Key.Key_F, SHIFT),
    (Key.Key_Delete, PLAIN), (Key.Key_Escape, PLAIN), (Key.Key_Return, PLAIN),
    (Key.Key_Backspace, PLAIN), (Key.Key_BracketLeft, PLAIN), (Key.Key_BracketRight, SHIFT),
    (Key.Key_0, CTRL), (Key.Key_2, CTRL), (Key.Key_L, PLAIN), (Key.Key_U, PLAIN),
    (Key.Key_Z, CTRL), (Key.Key_Backslash, PLAIN),
)  # fmt: skip


class Wild:
    """Does random things to the canvas of one node, and knows what came of each.

    Args:
        editor: of a graph with an InpaintMask called "mask".
        owner: of the bindings.
        dice: says what is done.
    """

    def __init__(self, editor: GraphEditor, owner: QObject, dice: random.Random) -> None:
        self.editor, self.dice = editor, dice
        self.bindings = Bindings(owner)
        self.binding = self.bindings.get(editor, "mask")
        self.painting = self.binding.painting
        self.settings = PaintSettings()
        self.view = PaintView(self.painting, self.settings)
        self.view.resize(400, 300)
        self.view.show()
        self.states: dict[int, tuple[bytes, bytes, bytes]] = {}
        """What there was at places of the undo stack, as far as that is known."""
        self.done = 0
        self.going = False
        editor.stack.indexChanged.connect(self.moved)

    def begin(self, dice: random.Random) -> None:
        """Another hand, on an empty mask."""
        self.view.hands.cancel()
        self.go(-self.editor.stack.index())
        self.editor.stack.clear()
        self.states.clear()
        self.dice, self.done = dice, 0
        self.settings.tool, self.settings.layer = "brush", "mask"
        self.view.fit()
        self.view.setFocus()
        self.note()

    def close(self) -> None:
        self.view.hands.cancel()
        self.view.close()
        self.view.deleteLater()
        self.bindings.close()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    def state(self) -> tuple[bytes, bytes, bytes]:
        """Document, mask and sketch, by their hashes."""
        layer = self.painting.sketch.layer
        blank = layer is None or not layer.any()
        sketch = b"" if blank else blake2b(layer.tobytes()).digest()
        mask = blake2b(self.painting.mask.mask.tobytes()).digest()
        return blake2b(self.editor.document.dumps().encode()).digest(), mask, sketch

    def somewhere(self) -> QPointF:
        """Mostly on the picture."""
        dice = self.dice
        if dice.random() < 0.15:
            return QPointF(dice.uniform(-50, 450), dice.uniform(-50, 350))
        return self.view.placement.to_view(dice.uniform(0, WIDTH), dice.uniform(0, HEIGHT))

    def act(self) -> None:
        """One thing; what is in hand is let go at its end, or given up by what came between."""
        dice, what = self.dice, self.dice.random()
        if what < 0.52:
            self.stroke()
        elif what < 0.62:
            self.pen_stroke()
        elif what < 0.74:
            events.key(self.view, *dice.choice(KEYS))
        elif what < 0.80:
            events.wheel(self.view, self.somewhere(), dice.choice([-1, 1, 0.3]),
                         dice.choice([PLAIN, CTRL, SHIFT]))  # fmt: skip
        elif what < 0.90:
            self.change()
        elif self.view.hands.busy:
            events.key(self.view, Key.Key_Return)
        else:
            self.go(-dice.randint(1, 4) if dice.random() < 0.55 else dice.randint(1, 3))
        self.done += 1

    def stroke(self) -> None:
        dice, view = self.dice, self.view
        button = dice.choice([LEFT, LEFT, LEFT, RIGHT, RIGHT, MIDDLE])
        held = dice.choice([PLAIN, PLAIN, PLAIN, SHIFT, ALT])
        events.press(view, self.somewhere(), button, held)
        for _ in range(dice.randint(0, 6)):
            events.move(view, self.somewhere(), button, held)
        what = dice.random()
        if what < 0.06:
            events.key(view, dice.choice([Key.Key_Escape, Key.Key_E, Key.Key_BracketLeft]))
        elif what < 0.10:
            view.clearFocus()
            view.setFocus()
        elif what < 0.14:
            events.press(view, self.somewhere(), RIGHT if button == LEFT else LEFT)
        elif what < 0.18:
            self.settings.tool = dice.choice(TOOLS)
        elif what < 0.22:
            self.editor.stack.undo()  # the window's, in the middle of a stroke
        elif what < 0.25:
            return  # the release is lost
        events.release(view, self.somewhere(), button, held)
        if what > 0.9:
            events.double_click(view, self.somewhere())

    def pen_stroke(self) -> None:
        dice, view = self.dice, self.view
        end = dice.choice([kit.TIP, kit.TIP, kit.RUBBER])
        time = dice.randint(1, 1000)
        pen_press(view, self.somewhere(), dice.random(), end=end, time=time)
        for number in range(dice.randint(0, 6)):
            pen_move(view, self.somewhere(), dice.random(), end=end, time=time + 6 * number)
        if dice.random() < 0.15:
            pen(QApplication.instance(), QEvent.Type.TabletLeaveProximity, QPointF())
        pen_release(view, self.somewhere(), end=end, time=time + 60)

    def change(self) -> None:
        dice, now = self.dice, self.settings
        now.tool = dice.choice([*TOOLS, "brush", "brush"])
        now.radius = dice.choice([0.5, 3, 8, 30, 5000])
        now.hardness, now.opacity = dice.randint(0, 100), dice.choice([1, 50, 100])
        now.spacing, now.smoothing = dice.choice([1, 20, 200]), dice.choice([0, 70])
        now.encircle, now.everywhere = dice.random() < 0.2, dice.random() < 0.3
        now.tolerance = dice.randint(0, 60)
        now.colour = f"#{dice.randrange(1 << 24):06x}"
        now.layer = dice.choice(["mask", "mask", "sketch"])

    def go(self, steps: int) -> None:
        """Undo (below 0) or redo, and look whether all is as it was there."""
        stack = self.editor.stack
        for _ in range(abs(steps)):
            self.going = True
            stack.undo() if steps < 0 else stack.redo()
            self.going = False
            known = self.states.get(stack.index())
            assert known is None or self.state() == known, (stack.index(), self.done)

    def moved(self, index: int) -> None:
        """Something new came on the undo stack: what was known from there on is so no more."""
        if not self.going:
            for later in [at for at in self.states if at >= index]:
                del self.states[later]

    def note(self) -> None:
        """What there is now belongs to this place of the undo stack."""
        if not self.painting.painting:
            self.states[self.editor.stack.index()] = self.state()

    def agree(self) -> None:
        """Document and canvas say the same, and rasterising the document gives the same bits."""
        painting = self.painting
        params = self.editor.document.nodes["mask"].params
        strokes, sketch = parse(params.get("strokes", {})), parse_sketch(params.get("sketch", {}))
        assert strokes == painting.strokes
        assert sketch == painting.sketch.sketch
        again = rasterise(strokes, WIDTH, HEIGHT, painting.picture)
        assert np.array_equal(again, painting.mask.mask)
        layer = draw(sketch, WIDTH, HEIGHT, painting.picture)
        blank = np.zeros_like(layer) if painting.sketch.layer is None else painting.sketch.layer
        assert np.array_equal(layer, blank)


@pytest.fixture
def owner() -> Iterator[QObject]:
    made = QObject()
    yield made
    made.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def make_wild(
    make_editor: Callable[..., GraphEditor], qtbot: QtBot, owner: QObject, tmp_path: Path
) -> Iterator[Callable[[random.Random], Wild]]:
    path = tmp_path / "picture.png"
    Image.fromarray(kit.picture(WIDTH, HEIGHT)).save(path)
    made: list[Wild] = []

    def make(dice: random.Random) -> Wild:
        if made:
            made[0].begin(dice)
            return made[0]
        nodes = {
            "load": Node(type="LoadImage", params={"path": str(path)}),
            "mask": Node(type="InpaintMask", inputs={"image": "load.image"}),
        }
        wild = Wild(make_editor(Graph(nodes=nodes)), owner, dice)
        made.append(wild)
        qtbot.waitUntil(lambda: wild.painting.ready)
        wild.view.activateWindow()
        wild.begin(dice)
        return wild

    yield make
    while made:
        made.pop().close()


def there_and_back(wild: Wild) -> None:
    """Undo all, redo all: the same bytes at every step."""
    wild.view.hands.cancel()
    stack = wild.editor.stack
    wild.go(stack.count() - stack.index())
    end, count = wild.state(), stack.count()
    wild.agree()
    start = wild.states[0]
    wild.go(-count)
    assert stack.index() == 0
    assert wild.state() == start
    assert not wild.painting.mask.mask.any()
    wild.go(count)
    assert wild.state() == end
    wild.agree()


@pytest.mark.parametrize("seed", range(2))
def test_a_thousand_operations(make_wild: Callable[..., Wild], seed: int) -> None:
    wild = make_wild(random.Random(seed))
    while wild.done < 1000:
        wild.act()
        wild.note()
        if wild.done % 100 == 0:
            wild.view.hands.cancel()
            wild.agree()
    assert wild.editor.stack.count() > 100
    there_and_back(wild)


@given(dice=st.randoms(use_true_random=False), count=st.integers(1, 40))
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_whatever_hands_do(
    make_wild: Callable[..., Wild], dice: random.Random, count: int
) -> None:
    wild = make_wild(dice)
    for _ in range(count):
        wild.act()
        wild.note()
    there_and_back(wild)
