"""Batches on Ray: a real cluster on this machine, an actor that is killed, a disk of its own."""

from __future__ import annotations

import os
import signal
import socket
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from batch_graphs import ROOT
from batch_kit import CHEAP, POCKET, Batch, check_whole, colours, seeds

from studio.batch.model import JobEnded, JobStarted, RunnerChoice, WorkerDied, WorkerReady
from studio.batch.runners.ray import RayUnreachable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from studio.execution.events import Event

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    ray = pytest.importorskip("ray", reason="Ray isn't installed (pip install '.[cluster]')")

# Its own processes and files are Ray's to close.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def _own_cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    yield
    assert not ray.is_initialized()


def test_sigkill_of_one_ray_worker(tmp_path: Path) -> None:
    alone = Batch(tmp_path / "alone", CHEAP, colours(200))
    alone.run()
    batch = Batch(tmp_path / "night", CHEAP, colours(200), RunnerChoice("ray", 2))
    pids: dict[str, int] = {}
    victims: list[str] = []

    def on_event(event: Event) -> None:
        if isinstance(event, WorkerReady):
            pids[event.worker] = event.pid
        if isinstance(event, JobStarted) and len(batch.of(JobEnded)) >= 4 and not victims:
            victims.append(event.worker)
            os.kill(pids[event.worker], signal.SIGKILL)

    summary = batch.run(on_event=on_event, use_cache=False)
    assert (summary.status, summary.done) == ("ok", 200)
    assert [event.worker for event in batch.of(WorkerDied)] == victims
    check_whole(batch.root, 200, alone.pictures())


def test_actors_that_do_not_see_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from studio.batch.runners.ray import Cluster

    start: Any = Cluster._start

    def elsewhere(self: Any, slot: Any) -> None:
        root, self._root = self._root, tmp_path / "not" / "there"
        start(self, slot)
        self._root = root

    monkeypatch.setattr(Cluster, "_start", elsewhere)
    batch = Batch(tmp_path / "night", POCKET, seeds(4), RunnerChoice("ray", 1))
    assert batch.run().status == "ok"
    found = batch.pictures()
    assert len(found) == 4
    check_whole(batch.root, 4, found)
    assert not (tmp_path / "not").exists()


def test_an_address_where_nobody_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray would try for more than a minute."""
    batch = Batch(tmp_path / "night", CHEAP, colours(2), RunnerChoice("ray", 1))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # it never listens
        monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(RayUnreachable, match=r"(?s)refused.*RAY_ADDRESS.*RAY_AUTH_MODE"):
            batch.run()
    batch.choice = RunnerChoice("here")
    assert batch.run(resume=True).status == "ok"


def test_an_actor_without_a_place_holds_nothing_up(tmp_path: Path) -> None:
    """The cluster has room for one of the two that were asked for."""
    variables = {"PYTHONPATH": str(ROOT), "LATENT_STUDIO_HOME": os.environ["LATENT_STUDIO_HOME"]}
    ray.init(
        address="local",
        num_cpus=1,
        include_dashboard=False,
        log_to_driver=False,
        configure_logging=False,
        runtime_env={"env_vars": variables},
    )
    try:
        batch = Batch(tmp_path / "night", CHEAP, colours(20), RunnerChoice("ray", 2))
        assert batch.run().status == "ok"
        assert len(batch.of(WorkerReady)) == 1
    finally:
        ray.shutdown()
