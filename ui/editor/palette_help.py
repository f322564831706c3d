"""The help of a node type beside the palette's list: what it does, takes and gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QWidget

from ui.editor.port_paint import draw_shape
from ui.theme import current, fonts, icon_of, icons

if TYPE_CHECKING:
    from PySide6.QtGui import QColor, QFont, QPaintEvent

    from studio.spec import NodeSpec
    from ui.editor.palette_index import Entry, Group

_LINE = 20
_GAP = 12
_PAD = 16
_WRAP = int(Qt.TextFlag.TextWordWrap)


class HelpPane(QWidget):
    """Shows a node type, or what a category holds. It grows with its text: let it scroll."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.entry: Entry | None = None
        self.group: Group | None = None
        self._height = 0

    def show_entry(self, entry: Entry | None, group: Group | None = None) -> None:
        """Show the help of a node type or, where there is none, of a category."""
        if (entry, group) == (self.entry, self.group):
            return
        self.entry, self.group = entry, group
        words = entry.summary if entry is not None else ""
        self.setAccessibleDescription(words)
        self.fit(self.width())
        self.update()

    def fit(self, width: int) -> None:
        """Become as high as the text needs."""
        self._height = _Writer(None, width).write(self.entry, self.group)
        self.setFixedHeight(max(self._height, 40))

    def sizeHint(self) -> QSize:
        return QSize(260, self._height)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(event.rect(), current().panel)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        _Writer(painter, self.width()).write(self.entry, self.group)


class _Writer:
    """Writes the help from top to bottom; without a painter it only measures."""

    def __init__(self, painter: QPainter | None, width: int) -> None:
        self.painter = painter
        self.width = max(80, width - 2 * _PAD)
        self.y = _PAD

    def write(self, entry: Entry | None, group: Group | None) -> int:
        if entry is not None:
            self._node(entry)
        elif group is not None:
            self._group(group)
        return self.y + _PAD

    def _group(self, group: Group) -> None:
        theme = current()
        self._head(group.path, group.name)
        nodes = f"{group.below} node{'s' if group.below != 1 else ''}"
        self._text(nodes, fonts.small(), theme.secondary, _GAP)
        for entry in group.entries:
            self._text(entry.title, fonts.value(), theme.text, 0)
            self._text(entry.summary, fonts.small(), theme.secondary, 6)

    def _node(self, entry: Entry) -> None:
        theme = current()
        spec, words = entry.spec, entry.spec.help
        self._head(entry.category, entry.title)
        self._text(entry.category.replace("/", " / "), fonts.small(), theme.secondary, 8)
        self._text(words.summary, fonts.body(), theme.text, 6 if words.description else _GAP)
        if words.description:
            self._text(words.description, fonts.small(), theme.secondary, _GAP)
        self._ports("Takes", [(p.name, p.type, p.optional) for p in spec.inputs], spec)
        self._ports("Gives", [(p.name, p.type, False) for p in spec.outputs], spec)
        self._ports("Set here", [(p.name, p.kind, False) for p in spec.params], spec)

    def _head(self, category: str, title: str) -> None:
        theme = current()
        if self.painter is not None:
            ratio = self.painter.device().devicePixelRatioF()
            icon = icons.pixmap(icon_of(category), theme.mark(category), 18, ratio)
            self.painter.drawPixmap(_PAD, self.y, icon)
            self.painter.setFont(fonts.heading())
            self.painter.setPen(theme.text)
            room = QRect(_PAD + 26, self.y - 2, self.width - 26, 22)
            name = self.painter.fontMetrics().elidedText(
                title, Qt.TextElideMode.ElideRight, room.width()
            )
            self.painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, name)
        self.y += 26

    def _text(self, words: str, font: QFont, colour: QColor, gap: int) -> None:
        if not words:
            return
        words = " ".join(words.split())
        room = QRect(_PAD, self.y, self.width, 4000)
        height = QFontMetrics(font).boundingRect(room, _WRAP, words).height()
        if self.painter is not None:
            self.painter.setFont(font)
            self.painter.setPen(colour)
            self.painter.drawText(QRect(_PAD, self.y, self.width, height + 4), _WRAP, words)
        self.y += height + gap

    def _ports(self, title: str, ports: list[tuple[str, str, bool]], spec: NodeSpec) -> None:
        if not ports:
            return
        theme = current()
        self._text(title, fonts.small(), theme.secondary, 2)
        for name, type_name, optional in ports:
            self._port(name, type_name, optional)
        self.y += _GAP

    def _port(self, name: str, type_name: str, optional: bool) -> None:
        theme = current()
        if self.painter is not None:
            painter = self.painter
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.port(type_name))
            middle = QPointF(_PAD + 5, self.y + _LINE / 2)
            draw_shape(painter, theme.port_shape(type_name), middle, 9)
            room = QRectF(_PAD + 18, self.y, self.width - 18, _LINE)
            painter.setFont(fonts.body())
            painter.setPen(theme.text)
            painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, name)
            words = _TYPE_WORDS.get(type_name, type_name) + (", may be open" if optional else "")
            painter.setFont(fonts.small())
            painter.setPen(theme.secondary)
            right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
            painter.drawText(room, right, words)
        self.y += _LINE


_TYPE_WORDS = {
    "int": "whole number", "float": "number", "str": "text", "bool": "on or off",
    "json": "structured", "any": "anything",
}  # fmt: skip
