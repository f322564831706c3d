"""The queue of runs: one at a time goes to the worker; it outlives the worker."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import shiboken6
from PySide6.QtCore import QObject, QTimer, Signal

from ui.engine.job import refusal
from ui.engine.pictures import PictureLoader

if TYPE_CHECKING:
    from PySide6.QtGui import QImage

    from ui.engine.client import EngineClient
    from ui.engine.job import Job
    from ui.engine.states import NodeStates

KEPT = 100
"""Jobs that are over and still listed; each keeps its graph, so that it can be run again."""

THUMBNAIL = 128
"""Pixels of the longer side."""

TOLD_PER_SECOND = 15


class RunQueue(QObject):
    """Jobs in the order they run; those that are over stand first, the oldest at the top.

    Args:
        client: the engine.
        parent: Qt's.
    """

    job_changed = Signal(object)
    """Job: its status, progress, outputs or thumbnail."""
    order_changed = Signal()
    """Jobs were added, moved or taken out."""
    job_finished = Signal(object)
    """Job: it is over, well or not."""
    job_event = Signal(object, object)
    """Job and dict: every event of the worker about it."""
    output = Signal(object, object)
    """Job and Path: a file is in its place."""
    idle = Signal()
    """Nothing runs, and nothing waits."""
    paused_changed = Signal(bool)
    message = Signal(str)
    """Words for the status bar: a run failed, the engine died."""

    def __init__(self, client: EngineClient, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.client = client
        self._jobs: list[Job] = []
        self._paused = False
        self._running: Job | None = None
        self._since = 0.0
        self._loader = PictureLoader(self)
        self._loader.loaded.connect(self._on_thumbnail)
        self._news: dict[str, Job] = {}
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(1000 // TOLD_PER_SECOND)
        self._timer.timeout.connect(self._tell)
        client.received.connect(self._on_event)
        client.died.connect(self._on_died)
        client.state_changed.connect(self._on_state)

    # Reading

    @property
    def jobs(self) -> tuple[Job, ...]:
        """All: those that are over, the one that runs, those that wait."""
        return tuple(self._jobs)

    @property
    def running(self) -> Job | None:
        return self._running

    @property
    def waiting(self) -> list[Job]:
        """In the order they will run."""
        return [job for job in self._jobs if job.status == "waiting"]

    @property
    def load(self) -> int:
        """How many run or wait."""
        return sum(not job.over for job in self._jobs)

    @property
    def paused(self) -> bool:
        """Nothing new is started; what runs goes on."""
        return self._paused

    def job(self, identity: str) -> Job | None:
        return next((job for job in self._jobs if job.id == identity), None)

    # Changing

    def add(self, job: Job, *, front: bool = False) -> Job:
        """Queue a run.

        Args:
            job: waiting.
            front: before all others that wait.
        """
        place = self._first_waiting() if front else len(self._jobs)
        self._jobs.insert(place, job)
        self.order_changed.emit()
        self._next()
        return job

    def cancel(self, job: Job) -> None:
        """Stop a run, or take it out of the queue before it began."""
        if job.status == "waiting":
            job.status = "cancelled"
            self._over(job)
        elif job.status == "running" and not job.cancelling:
            job.cancelling = True
            self.client.cancel(job.id)
            self.job_changed.emit(job)

    def cancel_running(self) -> None:
        """Stop the run under way."""
        if self._running is not None:
            self.cancel(self._running)

    def cancel_all(self) -> None:
        """Stop the run under way, and all that wait."""
        for job in [*self.waiting, *filter(None, [self._running])]:
            self.cancel(job)

    def cancel_waiting(self) -> None:
        """Drop all that wait; the run under way goes on."""
        for job in self.waiting:
            self.cancel(job)

    def move(self, job: Job, index: int) -> None:
        """Give a job that waits another place among those that wait, 0 = next."""
        waiting = self.waiting
        if job not in waiting:
            return
        waiting.remove(job)
        waiting.insert(max(0, min(index, len(waiting))), job)
        self._jobs = [other for other in self._jobs if other.status != "waiting"] + waiting
        self.order_changed.emit()

    def retry(self, job: Job) -> Job:
        """Run the graph of a job that is over once more, as it was then."""
        return self.add(job.again())

    def clear(self) -> None:
        """Take out what is over."""
        self._jobs = [job for job in self._jobs if not job.over]
        self.order_changed.emit()

    def remove(self, job: Job) -> None:
        """Take out one that is over."""
        if job.over and job in self._jobs:
            self._jobs.remove(job)
            self.order_changed.emit()

    def set_paused(self, paused: bool) -> None:
        """Start nothing new, or go on."""
        if paused != self._paused:
            self._paused = paused
            self.paused_changed.emit(paused)
            self._next()

    # Running

    def _next(self) -> None:
        if self._running is not None or self._paused or not self.client.is_ready:
            return
        job = next(iter(self.waiting), None)
        if job is None:
            return
        job.status = "running"
        self._running, self._since = job, time.monotonic()
        # What is over stays above what runs, and that above what waits.
        self._jobs.sort(key=_rank)
        self.client.submit(job.graph, run=job.id, **job.place())
        self.order_changed.emit()
        self.job_changed.emit(job)

    def _on_event(self, event: dict[str, Any]) -> None:
        job = self._running
        if job is None or event.get("id") != job.id:
            return
        kind = event["event"]
        job.follow(event, time.monotonic())
        self.job_event.emit(job, event)
        if states := _alive(job.states):
            states.apply_event(event)
        match kind:
            case "accepted":
                job.accepted = True
            case "output_written":
                self._on_output(job, Path(event["path"]))
            case "run_finished":
                ends = {"ok": "done", "failed": "failed", "cancelled": "cancelled"}
                self._finish(ends[event["status"]], str(event["message"]), event["seconds"])
            case "rejected" | "error":
                self._tell_states(job, "failed", refusal(event))
                self._finish("failed", refusal(event))
            case "node_progress" | "node_started" | "node_finished" | "run_started":
                self._note(job)

    def _on_output(self, job: Job, path: Path) -> None:
        if path in job.outputs:
            return
        job.outputs.append(path)
        if len(job.outputs) == 1:
            self._loader.load(job.id, path, THUMBNAIL)
        self.output.emit(job, path)
        self._note(job)

    def _finish(self, status: Any, error: str = "", seconds: float | None = None) -> None:
        job, self._running = self._running, None
        if job is None:
            return
        job.status, job.error = status, error
        job.seconds = time.monotonic() - self._since if seconds is None else float(seconds)
        job.cancelling = False
        if status == "failed":
            self.message.emit(f"{job.title}: {error}")
        self._over(job)
        self._next()

    def _over(self, job: Job) -> None:
        self._jobs.sort(key=_rank)
        over = [other for other in self._jobs if other.over]
        for old in over[: max(0, len(over) - KEPT)]:
            self._jobs.remove(old)
        self._news.pop(job.id, None)
        self.job_changed.emit(job)
        self.job_finished.emit(job)
        self.order_changed.emit()
        if not self.load:
            self.idle.emit()

    def _on_died(self, words: str, lines: list[str]) -> None:
        job = self._running
        if job is None:
            self.message.emit(words)
            return
        if not job.accepted and not job.cancelling and not job.put_back:
            # The worker died before it heard of the run, so the run isn't to blame.
            job.put_back = True
            job.status, self._running = "waiting", None
            self.message.emit(words)
            self.job_changed.emit(job)
            self.order_changed.emit()
            return
        job.lines = lines
        status = "cancelled" if job.cancelling else "failed"
        self._tell_states(job, status, words)
        if status == "cancelled":
            self.message.emit(words)
        self._finish(status, words)

    def _on_state(self, state: str) -> None:
        if state == "ready":
            self._next()
        elif state == "stopped" and self._running is not None:
            self._tell_states(self._running, "cancelled", "")
            self._finish("cancelled")

    def _tell_states(self, job: Job, status: str, words: str) -> None:
        """The end of a run that the worker didn't tell itself."""
        if states := _alive(job.states):
            states.apply_event({"event": "run_finished", "status": status, "message": words})

    # News

    def _on_thumbnail(self, identity: str, image: QImage) -> None:
        if (job := self.job(identity)) is not None and not image.isNull():
            job.thumbnail = image
            self.job_changed.emit(job)

    def _note(self, job: Job) -> None:
        self._news[job.id] = job
        if not self._timer.isActive():
            self._timer.start()

    def _tell(self) -> None:
        news, self._news = self._news, {}
        for job in news.values():
            self.job_changed.emit(job)

    def _first_waiting(self) -> int:
        found = (n for n, job in enumerate(self._jobs) if job.status == "waiting")
        return next(found, len(self._jobs))


def _rank(job: Job) -> int:
    return 0 if job.over else 1 if job.status == "running" else 2


def _alive(states: NodeStates | None) -> NodeStates | None:
    """The states, unless their tab was closed meanwhile."""
    return states if states is not None and shiboken6.isValid(states) else None
