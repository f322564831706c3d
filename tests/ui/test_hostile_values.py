"""Values that no widget expects: shown, opened, left again. Nothing is altered unasked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from events import key
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from studio.graph.document import Graph, Node
from ui.editor.inline import close_editor, open_editor
from ui.editor.inline.bind import make_field
from ui.editor.inline.number import NumberField

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytestqt.qtbot import QtBot

    from studio.registry import Registry
    from ui.editor.editor import GraphEditor

VALUES: dict[str, Any] = {
    "nothing": None,
    "list": [1, [2]],
    "object": {"a": None},
    "true": True,
    "negative": -1,
    "beyond floats": 10**400,
    "beyond 64 bits": -(2**70),
    "largest float": 1.7e308,
    "many places": 0.1234567890123456789,
    "other lines": "a\r\nb\rc\u2028d\u2029e",
    "hard spaces": "a\xa0b\u202fc",
    "controls": "\x00\x01\x1b[31m\x7f\t",
    "two lines": "a\nb",
    "spaces": "  a  ",
    "right to left": "\u05e9\u05dc\u05d5\u05dd \u202e abc",
    "pictures": "\U0001f389" * 40,
    "markup": "<b>&amp;<img src=x>",
    "no number": "nan",
    "long": "word " * 20_000,
    "one long word": "x" * 120_000,
}


@pytest.mark.parametrize("words", VALUES)
def test_a_field_that_is_left_again_changes_nothing(
    make_editor: Callable[..., GraphEditor], registry: Registry, qtbot: QtBot, words: str
) -> None:
    value = VALUES[words]
    kinds: dict[tuple[str, str], tuple[str, str]] = {}
    for spec in registry.values():
        for param in spec.params:
            kinds.setdefault((param.kind, param.marker.widget), (spec.type, param.name))
    nodes = {
        f"n{i}": Node(type=kind, params={name: value}) for i, (kind, name) in
        enumerate(kinds.values())
    }  # fmt: skip
    nodes["unknown"] = Node(type="Nobody", params={"x": value})
    editor = make_editor(Graph(nodes=nodes))
    before = editor.document.dumps()
    for name, node in nodes.items():
        param = next(iter(node.params))
        editor.view.frame([name])
        field = make_field(editor, name, param, editor)
        field.show()
        field.main.setFocus()
        field.commit()
        assert editor.document.dumps() == before, (node.type, param)
        if isinstance(field, NumberField):
            # From whatever there was, an arrow key leads to a number that the parameter takes.
            key(field.main, Qt.Key.Key_Up)
            made = editor.document.nodes[name].params[param]
            assert registry[node.type].param_by_name[param].check(made) == made
            editor.stack.undo()
        field.hide()
        field.deleteLater()
        if node.type == "Nobody" or registry[node.type].param_by_name[param].kind != "bool":
            open_editor(editor, name, param)
            QApplication.processEvents()
            close_editor(editor, commit=True)
        QApplication.processEvents()
        while (popup := QApplication.activePopupWidget()) is not None:
            popup.close()
        assert editor.document.dumps() == before, (node.type, param)
