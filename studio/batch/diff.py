"""What differs between two graphs, in words. No torch."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from studio.graph.document import parse_wire
from studio.words import short

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from studio.graph.document import Graph, Node
    from studio.spec import NodeSpec

_WHOLE = 48
"""Characters of a text up to which it is shown whole; of longer ones what differs."""
_AROUND = 2
"""Equal words shown before those that differ."""
_WORDS = re.compile(r"[^\s/\\,;]+\s*|[/\\,;]\s*")
"""Words with the blanks behind them; marks in prompts and paths are words of their own."""


@dataclass(frozen=True, slots=True)
class GraphDifference:
    """How a second graph differs from a first.

    Args:
        results: what changes what is computed, a line each.
        looks: what doesn't: titles, the layout.
    """

    results: tuple[str, ...]
    looks: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """Whether they compute the same."""
        return not self.results


def diff_graphs(first: Graph, second: Graph, specs: Mapping[str, NodeSpec]) -> GraphDifference:
    """Compare two graphs: nodes by their ids, values with the defaults that hold where none is.

    Args:
        first: before.
        second: after.
        specs: node types, for defaults and names of outputs; nodes of others are compared too.
    """
    renamed = _renamed(first, second, specs)
    results = [f"{old} is called {new}" for old, new in renamed.items()]
    for name, node in first.nodes.items():
        if name not in second.nodes and name not in renamed:
            results.append(f"{name} ({node.type}) is gone")
    looks = []
    back = {new: old for old, new in renamed.items()}
    for name, node in second.nodes.items():
        old = back.get(name, name)
        if old not in first.nodes:
            results.append(_added(name, node, specs))
            continue
        results += _node(name, (first, old), (second, name), specs, renamed)
        if first.nodes[old].title != node.title:
            looks.append(f"{name}: its title: {_change(first.nodes[old].title, node.title)}")
    # A name alone computes nothing else.
    if not [line for line in results if " is called " not in line]:
        results, looks = [], results + looks
    if first.title != second.title:
        looks.append(f"the title: {_change(first.title, second.title)}")
    if (first.layout, first.view, first.frames) != (second.layout, second.view, second.frames):
        looks.append("the layout")
    return GraphDifference(tuple(results), tuple(looks))


def _node(
    name: str,
    before: tuple[Graph, str],
    after: tuple[Graph, str],
    specs: Mapping[str, NodeSpec],
    renamed: Mapping[str, str],
) -> list[str]:
    (first, old_name), (second, new_name) = before, after
    return _lines(
        name,
        first.nodes[old_name],
        second.nodes[new_name],
        specs,
        _wires(first, old_name, specs, renamed),
        _wires(second, new_name, specs, {}),
    )


def _lines(
    name: str,
    before: Node,
    after: Node,
    specs: Mapping[str, NodeSpec],
    old_wires: Mapping[str, tuple[str, str]],
    new_wires: Mapping[str, tuple[str, str]],
) -> list[str]:
    if before.type != after.type:
        return [f"{name} was a {before.type} and is a {after.type}"]
    words: list[str] = []
    if before.version != after.version:
        words.append(f"{name}: node version {before.version} → {after.version}")
    if before.mode != after.mode:
        modes = {"normal": "runs", "mute": "is muted", "bypass": "is bypassed"}
        words.append(f"{name} {modes[after.mode]}")
    if before.cache != after.cache:
        words.append(f"{name}: its cache is {'on' if after.cache else 'off'}")
    spec = specs.get(before.type)
    old, new = _values(before, spec), _values(after, spec)
    for key in [*new, *(key for key in old if key not in new)]:
        wired = old_wires.get(key) != new_wires.get(key)
        if key in new_wires or wired:
            continue  # said of the wire
        if old.get(key, _NONE) != new.get(key, _NONE):
            words.append(f"{name}.{key}: {_change(old.get(key, _NONE), new.get(key, _NONE))}")
    for key in [*new_wires, *(key for key in old_wires if key not in new_wires)]:
        was, now = old_wires.get(key), new_wires.get(key)
        if was == now:
            continue
        if was is None:
            words.append(f"{name}.{key}: now by a wire from {_source(new_wires[key])}")
        elif now is None:
            value = f", is {_shown(new[key])}" if key in new else ""
            words.append(f"{name}.{key}: no longer wired to {_source(was)}{value}")
        else:
            words.append(f"{name}.{key}: from {_source(was)} → from {_source(now)}")
    return words


class _None:
    def __repr__(self) -> str:
        return "none"


_NONE = _None()


def _values(node: Node, spec: NodeSpec | None) -> dict[str, Any]:
    """Widget values, defaults included."""
    if spec is None:
        return dict(node.params)
    defaults = {param.name: param.default for param in spec.params if not param.required}
    return {**defaults, **node.params}


def _wires(
    graph: Graph, name: str, specs: Mapping[str, NodeSpec], renamed: Mapping[str, str]
) -> dict[str, tuple[str, str]]:
    """Where each wire of a node comes from, (node, output); "" for an only output."""
    found = {}
    for key, wire in graph.nodes[name].inputs.items():
        source, output = parse_wire(wire)
        feeding = graph.nodes.get(source)
        spec = specs.get(feeding.type) if feeding else None
        if spec is not None and len(spec.outputs) == 1:
            output = None
        found[key] = renamed.get(source, source), output or ""
    return found


def _source(source: tuple[str, str]) -> str:
    name, output = source
    return f"{name}.{output}" if output else name


def _added(name: str, node: Node, specs: Mapping[str, NodeSpec]) -> str:
    defaults = _values(node.model_copy(update={"params": {}}), specs.get(node.type))
    said = [f"{k} = {_shown(v)}" for k, v in node.params.items() if defaults.get(k, _NONE) != v]
    return f"{name} ({node.type}) is new" + (f": {', '.join(said)}" if said else "")


def _renamed(first: Graph, second: Graph, specs: Mapping[str, NodeSpec]) -> dict[str, str]:
    """Nodes that have another id but say the same: old to new."""
    gone = [name for name in first.nodes if name not in second.nodes]
    new = [name for name in second.nodes if name not in first.nodes]
    found: dict[str, str] = {}
    changed = True
    while changed:
        changed = False
        for old in gone:
            alike = [
                name
                for name in new
                if old not in found
                and name not in found.values()
                and not _node(name, (first, old), (second, name), specs, found)
            ]
            if len(alike) == 1:
                found[old] = alike[0]
                changed = True
    # The only ones left of a type are the same node with other values.
    olds = _by_type(first, [name for name in gone if name not in found])
    news = _by_type(second, [name for name in new if name not in found.values()])
    for kind in olds.keys() & news.keys():
        if len(olds[kind]) == len(news[kind]) == 1:
            found[olds[kind][0]] = news[kind][0]
    return {old: found[old] for old in gone if old in found}


def _by_type(graph: Graph, names: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(graph.nodes[name].type, []).append(name)
    return found


def _change(before: Any, after: Any) -> str:
    if isinstance(before, str) and isinstance(after, str) and max(len(before), len(after)) > _WHOLE:
        return _text_change(before, after)
    if isinstance(before, dict) and isinstance(after, dict):
        return _parts_change(before, after)
    return f"{_shown(before)} → {_shown(after)}"


def _parts_change(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Of what is painted, how much differs; nobody reads points."""
    words = []
    for key in dict.fromkeys([*before, *after]):
        old, new = before.get(key, _NONE), after.get(key, _NONE)
        if old == new:
            continue
        if isinstance(old, list) and isinstance(new, list):
            same = sum(
                1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False))
            )
            words.append(
                f"{_counted(key, old)} → {_counted(key, new)}"
                + (f", the first {same:,} the same" if same else "")
            )
        else:
            words.append(f"{key}: {_shown(old)} → {_shown(new)}")
    return "; ".join(words)


def _counted(key: str, found: Sequence[Any]) -> str:
    return f"{len(found):,} {key}"


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, dict):
        lists = [_counted(key, each) for key, each in value.items() if isinstance(each, list)]
        return ", ".join(lists) or short(value, _WHOLE + 2)
    return short(value, _WHOLE + 2)


def _stripped(old: list[str], new: list[str]) -> tuple[list[str], list[str]]:
    return [word.strip() for word in old], [word.strip() for word in new]


def _text_change(before: str, after: str) -> str:
    """What differs between two long texts, with a word or two around it."""
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    words = []
    matcher = difflib.SequenceMatcher(None, *_stripped(old, new), autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            continue
        head = "".join(old[max(0, a - _AROUND) : a]).strip()
        head = f"after “{head}” " if head else "at the beginning "
        gone, there = (short("".join(part).strip(), 80) for part in (old[a:b], new[c:d]))
        if tag == "insert":
            words.append(f"{head}is new {there}")
        elif tag == "delete":
            words.append(f"{head}is gone {gone}")
        else:
            words.append(f"{head}{gone} → {there}")
    return "; ".join(words) or "spaces or line ends"
