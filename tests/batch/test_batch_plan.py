"""Jobs, their order, and that every one of them is valid before the first starts."""

from __future__ import annotations

import itertools
import json
import math
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from batch_graphs import ROOT, WORKFLOW, asked, plan, target
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.batch.axes import Space, SweepAxis, TooManyJobs
from studio.batch.grammar import BadSpec
from studio.batch.jobfile import Request, read_job_file
from studio.batch.order import Order
from studio.batch.planning import plan_batch
from studio.batch.sequences import Listed
from studio.batch.specs import Spec
from studio.errors import InputError
from studio.graph import files
from studio.graph.errors import GraphInvalid

if TYPE_CHECKING:
    from pathlib import Path

    from studio.registry import Registry
    from studio.session import Session

PLACES = ("sampler.seed", "sampler.cfg", "sampler.steps", "latent.width", "positive.text")


def space_of(registry: Registry, lengths: list[int]) -> Space:
    axes = [
        SweepAxis([Spec(target(registry, place), "", Listed(range(length)))])
        for place, length in zip(PLACES, lengths, strict=False)
    ]
    return Space(axes)


@given(st.lists(st.integers(1, 4), max_size=5))
@settings(deadline=None)
def test_jobs_are_the_product(registry: Registry, lengths: list[int]) -> None:
    space = space_of(registry, lengths)
    wanted = list(itertools.product(*map(range, lengths)))
    assert len(space) == math.prod(lengths) == len(wanted)
    for index, indices in enumerate(wanted):
        assert space.indices(index) == indices
        assert space.place(indices) == index
        job = space[index]
        assert job.index == index
        assert tuple(job.sets.values()) == indices
    assert [job.index for job in space[:]] == list(range(len(space)))
    assert space[-1].index == len(space) - 1


@given(st.lists(st.integers(1, 4), min_size=1, max_size=5), st.randoms())
@settings(deadline=None)
def test_an_order_has_every_job_once(registry: Registry, lengths: list[int], random: Any) -> None:
    space = space_of(registry, lengths)
    axes = random.sample(range(len(lengths)), len(lengths))
    places = {0: random.sample(range(lengths[0]), lengths[0])}
    order = Order(space, axes, places)
    assert sorted(order) == list(range(len(space)))
    assert order[-1] == order[len(order) - 1]
    # The slowest axis changes least often.
    slow = [space.indices(index)[axes[0]] for index in order]
    assert sum(a != b for a, b in itertools.pairwise(slow)) == lengths[axes[0]] - 1


def test_too_many_jobs(session: Session) -> None:
    many = plan(session, "sampler.seed=1..1000000000")
    assert len(many.space) == 10**9
    assert many.space[10**9 - 1].sets == {"sampler.seed": 10**9}
    with pytest.raises(TooManyJobs, match="are the most"):
        plan(session, "sampler.seed=1..1000000000", "sampler.cfg=0..100:0.001")


def test_pairs(session: Session) -> None:
    made = plan(session, "sampler.seed=1..3", "sampler.cfg=3,5,7", zip=True)
    assert [tuple(job.sets.values()) for job in made.space] == [(1, 3.0), (2, 5.0), (3, 7.0)]
    with pytest.raises(InputError, match=r"sampler\.seed 4, sampler\.cfg 2 values"):
        plan(session, "sampler.seed=1..4", "sampler.cfg=3,5", zip=True)


def test_one_widget_is_set_once(session: Session, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("sampler.seed\n1\n")
    for sweeps, options in (
        (("sampler.seed=1", "sampler.seed=2"), {}),
        (("sampler.seed=1",), {"sets": ("sampler.seed=3",)}),
        (("sampler.seed=1",), {"csv": tmp_path / "rows.csv"}),
    ):
        with pytest.raises(InputError, match=r"sampler\.seed is set by"):
            plan(session, *sweeps, **options)
    with pytest.raises(InputError, match="one table"):
        plan(session, csv=tmp_path / "rows.csv", jsonl=tmp_path / "rows.csv")


def test_rows_and_sweeps_multiply(session: Session, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("positive.text,latent.width\na cat,128\na dog,\n")
    made = plan(session, "sampler.seed=1..2", csv=tmp_path / "rows.csv")
    assert [dict(job.sets) for job in made.space] == [
        {"positive.text": "a cat", "latent.width": 128, "sampler.seed": 1},
        {"positive.text": "a cat", "latent.width": 128, "sampler.seed": 2},
        {"positive.text": "a dog", "sampler.seed": 1},
        {"positive.text": "a dog", "sampler.seed": 2},
    ]


def test_a_graph_as_it_is_is_one_job(session: Session) -> None:
    made = plan(session)
    assert [dict(job.sets) for job in made.space] == [{}]
    assert list(made.order) == [0]


@pytest.mark.parametrize(
    ("sweep", "words"),
    [
        ("seed=1", "Did you mean"),
        ("sampeler.seed=1", "Did you mean sampler"),
        ("zzz.seed=1", "It has: checkpoint"),
        ("sampler.sed=1", "Did you mean seed"),
        ("sampler.latent=1", "is a socket"),
        ("checkpoint.name=poket", "Did you mean pocket"),
        ("sampler.sampler=euler,eulr", "Did you mean euler"),
        ("latent.width=100..140:8", "multiple of 8"),
        ("positive.text=a,<lora:x:1>", ""),
    ],
)
def test_wrong_sweeps_name_the_nearest(session: Session, sweep: str, words: str) -> None:
    if not words:
        plan(session, sweep)
        return
    with pytest.raises(InputError) as caught:
        plan(session, sweep)
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"--sweep {sweep}: ")


def graph_with(tmp_path: Path, **nodes: Any) -> Path:
    """text_to_image with nodes changed or added."""
    data = json.loads(WORKFLOW.read_text())
    for name, node in nodes.items():
        kept = data["nodes"].get(name, {"version": 1})
        data["nodes"][name] = {**kept, **node}
    path = tmp_path / "graph.json"
    path.write_text(json.dumps(data))
    return path


def test_a_fed_widget_cant_be_swept(session: Session, tmp_path: Path) -> None:
    sampler = json.loads(WORKFLOW.read_text())["nodes"]["sampler"]
    path = graph_with(
        tmp_path,
        steps={"type": "Integer", "params": {"value": 5}},
        sampler={"inputs": {**sampler["inputs"], "steps": "steps"}},
    )
    with pytest.raises(InputError, match="a wire from steps feeds it"):
        plan(session, "sampler.steps=1..5", graph=path)
    made = plan(session, "steps.value=1..5", graph=path)
    assert len(made.space) == 5
    # Each is right by itself, and wrong where its wire leads.
    with pytest.raises(GraphInvalid, match=r"with steps\.value = 0.*steps is 0"):
        plan(session, "steps.value=3,0", graph=path)
    with pytest.raises(GraphInvalid, match=r"steps\.value = 4001"):
        plan(session, "steps.value=1..5000", graph=path)


def test_values_that_dont_fit_together_are_found(session: Session, tiny: Path) -> None:
    shutil.copytree(tiny, tiny.parent / "other")
    (tiny.parent / "other" / "model_index.json").write_text("{")
    made = plan(session, "checkpoint.name=pocket,tiny", "sampler.seed=1..3")
    assert len(made.space) == 6
    with pytest.raises(InputError, match=r"checkpoint\.name = \"other\""):
        plan(session, "checkpoint.name=pocket,other", "sampler.seed=1..3")


def test_the_graph_itself_is_checked(session: Session, tmp_path: Path) -> None:
    with pytest.raises(GraphInvalid, match="nothing to run"):
        plan(session, graph=graph_with(tmp_path, save={"mode": "mute"}))
    with pytest.raises(InputError, match="no such file"):
        plan(session, graph=tmp_path / "nothing.json")
    with pytest.raises(InputError, match="--set sampler"):
        plan(session, sets=("sampler.steps=0",))


def test_a_row_without_a_needed_value_is_found(session: Session, tmp_path: Path) -> None:
    path = graph_with(tmp_path, checkpoint={"params": {}})
    (tmp_path / "rows.csv").write_text("checkpoint.name,sampler.seed\npocket,1\n,2\n")
    specs = session.registry["LoadCheckpoint"].param_by_name
    if specs["name"].required:
        with pytest.raises(InputError):
            plan(session, graph=path, csv=tmp_path / "rows.csv")
    (tmp_path / "rows.csv").write_text("checkpoint.name\npocket\n")
    assert len(plan(session, graph=path, csv=tmp_path / "rows.csv").space) == 1


def test_what_changes_nothing_is_warned_of(session: Session, tmp_path: Path) -> None:
    path = graph_with(tmp_path, idle={"type": "Integer", "params": {"value": 1}})
    made = plan(session, "idle.value=1..3", graph=path)
    assert any("idle.value changes nothing" in warning for warning in made.warnings)


# Order


def test_what_is_dear_changes_slowest(session: Session) -> None:
    made = plan(
        session,
        "sampler.seed=1..2",
        "sampler.cfg=3,5",
        "positive.text=a,b",
        "sampler.steps=4,5",
        "checkpoint.name=pocket",
    )
    columns = [made.space.axes[number].columns[0] for number in made.order.axes]
    assert columns == [
        "checkpoint.name", "sampler.steps", "positive.text", "sampler.cfg", "sampler.seed",
    ]  # fmt: skip


def test_rows_that_share_stand_together(session: Session, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("sampler.steps,positive.text\n4,a\n5,b\n4,c\n5,d\n4,e\n")
    made = plan(session, csv=tmp_path / "rows.csv")
    assert list(made.order) == [0, 2, 4, 1, 3]
    (tmp_path / "rows.csv").write_text("positive.text,sampler.seed\nb,4\na,5\nb,1\n")
    assert list(plan(session, csv=tmp_path / "rows.csv").order) == [0, 1, 2]


def test_a_hundred_thousand_jobs_are_planned(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    with path.open("w") as file:
        file.write("positive.text,sampler.seed,sampler.steps\n")
        file.writelines(f"prompt {n},{n},{4 + n % 3}\n" for n in range(100_000))
    made = plan(session, csv=path)
    assert len(made.space) == 100_000
    assert sorted(made.order) == list(range(100_000))
    steps = [made.space[index].sets["sampler.steps"] for index in made.order]
    assert steps == sorted(steps)


def test_the_setup_is_what_the_driver_needs(session: Session) -> None:
    request = Request(
        WORKFLOW, sets=("sampler.steps=3",), sweeps=(asked("sampler.seed=1..2"),), only=("save",)
    )
    setup = plan_batch(request, session).setup
    assert setup.graph["nodes"]["sampler"]["params"]["steps"] == 3
    assert setup.base == WORKFLOW.parent
    assert (setup.name, setup.count, setup.only) == ("text_to_image", 2, ("save",))
    assert files.from_json(dict(setup.graph))


def test_a_bad_list_in_a_job_file(session: Session) -> None:
    sweep = asked("sampler.cfg=")._replace(spec=[3, "x"])
    with pytest.raises(BadSpec, match="value 2: cfg"):
        plan_batch(Request(WORKFLOW, sweeps=(sweep,)), session)


# What the documentation shows


def test_the_specs_of_the_documentation_are_read(session: Session, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "batch.md").read_text()
    table = text[text.index("| spec | gives |") :].split("\n\n")[0]
    specs = re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)
    assert len(specs) > 9
    (tmp_path / "prompts.txt").write_text("a\nb\n")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").touch()
    for spec in specs:
        texts = any(sign in spec for sign in ('"', "glob", "lines"))
        place = "positive.text" if texts else "sampler.cfg" if "0" in spec else "sampler.seed"
        if spec.startswith("1..3,10"):
            place = "sampler.seed"
        sweep = asked(f"{place}={spec}", tmp_path)
        if "random" in spec:
            sweep = sweep._replace(place="sampler.seed")
        assert plan_batch(Request(WORKFLOW, sweeps=(sweep,)), session).space


def test_the_job_file_of_the_documentation_is_read(session: Session, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "batch.md").read_text()
    (tmp_path / "batch.toml").write_text(re.findall(r"```toml\n(.*?)```", text, re.DOTALL)[0])
    (tmp_path / "text_to_image.json").write_text(WORKFLOW.read_text())
    (tmp_path / "prompts.csv").write_text(re.findall(r"```csv\n(.*?)```", text, re.DOTALL)[0])
    request = read_job_file(tmp_path / "batch.toml")
    assert request.run.workers == 2
    with pytest.raises(InputError, match=r"sampler\.cfg is set by"):
        plan_batch(request, session)
    (tmp_path / "prompts.csv").write_text("positive.text\na\nb\n")
    assert len(plan_batch(request, session).space) == 2 * 2 * 4


def test_the_job_file_that_ships_is_sound(session: Session) -> None:
    made = plan_batch(read_job_file(ROOT / "workflows" / "sweep.toml"), session)
    assert len(made.space) == 24
    assert made.warnings == ()
