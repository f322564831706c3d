"""Rows of a page of settings: a label, a field, a word about it, and what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from ui.theme import fonts

if TYPE_CHECKING:
    from collections.abc import Callable


class Page(QWidget):
    """A page: its title, what it is about, and rows below each other.

    Args:
        title: also in the dialog's list.
        about: one sentence or two; empty for none.
        parent: Qt's.
    """

    icon = "settings"

    def __init__(self, title: str, about: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = title
        self.rows = QVBoxLayout(self)
        self.rows.setContentsMargins(24, 20, 24, 16)
        self.rows.setSpacing(0)
        head = QLabel(title, self)
        head.setFont(fonts.heading())
        self.rows.addWidget(head)
        if about:
            self.rows.addSpacing(4)
            self.rows.addWidget(words(about, self))
        self.rows.addSpacing(16)

    def add_row(self, label: str, field: QWidget, about: str = "") -> Row:
        """A row at the end of the page.

        Args:
            label: of the field, above it.
            field: what the user sets.
            about: a hint below.
        """
        row = Row(label, field, about, self)
        self.rows.addWidget(row)
        self.rows.addSpacing(14)
        return row

    def fault(self) -> str:
        """Why this page can't be saved; empty where it can."""
        return ""

    def scrolling(self) -> QScrollArea:
        """The page in an area that scrolls where the screen is too small."""
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(self)
        return area


class Row(QWidget):
    """A labelled field.

    Args:
        label: above it, and its name for screen readers.
        field: taken over.
        about: a hint below; shown while nothing is wrong.
        parent: Qt's.
    """

    def __init__(self, label: str, field: QWidget, about: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.field = field
        self._about = about
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        name = QLabel(label, self)
        name.setFont(fonts.value())
        name.setBuddy(field)
        self.hint = words(about, self)
        self.hint.setVisible(bool(about))
        for widget in (name, field, self.hint):
            layout.addWidget(widget)
        field.setAccessibleName(label)
        field.setAccessibleDescription(about)
        for line in field.findChildren(QLineEdit):
            # A line beside a button: the two are one field, which has the name.
            line.setAccessibleName(line.accessibleName() or label)

    def show_fault(self, fault: str) -> None:
        """Say what is wrong with the field, in red; empty text: nothing."""
        self.hint.setText(fault or self._about)
        self.hint.setVisible(bool(fault or self._about))
        restyle(self.hint, "kind", "error" if fault else "secondary")
        restyle(self.field, "bad", "true" if fault else "false")

    def check(self, fault_of: Callable[[], str]) -> str:
        """Show what `fault_of` says, and give it back."""
        fault = fault_of()
        self.show_fault(fault)
        return fault


def words(text: str, parent: QWidget, kind: str = "secondary") -> QLabel:
    """A label of several lines in a quiet colour."""
    label = QLabel(text, parent)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setProperty("kind", kind)
    label.setWordWrap(True)
    return label


def restyle(widget: QWidget, name: str, value: str) -> None:
    """Set a property that the style sheet looks at."""
    if widget.property(name) == value:
        return
    widget.setProperty(name, value)
    widget.style().unpolish(widget)
    widget.style().polish(widget)
