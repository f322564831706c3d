"""Graph files: round trips, bad files, atomic writing."""

from __future__ import annotations

import contextlib
import io
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.graph.document import Graph, Node
from studio.graph.errors import GraphFileError
from studio.graph.files import GraphNotWritten, dumps, from_json, load, loads, save, to_json

if TYPE_CHECKING:
    import random
    from pathlib import Path

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,10}", fullmatch=True)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
nodes = st.builds(
    lambda type_, version, params, inputs, title, mode, cache, extra: {
        **{k: v for k, v in extra.items() if k not in Node.model_fields},
        **({} if cache else {"cache": False}),
        **({"title": title} if title else {}),
        **({"mode": mode} if mode else {}),
        "type": type_,
        "version": version,
        "params": params,
        "inputs": inputs,
    },
    st.text(min_size=1, max_size=10),
    st.integers(1, 9),
    st.dictionaries(st.text(max_size=8), values, max_size=3),
    st.dictionaries(st.text(max_size=8), st.text(max_size=12), max_size=3),
    st.text(max_size=5),
    st.sampled_from(["", "mute", "bypass"]),
    st.booleans(),
    st.dictionaries(st.text(min_size=1, max_size=8), values, max_size=2),
)
colours = st.from_regex(r"#[0-9a-f]{6}", fullmatch=True)
numbers = st.floats(-1e9, 1e9)
views = st.fixed_dictionaries(
    {},
    optional={
        "collapsed": st.just(True),
        "width": st.floats(100, 4000),
        "colour": colours,
        "sockets": st.lists(names, min_size=1, max_size=3),
        "seeds": st.dictionaries(names, st.sampled_from(["random", "increment"]), min_size=1),
    },
).filter(bool)
frames = st.fixed_dictionaries(
    {"rect": st.lists(numbers, min_size=4, max_size=4)},
    optional={
        "title": st.text(min_size=1, max_size=9),
        "nodes": st.lists(names, min_size=1, max_size=3),
        "colour": colours,
    },
)
documents = st.builds(
    lambda title, nodes, layout, view, frames, extra: {
        **({"view": view} if view else {}),
        **({"frames": frames} if frames else {}),
        **{k: v for k, v in extra.items() if k not in Graph.model_fields},
        "format": "latent-studio",
        "version": 1,
        "title": title,
        "nodes": nodes,
        "layout": layout,
    },
    st.text(max_size=20),
    st.dictionaries(names, nodes, max_size=5),
    st.dictionaries(
        names,
        st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=2),
        max_size=5,
    ),
    st.dictionaries(names, views, max_size=3),
    st.dictionaries(names, frames, max_size=3),
    st.dictionaries(st.text(min_size=1, max_size=8), values, max_size=2),
)


@given(documents)
def test_a_round_trip_loses_nothing_known_or_unknown(document: dict[str, Any]) -> None:
    text = dumps(from_json(document))
    again = json.loads(text)
    for item in again["nodes"].values():
        item.setdefault("params", {})
        item.setdefault("inputs", {})
    assert again == document
    assert dumps(loads(text)) == text


@given(documents, st.randoms())
def test_equal_graphs_give_equal_text(document: dict[str, Any], rng: random.Random) -> None:
    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            keys = list(value)
            rng.shuffle(keys)
            return {key: shuffled(value[key]) for key in keys}
        return value

    assert dumps(from_json(document)) == dumps(from_json(shuffled(document)))


def test_a_line_a_node(tmp_path: Path) -> None:
    graph = from_json(
        {
            "format": "latent-studio",
            "version": 1,
            "nodes": {"b": {"type": "Note"}, "a": {"type": "Note", "params": {"text": "x"}}},
        }
    )
    lines = dumps(graph).splitlines()
    assert '  "a": {"type": "Note", "version": 1, "params": {"text": "x"}},' in lines
    assert '  "b": {"type": "Note", "version": 1}' in lines


def test_saving_and_loading(tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    graph = Graph(title="Ünïcode", nodes={"note": Node(type="Note")})
    save(graph, path)
    assert to_json(load(path)) == to_json(graph)
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["graph.json"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_saving_keeps_who_may_read_the_file(tmp_path: Path) -> None:
    path, plain = tmp_path / "graph.json", tmp_path / "plain"
    plain.write_text("")
    save(Graph(), path)
    assert path.stat().st_mode == plain.stat().st_mode
    path.chmod(0o640)
    save(Graph(title="again"), path)
    assert path.stat().st_mode & 0o777 == 0o640


def test_saving_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "graph.json"
    save(Graph(title="old"), path)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(GraphNotWritten, match="No space left"):
        save(Graph(title="new"), path)
    assert load(path).title == "old"
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["graph.json"]
    with pytest.raises(GraphNotWritten):
        save(Graph(), tmp_path / "no" / "such" / "folder.json")


def bad(data: bytes | str) -> str:
    with pytest.raises(GraphFileError) as caught:
        loads(data, "bad.json")
    assert caught.value.exit_code == 2
    assert str(caught.value).startswith("bad.json")
    return str(caught.value)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"not json", "isn't JSON: Expecting value at line 1, column 1"),
        (b"", "isn't JSON"),
        (b"\xff\xfe{}", "isn't text in UTF-8"),
        (b"\x89PNG\r\n\x1a\n", "isn't text in UTF-8"),
        (b"[" * 2_000_000, "nested too deeply"),
        (b'{"a":' * 400_000, "nested too deeply"),
        (b"[1, 2]", "no Latent Studio graph"),
        (b"3", "no Latent Studio graph"),
        (b"{}", "no Latent Studio graph"),
        (b'{"3": {"class_type": "KSampler", "inputs": {}}}', "ComfyUI"),
        (b'{"last_node_id": 1, "nodes": []}', "ComfyUI"),
        (b'{"format": "latent-studio", "version": 2}', "has format version 2"),
        (b'{"format": "latent-studio", "version": "x"}', "version"),
        (b'{"format": "latent-studio", "version": 1, "x": NaN}', "NaN"),
        (b'{"format": "latent-studio", "version": 1, "x": ' + b"1" * 5000 + b"}", "digits"),
        (b'{"format": "latent-studio", "version": 1, "version": 1}', '"version" stands twice'),
        (b'{"format": "latent-studio", "version": 1, "layout": {"a": [0, 1e999]}}', "1e999"),
        (b'{"format": "latent-studio", "version": 1, "layout": {"a": [0]}}', "layout.a"),
    ],
)
def test_bad_files_say_what_is_wrong(data: bytes, words: str) -> None:
    assert words in bad(data)


def test_all_faults_come_at_once_each_with_its_place() -> None:
    text = bad(
        json.dumps(
            {
                "format": "latent-studio",
                "version": 1,
                "title": 5,
                "nodes": {
                    "two words": {"type": "Note"},
                    "a": {"type": 3},
                    "b": {"params": []},
                    "c": {"type": "Note", "version": 0, "inputs": {"x": 1}},
                    "d": [],
                },
            }
        )
    )
    assert "7 faults" in text or "8 faults" in text
    for place in (
        "title:",
        "nodes.two words:",
        "nodes.a.type:",
        "nodes.b.type:",
        "nodes.b.params:",
        "nodes.c.version:",
        "nodes.c.inputs.x:",
        "nodes.d:",
    ):
        assert place in text, place


def test_missing_files_name_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "text_to_image.json").write_text("{}")
    with pytest.raises(GraphFileError, match=r"Did you mean text_to_image\.json"):
        load(tmp_path / "text_to_imag.json")
    with pytest.raises(GraphFileError, match="this is a folder"):
        load(tmp_path)
    with pytest.raises(GraphFileError, match="isn't there"):
        load(tmp_path / "no" / "graph.json")


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BytesIO(dumps(Graph(title="piped")).encode())

    monkeypatch.setattr("sys.stdin", Stdin)
    assert load("-").title == "piped"


@given(st.binary(max_size=300))
def test_any_bytes_give_a_graph_or_our_error(data: bytes) -> None:
    with contextlib.suppress(GraphFileError):
        loads(data)
