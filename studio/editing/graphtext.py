"""A graph's JSON text, written again and again while it is edited."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

    from studio.graph.document import Graph


class GraphText:
    """A graph's JSON text, made anew only where the graph changed.

    The parts of a document are never changed in place, so the same object has the same text. A
    change in a graph of 5,000 nodes then costs a few milliseconds, not a hundred.
    """

    def __init__(self) -> None:
        self._known: dict[str, dict[str, tuple[BaseModel, str]]] = {}

    def dumps(self, graph: Graph) -> bytes:
        """Text that `studio.graph.files.loads` reads back, whatever the values are.

        What a graph file can't hold (NaN, half a character) becomes null or a question mark: one
        bad value must not cost the rest.
        """
        parts = [f'"format": "{graph.format}"', f'"version": {graph.version}']
        parts.append(f'"title": {_json(graph.title)}')
        parts += [
            f"{_json(key)}: {_json(value)}"
            for key, value in (graph.model_extra or {}).items()
        ]
        parts.append(self._section("nodes", graph.nodes))
        parts.append(f'"layout": {_json(graph.layout)}')
        parts.append(self._section("view", graph.view))
        parts.append(self._section("frames", graph.frames))
        text = "{" + ",\n".join(parts) + "}\n"
        return text.encode(errors="replace")

    def _section(self, section: str, items: Mapping[str, BaseModel]) -> str:
        old = self._known.get(section, {})
        new: dict[str, tuple[BaseModel, str]] = {}
        for name, item in items.items():
            known = old.get(name)
            if known is None or known[0] is not item:
                data = item.model_dump(mode="json", exclude_defaults=True)
                known = (item, f"{_json(name)}: {_json(data)}")
            new[name] = known
        self._known[section] = new
        return f'"{section}": {{' + ",\n".join(text for _, text in new.values()) + "}"


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except ValueError:
        sound = json.loads(json.dumps(value), parse_constant=lambda _: None)
        return json.dumps(sound, ensure_ascii=False)
