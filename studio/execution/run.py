"""One run: the state between its first node and its last, and the context its nodes get."""

from __future__ import annotations

import math
import sys
import time
import traceback
from collections import Counter
from typing import TYPE_CHECKING, Any

from studio.collector import held_back
from studio.context import Context
from studio.errors import Cancelled, InputError, StudioError
from studio.execution import events
from studio.execution.faults import NodeError, NotFinite
from studio.execution.picturing import preview_of
from studio.execution.plan import Action, Plan, make_plan
from studio.execution.provenance import provenance
from studio.values import tensors_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent import futures

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from studio.context import Preview
    from studio.diffusion.store import ModelStore
    from studio.environment import Environment
    from studio.execution.cache import SavedFile
    from studio.execution.executor import Emit, Executor
    from studio.graph.checked import CheckedNode

PREVIEW_INTERVAL = 0.1
"""Seconds between previews; a person sees no more, and each costs a JPEG."""


class _CacheMiss(Exception):
    """An entry that the plan relied on is gone, damaged or can't be read."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class Run:
    """The state of one run."""

    def __init__(
        self, executor: Executor, plan: Plan, environment: Environment, emit: Emit
    ) -> None:
        self.executor = executor
        self.plan = plan
        self.environment = environment
        self.emit = emit
        self.values: dict[str, dict[str, Any]] = {}
        self.outputs: list[events.OutputWritten] = []
        self.seconds: dict[str, float] = {}
        self.done: set[str] = set()
        self._announced: set[str] = set()
        self._lost: set[str] = set()
        self._position = {name: index for index, name in enumerate(plan.graph.nodes)}
        self._writer: futures.Executor | None = None
        self._writing: list[tuple[str, float, futures.Future[Sequence[SavedFile]]]] = []

    def all(self) -> None:
        while True:
            try:
                self._pass()
                return
            except _CacheMiss as miss:
                self._lost.add(miss.key)
                self._replan()

    def _replan(self) -> None:
        """Plan again from what is at hand."""
        plan = self.plan
        written = {name for name in self.done if plan.graph.nodes[name].spec.effects}
        self._announced |= written
        # What ran and was dropped since may be needed again.
        self.done = written | (self.done & self.values.keys())
        self.plan = make_plan(
            plan.graph,
            plan.signed,
            self.executor.cache,
            self.environment,
            plan.graph_id,
            at_hand={*self.values, *written},
            lost=self._lost,
        )

    def _pass(self) -> None:
        steps, nodes = self.plan.steps, self.plan.graph.nodes
        todo = [
            name
            for name, step in steps.items()
            if step.action is Action.RUN and name not in self.done
        ]
        # Light targets come last: they may be made from what runs.
        late = [
            name
            for name in self.plan.graph.targets
            if name in steps and steps[name].action is Action.LIGHT
        ]
        sources = {name: self._sources(name) for name in (*todo, *late)}
        consumers: Counter[str] = Counter()
        for names in sources.values():
            consumers.update(names)
        for name in self.plan.graph.targets:
            step = steps.get(name)
            if step is None or name in self._announced:
                continue
            if step.action is Action.SAVED:
                self._announced.add(name)
                self.emit(events.NodeCached(name, "saved"))
                for file in step.files:
                    self._output(name, str(file.path), saved=True)
            elif step.action is Action.CACHED:
                self._announced.add(name)
                self._value(name)
                consumers[name] += 1
        for name in self.plan.graph.targets:
            consumers[name] += 1
        for name in todo:
            self._check_cancelled()
            self._collect()
            self._node(nodes[name])
            for source in sources[name]:
                consumers[source] -= 1
                if not consumers[source]:
                    self.values.pop(source, None)
            if not consumers[name]:
                self.values.pop(name, None)
        for name in late:
            self._value(name)

    def _sources(self, name: str) -> set[str]:
        """The nodes whose values it takes to make this one, light ones in between included."""
        nodes = self.plan.graph.nodes
        found: set[str] = set()
        stack = [name]
        while stack:
            for source in nodes[stack.pop()].wires.values():
                if source.node not in found:
                    found.add(source.node)
                    if nodes[source.node].spec.light:
                        stack.append(source.node)
        return found

    def _value(self, name: str) -> dict[str, Any]:
        """A node's outputs: held, made at once where light, or read from the cache."""
        if name in self.values:
            return self.values[name]
        node = self.plan.graph.nodes[name]
        if node.spec.light:
            # Those above first, in order: a chain of light nodes may be longer than the stack.
            nodes = self.plan.graph.nodes
            above = [n for n in self._sources(name) if nodes[n].spec.light]
            for other in sorted([*above, name], key=self._position.__getitem__):
                if other not in self.values:
                    self.values[other] = self._call(nodes[other])
            return self.values[name]
        found = self.executor.cache.get(self.plan.signed[name].key)
        if found is None:
            raise _CacheMiss(self.plan.signed[name].key)
        outputs, tier = found
        if name not in self._announced:
            self._announced.add(name)
            self.emit(events.NodeCached(name, tier, self._preview(node, outputs)))
        self.values[name] = outputs
        return outputs

    def _node(self, node: CheckedNode) -> None:
        # Inputs first: a damaged cache entry must surface before the node is said to run.
        for source in node.wires.values():
            self._value(source.node)
        self.emit(events.NodeStarted(node.id, node.spec.type))
        reused, loading = self.executor.reused_seconds, self.executor.loading_seconds
        start = time.perf_counter()
        writing = len(self._writing)
        outputs = self._call(node)
        seconds = time.perf_counter() - start
        self._check_finite(node, outputs)
        self.done.add(node.id)
        self.seconds[node.id] = seconds
        if not node.spec.effects:
            self.values[node.id] = outputs
            self.executor.cache.put(
                self.plan.signed[node.id].key,
                outputs,
                # Models that were warm would have to be loaded again after a restart.
                compute_seconds=seconds + self.executor.reused_seconds - reused,
                node_type=node.spec.type,
            )
        if len(self._writing) == writing:
            loading = self.executor.loading_seconds - loading
            preview = self._preview(node, outputs)
            self.emit(events.NodeFinished(node.id, round(seconds, 6), round(loading, 6), preview))

    def _preview(self, node: CheckedNode, outputs: dict[str, Any]) -> NDArray[np.uint8] | None:
        return preview_of(node.spec, outputs) if self.executor.previews else None

    def _call(self, node: CheckedNode) -> dict[str, Any]:
        params = dict(node.params)
        inputs: dict[str, Any] = dict(node.constants)
        for port, source in node.wires.items():
            value = self._value(source.node)[source.output]
            if param := node.spec.param_by_name.get(port):
                try:
                    params[port] = param.check(value)
                except ValueError as error:
                    misfit = InputError(f"{error} (from {source.node}).")
                    failure = NodeError(node.id, node.spec.type, misfit)
                    self.emit(events.NodeFailed(node.id, str(failure)))
                    raise failure from None
            else:
                inputs[port] = value
        context = RunContext(self, node)
        try:
            return node.spec.call(inputs, params, context)
        except (Cancelled, KeyboardInterrupt):
            raise
        except BaseException as error:
            failure = NodeError(node.id, node.spec.type, error)
            detail = "" if isinstance(error, StudioError) else traceback.format_exc()
            self.emit(events.NodeFailed(node.id, str(failure), detail))
            raise failure from error

    def _check_finite(self, node: CheckedNode, outputs: Mapping[str, Any]) -> None:
        torch = sys.modules.get("torch")
        if torch is None:
            return
        for name, value in outputs.items():
            for tensor in tensors_of(value):
                if not tensor.is_floating_point() or _all_finite(tensor):
                    continue
                bad = int((~torch.isfinite(tensor)).sum())
                error = NotFinite(
                    f"{node.id} ({node.spec.type})",
                    name,
                    bad,
                    tensor.numel(),
                    self.executor.policy.dtype,
                )
                self.emit(events.NodeFailed(node.id, str(error)))
                raise error

    def _check_cancelled(self) -> None:
        if self.executor.cancel.is_set():
            raise Cancelled

    # Writing on the side thread

    def write(self, node: CheckedNode, job: Callable[[], Sequence[SavedFile]]) -> None:
        if self._writer is None:
            self._writer = self.executor.make_writer()
        self._writing.append((node.id, time.perf_counter(), self._writer.submit(job)))

    def _collect(self, *, wait: bool = False) -> None:
        """Report the writes that are done; wait for all of them where asked."""
        while self._writing and (wait or self._writing[0][2].done()):
            name, start, future = self._writing.pop(0)
            node = self.plan.graph.nodes[name]
            try:
                files = future.result()
            except Exception as error:
                failure = NodeError(name, node.spec.type, error)
                detail = "" if isinstance(error, StudioError) else traceback.format_exc()
                self.emit(events.NodeFailed(name, str(failure), detail))
                raise failure from error
            self.executor.cache.record_saved(
                self.plan.signed[name].key, self.environment.output.root, files
            )
            for file in files:
                self._output(name, str(file.path))
            self.emit(events.NodeFinished(name, round(time.perf_counter() - start, 6)))

    def _output(self, node: str, path: str, *, saved: bool = False) -> None:
        written = events.OutputWritten(node, path, saved)
        self.outputs.append(written)
        self.emit(written)

    def close(self) -> StudioError | None:
        """Finish what is being written (each file whole), and stop the thread."""
        failure: StudioError | None = None
        while self._writing:
            try:
                self._collect(wait=True)
            except StudioError as error:
                failure = failure or error
        if self._writer:
            self._writer.shutdown(wait=True)
            self._writer = None
        return failure

    @held_back()
    def remember(self) -> None:
        """Note what each node was computed from, for the reasons of the next plan."""
        pending = {
            name
            for name, step in self.plan.steps.items()
            if step.action is Action.RUN and name not in self.done
        }
        self.executor.cache.remember(
            self.plan.graph_id,
            {
                name: (signed.key, dict(signed.signature))
                for name, signed in self.plan.signed.items()
                if name not in pending
            },
        )

    def target_values(self) -> dict[str, Mapping[str, Any]]:
        return {name: self.values[name] for name in self.plan.graph.targets if name in self.values}


class RunContext(Context):
    """The `Context` of one node in one run."""

    def __init__(self, run: Run, node: CheckedNode) -> None:
        self._run = run
        self._node = node
        self.node = node.id
        self.key = run.plan.signed[node.id].key
        self.policy = run.executor.policy
        self.environment = run.environment
        self._last_preview = 0.0

    def check_cancelled(self) -> None:
        self._run._check_cancelled()  # noqa: SLF001  - the context is the run's own

    def progress(self, step: int, of: int, preview: Preview | None = None) -> None:
        picture = None
        now = time.monotonic()
        due = now - self._last_preview >= PREVIEW_INTERVAL or step == of
        if preview is not None and due and self._run.executor.previews:
            self._last_preview = now
            picture = preview()
        self._run.emit(events.NodeProgress(self.node, step, of, picture))
        self.check_cancelled()

    def warn(self, message: str) -> None:
        self._run.emit(events.Warned(message, self.node))

    @property
    def models(self) -> ModelStore:
        return self._run.executor.models

    def write(self, job: Callable[[], Sequence[SavedFile]]) -> None:
        self._run.write(self._node, job)

    def provenance(self) -> Mapping[str, Any]:
        run = self._run
        return provenance(run.plan, self.node, run.executor.policy, run.seconds)


def _all_finite(tensor: Tensor) -> bool:
    # A finite sum says so in one pass and without copies, 30 times faster than isfinite; only
    # where it isn't (it may have overflowed) are the values looked at one by one.
    return math.isfinite(tensor.sum().item()) or bool(tensor.isfinite().all())
