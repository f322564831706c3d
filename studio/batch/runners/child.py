"""A worker process of a batch: tasks as JSON lines on stdin, messages as JSON lines on stdout.

The first line is the batch's setup; then come tasks, `{"cancel": true}`, and in the end
`{"shutdown": true}`. Whatever a library prints goes to stderr. The end of stdin means that the
driver is gone: the process ends at once, since nobody would take note of what it still makes.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from pathlib import Path
from typing import IO, Any, NoReturn

from studio.batch.engine import JobEngine, open_session
from studio.batch.messages import Message, Ready, Task, setup_from_json
from studio.errors import StudioError
from studio.execution.worker import device_name
from studio.words import plain

ORPHANED = 3
"""Exit code where the driver is gone."""


class Child:
    """A worker process.

    Args:
        lines: where tasks come from.
        output: where messages go.
    """

    def __init__(self, lines: IO[bytes], output: IO[bytes]) -> None:
        self._lines = lines
        self._output = output
        self._lock = threading.Lock()
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()

    def serve(self) -> int:
        """Run tasks until shutdown; returns the exit code."""
        first = self._lines.readline()
        if not first:
            return ORPHANED
        data = json.loads(first)
        setup, root = setup_from_json(data["setup"]), Path(data["root"])
        try:
            session = open_session(setup, root)
        except StudioError as error:
            self._send({"message": "Unusable", "reason": str(error)})
            return error.exit_code
        with JobEngine(setup, session, root, data["token"]) as engine:
            reader = threading.Thread(target=self._read, args=(engine,), daemon=True)
            reader.start()
            self._report(Ready("", device_name(session.policy), os.getpid()))
            while (task := self._tasks.get()) is not None:
                engine.run(task, self._report)
        return 0

    def _read(self, engine: JobEngine) -> None:
        for line in self._lines:
            data = json.loads(line)
            if "task" in data:
                self._tasks.put(Task.from_json(data))
            elif data.get("cancel"):
                engine.cancel()
            elif data.get("shutdown"):
                self._tasks.put(None)
                return
        os._exit(ORPHANED)

    def _report(self, message: Message) -> None:
        self._send(message.to_json())

    def _send(self, data: dict[str, Any]) -> None:
        line = plain(json.dumps(data, ensure_ascii=False)).encode() + b"\n"
        with self._lock:
            try:
                self._output.write(line)
                self._output.flush()
            except (OSError, ValueError):  # Windows has several for a pipe that is gone
                os._exit(ORPHANED)


def main() -> NoReturn:
    """Serve stdin and stdout until shutdown."""
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    code = Child(sys.stdin.buffer, output).serve()
    output.flush()
    sys.stderr.flush()
    # All is written; taking torch down piece by piece would only keep the driver waiting.
    os._exit(code)
