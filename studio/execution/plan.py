"""The plan: what a run will do with every node, and why, before anything runs.

It works backwards from the targets: where a target's files or a node's outputs are still there,
nothing above them is touched. No torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from studio.collector import held_back
from studio.params import Marker, Note
from studio.words import short

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from studio.environment import Environment
    from studio.execution.cache import Cache, Remembered, SavedFile
    from studio.execution.keys import Signed
    from studio.graph.checked import CheckedGraph, CheckedNode


class Action(Enum):
    """What a run does with a node."""

    RUN = "runs"
    CACHED = "cached"
    SAVED = "saved"
    LIGHT = "light"
    UNUSED = "not needed"


@dataclass(frozen=True, slots=True)
class Step:
    """One node of a plan.

    Args:
        node: id.
        type: node type.
        key: of its outputs; empty for a folded node.
        action: what happens.
        tier: "memory" or "disk" where it is cached.
        reason: in words.
        files: what an earlier run wrote, for SAVED.
        notes: what is worth knowing of its parameters.
    """

    node: str
    type: str
    key: str
    action: Action
    tier: str = ""
    reason: str = ""
    files: tuple[SavedFile, ...] = ()
    notes: tuple[Note, ...] = ()

    @property
    def words(self) -> str:
        """The reason, and those notes that aren't what anyone would expect."""
        return "; ".join([self.reason, *(note.text for note in self.notes if not note.plain)])

    def to_json(self) -> dict[str, Any]:
        return {
            "node": self.node,
            "type": self.type,
            "key": self.key,
            "action": self.action.value,
            "tier": self.tier,
            "reason": self.reason,
            "notes": [note.text for note in self.notes],
            "files": [str(file.path) for file in self.files],
        }


@dataclass(frozen=True)
class Plan:
    """A checked graph with its keys and a step a node, in run order.

    Args:
        graph: what to run.
        signed: keys by node.
        steps: by node; every node comes after those that feed it.
        graph_id: under which the history of this graph is kept.
    """

    graph: CheckedGraph
    signed: Mapping[str, Signed]
    steps: Mapping[str, Step]
    graph_id: str

    @property
    def running(self) -> tuple[str, ...]:
        """Ids of the nodes whose bodies will run, light ones left out."""
        return tuple(step.node for step in self.steps.values() if step.action is Action.RUN)


@held_back()
def make_plan(
    graph: CheckedGraph,
    signed: Mapping[str, Signed],
    cache: Cache,
    environment: Environment,
    graph_id: str,
    *,
    at_hand: Collection[str] = (),
    lost: Collection[str] = (),
) -> Plan:
    """Decide for every node.

    Args:
        graph: checked.
        signed: its keys.
        cache: asked which keys it holds; nothing is loaded.
        environment: names the output folder.
        graph_id: names the history, for the reasons.
        at_hand: nodes whose outputs a run under way still holds (after a damaged cache entry).
        lost: keys that the cache could not give, whatever it says.
    """
    cacheable = [
        signed[name].key
        for name, node in graph.nodes.items()
        if not node.spec.light and not node.spec.effects and signed[name].key not in lost
    ]
    held = cache.where(cacheable)
    writers = [signed[name].key for name, node in graph.nodes.items() if node.spec.effects]
    fresh = graph.fresh
    saved = cache.saved_many(writers, environment.output.root)
    actions: dict[str, Action] = {}
    files: dict[str, tuple[SavedFile, ...]] = {}
    stack = list(graph.targets)
    while stack:
        name = stack.pop()
        if name in actions or name not in graph.nodes:
            continue
        node, key = graph.nodes[name], signed[name].key
        if name in at_hand:
            actions[name] = Action.CACHED
            continue
        if node.spec.effects and key in saved and name not in fresh:
            actions[name], files[name] = Action.SAVED, tuple(saved[key])
            continue
        kept = key in held and name not in fresh
        if kept and not node.spec.effects and not node.spec.light:
            actions[name] = Action.CACHED
            continue
        actions[name] = Action.LIGHT if node.spec.light else Action.RUN
        stack.extend(source.node for source in node.wires.values())

    # Only what runs is compared with the past.
    past = cache.history(graph_id) if Action.RUN in actions.values() else {}
    steps: dict[str, Step] = {}
    for name, node in graph.nodes.items():
        action = actions.get(name, Action.UNUSED)
        key = signed[name].key
        steps[name] = Step(
            name,
            node.spec.type,
            key,
            action,
            tier=held.get(key, "memory") if action is Action.CACHED else "",
            reason=_reason(graph, node, action, signed, past, files.get(name, ()))
            if cache.enabled
            else "the cache is off",
            files=files.get(name, ()),
            notes=_notes(node, environment),
        )
    return Plan(graph, signed, steps, graph_id)


def _notes(node: CheckedNode, environment: Environment) -> tuple[Note, ...]:
    notes = (
        param.marker.note(node.params[param.name], node.params, environment)
        for param in node.spec.params
        if type(param.marker).note is not Marker.note and param.name in node.params
    )
    return tuple(note for note in notes if note is not None)


def _reason(
    graph: CheckedGraph,
    node: CheckedNode,
    action: Action,
    signed: Mapping[str, Signed],
    past: Mapping[str, Remembered],
    files: Sequence[SavedFile],
) -> str:
    if action is Action.SAVED:
        return f"its files are there: {', '.join(file.path.name for file in files)}"
    if action is Action.CACHED:
        return "same inputs and parameters as before"
    if action is Action.LIGHT:
        return "costs nothing, made when needed"
    if action is Action.UNUSED:
        return "what it feeds is there already"
    before = past.get(node.id)
    if before is None:
        return "never ran in this graph"
    if before.key == signed[node.id].key:
        if node.id in graph.fresh:
            return _why_fresh(graph, node)
        if node.spec.effects:
            return "its files are missing, changed, or in another folder"
        return "its result isn't in the cache (cheap to make again, or evicted)"
    return "; ".join(_changes(node, before.signature, signed[node.id].signature)) or "changed"


def _why_fresh(graph: CheckedGraph, node: CheckedNode) -> str:
    """Why a node runs again though nothing changed."""
    if not graph.document.nodes[node.id].cache:
        return "its cache is off"
    fed = sorted({source.node for source in node.wires.values()} & graph.fresh)
    return f"upstream: {', '.join(fed)}"


def _changes(node: CheckedNode, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What differs between two signatures of a node, in words."""
    words = []
    if old.get("type") != new["type"]:
        return [f"was a {old.get('type')}"]
    if old.get("version") != new["version"]:
        words.append(f"node version {old.get('version')} → {new['version']}")
    before, now = old.get("params", {}), new.get("params", {})
    for key in sorted({*before, *now}):
        if key not in before:
            words.append(f"{key} = {short(now[key])}")
        elif key not in now:
            words.append(f"{key} now comes by a wire" if key in node.wires else f"{key} removed")
        elif before[key] != now[key]:
            words.append(f"{key} {short(before[key])} → {short(now[key])}")
    before, now = old.get("files", {}), new.get("files", {})
    for key in sorted(now):
        # A changed name says it all; only a same-named file with other contents is news.
        same_name = old.get("params", {}).get(key) == new.get("params", {}).get(key)
        if before.get(key) != now[key] and same_name:
            words.append(f"file changed: {short(node.params.get(key))}")
    before, now = old.get("inputs", {}), new.get("inputs", {})
    upstream = sorted(
        {node.wires[key].node for key in now if before.get(key) != now[key] and key in node.wires}
    )
    if upstream:
        words.append(f"upstream: {', '.join(upstream)}")
    gone = sorted(set(before) - set(now))
    if gone:
        words.append(f"no longer connected: {', '.join(gone)}")
    if old.get("policy") != new.get("policy"):
        words.append(f"computed as {old.get('policy')} → {new.get('policy')}")
    return words
