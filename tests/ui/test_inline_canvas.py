"""The one editor on the canvas: over the painted field, gone as soon as one looks elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from events import click, drag, key, press, release, type_text, wheel
from inline_kit import canvas, on_field, params, steps
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import QApplication, QMenu

from studio.editing import edits
from ui.editor import inline
from ui.editor.inline import current_editor, open_editor
from ui.editor.inline.choice import ChoiceField
from ui.editor.inline.colour import ColourField
from ui.editor.inline.host import InlineEditor
from ui.editor.inline.number import NumberField
from ui.editor.inline.path import PathField
from ui.editor.inline.text import TextField

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from studio.registry import Registry
    from ui.editor.editor import GraphEditor

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def editor(qtbot: QtBot, registry: Registry) -> GraphEditor:
    made = canvas(qtbot, registry)
    made.view.centre_on("sampler")
    return made


def opened(editor: GraphEditor, node: str, name: str) -> InlineEditor:
    made = open_editor(editor, node, name)
    assert isinstance(made, InlineEditor)
    return made


def number(editor: GraphEditor, node: str = "sampler", name: str = "steps") -> NumberField:
    field = opened(editor, node, name).field
    assert isinstance(field, NumberField)
    return field


def test_it_lies_over_the_painted_field(editor: GraphEditor) -> None:
    made = opened(editor, "sampler", "steps")
    assert made.parentWidget() is editor.view.viewport()
    item = editor.scene.nodes["sampler"]
    spot = item.geometry.widget("steps")
    assert spot is not None
    painted = editor.view.mapFromScene(item.mapToScene(spot.rect)).boundingRect()
    shown = made.geometry()
    assert abs(shown.left() - painted.left()) <= 1
    assert abs(shown.top() - painted.top()) <= 1
    assert abs(shown.width() - painted.width()) <= 2
    assert made.field.main.hasFocus()


def test_enter_takes_it(editor: GraphEditor) -> None:
    field = number(editor)
    type_text(field.line, "5*6\n")
    assert params(editor, "sampler")["steps"] == 30
    assert steps(editor) == 1
    assert current_editor(editor) is None
    assert editor.view.hasFocus()


def test_escape_leaves_it(editor: GraphEditor) -> None:
    field = number(editor)
    type_text(field.line, "30")
    key(field.line, Qt.Key.Key_Escape)
    assert params(editor, "sampler")["steps"] == 20
    assert current_editor(editor) is None
    assert steps(editor) == 0


def test_a_click_elsewhere_takes_it(editor: GraphEditor) -> None:
    field = number(editor)
    type_text(field.line, "30")
    editor.view.setFocus(Qt.FocusReason.MouseFocusReason)
    assert params(editor, "sampler")["steps"] == 30
    assert current_editor(editor) is None


def test_zooming_takes_it(editor: GraphEditor) -> None:
    field = number(editor)
    type_text(field.line, "30")
    wheel(editor.view.viewport(), QPoint(20, 20), 1)
    assert params(editor, "sampler")["steps"] == 30
    assert current_editor(editor) is None
    assert steps(editor) == 1


def test_panning_takes_it(editor: GraphEditor) -> None:
    field = number(editor)
    type_text(field.line, "30")
    drag(editor.view.viewport(), QPoint(300, 700), QPoint(360, 740), Qt.MouseButton.MiddleButton)
    assert params(editor, "sampler")["steps"] == 30
    assert current_editor(editor) is None


def test_resizing_takes_it(editor: GraphEditor) -> None:
    field = number(editor)
    type_text(field.line, "30")
    editor.resize(1200, 700)
    assert current_editor(editor) is None
    assert params(editor, "sampler")["steps"] == 30


def test_a_bad_value_stays_to_be_mended(editor: GraphEditor) -> None:
    made = opened(editor, "sampler", "steps")
    field = made.field
    assert isinstance(field, NumberField)
    height = made.height()
    type_text(field.line, "5000\n")
    assert current_editor(editor) is made
    assert "from 1 to 1000" in field.trouble
    QApplication.processEvents()
    assert made.height() > height, "the reason is shown below"
    field.line.selectAll()
    type_text(field.line, "50\n")
    assert params(editor, "sampler")["steps"] == 50


def test_a_bad_value_is_dropped_with_a_word(editor: GraphEditor, qtbot: QtBot) -> None:
    field = number(editor)
    type_text(field.line, "5000")
    with qtbot.waitSignal(editor.message) as told:
        editor.view.setFocus(Qt.FocusReason.MouseFocusReason)
    assert "from 1 to 1000" in told.args[0]
    assert params(editor, "sampler")["steps"] == 20
    assert current_editor(editor) is None


def test_tab_goes_through_the_fields(editor: GraphEditor) -> None:
    field = number(editor, "sampler", "seed")
    type_text(field.line, "7\t")
    following = current_editor(editor)
    assert following is not None
    assert following.name == "steps"
    type_text(following.field.main, "9\t")
    assert (params(editor, "sampler")["seed"], params(editor, "sampler")["steps"]) == (7, 9)
    key(current_editor(editor).field.main, Qt.Key.Key_Tab)  # type: ignore[union-attr]
    # A list isn't thrown open by passing through.
    made = current_editor(editor)
    assert made is not None
    assert isinstance(made.field, ChoiceField)
    assert made.field.popup is None
    key(made.field.main, Qt.Key.Key_Backtab, SHIFT)
    assert current_editor(editor).name == "cfg"  # type: ignore[union-attr]


def test_one_at_a_time(editor: GraphEditor, qtbot: QtBot) -> None:
    field = number(editor)
    type_text(field.line, "30")
    opened(editor, "sampler", "cfg")
    assert params(editor, "sampler")["steps"] == 30
    shown = [c for c in editor.view.viewport().children() if isinstance(c, InlineEditor)]
    assert sum(not one.isHidden() for one in shown) == 1
    qtbot.waitUntil(lambda: len([c for c in editor.view.viewport().children()
                                 if isinstance(c, InlineEditor)]) == 1)  # fmt: skip


def test_the_node_goes_while_one_types(editor: GraphEditor) -> None:
    field = number(editor)
    type_text(field.line, "30")
    editor.push(edits.remove(editor.document, ["sampler"]))
    assert current_editor(editor) is None
    editor.stack.undo()
    assert params(editor, "sampler")["steps"] == 20


def test_a_switch_is_flipped_at_once(editor: GraphEditor) -> None:
    assert open_editor(editor, "advanced", "add_noise") is None
    assert params(editor, "advanced")["add_noise"] is False
    assert steps(editor) == 1


def test_no_such_field(editor: GraphEditor) -> None:
    assert open_editor(editor, "sampler", "model") is None
    assert open_editor(editor, "nobody", "steps") is None


def test_a_choice_opens_its_list(editor: GraphEditor) -> None:
    made = opened(editor, "sampler", "sampler")
    assert isinstance(made.field, ChoiceField)
    popup = made.field.popup
    assert popup is not None
    type_text(popup.search, "euler\n")
    assert params(editor, "sampler")["sampler"] == "euler"
    assert current_editor(editor) is None
    made = opened(editor, "sampler", "sampler")
    assert isinstance(made.field, ChoiceField)
    assert made.field.popup is not None
    key(made.field.popup.search, Qt.Key.Key_Escape)
    assert current_editor(editor) is None
    assert steps(editor) == 1


def test_a_text(editor: GraphEditor) -> None:
    made = opened(editor, "positive", "text")
    assert isinstance(made.field, TextField)
    assert made.height() >= 90
    type_text(made.field.edit, "\nat night")
    key(made.field.edit, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert params(editor, "positive")["text"] == "a red star\nat night"
    assert current_editor(editor) is None


def test_a_colour_opens_its_square(editor: GraphEditor) -> None:
    made = opened(editor, "solid", "colour")
    assert isinstance(made.field, ColourField)
    picker = made.field.picker
    assert picker is not None
    drag(picker.square, QPoint(10, 10), QPoint(100, 100))
    key(picker, Qt.Key.Key_Return)
    assert params(editor, "solid")["colour"] != "#102030"
    assert steps(editor) == 1


def test_it_grows_with_the_zoom_and_stays_readable(editor: GraphEditor) -> None:
    editor.view.zoom_to(2.0, QPointF(editor.view.viewport().rect().center()))
    large = opened(editor, "sampler", "steps")
    assert large.field.main.font().pixelSize() == 24
    assert large.height() == 48
    editor.view.zoom_to(0.5, QPointF(editor.view.viewport().rect().center()))
    small = opened(editor, "sampler", "steps")
    assert small.field.main.font().pixelSize() == 12
    assert small.width() >= 180


def test_it_stays_inside_the_view(editor: GraphEditor) -> None:
    viewport = editor.view.viewport()
    where = on_field(editor, "save", "name")
    for _ in range(30):
        if where.x() > viewport.width() - 60:
            break
        drag(viewport, QPoint(100, 800), QPoint(180, 800), Qt.MouseButton.MiddleButton)
        where = on_field(editor, "save", "name")
    made = opened(editor, "save", "name")
    assert viewport.rect().contains(made.geometry())


def test_a_picture_has_its_browser(editor: GraphEditor) -> None:
    made = opened(editor, "picture", "path")
    assert isinstance(made.field, PathField)
    assert made.field.browse_button.isVisible()


def test_clicks_on_it_stay_its_own(editor: GraphEditor) -> None:
    """A press beside the line must not begin a gesture below."""
    made = opened(editor, "sampler", "steps")
    before = editor.selected()
    press(made, QPoint(2, 2))
    release(made, QPoint(2, 2))
    assert current_editor(editor) is made
    assert editor.selected() == before


def test_scrubbing_on_the_canvas(editor: GraphEditor) -> None:
    """By the gesture: a drag on the painted field is one step of undo."""
    viewport = editor.view.viewport()
    start = on_field(editor, "sampler", "steps", 0.3)
    drag(viewport, start, start + QPoint(40, 0), steps=10)
    assert params(editor, "sampler")["steps"] > 20
    assert steps(editor) == 1
    editor.stack.undo()
    assert params(editor, "sampler")["steps"] == 20


def test_the_dice_on_the_canvas(editor: GraphEditor) -> None:
    click(editor.view.viewport(), on_field(editor, "sampler", "seed", 0.96))
    assert params(editor, "sampler")["seed"] != 41
    assert steps(editor) == 1


def test_the_seeds_menu(editor: GraphEditor) -> None:
    menu = inline.seed_menu(editor, "sampler", "seed", QPoint(100, 100))
    assert isinstance(menu, QMenu)
    menu.actions()[2].trigger()
    assert editor.document.view["sampler"].seeds == {"seed": "increment"}
    menu.close()
