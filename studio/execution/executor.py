"""The executor: a plan in, typed events out.

Nodes run one at a time in the calling thread. Pictures are encoded and written on a side thread
while the next node computes. A tensor is dropped as soon as the last node that needs it has run.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent import futures
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from studio import tuning
from studio.errors import Cancelled, StudioError
from studio.execution import events
from studio.execution.run import Run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from studio.diffusion.store import ModelStore
    from studio.environment import Environment
    from studio.execution.cache import Cache
    from studio.execution.plan import Plan
    from studio.hardware import Policy

Emit = Callable[[events.Event], None]
Status = Literal["ok", "failed", "cancelled"]


@dataclass
class RunResult:
    """What a run came to.

    Args:
        status: "ok", "failed" or "cancelled".
        outputs: every file, written now or found.
        error: what stopped it.
        values: outputs of the targets, by node (nodes with effects have none).
    """

    status: Status
    outputs: tuple[events.OutputWritten, ...]
    error: StudioError | None = None
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        if self.status == "cancelled":
            return 130
        return self.error.exit_code if self.error else 0


class Executor:
    """Runs plans; keeps the models warm between them.

    Args:
        cache: asked for and given results.
        policy: device and dtype.
        models: makes the model store, called when a node first asks for it.
        cancel: set from anywhere to stop the run within a step.
        previews: make previews; off where nobody looks at them.

    Attributes:
        make_writer: gives each run what encodes and writes its pictures, one after another.
    """

    def __init__(
        self,
        cache: Cache,
        policy: Policy,
        models: Callable[[], ModelStore],
        cancel: threading.Event | None = None,
        *,
        previews: bool = False,
    ) -> None:
        self.cache = cache
        self.policy = policy
        self.cancel = cancel or threading.Event()
        self.previews = previews
        self.make_writer: Callable[[], futures.Executor] = _side_thread
        self._make_models = models
        self._models: ModelStore | None = None
        self._import_seconds = 0.0
        self._tuned = False

    @property
    def models(self) -> ModelStore:
        if self._models is None:
            start = time.perf_counter()
            self._models = self._make_models()
            self._import_seconds = time.perf_counter() - start
        return self._models

    @property
    def loading_seconds(self) -> float:
        """Time spent on importing libraries and reading weights so far."""
        return self._import_seconds + (self._models.loading_seconds if self._models else 0.0)

    @property
    def reused_seconds(self) -> float:
        """Load time of every module handed out warm so far (0 before a model was asked for)."""
        return self._models.reused_seconds if self._models else 0.0

    def run(self, plan: Plan, environment: Environment, emit: Emit) -> RunResult:
        """Run a plan to its end, its failure or its cancellation. Raises nothing of the nodes'."""
        return self.begin(plan, environment, emit).finish()

    def begin(self, plan: Plan, environment: Environment, emit: Emit) -> Begun:
        """Run all nodes of a plan. Its files may still be on their way to the disk afterwards, so
        that another plan can begin meanwhile. Raises nothing of the nodes'.

        Returns:
            The run, to be finished, in this thread or another.
        """
        if plan.running and not self._tuned:
            tuning.before_torch()  # a node may import torch without asking for a model
            self._tuned = True
        run = Run(self, plan, environment, emit)
        begun = Begun(run)
        emit(events.RunStarted(plan.graph.document.title, plan.running))
        try:
            run.all()
        except Cancelled:
            begun.status = "cancelled"
        except StudioError as raised:
            begun.status, begun.error = "failed", raised
        except BaseException:
            run.close()
            raise
        return begun


def _side_thread() -> futures.Executor:
    return futures.ThreadPoolExecutor(1, thread_name_prefix="latent-studio-writer")


class Begun:
    """A run whose nodes have run.

    Args:
        run: under way.

    Attributes:
        status: what it has come to so far.
        error: what stopped it, so far.
    """

    def __init__(self, run: Run) -> None:
        self.status: Status = "ok"
        self.error: StudioError | None = None
        self._run = run
        self._start = time.perf_counter()

    def finish(self) -> RunResult:
        """Wait until its files are written, and report the end."""
        run = self._run
        late = run.close()
        if self.error is None and late is not None:
            self.status, self.error = "failed", late
        run.remember()
        result = RunResult(self.status, tuple(run.outputs), self.error, run.target_values())
        run.emit(
            events.RunFinished(
                self.status,
                result.outputs,
                round(time.perf_counter() - self._start, 6),
                str(self.error) if self.error else "",
                result.exit_code,
            )
        )
        return result
