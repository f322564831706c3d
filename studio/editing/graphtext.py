"""A graph's JSON text on one line, written again and again: for runs, plans and recovery."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from studio.graph.document import Node

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

    from studio.graph.document import Graph


MANY = 16
"""Items in a parameter from which each one's text is kept."""
SPARE = 1000
"""Texts of items that may be kept though no list has them."""


class GraphText:
    """The text of one graph, made anew only where the graph changed.

    The parts of a document are never changed in place, so the same object has the same text. A
    graph of 5,000 nodes costs 40 ms once, and a few milliseconds after each edit.

    `studio.graph.files.loads` reads all of it back, whatever the values are. What a graph file
    can't hold (NaN, half a character) becomes null or a question mark: one bad value must not
    cost the rest.
    """

    def __init__(self) -> None:
        self._known: dict[str, dict[str, tuple[BaseModel, str]]] = {"nodes": {}}
        self._items: dict[int, tuple[Any, str]] = {}

    def prepare(self, nodes: Mapping[str, Node], budget: float) -> bool:
        """Make text of nodes that have none; True when all have.

        Args:
            nodes: of the graph, by id.
            budget: seconds after which it stops.
        """
        end = time.perf_counter() + budget
        known = self._known["nodes"]
        for name in known.keys() - nodes.keys():
            del known[name]
        for number, (name, node) in enumerate(nodes.items()):
            if _text_of(known, name, node) is None:
                known[name] = (node, self._entry(name, node))
                # The clock costs as much as a small node.
                if number % 16 == 0 and time.perf_counter() > end:
                    return False
        return True

    def nodes_only(self, nodes: Mapping[str, Node]) -> str:
        """The graph without what only an editor shows: for plans.

        Args:
            nodes: by id; of nodes that may run in either order the first goes first.
        """
        section = self._section("nodes", nodes)
        return _sound(f'{{"format": "latent-studio", "version": 1, {section}}}')

    def whole(self, graph: Graph) -> str:
        """The graph with its layout and all else: for runs, whose pictures keep it."""
        head = {"format": graph.format, "version": graph.version, "title": graph.title}
        head |= graph.model_extra or {}
        parts = [f"{_json(key)}: {_json(value)}" for key, value in head.items()]
        parts.append(self._section("nodes", graph.nodes))
        parts.append(f'"layout": {_json(graph.layout)}')
        parts.append(self._section("view", graph.view))
        parts.append(self._section("frames", graph.frames))
        return _sound("{" + ", ".join(parts) + "}")

    def _section(self, section: str, items: Mapping[str, BaseModel]) -> str:
        old = self._known.get(section, {})
        new: dict[str, tuple[BaseModel, str]] = {}
        for name, item in items.items():
            new[name] = (item, _text_of(old, name, item) or self._entry(name, item))
        self._known[section] = new
        return f'"{section}": {{' + ",".join([text for _, text in new.values()]) + "}"


    def _entry(self, name: str, item: BaseModel) -> str:
        # Pydantic takes three times as long for a node.
        if not isinstance(item, Node):
            return f"{_json(name)}: {_json(_dump(item))}"
        data = _node(item)
        if not any(_many_items(value) for value in item.params.values()):
            return f"{_json(name)}: {_json(data)}"
        params = (f"{_json(key)}: {self._value(value)}" for key, value in item.params.items())
        parts = (
            f"{_json(key)}: {{{', '.join(params)}}}" if key == "params" else
            f"{_json(key)}: {_json(value)}"
            for key, value in data.items()
        )  # fmt: skip
        return f"{_json(name)}: {{{', '.join(parts)}}}"

    def _value(self, value: Any) -> str:
        """A parameter's text; of a long list of items (the strokes of a mask) each is made once,
        for a stroke more on thousands mustn't cost the text of all."""
        if not _many_items(value):
            return _json(value)
        items, known = value["items"], self._items
        texts = {}
        for item in items:
            found = known.get(id(item))
            texts[id(item)] = (item, _json(item)) if found is None else found
        if len(known) > 2 * len(items) + SPARE:
            known.clear()
        known |= texts
        parts = (
            f"{_json(key)}: [{', '.join(texts[id(item)][1] for item in items)}]"
            if key == "items" else f"{_json(key)}: {_json(part)}"
            for key, part in value.items()
        )  # fmt: skip
        return f"{{{', '.join(parts)}}}"


def _many_items(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    items = value.get("items")
    return isinstance(items, list) and len(items) >= MANY


def _text_of(known: Mapping[str, tuple[BaseModel, str]], name: str, item: BaseModel) -> str | None:
    found = known.get(name)
    return found[1] if found is not None and found[0] is item else None


def _dump(item: BaseModel) -> dict[str, Any]:
    return item.model_dump(mode="json", exclude_defaults=True)


def _node(node: Node) -> dict[str, Any]:
    data: dict[str, Any] = {"type": node.type, "version": node.version, **(node.model_extra or {})}
    if node.title:
        data["title"] = node.title
    if node.mode != "normal":
        data["mode"] = node.mode
    if not node.cache:
        data["cache"] = False
    if node.params:
        data["params"] = node.params
    if node.inputs:
        data["inputs"] = node.inputs
    return data


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except ValueError:
        sound = json.loads(json.dumps(value), parse_constant=lambda _: None)
        return json.dumps(sound, ensure_ascii=False)


def _sound(text: str) -> str:
    return text.encode(errors="replace").decode()
