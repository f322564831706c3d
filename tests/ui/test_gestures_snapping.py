"""The sums behind snapping."""

from __future__ import annotations

from PySide6.QtCore import QRectF

from ui.editor.gestures.snapping import snap, to_grid


def test_alone_it_goes_to_the_grid() -> None:
    found = snap(QRectF(9, 14, 100, 50), [], 6)
    assert (found.dx, found.dy) == (-1, 2)
    assert found.guides == ()


def test_edges_fall_in_line() -> None:
    found = snap(QRectF(103, 211, 100, 50), [QRectF(100, 0, 100, 50)], 6)
    assert found.dx == -3
    assert found.dy == 1  # the grid's: nothing is level with it
    assert {line.x1() for line in found.guides} == {100, 200}


def test_the_nearest_wins() -> None:
    others = [QRectF(96, 0, 40, 40), QRectF(101, 300, 80, 40)]
    found = snap(QRectF(100, 150, 60, 40), others, 6)
    assert found.dx == 1


def test_middles_fall_in_line() -> None:
    found = snap(QRectF(0, 102, 100, 40), [QRectF(400, 96, 100, 56)], 4)
    assert found.dy == 2
    (guide,) = found.guides
    assert (guide.y1(), guide.y2()) == (124, 124)
    assert (guide.x1(), guide.x2()) == (0, 500)


def test_out_of_reach_is_left() -> None:
    found = snap(QRectF(0, 0, 100, 40), [QRectF(7, 107, 100, 40)], 6)
    assert (found.dx, found.dy) == (0, 0)


def test_grid() -> None:
    assert [to_grid(value) for value in (-3, 1.9, 2.1, 6.1)] == [-4, 0, 4, 8]
