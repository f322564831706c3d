"""What the tests of the inspector share: following it, finding fields and lines, filling them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events import key, type_text
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget

from ui.editor.inline.field import Field
from ui.panels.inspector import Inspector
from ui.panels.inspector_node import NodePage

if TYPE_CHECKING:
    from ui.editor.editor import GraphEditor
    from ui.panels.inspector_parts import LinkRow


def shown_inspector(editor: GraphEditor) -> Inspector:
    """An inspector of this editor, 320 x 900; the caller owns it."""
    made = Inspector()
    made.resize(320, 900)
    made.show()
    made.set_editor(editor)
    return made


def settle(inspector: Inspector) -> None:
    """The selection is followed once the event loop comes round."""
    QApplication.processEvents()
    while inspector._timer.isActive() or inspector._growing is not None:
        QApplication.processEvents()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QApplication.processEvents()


def node_page(inspector: Inspector, name: str) -> NodePage:
    assert inspector.editor is not None
    inspector.editor.select([name])
    settle(inspector)
    assert isinstance(inspector.page, NodePage)
    assert inspector.page.name == name
    return inspector.page


def field(page: QWidget, name: str) -> Field:
    return next(f for f in page.findChildren(Field) if f.accessibleName() == name)


def fields(page: QWidget) -> list[str]:
    return [f.accessibleName() for f in page.findChildren(Field)]


def fill(target: Field, text: str) -> None:
    """Click into a field, replace what is there, press Enter."""
    line = target.main
    assert isinstance(line, QLineEdit)
    line.setFocus(Qt.FocusReason.MouseFocusReason)
    line.selectAll()
    type_text(line, text)
    key(line, Qt.Key.Key_Return, text="\r")


def port(page: NodePage, text: str, number: int = 0) -> LinkRow:
    return [row for row in page.ports.rows if row.text() == text][number]
