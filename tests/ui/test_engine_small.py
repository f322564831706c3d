"""The small parts of the engine client: lines, rates, reasons of deaths, graphs as text."""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.editing.changes import Change
from studio.editing.document import Document
from studio.graph.document import Graph, Node
from studio.graph.files import from_json, load, to_json
from studio.session import locate
from ui.engine.command import command_words, default_command, parse_command
from ui.engine.deaths import AT_ONCE, TRIES, Restarts, why_ended
from ui.engine.graphtext import GraphText
from ui.engine.lines import Lines
from ui.engine.rate import RateMeter

if TYPE_CHECKING:
    import random

    from studio.registry import Registry


def drained(lines: Lines) -> list[bytes]:
    found = []
    while (line := lines.next()) is not None:
        found.append(line)
    return found


@given(st.lists(st.binary(max_size=8).map(lambda b: b.replace(b"\r", b""))), st.randoms())
def test_lines_are_the_same_however_the_bytes_come(parts: list[bytes], rng: random.Random) -> None:
    data = b"\n".join(parts)
    lines = Lines()
    position = 0
    while position < len(data):
        step = rng.randint(1, 5)
        lines.feed(data[position : position + step])
        position += step
    lines.flush()
    expected = data.split(b"\n")
    assert drained(lines) == (expected if expected[-1] else expected[:-1])


def test_a_line_without_end_is_cut_and_old_lines_fall_away() -> None:
    lines = Lines(limit=10)
    for _ in range(3):
        lines.feed(b"123456")
    assert drained(lines) == [b"123456123456"]
    lines = Lines(returns=True, kept=2)
    lines.feed(b"10%\r20%\r30%\n")
    assert drained(lines) == [b"20%", b"30%"]


def test_the_rate_leaves_the_first_step_out() -> None:
    meter = RateMeter()
    assert meter.rate == 0
    for step in range(1, 6):
        # The first step comes after ten seconds of loading.
        meter.mark(10 + step * 0.25, step)
    assert meter.rate == pytest.approx(4)
    meter.mark(30, 1)
    assert meter.rate == 0, "a new count starts afresh"


def test_the_rate_follows_a_change_within_seconds() -> None:
    meter = RateMeter()
    for step in range(1, 101):
        meter.mark(step * 0.01, step)
    now = 1.0
    for step in range(101, 106):
        now += 1.0
        meter.mark(now, step)
    assert meter.rate == pytest.approx(1.0, rel=0.05)


@pytest.mark.parametrize(
    ("code", "crashed", "lines", "words"),
    [
        (int(signal.SIGKILL), True, [], "memory runs out"),
        (int(signal.SIGSEGV), True, ["noise"], "segmentation fault"),
        (62, True, [], "signal 62"),
        (1, False, ["noise", "ModuleNotFoundError: No module named 'torch'"], "named 'torch'"),
        (2, False, ["error: The device can't be used."], "code 2: The device can't be used."),
        (1, False, ["just words"], "it ended with code 1"),
        (0, False, [], "ended by itself"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals")
def test_why_it_ended(code: int, crashed: bool, lines: list[str], words: str) -> None:
    assert words in why_ended(code, crashed, lines)
    assert why_ended(code, crashed, lines, "What it said.") == "What it said."


def test_it_is_started_again_but_not_for_ever() -> None:
    restarts = Restarts()
    delays = [restarts.died(None, False) for _ in range(TRIES)]
    assert delays[-1] is None
    assert delays[:-1] == sorted(filter(None, delays))
    restarts.reset()
    # Runs that kill it, and long lives, count for nothing.
    for _ in range(10):
        assert restarts.died(1.0, True) == 0
        assert restarts.died(AT_ONCE + 1, False) == 0
    assert restarts.died(1.0, False) is not None
    assert restarts.died(1.0, True) == 0
    assert restarts.died(1.0, False) is not None


def test_commands_as_typed() -> None:
    assert parse_command("  ") == default_command()
    assert parse_command(command_words(("/a b/python", "-m", "x y"))) == (
        "/a b/python",
        "-m",
        "x y",
    )
    with pytest.raises(ValueError, match="quotation"):
        parse_command('python "never closed')


def test_a_graph_as_text_is_the_graph(registry: Registry) -> None:
    graph = load(locate(Path("text_to_image")))
    document = Document(graph, registry)
    text = GraphText(document)
    assert "\n" not in text.whole()
    assert to_json(from_json(json.loads(text.whole()))) == to_json(graph)
    assert json.loads(text.nodes_only())["nodes"] == json.loads(text.whole())["nodes"]
    assert "layout" not in json.loads(text.nodes_only())
    old = document.nodes["sampler"]
    new = old.model_copy(update={"params": {**old.params, "seed": 7}, "title": "S", "mode": "mute"})
    document.apply([Change("nodes", "sampler", old, new)])
    node = json.loads(text.nodes_only())["nodes"]["sampler"]
    assert (node["params"]["seed"], node["title"], node["mode"]) == (7, "S", "mute")


def test_strange_texts_reach_the_worker_as_they_are(registry: Registry) -> None:
    odd = 'a\n"b"\u2028\u0000é\U0001f642'
    graph = Graph(nodes={"n": Node(type="Text", params={"text": odd}, title=odd, extra=[odd])})
    text = GraphText(Document(graph, registry)).whole()
    assert "\n" not in text
    found = from_json(json.loads(text)).nodes["n"]
    assert (found.params["text"], found.title, found.model_extra) == (odd, odd, {"extra": [odd]})


def test_the_text_of_a_big_graph_is_made_in_slices(registry: Registry) -> None:
    nodes = {f"n{i}": Node(type="Float", params={"value": float(i)}) for i in range(5000)}
    document = Document(Graph.model_construct(nodes=nodes), registry)
    text = GraphText(document)
    rounds = 0
    longest = 0.0
    while True:
        start = time.thread_time()
        done = text.prepare(0.002)
        longest = max(longest, time.thread_time() - start)
        rounds += 1
        if done:
            break
    assert rounds > 1
    assert longest < 0.05
    start = time.thread_time()
    assert text.nodes_only().count('"Float"') == 5000
    assert time.thread_time() - start < 0.05, "what hasn't changed isn't made again"



