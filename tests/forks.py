"""Processes that run `main.py`, forked from one that has imported torch and the libraries.

Importing them takes seconds, and what most tests of processes run takes less than one. What is
forked is a process like any other: with an environment, a folder, pipes and an exit code of its
own, and it can be killed. What a fresh start prints, loads or draws is tested on one.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 300
"""Seconds after which a program is killed: it hangs."""


class Forks:
    """The process that the others are forked from; started when the first is wanted."""

    def __init__(self) -> None:
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, order: Mapping[str, object], files: Sequence[int]) -> IO[bytes]:
        """Run `main.py` with `files` as stdin, stdout and stderr.

        Returns:
            where a line with its process id comes, and at its end one with its exit code.
        """
        if self._control is None:
            self._control, theirs = socket.socketpair()
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, __file__, str(theirs.fileno())], pass_fds=[theirs.fileno()]
                )
        ours, theirs = socket.socketpair()
        with ours, theirs:
            socket.send_fds(self._control, [b"x"], [*files, theirs.fileno()])
            ours.sendall(json.dumps(order).encode() + b"\n")
            return ours.makefile("rb")

    def close(self) -> None:
        if self._control is not None and self._process is not None:
            self._control.close()
            self._process.wait()


class Program:
    """`main.py` in a process of its own, with pipes.

    Args:
        forks: None starts Python anew, and so it is where nothing can be forked.
    """

    def __init__(
        self,
        forks: Forks | None,
        arguments: Sequence[str | Path],
        folder: Path,
        environment: Mapping[str, str],
    ) -> None:
        words = [str(argument) for argument in arguments]
        self.returncode: int | None = None
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        self._popen: subprocess.Popen[bytes] | None = None
        given, stdin = os.pipe()
        stdout, written = os.pipe()
        self.stdin, self.stdout = os.fdopen(stdin, "wb"), os.fdopen(stdout, "rb")
        files = [given, written, self._errors.fileno()]
        if forks is None or not hasattr(os, "fork"):
            self._popen = subprocess.Popen(
                [sys.executable, str(ROOT / "main.py"), *words],
                cwd=folder,
                env=environment,
                stdin=given,
                stdout=written,
                stderr=self._errors,
            )
            self.pid = self._popen.pid
        else:
            order = {"arguments": words, "folder": str(folder), "environment": {**environment}}
            self._told = forks.start(order, files)
            self.pid = int(self._told.readline())
        os.close(given)
        os.close(written)
        self._limit = threading.Timer(LIMIT, self.send_signal, [signal.SIGKILL])
        self._limit.daemon = True
        self._limit.start()

    def communicate(self, given: bytes = b"") -> tuple[str, str]:
        """Write `given`, close stdin and wait; returns the rest of stdout, and all of stderr."""
        with suppress(BrokenPipeError), self.stdin:
            self.stdin.write(given)
        out = self.stdout.read()
        self.wait()
        return out.decode(), self.errors()

    def errors(self) -> str:
        """What stderr has up to now."""
        self._errors.seek(0)
        return self._errors.read().decode()

    def wait(self) -> int:
        """Wait for its end; returns the exit code, which is below zero for a signal."""
        if self.returncode is None:
            if self._popen is not None:
                self.returncode = self._popen.wait()
            else:
                with self._told:
                    self.returncode = int(self._told.readline())
            self._limit.cancel()
        return self.returncode

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def close(self) -> None:
        """Kill it if it still runs."""
        if self.returncode is None:
            self.send_signal(signal.SIGKILL)
            self.wait()
        for file in (self.stdin, self.stdout, self._errors):
            with suppress(BrokenPipeError):
                file.close()


def _serve(control: socket.socket) -> None:
    """Fork a keeper for each that is wanted; returns in the processes that are to run `main.py`."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers are not waited for
    while True:
        data, files, _, _ = socket.recv_fds(control, 1, 4)
        if not data:
            os._exit(0)
        if os.fork() == 0:
            control.close()
            return _keep(files)
        for file in files:
            os.close(file)


def _keep(files: list[int]) -> None:
    """Fork the process and tell its id and its exit code; returns in the process."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with socket.socket(fileno=files.pop()) as talk, talk.makefile("r") as lines:
        order = json.loads(lines.readline())
        pid = os.fork()
        if pid:
            for file in (*files, 0, 1, 2):
                os.close(file)
            talk.sendall(b"%d\n" % pid)
            _, status = os.waitpid(pid, 0)
            with suppress(BrokenPipeError):
                talk.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
            os._exit(0)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    sys.stdin = os.fdopen(0, encoding="utf-8")
    sys.stdout = os.fdopen(1, "w", encoding="utf-8")
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = ["main.py", *order["arguments"]]


if __name__ == "__main__":
    sys.path[0] = str(ROOT)

    import main
    from studio import tuning

    tuning.before_torch()
    import studio.cli.run
    import studio.diffusion.store
    import studio.execution.worker
    import studio.training.making
    import studio.training.quality  # noqa: F401
    from studio.registry import Registry

    Registry.load()
    from diffusers import AutoencoderKL, UNet2DConditionModel  # noqa: F401
    from transformers import CLIPTextModel, CLIPTokenizer  # noqa: F401

    _serve(socket.socket(fileno=int(sys.argv[1])))
    main.main()
