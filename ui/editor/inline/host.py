"""The one real editor on the canvas: over the painted field, for as long as one types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QRect, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from studio.editing.compat import widgets
from studio.editing.edits import set_param
from ui.editor.inline.bind import Binding, new_field, param_of, value_of
from ui.editor.inline.choice import ChoiceField
from ui.editor.inline.colour import ColourField
from ui.editor.inline.kinds import PAINTED, kind_of
from ui.editor.inline.text import TextField
from ui.theme import manager

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from ui.editor.editor import GraphEditor

LEAST_SCALE = 1.0
"""However far the view is zoomed out, an editor is at least as large as in a panel."""
_LEAST_WIDTH, _LEAST_HEIGHT = 180, 24
_TEXT_ROOM = 96
"""Pixels of height that a text gets at least."""


class InlineEditor(QFrame):
    """Lies over the field of a node and goes away as soon as one looks elsewhere.

    Args:
        editor: whose canvas.
        node: id of the node.
        name: of the parameter.
        rect: of the painted field, in the viewport's pixels.
        scale: of the field's text.
    """

    def __init__(
        self, editor: GraphEditor, node: str, name: str, rect: QRect, scale: float
    ) -> None:
        super().__init__(editor.view.viewport())
        self.editor = editor
        self.node = node
        self.name = name
        self._place = rect
        self._closing = False
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setCursor(Qt.CursorShape.ArrowCursor)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.field = new_field(editor, node, name, self, scale=scale)
        self.field.takes_tab = True
        if isinstance(self.field, TextField):
            self.field.fits_text = False
            self.field.edit.setTabChangesFocus(False)
        self.field.set_line_height(rect.height())
        layout.addWidget(self.field)
        Binding(self.field, editor, node, name, gone=self.drop)
        self.field.entered.connect(self.done)
        self.field.cancelled.connect(self.done)
        self.field.tabbed.connect(self._tab)
        self.field.trouble_changed.connect(self._fit)
        if isinstance(self.field, ChoiceField):
            self.field.closed.connect(self.done)
        # Wheel and drags on it are its own, not the canvas's.
        self.setAttribute(Qt.WidgetAttribute.WA_NoMousePropagation)
        editor.view.moved.connect(self.finish)
        editor.view.viewport().installEventFilter(self)
        self._fit()

    def begin(self) -> None:
        """Show it, with the keyboard in it."""
        self.show()
        self.raise_()
        self.field.begin()
        self.field.main.installEventFilter(self)
        if isinstance(self.field, ColourField):
            self.field.open_picker()

    def finish(self, *, commit: bool = True) -> None:
        """Take what was typed, where it can be taken, and go.

        What can't be taken is told in the status bar, and the document stays as it was.
        """
        if self._closing:
            return
        self._closing = True
        if commit and not self.field.commit():
            self.editor.message.emit(self.field.trouble)
        self._leave()

    def done(self) -> None:
        """Go; the field has said what there was to say."""
        if not self._closing:
            self._closing = True
            self._leave()

    def drop(self) -> None:
        """Go without a word: the node is no more."""
        self.done()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if watched is self.editor.view.viewport() and kind == QEvent.Type.Resize:
            self.finish()
        elif watched is self.field.main and kind == QEvent.Type.FocusOut:
            popup = isinstance(self.field, ChoiceField) and self.field.popup is not None
            reason = event.reason()  # type: ignore[attr-defined]
            if not popup and reason not in (
                Qt.FocusReason.PopupFocusReason,
                Qt.FocusReason.ActiveWindowFocusReason,
                Qt.FocusReason.MenuBarFocusReason,
            ):
                self.finish()
        return super().eventFilter(watched, event)

    def paintEvent(self, event: QPaintEvent) -> None:
        # Opaque, for the painted field must not shine through.
        painter = QPainter(self)
        painter.fillRect(self.rect(), manager.current().node)

    def _leave(self) -> None:
        view = self.editor.view
        view.moved.disconnect(self.finish)
        view.viewport().removeEventFilter(self)
        had_focus = self.isAncestorOf(self.window().focusWidget() or self)
        self.hide()
        if had_focus:
            view.setFocus(Qt.FocusReason.OtherFocusReason)
        self.deleteLater()

    def _fit(self) -> None:
        """The place of the painted field, and below it what is wrong."""
        room = self.editor.view.viewport().rect()
        rect = QRect(self._place)
        extra = 0
        if self.field.trouble:
            self.field.setFixedWidth(rect.width())
            extra = max(0, self.field.sizeHint().height() - rect.height())
            layout = self.field.layout()
            if layout is not None and layout.hasHeightForWidth():
                extra = max(extra, layout.heightForWidth(rect.width()) - rect.height())
        rect.setHeight(rect.height() + extra)
        if rect.bottom() > room.bottom():
            rect.moveBottom(max(room.top() + rect.height(), room.bottom()))
        if rect.right() > room.right():
            rect.moveRight(room.right())
        self.setGeometry(rect)

    def _tab(self, step: int) -> None:
        order = [
            widget.name
            for widget in widgets(self.editor.document, self.node)
            if kind_of(widget.spec) not in PAINTED
        ]
        self.done()
        if self.name in order and len(order) > 1:
            following = order[(order.index(self.name) + step) % len(order)]
            open_editor(self.editor, self.node, following, by_keyboard=True)


def open_editor(
    editor: GraphEditor, node: str, param: str, *, by_keyboard: bool = False
) -> QWidget | None:
    """Edit a parameter on the canvas, over its painted field. One editor is open at a time.

    Args:
        editor: whose canvas.
        node: id of the node.
        param: one that the node shows as a field.
        by_keyboard: Tab came here: a switch is shown to be flipped instead of flipping at once,
            and a list isn't opened before one asks.

    Returns:
        the editor; None where the node shows no such field, for a switch, which is flipped, and
        for what is painted on a canvas of its own.
    """
    close_editor(editor)
    item = editor.scene.nodes.get(node)
    spot = item.geometry.widget(param) if item is not None else None
    if item is None or spot is None:
        return None
    declared = param_of(editor, node, param)
    kind = kind_of(declared, value_of(editor, node, param))
    if kind in PAINTED:
        editor.paint_wanted.emit(node, "sketch" if kind == "sketch" else "mask")
        return None
    if kind == "bool" and not by_keyboard:
        flip(editor, node, param)
        return None
    view = editor.view
    corner = view.mapFromScene(item.mapToScene(spot.rect.topLeft()))
    zoom = view.zoom
    scale = max(LEAST_SCALE, zoom)
    width = max(_LEAST_WIDTH, round(spot.rect.width() * zoom))
    height = max(_LEAST_HEIGHT, round(spot.rect.height() * zoom))
    if kind in ("text", "json"):
        height = max(height, round(_TEXT_ROOM * scale))
    made = InlineEditor(editor, node, param, QRect(corner.x(), corner.y(), width, height), scale)
    if by_keyboard and isinstance(made.field, ChoiceField):
        made.show()
        made.raise_()
        made.field.main.setFocus(Qt.FocusReason.TabFocusReason)
        made.field.main.installEventFilter(made)
    else:
        made.begin()
    return made


def current_editor(editor: GraphEditor) -> InlineEditor | None:
    """The editor that is open on the canvas."""
    for child in editor.view.viewport().children():
        if isinstance(child, InlineEditor) and not child.isHidden():
            return child
    return None


def close_editor(editor: GraphEditor, *, commit: bool = True) -> None:
    """Close the editor that is open on the canvas, if there is one."""
    if (shown := current_editor(editor)) is not None:
        shown.finish(commit=commit)


def flip(editor: GraphEditor, node: str, param: str) -> bool:
    """Turn a switch on or off. True if it did."""
    value = not value_of(editor, node, param)
    return editor.attempt(lambda: set_param(editor.document, node, param, value))
