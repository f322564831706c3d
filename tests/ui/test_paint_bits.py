"""What is painted through the view by mouse and pen is, bit for bit, what `rasterise` makes of it.

Hands are made here from seeds: paths that speed up, slow down and tremble, with the times and the
pressures that devices report, as the events that Qt delivers for them.
"""

from __future__ import annotations

import itertools
import math
import random
from typing import TYPE_CHECKING, NamedTuple

import events
import numpy as np
import paint_board as kit
import pytest
from events import ALT, LEFT, PLAIN, RIGHT, SHIFT
from paint_board import Board, pen_move, pen_press, pen_release
from PySide6.QtCore import QPointF

from studio.graph.document import Graph, Node
from studio.graph.files import dumps, loads
from studio.masks.raster import rasterise
from studio.masks.sketch import draw, parse_sketch
from studio.masks.strokes import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtWidgets import QApplication

SIZES = {"128 px": (128, 128), "odd": (131, 77), "1 MP": (1152, 896), "16 MP": (4928, 3264)}
ZOOMS = (0.0, 0.37, 1.0, 5.5)
"""0 fits the picture into the view."""


class Moment(NamedTuple):
    """A hand at a time: view pixels, pressure, milliseconds."""

    at: QPointF
    pressure: float
    time: int


def hand(dice: random.Random, width: int, height: int, every: int) -> list[Moment]:
    """A stroke over a view as a device reports it every so many milliseconds.

    The hand goes through a few places with the speed of a real one (slow, fast, slow) and trembles
    a little; it may begin and end outside of the view.
    """
    places = [
        (dice.uniform(-0.15, 1.15) * width, dice.uniform(-0.15, 1.15) * height)
        for _ in range(dice.randint(2, 4))
    ]
    found: list[Moment] = []
    time = dice.randint(1, 10_000)
    phase = dice.uniform(0, 6)
    for (x0, y0), (x1, y1) in itertools.pairwise(places):
        lasts = dice.randint(60, 260)
        for passed in range(0, lasts, every):
            t = passed / lasts
            t = t * t * t * (10 - 15 * t + 6 * t * t)
            shake = 0.7 * math.sin(time / 17 + phase)
            press = 0.55 + 0.45 * math.sin(time / 90 + phase)
            at = QPointF(x0 + (x1 - x0) * t + shake, y0 + (y1 - y0) * t - shake)
            found.append(Moment(at, min(max(press, 0.0), 1.0), time))
            time += every
    found.append(Moment(QPointF(*places[-1]), 0.02, time))
    return found


def draw_by_mouse(board: Board, dice: random.Random) -> None:
    """One stroke; mice report whole pixels, 125 or 1000 times a second."""
    view = board.view
    path = hand(dice, view.width(), view.height(), dice.choice([1, 8]))
    button = dice.choice([LEFT, LEFT, LEFT, RIGHT])
    held = dice.choice([PLAIN, PLAIN, PLAIN, SHIFT, ALT])
    spots = [QPointF(moment.at.toPoint()) for moment in path]
    events.move(view, spots[0], modifiers=held)
    events.press(view, spots[0], button, held)
    for spot in spots[1:]:
        events.move(view, spot, button, held)
    events.release(view, spots[-1], button, held)


def draw_by_pen(board: Board, dice: random.Random) -> None:
    """One stroke; pens report parts of pixels, 200 times a second."""
    view = board.view
    path = hand(dice, view.width(), view.height(), 5)
    end = dice.choice([kit.TIP, kit.TIP, kit.RUBBER])
    first, last = path[0], path[-1]
    pen_press(view, first.at, first.pressure, end=end, time=first.time)
    for moment in path[1:]:
        pen_move(view, moment.at, moment.pressure, end=end, time=moment.time)
    pen_release(view, last.at, end=end, time=last.time + 5)


def paint(board: Board, dice: random.Random, count: int) -> None:
    """Strokes with all tools, sizes and places; every one is compared."""
    settings = board.settings
    longer = max(board.painting.width, board.painting.height)
    for _ in range(count):
        settings.tool = dice.choice(
            ["brush"] * 8 + ["eraser", "eraser", "lasso", "rectangle", "ellipse"]
        )
        settings.radius = longer * dice.choice([0.001, 0.004, 0.02, 0.02, 0.05, 0.2])
        settings.hardness = dice.choice([0, 50, 80, 100])
        settings.opacity = dice.choice([100, 100, 35, 1])
        settings.spacing = dice.choice([1, 20, 20, 60, 200])
        settings.smoothing = dice.choice([0, 0, 50, 100])
        settings.pressure_size = dice.random() < 0.7
        settings.pressure_opacity = dice.random() < 0.4
        settings.encircle = dice.random() < 0.15
        dice.choice([draw_by_mouse, draw_by_pen])(board, dice)
        assert not board.painting.painting


@pytest.fixture(params=SIZES)
def board(request: pytest.FixtureRequest, qapp: QApplication) -> Iterator[Board]:
    width, height = SIZES[request.param]
    made = Board(width, height, zoom=0)
    yield made
    made.close()


def test_bits(board: Board) -> None:
    """At four zooms: fitted, small, 1:1 and large, the picture moved each time."""
    dice = random.Random(board.painting.width)
    large = board.painting.width > 2000
    for zoom in ZOOMS:
        if zoom:
            board.view.zoom_to(zoom)
            board.view.pan_by(dice.uniform(-200, 200), dice.uniform(-150, 150))
        else:
            board.view.fit()
        paint(board, dice, 5 if large else 12)
        board.check()
    assert (board.mask > 0).mean() > 0.02, "something was painted"
    assert len(board.items) > (8 if large else 20)
    assert {item.kind for item in board.items} >= {"brush"}
    board.check()
    # And from a graph's file.
    height, width = board.mask.shape
    strokes = {"version": 1, "items": [item.json() for item in board.items]}
    text = dumps(Graph(nodes={"mask": Node(type="InpaintMask", params={"strokes": strokes})}))
    again = parse(loads(text).nodes["mask"].params["strokes"])
    found = rasterise(again, width, height, board.picture)
    assert found.tobytes() == board.mask.tobytes()


def test_the_zoom_changes_nothing_where_the_hand_hits_the_same_places(qapp: QApplication) -> None:
    """One picture pixel and another zoom: equal strokes, equal bits."""
    masks = []
    for zoom in (1.0, 2.0, 4.0):
        board = Board(200, 120, zoom=zoom)
        board.settings.radius = 9
        board.view.pan_by(-board.view.placement.x, -board.view.placement.y)
        board.drag((20, 30), (40, 60), (60, 33), (80, 61))
        board.check()
        masks.append(board.mask.copy())
        board.close()
    assert all((mask == masks[0]).all() for mask in masks)


def test_sketches_are_the_same_bits_too(qapp: QApplication) -> None:
    board = Board(300, 200, zoom=0)
    board.settings.layer = "sketch"
    dice = random.Random(11)
    for number in range(16):
        board.settings.colour = f"#{number * 15:02x}80{255 - number * 9:02x}"
        paint(board, dice, 1)
    made = [one for layer, all_of, _ in board.committed for one in all_of if layer == "sketch"]
    assert made
    assert not board.items
    sketch = parse_sketch({"version": 1, "items": made})
    layer = board.painting.sketch.layer
    assert layer is not None
    assert np.array_equal(draw(sketch, 300, 200, board.picture), layer)
    board.close()


def test_a_stroke_of_very_many_points(qapp: QApplication) -> None:
    """Minutes of scribbling by a fast mouse: thinned, drawn, the same bits."""
    board = Board(1152, 896, zoom=0)
    board.settings.radius, board.settings.spacing = 6, 1
    view = board.view
    spots = [
        QPointF(320 + 150 * math.sin(n / 301), 210 + 150 * math.cos(n / 233)) for n in range(20_000)
    ]
    events.press(view, spots[0])
    for spot in spots[1:]:
        events.move(view, spot, LEFT)
    events.release(view, spots[-1])
    assert 5000 < len(board.item.points) <= 20_000
    board.check()
    board.close()
