"""Jobs in this process, in a thread of their own."""

from __future__ import annotations

import functools
import os
import queue
import threading
from typing import TYPE_CHECKING

from studio.batch.engine import JobEngine, open_session
from studio.batch.messages import Ready
from studio.batch.runners.pool import Pool, Slot
from studio.execution.worker import device_name

if TYPE_CHECKING:
    from pathlib import Path

    from studio.batch.messages import Task
    from studio.batch.model import Setup

NAME = "here"


class Here(Pool[Slot]):
    """One worker, in this process: nothing to start, and nothing between it and the user.

    Args:
        setup: of the batch.
        root: the batch's folder.
        token: name of the folder for staged files.
    """

    def __init__(self, setup: Setup, root: Path, token: str) -> None:
        super().__init__([Slot(NAME)])
        session = open_session(setup, root)
        self._engine = JobEngine(setup, session, root, f"{token}/{NAME}", NAME)
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        # A daemon: a user who wants to stop at once doesn't wait for a step.
        self._thread = threading.Thread(target=self._work, name="latent-studio-jobs", daemon=True)

    def _start(self, slot: Slot) -> None:
        slot.warm = True  # what is loading here blocks nobody else
        device = device_name(self._engine.session.policy)
        self._heard(slot, Ready(NAME, device, os.getpid()))
        self._thread.start()

    def _give(self, slot: Slot, task: Task) -> None:
        self._tasks.put(task)

    def _stop(self, slot: Slot) -> None:
        self._engine.cancel()

    def close(self, *, kill: bool = False) -> None:
        self._engine.cancel()
        self._tasks.put(None)
        if kill:
            return
        if self._thread.ident is not None:
            self._thread.join()
        self._engine.close()

    def _work(self) -> None:
        (slot,) = self._slots
        while (task := self._tasks.get()) is not None:
            try:
                self._engine.run(task, functools.partial(self._heard, slot))
            except Exception as error:  # a fault of ours, not of a job: those are results
                self._gone(slot, f"{type(error).__name__}: {error}", fatal=True)
                raise
