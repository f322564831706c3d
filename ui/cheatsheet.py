"""Everything keys and mouse can do, on one sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from ui.actions import key_words
from ui.gesture_words import GESTURES
from ui.theme import fonts, icons

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ui.actions import Actions

COLUMNS = 3


class CheatSheet(QDialog):
    """Keys as they are bound now, and gestures; a search narrows both.

    Args:
        actions: whose keys are shown.
        parent: the window.
    """

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys and gestures")
        self._groups: list[_Group] = []
        self.search = QLineEdit(self)
        self.search.setPlaceholderText("Search")
        self.search.setAccessibleName("Search")
        self.search.setClearButtonEnabled(True)
        self.search.addAction(icons.icon("search"), QLineEdit.ActionPosition.LeadingPosition)
        self.search.setFixedWidth(240)
        self.search.textChanged.connect(self._filter)
        title = QLabel("Keys and gestures", self)
        title.setFont(fonts.heading())
        hint = QLabel("Every key can be changed in the settings.", self)
        hint.setProperty("kind", "secondary")
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(title)
        head.addWidget(hint, 1)
        head.addWidget(self.search)
        sheet = QWidget()
        self._lay_out(sheet, [*self._of_actions(actions), *self._of_gestures()])
        area = QScrollArea(self)
        area.setWidgetResizable(True)
        area.setWidget(sheet)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 16, 8, 12)
        layout.setSpacing(10)
        layout.addLayout(head)
        layout.addWidget(area)
        room = parent.window().size() if parent else self.screen().availableSize()
        self.resize(min(1120, room.width() - 60), min(780, room.height() - 60))

    def _of_actions(self, actions: Actions) -> Iterable[tuple[str, list[tuple[list[str], str]]]]:
        groups: dict[str, list[tuple[list[str], str]]] = {}
        for spec in actions.specs:
            # The two Enter keys have one name.
            keys = list(dict.fromkeys(key_words(key) for key in actions.keys(spec.id)))
            if keys:
                row = (keys[:2], spec.text.removesuffix("..."))
                groups.setdefault(spec.category, []).append(row)
        return groups.items()

    def _of_gestures(self) -> Iterable[tuple[str, list[tuple[list[str], str]]]]:
        for title, rows in GESTURES:
            yield title, [([how], what) for how, what in rows]
        from ui.paint.tools.keys import SECTIONS  # of a panel that few sessions open

        for title, parts in SECTIONS:
            head = f"Paint: {title[0].lower()}{title[1:]}"
            yield head, [([how], what) for how, what in parts]

    def _lay_out(
        self, sheet: QWidget, groups: list[tuple[str, list[tuple[list[str], str]]]]
    ) -> None:
        columns = [QVBoxLayout() for _ in range(COLUMNS)]
        heights = [0] * COLUMNS
        across = QHBoxLayout(sheet)
        across.setContentsMargins(0, 0, 12, 0)
        across.setSpacing(32)
        for column in columns:
            column.setSpacing(18)
            across.addLayout(column, 1)
        for title, rows in groups:
            group = _Group(title, rows, sheet)
            self._groups.append(group)
            shortest = heights.index(min(heights))
            columns[shortest].addWidget(group)
            heights[shortest] += len(rows) + 2
        for column in columns:
            column.addStretch()

    def _filter(self, text: str) -> None:
        words = text.casefold().split()
        for group in self._groups:
            group.narrow(words)


class _Group(QFrame):
    """A heading and its rows."""

    def __init__(
        self, title: str, rows: list[tuple[list[str], str]], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._title = title.casefold()
        self._rows: list[tuple[str, list[QWidget]]] = []
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(5)
        grid.setColumnStretch(0, 1)
        head = QLabel(title, self)
        head.setFont(fonts.title())
        grid.addWidget(head, 0, 0, 1, 2)
        for number, (keys, what) in enumerate(rows, 1):
            words = QLabel(what, self)
            words.setProperty("kind", "secondary")
            words.setWordWrap(True)
            caps = QWidget(self)
            line = QHBoxLayout(caps)
            line.setContentsMargins(0, 0, 0, 0)
            line.setSpacing(4)
            line.addStretch()
            for key in keys:
                cap = QLabel(key, caps)
                cap.setFont(fonts.small())
                cap.setProperty("kind", "key")
                line.addWidget(cap)
            grid.addWidget(words, number, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(caps, number, 1, Qt.AlignmentFlag.AlignTop)
            self._rows.append((f"{what} {' '.join(keys)}".casefold(), [words, caps]))

    def narrow(self, wanted: list[str]) -> None:
        """Show the rows that have every word."""
        seen = False
        for said, widgets in self._rows:
            found = all(word in said or word in self._title for word in wanted)
            seen = seen or found
            for widget in widgets:
                widget.setVisible(found)
        self.setVisible(seen)
