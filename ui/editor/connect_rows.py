"""The ports that the connect dialog offers, and how its lists draw them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from studio.editing.compat import Matcher, ports, widgets
from ui.theme import current, fonts

if TYPE_CHECKING:
    from studio.editing.document import Document
    from studio.graph.checked import Source

HEIGHT = 26
_DOT = 4.0
_PAD = 10.0
_ROLE = Qt.ItemDataRole.UserRole


@dataclass(frozen=True)
class Row:
    """A port to choose.

    Args:
        node: its id.
        port: its name.
        type: what it takes or gives.
        text: what the row says.
        note: beside it, less important.
    """

    node: str
    port: str
    type: str
    text: str
    note: str


def outputs(document: Document, first: str = "") -> list[Row]:
    """All outputs, those of `first` before the others."""
    names = sorted(document.nodes, key=lambda n: (n != first, *document.position(n), n))
    titles = _Titles(document)
    return [
        Row(name, port.name, port.type, titles.words(name, port.name), port.type)
        for name in names
        for port in ports(document, name).outputs
        if not port.stray
    ]


def inputs(document: Document, source: Source, first: str = "") -> list[Row]:
    """The inputs and fields that take a wire from `source`: those of `first`, then the nearest."""
    matcher = Matcher(document, source=source)
    titles = _Titles(document)
    x, y = document.position(source.node)

    def far(name: str) -> tuple[bool, float]:
        px, py = document.position(name)
        return name != first, abs(px - x) + abs(py - y)

    found = []
    for name in sorted(document.nodes, key=far):
        shown = ports(document, name).inputs
        types = {port.name: port.type for port in shown if not port.stray}
        types |= {w.name: w.spec.kind for w in widgets(document, name) if w.spec is not None}
        for port, type_name in types.items():
            if matcher.why_not(name, port) is None:
                note = titles.fed(name, port)
                found.append(Row(name, port, type_name, titles.words(name, port), note))
    return found


class _Titles:
    """What nodes are called; those of one title are told apart by their ids."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._count = Counter(map(document.title_of, document.nodes))

    def of(self, node: str) -> str:
        if node not in self._document.nodes:
            return node
        title = self._document.title_of(node)
        return f"{title} ({node})" if self._count[title] > 1 else title

    def words(self, node: str, port: str) -> str:
        return f"{self.of(node)} · {port.replace('_', ' ')}"

    def fed(self, node: str, port: str) -> str:
        """What a wire to this port would replace."""
        wire = self._document.wires_into(node).get(port)
        return f"replaces {wire.source.node}" if wire is not None else ""


class PortDelegate(QStyledItemDelegate):
    """Draws a row: the colour of its type, its words, and the note at its right end."""

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return QSize(80, HEIGHT)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        row = index.data(_ROLE)
        theme, box = current(), QRectF(option.rect)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setBrush(theme.highlight)
            painter.drawRoundedRect(box.adjusted(0, 1, 0, -1), 4, 4)
        painter.setBrush(theme.port(row.type))
        middle = QPointF(box.left() + _PAD + _DOT, box.center().y())
        painter.drawEllipse(middle, _DOT, _DOT)
        room = box.adjusted(_PAD + 4 * _DOT, 0, -_PAD, 0)
        painter.setFont(fonts.small())
        painter.setPen(theme.secondary)
        right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        painter.drawText(room, int(right), row.note)
        room.setRight(room.right() - painter.fontMetrics().horizontalAdvance(row.note) - _PAD)
        painter.setFont(fonts.body())
        painter.setPen(theme.text)
        words = painter.fontMetrics().elidedText(
            row.text, Qt.TextElideMode.ElideMiddle, int(room.width())
        )
        painter.drawText(room, int(Qt.AlignmentFlag.AlignVCenter), words)
        painter.restore()
