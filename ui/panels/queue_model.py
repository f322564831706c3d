"""The queue as a list for views: what runs, what waits, and below what is over, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import (
    QAbstractListModel,
    QMimeData,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
)

from ui.plain import plain_tip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ui.engine.job import Job
    from ui.engine.queue import RunQueue

Index = QModelIndex | QPersistentModelIndex

JOB = Qt.ItemDataRole.UserRole
MIME = "application/x-latent-studio-job"


class QueueModel(QAbstractListModel):
    """Jobs as rows; those that wait can be dragged into another order.

    Args:
        queue: whose jobs.
        parent: Qt's.
    """

    def __init__(self, queue: RunQueue, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._queue = queue
        self.jobs: list[Job] = _shown(queue)
        queue.order_changed.connect(self._on_order)
        queue.job_changed.connect(self._on_job)

    def row_of(self, job: Job) -> int:
        """Where a job is; -1 where it is gone."""
        return next((row for row, known in enumerate(self.jobs) if known is job), -1)

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.jobs)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        job = self.jobs[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return job.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(job.error) or None
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{job.title}, {job.words}"
        return job if role == JOB else None

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.ItemIsDropEnabled
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        if self.jobs[index.row()].status == "waiting":
            flags |= Qt.ItemFlag.ItemIsDragEnabled
        return flags | Qt.ItemFlag.ItemNeverHasChildren

    # Dragging

    def supportedDropActions(self) -> Qt.DropAction:
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:
        return [MIME]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        data = QMimeData()
        data.setData(MIME, self.jobs[indexes[0].row()].id.encode())
        return data

    def canDropMimeData(
        self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index
    ) -> bool:
        return data.hasFormat(MIME)

    def dropMimeData(
        self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index
    ) -> bool:
        job = self._queue.job(bytes(data.data(MIME).data()).decode())
        if job is None or job.status != "waiting":
            return False
        before = self.jobs[: row if row >= 0 else len(self.jobs)]
        self._queue.move(job, sum(o.status == "waiting" and o is not job for o in before))
        # The queue has moved it already; Qt would take out the row that was dragged.
        return False

    # News

    def _on_order(self) -> None:
        now = _shown(self._queue)
        if now == self.jobs:
            return
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        held = [self.jobs[index.row()] for index in before]
        self.jobs = now
        after = [self.index(row) if (row := self.row_of(job)) >= 0 else QModelIndex()
                 for job in held]  # fmt: skip
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def _on_job(self, job: Job) -> None:
        if (row := self.row_of(job)) >= 0:
            self.dataChanged.emit(self.index(row), self.index(row))


def _shown(queue: RunQueue) -> list[Job]:
    jobs = queue.jobs
    return [job for job in jobs if not job.over] + [job for job in reversed(jobs) if job.over]
