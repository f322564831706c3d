"""Keys of every action, to be changed; conflicts are shown before anything is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QBrush, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from ui.actions import RESERVED, key_words
from ui.settings_pages.capture import KeyCapture
from ui.settings_pages.form import Page, restyle, words
from ui.theme import current, fonts, icons

if TYPE_CHECKING:
    from ui.actions import Actions

_ID = Qt.ItemDataRole.UserRole


class KeysPage(Page):
    """A list of actions with their keys, and a field for other ones.

    Args:
        actions: changed by `save`, not before.
        parent: Qt's.
    """

    icon = "keyboard"

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__("Keys", "", parent)
        self._actions = actions
        self.staged: dict[str, tuple[str, ...]] = {
            spec.id: actions.keys(spec.id) for spec in actions.specs
        }
        """Keys by action id, as they will be."""
        self._wanted = ""
        self.search = QLineEdit(self)
        self.search.setPlaceholderText("Search by name or key")
        self.search.setAccessibleName("Search")
        self.search.setClearButtonEnabled(True)
        self.search.addAction(icons.icon("search"), QLineEdit.ActionPosition.LeadingPosition)
        self.search.textChanged.connect(self._filter)
        self.list = QTreeWidget(self)
        self.list.setAccessibleName("Actions")
        self.list.setHeaderLabels(["Action", "Keys"])
        self.list.setRootIsDecorated(True)
        self.list.setUniformRowHeights(True)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.list.setMinimumHeight(200)
        header = self.list.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.list.currentItemChanged.connect(self._select)
        self.list.itemActivated.connect(lambda *_: self._listen())
        self.capture = KeyCapture(self)
        self.capture.setAccessibleName("New keys")
        self.capture.captured.connect(self._captured)
        self.set_button = self._button("Use these", self._set)
        self.add_button = self._button("Add these", self._add)
        self.clear_button = self._button("No keys", self._clear)
        self.reset_button = self._button("Default", self._reset)
        self.all_button = self._button("All defaults", self._reset_all)
        self.all_button.setEnabled(True)
        self.note = words("", self)
        self._items: dict[str, QTreeWidgetItem] = {}
        self._fill()
        first = QHBoxLayout()
        first.addWidget(self.capture, 1)
        first.addWidget(self.set_button)
        first.addWidget(self.add_button)
        second = QHBoxLayout()
        first.setSpacing(8)
        second.setSpacing(8)
        second.addWidget(self.clear_button)
        second.addWidget(self.reset_button)
        second.addStretch()
        second.addWidget(self.all_button)
        self.rows.addWidget(self.search)
        self.rows.addSpacing(8)
        self.rows.addWidget(self.list, 1)
        self.rows.addSpacing(10)
        self.rows.addLayout(first)
        self.rows.addSpacing(6)
        self.rows.addWidget(self.note)
        self.rows.addSpacing(6)
        self.rows.addLayout(second)
        self._select()

    def save(self) -> None:
        """Give every action its keys."""
        for name, keys in self.staged.items():
            if keys != self._actions.keys(name):
                self._actions.rebind(name, keys)

    def selected(self) -> str:
        """Id of the action that is selected; empty where none is."""
        item = self.list.currentItem()
        name = item.data(0, _ID) if item else None
        return name if isinstance(name, str) else ""

    def select(self, name: str) -> None:
        """Select an action by its id."""
        self.list.setCurrentItem(self._items[name])

    # The list

    def _fill(self) -> None:
        groups: dict[str, QTreeWidgetItem] = {}
        for spec in self._actions.specs:
            group = groups.get(spec.category)
            if group is None:
                group = groups[spec.category] = QTreeWidgetItem(self.list, [spec.category, ""])
                group.setFlags(Qt.ItemFlag.ItemIsEnabled)
                group.setFont(0, fonts.title())
            item = QTreeWidgetItem(group, [spec.text.removesuffix("..."), ""])
            item.setData(0, _ID, spec.id)
            item.setToolTip(0, spec.help)
            self._items[spec.id] = item
            self._show(spec.id)
        self.list.expandAll()

    def _show(self, name: str) -> None:
        item, keys = self._items[name], self.staged[name]
        item.setText(1, "   ".join(dict.fromkeys(key_words(key) for key in keys)))
        own = keys != self._default(name)
        item.setForeground(1, QBrush(current().accent if own else current().secondary))

    def _filter(self, text: str) -> None:
        wanted = text.casefold().split()
        for row in range(self.list.topLevelItemCount()):
            group = self.list.topLevelItem(row)
            assert group is not None
            seen = False
            for place in range(group.childCount()):
                item = group.child(place)
                assert item is not None
                said = f"{group.text(0)} {item.text(0)} {item.text(1)}".casefold()
                found = all(word in said for word in wanted)
                item.setHidden(not found)
                seen = seen or found
            group.setHidden(not seen)

    # One action

    def _select(self, *_: object) -> None:
        name = self.selected()
        self._wanted = ""
        self.capture.stop()
        self.capture.setEnabled(bool(name))
        self.capture.clear()
        self.capture.rest("Click here, then press the keys" if name else "Select an action")
        self._judge()

    def _listen(self) -> None:
        if self.selected():
            self.capture.listen()

    def _captured(self, keys: str) -> None:
        self._wanted = keys
        self._judge()
        if self.set_button.isEnabled():
            self.set_button.setFocus()

    def _judge(self) -> None:
        name, wanted = self.selected(), self._wanted
        others = [self._text(other) for other in self._holders(wanted, name)]
        reserved = RESERVED.get(wanted, "")
        if not name or not wanted:
            self._say("", "secondary")
        elif reserved:
            self._say(f"{key_words(wanted)} can't be had: on the canvas it {reserved}.", "error")
        elif others:
            self._say(f"{key_words(wanted)} is taken from {' and '.join(others)}.", "warning")
        elif wanted in self.staged[name]:
            self._say("It has these keys.", "secondary")
        else:
            self._say(f"{key_words(wanted)} is free.", "secondary")
        usable = bool(name and wanted and not reserved)
        self.set_button.setEnabled(usable)
        self.add_button.setEnabled(usable and wanted not in self.staged[name])
        self.clear_button.setEnabled(bool(name and self.staged[name]))
        self.reset_button.setEnabled(bool(name) and self.staged[name] != self._default(name))

    def _say(self, text: str, kind: str) -> None:
        self.note.setText(text)
        restyle(self.note, "kind", kind)

    def _set(self) -> None:
        self._give(self.selected(), (self._wanted,))

    def _add(self) -> None:
        name = self.selected()
        self._give(name, (*self.staged[name], self._wanted))

    def _clear(self) -> None:
        self._give(self.selected(), ())

    def _reset(self) -> None:
        name = self.selected()
        self._give(name, self._default(name))

    def _reset_all(self) -> None:
        for name in self.staged:
            self.staged[name] = self._default(name)
            self._show(name)
        self._select()

    def _give(self, name: str, keys: tuple[str, ...]) -> None:
        """Stage keys, taken from whoever had them."""
        for key in keys:
            for other in self._holders(key, name):
                self.staged[other] = tuple(k for k in self.staged[other] if k != key)
                self._show(other)
        self.staged[name] = keys
        self._show(name)
        self._select()

    # Words

    def _holders(self, keys: str, besides: str) -> list[str]:
        if not keys:
            return []
        return [name for name, has in self.staged.items() if keys in has and name != besides]

    def _default(self, name: str) -> tuple[str, ...]:
        portable = QKeySequence.SequenceFormat.PortableText
        return tuple(QKeySequence(key).toString(portable) for key in self._actions.spec(name).keys)

    def _text(self, name: str) -> str:
        return f'"{self._actions.spec(name).text.removesuffix("...")}"'

    def _button(self, text: str, slot: object) -> QPushButton:
        button = QPushButton(text, self)
        button.setAutoDefault(False)
        button.setEnabled(False)
        button.clicked.connect(slot)
        return button
