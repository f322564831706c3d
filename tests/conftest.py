"""Shared fixtures. Every test runs in a home of its own, and fails on stray threads and logs."""

from __future__ import annotations

import gc
import itertools
import logging
import os
import re
import shutil
import threading
import time
from typing import TYPE_CHECKING

import pytest
from forks import Forks
from graph_bench import Bench
from hypothesis import settings

from studio import tuning
from studio.registry import Registry
from studio.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# Two test processes share two cores, and threads that wait for each other there cost more than
# they bring: tiny models. Child processes inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

tuning.before_torch()

# By the clock a test fails where another program wants the core.
settings.register_profile("suite", settings.default, deadline=None)
settings.load_profile("suite")


LONG = {
    "test_cli.py",
    "test_engine_kill.py",
    "test_fuzz.py",
    "test_inpaint_quality.py",
    "test_pocket.py",
    "test_window.py",
    "test_worker.py",
}
"""Files with tests of many seconds."""
FOLDERS = itertools.count()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests first, so that no process waits at the end for the other's."""
    items.sort(key=lambda item: item.path.name not in LONG)


def pytest_collection() -> None:
    """Let no collector walk through a heap that only grows."""
    gc.disable()


def pytest_collection_finish() -> None:
    """What was collected stays to the end: thousands of tests, and the modules they import.

    The collector needn't walk through it in every test.
    """
    gc.freeze()
    gc.enable()


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new folder. Pytest's own first looks through those of all tests before for a free name."""
    name = re.sub(r"\W", "_", request.node.name)[:30]
    folder = tmp_path_factory.getbasetemp() / f"{name}-{next(FOLDERS)}"
    folder.mkdir(0o700)
    return folder


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A LATENT_STUDIO_HOME that no other test sees."""
    folder = tmp_path / "home"
    monkeypatch.setenv("LATENT_STUDIO_HOME", str(folder))
    monkeypatch.delenv("LATENT_STUDIO_DEBUG", raising=False)
    return folder


@pytest.fixture(autouse=True)
def _no_leaked_threads() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + 2
    while (left := set(threading.enumerate()) - before) and time.monotonic() < deadline:
        # torch, tqdm and hypothesis keep service threads; ours have names.
        left = {t for t in left if not t.daemon}
        if not left:
            break
        time.sleep(0.02)
    leaked = {t for t in left if not t.daemon and t.is_alive()}
    assert not leaked, f"threads left running: {leaked}"


class _Stray(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        # What the libraries advise comes once a process, in whichever test is first. That users
        # see none of it is tested on the command line's output.
        if not record.name.startswith(("transformers.", "diffusers.")):
            self.records.append(record)


@pytest.fixture(autouse=True)
def stray_logs(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail on warnings in the log, unless the test looks at the log itself (uses `caplog`)."""
    if "caplog" in request.fixturenames:
        yield
        return
    handler = _Stray()
    logging.getLogger().addHandler(handler)
    yield
    logging.getLogger().removeHandler(handler)
    assert not handler.records, [record.getMessage() for record in handler.records]


@pytest.fixture(scope="session")
def registry() -> Registry:
    """The built-in nodes."""
    return Registry.load()


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """Runs `main.py` in processes of its own that have imported everything."""
    started = Forks()
    yield started
    started.close()


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A session on the CPU in float32 with its own cache and output folder."""
    with Session.open(
        out=tmp_path / "out", device="cpu", dtype="float32", memory_cache=True
    ) as opened:
        yield opened


@pytest.fixture
def bench(session: Session, tmp_path: Path) -> Bench:
    """Runs graphs in `session`; relative paths start at `tmp_path`."""
    return Bench(session, tmp_path)


@pytest.fixture(scope="session")
def tiny_master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random checkpoint; to be copied, not changed."""
    from tiny_folder import make_pipeline

    folder = tmp_path_factory.mktemp("checkpoint") / "tiny"
    make_pipeline().save_pretrained(folder)
    return folder


@pytest.fixture
def tiny(tiny_master: Path, home: Path) -> Path:
    """The checkpoint `tiny` of this test, free to be damaged."""
    folder = home / "models" / "checkpoints" / "tiny"
    shutil.copytree(tiny_master, folder)
    return folder
