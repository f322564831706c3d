"""The worker as the editor sees it: requests out, events in, and what to do when it dies.

It answers in JSON lines on stdout; what isn't one goes to the log, and so does its stderr. A
worker that dies is started again, unless it dies at once three times in a row. One that is silent
for `SILENCE` after it was asked to stop a run is killed.
"""

from __future__ import annotations

import json
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Literal

from PySide6.QtCore import QObject, QTimer, Signal

from ui.engine.child import ENDING, Child
from ui.engine.command import default_command
from ui.engine.deaths import Restarts, why_ended

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

State = Literal["stopped", "starting", "ready", "failed"]

SILENCE = 5.0
"""Seconds without a word after which a worker that was asked to stop a run is killed."""

STARTING = 60.0
"""Seconds that a worker has to say that it is ready."""

LOG_LINES = 2000
LAST_LINES = 20

WARM_AFTER = 1.0
"""Seconds after it is ready, so that the first plan goes before."""

_ENDS_RUN = frozenset({"run_finished", "rejected", "error"})

ENDING_IDLE = 0.5
"""Seconds that a worker without a run has to end by itself when the editor closes."""

_CLOSING = b'{"id": "end", "request": "shutdown"}\n'


class EngineClient(QObject):
    """The engine, as the editor talks to it.

    Args:
        command: program and arguments; None takes this program's own worker.
        warm: let it import its libraries while nothing else is to do.
        environment: variables added to this process's.
        parent: Qt's.
    """

    ready = Signal(object)
    """dict: the worker's first event (version, device, dtype, ...), after each start."""
    received = Signal(object)
    """dict: every event, "ready" included."""
    died = Signal(str, list)
    """What happened, in words for people, and the worker's last lines. `state` says whether it is
    started again."""
    log_line = Signal(str)
    state_changed = Signal(str)
    memory_changed = Signal(object)
    """dict: "device", and bytes "used", "peak" and "total"."""

    def __init__(
        self,
        command: Sequence[str] | None = None,
        *,
        warm: bool = True,
        environment: dict[str, str] | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.command = tuple(command or default_command())
        self.state: State = "stopped"
        self.about: dict[str, Any] = {}
        self.memory: dict[str, Any] = {}
        self.log: deque[str] = deque(maxlen=LOG_LINES)
        self.silence = SILENCE
        self.starting = STARTING
        # Where a library crashes, the last lines then say in which.
        self._environment = {
            "PYTHONFAULTHANDLER": "1", "PYTHONIOENCODING": "utf-8", **(environment or {})
        }  # fmt: skip
        self._warm = warm
        self._count = 0
        self._child: Child | None = None
        self._runs: set[str] = set()
        self._asked: dict[str, float] = {}
        self._ready_at: float | None = None
        self._message = ""
        self._said: deque[str] = deque(maxlen=LAST_LINES)
        self._restarts = Restarts()
        self._again = self._timer(0.0, self._launch)
        self._late = self._timer(0.0, self._start_failed)
        self._warming = self._timer(WARM_AFTER, self._send_warm)
        self._watch = self._timer(0.25, self._check_silence, single=False)

    # Starting and ending

    def start(self) -> None:
        """Start the worker; nothing where it runs already."""
        if self.state in ("stopped", "failed"):
            self._restarts.reset()
            self._launch()

    def stop(self) -> None:
        """End the worker: it finishes the file it writes, and is killed after `ENDING` at most."""
        # Without a run nothing is lost, and it may be busy importing its libraries.
        patience = ENDING if self._runs else ENDING_IDLE
        child = self._drop()
        self._set_state("stopped")
        if child is not None:
            child.end(_CLOSING, patience)
        for other in self.findChildren(Child):
            other.wait(ENDING)

    def restart(self, command: Sequence[str] | None = None) -> None:
        """Kill the worker and start it anew; a run under way is lost, and that is told.

        Args:
            command: from now on; None keeps what there is.
        """
        if command is not None:
            self.command = tuple(command)
        running = bool(self._runs)
        if (child := self._drop()) is not None:
            child.forget()
        self._restarts.reset()
        self._set_state("starting")
        if running:
            self._tell_death("The engine was started anew, as you asked.")
        self._launch()

    @property
    def is_ready(self) -> bool:
        return self.state == "ready"

    @property
    def pid(self) -> int:
        """Of the worker; 0 where there is none."""
        return self._child.pid if self._child else 0

    @property
    def words(self) -> str:
        """The engine's state for people: "Engine ready · NVIDIA H200 · bfloat16"."""
        match self.state:
            case "ready":
                device = self.about.get("device_name") or self.about.get("device")
                words = ["Engine ready", device, self.about.get("dtype")]
                return " · ".join(str(word) for word in words if word)
            case "starting":
                return "Engine starting …"
            case "failed":
                return "Engine can't be started"
        return "Engine stopped"

    # Requests

    def submit(self, graph: str, *, run: str = "", **place: Any) -> str:
        """Run a graph; its events carry the id returned. Empty where the engine isn't ready.

        Args:
            graph: JSON text without line breaks.
            run: its id; made where empty.
            place: `base`, `name`, `history`, `only`, `sets`, `out`, as the worker takes them.
        """
        identity = self._on_graph("submit", graph, place, run)
        if identity:
            self._warming.stop()
            self._runs.add(identity)
        return identity

    def cancel(self, run: str) -> None:
        """Stop a run, by the id of its submit; the worker is killed where it doesn't answer."""
        if self._send({"request": "cancel", "run": run}) and run in self._runs:
            self._asked.setdefault(run, time.monotonic())
            self._watch.start()

    def plan(self, graph: str, **place: Any) -> str:
        """Ask for the plan of a graph: "plan" or "rejected" comes with the id returned."""
        return self._on_graph("plan", graph, place)

    def inspect(self, graph: str, node: str, **place: Any) -> str:
        """Ask what a node's outputs are: "inspected" or "rejected" comes with the id returned."""
        return self._on_graph("inspect", graph, {**place, "node": node})

    def picture(self, graph: str, node: str, output: str, *, path: Path, **place: Any) -> str:
        """Ask for a picture that a node made: "pictured" or "rejected" comes with the id returned.

        Args:
            graph: JSON text without line breaks.
            node: its id.
            output: of it, an Image.
            path: a PNG that the worker writes, where the node's result is still there; the answer's
                "path" is null otherwise, and its "reason" says why.
            place: as for `plan`.
        """
        fields = {**place, "node": node, "output": output, "path": path}
        return self._on_graph("picture", graph, fields)

    def models(self, kinds: Sequence[str] = ()) -> str:
        """Ask for the model files: "models" events come with the id returned."""
        return self._send({"request": "models", **({"kinds": list(kinds)} if kinds else {})})

    def warm(self) -> str:
        """Let the worker import what a run needs: "warmed" comes with the id returned."""
        return self._send({"request": "warm"})

    def _on_graph(self, request: str, graph: str, place: dict[str, Any], run: str = "") -> str:
        fields = {key: _plain(value) for key, value in place.items() if value not in (None, (), [])}
        return self._send({**fields, "request": request}, f', "graph": {graph}', run)

    def _send(self, data: dict[str, Any], rest: str = "", identity: str = "") -> str:
        """Write a request; its id, empty where there is nobody to write to."""
        if self._child is None or self.state != "ready":
            return ""
        self._count += 1
        identity = identity or f"{data['request']}-{self._count}"
        head = json.dumps({"id": identity, **data})
        # The graph is text already: big ones aren't taken apart again.
        self._child.write(f"{head[:-1]}{rest}}}\n".encode())
        return identity

    def _send_warm(self) -> None:
        if not self._runs:
            self.warm()

    # The process

    def _launch(self) -> None:
        self._child = child = Child(self.command, self._environment, self)
        child.line.connect(self._take)
        child.error_line.connect(self._log)
        child.ended.connect(self._ended)
        child.failed.connect(self._not_started)
        self._ready_at, self._message = None, ""
        self._said.clear()
        self._set_state("starting")
        self._late.start(int(self.starting * 1000))
        child.start()

    def _drop(self) -> Child | None:
        """Let go of the process and of all that was asked of it."""
        for timer in (self._again, self._late, self._warming, self._watch):
            timer.stop()
        child, self._child = self._child, None
        self._runs.clear()
        self._asked.clear()
        return child

    def _not_started(self, why: str) -> None:
        self._end(f"{self.command[0]}: {why}", again=False)

    def _ended(self, code: int, crashed: bool) -> None:
        self._end(why_ended(code, crashed, list(self._said), self._message))

    def _start_failed(self) -> None:
        self._end(f"it said nothing for {self.starting:g} s, and was killed")

    def _check_silence(self) -> None:
        self._asked = {run: at for run, at in self._asked.items() if run in self._runs}
        if not self._asked or self._child is None:
            self._watch.stop()
        elif time.monotonic() - max(self._child.heard, *self._asked.values()) > self.silence:
            self._end(f"it was silent for {self.silence:g} s when asked to stop, and was killed")

    def _end(self, why: str, *, again: bool = True) -> None:
        """The worker is gone, or has to go: start another where that makes sense, and tell."""
        lived = None if self._ready_at is None else time.monotonic() - self._ready_at
        delay = self._restarts.died(lived, bool(self._runs)) if again else None
        if (child := self._drop()) is not None:
            child.forget()
        self._set_state("failed" if delay is None else "starting")
        what = "The engine didn't start" if lived is None else "The engine died"
        then = "It isn't started again by itself." if delay is None else "It is started again."
        self._tell_death(f"{what}: {why.rstrip('.')}. {then}")
        # Whoever heard of it may have stopped the client.
        if delay is not None and self.state == "starting" and self._child is None:
            self._again.start(int(delay * 1000))

    def _tell_death(self, words: str) -> None:
        last = list(self._said)
        self._log(words)
        self.died.emit(words, last)

    # What it says

    def _take(self, line: bytes) -> None:
        if not line.strip():
            return
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            event = None
        if not isinstance(event, dict) or not isinstance(event.get("event"), str):
            self._log("stdout: " + line[:500].decode(errors="replace"))
            return
        match event["event"]:
            case "ready":
                self._became_ready(event)
            case "error":
                self._log(f"error: {event.get('message', '')}")
                if self._ready_at is None:
                    self._message = str(event.get("message", ""))
        if event["event"] in _ENDS_RUN:
            self._runs.discard(str(event.get("id")))
        if memory := event.get("memory"):
            self.memory = memory
            self.memory_changed.emit(memory)
        self.received.emit(event)

    def _became_ready(self, event: dict[str, Any]) -> None:
        self._ready_at = time.monotonic()
        self._late.stop()
        self.about = event
        self._set_state("ready")
        if self._warm:
            self._warming.start()
        self.ready.emit(event)

    def _log(self, text: str) -> None:
        self._said.append(text)
        self.log.append(text)
        self.log_line.emit(text)

    # Small things

    def _set_state(self, state: State) -> None:
        if state != self.state:
            self.state = state
            self.state_changed.emit(state)

    def _timer(self, seconds: float, slot: Callable[[], None], *, single: bool = True) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(single)
        timer.setInterval(int(seconds * 1000))
        timer.timeout.connect(slot)
        return timer


def _plain(value: Any) -> Any:
    """A path as text, a tuple as a list."""
    if isinstance(value, tuple | list | set | frozenset):
        return list(value)
    return value if isinstance(value, str | int | float | bool | dict) else str(value)
