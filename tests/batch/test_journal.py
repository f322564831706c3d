"""The journal: append-only, exactly-once, whatever happens to its file."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.batch.indices import Indices
from studio.batch.journal import (
    FILE,
    Counts,
    Entry,
    Journal,
    JournalTooNew,
    JournalUnusable,
)
from studio.batch.model import OutputFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / FILE) as opened:
        yield opened


def done(job: int, attempt: int = 1) -> Entry:
    file = OutputFile(f"{job}.png", "00" * 32, 5, "save", f"t/{job}-{attempt}-1.part")
    return Entry(job, "done", attempt, "here", 0.5, outputs=(file,))


def test_a_job_is_done_once(journal: Journal) -> None:
    journal.add([Entry(7, "started", 1, "here", sets={"a.b": "é\ud800"}), done(7)])
    with pytest.raises(JournalUnusable, match="UNIQUE"):
        journal.add([Entry(8, "started", 1), done(7, 2)])
    # All or nothing: what came with it isn't there either.
    assert journal.attempts(8) == 0
    assert journal.counts() == Counts(1, 0)
    assert journal.sets(7) == {"a.b": "é\ud800"}
    assert journal.sets(8) is None


@pytest.mark.parametrize("table", ["entries", "outputs"])
@pytest.mark.parametrize("change", ["UPDATE {} SET rowid = 3", "DELETE FROM {}"])
def test_nothing_is_changed_or_removed(journal: Journal, table: str, change: str) -> None:
    journal.add([done(1)])
    connection = sqlite3.connect(journal.path)
    query = change.format(table).replace("outputs SET rowid", "outputs SET entry")
    with pytest.raises(sqlite3.DatabaseError, match="append-only"):
        connection.execute(query)
    connection.close()


def test_two_jobs_never_share_a_file(journal: Journal) -> None:
    journal.add([done(1)])
    other = Entry(2, "done", 1, outputs=(OutputFile("1.png", "", 5, "", "other.part"),))
    with pytest.raises(JournalUnusable):
        journal.add([other])


def test_results_in_portions(journal: Journal) -> None:
    entries = [Entry(job, "failed", 2, error="no") for job in range(0, 3000, 3)]
    entries += [done(job) for job in range(2999, -1, -1) if job % 3 != 1]
    journal.add(entries)
    results = list(journal.results())
    assert [result.index for result in results] == [job for job in range(3000) if job % 3 != 1]
    assert {result.status for result in results} == {"done"}
    assert all(result.outputs[0].path == f"{result.index}.png" for result in results)
    assert journal.counts() == Counts(2000, 0)
    assert len(journal.ended()) == 2000


def test_failures_and_moves(journal: Journal) -> None:
    journal.add([Entry(4, "failed", 2, error="b"), Entry(3, "failed", 2, error="a"), done(5)])
    assert [result.error for result in journal.failures()] == ["a", "b"]
    assert journal.counts() == Counts(1, 2)
    assert 3 in journal.ended()
    assert 3 not in journal.ended(failed=False)
    journal.moved([OutputFile("5_2.png", "", 5, "save", "t/5-1-1.part")])
    assert journal.file("t/5-1-1.part") == OutputFile(
        "5_2.png", "00" * 32, 5, "save", "t/5-1-1.part"
    )
    assert journal.file("t/6-1-1.part") is None


def test_remarks_survive(tmp_path: Path) -> None:
    with Journal(tmp_path / FILE) as journal:
        journal.set_meta("digest", "a")
        journal.set_meta("digest", "b")
        assert not journal.begun()
        journal.add([Entry(1, "started", 1)])
    with Journal(tmp_path / FILE) as journal:
        assert journal.meta("digest") == "b"
        assert journal.meta("other") is None
        assert journal.begun()
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [FILE]


def test_a_newer_journal(tmp_path: Path) -> None:
    with Journal(tmp_path / FILE) as journal:
        journal.set_meta("schema", "2")
    with pytest.raises(JournalTooNew, match="format 2"):
        Journal(tmp_path / FILE)


@pytest.mark.parametrize("content", [b"not a database, not at all" * 100, b"SQLite format 3\0" * 9])
def test_a_damaged_journal(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(JournalUnusable, match="can't be used"):
        Journal(tmp_path / FILE)
    assert (tmp_path / FILE).read_bytes() == content


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 20_000))))
def test_indices_are_a_set(steps: list[tuple[bool, int]]) -> None:
    ours, theirs = Indices(), set[int]()
    for add, index in steps:
        if add:
            ours.add(index)
            theirs.add(index)
        else:
            ours.discard(index)
            theirs.discard(index)
        assert (index in ours) == (index in theirs)
    assert len(ours) == len(theirs)
    assert all(index in ours for index in theirs)
