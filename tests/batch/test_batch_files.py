"""Job files, what a run keeps in its folder, and forecasts."""

from __future__ import annotations

import json
import math
import shutil
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from batch_graphs import ROOT, WORKFLOW, asked, plan
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.batch.forecast import FILE, forecast, remember
from studio.batch.frozen import (
    Changed,
    Lost,
    NotWritten,
    Replaced,
    check_same,
    digest,
    fingerprints,
    freeze,
    thaw,
)
from studio.batch.indices import Indices
from studio.batch.jobfile import BadJobFile, Request, RunOptions, read_job_file, to_toml
from studio.batch.planning import plan_batch
from studio.batch.texts import TextFileError

if TYPE_CHECKING:
    from studio.session import Session

JOB_FILE = f"""
graph = "{WORKFLOW}"
out = "night"
csv = "prompts.csv"
only = ["save"]

[set]
sampler.steps = 8
"sampler.eta" = "none"

[sweep]
sampler.seed = "1..3"
sampler.cfg = [3, 5.5]
latent.width = 128

[run]
on = "workers"
workers = 2
batch_size = "auto"
"""


def test_a_job_file_holds_all_of_it(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "batch.toml"
    path.write_text(JOB_FILE)
    (tmp_path / "prompts.csv").write_text("positive.text\na cat\na dog\n")
    request = read_job_file(path)
    assert request.out == tmp_path / "night"
    assert request.only == ("save",)
    assert request.run == RunOptions(on="workers", workers=2, batch_size="auto")
    made = plan_batch(request, session)
    assert [axis.columns for axis in made.space.axes] == [
        ("positive.text",), ("sampler.seed",), ("sampler.cfg",), ("latent.width",),
    ]  # fmt: skip
    assert len(made.space) == 2 * 3 * 2
    assert made.graph.nodes["sampler"].params["steps"] == 8
    assert made.graph.nodes["sampler"].params["eta"] is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "key graph is missing"),
        ("graph = 3", "graph is 3; write a text"),
        ('graph = "a"\nonly = "save"', 'only is "save"; write a list, as ["save"]'),
        ('graph = "a"\nset = 3', "set is 3; write its lines under a heading"),
        ('graph = "a"\nrun = 3', "run is 3; write its lines under a heading"),
        ('grph = "a"', "Did you mean graph"),
        ('graph = "a"\n[run]\nworker = 3', "Did you mean workers"),
        ('graph = "a"\n[run]\non = "cloud"', 'run.on is "cloud"; write "here", "workers" or'),
        ('graph = "a"\n[run]\nworkers = 0', "run.workers is 0; write a number from 1 to 1024"),
        ('graph = "a"\n[run]\ncache = "yes"', 'run.cache is "yes"; write true or false'),
        ('graph = "a"\n[sweep]\nsampler.seed = true', "here"),
        ('graph = "a"\n[sweep]\nsampler.seed = 1979-05-27', "write a text"),
        ('graph = "a"\nzip = 1', "zip is 1; write true or false"),
        ('graph = "a"\nversion = 9', "Update"),
        ('graph = "a"\nformat = "other"', 'has "latent-studio-batch"'),
        ("graph = ", "isn't TOML"),
        ("\udcff", "UTF-8"),
    ],
)
def test_bad_job_files(session: Session, tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "batch.toml"
    path.write_bytes(text.encode(errors="surrogateescape"))
    if words == "here":
        assert read_job_file(path).sweeps[0].spec == [True]
        return
    with pytest.raises(BadJobFile) as caught:
        read_job_file(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert str(caught.value).count("\n") < 3


def test_job_files_that_arent_there(tmp_path: Path) -> None:
    (tmp_path / "batch.toml").touch()
    with pytest.raises(BadJobFile, match=r"Did you mean batch\.toml"):
        read_job_file(tmp_path / "bach.toml")
    with pytest.raises(BadJobFile, match="can't be read"):
        read_job_file(tmp_path)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values: Any = st.one_of(
    st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), texts
)


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,5}\.[a-z]{1,5}", fullmatch=True),
        st.one_of(texts, st.lists(values, min_size=1, max_size=4)),
        max_size=4,
    ),
    st.dictionaries(st.from_regex(r"[a-z]{1,5}\.[a-z]{1,5}", fullmatch=True), values, max_size=4),
    st.booleans(),
    st.tuples(texts),
)
@settings(deadline=None)
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, sweeps: Any, sets: Any, zipped: bool, only: Any
) -> None:
    request = Request(
        Path("/graph.json"),
        sweeps=tuple(asked(f"{place}=")._replace(spec=spec) for place, spec in sweeps.items()),
        sets=tuple(sets.items()),
        zip=zipped,
        only=only,
        run=RunOptions(workers=3, cache=False),
    )
    path = tmp_path_factory.getbasetemp() / "round.toml"
    path.write_bytes(to_toml(request).encode())
    again = read_job_file(path)
    assert [(one.place, one.spec) for one in again.sweeps] == list(sweeps.items())
    assert list(again.sets) == list(sets.items())
    assert (again.zip, again.only, again.run) == (zipped, only, request.run)
    assert to_toml(again) == to_toml(request)


def test_numbers_that_are_none() -> None:
    request = Request(Path("g"), sets=(("a.b", math.inf), ("a.c", -math.inf), ("a.d", math.nan)))
    table = tomllib.loads(to_toml(request))["set"]
    assert table["a.b"] == math.inf
    assert table["a.c"] == -math.inf
    assert math.isnan(table["a.d"])


# The folder of a run


def test_a_run_needs_nothing_but_its_folder(session: Session, tmp_path: Path) -> None:
    graph = tmp_path / "my graph.json"
    graph.write_text(WORKFLOW.read_text())
    (tmp_path / "prompts.csv").write_text("positive.text,latent.width\na cat,\na dog,256\n")
    (tmp_path / "more.txt").write_text("blurry\nugly, bad\n")
    run = tmp_path / "run"
    run.mkdir()
    made = plan_batch(
        Request(
            graph,
            csv=tmp_path / "prompts.csv",
            sets=("sampler.steps=2",),
            sweeps=(
                asked("sampler.seed=random(3),7"),
                asked("negative.text=none,lines(more.txt)", tmp_path),
                asked("sampler.cfg=linspace(1,2,3)"),
            ),
        ),
        session,
    )
    before = list(made.space)
    mark = freeze(made, run)
    for name in ("my graph.json", "prompts.csv", "more.txt"):
        (tmp_path / name).unlink()
    again = plan_batch(thaw(run, mark), session, known=True)
    assert list(plan_batch(thaw(run, mark), session).space) == before
    assert list(again.space) == before
    assert len(before) == 2 * 4 * 3 * 3
    assert list(again.order) == list(made.order)
    assert again.setup == made.setup
    # The folder's own job file can be run again, elsewhere too.
    other = tmp_path / "other"
    other.mkdir()
    freeze(plan_batch(read_job_file(run / "batch.toml"), session), other)
    assert list(plan_batch(thaw(other, None), session).space) == before


def test_the_files_of_a_pattern_are_kept(session: Session, tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).touch()
    made = plan_batch(
        Request(WORKFLOW, sweeps=(asked("positive.text=glob(*.txt)", tmp_path),)), session
    )
    run = tmp_path / "run"
    run.mkdir()
    mark = freeze(made, run)
    (tmp_path / "c.txt").touch()
    assert list(plan_batch(thaw(run, mark), session).space) == list(made.space)


def test_equal_requests_give_equal_bytes(session: Session, tmp_path: Path) -> None:
    marks = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        marks.append(freeze(plan(session, "sampler.seed=1..3", "sampler.cfg=3,5"), folder))
    assert marks[0] == marks[1]
    assert (tmp_path / "one" / "batch.toml").read_bytes() == (
        tmp_path / "two" / "batch.toml"
    ).read_bytes()


@pytest.mark.parametrize("name", ["batch.toml", "graph.json", "values-1.jsonl"])
def test_a_changed_run_isnt_gone_on_with(session: Session, tmp_path: Path, name: str) -> None:
    (tmp_path / "seeds.txt").write_text("1\n2\n")
    made = plan_batch(
        Request(WORKFLOW, sweeps=(asked("sampler.seed=lines(seeds.txt)", tmp_path),)), session
    )
    mark = freeze(made, tmp_path)
    assert thaw(tmp_path, mark)
    with (tmp_path / name).open("a") as file:
        file.write("\n")
    with pytest.raises(Changed, match="was changed"):
        thaw(tmp_path, mark)
    assert digest(tmp_path) != mark


def test_a_run_without_its_job_file_isnt_gone_on_with(tmp_path: Path) -> None:
    with pytest.raises(Lost, match="is gone"):
        thaw(tmp_path, "mark")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'1\n"x"\n', 'line 2: seed is "x"'),
        (b"1\n{2\n", "line 2: it isn't JSON"),
        (b"1\n\xff\n", "isn't UTF-8"),
        (b"NaN\n", "NaN"),
        (b"", "is empty"),
    ],
)
def test_values_beside_a_job_file_are_checked(
    session: Session, tmp_path: Path, data: bytes, words: str
) -> None:
    (tmp_path / "values-1.jsonl").write_bytes(data)
    path = tmp_path / "batch.toml"
    path.write_text(
        f'graph = "{WORKFLOW}"\n[sweep]\nsampler.seed = {{values = "values-1.jsonl"}}\n'
    )
    with pytest.raises(TextFileError, match=r"values-1\.jsonl") as caught:
        plan_batch(read_job_file(path), session)
    assert words in str(caught.value)


def test_files_of_another_content_are_noticed(session: Session, tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    shutil.copy(ROOT / "workflows" / "pictures" / "heart.png", picture)
    shutil.copy(picture, tmp_path / "b.png")
    made = plan(
        session,
        f"picture.path={picture},{tmp_path / 'b.png'}",
        graph=ROOT / "workflows" / "image_to_image.json",
    )
    before = fingerprints(made)
    assert {name.partition(" = ")[0] for name in before} == {"checkpoint.name", "picture.path"}
    assert len(before) == 3
    began, both = json.dumps(before), Indices([0, 1])
    assert json.loads(check_same(began, made, both, yes=False)) == before
    assert json.loads(check_same(None, made, both, yes=False)) == before
    with picture.open("ab") as file:
        file.write(b"\0")
    (tmp_path / "b.png").unlink()  # its job's fault, and told there
    with pytest.raises(Replaced, match=r"a\.png: the file has another content") as caught:
        check_same(began, made, both, yes=False)
    assert "b.png" not in str(caught.value)
    # Where nothing was made from it, it may change; and what is taken once is taken.
    now = check_same(began, made, Indices([1]), yes=False)
    assert json.loads(now).keys() == before.keys()
    assert json.loads(now) != before
    assert check_same(now, made, both, yes=False) == check_same(began, made, both, yes=True)


def test_a_model_of_another_content_is_noticed(session: Session, tiny: Path) -> None:
    made = plan(session, "sampler.seed=1..3", sets=("checkpoint.name=tiny",))
    began = json.dumps({name: f"another {mark}" for name, mark in fingerprints(made).items()})
    check_same(began, made, Indices(), yes=False)
    with pytest.raises(Replaced, match=r"checkpoint\.name = tiny"):
        check_same(began, made, Indices([2]), yes=False)


def test_a_folder_that_cant_be_written(session: Session, tmp_path: Path) -> None:
    with pytest.raises(NotWritten, match="can't be written"):
        freeze(plan(session, "sampler.seed=1..3"), tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_leaves_no_job_file(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = plan(session, "sampler.seed=1..3")
    (tmp_path / ".batch.toml.part").symlink_to("/dev/full")
    with pytest.raises(NotWritten, match="disk is full"):
        freeze(made, tmp_path)
    assert not (tmp_path / "batch.toml").exists()


# Forecasts


def test_a_forecast_comes_from_the_last_batch_of_its_kind(session: Session, tmp_path: Path) -> None:
    home = tmp_path / "somewhere"
    first = plan(session, "sampler.seed=1..100")
    unknown = forecast(first, tmp_path / "not" / "there", home)
    assert (unknown.jobs, unknown.seconds, unknown.measured) == (100, None, False)
    assert unknown.bytes
    assert "time not known yet" in str(unknown)
    remember(first, home, jobs=50, wall=100.0, written=50_000)
    same = plan(session, "sampler.seed=7..16", sets=("positive.text=another",))
    known = forecast(same, tmp_path, home)
    assert known.seconds == pytest.approx(20)
    assert known.measured
    assert "10 jobs, about 20 s" in str(known)
    other = plan(session, "sampler.seed=7..16", sets=("sampler.steps=50",))
    assert forecast(other, tmp_path, home).seconds is None


def test_a_forecast_survives_a_damaged_file(session: Session, tmp_path: Path) -> None:
    made = plan(session, "sampler.seed=1..100")
    for text in ("", "[]", '{"a": 3}', "\0", '{"a": {"seconds": "x", "bytes": 1, "at": 1}}'):
        (tmp_path / FILE).write_text(text)
        assert forecast(made, tmp_path, tmp_path).seconds is None
        remember(made, tmp_path, jobs=10, wall=10, written=10)
        assert forecast(made, tmp_path, tmp_path).seconds == 100
    remember(made, tmp_path / FILE, jobs=10, wall=10, written=10)  # no folder: no forecast


def test_few_jobs_say_nothing(session: Session, tmp_path: Path) -> None:
    remember(plan(session, "sampler.seed=1,2"), tmp_path, jobs=2, wall=10, written=10)
    assert not (tmp_path / FILE).exists()


def test_pictures_out_of_the_cache_take_no_time(session: Session, tmp_path: Path) -> None:
    made = plan(session, "sampler.seed=1..10")
    remember(made, tmp_path, jobs=10, wall=20.0, written=100, reused=5)
    assert forecast(made, tmp_path, tmp_path).seconds == 40
    remember(made, tmp_path, jobs=10, wall=0.1, written=100, reused=8)
    assert forecast(made, tmp_path, tmp_path).seconds == 40


def test_a_forecast_knows_sizes_that_are_swept(session: Session, tmp_path: Path) -> None:
    def of(*sweeps: str) -> int:
        found = forecast(plan(session, *sweeps, "sampler.seed=1..300"), tmp_path, tmp_path)
        assert found.bytes is not None
        return found.bytes // found.jobs

    small, large = of("latent.width=64"), of("latent.width=1024")
    both = of("latent.width=64,1024")
    assert small * 10 < large
    assert (small + large) / 2 == pytest.approx(both, rel=0.2)


def test_a_disk_that_is_too_small(session: Session, tmp_path: Path) -> None:
    made = plan(session, "sampler.seed=1..1000000000")
    assert forecast(made, tmp_path, tmp_path).short
