"""Processes that run batches and may be killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from graph_bench import Bench


class Server:
    """Starts batches in processes of their own, one at a time."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("batch_child.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        self.until("server")

    def read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the server of batches ended"
        event: dict[str, Any] = json.loads(line)
        return event

    def until(self, *kinds: str) -> list[dict[str, Any]]:
        """All events up to the first of one of `kinds`."""
        events = [self.read()]
        while events[-1]["event"] not in kinds:
            events.append(self.read())
        return events

    def start(self, root: Path, graph: str, count: int, **other: Any) -> int:
        """Start a batch; returns its process."""
        assert self.process.stdin is not None
        home = os.environ["LATENT_STUDIO_HOME"]
        order = {"home": home, "root": str(root), "graph": graph, "count": count, **other}
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        self.process.stdin.flush()
        return int(self.until("forked")[-1]["pid"])

    def kill(self, pid: int, wait: Callable[[], None]) -> list[dict[str, Any]]:
        """Kill a batch once `wait` returns; returns what it had to say until then."""
        wait()
        os.kill(pid, signal.SIGKILL)
        return self.until("gone")

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    if not hasattr(os, "fork"):
        pytest.skip("this system can't fork")
    started = Server()
    try:
        yield started
    finally:
        started.process.kill()
        started.close()


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A second session, with a cache of its own."""
    from graph_bench import Bench

    from studio.session import Session

    home = tmp_path / "home"
    other = tmp_path / "other"
    other.mkdir()
    (other / "settings.toml").write_text(f"model_folders = ['{home / 'models'}']\n")
    monkeypatch.setenv("LATENT_STUDIO_HOME", str(other))
    with Session.open(
        out=tmp_path / "single", device="cpu", dtype="float32", memory_cache=True
    ) as opened:
        yield Bench(opened, tmp_path)
