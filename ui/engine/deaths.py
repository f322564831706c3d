"""Why a child process ended, in words, and whether it is worth starting again."""

from __future__ import annotations

import re
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

AT_ONCE = 10.0
"""Seconds: a worker that dies within these, with nothing to do, would die again."""

TRIES = 3
"""Deaths at once, in a row, after which it isn't started any more."""

DELAYS = (0.0, 0.5, 2.0)
"""Seconds before the first, second and third start after deaths at once."""

_SIGNALS = {
    "SIGKILL": "it was killed, by hand or by the system, which does that when memory runs out",
    "SIGSEGV": "a library crashed (segmentation fault)",
    "SIGBUS": "a library crashed (bus error): a file it read may have changed or been cut short",
    "SIGABRT": "a library gave up (abort)",
    "SIGILL": "a library uses instructions that this processor doesn't have",
    "SIGFPE": "a library crashed (arithmetic error)",
    "SIGTERM": "it was asked to end",
    "SIGINT": "it was interrupted",
    "SIGHUP": "its terminal was closed",
}
_ERROR = re.compile(r"^(?:error: |[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit)(?::|$))")


def why_ended(code: int, crashed: bool, lines: Sequence[str], message: str = "") -> str:
    """Words for the end of a process.

    Args:
        code: its exit code; where it crashed, on Unix, the signal.
        crashed: it ended by a signal.
        lines: the last it wrote to stderr.
        message: what it said of itself before.
    """
    if message:
        return message.strip()
    if crashed:
        return _crash(code)
    cause = next((line.strip() for line in reversed(lines) if _ERROR.match(line)), "")
    cause = cause.removeprefix("error: ")
    if code == 0:
        return "it ended by itself"
    return f"it ended with code {code}: {cause}" if cause else f"it ended with code {code}"


def _crash(code: int) -> str:
    if sys.platform == "win32":
        return f"it crashed (0x{code & 0xFFFFFFFF:08X})"
    try:
        name = signal.Signals(code).name
    except ValueError:
        return f"it ended by signal {code}"
    return _SIGNALS.get(name, f"it ended by {name}")


class Restarts:
    """Counts deaths at once, and says how long to wait before the next start."""

    def __init__(self) -> None:
        self.count = 0

    def died(self, lived: float | None, busy: bool) -> float | None:
        """A process died.

        Args:
            lived: seconds since it was ready; None where it never was.
            busy: it was at work on a run, which may be the cause.

        Returns:
            Seconds to wait before it is started again; None where that makes no sense.
        """
        if lived is not None and (busy or lived > AT_ONCE):
            self.count = 0
            return 0.0
        self.count += 1
        return None if self.count >= TRIES else DELAYS[self.count]

    def reset(self) -> None:
        """Start counting afresh."""
        self.count = 0
