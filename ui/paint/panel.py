"""The canvas with all that stands around it: tools, options, the node's shape, results."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QHBoxLayout,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from studio.editing.changes import EditRefused
from ui.editor.inline import make_field
from ui.jobs import Jobs
from ui.paint.bindings import Bindings
from ui.paint.incoming import Incoming
from ui.paint.opening import TYPE, at_hand, mask_nodes, new_mask
from ui.paint.options import LayerRow, ToolOptions
from ui.paint.panel_menu import PanelMenu
from ui.paint.panel_parts import Advice, Beginning, Where
from ui.paint.settings import PaintSettings
from ui.paint.strip import ResultStrip
from ui.paint.surroundings import Surroundings
from ui.paint.toolbar import ToolStrip
from ui.paint.view import PaintView
from ui.paint.waitline import WaitLine
from ui.panels.boxes import Notice
from ui.panels.parts import MARGIN, Rule, Words
from ui.theme import fonts

if TYPE_CHECKING:
    from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent

    from ui.editor.editor import GraphEditor
    from ui.engine.queue import RunQueue
    from ui.paint.binding import Binding
    from ui.panels.parts import Tone
    from ui.preferences import Preferences

SHAPE = (
    ("grow", "Grow", 76),
    ("feather", "Feather", 76),
    ("invert", "Invert", 76),
)
"""The node's parameters under the canvas, what they are called, and pixels of their fields."""


class PaintPanel(QWidget):
    """Paints on the InpaintMasks of the graph in front.

    Args:
        queue: runs, whose pictures are offered as results.
        preferences: keep what the hand holds.
        parent: Qt's.
    """

    run_wanted = Signal(object, str)
    """An editor, and a node of it to run up to."""
    full_wanted = Signal(bool)
    """The whole window, or the dock again."""

    def __init__(
        self, queue: RunQueue, preferences: Preferences, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("paint-panel")
        self.setAcceptDrops(True)
        self.settings = PaintSettings(self)
        self.settings.load(preferences)
        self.bindings = Bindings(self)
        self.jobs = Jobs(1, self)
        """Where files are written and pasted pictures read."""
        self.binding: Binding | None = None
        self.editor: GraphEditor | None = None
        self.full = False
        """It has the whole window."""
        self._last: WeakKeyDictionary[GraphEditor, str] = WeakKeyDictionary()
        """The node that was painted on last."""
        self._fields: list[QWidget] = []
        self._build(queue)
        self.incoming = Incoming(self)
        self.view.said.connect(self.tell)
        self.view.zoomed.connect(self.layers.show_zoom)
        self.view.pictures_dropped.connect(self.incoming.ask_files)
        self.setFocusProxy(self.view)
        self.view.installEventFilter(self)
        self._show_binding()

    def _build(self, queue: RunQueue) -> None:
        from ui.paint.painting import Painting

        self._nothing = Painting(self)
        self.view = PaintView(self._nothing, self.settings, self)
        self.wait_line = WaitLine(self.view)
        self.menu = PanelMenu(self)
        self.layers = LayerRow(self.settings, self.menu, self)
        self.layers.fit_wanted.connect(self.view.fit)
        self.layers.full_wanted.connect(lambda: self.full_wanted.emit(not self.full))
        self.options = ToolOptions(self.settings, self)
        self.tools = ToolStrip(self.settings, self.do, self)
        self.advice = Advice(self)
        self.advice.button.clicked.connect(self._run)
        self.strip = ResultStrip(self.view, self)
        self.surroundings = Surroundings(self.view, self.strip, queue, self)
        self.surroundings.message.connect(self.tell)
        # Over the canvas and not below it: what comes and goes mustn't move the picture.
        self.notice = Notice(self.view)
        self.notice.setAutoFillBackground(True)
        self.notice.setCursor(Qt.CursorShape.ArrowCursor)
        self._shape = QWidget(self)
        row = QHBoxLayout(self._shape)
        row.setContentsMargins(MARGIN, 5, MARGIN, 5)
        row.setSpacing(6)
        self.where = Where("", "secondary", fonts.small(), align=Qt.AlignmentFlag.AlignRight)
        canvas = QWidget(self)
        beside = QHBoxLayout(canvas)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.setSpacing(0)
        beside.addWidget(self.tools)
        beside.addWidget(self.view, 1)
        work = QWidget(self)
        column = QVBoxLayout(work)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        above: tuple[QWidget, ...] = (self.layers, self.options, Rule(), self.advice)
        for widget in above:
            column.addWidget(widget)
        column.addWidget(canvas, 1)
        below: tuple[QWidget, ...] = (Rule(), self._shape, self.strip)
        for widget in below:
            column.addWidget(widget)
        self.empty = Beginning(self)
        self.empty.add.clicked.connect(self._add_node)
        self.pages = QStackedWidget(self)
        self.pages.addWidget(self.empty)
        self.pages.addWidget(work)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self.pages, 1)

    # What is painted on

    def set_editor(self, editor: GraphEditor | None) -> None:
        """Another graph is in front: paint on what was painted on in it last."""
        if editor is self.editor:
            return
        self._leave()
        self.editor = editor
        if editor is not None:
            editor.selection_changed.connect(self._selected)
            editor.document.changed.connect(self._on_changed)
            editor.destroyed.connect(self._editor_gone)
        self._choose()
        QTimer.singleShot(0, self, self._settle_full)  # once the tab has taken the focus

    def open(self, node: str = "", layer: str = "") -> bool:
        """Paint on a node of the graph in front.

        Args:
            node: its id; empty takes the one at hand.
            layer: "mask" or "sketch"; empty keeps the one at hand.

        Returns:
            False where there is none; the panel says what to do then.
        """
        editor = self.editor
        if layer:
            self.settings.layer = layer
        if editor is not None:
            node = node or at_hand(editor, self._last.get(editor, ""))
            if not node and (nodes := mask_nodes(editor)):
                node = nodes[0]
            there = editor.document.nodes.get(node)
            if there is not None and there.type == TYPE:
                self.set_binding(self.bindings.get(editor, node))
                self.view.setFocus()
                return True
        self.set_binding(None)
        return False

    def set_binding(self, binding: Binding | None) -> None:
        """Paint on this; None for nothing."""
        if binding is self.binding:
            return
        self.tell("")  # what was said was about the one before
        if self.binding is not None:
            self.binding.changed.disconnect(self._show_binding)
            self.binding.lost.disconnect(self._lost)
            self.binding.painting.message.disconnect(self.tell)
            self.binding.painting.state_changed.disconnect(self._show_binding)
            self.binding.painting.abandon()
        self.binding = binding
        self.view.set_painting(binding.painting if binding is not None else self._nothing)
        self.wait_line.follow(self.view.painting)
        if binding is not None:
            self._last[binding.editor] = binding.node
            binding.changed.connect(self._show_binding)
            binding.lost.connect(self._lost)
            binding.painting.message.connect(self.tell)
            binding.painting.state_changed.connect(self._show_binding)
        self.surroundings.set_binding(binding)
        self._make_fields()
        self._show_binding()

    def close_down(self) -> None:
        """The window closes: nothing is read or listened to any more."""
        self._leave()
        self.editor = None
        self.set_binding(None)
        self.bindings.close()
        self.jobs.close()

    def do(self, action: str) -> None:
        """One of the hands' deeds: "invert", "fill", "clear" …"""
        self.view.hands.acts.do(action)
        self.view.setFocus()

    def tell(self, words: str, tone: Tone = "secondary") -> None:
        """Say something at the foot of the panel; nothing takes back what was said."""
        if words:
            self.notice.say(words, tone)
            self._place_notice()
            self.notice.raise_()
        else:
            self.notice.hide()

    def show_full(self, full: bool) -> None:
        """The panel has the whole window now, or its dock again."""
        self.full = full
        self.layers.show_full(full)

    # Inside

    def _place_notice(self) -> None:
        width = self.view.width()
        height = max(self.notice.heightForWidth(width), self.notice.minimumSizeHint().height())
        self.notice.setGeometry(0, self.view.height() - height, width, height)

    def _leave(self) -> None:
        if self.editor is not None:
            self.editor.selection_changed.disconnect(self._selected)
            self.editor.document.changed.disconnect(self._on_changed)
            self.editor.destroyed.disconnect(self._editor_gone)

    def _choose(self) -> None:
        """The node at hand, where that is clear; else the page that says what to do."""
        editor = self.editor
        node = at_hand(editor, self._last.get(editor, "")) if editor is not None else ""
        self.set_binding(self.bindings.get(editor, node) if editor is not None and node else None)
        if not node:
            self._show_binding()

    def _selected(self) -> None:
        """Selecting an InpaintMask paints on it, while nothing is in hand."""
        editor = self.editor
        if editor is None or self.view.painting.painting:
            return
        nodes = set(mask_nodes(editor))
        chosen = [name for name in editor.selected() if name in nodes]
        if len(chosen) == 1 and (self.binding is None or self.binding.node != chosen[0]):
            self.set_binding(self.bindings.get(editor, chosen[0]))

    def _on_changed(self, changes: object) -> None:
        if self.binding is None or not self.binding.alive:
            # A node to paint on may have come, or come back.
            self._choose_soon()

    def _choose_soon(self) -> None:
        QTimer.singleShot(0, self, self._choose_if_none)

    def _choose_if_none(self) -> None:
        if self.binding is None or not self.binding.alive:
            self._choose()

    def _editor_gone(self) -> None:
        self.editor = None
        self.set_binding(None)

    def _lost(self) -> None:
        self.set_binding(None)

    def _make_fields(self) -> None:
        """The node's own parameters as live fields."""
        layout = self._shape.layout()
        assert isinstance(layout, QHBoxLayout)
        while (item := layout.takeAt(0)) is not None:
            if (widget := item.widget()) is not None and widget is not self.where:
                widget.hide()
                widget.deleteLater()
        self._fields.clear()
        binding = self.binding
        spec = binding.editor.document.spec(binding.node) if binding is not None else None
        if binding is None or spec is None:
            return
        for name, label, width in SHAPE:
            if name not in spec.param_by_name:
                continue
            words = Words(label, "secondary", fonts.small())
            words.setToolTip(spec.help.args.get(name, ""))
            field = make_field(binding.editor, binding.node, name, self._shape)
            field.setFixedWidth(width)
            layout.addWidget(words)
            layout.addWidget(field)
            layout.addSpacing(6)
            self._fields.append(field)
        layout.addWidget(self.where, 1)

    def _show_binding(self) -> None:
        binding = self.binding
        alive = binding is not None and binding.alive
        self.pages.setCurrentIndex(1 if alive else 0)
        if binding is None or not alive:
            QTimer.singleShot(0, self, self._settle_full)
            self.empty.show_for(self.editor)
            self.advice.say("", can_run=False)
            return
        if self._last.get(binding.editor) != binding.node:
            # It was given another id: the fields go by that.
            self._last[binding.editor] = binding.node
            self._make_fields()
        self.where.set_text(binding.title)
        source = binding.source
        words = binding.notice or (source.words if source.can_run else "")
        ready = binding.painting.ready
        self.layers.zoom.setVisible(ready)
        self.advice.say(words, can_run=source.can_run, over=None if ready else self.view)
        self.advice.place(self.view)

    def _settle_full(self) -> None:
        """The whole window is for a canvas alone, and keys go to what is seen of it."""
        if not self.full:
            return
        if self.binding is not None and self.binding.alive:
            self.view.setFocus()
            return
        self.full_wanted.emit(False)
        if self.editor is not None:
            self.editor.view.setFocus()

    def _run(self) -> None:
        if self.binding is not None and self.binding.source.wire is not None:
            self.run_wanted.emit(self.binding.editor, self.binding.source.wire.source.node)

    def _add_node(self) -> None:
        editor = self.editor
        if editor is None:
            return
        centre = editor.view.mapToScene(editor.view.viewport().rect().center())
        try:
            editor.push(new_mask(editor, (round(centre.x()), round(centre.y()))))
        except EditRefused as refused:
            self.tell(str(refused), "error")

    # Keys, drops

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if (
            watched is self.view
            and event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and event.matches(QKeySequence.StandardKey.Paste)
        ):
            event.accept()
            return True
        if watched is self.view and event.type() == QEvent.Type.Resize:
            self._place_notice()
            self.advice.place(self.view)
        return super().eventFilter(watched, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Paste) and self.binding is not None:
            self.incoming.paste()
        elif event.key() == Qt.Key.Key_Escape and self.full and self.strip.current is None:
            self.full_wanted.emit(False)
        else:
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self.binding is not None and self.incoming.wants(event.mimeData()):
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        if self.incoming.take(event.mimeData()):
            event.acceptProposedAction()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.WindowActivate and self.binding is not None:
            self.binding.look_again()
        return super().event(event)
