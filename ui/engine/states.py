"""What each node is doing: from the plan of the graph, and from the events of its runs.

The canvas and the inspector read it; whoever has news writes it (`ui.engine.planner`,
`ui.engine.queue`). News of progress is gathered and told at most `TOLD_PER_SECOND` times a second.
"""

from __future__ import annotations

import base64
import binascii
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QImage

from ui.engine.nodestate import UNKNOWN, NodeState, Status, by_mode, by_plan, with_past
from ui.engine.pictures import PictureLoader
from ui.engine.rate import RateMeter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = ["PICTURE_SIDE", "TOLD_PER_SECOND", "UNKNOWN", "NodeState", "NodeStates", "Status"]

TOLD_PER_SECOND = 15
"""More pictures than this a second nobody sees, and each costs a repaint."""

PICTURE_SIDE = 512
"""Pixels of the longer side of an output picture kept for its node."""


class NodeStates(QObject):
    """The states of one graph's nodes.

    Args:
        parent: Qt's.
        clock: seconds; for tests.
    """

    changed = Signal(object)
    """set[str]: ids of nodes whose state, preview or files are other than before."""

    def __init__(
        self, parent: QObject | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(parent)
        self._clock = clock
        self._states: dict[str, NodeState] = {}
        self._keys: dict[str, str] = {}
        self._failed: dict[str, str] = {}
        self._meters: dict[str, RateMeter] = {}
        self._waiting: set[str] = set()
        self._planned: set[str] = set()
        self._encoded: dict[str, str] = {}
        self._pictures: dict[str, QImage] = {}
        self._files: dict[str, tuple[Path, ...]] = {}
        self._renewed: set[str] = set()
        self._left_out: set[str] = set()
        """Nodes that the run under way, of some nodes only, doesn't need."""
        self._running = False
        self._news: set[str] = set()
        self._loader = PictureLoader(self)
        self._loader.loaded.connect(self._on_picture)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(1000 // TOLD_PER_SECOND)
        self._timer.timeout.connect(self._tell)

    # Reading

    def get(self, name: str) -> NodeState:
        """A node's state; "unknown" for one nothing is known of."""
        return self._states.get(name, UNKNOWN)

    def preview(self, name: str) -> QImage | None:
        """The node's latest preview or output picture, scaled to at most `PICTURE_SIDE`."""
        # Decoded when somebody looks: nodes that nobody sees cost nothing.
        if (encoded := self._encoded.pop(name, None)) is not None:
            image = _decode(encoded)
            if not image.isNull():
                self._pictures[name] = image
        return self._pictures.get(name)

    def files(self, name: str) -> tuple[Path, ...]:
        """What the node wrote in its last run, or what the plan found of an earlier one."""
        return self._files.get(name, ())

    @property
    def running(self) -> bool:
        """A run of this graph is under way."""
        return self._running

    @property
    def active(self) -> str | None:
        """The node that runs now."""
        return next((n for n, state in self._states.items() if state.status == "running"), None)

    # Plans

    def set_plan(
        self,
        steps: Sequence[Mapping[str, Any]],
        *,
        folded: Mapping[str, str] | None = None,
        modes: Mapping[str, str] | None = None,
        names: Iterable[str] | None = None,
        more: bool = False,
    ) -> None:
        """Take over a plan of the graph as it is now, or a part of it.

        Args:
            steps: of the worker's "plan" event.
            folded: ids of reroutes and constants, with their word.
            modes: ids of nodes that are muted ("mute") or bypassed ("bypass").
            names: all nodes of the graph: those in no step aren't needed, and what is known of
                others is dropped. None leaves the others alone.
            more: there are more steps; the rest of the arguments comes with the last of them.
        """
        for step in steps:
            name, key = step["node"], step.get("key", "")
            self._planned.add(name)
            self._keys[name] = key
            if self._failed.get(name, key) != key:
                del self._failed[name]
            if files := step.get("files"):
                self._take_files(name, tuple(Path(path) for path in files))
            self._settle(name, by_plan(step, self.get(name)))
        if not more:
            self._finish_plan(folded or {}, modes or {}, names)
        self._tell()

    def _finish_plan(
        self, folded: Mapping[str, str], modes: Mapping[str, str], names: Iterable[str] | None
    ) -> None:
        planned, self._planned = self._planned, set()
        for name, word in folded.items():
            self._settle(name, with_past(self.get(name), "light", "", word))
        for name, mode in modes.items():
            self._settle(name, by_mode(mode, self.get(name)))
        if names is None:
            self._leave_out()
            return
        known = set(names)
        for name in known - planned - folded.keys() - modes.keys():
            reason = "nothing that writes a result needs it"
            self._settle(name, with_past(self.get(name), "unused", "not needed", reason))
        self._keep(known | folded.keys())
        self._leave_out()

    def _settle(self, name: str, state: NodeState) -> None:
        """What a plan says of a node, unless something newer is known."""
        if name not in self._failed and self.get(name).status != "running":
            self._set(name, state)

    def set_faulty(self, reason: str, modes: Mapping[str, str] | None = None) -> None:
        """The graph has faults, so that nothing can be said of what a run would do."""
        modes = modes or {}
        self._planned.clear()
        for name in {*self._states, *modes}:
            if name in modes:
                self._set(name, by_mode(modes[name], self.get(name)))
            else:
                self._settle(name, with_past(self.get(name), "unknown", "", reason))
        self._tell()

    def _keep(self, names: Iterable[str]) -> None:
        kept = set(names)
        tables: tuple[dict[str, Any], ...] = (
            self._states, self._keys, self._failed, self._meters,
            self._encoded, self._pictures, self._files,
        )  # fmt: skip
        for table in tables:
            for name in table.keys() - kept:
                del table[name]

    # Events of a run

    def apply_event(self, event: Mapping[str, Any]) -> None:
        """Take over one event of a run of this graph; events of other kinds say nothing here."""
        match event.get("event"):
            case "planned":
                self._on_planned(event)
            case "run_started":
                self._on_run_started(event)
            case "node_cached":
                self._on_node_cached(event)
            case "node_started":
                self._on_node_started(event)
            case "node_progress":
                self._on_node_progress(event)
            case "node_finished":
                self._on_node_finished(event)
            case "output_written":
                self._on_output_written(event)
            case "warned":
                self._on_warned(event)
            case "node_failed":
                self._on_node_failed(event)
            case "run_finished":
                self._on_run_finished(event)

    def _on_planned(self, event: Mapping[str, Any]) -> None:
        for step in event.get("steps", ()):
            self._keys[step["node"]] = step.get("key", "")
            self._set(step["node"], by_plan(step, self.get(step["node"])))
        if (needed := event.get("needed")) is not None:
            self._left_out = self._states.keys() - set(needed)
            self._leave_out()
        self._tell()

    def _leave_out(self) -> None:
        """What a run to some nodes doesn't need is seen to be left out, until it is over."""
        for name in self._left_out & self._states.keys():
            state = self._states[name]
            if state.status not in ("muted", "bypassed", "failed"):
                reason = "the nodes that are run to don't need it"
                self._set(name, with_past(state, "unused", "left out", reason))

    def _on_run_started(self, event: Mapping[str, Any]) -> None:
        self._running = True
        self._renewed.clear()
        for name in event.get("nodes", ()):
            self._failed.pop(name, None)
            self._waiting.add(name)
            state = with_past(self.get(name), "will_run", "waiting", self.get(name).reason)
            self._set(name, replace(state, message=""))
        self._tell()

    def _on_node_cached(self, event: Mapping[str, Any]) -> None:
        name, tier = event["node"], str(event.get("tier", ""))
        status: Status = "saved" if tier == "saved" else "cached"
        state = with_past(self.get(name), status, status, self.get(name).reason)
        self._set(name, replace(state, tier="" if tier == "saved" else tier))
        self._take_preview(event)
        self._tell()

    def _on_node_started(self, event: Mapping[str, Any]) -> None:
        name = event["node"]
        self._waiting.discard(name)
        self._meters[name] = RateMeter()
        self._set(name, with_past(self.get(name), "running", "running", self.get(name).reason))
        self._tell()

    def _on_node_progress(self, event: Mapping[str, Any]) -> None:
        name, step, of = event["node"], int(event["step"]), int(event["of"])
        state = replace(self.get(name), status="running", words="running", step=step, of=of)
        meter = self._meters.setdefault(name, RateMeter())
        meter.mark(self._clock(), step)
        self._set(name, replace(state, rate=meter.rate))
        self._take_preview(event)
        # Later, with whatever else comes meanwhile.
        if not self._timer.isActive():
            self._timer.start()

    def _take_preview(self, event: Mapping[str, Any]) -> None:
        if preview := event.get("preview"):
            self._encoded[event["node"]] = preview
            self._news.add(event["node"])

    def _on_node_finished(self, event: Mapping[str, Any]) -> None:
        name = event["node"]
        state = replace(self.get(name), status="done", words="done", step=0, of=0)
        self._meters.pop(name, None)
        self._waiting.discard(name)
        self._take_preview(event)
        memory = event.get("memory") or {}
        self._set(
            name,
            replace(
                state,
                seconds=float(event["seconds"]),
                loading=float(event.get("loading", 0.0)),
                memory=int(memory.get("used", 0)),
                peak=int(memory.get("peak", 0)),
            ),
        )
        self._tell()

    def _on_output_written(self, event: Mapping[str, Any]) -> None:
        name, path = event["node"], Path(event["path"])
        first = name not in self._renewed
        self._renewed.add(name)
        self._take_files(name, (path,) if first else (*self.files(name), path))
        self._tell()

    def _on_warned(self, event: Mapping[str, Any]) -> None:
        if name := event.get("node"):
            self._set(name, replace(self.get(name), message=str(event["message"])))
            self._tell()

    def _on_node_failed(self, event: Mapping[str, Any]) -> None:
        self._fail(event["node"], str(event["message"]))
        self._tell()

    def _fail(self, name: str, message: str) -> None:
        self._failed[name] = self._keys.get(name, "")
        first = message.strip().partition("\n")[0]
        # The node itself needn't say which it is.
        if first.startswith(f"{name} ("):
            first = first.partition("): ")[2] or first
        state = with_past(self.get(name), "failed", f"failed: {first}", message)
        self._set(name, state)

    def _on_run_finished(self, event: Mapping[str, Any]) -> None:
        self._running = False
        status = event.get("status")
        message = str(event.get("message", ""))
        for name in self._left_out & self._states.keys():
            # The next plan says what would happen to it.
            if self._states[name].status == "unused":
                self._set(name, with_past(self._states[name], "unknown", "", ""))
        self._left_out.clear()
        for name, state in list(self._states.items()):
            if state.status == "running" and status == "failed":
                self._fail(name, message)
            elif state.status == "running" or name in self._waiting:
                # Stopped before its turn: the next plan says what would happen to it.
                self._set(name, with_past(self.get(name), "will_run", "will run", ""))
        self._meters.clear()
        self._waiting.clear()
        self._tell()

    # Forgetting

    def clear(self) -> None:
        """Forget everything."""
        known = {*self._states, *self._pictures, *self._encoded, *self._files}
        self._keep(())
        self._running = False
        self._waiting.clear()
        self._planned.clear()
        self._left_out.clear()
        self._news |= known
        self._tell()

    # News

    def _set(self, name: str, state: NodeState) -> None:
        if self._states.get(name, UNKNOWN) != state:
            self._states[name] = state
            self._news.add(name)

    def _take_files(self, name: str, files: tuple[Path, ...]) -> None:
        if files == self._files.get(name):
            return
        self._files[name] = files
        self._news.add(name)
        self._loader.load(name, files[0], PICTURE_SIDE)

    def _on_picture(self, name: str, image: QImage) -> None:
        if not image.isNull() and name in self._files:
            self._pictures[name] = image
            self._encoded.pop(name, None)
            self._news.add(name)
            self._tell()

    def _tell(self) -> None:
        self._timer.stop()
        if self._news:
            news, self._news = self._news, set()
            self.changed.emit(news)


def _decode(encoded: str) -> QImage:
    try:
        return QImage.fromData(base64.b64decode(encoded))
    except (binascii.Error, ValueError):
        return QImage()
