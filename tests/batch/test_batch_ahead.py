"""Texts encoded before the first picture."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from batch_graphs import plan

from studio.batch import ahead
from studio.batch.targets import with_sets
from studio.hardware import MemoryInfo
from studio.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def cached(home: object) -> Iterator[Session]:
    """A session with the user's cache on disk."""
    with Session.open(device="cpu", dtype="float32") as opened:
        yield opened


def test_every_text_is_encoded_once(cached: Session) -> None:
    made = plan(cached, "positive.text=a,b", "negative.text=c", "sampler.seed=1..50")
    assert ahead.encoders(made) == ("negative", "positive")
    assert len(list(ahead.graphs_to_encode(made, cached))) == 2
    told: list[int] = []
    assert ahead.encode_texts(made, cached, threading.Event(), told.append, pytest.fail) == 2
    assert told == [1, 2]
    # They are in the cache, so a job runs its sampler and what follows, and nothing is left to do.
    with Session.open(device="cpu", dtype="float32") as session:
        assert list(ahead.graphs_to_encode(made, session)) == []
        for job in made.space[:]:
            graph = with_sets(made.graph, job.sets)
            checked = session.check(graph, made.environment, "graph")
            running = session.plan(checked, made.environment, "-").running
            assert set(running) == {"sampler", "decode", "save"}
            break


def test_a_stopped_batch_encodes_nothing(cached: Session) -> None:
    cancel = threading.Event()
    cancel.set()
    made = plan(cached, "positive.text=a,b")
    assert ahead.encode_texts(made, cached, cancel, print, pytest.fail) == 0


def test_a_child_that_ends_is_told_of(cached: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "_START", "{path!r}, {device!r}, {dtype!r}")
    made = plan(cached, "positive.text=a,b")
    words: list[str] = []
    cancel = threading.Event()
    assert ahead.encode_texts(made, cached, cancel, pytest.fail, words.append) == 0
    assert words == ["encoding texts first ended after 0; the other jobs encode their own"]


def test_memory_is_short_where_the_models_dont_fit(
    cached: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = plan(cached, "positive.text=a,b")
    size = ahead._model_bytes(made)
    assert size > 1_000_000
    for free, short in ((size, True), (2 * size, False)):
        monkeypatch.setattr(ahead, "memory_info", lambda free=free: MemoryInfo(free, free))
        assert ahead.is_short(made, cached) is short
        assert ahead.is_short(made, cached, workers=2)  # each has its own
