"""Fields bound to a document: they show what it says, and edits go through the undo stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject

from studio.editing.changes import same
from studio.editing.edits import set_param
from studio.editing.values import checked_value
from ui.editor.following import follow
from ui.editor.inline.choice import ChoiceField
from ui.editor.inline.colour import ColourField
from ui.editor.inline.jsonfield import JsonField
from ui.editor.inline.kinds import kind_of
from ui.editor.inline.line import LineField, NameField
from ui.editor.inline.model import ModelField
from ui.editor.inline.number import NumberField
from ui.editor.inline.paint import PaintField
from ui.editor.inline.path import PathField
from ui.editor.inline.seed import SeedField
from ui.editor.inline.text import TextField
from ui.editor.inline.toggle import ToggleField
from ui.plain import plain_tip

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget

    from studio.editing.changes import Change
    from studio.spec import Param
    from ui.editor.editor import GraphEditor
    from ui.editor.inline.field import Field


def make_field(editor: GraphEditor, node: str, param: str, parent: QWidget | None = None) -> Field:
    """A form field for a node's parameter, bound to the document both ways.

    It stays bound until it is deleted. While a wire feeds the parameter it can't be edited.

    Args:
        editor: holds the document.
        node: id of the node.
        param: of its type; of a node of unknown type, one that it has.
        parent: Qt's.

    Raises:
        KeyError: there is no such node.
    """
    field = new_field(editor, node, param, parent, in_panel=True)
    Binding(field, editor, node, param)
    return field


def new_field(
    editor: GraphEditor,
    node: str,
    name: str,
    parent: QWidget | None,
    *,
    scale: float = 1.0,
    in_panel: bool = False,
) -> Field:
    """A field of the right kind, not bound yet.

    Args:
        editor: holds the document.
        node: id of the node.
        name: of the parameter.
        parent: Qt's.
        scale: of fonts and paddings.
        in_panel: there is room for a picture below it.
    """
    param = param_of(editor, node, name)
    match kind_of(param, value_of(editor, node, name)):
        case "json":
            return JsonField(param, parent, scale=scale)
        case "bool":
            return ToggleField(param, parent, scale=scale)
        case "choice":
            return ChoiceField(param, parent, scale=scale)
        case "text":
            return TextField(param, parent, editor, scale=scale)
        case "colour":
            return ColourField(param, parent, scale=scale)
        case "name":
            return NameField(param, parent, scale=scale)
        case ("number" | "slider") as kind if param is not None:
            return NumberField(param, parent, slider=kind == "slider", scale=scale)
        case "seed" if param is not None:
            return SeedField(param, parent, editor, node, scale=scale)
        case "model" if param is not None:
            return ModelField(param, parent, editor, scale=scale)
        case ("picture" | "file") as kind if param is not None:
            preview = in_panel and kind == "picture"
            return PathField(param, parent, editor, node, preview=preview, scale=scale)
        case ("strokes" | "sketch") as kind:
            return PaintField(param, parent, editor, node, layer=kind, scale=scale)
        case _:
            return LineField(param, parent, scale=scale)


def param_of(editor: GraphEditor, node: str, name: str) -> Param | None:
    """The declaration of a parameter; None where its type or node isn't known."""
    if node not in editor.document.nodes:
        return None
    spec = editor.document.spec(node)
    return spec.param_by_name.get(name) if spec else None


def value_of(editor: GraphEditor, node: str, name: str) -> Any:
    """A parameter's value: the document's, else the default."""
    param = param_of(editor, node, name)
    default = param.default if param else None
    return editor.document.nodes[node].params.get(name, default)


class Binding(QObject):
    """Ties a field to a parameter; it lives as long as the field.

    Args:
        field: becomes the parent.
        editor: holds the document and its undo stack.
        node: id of the node.
        name: of the parameter.
        gone: called when the node or its parameter is there no more.
    """

    def __init__(
        self,
        field: Field,
        editor: GraphEditor,
        node: str,
        name: str,
        gone: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(field)
        self.field = field
        self.editor = editor
        self.node = node
        self.name = name
        self._gone = gone
        self._merge = ""
        judge = field.judge
        field.judge = lambda value: self._judge(judge(value))
        field.setAccessibleName(name)
        field.main.setAccessibleName(name)
        param = param_of(editor, node, name)
        spec = editor.document.spec(node)
        help_text = spec.help.args.get(name, "") if spec else ""
        field.help = " ".join(part for part in (help_text, _range(param)) if part)
        field.setToolTip(plain_tip(field.help))
        field.show_value(value_of(editor, node, name))
        self._show_wire()
        field.committed.connect(self._committed)
        field.gesture_began.connect(self._gesture_began)
        field.gestured.connect(self._gestured)
        follow(editor.document, field, self._on_changed)

    def _judge(self, value: Any) -> Any:
        node = self.editor.document.nodes.get(self.node)
        return value if node is None else checked_value(
            self.editor.document, node, self.name, value
        )

    def _committed(self, value: Any) -> None:
        self._set(value, "")

    def _gesture_began(self) -> None:
        self._merge = self.editor.new_gesture()

    def _gestured(self, value: Any) -> None:
        self._set(value, self._merge)

    def _set(self, value: Any, merge: str) -> None:
        document = self.editor.document
        if self.node not in document.nodes:
            return
        if same(value, value_of(self.editor, self.node, self.name)):
            return
        self.editor.attempt(lambda: set_param(document, self.node, self.name, value, merge=merge))

    def _on_changed(self, changes: tuple[Change, ...]) -> None:
        for change in changes:
            if change.key != self.node or change.section not in ("nodes", "view"):
                continue
            node = self.editor.document.nodes.get(self.node)
            if node is None:
                self.field.setEnabled(False)
                if self._gone:
                    self._gone()
                return
            value = value_of(self.editor, self.node, self.name)
            if not same(value, self.field.value):
                self.field.show_value(value)
            elif isinstance(self.field, SeedField):
                self.field.refresh_mode()
            self._show_wire()

    def _show_wire(self) -> None:
        wire = self.editor.document.wires_into(self.node).get(self.name)
        self.field.setEnabled(wire is None)
        if wire is None:
            self.field.setToolTip(plain_tip(self.field.trouble or self.field.help))
            return
        nodes = self.editor.document.nodes
        source = wire.source.node
        title = self.editor.document.title_of(source) if source in nodes else source
        self.field.setToolTip(plain_tip(f"Comes by a wire from {title}."))


def _range(param: Param | None) -> str:
    if param is None or param.kind not in ("int", "float"):
        return ""
    words = param.range_words()
    return f"{words[0].upper()}{words[1:]}."
