"""The palette: type a few letters, see what a node does, Enter adds it where the cursor was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPalette, QPen
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from studio.editing.compat import Matcher
from studio.editing.edits import add_node
from studio.editing.wiring import add_connected
from ui.editor.inline.field import BARE
from ui.editor.palette_help import HelpPane
from ui.editor.palette_list import NodeList
from ui.editor.pictures import SHADOW, draw_shadow
from ui.theme import current, fonts, icons, metrics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtGui import QFocusEvent, QPaintEvent

    from studio.graph.checked import Source
    from studio.spec import NodeSpec
    from ui.editor.editor import GraphEditor
    from ui.editor.palette_index import Entry
    from ui.editor.palette_list import Fitting

WIDTH, HEIGHT = 620, 420
_LIST = 300
_SEARCH = 44
_RIM = 3
"""Between the edge and the opaque middle: its square corners stay within the round ones."""
_HELP_PAUSE = 25
"""Milliseconds after which the help follows the highlight: the list comes first."""


class _Body(QWidget):
    """The opaque middle: what changes in it doesn't make the canvas below paint itself."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = current()
        painter = QPainter(self)
        painter.fillRect(event.rect(), theme.panel)
        painter.setPen(QPen(theme.divider, 1))
        painter.drawLine(0, _SEARCH, self.width(), _SEARCH)
        painter.drawLine(_LIST, _SEARCH, _LIST, self.height())


class _Search(QLineEdit):
    """Paints all of itself: see `_Body`."""

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(event.rect(), current().panel)
        icon = icons.pixmap("search", "secondary", 16, self.devicePixelRatioF())
        painter.drawPixmap(QPointF(12, (self.height() - 16) / 2), icon)
        painter.end()
        super().paintEvent(event)


class Palette(QFrame):
    """Lies over the window while one looks for a node. One serves all tabs.

    Args:
        parent: the window.
    """

    used = Signal(str)
    """A node of this type was added."""
    closed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.recent: list[str] = []
        """Types added lately, the last one first."""
        self._editor: GraphEditor | None = None
        self._at = QPointF()
        self._source: Source | None = None
        self._target: tuple[str, str] | None = None
        self._fitting: Fitting | None = None
        self._help_timer = QTimer(self)
        self._help_timer.setSingleShot(True)
        self._help_timer.setInterval(_HELP_PAUSE)
        self._help_timer.timeout.connect(self._show_help)
        self._build()
        self.hide()

    # Opening and closing

    def open(
        self,
        editor: GraphEditor,
        scene_pos: QPointF,
        source: Source | None = None,
        target: tuple[str, str] | None = None,
    ) -> None:
        """Open beside a place on the canvas.

        Args:
            editor: gets the node.
            scene_pos: where it goes, in the scene's pixels.
            source: the output whose wire was dropped there; only types that take it are shown.
            target: the input, as (node, port), whose wire was dropped there.
        """
        self._editor, self._at = editor, QPointF(scene_pos)
        self._source, self._target = source, target
        document = editor.document
        self.list.take_apart(document.specs)
        self._fitting = None
        if source is not None or target is not None:
            matcher = Matcher(document, source, target)
            fitting = {name: matcher.fits_type(spec) for name, spec in document.specs.items()}
            self._fitting = {
                name: (ports[0], _type_of(document.specs[name], ports[0], source is None))
                for name, ports in fitting.items()
                if ports
            }
        self.list.begin(self._fitting, self.recent)
        wanted = "that takes this wire" if source else "that feeds this input" if target else ""
        self.search.setPlaceholderText(
            f"Add a node {wanted}" if wanted else "Add a node: name, type or what it does"
        )
        self.search.clear()
        self._refresh()
        self._place()
        self.show()
        self.raise_()
        # Style sheets take it away whenever they are put on.
        self.search.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.search.setFocus(Qt.FocusReason.PopupFocusReason)
        app = QApplication.instance()
        assert app is not None
        app.installEventFilter(self)

    def close_palette(self) -> None:
        """Go without adding anything; the canvas has the keyboard again."""
        if self.isHidden():
            return
        app = QApplication.instance()
        assert app is not None
        app.removeEventFilter(self)
        self._help_timer.stop()
        editor, self._editor = self._editor, None
        had_focus = self.isAncestorOf(self.window().focusWidget() or self)
        self.hide()
        if editor is not None and had_focus:
            editor.view.setFocus(Qt.FocusReason.OtherFocusReason)
        self.closed.emit()

    def warm(self, specs: Mapping[str, NodeSpec]) -> None:
        """Take the node types apart before the palette is first opened."""
        self.list.take_apart(specs)

    # Choosing

    def _add(self, entry: Entry) -> None:
        editor, source, target = self._editor, self._source, self._target
        if editor is None:
            return
        document = editor.document
        at = self._corner(entry)
        self.close_palette()
        if source is None and target is None:
            added = editor.attempt(lambda: add_node(document, entry.type, at))
        else:
            added = editor.attempt(
                lambda: add_connected(document, entry.type, at, source=source, target=target)
            )
        if added:
            self.recent = [entry.type, *(t for t in self.recent if t != entry.type)][:20]
            self.used.emit(entry.type)

    def _corner(self, entry: Entry) -> tuple[float, float]:
        """Where the node's top left corner goes: the cursor is on its header, or its port."""
        x, y = self._at.x(), self._at.y()
        dx, dy = 24.0, metrics.HEADER / 2
        fitting = self._fitting.get(entry.type) if self._fitting is not None else None
        if entry.spec.passthrough:
            dx, dy = 10.0, 10.0
        elif fitting is not None:
            dx = float(metrics.NODE_WIDTH) if self._target is not None else 0.0
            dy = metrics.HEADER + 4 + metrics.ROW * (self._port_row(entry, fitting[0]) + 0.5)
        grid = metrics.GRID
        return round((x - dx) / grid) * grid, round((y - dy) / grid) * grid

    def _port_row(self, entry: Entry, port: str) -> int:
        if self._target is not None:
            return [p.name for p in entry.spec.outputs].index(port)
        # A widget that a wire feeds stands below the sockets.
        names = [p.name for p in entry.spec.inputs]
        return names.index(port) if port in names else len(names)

    # The list

    def _refresh(self) -> None:
        text = self.search.text()
        self.list.show_for(text)
        found = bool(self.list.rows)
        self.list.setVisible(found)
        self._nothing.setVisible(not found)
        if not found:
            called = f' is called "{text}"' if text.strip() else " takes this wire"
            among = " that takes this wire" if self._fitting is not None and text.strip() else ""
            hint = "Clear the search to browse." if text.strip() else "Drop it on a port instead."
            self._nothing.setText(f"No node{among}{called}.\n{hint}")

    def _show_help(self) -> None:
        row = self.list.row
        entry, group = (row.entry, row.group) if row is not None else (None, None)
        self.help.fit(self._help_area.viewport().width())
        self.help.show_entry(entry, group)
        self._help_area.verticalScrollBar().setValue(0)

    # Qt

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if watched is self.search:
            if kind == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
                return self._key(event)
            if kind == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
                if event.key() in _OURS:
                    event.accept()
                    return True
            elif kind == QEvent.Type.FocusOut:
                self._focus_out(event)  # type: ignore[arg-type]
        elif kind == QEvent.Type.MouseButtonPress and isinstance(event, QMouseEvent):
            # A click elsewhere closes it, and does what it does there.
            if isinstance(watched, QWidget) and not self._holds(watched):
                self.close_palette()
        elif watched is self.parent() and kind == QEvent.Type.Resize:
            self.close_palette()
        return super().eventFilter(watched, event)

    def _key(self, event: QKeyEvent) -> bool:
        key = event.key()
        steps = {
            Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_Tab: 1, Qt.Key.Key_Backtab: -1,
        }  # fmt: skip
        if (count := steps.get(Qt.Key(key))) is not None:
            self.list.step(count)
        elif key in (Qt.Key.Key_PageDown, Qt.Key.Key_PageUp):
            self.list.page(1 if key == Qt.Key.Key_PageDown else -1)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.list.choose()
        elif key == Qt.Key.Key_Escape:
            self.close_palette()
        elif key == Qt.Key.Key_Right and not self.search.text():
            return self.list.open_group()
        elif key == Qt.Key.Key_Left and not self.search.text():
            return self.list.shut_group()
        else:
            return False
        return True

    def _focus_out(self, event: QFocusEvent) -> None:
        stays = (Qt.FocusReason.PopupFocusReason, Qt.FocusReason.ActiveWindowFocusReason)
        if event.reason() not in stays:
            self.close_palette()

    def _holds(self, widget: QWidget) -> bool:
        return widget is self or self.isAncestorOf(widget)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self._box)
        draw_shadow(painter, box, theme.shadow, self.devicePixelRatioF())
        painter.setPen(QPen(theme.node_border, 1))
        painter.setBrush(theme.panel)
        line = box.adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(line, metrics.RADIUS, metrics.RADIUS)

    @property
    def _box(self) -> QRect:
        """The palette without its shadow."""
        edge = int(SHADOW)
        return self.rect().adjusted(edge, edge, -edge, -edge)

    def _place(self) -> None:
        """Beside the place on the canvas, within the window."""
        assert self._editor is not None
        edge = int(SHADOW)
        view = self._editor.view
        window = self.parentWidget()
        assert window is not None
        room = window.rect()
        width = min(WIDTH, room.width() - 16) + 2 * edge
        height = min(HEIGHT, room.height() - 16) + 2 * edge
        inside = view.viewport().rect()
        at = view.mapFromScene(self._at)
        at = QPoint(
            min(max(at.x(), inside.left()), inside.right()),
            min(max(at.y(), inside.top()), inside.bottom()),
        )
        corner = view.viewport().mapTo(window, at) + QPoint(4 - edge, 4 - edge)
        left = max(-edge + 8, min(corner.x(), room.right() + edge - 8 - width))
        top = max(-edge + 8, min(corner.y(), room.bottom() + edge - 8 - height))
        self.setGeometry(left, top, width, height)
        self.help.fit(self._help_area.viewport().width())

    def _build(self) -> None:
        edge = int(SHADOW) + _RIM
        around = QVBoxLayout(self)
        around.setContentsMargins(edge, edge, edge, edge)
        body = _Body(self)
        around.addWidget(body)
        outer = QVBoxLayout(body)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        self.search = _Search(body)
        self.search.setFrame(False)
        self.search.setStyleSheet(f"{BARE} min-height: {_SEARCH}px; max-height: {_SEARCH}px;")
        self.search.setTextMargins(38, 0, 12, 0)
        self.search.setFont(fonts.body())
        self.search.setAccessibleName("Search for a node to add")
        self.search.textChanged.connect(self._refresh)
        self.search.installEventFilter(self)
        outer.addWidget(self.search)
        below = QHBoxLayout()
        below.setContentsMargins(0, 1, 0, 0)
        below.setSpacing(1)  # the line between them
        outer.addLayout(below, 1)
        left = QVBoxLayout()
        left.setContentsMargins(4, 5, 4, 4)
        below.addLayout(left)
        self.list = NodeList(self)
        self.list.setFixedWidth(_LIST - 8)
        self.list.picked.connect(self._add)
        self.list.highlighted.connect(self._help_timer.start)
        left.addWidget(self.list, 1)
        self._nothing = QLabel(self)
        self._nothing.setTextFormat(Qt.TextFormat.PlainText)
        self._nothing.setFixedWidth(_LIST - 8)
        self._nothing.setWordWrap(True)
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._nothing.setProperty("kind", "secondary")
        self._nothing.hide()
        left.addWidget(self._nothing, 1)
        self.help = HelpPane()
        self._help_area = QScrollArea(self)
        self._help_area.setFrameShape(QFrame.Shape.NoFrame)
        self._help_area.setWidgetResizable(True)
        self._help_area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._help_area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._help_area.setWidget(self.help)
        for bare in (self._help_area, self._help_area.viewport(), self.help):
            bare.setBackgroundRole(QPalette.ColorRole.NoRole)
            bare.setAutoFillBackground(False)
        below.addWidget(self._help_area, 1)


_OURS = frozenset({
    Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Tab, Qt.Key.Key_Backtab,
    Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down,
})  # fmt: skip


def _type_of(spec: NodeSpec, port: str, is_output: bool) -> str:
    if is_output:
        return spec.output_by_name[port].type
    if port in spec.input_by_name:
        return spec.input_by_name[port].type
    return spec.param_by_name[port].kind
