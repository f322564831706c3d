"""Jobs on a Ray cluster: an actor a GPU, which keeps its models warm.

The cluster is the one at RAY_ADDRESS, or one on this machine that ends with the batch. The actors
need this program and the models at the same places. Where they see the batch's folder they write
there; elsewhere they send what they made.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import queue
import socket
import tempfile
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import studio
from studio.batch.messages import Message, Noted, Over, Ready, Result, Task
from studio.batch.naming import STAGING
from studio.batch.runners.base import NoWorkers
from studio.batch.runners.pool import GRACE, Pool, Slot
from studio.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from studio.batch.model import Setup

CALL = 5.0
"""Seconds that the cluster's address gets to answer."""

PATIENCE = 30
"""Seconds that the cluster gets to place an actor before the user hears of it."""

MARK = "ray"
"""File in the staging folder by which an actor knows that it sees the driver's disk."""


class RayMissing(InputError):
    """Ray isn't installed."""

    def __init__(self) -> None:
        super().__init__(
            "Ray isn't installed.",
            hint="Install it: pip install ray. In a checkout: pip install '.[cluster]'.",
        )


class RayUnreachable(InputError):
    """The cluster can't be reached."""

    def __init__(self, address: str, error: Exception) -> None:
        where = f"The Ray cluster at {address}" if address else "A Ray cluster on this machine"
        hint = "Use --workers instead."
        if address:
            hint = (
                "Check RAY_ADDRESS and `ray status`; where the cluster asks for a token, set "
                "RAY_AUTH_MODE=token. Or use --workers on this machine."
            )
        reason = error.strerror if isinstance(error, OSError) and error.strerror else _words(error)
        super().__init__(f"{where} can't be used: {reason}.", hint=hint)


class Actor:
    """A worker on the cluster.

    Args:
        setup: of the batch.
        root: the batch's folder, as the driver sees it.
        token: name of the folder for staged files.
        mark: what the file `MARK` says, where this is the driver's disk.
    """

    def __init__(self, setup: Setup, root: Path, token: str, mark: str) -> None:
        from studio.batch.engine import JobEngine, open_session

        try:
            shared = (root / STAGING / MARK).read_text() == mark
        except OSError:
            shared = False
        self._own = None if shared else tempfile.TemporaryDirectory(prefix="latent-studio-")
        self._folder = root if self._own is None else Path(self._own.name)
        session = open_session(setup, self._folder)
        self._engine = JobEngine(setup, session, self._folder, token)

    def about(self) -> dict[str, Any]:
        """The device, and where it is."""
        from studio.execution.worker import device_name

        device = device_name(self._engine.session.policy)
        return {"device": f"{device}, {socket.gethostname()}", "pid": os.getpid()}

    def run(self, task: Task) -> Iterator[Message]:
        """Run a task; yields what it has to say."""
        said: queue.SimpleQueue[Message | BaseException] = queue.SimpleQueue()

        def work() -> None:
            try:
                self._engine.run(task, said.put)
            except BaseException as error:
                said.put(error)

        thread = threading.Thread(target=work, name="latent-studio-jobs", daemon=True)
        thread.start()
        while True:
            one = said.get()
            if isinstance(one, BaseException):
                raise one
            if isinstance(one, Result) and self._own is not None:
                one = replace(one, data=self._contents(one))
            yield one
            if isinstance(one, Over):
                return

    def cancel(self) -> None:
        """Stop within a denoising step."""
        self._engine.cancel()

    def _contents(self, result: Result) -> dict[str, bytes]:
        found = {}
        for file in result.result.outputs:
            path = self._folder / STAGING / file.staged
            found[file.staged] = path.read_bytes()
            path.unlink()
        return found


@dataclass
class _Slot(Slot):
    """The place of an actor.

    Args:
        actor: Ray's handle.
        queue: tasks for it.
        thread: that hands them over and listens.
    """

    actor: Any = None
    queue: queue.SimpleQueue[Task | None] = field(default_factory=queue.SimpleQueue)
    thread: threading.Thread | None = None


class Cluster(Pool[_Slot]):
    """Actors on a Ray cluster, which are made again when they die.

    Args:
        setup: of the batch.
        root: the batch's folder.
        token: name of the folder for staged files.
        workers: how many actors; None takes one a GPU, or one where the cluster has none.

    Raises:
        RayMissing: Ray isn't installed.
        RayUnreachable: there is no cluster, and none can be started.
    """

    def __init__(self, setup: Setup, root: Path, token: str, workers: int | None) -> None:
        try:
            # By name: it is an extra, which whoever checks types needn't have.
            ray: Any = importlib.import_module("ray")
        except ImportError:
            raise RayMissing from None
        self._ray = ray
        self._setup = setup
        self._root = root
        self._token = token
        self._mine = not ray.is_initialized()
        self._connect()
        gpus = int(ray.cluster_resources().get("GPU", 0))
        self._gpu = gpus > 0 and setup.device in (None, "auto", "cuda")
        count = workers or (gpus if self._gpu else 1) or 1
        super().__init__([_Slot(f"r{number}") for number in range(1, count + 1)])

    def _connect(self) -> None:
        if not self._mine:
            return
        address = os.environ.get("RAY_ADDRESS", "")
        _call(address)
        # Nothing about the user's batches leaves the machine.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        options: dict[str, Any] = {} if address else {"include_dashboard": False}
        path = str(Path(studio.__file__).resolve().parent.parent)
        variables = {
            "PYTHONPATH": os.pathsep.join(filter(None, [path, os.environ.get("PYTHONPATH", "")])),
        }
        for name in ("LATENT_STUDIO_HOME", "OMP_NUM_THREADS"):
            if (value := os.environ.get(name)) and not address:
                variables[name] = value
        # It warns that its cluster asks for a token: ours does, and nobody has to do anything.
        logger = logging.getLogger("ray")
        level = logger.level
        logger.setLevel(logging.ERROR)
        try:
            self._ray.init(
                address=address or "local",
                log_to_driver=False,
                logging_level=logging.ERROR,
                configure_logging=False,
                runtime_env={"env_vars": variables},
                **options,
            )
        except Exception as error:
            raise RayUnreachable(address, error) from error
        finally:
            logger.setLevel(level)

    def start(self) -> None:
        staging = self._root / STAGING
        staging.mkdir(exist_ok=True)
        (staging / MARK).write_text(self._token)
        super().start()

    def _give(self, slot: _Slot, task: Task) -> None:
        slot.queue.put(task)

    def _stop(self, slot: _Slot) -> None:
        if slot.actor is not None:
            with contextlib.suppress(Exception):  # one that is gone has nothing to stop
                slot.actor.cancel.remote()

    def close(self, *, kill: bool = False) -> None:
        with self._lock:
            self._closing = True
            for slot in self._slots:
                slot.queue.put(None)
                if not kill:
                    self._stop(slot)
        for slot in self._slots:
            if slot.thread is not None and slot.ready and not kill:
                slot.thread.join(GRACE)
            if slot.actor is not None:
                with contextlib.suppress(Exception):
                    self._ray.kill(slot.actor)
        if self._mine:
            self._ray.shutdown()
        for slot in self._slots:
            if slot.thread is not None:
                slot.thread.join(GRACE)

    # An actor

    def _start(self, slot: _Slot) -> None:
        setup = replace(self._setup, device="cuda" if self._gpu else self._setup.device)
        # Two calls at a time: a task, and the wish to stop it.
        options = {"max_concurrency": 2, "num_cpus": 1, "num_gpus": 1 if self._gpu else 0}
        token = f"{self._token}/{slot.name}-{slot.lives}"
        try:
            remote = self._ray.remote(Actor).options(**options)
            slot.actor = remote.remote(setup, self._root, token, self._token)
        except Exception as error:
            raise NoWorkers(f"{_words(error)}.") from error
        if slot.thread is None:
            slot.thread = threading.Thread(
                target=self._serve, args=(slot,), name=f"latent-studio-{slot.name}", daemon=True
            )
            slot.thread.start()

    def _serve(self, slot: _Slot) -> None:
        while True:
            try:
                if not slot.ready:
                    self._greet(slot)
                if (task := slot.queue.get()) is None:
                    return
                self._run(slot, task)
            except Exception as error:
                fault = _fault(error)
                self._gone(slot, fault or _words(error), fatal=fault is not None)
                if not slot.living:
                    return

    def _greet(self, slot: _Slot) -> None:
        """Wait until an actor is there."""
        about = slot.actor.about.remote()
        there, _ = self._ray.wait([about], timeout=PATIENCE)
        if not there:
            what = "GPU" if self._gpu else "CPU"
            text = f"{slot.name} waits for a free {what} of the cluster (see `ray status`)"
            self._messages.put(Noted(slot.name, text))
        found = self._ray.get(about)
        self._heard(slot, Ready(slot.name, found["device"], found["pid"]))

    def _run(self, slot: _Slot, task: Task) -> None:
        with self._lock:
            if task.id not in slot.tasks:
                return  # given back when the actor died
        for reference in slot.actor.run.options(num_returns="streaming").remote(task):
            self._heard(slot, replace(self._ray.get(reference), worker=slot.name))


def _fault(error: Exception) -> str | None:
    """Why another actor would fare no better (a device that isn't there); None otherwise."""
    cause = getattr(error, "cause", None)
    return str(cause) if isinstance(cause, InputError) else None


def _call(address: str) -> None:
    """Raise RayUnreachable where nobody listens: Ray would try for minutes, and complain aloud."""
    host, _, port = address.rpartition(":")
    if "/" in host or not host or not port.isdigit():
        return  # "auto", or a client's ray://…
    try:
        socket.create_connection((host.strip("[]"), int(port)), CALL).close()
    except (OSError, OverflowError) as error:
        raise RayUnreachable(address, error) from error


def _words(error: Exception) -> str:
    first = next((line for line in str(error).splitlines() if line.strip()), repr(error))
    return first.strip().strip("'\"").rstrip(".")[:300]
