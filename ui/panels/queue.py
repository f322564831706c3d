"""The queue of runs: what runs, what waits, what became of the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QItemSelectionModel, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QListView,
    QMenu,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from ui.panels.boxes import Empty
from ui.panels.parts import MARGIN, IconButton, Line, Words
from ui.panels.queue_model import JOB, QueueModel
from ui.panels.queue_row import QueueRow
from ui.theme import fonts

if TYPE_CHECKING:
    from PySide6.QtCore import QPoint
    from PySide6.QtGui import QKeyEvent

    from ui.engine.job import Job
    from ui.engine.queue import RunQueue


class QueuePanel(QWidget):
    """Shows a queue, and lets a person change it.

    Args:
        queue: which.
        parent: Qt's.
    """

    view_requested = Signal(object)
    """Job: its pictures are to be seen."""
    open_graph = Signal(object)
    """Job: the graph as it ran is to be opened."""

    def __init__(self, queue: RunQueue, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.queue = queue
        self.model = QueueModel(queue, self)
        self.words = Line(tone="secondary", font=fonts.small())
        self.pause = IconButton("pause", "Pause: start nothing new", checkable=True)
        self.pause.clicked.connect(queue.set_paused)
        self.stop = IconButton("circle-stop", "Stop all", queue.cancel_all)
        self.clear = IconButton("list-x", "Clear what is over", queue.clear)
        self.list = _List(self)
        self.list.setModel(self.model)
        self.list.setItemDelegate(QueueRow(self._pressed, self.list))
        self.list.doubleClicked.connect(lambda index: self._open(index.data(JOB)))
        self.list.customContextMenuRequested.connect(self._menu_at)
        self.empty = Empty(
            "list-video", "Nothing in the queue", "Ctrl+Enter runs the graph in front."
        )
        self._pages = QStackedWidget()
        self._pages.addWidget(self.empty)
        self._pages.addWidget(self.list)
        self.trouble = _Trouble(queue, self)
        bar = QHBoxLayout()
        bar.setContentsMargins(MARGIN, 4, 6, 4)
        bar.setSpacing(2)
        bar.addWidget(self.words, 1)
        for button in (self.pause, self.stop, self.clear):
            bar.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(bar)
        layout.addWidget(self.trouble)
        layout.addWidget(self._pages, 1)
        self.setFocusProxy(self.list)
        queue.order_changed.connect(self._show)
        queue.job_changed.connect(self._show)
        queue.paused_changed.connect(self._show)
        self._show()

    def selected(self) -> Job | None:
        """The job of the current row."""
        job: Job | None = self.list.currentIndex().data(JOB)
        return job

    def menu_for(self, job: Job) -> QMenu:
        """What can be done with a job."""
        menu = QMenu(self)
        queue, waiting = self.queue, self.queue.waiting
        if job.status == "waiting":
            place = waiting.index(job)
            menu.addAction("Run next", lambda: queue.move(job, 0)).setEnabled(place > 0)
            up = menu.addAction("Move up\tAlt+Up", lambda: queue.move(job, place - 1))
            up.setEnabled(place > 0)
            down = menu.addAction("Move down\tAlt+Down", lambda: queue.move(job, place + 1))
            down.setEnabled(place < len(waiting) - 1)
            menu.addSeparator()
        if not job.over:
            words = "Stop" if job.status == "running" else "Take out"
            menu.addAction(f"{words}\tDel", lambda: queue.cancel(job))
        else:
            menu.addAction("Run again", lambda: queue.retry(job))
            menu.addAction("Remove from the list\tDel", lambda: queue.remove(job))
        menu.addSeparator()
        see = menu.addAction("See its pictures", lambda: self.view_requested.emit(job))
        see.setEnabled(bool(job.outputs))
        menu.addAction("Open the graph as it ran", lambda: self.open_graph.emit(job))
        if job.error:
            menu.addAction("Copy the error", lambda: _copy(job))
        return menu

    def _menu_at(self, where: QPoint) -> None:
        job: Job | None = self.list.indexAt(where).data(JOB)
        if job is not None:
            menu = self.menu_for(job)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(self.list.viewport().mapToGlobal(where))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        job = self.selected()
        alt = event.modifiers() & Qt.KeyboardModifier.AltModifier
        if job is None:
            super().keyPressEvent(event)
        elif event.matches(QKeySequence.StandardKey.Delete):
            self._take_out(job)
        elif alt and event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down) and job.status == "waiting":
            step = -1 if event.key() == Qt.Key.Key_Up else 1
            self.queue.move(job, max(0, self.queue.waiting.index(job) + step))
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._open(job)
        elif event.matches(QKeySequence.StandardKey.Copy) and job.error:
            _copy(job)
        else:
            super().keyPressEvent(event)

    def _take_out(self, job: Job) -> None:
        """Stop it, or drop it from the list; the row below is the current one then."""
        row = self.model.row_of(job)
        if job.over:
            self.queue.remove(job)
        else:
            self.queue.cancel(job)
        if job.status != "running":
            index = self.model.index(min(row, self.model.rowCount() - 1))
            self.list.selectionModel().setCurrentIndex(
                index, QItemSelectionModel.SelectionFlag.ClearAndSelect
            )

    def _pressed(self, job: Job) -> None:
        if job.over:
            self.queue.retry(job)
        else:
            self.queue.cancel(job)

    def _open(self, job: Job | None) -> None:
        if job is not None and job.outputs:
            self.view_requested.emit(job)

    def _show(self, *_: object) -> None:
        queue = self.queue
        self._pages.setCurrentIndex(1 if self.model.rowCount() else 0)
        waiting = len(queue.waiting)
        parts = ["running"] if queue.running else []
        if waiting:
            parts.append(f"{waiting} waiting")
        if queue.paused:
            parts.append("paused")
        self.words.set_text(" · ".join(parts) or "idle")
        self.pause.setChecked(queue.paused)
        self.stop.setEnabled(queue.load > 0)
        self.clear.setEnabled(any(job.over for job in queue.jobs))
        self.trouble.refresh()


class _List(QListView):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAccessibleName("Queue of runs")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.setDragDropOverwriteMode(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # Keys that change the queue are the panel's; Alt+Up would only move the cursor here.
        if event.modifiers() & Qt.KeyboardModifier.AltModifier:
            event.ignore()
        else:
            super().keyPressEvent(event)


class _Trouble(QWidget):
    """Says that the engine doesn't start, and offers to try again."""

    def __init__(self, queue: RunQueue, parent: QWidget) -> None:
        super().__init__(parent)
        self._client = queue.client
        self.words = Words(tone="error", font=fonts.small(), wrap=True)
        self.button = QPushButton("Start the engine again")
        self.button.clicked.connect(lambda: self._client.restart())
        box = QVBoxLayout(self)
        box.setContentsMargins(MARGIN, 6, MARGIN, 8)
        box.addWidget(self.words)
        box.addWidget(self.button, 0, Qt.AlignmentFlag.AlignLeft)
        self._client.died.connect(self._on_died)
        self._client.state_changed.connect(self.refresh)
        self.words.setText("The engine doesn't start.")
        self.refresh()

    def refresh(self, *_: object) -> None:
        self.setVisible(self._client.state == "failed")

    def _on_died(self, words: str, _: list[str]) -> None:
        self.words.setText(words)


def _copy(job: Job) -> None:
    QGuiApplication.clipboard().setText("\n".join([job.error, *job.lines]))
