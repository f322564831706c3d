"""Form fields bound to a document: typed in, dragged and clicked as a person does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from events import click, drag, key, release, type_text
from inline_kit import canvas, params, steps
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QImage, QKeyEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit, QVBoxLayout, QWidget
from shiboken6 import isValid

from studio.editing import edits, seeds, wiring
from studio.graph.checked import Source
from ui.editor.inline import make_field
from ui.editor.inline.choice import ChoiceField
from ui.editor.inline.colour import ColourField
from ui.editor.inline.jsonfield import JsonField
from ui.editor.inline.line import LineField, NameField
from ui.editor.inline.model import ModelField
from ui.editor.inline.number import NumberField
from ui.editor.inline.path import PathField
from ui.editor.inline.seed import SeedField
from ui.editor.inline.text import TextField
from ui.editor.inline.toggle import ToggleField

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from studio.registry import Registry
    from ui.editor.editor import GraphEditor
    from ui.editor.inline.field import Field

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")
CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def editor(qtbot: QtBot, registry: Registry) -> GraphEditor:
    return canvas(qtbot, registry)


@pytest.fixture
def panel(qtbot: QtBot, editor: GraphEditor) -> Callable[[str, str], Field]:
    """Makes fields in a window of their own, beside a line that can take the focus."""
    window = QWidget()
    window.resize(320, 500)
    layout = QVBoxLayout(window)
    elsewhere = QLineEdit(window)
    elsewhere.setObjectName("elsewhere")
    layout.addWidget(elsewhere)
    layout.addStretch(1)
    qtbot.addWidget(window)
    with qtbot.waitExposed(window):
        window.show()
    window.activateWindow()
    elsewhere.setFocus()

    def make(node: str, name: str) -> Field:
        field = make_field(editor, node, name, window)
        layout.insertWidget(0, field)
        field.show()
        QApplication.processEvents()
        return field

    return make


def leave(field: Field) -> None:
    """The focus goes to another field of the window."""
    other = field.window().findChild(QLineEdit, "elsewhere")
    assert other is not None
    other.setFocus(Qt.FocusReason.MouseFocusReason)


def retype(field: LineField, text: str) -> None:
    field.begin()
    field.line.selectAll()
    type_text(field.line, text)


def test_every_parameter_has_a_field(editor: GraphEditor, registry: Registry, qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    for type_name, spec in registry.items():
        edit = edits.add_node(editor.document, type_name, (0, 0))
        editor.push(edit)
        for param in spec.params:
            before = editor.document.dumps()
            field = make_field(editor, edit.created[0], param.name, window)
            assert field.commit()
            assert editor.document.dumps() == before, "looking at a value must not write it"


def test_kinds_of_fields(panel: Callable[[str, str], Field]) -> None:
    kinds = {
        ("sampler", "steps"): NumberField, ("sampler", "seed"): SeedField,
        ("sampler", "sampler"): ChoiceField, ("checkpoint", "name"): ModelField,
        ("positive", "text"): TextField, ("save", "name"): NameField,
        ("solid", "colour"): ColourField, ("picture", "path"): PathField,
        ("advanced", "add_noise"): ToggleField, ("select", "options"): JsonField,
        ("alien", "word"): LineField, ("alien", "list"): JsonField,
    }  # fmt: skip
    for (node, name), kind in kinds.items():
        assert type(panel(node, name)) is kind


def test_typing_a_number(editor: GraphEditor, panel: Callable[[str, str], Field]) -> None:
    field = panel("latent", "width")
    assert isinstance(field, NumberField)
    assert field.line.text() == "128 px"
    click(field.line, QPointF(20, 10))
    assert field.line.hasFocus()
    assert field.line.text() == "128"
    type_text(field.line, "2*256\n")
    assert params(editor, "latent")["width"] == 512
    assert steps(editor) == 1
    editor.stack.undo()
    assert params(editor, "latent")["width"] == 128
    leave(field)
    assert field.line.text() == "128 px"


def test_a_refused_number(editor: GraphEditor, panel: Callable[[str, str], Field]) -> None:
    field = panel("latent", "width")
    assert isinstance(field, NumberField)
    retype(field, "100\n")
    assert "nearest: 96 or 104" in field.trouble
    assert field.toolTip() == field.trouble
    assert params(editor, "latent")["width"] == 128
    assert steps(editor) == 0
    # The words go as soon as it would be taken.
    retype(field, "104")
    assert field.trouble == ""
    leave(field)
    assert params(editor, "latent")["width"] == 104


def test_escape_forgets(editor: GraphEditor, panel: Callable[[str, str], Field]) -> None:
    field = panel("sampler", "steps")
    assert isinstance(field, NumberField)
    retype(field, "9999\n")
    key(field.line, Qt.Key.Key_Escape)
    assert (field.line.text(), field.trouble) == ("20", "")
    assert steps(editor) == 0


def test_arrow_keys(editor: GraphEditor, panel: Callable[[str, str], Field]) -> None:
    field = panel("sampler", "cfg")
    assert isinstance(field, NumberField)
    field.begin()
    key(field.line, Qt.Key.Key_Up)
    key(field.line, Qt.Key.Key_Up, CTRL)
    assert params(editor, "sampler")["cfg"] == 5.1
    key(field.line, Qt.Key.Key_Down)
    assert field.line.text() == "5.0"


def test_dragging_is_one_step(editor: GraphEditor, panel: Callable[[str, str], Field]) -> None:
    field = panel("sampler", "steps")
    assert isinstance(field, NumberField)
    drag(field.line, QPoint(20, 10), QPoint(60, 10), steps=10)
    assert params(editor, "sampler")["steps"] == 32
    assert steps(editor) == 1
    assert not field.line.hasFocus()
    drag(field.line, QPoint(20, 10), QPoint(30, 10))
    assert steps(editor) == 2
    editor.stack.undo()
    editor.stack.undo()
    assert params(editor, "sampler")["steps"] == 20
    assert field.line.text() == "20"


def test_open_parameters(editor: GraphEditor, panel: Callable[[str, str], Field]) -> None:
    field = panel("sampler", "eta")
    assert isinstance(field, NumberField)
    assert (field.line.text(), field.line.placeholderText()) == ("", "none")
    retype(field, "0.5\n")
    assert params(editor, "sampler")["eta"] == 0.5
    field.line.selectAll()
    key(field.line, Qt.Key.Key_Delete)
    key(field.line, Qt.Key.Key_Return)
    assert params(editor, "sampler")["eta"] is None


def test_a_wire_takes_the_field_over(
    editor: GraphEditor, panel: Callable[[str, str], Field]
) -> None:
    field = panel("sampler", "steps")
    editor.push(edits.add_node(editor.document, "Integer", (0, 0)))
    editor.push(wiring.connect(editor.document, Source("integer", "int"), "sampler", "steps"))
    assert not field.isEnabled()
    assert field.toolTip() == "Comes by a wire from Integer."
    editor.stack.undo()
    assert field.isEnabled()
    assert "from 1 to 1000" in field.toolTip()


def test_another_edit_shows(editor: GraphEditor, panel: Callable[[str, str], Field]) -> None:
    field = panel("positive", "text")
    assert isinstance(field, TextField)
    editor.push(edits.set_param(editor.document, "positive", "text", "blue"))
    assert field.edit.toPlainText() == "blue"
    editor.push(edits.remove(editor.document, ["positive"]))
    assert not field.isEnabled()
    editor.stack.undo()
    assert field.isEnabled()


def test_a_deleted_field_hears_nothing(
    editor: GraphEditor, panel: Callable[[str, str], Field], qtbot: QtBot
) -> None:
    field = panel("sampler", "steps")
    before = len(editor.document.changed)
    field.deleteLater()
    qtbot.waitUntil(lambda: not isValid(field))
    assert len(editor.document.changed) == before - 1
    editor.push(edits.set_param(editor.document, "sampler", "steps", 30))


def test_switch(editor: GraphEditor, panel: Callable[[str, str], Field]) -> None:
    field = panel("advanced", "add_noise")
    assert isinstance(field, ToggleField)
    click(field.switch, QPointF(10, 8))
    assert params(editor, "advanced")["add_noise"] is False
    key(field.switch, Qt.Key.Key_Space, text=" ")
    assert params(editor, "advanced")["add_noise"] is True
    assert steps(editor) == 2


def test_choosing_from_a_list(editor: GraphEditor, panel: Callable[[str, str], Field]) -> None:
    field = panel("sampler", "sampler")
    assert isinstance(field, ChoiceField)
    click(field.button, QPointF(20, 8))
    popup = field.popup
    assert popup is not None
    assert popup.isVisible()
    assert popup.list.currentIndex().data() == "dpmpp_2m"
    type_text(popup.search, "ances")
    assert all("ancestral" in row.title for row in popup.model.shown)
    key(popup.search, Qt.Key.Key_Down)
    wanted = popup.list.currentIndex().data()
    key(popup.search, Qt.Key.Key_Return)
    assert params(editor, "sampler")["sampler"] == wanted
    assert field.popup is None
    assert field.button.text() == wanted
    assert steps(editor) == 1


def test_a_list_is_left_by_escape(editor: GraphEditor, panel: Callable[[str, str], Field]) -> None:
    field = panel("sampler", "schedule")
    assert isinstance(field, ChoiceField)
    field.button.setFocus()
    key(field.button, Qt.Key.Key_Down)
    popup = field.popup
    assert popup is not None
    type_text(popup.search, "zzzz")
    assert popup.model.shown == []
    key(popup.search, Qt.Key.Key_Return)
    assert popup.isVisible()
    key(popup.search, Qt.Key.Key_Escape)
    assert field.popup is None
    assert steps(editor) == 0


def test_a_click_in_the_list(editor: GraphEditor, panel: Callable[[str, str], Field]) -> None:
    field = panel("positive", "weighting")
    assert isinstance(field, ChoiceField)
    field.open_list()
    popup = field.popup
    assert popup is not None
    QApplication.processEvents()
    row = popup.list.visualRect(popup.model.index(1))
    click(popup.list.viewport(), row.center())
    assert params(editor, "positive")["weighting"] == "a1111"


def test_picking_a_model(editor: GraphEditor, panel: Callable[[str, str], Field]) -> None:
    field = panel("checkpoint", "name")
    assert isinstance(field, ModelField)
    field.open_list()
    popup = field.popup
    assert popup is not None
    titles = [row.title for row in popup.model.shown]
    assert titles == ["pocket", "photo.safetensors", "big/base.safetensors", "torn.ckpt"]
    assert popup.model.shown[2].note == "sdxl · fp16 · 6.9 GB"
    assert popup.model.shown[3].note == "can't be used"
    sdxl = next(b for b in popup.groups.buttons() if b.text() == "sdxl")
    QApplication.processEvents()
    click(sdxl, QPointF(sdxl.rect().center()))
    assert [row.title for row in popup.model.shown] == ["big/base.safetensors"]
    key(popup.search, Qt.Key.Key_Return)
    assert params(editor, "checkpoint")["name"] == "big/base.safetensors"


def test_models_that_are_not_known(editor: GraphEditor, panel: Callable[[str, str], Field]) -> None:
    editor.catalogue = None
    editor.push(edits.add_node(editor.document, "LoadVae", (0, 0)))
    field = panel("load_vae", "name")
    assert isinstance(field, ModelField)
    assert field.button.text() == "choose a model"
    field.open_list()
    assert field.popup is not None
    assert "still starting" in field.popup._empty.text()
    field.popup.close()


def test_text_is_taken_by_a_pause(
    editor: GraphEditor, panel: Callable[[str, str], Field], qtbot: QtBot
) -> None:
    field = panel("positive", "text")
    assert isinstance(field, TextField)
    field.begin()
    type_text(field.edit, ", big")
    assert params(editor, "positive")["text"] == "a red star"
    qtbot.waitUntil(lambda: params(editor, "positive")["text"] == "a red star, big")
    type_text(field.edit, "\nblue")
    leave(field)
    assert params(editor, "positive")["text"] == "a red star, big\nblue"
    assert steps(editor) == 1
    editor.stack.undo()
    assert field.edit.toPlainText() == "a red star"


def test_escape_brings_the_text_back(
    editor: GraphEditor, panel: Callable[[str, str], Field], qtbot: QtBot
) -> None:
    field = panel("positive", "text")
    assert isinstance(field, TextField)
    field.begin()
    type_text(field.edit, "!")
    qtbot.waitUntil(lambda: params(editor, "positive")["text"] == "a red star!")
    type_text(field.edit, "?")
    key(field.edit, Qt.Key.Key_Escape)
    assert field.edit.toPlainText() == "a red star"
    assert params(editor, "positive")["text"] == "a red star"
    assert steps(editor) == 0


def test_ctrl_enter_runs_with_what_was_typed(
    editor: GraphEditor, panel: Callable[[str, str], Field]
) -> None:
    """The shortcut is left to the action; before it runs, the text is in the document."""
    field = panel("positive", "text")
    assert isinstance(field, TextField)
    field.begin()
    type_text(field.edit, " at night")
    override = QKeyEvent(QEvent.Type.ShortcutOverride, Qt.Key.Key_Return, CTRL)
    override.ignore()
    QApplication.sendEvent(field.edit, override)
    assert not override.isAccepted()
    assert params(editor, "positive")["text"] == "a red star at night"


def test_weights_by_keyboard(editor: GraphEditor, panel: Callable[[str, str], Field]) -> None:
    field = panel("positive", "text")
    assert isinstance(field, TextField)
    field.begin()
    key(field.edit, Qt.Key.Key_Up, CTRL)
    key(field.edit, Qt.Key.Key_Up, CTRL)
    assert field.edit.toPlainText() == "a red (star:1.2)"
    key(field.edit, Qt.Key.Key_Down, CTRL)
    assert field.edit.textCursor().selectedText() == "star"
    leave(field)
    assert params(editor, "positive")["text"] == "a red (star:1.1)"


def test_embeddings_are_offered(editor: GraphEditor, panel: Callable[[str, str], Field]) -> None:
    field = panel("positive", "text")
    assert isinstance(field, TextField)
    field.begin()
    type_text(field.edit, ", embedding:")
    assert field.list is not None
    assert field.list.isVisible()
    type_text(field.edit, "sty")
    completer = field.completer
    assert completer is not None
    assert completer.completionCount() == 1
    key(field.list, Qt.Key.Key_Return)
    assert field.edit.toPlainText() == "a red star, embedding:my-style"
    assert not field.list.isVisible()
    # Nothing is offered where no embedding is named.
    type_text(field.edit, " my")
    assert not field.list.isVisible()


def test_json(editor: GraphEditor, panel: Callable[[str, str], Field]) -> None:
    field = panel("select", "options")
    assert isinstance(field, JsonField)
    field.begin()
    type_text(field.edit, '{"r": 0.5')
    leave(field)
    assert field.trouble == "This isn't JSON (line 1)."
    assert "options" not in params(editor, "select")
    field.begin()
    type_text(field.edit, "}")
    assert field.trouble == ""
    key(field.edit, Qt.Key.Key_Return, CTRL)
    assert params(editor, "select")["options"] == {"r": 0.5}
    field.edit.selectAll()
    type_text(field.edit, "NaN")
    assert not field.commit()


def test_parameters_of_unknown_nodes(
    editor: GraphEditor, panel: Callable[[str, str], Field]
) -> None:
    word, listed = panel("alien", "word"), panel("alien", "list")
    assert isinstance(word, LineField)
    assert isinstance(listed, JsonField)
    retype(word, "bye\n")
    listed.edit.selectAll()
    type_text(listed.edit, "[3]")
    listed.commit()
    assert params(editor, "alien") == {"word": "bye", "list": [3]}


def test_names_of_files(editor: GraphEditor, panel: Callable[[str, str], Field]) -> None:
    field = panel("save", "name")
    assert isinstance(field, NameField)
    retype(field, "/etc/x\n")
    assert field.trouble == "It must be relative to the output folder."
    retype(field, "stars/{se")
    assert field.list.isVisible()
    key(field.list, Qt.Key.Key_Down)
    key(field.list, Qt.Key.Key_Return)
    assert field.line.text() == "stars/{seed}"
    key(field.line, Qt.Key.Key_Return)
    assert params(editor, "save")["name"] == "stars/{seed}"


def test_the_dice_and_the_modes(editor: GraphEditor, panel: Callable[[str, str], Field]) -> None:
    field = panel("sampler", "seed")
    assert isinstance(field, SeedField)
    seeds.remember(editor.document)
    click(field.dice, QPointF(8, 8))
    drawn = params(editor, "sampler")["seed"]
    assert drawn != 41
    assert field.line.text() == str(drawn)
    click(field.mode_button, QPointF(8, 8))
    assert field.menu is not None
    by_words = {action.text(): action for action in field.menu.actions()}
    by_words["Random: another in every run"].trigger()
    assert seeds.mode_of(editor.document, "sampler", "seed") == "random"
    assert field.mode_button.icon_name == "repeat"
    assert field.mode_button.toolTip().startswith("Random")
    by_words["Use the last one: 41"].trigger()
    assert params(editor, "sampler")["seed"] == 41
    assert steps(editor) == 3
    field.menu.close()
    editor.stack.undo()
    editor.stack.undo()
    assert field.mode_button.icon_name == "lock"


def test_typing_a_colour(editor: GraphEditor, panel: Callable[[str, str], Field]) -> None:
    field = panel("solid", "colour")
    assert isinstance(field, ColourField)
    assert field.swatch.colour.name() == "#102030"
    retype(field, "F80\n")
    assert params(editor, "solid")["colour"] == "#ff8800"
    retype(field, "reddish\n")
    assert "not a colour" in field.trouble
    assert params(editor, "solid")["colour"] == "#ff8800"


def test_picking_a_colour_is_one_step(
    editor: GraphEditor, panel: Callable[[str, str], Field]
) -> None:
    field = panel("solid", "colour")
    assert isinstance(field, ColourField)
    click(field.swatch, QPointF(8, 8))
    picker = field.picker
    assert picker is not None
    drag(picker.square, QPoint(10, 10), QPoint(120, 60))
    drag(picker.square, QPoint(180, 10), QPoint(180, 100))
    picked = params(editor, "solid")["colour"]
    assert picked not in ("#102030", "#808080")
    assert steps(editor) == 1
    key(picker, Qt.Key.Key_Return)
    assert field.picker is None
    assert field.line.text() == picked
    editor.stack.undo()
    assert field.line.text() == "#102030"


def test_escape_from_picking(editor: GraphEditor, panel: Callable[[str, str], Field]) -> None:
    field = panel("solid", "colour")
    assert isinstance(field, ColourField)
    field.open_picker()
    picker = field.picker
    assert picker is not None
    release(picker.square, QPoint(10, 10))
    drag(picker.square, QPoint(10, 10), QPoint(120, 60))
    key(picker, Qt.Key.Key_Escape)
    assert params(editor, "solid")["colour"] == "#102030"
    assert steps(editor) == 0


def test_a_picture_is_shown(
    qtbot: QtBot, registry: Registry, tmp_path: Path
) -> None:
    image = QImage(60, 30, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.red)
    image.save(str(tmp_path / "red.png"))
    editor = canvas(qtbot, registry, path=tmp_path / "graph.json")
    field = make_field(editor, "picture", "path", editor)
    assert isinstance(field, PathField)
    assert field.preview is not None
    assert not field.preview.isVisibleTo(field)
    editor.push(edits.set_param(editor.document, "picture", "path", "red.png"))
    qtbot.waitUntil(lambda: field.preview is not None and field.preview.isVisibleTo(field))
    assert (field.preview.sizeHint().width(), field.preview.sizeHint().height()) == (60, 30)


def test_browsing_for_a_picture(
    qtbot: QtBot, registry: Registry, tmp_path: Path
) -> None:
    (tmp_path / "sub").mkdir()
    inside, outside = tmp_path / "sub" / "a.png", tmp_path.parent / "b.png"
    for path in (inside, outside):
        QImage(4, 4, QImage.Format.Format_RGB32).save(str(path))
    editor = canvas(qtbot, registry, path=tmp_path / "graph.json")
    field = make_field(editor, "picture", "path", editor)
    assert isinstance(field, PathField)
    field.show()
    for path, text in ((inside, "sub/a.png"), (outside, str(outside))):
        click(field.browse_button, QPointF(8, 8))
        dialog = editor.findChild(QFileDialog)
        assert dialog is not None
        dialog.selectFile(str(path))
        dialog.fileSelected.emit(str(path))
        dialog.close()
        qtbot.waitUntil(lambda dialog=dialog: not isValid(dialog))
        assert params(editor, "picture")["path"] == text
    assert steps(editor) == 2


def test_a_file_dropped_on_the_field(
    editor: GraphEditor, panel: Callable[[str, str], Field], tmp_path: Path
) -> None:
    field = panel("picture", "path")
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(tmp_path / "x.png"))])
    how = (mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    enter = QDragEnterEvent(QPoint(5, 5), Qt.DropAction.CopyAction, *how)
    QApplication.sendEvent(field, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(field, QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, *how))
    assert params(editor, "picture")["path"] == str(tmp_path / "x.png")
