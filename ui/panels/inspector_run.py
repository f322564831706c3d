"""What the inspector says of a node's run: state, steps, times, memory, and its results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QVBoxLayout, QWidget

from studio.words import seconds, size
from ui.engine.planner import place_of
from ui.panels.facts import Facts
from ui.panels.parts import Words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from studio.editing.document import Document
    from ui.editor.editor import GraphEditor
    from ui.engine.states import NodeState, NodeStates

_WORDS = {
    "unknown": "not planned yet",
    "cached": "cached",
    "saved": "saved",
    "light": "made when needed",
    "unused": "not needed now",
    "will_run": "will run",
    "never": "never ran",
    "running": "running",
    "done": "done",
    "failed": "failed",
    "muted": "muted",
    "bypassed": "bypassed",
}
THERE = frozenset({"cached", "saved", "light", "done"})
"""States of a node whose result needs no computing."""

BEFORE = frozenset({"unknown", "will_run", "never", "running", "failed"})
"""States of a node that needs what is above it."""

PENDING = frozenset({"will_run", "never", "running"})
"""States of a node that a run computes."""

ASKED_AFTER = 300
"""Milliseconds over which reasons to look at results again are gathered."""

SLICE = 0.006
"""Seconds of the event loop that making the graph's text may take at a time."""


def run_rows(
    state: NodeState, upstream: tuple[int, int], memory: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """Rows about a node's run: what, and the text.

    Args:
        state: of the node.
        upstream: how many of the nodes it depends on have their results, and how many it has.
        memory: of the engine now: "used" and "peak" bytes; it stands in for that of the node,
            where it hasn't run. Empty where nothing is known.
    """
    rows = [("state", _WORDS[state.status])]
    if state.of:
        rows.append((f"step {state.step} of {state.of}", rate_words(state.rate)))
    if state.seconds is not None:
        loading = f", {seconds(state.loading)} of it loading" if state.loading > 0.001 else ""
        rows.append(("last run", seconds(state.seconds) + loading))
    if state.reason and state.status != "failed":
        because = state.status in ("will_run", "never", "running")
        rows.append(("runs because" if because else "why", state.reason))
    if state.tier:
        rows.append(("result", "in memory" if state.tier == "memory" else "on disk"))
    there, total = upstream
    if total and state.status in BEFORE:
        rows.append(("cached upstream", f"{there} of {total} node{'' if total == 1 else 's'}"))
    used = state.memory or memory.get("used", 0)
    if used:
        peak = state.peak if state.memory else memory.get("peak", used)
        rows.append(("memory", f"{size(used)}, peak {size(max(peak, used))}"))
    return rows


def rate_words(rate: float) -> str:
    """Steps a second as the time of one: "24 ms a step"."""
    if rate <= 0:
        return ""
    return f"{1000 / rate:.0f} ms a step" if rate > 1 else f"{1 / rate:.1f} s a step"


def upstream_of(document: Document, name: str) -> set[str]:
    """All nodes that a node depends on."""
    found: set[str] = set()
    stack = [name]
    while stack:
        for wire in document.wires_into(stack.pop()).values():
            source = wire.source.node
            if source not in found and source in document.nodes:
                found.add(source)
                stack.append(source)
    return found - {name}


def ready_among(states: NodeStates, names: set[str]) -> tuple[int, int]:
    """How many of these nodes have their results, and how many there are."""
    return sum(states.get(name).status in THERE for name in names), len(names)


def pending_rows(found: Sequence[NodeState]) -> list[tuple[str, str]]:
    """How many of several nodes a run would compute; no row before the first plan."""
    if all(state.status == "unknown" for state in found):
        return []
    count = sum(state.status in PENDING for state in found)
    return [("will run", f"{count} of {len(found)} nodes")]


def result_rows(outputs: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Rows about a node's results: output, and what it holds."""
    rows = []
    for name, about in outputs.items():
        words = [str(about.get("type", ""))]
        if about.get("value") is not None:
            words = [str(about["value"])[:400]]
        words += [tensor_words(tensor) for tensor in about.get("tensors", ())]
        rows.append((name, "\n".join(words)))
    return rows


def tensor_words(tensor: Mapping[str, Any]) -> str:
    """A tensor in two lines: shape, type and size; range and mean."""
    shape = " \u00d7 ".join(str(side) for side in tensor.get("shape", ())) or "one number"
    words = f"{shape} · {tensor.get('dtype', '')} · {size(tensor.get('bytes', 0))}"
    if "min" in tensor:
        words += f"\n{tensor['min']:.3g} to {tensor['max']:.3g}, mean {tensor['mean']:.3g}"
    return words


class RunFacts(QWidget):
    """The rows of `run_rows` for one node, kept up to date."""

    def __init__(self, editor: GraphEditor, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._editor = editor
        self._name = name
        self._revision = -1
        self._upstream: set[str] = set()
        self.facts = Facts()
        self.warning = Words(tone="warning", wrap=True)
        self.error = Words(tone="error", wrap=True)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(6)
        for widget in (self.facts, self.warning, self.error):
            box.addWidget(widget)
        self.refresh()

    def refresh(self) -> None:
        """Read document, states and memory again."""
        document, states = self._editor.document, self._editor.states
        if document.revision != self._revision:
            self._revision = document.revision
            self._upstream = upstream_of(document, self._name)
        state = states.get(self._name)
        client = self._editor.client
        memory = client.memory if client is not None else {}
        self.facts.set_rows(run_rows(state, ready_among(states, self._upstream), memory))
        self.warning.setText(state.message)
        self.warning.setVisible(bool(state.message))
        failed = state.reason if state.status == "failed" else ""
        self.error.setText(failed)
        self.error.setVisible(bool(failed))


class Results(QWidget):
    """What a node's outputs hold, as far as the engine's cache has them.

    The engine is asked only while this can be seen.
    """

    def __init__(self, editor: GraphEditor, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._editor = editor
        self._name = name
        self._asked = ""
        self.words = Words("", "secondary", wrap=True)
        self.facts = Facts()
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(self.words)
        box.addWidget(self.facts)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._ask)
        self._client = editor.client
        if self._client is not None:
            self._client.received.connect(self._on_event)

    def refresh(self) -> None:
        """Ask again soon, if anyone sees it."""
        if self.isVisible():
            self._timer.start(ASKED_AFTER)

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self._timer.start(0)

    def _ask(self) -> None:
        text, nodes = self._editor.text, self._editor.document.nodes
        if self._client is None or not self._client.is_ready:
            self._say("The engine isn't ready.")
        elif not text.prepare(nodes, SLICE):
            self._timer.start(0)
        else:
            if not self.facts.rows():
                self._say("Looking ...")
            place = {**place_of(self._editor), "only": [self._name]}
            self._asked = self._client.inspect(text.nodes_only(nodes), self._name, **place)

    def _on_event(self, event: dict[str, Any]) -> None:
        if not self._asked or event.get("id") != self._asked:
            return
        self._asked = ""
        if event["event"] != "inspected":
            self._say(str(event.get("message", "")))
        elif not event.get("outputs"):
            self._say("There is no result yet. Run the graph to get one.")
        else:
            self.words.hide()
            self.facts.set_rows(result_rows(event["outputs"]))
            self.facts.show()

    def _say(self, words: str) -> None:
        self.words.setText(words)
        self.words.show()
        self.facts.set_rows(())
        self.facts.hide()
