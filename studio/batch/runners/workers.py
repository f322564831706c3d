"""Jobs in worker processes of this machine, one a GPU, or several on the CPU."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import studio
from studio.batch.messages import message, setup_to_json
from studio.batch.runners.base import NoWorkers
from studio.batch.runners.pool import GRACE, Pool, Slot
from studio.hardware import cpu_info, cuda_count, resolve_policy
from studio.places import Places
from studio.words import plain

if TYPE_CHECKING:
    from studio.batch.messages import Task
    from studio.batch.model import Setup

# Ctrl-C goes to all processes of a terminal; what it means is for the driver to say. It is ignored
# before anything is imported, since that takes a second.
_START = """import signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
sys.path.insert(0, {path!r})
from studio.batch.runners.child import main
main()"""


def worker_devices(setup: Setup, workers: int | None) -> tuple[str, ...]:
    """The device of each worker.

    Args:
        setup: its device; "auto" and "cuda" take all GPUs in turn.
        workers: how many; None takes one for each GPU, or one where there is none.

    Raises:
        InputError: a device that isn't there.
    """
    device = setup.device or Places.load().settings.device
    policy = resolve_policy(device, setup.dtype or "auto")
    several = policy.kind == "cuda" and device in ("auto", "cuda")
    devices = [f"cuda:{index}" for index in range(cuda_count())] if several else [policy.device]
    count = workers or len(devices)
    return tuple(devices[index % len(devices)] for index in range(count))


@dataclass
class _Slot(Slot):
    """The place of a worker process.

    Args:
        device: that it computes on.
        process: at work there; None where it is gone.
        thread: that listens to it.
    """

    device: str = ""
    process: subprocess.Popen[bytes] | None = None
    thread: threading.Thread | None = None


class Workers(Pool[_Slot]):
    """Worker processes, which are started again when they die.

    Args:
        setup: of the batch.
        root: the batch's folder.
        token: name of the folder for staged files.
        devices: one for each worker, see `worker_devices`.
    """

    def __init__(self, setup: Setup, root: Path, token: str, devices: tuple[str, ...]) -> None:
        super().__init__(
            [_Slot(f"w{number}", device=device) for number, device in enumerate(devices, 1)]
        )
        self._setup = setup
        self._root = root
        self._token = token

    def _give(self, slot: _Slot, task: Task) -> None:
        self._send(slot, task.to_json())

    def _stop(self, slot: _Slot) -> None:
        self._send(slot, {"cancel": True})

    def close(self, *, kill: bool = False) -> None:
        with self._lock:
            self._closing = True
            for slot in self._slots:
                if slot.process is not None:
                    if kill:
                        slot.process.kill()
                    else:
                        self._stop(slot)
                        self._send(slot, {"shutdown": True})
        deadline = time.monotonic() + GRACE
        for slot in self._slots:
            if slot.thread is not None:
                slot.thread.join(max(0.0, deadline - time.monotonic()))
                if slot.thread.is_alive() and (process := slot.process) is not None:
                    process.kill()
                    slot.thread.join()

    # A process

    def _start(self, slot: _Slot) -> None:
        count = len(self._slots)
        environment = dict(os.environ)
        if slot.device == "cpu" and count > 1:
            # Workers that all take all cores would wait for each other.
            environment.setdefault(
                "OMP_NUM_THREADS", str(max(1, cpu_info().physical_cores // count))
            )
        path = str(Path(studio.__file__).resolve().parent.parent)
        log: IO[bytes] | None = None
        try:
            log = tempfile.TemporaryFile()  # noqa: SIM115  - closed when the worker is gone
            slot.process = process = subprocess.Popen(
                [sys.executable, "-c", _START.format(path=path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
            )
        except OSError as error:
            if log is not None:
                log.close()
            raise NoWorkers(f"{sys.executable}: {error.strerror or error}.") from error
        first = {
            "setup": setup_to_json(replace(self._setup, device=slot.device)),
            "root": str(self._root),
            "token": f"{self._token}/{slot.name}-{slot.lives}",
        }
        self._send(slot, first)
        slot.thread = threading.Thread(
            target=self._listen, args=(slot, process, log), name=f"latent-studio-{slot.name}"
        )
        slot.thread.start()

    def _send(self, slot: _Slot, data: dict[str, Any]) -> None:
        if slot.process is None or slot.process.stdin is None:
            return
        # A worker that is dying doesn't listen; its death is told by the end of its output.
        with contextlib.suppress(OSError, ValueError):
            slot.process.stdin.write(plain(json.dumps(data, ensure_ascii=False)).encode() + b"\n")
            slot.process.stdin.flush()

    def _listen(self, slot: _Slot, process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
        assert process.stdout is not None
        reason = ""
        for line in process.stdout:
            try:
                data = json.loads(line)
                if data.get("message") == "Unusable":
                    reason = str(data["reason"])
                    continue
                said = message(slot.name, data)
            except ValueError:
                break  # half a line: it died while it wrote
            self._heard(slot, said)
        process.stdout.close()
        # One that only closed its output is of no use either.
        code = _wait(process)
        with contextlib.suppress(OSError):
            if process.stdin is not None:
                process.stdin.close()
        with log:
            words = reason or _death(code, log)
        with self._lock:
            slot.process = None
            self._gone(slot, words, fatal=bool(reason))


def _wait(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _death(code: int, log: IO[bytes]) -> str:
    """How a process ended, in words, and what it said last."""
    if code < 0:
        try:
            words = f"killed by {signal.Signals(-code).name}"
        except ValueError:
            words = f"killed by signal {-code}"
        if -code == getattr(signal, "SIGKILL", 9):
            words += " (by somebody, or by the system for want of memory)"
    else:
        words = f"ended with exit code {code}"
    log.seek(max(0, log.seek(0, os.SEEK_END) - 2000))
    lines = log.read().decode(errors="replace").strip().splitlines()
    if lines and code >= 0:
        words += f": {lines[-1][:300]}"
    return words
