"""A child process that speaks in lines. Reading never keeps the window waiting."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, Signal

from ui.engine.lines import Lines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SLICE = 0.008
"""Seconds that reading may take before the window gets its turn."""

ENDING = 3.0
"""Seconds that a process has to be gone after it was killed."""


class Child(QObject):
    """One process, from its start to its end.

    Args:
        command: program and arguments.
        environment: variables added to this process's.
        parent: Qt's.
    """

    line = Signal(bytes)
    """A line of stdout, without its end."""
    error_line = Signal(str)
    """A line of stderr."""
    ended = Signal(int, bool)
    """It is gone, all its lines were told: exit code (on Unix the signal, where it crashed), and
    whether it crashed."""
    failed = Signal(str)
    """It couldn't be started; why."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.command = tuple(command)
        self.heard = time.monotonic()
        """When it last wrote to stdout, by `time.monotonic`."""
        self._forgotten = False
        self._over: tuple[int, bool] | None = None
        """How it ended, until all its lines are told."""
        self._out = Lines()
        self._err = Lines(returns=True, limit=2**16, kept=10_000)
        self._process = QProcess(self)
        variables = QProcessEnvironment.systemEnvironment()
        for name, value in environment.items():
            variables.insert(name, value)
        self._process.setProcessEnvironment(variables)
        self._process.readyReadStandardOutput.connect(self._read)
        self._process.readyReadStandardError.connect(self._read)
        self._process.finished.connect(self._finished)
        self._process.errorOccurred.connect(self._error)
        self._more = QTimer(self)
        self._more.setSingleShot(True)
        self._more.timeout.connect(self._tell)

    def start(self) -> None:
        self._process.start(self.command[0], list(self.command[1:]))

    @property
    def pid(self) -> int:
        return self._process.processId()

    def write(self, data: bytes) -> None:
        self._process.write(data)

    def forget(self, *, kill: bool = True) -> None:
        """Tell nothing any more; killed, it goes away by itself."""
        self._forgotten = True
        self._more.stop()
        if self._process.state() == QProcess.ProcessState.NotRunning:
            self.deleteLater()
        elif kill:
            self._process.kill()

    def wait(self, seconds: float) -> bool:
        """Wait until it is gone; True if it is."""
        gone = self._process.state() == QProcess.ProcessState.NotRunning
        return gone or self._process.waitForFinished(int(seconds * 1000))

    def end(self, last: bytes, seconds: float) -> None:
        """Write `last`, close its stdin and wait; kill it where it takes longer than `seconds`."""
        self.forget(kill=False)
        if not self.wait(0):
            self.write(last)
            self._process.closeWriteChannel()
        if not self.wait(seconds):
            self._process.kill()
            self.wait(ENDING)
        self.deleteLater()

    def _read(self) -> None:
        out = self._process.readAllStandardOutput().data()
        if out:
            self.heard = time.monotonic()
            self._out.feed(bytes(out))
        self._err.feed(bytes(self._process.readAllStandardError().data()))
        if not self._more.isActive():
            self._tell()

    def _tell(self, budget: float = SLICE) -> None:
        end = time.perf_counter() + budget
        while not self._forgotten:
            if (text := self._err.next()) is not None:
                if words := text.decode(errors="replace").rstrip():
                    self.error_line.emit(words)
            elif (line := self._out.next()) is not None:
                self.line.emit(line)
            else:
                if self._over is not None:
                    over, self._over = self._over, None
                    self.ended.emit(*over)
                return
            if time.perf_counter() > end:
                self._more.start(0)
                return

    def _finished(self, code: int, status: QProcess.ExitStatus) -> None:
        if self._forgotten:
            self.deleteLater()
            return
        # Told below, when there is no more to read.
        self._more.start(0)
        self._read()
        self._out.flush()
        self._err.flush()
        # Its last words count, however many: a run may have ended before it did.
        self._over = (code, status == QProcess.ExitStatus.CrashExit)
        self._tell()

    def _error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart and not self._forgotten:
            self.failed.emit(self._process.errorString())
