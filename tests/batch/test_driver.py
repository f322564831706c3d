"""The loop of a batch in this process: results, names, retries, stopping, resuming."""

from __future__ import annotations

import errno
import json
import sqlite3
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from batch_kit import CHEAP, POCKET, Batch, check_whole, colours, pictures, rows, seeds
from graph_bench import document
from PIL import Image as Pil

from studio.batch import naming
from studio.batch.folder import FolderTaken, NoBatchThere, open_folder
from studio.batch.journal import Journal
from studio.batch.model import (
    BatchFinished,
    BatchStarted,
    JobEnded,
    JobRetried,
    JobStarted,
    ListedJobs,
    RunnerChoice,
)
from studio.context import Context
from studio.node import node
from studio.png import METADATA_KEY
from studio.registry import Registry, in_module
from studio.values import Image

if TYPE_CHECKING:
    from pathlib import Path

    from studio.execution.events import Event


@node("Poison", category="Test")
def poison(image: Image, *, kind: str = "none", context: Context) -> Image:
    """Fails as it is told to."""
    if kind == "nan":
        return Image(image.pixels * float("nan"))
    if kind == "memory":
        raise MemoryError
    if kind == "odd":
        raise ValueError("odd")
    return image


POISONED = document(
    solid=("SolidImage", {"width": 8, "height": 8}),
    poison=("Poison", {}, {"image": "solid"}),
    save=("SaveImage", {}, {"image": "poison"}),
)


@pytest.fixture
def _poison(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Registry([*Registry.load().values(), *in_module(sys.modules[__name__])])
    monkeypatch.setattr(Registry, "load", classmethod(lambda cls: known))


def test_every_job_has_its_picture_under_its_own_number(tmp_path: Path) -> None:
    batch = Batch(tmp_path / "night", CHEAP, colours(12))
    summary = batch.run(order=list(reversed(range(12))))
    assert (summary.status, summary.done, summary.failed, summary.left) == ("ok", 12, 0, 0)
    assert summary.exit_code == 0
    found = batch.pictures()
    assert sorted(found) == [f"night_{n:05}.png" for n in range(1, 13)]
    for n, pixels in enumerate(found.values()):
        value = 7919 * n % 2**24
        assert pixels[0, 0].tolist() == [255 - (value >> shift & 255) for shift in (16, 8, 0)]
    check_whole(batch.root, 12, found)


def test_events_come_in_order_and_are_json(tmp_path: Path) -> None:
    batch = Batch(tmp_path / "night", CHEAP, colours(3))
    batch.run()
    for event in batch.events:
        json.dumps(event.to_json())
    assert isinstance(batch.events[0], BatchStarted)
    assert isinstance(batch.events[-1], BatchFinished)
    assert batch.events[-1].to_json()["exit_code"] == 0
    for n in range(3):
        begun = next(e for e in batch.of(JobStarted) if e.jobs == (n,))
        ended = next(e for e in batch.of(JobEnded) if e.result.index == n)
        assert batch.events.index(begun) < batch.events.index(ended)
        (output,) = ended.to_json()["outputs"]
        assert output["path"] == f"night_{n + 1:05}.png"
        assert output["node"] == "save"


def test_each_picture_carries_the_graph_of_its_job(tmp_path: Path) -> None:
    batch = Batch(tmp_path / "night", POCKET, seeds(3))
    assert batch.run().status == "ok"
    for n in range(3):
        with Pil.open(batch.root / f"night_{n + 1:05}.png") as picture:
            about = json.loads(picture.info[METADATA_KEY])
        assert about["seeds"] == {"sampler": n}
        assert about["graph"]["nodes"]["sampler"]["params"]["seed"] == n


def test_a_library_that_is_still_being_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By another thread: it has no version yet, and a picture that names none fails nothing."""
    monkeypatch.setitem(sys.modules, "diffusers", ModuleType("diffusers"))
    batch = Batch(tmp_path / "night", CHEAP, colours(1))
    assert batch.run().status == "ok"
    assert not batch.of(JobRetried)


def test_a_folder_that_leads_outside_fails_its_job_alone(tmp_path: Path) -> None:
    root = tmp_path / "night"
    root.mkdir()
    (root / "b").symlink_to(tmp_path)
    (root / "c").write_text("a file")
    names = ListedJobs([{"save.name": f"{folder}/x"} for folder in "abcd"])
    batch = Batch(root, CHEAP, names)
    summary = batch.run()
    assert (summary.status, summary.done, summary.failed) == ("failed", 2, 2)
    assert sorted(batch.pictures()) == ["a/x_00001.png", "d/x_00004.png"]
    errors = [e.result.error for e in batch.of(JobEnded) if e.result.status == "failed"]
    assert any("outside the output folder" in error for error in errors)
    assert any("is a file" in error for error in errors)
    assert not (root / naming.STAGING).exists()


def test_equal_jobs_have_pictures_of_their_own(tmp_path: Path) -> None:
    same = ListedJobs([{"solid.colour": "#ff0000"}] * 3)
    batch = Batch(tmp_path / "night", CHEAP, same)
    assert batch.run().status == "ok"
    assert len(batch.pictures()) == 3


def test_several_pictures_of_a_job(tmp_path: Path) -> None:
    graph = document(
        solid=("SolidImage", {"width": 8, "height": 8}),
        first=("SaveImage", {"name": "a/{counter:2}"}, {"image": "solid"}),
        second=("SaveImage", {"name": "a/{counter:2}"}, {"image": "solid"}),
        third=("SaveImage", {"name": "{node}"}, {"image": "solid"}),
    )
    batch = Batch(tmp_path / "night", graph, colours(101))
    assert batch.run().status == "ok"
    found = set(batch.pictures())
    assert len(found) == 303
    assert {"a/007.png", "a/007_2.png", "third_00007.png", "a/101.png"} <= found
    nodes = dict(rows(batch.root, "SELECT path, node FROM outputs"))
    assert {nodes["a/007.png"], nodes["a/007_2.png"]} == {"first", "second"}
    assert nodes["third_00007.png"] == "third"


def test_nothing_of_the_users_is_overwritten(tmp_path: Path) -> None:
    root = tmp_path / "night"
    root.mkdir()
    (root / "night_00002.png").write_text("mine")
    (root / "notes.txt").write_text("mine")
    batch = Batch(root, CHEAP, colours(3))
    assert batch.run().status == "ok"
    assert (root / "night_00002.png").read_text() == "mine"
    with Pil.open(root / "night_00002_2.png") as picture:
        assert picture.size == (16, 8)
    with open_folder(root, resume=True) as folder:
        paths = [result.outputs[0].path for result in folder.journal.results()]
    assert paths == ["night_00001.png", "night_00002_2.png", "night_00003.png"]


@pytest.mark.usefixtures("_poison")
def test_poisoned_jobs_fail_alone(tmp_path: Path) -> None:
    kinds = ["none", "nan", "none", "memory", "odd", "none"]
    batch = Batch(tmp_path / "night", POISONED, ListedJobs([{"poison.kind": k} for k in kinds]))
    summary = batch.run()
    assert (summary.status, summary.done, summary.failed, summary.exit_code) == ("failed", 3, 3, 1)
    assert sorted(batch.pictures()) == [f"night_{n:05}.png" for n in (1, 3, 6)]
    assert sorted(event.job for event in batch.of(JobRetried)) == [1, 3, 4]
    with open_folder(batch.root, resume=True) as folder:
        results = list(folder.journal.results())
        failures = folder.journal.failures(2)
    assert [result.status for result in results] == [
        "done" if kind == "none" else "failed" for kind in kinds
    ]
    assert [result.attempts for result in results] == [1, 2, 1, 2, 2, 1]
    assert "NaN" in results[1].error
    assert "poison" in results[3].error
    assert "odd" in results[4].detail
    assert results[1].detail == ""
    assert [result.index for result in failures] == [1, 3]

    # Resuming leaves them alone; asked for, they are tried again, and again fail alone.
    summary = batch.run(resume=True)
    assert (summary.status, summary.done, summary.failed) == ("failed", 3, 3)
    assert not batch.of(JobStarted)
    summary = batch.run(resume=True, retry_failed=True)
    assert (summary.done, summary.failed, summary.left) == (3, 3, 0)
    assert len(batch.of(JobEnded)) == 3


def test_a_file_that_is_missing_now_and_there_later(tmp_path: Path) -> None:
    graph = document(load=("LoadImage", {}), save=("SaveImage", {}, {"image": "load.image"}))
    (name,) = [p.name for p in Registry.load()["LoadImage"].params if p.required][:1]
    files = [str(tmp_path / f"{n}.png") for n in range(3)]
    for n in (0, 2):
        Pil.new("RGB", (8, 8), (n, n, n)).save(files[n])
    batch = Batch(tmp_path / "night", graph, ListedJobs([{f"load.{name}": file} for file in files]))
    summary = batch.run()
    assert (summary.done, summary.failed) == (2, 1)
    (failed,) = [e.result for e in batch.of(JobEnded) if e.result.status == "failed"]
    assert failed.index == 1
    assert "1.png" in failed.error
    assert not failed.detail
    Pil.new("RGB", (8, 8), (1, 1, 1)).save(files[1])
    summary = batch.run(resume=True, retry_failed=True)
    assert (summary.status, summary.done, summary.failed) == ("ok", 3, 0)
    found = batch.pictures()
    assert [int(pixels[0, 0, 0]) for pixels in found.values()] == [0, 1, 2]
    with open_folder(batch.root, resume=True) as folder:
        assert [result.status for result in folder.journal.results()] == ["done"] * 3
        assert folder.journal.counts().failed == 0
        assert not folder.journal.failures()


@pytest.mark.parametrize("on", ["here", "workers"])
def test_stopped_and_resumed(tmp_path: Path, on: Any) -> None:
    batch = Batch(tmp_path / "night", CHEAP, colours(300), RunnerChoice(on, 1))

    def stop(event: Event) -> None:
        if isinstance(event, JobEnded) and event.result.index >= 5:
            batch.cancel.set()

    summary = batch.run(on_event=stop)
    assert summary.status == "stopped"
    assert summary.exit_code == 130
    assert 6 <= summary.done < 300
    assert summary.done + summary.left == 300
    assert len([p for p in batch.pictures() if not p.startswith(".")]) == summary.done
    batch.choice = RunnerChoice("here")  # wherever it began
    again = batch.run(resume=True)
    assert (again.status, again.done) == ("ok", 300)
    assert len(batch.of(JobEnded)) == summary.left
    check_whole(batch.root, 300, batch.pictures())


@pytest.mark.parametrize("on", ["here", "workers"])
def test_stopped_at_once_and_resumed(tmp_path: Path, on: Any) -> None:
    batch = Batch(tmp_path / "night", CHEAP, colours(60), RunnerChoice(on, 1))

    def stop(event: Event) -> None:
        if isinstance(event, JobEnded):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batch.run(on_event=stop)
    batch.choice = RunnerChoice("here")
    assert batch.run(resume=True).done == 60
    check_whole(batch.root, 60, batch.pictures())


def test_the_disk_is_full_for_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = Batch(tmp_path / "night", CHEAP, colours(30))
    real, written = naming.write_temp, []

    def full(temp: Path, data: bytes) -> None:
        written.append(temp)
        if len(written) > 10:
            temp.write_bytes(data[:100])
            raise OSError(errno.ENOSPC, "No space left on device")
        real(temp, data)

    with monkeypatch.context() as patch:
        patch.setattr(naming, "write_temp", full)
        summary = batch.run()
    assert (summary.status, summary.exit_code, summary.failed) == ("blocked", 2, 0)
    assert summary.done == 10
    assert "No room for" in summary.reason
    assert len(batch.pictures()) == 10
    assert batch.run(resume=True).status == "ok"
    check_whole(batch.root, 30, batch.pictures())


def test_no_room_for_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = Batch(tmp_path / "night", CHEAP, colours(400))
    connect = sqlite3.connect

    def small(*args: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(*args, **options)
        connection.execute("PRAGMA max_page_count = 30")
        return connection

    with monkeypatch.context() as patch:
        patch.setattr("studio.batch.journal.sqlite3.connect", small)
        summary = batch.run(use_cache=False)
    assert summary.status == "blocked"
    assert "full" in summary.reason
    assert 0 < summary.done < 400
    assert len([p for p in batch.pictures() if not p.startswith(".")]) == summary.done
    assert batch.run(resume=True).status == "ok"
    check_whole(batch.root, 400, batch.pictures())


def test_a_folder_has_one_batch(tmp_path: Path) -> None:
    batch = Batch(tmp_path / "night", CHEAP, colours(2))
    with pytest.raises(NoBatchThere, match="no batch in"):
        batch.run(resume=True)
    assert not batch.root.exists()
    batch.run()
    with pytest.raises(FolderTaken, match=r"2 jobs done.*--resume"):
        batch.run()
    before = batch.pictures()
    assert batch.run(resume=True).done == 2
    assert not batch.of(JobStarted)
    assert all(
        np.array_equal(a, b)
        for a, b in zip(before.values(), pictures(batch.root).values(), strict=True)
    )


def test_a_crash_between_the_journal_and_the_names(tmp_path: Path) -> None:
    """Every file is staged and in the journal, and none has its name: the next start names them."""
    batch = Batch(tmp_path / "night", CHEAP, colours(5))
    batch.run()
    expected = batch.pictures()
    staging = batch.root / naming.STAGING
    for path, staged in rows(batch.root, "SELECT path, staged FROM outputs"):
        (staging / staged).parent.mkdir(parents=True, exist_ok=True)
        (batch.root / path).rename(staging / staged)
    (staging / "other").mkdir()
    (staging / "other" / "9-1-1.part").write_bytes(b"half a pict")
    # One of them has its name already, and is still staged.
    first = rows(batch.root, "SELECT path, staged FROM outputs")[0]
    (batch.root / first[0]).hardlink_to(staging / first[1])
    assert batch.run(resume=True).done == 5
    check_whole(batch.root, 5, expected)


def test_no_digit_of_a_file_in_the_way_of_a_staged_one(tmp_path: Path) -> None:
    batch = Batch(tmp_path / "night", CHEAP, colours(2))
    batch.run()
    ((path, staged), *_) = rows(batch.root, "SELECT path, staged FROM outputs ORDER BY path")
    target = batch.root / naming.STAGING / staged
    target.parent.mkdir(parents=True)
    (batch.root / path).rename(target)
    (batch.root / path).write_text("somebody was faster")
    batch.run(resume=True)
    assert (batch.root / path).read_text() == "somebody was faster"
    with Journal(batch.root / "journal.sqlite") as journal:
        assert [r.outputs[0].path for r in journal.results()] == [
            "night_00001_2.png",
            "night_00002.png",
        ]
    with Pil.open(batch.root / "night_00001_2.png") as picture:
        picture.load()
