"""Text of files never becomes markup: a prompt could make Qt fetch a picture from anywhere."""

from __future__ import annotations

from html import unescape
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPointF
from PySide6.QtGui import Qt, QTextDocument
from PySide6.QtWidgets import QLabel

from studio.editing.edits import rename, set_param
from tests.ui.events import type_text
from ui.editor.find import FindBar
from ui.editor.gestures.hint import Hint
from ui.panels.outline_model import OutlineModel
from ui.plain import plain_tip
from ui.statusbar import StatusBar

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from ui.editor.editor import GraphEditor

EVIL = 'a cat <img src="file://host/share/x.png"> <b>bold</b>\nand a dog'


def shown(tip: str) -> str:
    """What a tool tip says on the screen, taken as Qt takes it."""
    if not Qt.mightBeRichText(tip):
        return tip
    document = QTextDocument()
    document.setHtml(tip)
    return document.toPlainText()


@pytest.mark.parametrize("text", ["", "a < b > c", "<lora:x:1>", "one\ntwo  three", EVIL, "&lt;b>"])
def test_a_tip_shows_the_text_as_it_is(text: str) -> None:
    assert shown(plain_tip(text)) == text
    assert "<img" not in plain_tip(text)


def test_ordinary_words_stay_as_they_are() -> None:
    assert plain_tip("Seed of the noise") == "Seed of the noise"


def test_the_find_bar_shows_values_as_they_are(qtbot: QtBot, editor: GraphEditor) -> None:
    editor.push(set_param(editor.document, "positive", "text", 'cat <img src="x">'))
    bar = FindBar(editor)
    bar.open()
    type_text(bar.line, "cat")
    bar.next()
    assert bar.found == ["positive"]
    assert "<img" not in bar.toolTip()
    assert shown(bar.toolTip()) == 'text: cat <img src="x">'


def test_the_outline_shows_values_as_they_are(qtbot: QtBot, editor: GraphEditor) -> None:
    editor.push(set_param(editor.document, "positive", "text", EVIL))
    model = OutlineModel()
    model.set_editor(editor)
    tips = [
        model.data(model.index(row, 0, model.index(node, 0)), Qt.ItemDataRole.ToolTipRole)
        for node in range(model.rowCount())
        for row in range(model.rowCount(model.index(node, 0)))
    ]
    (tip,) = [tip for tip in tips if tip and "cat" in tip]
    assert "<img" not in tip
    assert unescape(tip).count("<img") == 1


def test_words_over_the_canvas_and_below_it_are_no_markup(
    qtbot: QtBot, editor: GraphEditor
) -> None:
    editor.push(rename(editor.document, "positive", "<b>x</b>"))
    hint = Hint(editor.view)
    hint.say("<b>x</b> fits", QPointF(10, 10))
    bar = StatusBar()
    qtbot.addWidget(bar)
    bar.say("<b>x</b>")
    for label in (hint, bar.words):
        assert isinstance(label, QLabel)
        assert label.textFormat() is Qt.TextFormat.PlainText
