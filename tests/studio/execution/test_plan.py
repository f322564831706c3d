"""Keys and plans: what changes a key and what doesn't, and the reasons in words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from graphs import Bench, graph
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pil

from studio.execution.plan import Action
from studio.hardware import Policy

ROOT = Path(__file__).resolve().parents[3]
SOLID = ("SolidImage", {"width": 8, "height": 8})


def chain(**changes: Any) -> dict[str, Any]:
    return {
        "solid": SOLID,
        "slow": ("Slow", {}, {"image": "solid"}),
        "invert": ("InvertImage", {}, {"image": "slow"}),
        "save": ("SaveImage", {}, {"image": "invert"}),
        **changes,
    }


def keys(bench: Bench, **nodes: Any) -> dict[str, str]:
    return {name: signed.key for name, signed in bench.plan(graph(**nodes)).signed.items()}


def test_ids_titles_positions_and_reroutes_do_not_change_keys(bench: Bench) -> None:
    before = keys(bench, **chain())
    renamed = {
        "solid2": SOLID,
        "slow2": ("Slow", {}, {"image": "solid2"}),
        "bend": ("Reroute", {}, {"value": "slow2"}),
        "invert2": ("InvertImage", {}, {"image": "bend.value"}),
        "save2": ("SaveImage", {}, {"image": "invert2"}),
    }
    renamed["invert2"] = ("InvertImage", {}, {"image": "bend"})
    document = graph(**renamed)
    document.title = "Other"
    document.layout = {"solid2": (5.0, 6.0)}
    after = {n: s.key for n, s in bench.plan(document).signed.items()}
    assert [before[n] for n in before] == [after[f"{n}2"] for n in before]


def test_defaults_written_out_and_constants_do_not_change_keys(bench: Bench) -> None:
    before = keys(bench, **chain())
    written = chain(slow=("Slow", {"steps": 3, "wait": 0.03}, {"image": "solid"}))
    assert keys(bench, **written) == before
    wired = chain(
        three=("Integer", {"value": 3}), slow=("Slow", {}, {"image": "solid", "steps": "three"})
    )
    assert {n: k for n, k in keys(bench, **wired).items() if n in before} == before


@pytest.mark.parametrize(
    ("changed", "moved"),
    [
        ({"solid": ("SolidImage", {"width": 8, "height": 9})}, {"solid", "slow", "invert", "save"}),
        ({"slow": ("Slow", {"steps": 4}, {"image": "solid"})}, {"slow", "invert", "save"}),
        ({"invert": ("InvertImage", {}, {"image": "solid"})}, {"invert", "save"}),
        ({"save": ("SaveImage", {"name": "x"}, {"image": "invert"})}, {"save"}),
        ({"invert": ("Mean", {}, {"first": "slow"})}, {"invert", "save"}),
    ],
)
def test_a_change_moves_the_keys_below_it_and_no_others(
    bench: Bench, changed: dict[str, Any], moved: set[str]
) -> None:
    before, after = keys(bench, **chain()), keys(bench, **chain(**changed))
    assert {name for name in after if before[name] != after[name]} == moved


def test_outputs_of_one_node_are_told_apart(bench: Bench) -> None:
    first = chain(
        slow=("Split", {}, {"image": "solid"}), invert=("InvertImage", {}, {"image": "slow.first"})
    )
    second = chain(
        slow=("Split", {}, {"image": "solid"}), invert=("InvertImage", {}, {"image": "slow.second"})
    )
    assert keys(bench, **first)["invert"] != keys(bench, **second)["invert"]


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1))
def test_two_weights_share_a_key_only_if_equal(a: float, b: float) -> None:
    from studio.execution.keys import _digest

    one = _digest({"type": "Mean", "version": 1, "params": {"weight": a}})
    two = _digest({"type": "Mean", "version": 1, "params": {"weight": b}})
    assert (one == two) == (repr(a) == repr(b))


def test_dtype_changes_only_what_models_compute(bench: Bench) -> None:
    nodes = {
        "checkpoint": ("LoadCheckpoint",),
        "text": ("TextEncode", {"text": "x"}, {"clip": "checkpoint.clip"}),
    }
    before = bench.plan(graph(**nodes), only=["text"]).signed
    bench.session.policy = Policy("cpu", "cpu", "bfloat16")
    after = bench.plan(graph(**nodes), only=["text"]).signed
    assert before["checkpoint"].key == after["checkpoint"].key
    assert before["text"].key != after["text"].key


def actions(bench: Bench, document: Any, **kwargs: Any) -> dict[str, tuple[Action, str]]:
    plan = bench.plan(document, **kwargs)
    return {name: (step.action, step.reason) for name, step in plan.steps.items()}


def test_the_reasons(bench: Bench) -> None:
    first = actions(bench, graph(**chain()))
    assert {a for a, _ in first.values()} == {Action.RUN}
    assert {r for _, r in first.values()} == {"never ran in this graph"}
    bench.run(graph(**chain()))
    bench.session.cache.flush()

    again = actions(bench, graph(**chain()))
    assert again["save"][0] is Action.SAVED
    assert "graph_00001.png" in again["save"][1]
    assert again["invert"] == (Action.UNUSED, "what it feeds is there already")

    changed = actions(bench, graph(**chain(slow=("Slow", {"steps": 5}, {"image": "solid"}))))
    assert changed["slow"] == (Action.RUN, "steps 3 → 5")
    assert changed["invert"] == (Action.RUN, "upstream: slow")
    assert changed["save"] == (Action.RUN, "upstream: invert")
    assert changed["solid"][0] is Action.CACHED

    other = chain(invert=("Mean", {"weight": 0.25}, {"first": "slow", "second": "solid"}))
    assert actions(bench, graph(**other))["invert"] == (Action.RUN, "was a InvertImage")

    renamed = actions(bench, graph(**chain(save=("SaveImage", {"name": "b"}, {"image": "invert"}))))
    assert renamed["save"] == (Action.RUN, 'name "{graph}_{counter}" → "b"')


def test_a_node_without_cache_runs_every_time_and_so_does_what_it_feeds(bench: Bench) -> None:
    bench.run(graph(**chain()))
    bench.session.cache.flush()
    document = graph(**chain())
    document.nodes["slow"].cache = False
    plan = bench.plan(document)
    assert {n: s.key for n, s in plan.signed.items()} == keys(bench, **chain())
    steps = {name: (step.action, step.reason) for name, step in plan.steps.items()}
    assert steps["slow"] == (Action.RUN, "its cache is off")
    assert steps["invert"] == (Action.RUN, "upstream: slow")
    assert steps["save"] == (Action.RUN, "upstream: invert")
    assert steps["solid"][0] is not Action.RUN
    result = bench.run(document)
    assert Path(result.outputs[0].path).name == "graph_00002.png"
    assert not result.outputs[0].saved
    assert bench.plan(document).steps["slow"].action is Action.RUN
    document.nodes["slow"].cache = True
    assert bench.plan(document).steps["save"].action is Action.SAVED


def test_a_bypassed_node_without_cache_makes_nothing_run(bench: Bench) -> None:
    document = graph(**chain())
    document.nodes["slow"].cache = False
    document.nodes["slow"].mode = "bypass"
    bench.run(document)
    bench.session.cache.flush()
    assert bench.plan(document).steps["save"].action is Action.SAVED


def test_a_lost_or_changed_picture_is_made_again_from_what_is_cached(bench: Bench) -> None:
    path = Path(bench.run(graph(**chain())).outputs[0].path)
    path.write_bytes(path.read_bytes() + b"x")
    step = bench.plan(graph(**chain())).steps["save"]
    assert step.action is Action.RUN
    assert step.reason == "its files are missing, changed, or in another folder"
    path.unlink()
    assert bench.plan(graph(**chain())).steps["save"].action is Action.RUN


def test_a_changed_file_is_the_reason(bench: Bench, tmp_path: Path) -> None:
    picture = tmp_path / "in.png"
    Pil.fromarray(np.zeros((8, 8, 3), np.uint8)).save(picture)
    nodes = {
        "load": ("LoadImage", {"path": "in.png"}),
        "save": ("SaveImage", {}, {"image": "load.image"}),
    }
    bench.run(graph(**nodes))
    assert bench.plan(graph(**nodes)).steps["save"].action is Action.SAVED
    Pil.fromarray(np.full((8, 8, 3), 9, np.uint8)).save(picture)
    steps = bench.plan(graph(**nodes)).steps
    assert steps["load"].reason == 'file changed: "in.png"'
    assert steps["save"].reason == "upstream: load"


def test_the_history_is_kept_by_graph(bench: Bench) -> None:
    bench.run(graph(**chain()))
    other = chain(slow=("Slow", {"steps": 7}, {"image": "solid"}))
    assert actions(bench, graph(**other), name="other")["slow"][1] == "never ran in this graph"


def test_a_plan_of_a_thousand_nodes_needs_no_torch(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from studio.graph.files import from_json
from studio.session import Session
nodes = {"n0": {"type": "SolidImage"}}
for i in range(1, 1000):
    nodes[f"n{i}"] = {"type": "InvertImage", "inputs": {"image": f"n{i-1}"}}
nodes["save"] = {"type": "SaveImage", "inputs": {"image": "n999"}}
graph = from_json({"format": "latent-studio", "version": 1, "nodes": nodes})
with Session.open(out=Path("out")) as session:
    environment = session.environment("g.json")
    plan = session.plan(session.check(graph, environment, "g.json"), environment, "g.json")
print(len(plan.running), "torch" in sys.modules, "numpy" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["1001", "False", "False"]
