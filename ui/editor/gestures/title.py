"""Typing a title: of a node in its header, of a frame in its top edge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QLineEdit

from studio.editing import edits, framing
from ui.editor.frame_item import TITLE
from ui.theme import fonts, metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QKeyEvent

    from studio.editing.changes import Edit
    from ui.editor.gestures.dispatch import Gestures
    from ui.editor.view import GraphView

SMALLEST = 11
"""Pixels of the letters, however far the view is zoomed out."""
HIGHEST = 22
"""Pixels of the line at a zoom of 1."""
NARROWEST = 120


class TitleEdit(QLineEdit):
    """A line over a title. Enter or a click elsewhere takes it, Esc leaves it as it was.

    Args:
        view: whose viewport it lies on.
        title: as it is.
        where: the title's place on the canvas.
        take: makes the edit from what was typed.
    """

    def __init__(
        self, view: GraphView, title: str, where: QRectF, take: Callable[[str], Edit]
    ) -> None:
        super().__init__(title, view.viewport())
        self._view = view
        self._title = title
        self._take = take
        self._done = False
        self.setAccessibleName("Title")
        font = QFont(fonts.title())
        font.setPixelSize(max(SMALLEST, round(metrics.TITLE * view.zoom)))
        self.setFont(font)
        area = view.mapFromScene(where).boundingRect()
        height = max(self.sizeHint().height(), round(HIGHEST * view.zoom))
        self.setGeometry(
            area.left(),
            area.center().y() - height // 2,
            max(NARROWEST, area.width()),
            height,
        )
        self.editingFinished.connect(self.commit)
        view.moved.connect(self.commit)
        self.selectAll()
        self.show()
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def commit(self) -> None:
        """Take what stands there, and go."""
        if self._done:
            return
        self._leave()
        typed = self.text()
        if typed != self._title:
            self._view.editor.attempt(lambda: self._take(typed))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self._leave()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            # Qt would hand the key on to the canvas, where it means something else.
            self.commit()
        else:
            super().keyPressEvent(event)

    def _leave(self) -> None:
        self._done = True
        self._view.moved.disconnect(self.commit)
        had_focus = self.hasFocus()
        self.hide()
        self.deleteLater()
        if had_focus:
            self._view.setFocus(Qt.FocusReason.OtherFocusReason)


def edit_node_title(gestures: Gestures, node: str) -> TitleEdit:
    """Type a node's title in its header."""
    editor = gestures.editor
    item = editor.scene.nodes[node]
    header = item.geometry.header
    where = header if not header.isEmpty() else item.geometry.rect
    # What stands left of the title, the arrow and the icon, stays in sight.
    where = where.adjusted(metrics.HEADER, 0, -metrics.PAD, 0)
    return TitleEdit(
        gestures.view,
        editor.document.title_of(node),
        item.mapRectToScene(where),
        lambda title: edits.rename(editor.document, node, title),
    )


def edit_frame_title(gestures: Gestures, frame: str) -> TitleEdit:
    """Type a frame's title in its top edge."""
    editor = gestures.editor
    box = editor.scene.frames[frame].scene_rect()
    where = QRectF(box.left() + metrics.PAD, box.top() + 2, box.width() - 2 * metrics.PAD, TITLE)
    return TitleEdit(
        gestures.view,
        editor.document.frames[frame].title,
        where,
        lambda title: framing.set_frame(editor.document, frame, title=title),
    )
