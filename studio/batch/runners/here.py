"""Jobs in this process, in a thread of their own."""

from __future__ import annotations

import os
import queue
import threading
from typing import TYPE_CHECKING

from studio.batch.engine import JobEngine, open_session
from studio.batch.messages import Died, Message, Over, Ready, Task
from studio.batch.runners.base import Runner
from studio.execution.worker import device_name

if TYPE_CHECKING:
    from pathlib import Path

    from studio.batch.model import Setup
    from studio.session import Session

NAME = "here"


class Here(Runner):
    """One worker, in this process: nothing to start, and nothing between it and the user.

    Args:
        setup: of the batch.
        root: the batch's folder.
        token: name of the folder for staged files.
        session: to run in, closed in the end; None opens one.
    """

    def __init__(
        self, setup: Setup, root: Path, token: str, session: Session | None = None
    ) -> None:
        super().__init__()
        self._engine = JobEngine(
            setup, session or open_session(setup, root), root, f"{token}/{NAME}", NAME
        )
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._open: set[int] = set()
        # A daemon: a user who wants to stop at once doesn't wait for a step.
        self._thread = threading.Thread(target=self._work, name="latent-studio-jobs", daemon=True)

    @property
    def workers(self) -> tuple[str, ...]:
        return (NAME,)

    def start(self) -> None:
        self._thread.start()
        device = device_name(self._engine.session.policy)
        self._messages.put(Ready(NAME, device, os.getpid()))

    def room(self) -> int:
        return self.ahead() - len(self._open)

    def submit(self, task: Task) -> None:
        self._open.add(task.id)
        self._tasks.put(task)

    def poll(self, timeout: float) -> list[Message]:
        found = super().poll(timeout)
        self._open -= {message.task for message in found if isinstance(message, Over)}
        return found

    def cancel(self) -> None:
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
        while (task := self._tasks.get()) is not None:
            try:
                self._engine.run(task, self._messages.put)
            except Exception as error:  # a fault of ours, not of a job: those are results
                reason = f"{type(error).__name__}: {error}"
                self._messages.put(Died(NAME, reason, tuple(self._open), (), last=True))
                raise
