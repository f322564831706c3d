"""The index comes back from whatever happens to its file; nothing wrong is ever read from it."""

from __future__ import annotations

import logging
import random
import shutil
import sqlite3
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from studio.execution import filehash
from studio.execution.cache import Cache, SavedFile, entries, schema
from studio.execution.cache.faults import CacheFault
from studio.execution.cache.index import Index
from studio.execution.cache.schema import SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

# Damage is told by a warning, which would fail a test that does not look at the log.
pytestmark = pytest.mark.usefixtures("caplog")

KEYS = [f"{number:064x}" for number in range(40)]
DIGEST = "0" * 64


def outputs(key: str) -> dict[str, Any]:
    return {"text": f"the outputs of {key}", "numbers": tuple(range(int(key, 16) % 7))}


def signature(key: str) -> dict[str, Any]:
    return {"type": "KSampler", "params": {"seed": int(key, 16), "text": "a red circle " * 9}}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder with forty entries, all of them remembered and recorded as saved."""
    folder = tmp_path_factory.mktemp("template")
    root = Path("/pictures")
    with Cache(folder) as cache:
        for key in KEYS:
            cache.put(key, outputs(key), compute_seconds=9, node_type="Draw")
            cache.record_saved(key, root, [SavedFile(Path("a.png"), 3, DIGEST, {"of": key})])
        cache.remember("graph", {f"node{key}": (key, signature(key)) for key in KEYS})
    return folder


@pytest.fixture
def path(template: Path, tmp_path: Path) -> Path:
    """The index of a copy of it, at tmp_path / "cache"."""
    shutil.copytree(template, tmp_path / "cache")
    return tmp_path / "cache" / "index.sqlite"


def survives(folder: Path) -> int:
    """Read and write all there is, fail where something wrong is read; how many were found."""
    found = 0
    with Cache(folder) as cache:
        where = cache.where(KEYS)
        assert set(where) <= set(KEYS)
        for key in KEYS:
            hit = cache.get(key)
            if hit is not None:
                found += 1
                assert hit == (outputs(key), "disk")
        assert all(isinstance(old.signature, dict) for old in cache.history("graph").values())
        assert cache.saved_many(KEYS, Path("/pictures")) == {}
        cache.info()
        for key in KEYS:
            if key not in where:
                cache.put(key, outputs(key), compute_seconds=9, node_type="Draw")
        cache.put("n" * 64, outputs(KEYS[1]), compute_seconds=9, node_type="Draw")
        # A page out of order hides rows until somebody looks; this looks, as happens daily. It
        # may start a new index, so it comes before what is to be found again.
        cache.prune(2**30)
        cache.remember("graph", {f"node{key}": (key, signature(key)) for key in KEYS})
    with Cache(folder) as cache:
        again = [key for key in KEYS if cache.get(key) is None]
        for key in again:  # found damaged on reading
            cache.put(key, outputs(key), compute_seconds=9, node_type="Draw")
    with Cache(folder) as cache:
        assert cache.where(KEYS) == dict.fromkeys(KEYS, "disk")
        assert all(cache.get(key) == (outputs(key), "disk") for key in KEYS)
        history = cache.history("graph")
        assert all(history[f"node{key}"].signature == signature(key) for key in KEYS)
    return found


def test_it_holds_what_was_written(
    path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert survives(tmp_path / "cache") == 40
    assert not caplog.records


@pytest.mark.parametrize("length", [0, 1, 50, 100, 1000, 4096, 5000, 8192, 20_000, 40_000])
def test_a_truncated_index_is_rebuilt_from_the_entries(
    length: int, path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert path.stat().st_size > 40_000
    with open(path, "r+b") as file:
        file.truncate(length)
    assert survives(tmp_path / "cache") == 40
    assert ("moved to index.sqlite.damaged, rebuilt" in caplog.text) == (length >= 50)


def test_a_deleted_index_is_rebuilt_from_the_entries(path: Path, tmp_path: Path) -> None:
    path.unlink()
    assert survives(tmp_path / "cache") == 40


@pytest.mark.parametrize("start", range(12))
def test_flipped_bytes_in_the_index_never_give_a_wrong_value(
    start: int, path: Path, tmp_path: Path
) -> None:
    good = path.read_bytes()
    dice = random.Random(start)
    damaged = bytearray(good)
    # The first hundred bytes are the file's header, the first page holds the schema.
    positions = range(100) if start == 0 else range(100, len(good))
    if start == 1:
        positions = range(100, 4096)
    for position in dice.sample(positions, 20):
        damaged[position] ^= 1 << dice.randrange(8)
    path.write_bytes(damaged)
    survives(tmp_path / "cache")


def test_a_page_of_zeros(path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = bytearray(path.read_bytes())
    for page in range(1, len(data) // 4096):
        data[page * 4096 : page * 4096 + 4096] = bytes(4096)
    path.write_bytes(data)
    assert survives(tmp_path / "cache") == 40
    assert "moved to index.sqlite.damaged" in caplog.text
    assert (tmp_path / "cache" / "index.sqlite.damaged").exists()


def test_damage_beside_a_log_that_was_not_written_back(path: Path, tmp_path: Path) -> None:
    """As a process leaves it that was killed."""
    with Cache(tmp_path / "cache") as cache:
        cache.remember("graph", {"another": ("k", {})})
        shutil.copytree(tmp_path / "cache", tmp_path / "killed" / "cache")
    damaged = tmp_path / "killed" / "cache" / "index.sqlite"
    assert damaged.with_name("index.sqlite-wal").stat().st_size > 4000
    size = damaged.stat().st_size
    damaged.write_bytes(path.read_bytes()[:4096] + bytes(size - 4096))
    assert survives(tmp_path / "killed" / "cache") == 40


def test_damage_while_it_is_open(
    path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Cache(tmp_path / "cache") as cache:
        assert len(cache.where(KEYS)) == 40
        size = path.stat().st_size
        with open(path, "r+b") as file:
            file.write(b"\xff" * size)
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        cache.put("b" * 64, outputs("b" * 64), compute_seconds=9, node_type="Draw")
        cache.flush()
    survives(tmp_path / "cache")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET file = '../../secret'",
        "UPDATE entries SET file = 7, checksum = 8",
        "UPDATE entries SET bytes = 'many'",
        "UPDATE entries SET compute_seconds = 'long'",
        "UPDATE entries SET checksum = x'ff'",
        "UPDATE entries SET node_type = CAST(x'ff' AS TEXT)",
        "UPDATE entries SET file = CAST(x'ff' AS TEXT)",
        "UPDATE entries SET file = key || '.' || printf('%032d', 0) || '.safetensors'",
        "UPDATE meta SET value = 'x'",
        "DELETE FROM meta",
        "UPDATE saved SET files = '[]'",
        "UPDATE saved SET files = x'00'",
        "UPDATE history SET signature = '{'",
        "UPDATE history SET signature = '[]'",
        "UPDATE history SET signature = x'00'",
        "UPDATE history SET signature = CAST(x'ff' AS TEXT)",
        "DROP TABLE entries",
        "DROP TABLE history",
        "DROP TABLE meta",
        "ALTER TABLE entries DROP COLUMN created",
    ],
)
def test_rows_and_tables_that_nobody_wrote(statement: str, path: Path, tmp_path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()
    survives(tmp_path / "cache")


def test_a_row_that_was_not_asked_for_is_damage() -> None:
    """A page out of order may give one; so does a table that knows no upper and lower case."""
    connection = sqlite3.connect(":memory:")
    for statement in schema._SCHEMA:
        connection.execute(statement.replace("TEXT PRIMARY KEY", "TEXT COLLATE NOCASE PRIMARY KEY"))
    digest = "0" * 32
    entry = entries.Entry("a", entries.file_name("a", digest), 7, digest, "Draw", 1.0)
    entries.put(connection, entry)
    assert entries.find(connection, "a") == entry
    assert entries.find_many(connection, ["a", "b"]) == {"a": (entry.file, 7)}
    with pytest.raises(sqlite3.DatabaseError, match="makes no sense"):
        entries.find(connection, "A")
    with pytest.raises(sqlite3.DatabaseError, match="makes no sense"):
        entries.find_many(connection, ["A", "b"])
    connection.execute("INSERT INTO files VALUES ('/a', 1, 2, ?, 0.0)", (DIGEST,))
    assert filehash._row(connection, "/a") == (1, 2, DIGEST)
    assert filehash._row(connection, "/A") is None
    connection.close()


@pytest.mark.parametrize("version", [SCHEMA_VERSION + 1, 99, -1])
def test_another_version_is_emptied_and_the_entries_taken_in(
    version: int, path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    connection = sqlite3.connect(path)
    connection.execute("ALTER TABLE entries RENAME TO things")
    connection.execute("CREATE VIEW all_things AS SELECT * FROM things")
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    assert survives(tmp_path / "cache") == 40
    messages = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(messages) == 1
    assert "another version" in messages[0]


def test_a_folder_in_its_place(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "cache" / "index.sqlite").mkdir(parents=True)
    with pytest.raises(CacheFault):
        Index(tmp_path / "cache")
    with Cache(tmp_path / "cache") as cache:
        cache.put("a", {"a": 1}, compute_seconds=9, node_type="Draw")
        assert cache.get("a") == ({"a": 1}, "memory")
    assert len(caplog.records) == 1


def test_a_writer_elsewhere_delays_no_reading(path: Path, tmp_path: Path) -> None:
    index = Index(tmp_path / "cache", busy_seconds=0.05)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("DELETE FROM entries")
    count = "SELECT count(*) FROM entries"
    assert index.read(lambda connection: connection.execute(count).fetchone()) == (40,)
    with pytest.raises(CacheFault) as caught:
        index.write(lambda connection: connection.execute("DELETE FROM meta"))
    assert caught.value.busy
    other.execute("ROLLBACK")
    index.write(lambda connection: connection.execute("DELETE FROM history"))
    other.close()
    index.close()
    with pytest.raises(CacheFault):
        index.read(lambda connection: connection.execute(count).fetchone())


def test_a_transaction_is_whole_or_not_at_all(tmp_path: Path) -> None:
    index = Index(tmp_path)

    def fail(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO meta VALUES ('half', 1)")
        raise KeyError("stop")

    with pytest.raises(KeyError):
        index.write(fail)
    query = "SELECT count(*) FROM meta WHERE name = 'half'"
    assert index.read(lambda connection: connection.execute(query).fetchone()) == (0,)
    index.close()


@pytest.mark.parametrize("damaged", [False, True])
def test_many_threads_open_and_mend_one_index(damaged: bool, path: Path, tmp_path: Path) -> None:
    index = Index(tmp_path / "cache")
    if damaged:
        index.close()
        path.write_bytes(b"not a database at all" * 1000)
        index = Index(tmp_path / "cache")
    failures: list[BaseException] = []

    def guarded(work: Callable[[sqlite3.Connection], Any], times: int) -> None:
        try:
            for _ in range(times):
                index.read(lambda connection: connection.execute("SELECT * FROM meta").fetchall())
                index.write(work)
        except BaseException as error:
            failures.append(error)

    def add(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE meta SET value = value + 1 WHERE name = 'swept'")

    index.write(lambda connection: connection.execute("UPDATE meta SET value = 0"))
    threads = [threading.Thread(target=guarded, args=(add, 50)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    query = "SELECT value FROM meta WHERE name = 'swept'"
    assert index.read(lambda connection: connection.execute(query).fetchone()) == (200,)
    index.close()
