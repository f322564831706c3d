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
from studio.batch.messages import (
    Began,
    Died,
    Message,
    Over,
    Ready,
    Result,
    Task,
    message,
    setup_from_json,
    setup_to_json,
)
from studio.batch.naming import STAGING
from studio.batch.runners.base import Runner, returned
from studio.batch.runners.workers import GRACE, MAX_DEATHS
from studio.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from studio.batch.model import Setup

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
        super().__init__(
            f"{where} can't be used: {str(error).splitlines()[0] if str(error) else error!r}.",
            hint="Check RAY_ADDRESS and `ray status`, or use --workers on this machine.",
        )


class Actor:
    """A worker on the cluster.

    Args:
        setup: of the batch, as JSON.
        root: the batch's folder, as the driver sees it.
        token: name of the folder for staged files.
        mark: what the file `MARK` says, where this is the driver's disk.
    """

    def __init__(self, setup: dict[str, Any], root: str, token: str, mark: str) -> None:
        from studio.batch.engine import JobEngine, open_session

        try:
            shared = Path(root, STAGING, MARK).read_text() == mark
        except OSError:
            shared = False
        self._own = None if shared else tempfile.TemporaryDirectory(prefix="latent-studio-")
        folder = Path(root) if self._own is None else Path(self._own.name)
        made = setup_from_json(setup)
        self._engine = JobEngine(made, open_session(made, folder), folder, token)
        self._folder = folder

    def about(self) -> dict[str, Any]:
        """The device, and where it is."""
        from studio.execution.worker import device_name

        device = device_name(self._engine.session.policy)
        return {"device": f"{device}, {socket.gethostname()}", "pid": os.getpid()}

    def run(self, task: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Run a task; yields what it has to say."""
        said: queue.SimpleQueue[Message] = queue.SimpleQueue()
        failed: list[BaseException] = []

        def work() -> None:
            try:
                self._engine.run(Task.from_json(task), said.put)
            except BaseException as error:
                failed.append(error)
                said.put(Over("", task["task"]))

        thread = threading.Thread(target=work, name="latent-studio-jobs", daemon=True)
        thread.start()
        while True:
            one = said.get()
            if failed:
                raise failed[0]
            if isinstance(one, Result) and self._own is not None:
                one = replace(one, data=self._contents(one))
            yield one.to_json()
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
class _Slot:
    name: str
    actor: Any = None
    tasks: dict[int, Task] = field(default_factory=dict)
    begun: set[int] = field(default_factory=set)
    queue: queue.SimpleQueue[Task | None] = field(default_factory=queue.SimpleQueue)
    thread: threading.Thread | None = None
    warm: bool = False
    deaths: int = 0
    lives: int = 1
    living: bool = True


class Cluster(Runner):
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
        super().__init__()
        try:
            # By name: it is an extra, which whoever checks types needn't have.
            ray: Any = importlib.import_module("ray")
        except ImportError:
            raise RayMissing from None
        self._ray = ray
        self._setup = setup
        self._root = root
        self._token = token
        self._lock = threading.RLock()
        self._closing = False
        self._cancelled = False
        self._mine = not ray.is_initialized()
        self._connect()
        gpus = int(ray.cluster_resources().get("GPU", 0))
        self._gpu = gpus > 0 and setup.device in (None, "auto", "cuda")
        count = workers or (gpus if self._gpu else 1) or 1
        self._slots = [_Slot(f"r{number}") for number in range(1, count + 1)]

    def _connect(self) -> None:
        if not self._mine:
            return
        address = os.environ.get("RAY_ADDRESS", "")
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

    @property
    def workers(self) -> tuple[str, ...]:
        return tuple(slot.name for slot in self._slots)

    def start(self) -> None:
        staging = self._root / STAGING
        staging.mkdir(exist_ok=True)
        (staging / MARK).write_text(self._token)
        for slot in self._slots:
            self._make(slot)
            slot.thread = threading.Thread(
                target=self._serve, args=(slot,), name=f"latent-studio-{slot.name}", daemon=True
            )
            slot.thread.start()

    def room(self) -> int:
        with self._lock:
            return sum(max(0, self._room(slot)) for slot in self._slots if slot.living)

    def _room(self, slot: _Slot) -> int:
        return self.ahead(warm=slot.warm) - len(slot.tasks)

    def submit(self, task: Task) -> None:
        with self._lock:
            living = [slot for slot in self._slots if slot.living]
            if not living:  # the last one went after it was asked whether there is room
                self._messages.put(returned(self._slots[0].name, task))
                return
            slot = max(living, key=self._room)
            slot.tasks[task.id] = task
            slot.queue.put(task)

    def cancel(self) -> None:
        with self._lock:
            self._cancelled = True
            for slot in self._slots:
                self._ask_cancel(slot)

    def close(self, *, kill: bool = False) -> None:
        with self._lock:
            self._closing = True
            for slot in self._slots:
                slot.queue.put(None)
                if not kill:
                    self._ask_cancel(slot)
        for slot in self._slots:
            if slot.thread is not None and not kill:
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

    def _make(self, slot: _Slot) -> None:
        device = "cuda" if self._gpu else self._setup.device
        setup = setup_to_json(replace(self._setup, device=device))
        # Two calls at a time: a task, and the wish to stop it.
        options = {"max_concurrency": 2, "num_cpus": 1, "num_gpus": 1 if self._gpu else 0}
        token = f"{self._token}/{slot.name}-{slot.lives}"
        remote = self._ray.remote(Actor)
        slot.actor = remote.options(**options).remote(setup, str(self._root), token, self._token)
        if self._cancelled:
            self._ask_cancel(slot)

    def _ask_cancel(self, slot: _Slot) -> None:
        if slot.actor is not None:
            with contextlib.suppress(Exception):  # one that is gone has nothing to stop
                slot.actor.cancel.remote()

    def _serve(self, slot: _Slot) -> None:
        greeted = False
        while True:
            try:
                if not greeted:
                    about = self._ray.get(slot.actor.about.remote())
                    self._messages.put(Ready(slot.name, about["device"], about["pid"]))
                    greeted = True
                if (task := slot.queue.get()) is None:
                    return
                self._run(slot, task)
            except Exception as error:
                greeted = False
                if not self._gone(slot, error):
                    return

    def _run(self, slot: _Slot, task: Task) -> None:
        with self._lock:
            if task.id not in slot.tasks:
                return  # given back when the actor died
        calls = slot.actor.run.options(num_returns="streaming").remote(task.to_json())
        for reference in calls:
            said = message(slot.name, self._ray.get(reference))
            with self._lock:
                match said:
                    case Began(task=number):
                        slot.begun.add(number)
                        slot.deaths = 0
                    case Over(task=number):
                        slot.warm = True
                        slot.tasks.pop(number, None)
                        slot.begun.discard(number)
                    case _:
                        pass
            self._messages.put(said)

    def _gone(self, slot: _Slot, error: Exception) -> bool:
        """An actor is gone: say what it had, and make another; False where that is no use."""
        fault = self._fault(error)
        with self._lock:
            begun = tuple(task for task in slot.tasks if task in slot.begun)
            waiting = tuple(task for task in slot.tasks if task not in slot.begun)
            slot.tasks.clear()
            slot.begun.clear()
            if self._closing:
                return False
            slot.deaths += not begun
            slot.lives += 1
            slot.warm = False
            slot.living = fault is None and slot.deaths < MAX_DEATHS
            if slot.living:
                self._make(slot)
        reason = fault or _words(error)
        self._messages.put(Died(slot.name, reason, begun, waiting, last=not slot.living))
        return slot.living

    def _fault(self, error: Exception) -> str | None:
        """Why another actor would fare no better (a device that isn't there); None otherwise."""
        cause = getattr(error, "cause", None)
        return str(cause) if isinstance(cause, InputError) else None


def _words(error: Exception) -> str:
    first = next((line for line in str(error).splitlines() if line.strip()), repr(error))
    return first.strip().rstrip(".")[:300]
