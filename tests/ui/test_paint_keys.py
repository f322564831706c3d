"""Keys and wheel of the brush canvas, what is remembered of settings, and the page about it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import events
import pytest
from events import ALT, CTRL, PLAIN, RIGHT, SHIFT
from paint_board import Board
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QApplication

from ui.action_specs import SPECS
from ui.paint.settings import TOOLS, PaintSettings
from ui.paint.tools.keys import KEYS, NAMES, SECTIONS, action_of, key_of
from ui.preferences import Preferences

if TYPE_CHECKING:
    from collections.abc import Iterator

Key = Qt.Key
PAGE = Path(__file__).resolve().parents[2] / "docs" / "painting.md"
OTHERS = {"Left", "Right", "Return", "Enter", "M", "C", "Q", "F1", "F11", "?"}
"""Keys that belong to the strip of results, or to the window, while the canvas has the focus."""


@pytest.fixture
def board(qapp: QApplication) -> Iterator[Board]:
    made = Board()
    yield made
    made.close()


def pressed(text: str) -> QKeyEvent:
    """The press of a key as people read it."""
    combination = QKeySequence(text)[0]
    return QKeyEvent(
        QEvent.Type.KeyPress, combination.key(), combination.keyboardModifiers()
    )


def test_every_key_of_the_table_works() -> None:
    for key in KEYS:
        for text in key.keys:
            assert action_of(pressed(text)) == key.action, text


def test_no_key_twice() -> None:
    texts = [text for key in KEYS for text in key.keys]
    assert len(texts) == len(set(texts))
    assert not OTHERS & set(texts)


@pytest.mark.parametrize("text", sorted(OTHERS - {"?"}))
def test_keys_of_others_are_let_through(board: Board, text: str) -> None:
    event = QKeyEvent(QEvent.Type.ShortcutOverride, pressed(text).key(), PLAIN)
    event.ignore()
    QApplication.sendEvent(board.view, event)
    assert not event.isAccepted()


def test_keys_are_the_canvas_own(board: Board) -> None:
    """The window would take F, Ctrl+0, Del and others for the graph."""
    for key in KEYS:
        if key.action in ("cancel", "take_back"):
            continue
        for text in key.keys:
            press = pressed(text)
            event = QKeyEvent(QEvent.Type.ShortcutOverride, press.key(), press.modifiers())
            event.ignore()
            QApplication.sendEvent(board.view, event)
            assert event.isAccepted(), text


def test_window_keys_stay_the_windows(board: Board) -> None:
    """Run, save, undo and the panels work while the canvas has the focus."""
    wanted = ("file.", "run.", "edit.undo", "edit.redo", "panel.", "help.")
    for spec in SPECS:
        if spec.id.startswith(wanted):
            for text in spec.keys:
                assert action_of(pressed(text)) in (None, "take_back"), (spec.id, text)


@pytest.mark.parametrize(
    ("key", "tools"),
    [
        ("B", "brush"), ("E", "eraser"), ("L", "lasso polygon lasso"), ("P", "polygon polygon"),
        ("U", "rectangle ellipse rectangle"), ("G", "bucket colour-select bucket"),
        ("H", "hand"), ("Z", "zoom"), ("I", "eyedropper"), ("F", "frame"),
    ],
)  # fmt: skip
def test_tools(board: Board, key: str, tools: str) -> None:
    for tool in tools.split():
        board.key(Key[f"Key_{key}"])
        assert board.settings.tool == tool
        assert key_of(tool) == key or tool == "polygon"


def test_every_tool_has_a_name_and_a_key() -> None:
    assert set(NAMES) == set(TOOLS)
    assert all(key_of(tool) for tool in TOOLS)
    assert key_of("nothing") == ""


def test_size(board: Board) -> None:
    board.settings.radius = 10
    board.key(Key.Key_BracketRight, text="]")
    assert board.settings.radius == pytest.approx(11.5)
    board.key(Key.Key_BracketLeft, text="[")
    assert board.settings.radius == pytest.approx(10)
    board.key(Key.Key_BraceRight, SHIFT, "}")
    assert board.settings.radius == pytest.approx(15)
    board.key(Key.Key_BraceLeft, SHIFT, "{")
    assert board.settings.radius == pytest.approx(10)
    # A German keyboard: AltGr+8, AltGr+9; Windows tells AltGr as Ctrl+Alt.
    board.key(Key.Key_8, Qt.KeyboardModifier.GroupSwitchModifier, "[")
    board.key(Key.Key_8, CTRL | ALT, "[")
    assert board.settings.radius == pytest.approx(10 / 1.15**2)
    for _ in range(60):
        board.key(Key.Key_BracketRight, SHIFT)
    assert board.settings.radius == 5000
    for _ in range(60):
        board.key(Key.Key_BracketLeft, SHIFT)
    assert board.settings.radius == 0.5


def test_keys_that_are_held_down(board: Board) -> None:
    def hold(code: Qt.Key, text: str) -> None:
        for again in (False, True, True):
            event = QKeyEvent(QEvent.Type.KeyPress, code, PLAIN, text, again)
            QApplication.sendEvent(board.view, event)
            assert event.isAccepted()

    board.settings.radius = 10
    hold(Key.Key_BracketRight, "]")
    assert board.settings.radius == pytest.approx(10 * 1.15**3)
    board.settings.tool = "lasso"
    hold(Key.Key_L, "l")
    assert board.settings.tool == "polygon"
    board.settings.layer = "mask"
    hold(Key.Key_S, "s")
    assert board.settings.layer == "sketch"


def test_size_in_the_middle_of_a_stroke_is_of_the_next(board: Board) -> None:
    board.drag((40, 60), (60, 60), release=False)
    board.key(Key.Key_BracketRight, text="]")
    board.key(Key.Key_E)
    board.key(Key.Key_Delete)
    board.key(Key.Key_V, SHIFT)
    events.release(board.view, board.at(60, 60))
    assert len(board.items) == 1
    assert board.item.radius == board.painting.radius_units(8)
    assert board.settings.radius == pytest.approx(9.2)
    assert board.settings.tool == "brush"
    board.check()


def test_wheel(board: Board) -> None:
    view = board.view
    spot = board.at(150, 30)
    events.wheel(view, spot, 1)
    assert view.zoom == pytest.approx(2.5)
    assert (board.at(150, 30) - spot).manhattanLength() <= 2
    events.wheel(view, spot, -1)
    assert view.zoom == pytest.approx(2)
    radius = board.settings.radius
    events.wheel(view, spot, 1, CTRL)
    assert board.settings.radius == pytest.approx(radius * 1.1)
    events.wheel(view, spot, -1, CTRL)
    events.wheel(view, spot, 0.25, CTRL)
    assert radius < board.settings.radius < radius * 1.05
    x = view.placement.x
    events.wheel(view, spot, 1, SHIFT)
    assert view.placement.x == pytest.approx(x + 60)
    assert view.zoom == pytest.approx(2)


def test_wheel_in_the_middle_of_a_stroke(board: Board) -> None:
    board.drag((40, 60), (60, 60), release=False)
    events.wheel(board.view, board.at(60, 60), 1)
    events.wheel(board.view, board.at(60, 60), 1, CTRL)
    events.release(board.view, board.at(60, 60))
    assert len(board.items) == 1
    board.check()


@pytest.mark.parametrize(("digit", "zoom"), [(1, 1), (2, 2), (3, 4), (4, 8)])
def test_zooms(board: Board, digit: int, zoom: float) -> None:
    board.key(Key(Key.Key_0 + digit), CTRL)
    assert board.view.zoom == pytest.approx(zoom)
    board.key(Key.Key_0, CTRL)
    assert board.view.fits


def test_zoom_in_and_out(board: Board) -> None:
    board.key(Key.Key_Plus, CTRL | SHIFT, "+")
    board.key(Key.Key_Equal, CTRL, "=")
    assert board.view.zoom == pytest.approx(2 * 1.25**2)
    board.key(Key.Key_Minus, CTRL, "-")
    assert board.view.zoom == pytest.approx(2.5)


def test_hiding_the_mask(board: Board) -> None:
    assert not board.view.overlay_hidden
    events.key_press(board.view, Key.Key_Backslash, text="\\")
    assert board.view.overlay_hidden
    events.key_release(board.view, Key.Key_Backslash, text="\\")
    assert not board.view.overlay_hidden
    events.key_press(board.view, Key.Key_ssharp, Qt.KeyboardModifier.GroupSwitchModifier, "\\")
    assert board.view.overlay_hidden
    events.key_release(board.view, Key.Key_AltGr)
    assert board.view.overlay_hidden
    events.key_release(board.view, Key.Key_ssharp, text="ß")
    assert not board.view.overlay_hidden
    events.key_press(board.view, Key.Key_Backslash, text="\\")
    board.view.clearFocus()
    assert not board.view.overlay_hidden, "the release would go elsewhere"


def test_space_is_let_go_with_the_focus(board: Board) -> None:
    events.key_press(board.view, Key.Key_Space)
    board.view.clearFocus()
    board.view.setFocus()
    board.drag((40, 60), (60, 60))
    assert len(board.items) == 1


def test_layers_and_swapping(board: Board) -> None:
    settings = board.settings
    board.key(Key.Key_S)
    first, second = settings.colour, settings.other_colour
    board.key(Key.Key_X)
    assert (settings.colour, settings.other_colour) == (second, first)
    board.key(Key.Key_S)
    assert settings.layer == "mask"
    board.key(Key.Key_X)
    assert settings.tool == "eraser"
    board.key(Key.Key_X)
    assert settings.tool == "brush"
    settings.tool = "hand"
    board.key(Key.Key_X)
    assert settings.tool == "hand"
    assert not settings.subtract


def test_escape_goes_on_where_nothing_is_under_way(board: Board) -> None:
    """Full-window mode ends by it."""
    event = QKeyEvent(QEvent.Type.KeyPress, Key.Key_Escape, PLAIN)
    QApplication.sendEvent(board.view, event)
    assert not event.isAccepted()


def test_odd_keys(board: Board) -> None:
    for code in (0, 0x01FFFFFF, Key.Key_Dead_Acute.value, Key.Key_AltGr.value):
        event = QKeyEvent(QEvent.Type.KeyPress, code, PLAIN)
        QApplication.sendEvent(board.view, event)
    assert not board.items


# Settings


def test_settings_are_held_within_limits() -> None:
    settings = PaintSettings()
    told: list[str] = []
    settings.changed.connect(told.append)
    settings.radius = 1e9
    settings.hardness, settings.opacity, settings.spacing = -5, 0, 900
    settings.tolerance, settings.smoothing = 300, 101
    assert settings.radius == 5000
    assert (settings.hardness, settings.opacity, settings.spacing) == (0, 1, 200)
    assert (settings.tolerance, settings.smoothing) == (255, 100)
    settings.radius = float("nan")
    assert settings.radius == 24
    assert told == [
        "radius", "hardness", "opacity", "spacing", "tolerance", "smoothing", "radius"
    ]
    settings.opacity = 1
    assert len(told) == 7, "nothing changed"
    for name, value in (("tool", "axe"), ("layer", ""), ("overlay", "x"), ("colour", "red")):
        with pytest.raises(ValueError, match=re.escape(repr(value))):
            setattr(settings, name, value)
    settings.colour = "#FF8000"
    assert settings.colour == "#ff8000"
    assert settings.rgb == (255, 128, 0)


def test_settings_are_remembered(tmp_path: Path) -> None:
    preferences = Preferences(tmp_path / "editor.ini")
    settings = PaintSettings()
    settings.load(preferences)
    settings.radius, settings.pressure_opacity, settings.overlay = 77.5, True, "contour"
    settings.tool, settings.subtract = "lasso", True
    settings.keep()
    assert not preferences.save()
    again = PaintSettings()
    again.load(Preferences(tmp_path / "editor.ini"))
    assert (again.radius, again.pressure_opacity, again.overlay) == (77.5, True, "contour")
    assert (again.tool, again.subtract) == ("brush", False), "a session begins with the brush"


def test_settings_are_kept_soon(tmp_path: Path, qtbot: object) -> None:
    preferences = Preferences(tmp_path / "editor.ini")
    settings = PaintSettings()
    settings.load(preferences)
    settings.hardness = 12
    assert preferences.get("paint", {}) == {}
    qtbot.waitUntil(lambda: preferences.get("paint", {}) == {"hardness": 12})


def test_damaged_preferences(tmp_path: Path) -> None:
    preferences = Preferences(tmp_path / "editor.ini")
    preferences.put("paint", {
        "radius": "wide", "hardness": True, "opacity": 400, "overlay": "?", "encircle": 1,
        "colour": "#12345", "axe": 3, "spacing": None, "tolerance": 7.6, "guides": False,
    })  # fmt: skip
    settings = PaintSettings()
    settings.load(preferences)
    assert (settings.radius, settings.hardness, settings.opacity) == (24, 80, 100)
    assert (settings.overlay, settings.encircle, settings.colour) == ("tint", False, "#e0552f")
    assert (settings.spacing, settings.tolerance, settings.guides) == (20, 8, False)


# The page


def test_the_page_has_every_gesture() -> None:
    """docs/painting.md says what `SECTIONS` says, heading by heading."""
    found: list[tuple[str, tuple[tuple[str, str], ...]]] = []
    text = PAGE.read_text("utf-8").split("## Keys and gestures", 1)[1].split("\n## ", 1)[0]
    for part in text.split("\n### ")[1:]:
        title, _, body = part.partition("\n")
        rows = re.findall(r"^\| (.+?) \| (.+?) \|$", body, re.M)
        cells = tuple((do.replace("`", ""), words) for do, words in rows if do not in ("do", "---"))
        found.append((title, cells))
    assert tuple(found) == SECTIONS


def test_pinch(board: Board) -> None:
    from PySide6.QtGui import QNativeGestureEvent, QPointingDevice

    spot = QPointF(board.at(60, 60))
    event = QNativeGestureEvent(
        Qt.NativeGestureType.ZoomNativeGesture, QPointingDevice.primaryPointingDevice(), 2,
        spot, spot, QPointF(board.view.mapToGlobal(spot.toPoint())), 0.5, QPointF(),
    )  # fmt: skip
    QApplication.sendEvent(board.view, event)
    assert board.view.zoom == pytest.approx(3)


def test_wheel_that_says_nothing(board: Board) -> None:
    zoom = board.view.zoom
    events.wheel(board.view, board.at(60, 60), 0, pixels=QPoint(0, 3))
    assert board.view.zoom == zoom
    events.click(board.view, board.at(60, 60), RIGHT)
    assert board.item.erase
