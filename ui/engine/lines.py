"""Bytes of a pipe, cut into lines: complete ones, and never more memory than a limit."""

from __future__ import annotations

from collections import deque

MAX_LINE = 64 * 2**20
"""Bytes; the worker sends no longer line, so a longer one is rubbish."""


class Lines:
    """Cuts bytes into lines.

    Args:
        returns: a carriage return ends a line too, as of progress bars on stderr.
        limit: bytes of a line beyond which it is cut.
        kept: lines that wait at most, the oldest fall away; None keeps all.
    """

    def __init__(
        self, *, returns: bool = False, limit: int = MAX_LINE, kept: int | None = None
    ) -> None:
        self.returns = returns
        self.limit = limit
        self._parts: list[bytes] = []
        self._size = 0
        self._lines: deque[bytes] = deque(maxlen=kept)

    def feed(self, data: bytes) -> None:
        """Take what came."""
        if self.returns:
            data = data.replace(b"\r", b"\n")
        *whole, rest = data.split(b"\n")
        if whole:
            self._lines.append(b"".join([*self._parts, whole[0]]))
            self._lines.extend(whole[1:])
            self._parts, self._size = [], 0
        if rest:
            self._parts.append(rest)
            self._size += len(rest)
        if self._size > self.limit:
            self.flush()

    def flush(self) -> None:
        """What stands without an end is a line too."""
        if self._parts:
            self._lines.append(b"".join(self._parts))
            self._parts, self._size = [], 0

    def next(self) -> bytes | None:
        """The next line, without its end; None where there is none yet."""
        return self._lines.popleft() if self._lines else None
