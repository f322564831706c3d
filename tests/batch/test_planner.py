"""Plans of jobs in a row: each is what it would be alone."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from batch_kit import setup_of
from graph_bench import document
from PIL import Image as Pil

from studio.batch.engine import open_session
from studio.batch.model import Job
from studio.batch.planner import Planner
from studio.environment import Environment
from studio.errors import StudioError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from studio.execution.plan import Plan
    from studio.session import Session

GRAPH = document(
    checkpoint=("LoadCheckpoint", {"name": "pocket"}),
    positive=("TextEncode", {"text": "a {red|blue} circle"}, {"clip": "checkpoint.clip"}),
    negative=("TextEncode", {"text": ""}, {"clip": "checkpoint.clip"}),
    size=("Integer", {"value": 64}),
    latent=("EmptyLatent", {"height": 64}, {"width": "size"}),
    sampler=(
        "KSampler",
        {"seed": 1, "steps": 2},
        {
            "model": "checkpoint.model",
            "positive": "positive",
            "negative": "negative",
            "latent": "latent",
        },
    ),
    decode=("VAEDecode", {}, {"latent": "sampler", "vae": "checkpoint.vae"}),
    save=("SaveImage", {"name": "{graph}_{counter}"}, {"image": "decode"}),
)

JOBS: list[dict[str, Any]] = [
    {"sampler.seed": 1},
    {"sampler.seed": 2},
    {"sampler.seed": 2, "sampler.cfg": 3},
    {"sampler.cfg": 3.0},
    {"positive.text": "a cat"},
    {"positive.text": "a {big|small} cat", "positive.seed": 4},
    {"sampler.steps": "many"},
    {"sampler.steps": 3, "save.name": "../x"},
    {"sampler.steps": 3, "save.name": "x/{seed}"},
    {"size.value": 128},
    {"size.value": 96, "latent.height": 128},
    {"latent.width": 32},
    {"sampler.seed": 1, "checkpoint.prediction": "v_prediction"},
    {"checkpoint.name": "nothing"},
    {"sampler.seed": 1},
    {},
]


def planners(graph: dict[str, Any], root: Path, session: Session) -> Callable[[], Planner]:
    """Makes planners of one graph."""
    places, hashes = session.places, session.cache.hashes
    environment = Environment(places, hashes, session.output, root, "night")
    return lambda: Planner(setup_of(graph, 100), session, environment)


def plan(planner: Planner, sets: dict[str, Any]) -> Plan | str:
    try:
        return planner.plan(Job(0, sets))
    except StudioError as error:
        return str(error)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with open_session(setup_of(GRAPH, 1), tmp_path / "night") as opened:
        yield opened


@pytest.mark.parametrize("order", ["forth", "back", "shuffled"])
def test_each_plan_is_as_if_made_alone(tmp_path: Path, session: Session, order: str) -> None:
    jobs = JOBS[::-1] if order == "back" else [*JOBS]
    if order == "shuffled":
        random.Random(1).shuffle(jobs)
    make = planners(GRAPH, tmp_path, session)
    row = make()
    for sets in jobs:
        assert plan(row, sets) == plan(make(), sets), sets
    faults = [sets for sets in JOBS if isinstance(plan(make(), sets), str)]
    assert [list(sets)[-1] for sets in faults] == ["sampler.steps", "save.name", "checkpoint.name"]


def test_only_what_changed_is_looked_at(tmp_path: Path, session: Session) -> None:
    planner = planners(GRAPH, tmp_path, session)()
    first, second = (planner.plan(Job(n, {"sampler.seed": n})) for n in range(2))
    for name in ("positive", "latent", "decode"):
        assert second.graph.nodes[name] is first.graph.nodes[name]
    assert second.signed["latent"] is first.signed["latent"]
    assert second.signed["decode"].key != first.signed["decode"].key


def test_a_file_that_is_overwritten_between_two_jobs(tmp_path: Path, session: Session) -> None:
    path = tmp_path / "source.png"
    graph = document(
        load=("LoadImage", {"path": str(path)}),
        save=("SaveImage", {}, {"image": "load.image"}),
    )
    planner = planners(graph, tmp_path, session)()
    keys = []
    for n in range(2):
        Pil.new("RGB", (8 + n, 8)).save(path)
        keys.append(planner.plan(Job(n, {"save.name": f"{n}"})).signed["load"].key)
    assert keys[0] != keys[1]
    path.unlink()
    with pytest.raises(StudioError, match=r"source\.png"):
        planner.plan(Job(2, {"save.name": "2"}))
