"""A graph's text for the engine and for recovery: the same graph, made only where it changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.editing.graphtext import GraphText
from studio.graph.document import Frame, Graph, Node, NodeView
from studio.graph.files import dumps, from_json, load, loads, to_json
from studio.session import locate


def changed(graph: Graph, name: str, **fields: object) -> Graph:
    node = graph.nodes[name].model_copy(update=fields)
    return graph.model_copy(update={"nodes": {**graph.nodes, name: node}})


def full() -> Graph:
    return Graph(
        title="Kept",
        nodes={
            "a": Node(type="Integer", params={"value": 20}, cache=False),
            "b": Node(type="Nobody", inputs={"x": "a"}, mode="mute", title="Über", extra=[1, None]),
        },
        layout={"a": (0, 0), "b": (1.5, -3)},
        view={"b": NodeView(collapsed=True, width=300)},
        frames={"f": Frame(title="F", nodes=("a",))},
        notes="unknown keys stay",
        cls="whatever they are called",
    )


@pytest.mark.parametrize("graph", [full(), load(locate(Path("text_to_image"))), Graph()])
def test_it_is_the_graph(graph: Graph) -> None:
    text = GraphText().whole(graph)
    assert "\n" not in text
    assert to_json(loads(text)) == to_json(graph)


def test_plans_get_the_nodes_alone() -> None:
    text, graph = GraphText(), full()
    plan = text.nodes_only(graph.nodes)
    assert "\n" not in plan
    found = json.loads(plan)
    assert set(found) == {"format", "version", "nodes"}
    assert found["nodes"] == json.loads(text.whole(graph))["nodes"]
    assert list(found["nodes"]) == ["a", "b"], "in the document's order"


def test_strange_texts_stay_as_they_are() -> None:
    odd = 'a\n"b"\u2028\u0000é\U0001f642'
    graph = Graph(nodes={"n": Node(type="Text", params={"text": odd}, title=odd, extra=[odd])})
    text = GraphText().whole(graph)
    assert "\n" not in text
    found = from_json(json.loads(text.encode())).nodes["n"]
    assert (found.params["text"], found.title, found.model_extra) == (odd, odd, {"extra": [odd]})


def test_what_a_file_cannot_hold_does_not_cost_the_rest() -> None:
    params = {"nan": float("nan"), "half": "\ud800 ab", "sound": 1}
    text, graph = GraphText(), Graph(nodes={"a": Node(type="X", params=params)})
    wanted = {"nan": None, "half": "? ab", "sound": 1}
    assert loads(text.whole(graph)).nodes["a"].params == wanted
    assert loads(text.nodes_only(graph.nodes)).nodes["a"].params == wanted


def test_it_is_made_anew_only_where_the_graph_changed() -> None:
    text, first = GraphText(), full()
    text.whole(first)
    known = dict(text._known["nodes"])
    second = changed(first, "a", type="Other")
    assert dumps(loads(text.whole(second))) == dumps(second)
    assert text._known["nodes"]["b"][1] is known["b"][1]
    assert text._known["nodes"]["a"][1] != known["a"][1]
    third = changed(second, "b", params={"seed": 7})
    assert json.loads(text.nodes_only(third.nodes))["nodes"]["b"]["params"] == {"seed": 7}


def test_what_is_gone_is_forgotten() -> None:
    text, graph = GraphText(), full()
    text.whole(graph)
    rest = {"a": graph.nodes["a"]}
    assert text.prepare(rest, 1)
    assert list(json.loads(text.nodes_only(rest))["nodes"]) == ["a"]
    assert list(text._known["nodes"]) == ["a"]


def test_a_big_graph_is_prepared_in_slices() -> None:
    nodes = {f"n{i}": Node(type="Float", params={"value": float(i)}) for i in range(200)}
    text, rounds = GraphText(), 1
    while not text.prepare(nodes, 0):
        rounds += 1
    assert rounds > 10
    made = {name: entry[1] for name, entry in text._known["nodes"].items()}
    assert text.nodes_only(nodes).count('"Float"') == 200
    assert all(text._known["nodes"][name][1] is words for name, words in made.items())


def test_long_lists_of_items_are_written_as_they_are() -> None:
    items = [{"t": "brush", "p": [number, 1, 255], "é": None} for number in range(40)]
    strokes = {"version": 1, "items": items}
    params = {"grow": 1.5, "strokes": strokes, "odd": {"items": [1, "a"] * 20}}
    graph = Graph(nodes={"mask": Node(type="InpaintMask", params=params, inputs={"image": "a"})})
    text = GraphText()
    assert to_json(loads(text.whole(graph))) == to_json(graph)
    longer = {**params, "strokes": {**strokes, "items": [*items[:30], {"t": "fill"}]}}
    other = changed(graph, "mask", params=longer)
    assert to_json(loads(text.whole(other))) == to_json(other)
    assert text.whole(other) == GraphText().whole(other)
