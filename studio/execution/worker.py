"""The worker: requests as JSON lines in, events as JSON lines out.

The editor runs it as a child process (or over ssh). Runs queue up and go one at a time in a thread
of their own; plans and inspections are answered beside them, and models are listed in a third.
Whatever a library prints goes to stderr. The end of stdin means that the editor is gone: the run
is cancelled and the process ends.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import studio
from studio import tuning
from studio.errors import StudioError
from studio.execution import requests
from studio.execution.events import NodeFinished, RunFinished
from studio.execution.listing import Listing
from studio.execution.memory import usage
from studio.execution.picturing import write_picture
from studio.execution.requests import (
    BadRequest,
    Cancel,
    Inspect,
    Models,
    Nodes,
    OnGraph,
    Picture,
    PlanRequest,
    Shutdown,
    Submit,
    Warm,
)
from studio.graph.errors import GraphError
from studio.hardware import cuda_names
from studio.words import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from studio.environment import Environment
    from studio.execution.events import Event
    from studio.execution.plan import Plan
    from studio.hardware import Policy
    from studio.session import Session

PROTOCOL = 1
MAX_LINE = 64 * 2**20

PLAN_PART = 400
"""Steps of a plan in one event."""


class Worker:
    """One worker process.

    Args:
        session: cache, node types, policy.
        output: where events go, a line each.
    """

    def __init__(self, session: Session, output: IO[bytes]) -> None:
        from studio.execution.executor import Executor

        self.session = session
        self._output = output
        self._lock = threading.Lock()
        self._executor = Executor(session.cache, session.policy, session.models, previews=True)
        self._running: str | None = None
        self._queued: dict[str, Submit] = {}
        self._closing = threading.Event()
        self._listing: Listing | None = None
        self._runs: queue.SimpleQueue[Submit | Warm | None] = queue.SimpleQueue()
        self._queries: queue.SimpleQueue[OnGraph | None] = queue.SimpleQueue()
        # Of their own: reading the headers of a thousand files mustn't keep a plan waiting.
        self._listings: queue.SimpleQueue[Models | None] = queue.SimpleQueue()

    def serve(self, lines: IO[bytes]) -> int:
        """Answer requests until shutdown or the end of `lines`; returns the exit code."""
        lanes: dict[str, tuple[queue.SimpleQueue[Any], Callable[[Any], None]]] = {
            "run": (self._runs, self._run),
            "query": (self._queries, self._query),
            "models": (self._listings, self._list),
        }
        threads = [
            threading.Thread(target=self._loop, args=lane, name=name)
            for name, lane in lanes.items()
        ]
        for thread in threads:
            thread.start()
        self._send(
            {
                "event": "ready",
                "protocol": PROTOCOL,
                "version": studio.__version__,
                "pid": os.getpid(),
                "device": self.session.policy.device,
                "device_name": device_name(self.session.policy),
                "dtype": self.session.policy.dtype,
            }
        )
        try:
            while line := lines.readline(MAX_LINE):
                if not line.endswith(b"\n") and len(line) >= MAX_LINE:
                    _skip_line(lines)
                    self._error(None, f"the line is longer than {MAX_LINE >> 20} MiB")
                elif line.strip() and not self._take(line):
                    break
        finally:
            self._closing.set()
            with self._lock:
                self._queued.clear()
                self._executor.cancel.set()
            for source, _ in lanes.values():
                source.put(None)
            for thread in threads:
                thread.join()
        return 0

    def _take(self, line: bytes) -> bool:
        """Handle one line; False ends the worker."""
        try:
            request = requests.parse(line)
        except BadRequest as error:
            self._error(error.identity, error.message)
            return True
        match request:
            case Shutdown():
                return False
            case Cancel(run=run):
                self._cancel(request.id, run)
            case Nodes():
                self._nodes(request.id)
            case Submit():
                with self._lock:
                    known = request.id == self._running or request.id in self._queued
                    if not known:
                        self._queued[request.id] = request
                if known:
                    self._error(request.id, "a run with this id is under way")
                else:
                    self._send({"event": "accepted", "id": request.id})
                    self._runs.put(request)
            case PlanRequest() | Inspect() | Picture():
                self._queries.put(request)
            case Models():
                self._listings.put(request)
            case Warm():
                self._runs.put(request)
        return True

    def _loop(self, source: queue.SimpleQueue[Any], handle: Callable[[Any], None]) -> None:
        while (request := source.get()) is not None:
            try:
                handle(request)
            except GraphError as error:
                faults = [fault.to_json() for fault in error.faults]
                self._reject(request.id, str(error), faults)
            except StudioError as error:
                self._reject(request.id, str(error), [])
            except Exception as error:
                # A fault of ours must not end the worker: the editor's queue goes on.
                traceback.print_exc()
                self._error(request.id, f"{type(error).__name__}: {error}")

    def _run(self, request: Submit | Warm) -> None:
        if isinstance(request, Warm):
            self._warm(request)
            return
        with self._lock:
            if self._queued.pop(request.id, None) is None:
                return  # cancelled while it waited; that was reported then
            self._running = request.id
            self._executor.cancel.clear()
        try:
            plan, environment = self._plan(request)
            environment.output.check()
            steps = [plan.steps[name].to_json() for name in plan.running]
            planned: dict[str, Any] = {"event": "planned", "id": request.id, "steps": steps}
            if request.only:
                planned["needed"] = [*plan.graph.nodes, *plan.graph.folded]
            self._send(planned)
            self._executor.run(plan, environment, lambda event: self._report(event, request.id))
        finally:
            with self._lock:
                self._running = None

    def _report(self, event: Event, identity: str) -> None:
        data = {**event.to_json(), "id": identity}
        if isinstance(event, NodeFinished | RunFinished):
            data["memory"] = usage(self.session.policy)
        self._send(data)

    def _warm(self, request: Warm) -> None:
        start = time.perf_counter()
        tuning.before_torch()
        _ = self._executor.models
        seconds = round(time.perf_counter() - start, 6)
        memory = usage(self.session.policy)
        self._send({"event": "warmed", "id": request.id, "seconds": seconds, "memory": memory})

    def _list(self, request: Models) -> None:
        self._listing = self._listing or Listing(self.session.places)
        kinds = list(dict.fromkeys(request.kinds))
        pages = self._listing.pages(kinds, self._closing.is_set)
        for number, (kind, models, whole) in enumerate(pages, 1):
            self._send(
                {
                    "event": "models",
                    "id": request.id,
                    "kind": kind,
                    "models": models,
                    "whole": whole,
                    "last": number == 2 * len(kinds),
                }
            )

    def _query(self, request: PlanRequest | Inspect | Picture) -> None:
        if isinstance(request, Picture):
            # Also of a node that nothing which writes a result needs.
            request = request.model_copy(update={"only": [request.node]})
        plan, _ = self._plan(request)
        if isinstance(request, PlanRequest):
            self._send_plan(request.id, plan)
            return
        signed = plan.signed.get(request.node)
        found = self.session.cache.get(signed.key) if signed else None
        if isinstance(request, Picture):
            self._send_picture(request, found[0].get(request.output) if found else None)
            return
        self._send(
            {
                "event": "inspected",
                "id": request.id,
                "node": request.node,
                "key": signed.key if signed else None,
                "tier": found[1] if found else None,
                "outputs": {name: summary(value) for name, value in found[0].items()}
                if found
                else None,
            }
        )

    def _send_picture(self, request: Picture, value: Any) -> None:
        from studio.values import Image

        fault = ""
        if value is None:
            fault = "it hasn't been made yet"
        elif not isinstance(value, Image) or not len(value.pixels):
            fault = "it is no picture"
        else:
            write_picture(value, request.path)
        self._send(
            {
                "event": "pictured",
                "id": request.id,
                "node": request.node,
                "output": request.output,
                "path": None if fault else str(request.path),
                "reason": fault,
            }
        )

    def _send_plan(self, identity: str, plan: Plan) -> None:
        steps = [step.to_json() for step in plan.steps.values()]
        # In parts, so that whoever reads them can do something else in between.
        starts = range(0, max(1, len(steps)), PLAN_PART)
        for start in starts:
            last = start == starts[-1]
            self._send(
                {
                    "event": "plan",
                    "id": identity,
                    "steps": steps[start : start + PLAN_PART],
                    "folded": dict(plan.graph.folded) if last else {},
                    "faults": [fault.to_json() for fault in plan.graph.warnings] if last else [],
                    "last": last,
                }
            )

    def _plan(self, request: OnGraph) -> tuple[Plan, Environment]:
        from studio.graph.files import from_json
        from studio.graph.overrides import apply_sets

        session = self.session
        graph = apply_sets(from_json(request.graph), session.registry, request.sets)
        environment = session.environment_at(request.base or Path.cwd(), request.name, request.out)
        checked = session.check(graph, environment, request.name, request.only)
        return session.plan(checked, environment, request.history), environment

    def _cancel(self, identity: str, run: str) -> None:
        with self._lock:
            waiting = self._queued.pop(run, None)
            if waiting is None and self._running == run:
                self._executor.cancel.set()
        if waiting is not None:
            self._send(
                {
                    "event": "run_finished",
                    "id": run,
                    "status": "cancelled",
                    "outputs": [],
                    "seconds": 0.0,
                    "message": "",
                    "exit_code": 130,
                }
            )
        self._send({"event": "cancelling", "id": identity, "run": run})

    def _nodes(self, identity: str) -> None:
        from studio.describe import describe

        registry = self.session.registry
        self._send(
            {
                "event": "nodes",
                "id": identity,
                "nodes": [describe(spec) for spec in registry.values()],
                "problems": list(registry.problems),
            }
        )

    def _reject(self, identity: str, message: str, faults: list[dict[str, Any]]) -> None:
        self._send({"event": "rejected", "id": identity, "message": message, "faults": faults})

    def _error(self, identity: Any, message: str) -> None:
        self._send({"event": "error", "id": identity, "message": message})

    def _send(self, data: dict[str, Any]) -> None:
        line = plain(json.dumps(data, ensure_ascii=False)).encode() + b"\n"
        with self._lock:
            try:
                self._output.write(line)
                self._output.flush()
            except (BrokenPipeError, ValueError):
                self._executor.cancel.set()  # nobody listens any more


def summary(value: Any) -> dict[str, Any]:
    """What an editor shows of a value: its type, and of each tensor shape, range and mean."""
    from studio.values import tensors_of

    tensors = []
    for tensor in tensors_of(value):
        entry: dict[str, Any] = {
            "shape": list(tensor.shape),
            "dtype": str(tensor.dtype).removeprefix("torch."),
            "bytes": tensor.numel() * tensor.element_size(),
        }
        if tensor.numel() and tensor.is_floating_point():
            entry |= {
                "min": float(tensor.min()),
                "max": float(tensor.max()),
                "mean": float(tensor.float().mean()),
            }
        tensors.append(entry)
    light = value if isinstance(value, (int, float, str, bool, type(None))) else None
    return {"type": type(value).__name__, "tensors": tensors, "value": light}


def device_name(policy: Policy) -> str:
    """What people call the device: "NVIDIA H200", "CPU"."""
    if policy.kind == "cuda":
        names = cuda_names()
        index = int(policy.device.partition(":")[2] or 0)
        return names[index] if index < len(names) else policy.device
    return "Apple GPU" if policy.kind == "mps" else "CPU"


def main(device: str | None = None, dtype: str | None = None) -> int:
    """Serve stdin and stdout until shutdown."""
    # Libraries print; the protocol must stay clean, so stdout becomes stderr for everyone else.
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    from studio.session import Session

    try:
        session = Session.open(device=device, dtype=dtype, memory_cache=True)
    except StudioError as error:
        output.write(json.dumps({"event": "error", "id": None, "message": str(error)}).encode())
        output.write(b"\n")
        output.flush()
        raise
    with session, output:
        return Worker(session, output).serve(sys.stdin.buffer)


def _skip_line(lines: IO[bytes]) -> None:
    while (rest := lines.readline(MAX_LINE)) and not rest.endswith(b"\n"):
        pass
