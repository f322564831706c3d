"""The cache as the engine sees it."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from blake3 import blake3

from studio.execution.cache import Cache, Remembered, SavedFile
from studio.execution.cache.writer import BackgroundWriter, Job
from studio.values import CheckpointRef, Image, Model

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[3]


def put(cache: Cache, key: str, value: Any, seconds: float = 9.0) -> None:
    cache.put(key, {"out": value}, compute_seconds=seconds, node_type="Draw")


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == "studio.cache" and record.levelno >= logging.WARNING
    ]


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    with Cache(tmp_path / "cache") as cache:
        yield cache


def test_memory_first_then_disk_then_memory_again(tmp_path: Path) -> None:
    image = Image(torch.rand(1, 3, 8, 8))
    with Cache(tmp_path) as cache:
        put(cache, "a", image)
        assert cache.where(["a", "b"]) == {"a": "memory"}
        outputs, tier = cache.get("a") or ({}, None)
        assert (outputs["out"], tier) == (image, "memory")
    with Cache(tmp_path) as cache:
        assert cache.where(["b", "a"]) == {"a": "disk"}
        outputs, tier = cache.get("a") or ({}, None)
        assert tier == "disk"
        assert torch.equal(outputs["out"].pixels, image.pixels)
        assert cache.where(["a"]) == {"a": "memory"}
        again, tier = cache.get("a") or ({}, None)
        assert tier == "memory"
        assert again["out"] is outputs["out"]
        assert cache.get("b") is None


def test_where_takes_any_iterable(cache: Cache) -> None:
    put(cache, "a", 1)
    assert cache.where(key for key in ["a", "a", "b"]) == {"a": "memory"}
    assert cache.where([]) == {}


def test_what_is_not_worth_the_disk_stays_in_memory(tmp_path: Path) -> None:
    with Cache(tmp_path) as cache:
        put(cache, "quick", 1, seconds=0.0001)
        put(cache, "odd", object())
        put(cache, "slow", 1)
        assert cache.get("quick") == ({"out": 1}, "memory")
        assert set(cache.where(["quick", "odd", "slow"])) == {"quick", "odd", "slow"}
    with Cache(tmp_path) as cache:
        assert cache.where(["quick", "odd", "slow"]) == {"slow": "disk"}


def test_an_entry_too_large_for_the_memory_is_found_at_once(tmp_path: Path) -> None:
    with Cache(tmp_path, memory_budget={"cpu": 2000}) as cache:
        tensor = torch.rand(300_000)
        put(cache, "a", tensor)
        assert set(cache.where(["a"])) == {"a"}
        outputs, _ = cache.get("a") or ({}, None)
        assert torch.equal(outputs["out"], tensor)
        cache.flush()
        assert cache.where(["a"]) == {"a": "disk"}


@pytest.mark.parametrize("key", ["", "a/b", "../a", "a\0"])
def test_a_key_is_checked_where_it_comes_in(key: str, cache: Cache) -> None:
    with pytest.raises(ValueError, match="not a cache key"):
        put(cache, key, 1)


def test_memory_only() -> None:
    with Cache(None) as cache:
        put(cache, "a", 1)
        assert cache.where(["a"]) == {"a": "memory"}
        assert cache.get("a") == ({"out": 1}, "memory")
        assert cache.info().disk is None
        assert cache.clear() == 0
        assert cache.get("a") is None


def test_disabled_neither_reads_nor_writes(tmp_path: Path) -> None:
    with Cache.disabled() as cache:
        put(cache, "a", 1)
        assert cache.where(["a"]) == {}
        assert cache.get("a") is None
        cache.remember("graph", {"node": ("a", {})})
        assert cache.history("graph") == {}
        cache.record_saved("a", tmp_path, [])
        assert cache.saved("a", tmp_path) is None
        assert cache.info().memory.entries == 0
        cache.flush()
        assert (cache.prune(0), cache.clear()) == (0, 0)


def test_clear_and_prune(cache: Cache, tmp_path: Path) -> None:
    for number in range(10):
        put(cache, f"k{number}", "x" * 1000)
    cache.record_saved("k1", tmp_path, [])
    cache.remember("graph", {"node": ("k1", {})})
    cache.flush()
    assert cache.info().disk is not None
    before = cache.info().disk.bytes
    assert before > 10_000
    freed = cache.prune(5000)
    assert cache.info().disk.bytes == before - freed <= 5000
    assert cache.info().memory.entries == 10
    assert cache.clear() == before - freed
    assert cache.where(f"k{number}" for number in range(10)) == {}
    assert cache.saved("k1", tmp_path) is None
    assert cache.history("graph") == {"node": Remembered("k1", "{}")}
    put(cache, "k1", 1)
    assert cache.get("k1") == ({"out": 1}, "memory")


def test_close_twice_and_go_on_in_memory(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    put(cache, "a", 1)
    cache.close()
    cache.close()
    assert not [thread for thread in threading.enumerate() if "cache" in thread.name]
    assert cache.get("a") == ({"out": 1}, "memory")
    put(cache, "b", 1)
    assert cache.where(["a", "b"]) == {"a": "memory", "b": "memory"}
    assert cache.history("graph") == {}
    assert cache.saved("a", tmp_path) is None


def test_the_thread_starts_with_the_first_write(tmp_path: Path) -> None:
    with Cache(tmp_path) as cache:
        cache.where(["a"])
        cache.get("a")
        assert "studio-cache-writer" not in [thread.name for thread in threading.enumerate()]
        put(cache, "a", 1)
        assert "studio-cache-writer" in [thread.name for thread in threading.enumerate()]
    assert "studio-cache-writer" not in [thread.name for thread in threading.enumerate()]


# The writer.


def job(key: str, size: int = 1000) -> Job:
    return Job(key, {"out": torch.zeros(size, dtype=torch.uint8)}, 1.0, "Draw")


def test_the_writer_makes_others_wait_when_too_much_is_pending() -> None:
    gate, written = threading.Event(), []

    def write(job: Job) -> None:
        gate.wait(10)
        written.append(job.key)

    writer = BackgroundWriter(write, limit_bytes=2500)
    writer.put(job("a"))
    writer.put(job("b"))
    late = threading.Thread(target=writer.put, args=(job("c"),))
    late.start()
    late.join(0.1)
    assert late.is_alive()
    assert written == []
    assert writer.contains_many("abc") == {"a", "b"}
    gate.set()
    late.join(10)
    assert not late.is_alive()
    writer.flush()
    assert written == ["a", "b", "c"]
    writer.put(job("larger than the limit", 9000))
    writer.close()
    assert written[-1] == "larger than the limit"
    writer.put(job("after the end"))
    assert len(written) == 4


def test_the_writer_writes_the_last_of_a_key_and_can_drop(
    caplog: pytest.LogCaptureFixture,
) -> None:
    gate, written = threading.Event(), []

    def write(job: Job) -> None:
        gate.wait(10)
        written.append((job.key, job.outputs["out"].numel()))
        if job.key == "bad":
            raise RuntimeError("no")

    writer = BackgroundWriter(write)
    writer.put(job("bad"))
    time.sleep(0.02)
    writer.put(job("b", 1))
    writer.put(job("b", 2))
    found = writer.find("b")
    assert found is not None
    assert found["out"].numel() == 2
    assert writer.find("bad") is not None
    threading.Timer(0.05, gate.set).start()
    writer.flush()
    assert written == [("bad", 1000), ("b", 2)]
    assert "writing it to disk failed" in caplog.text
    gate.clear()
    writer.put(job("c"))
    time.sleep(0.02)
    writer.put(job("d"))
    threading.Timer(0.05, gate.set).start()
    writer.drop()
    assert writer.find("d") is None
    writer.close()
    assert [key for key, _ in written] == ["bad", "b", "c"]


def test_threads_share_a_cache(cache: Cache) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for step in range(40):
                key = f"k{(step * number) % 17}"
                put(cache, key, key)
                found = cache.get(key)
                assert found is not None
                assert found[0] == {"out": key}
                cache.where(f"k{n}" for n in range(20))
                cache.remember("graph", {f"node{number}": (key, {})})
                cache.history("graph")
                if step % 16 == 15:
                    cache.flush()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(cache.history("graph")) == 4


# History.


def test_history_is_by_graph_and_survives(tmp_path: Path) -> None:
    signature = {"type": "KSampler", "params": {"seed": 5, "cfg": 7.5, "name": "ü\ud800"}}
    with Cache(tmp_path) as cache:
        cache.remember("one", {"a": ("k1", signature), "b": ("k2", {})})
        cache.remember("two", {"a": ("k3", {})})
        cache.remember("one", {"b": ("k4", {"new": True})})
        cache.remember("none", {})
    with Cache(tmp_path) as cache:
        assert cache.history("one") == {
            "a": Remembered("k1", json.dumps(signature, separators=(",", ":"))),
            "b": Remembered("k4", '{"new":true}'),
        }
        assert cache.history("two") == {"a": Remembered("k3", "{}")}
        assert cache.history("none") == {}


def test_ten_thousand_nodes(cache: Cache) -> None:
    nodes = {f"n{number}": (f"k{number}", {"seed": number}) for number in range(10_000)}
    cache.remember("graph", nodes)
    history = cache.history("graph")
    assert len(history) == 10_000
    assert history["n77"] == Remembered("k77", '{"seed":77}')
    assert cache.where(key for key, _ in nodes.values()) == {}


def test_a_signature_is_json(cache: Cache) -> None:
    with pytest.raises(TypeError):
        cache.remember("graph", {"a": ("k", {"x": object()})})
    assert cache.history("graph") == {}


# Saved files.


def written(root: Path, name: str, data: bytes, **extra: Any) -> SavedFile:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return SavedFile(path, len(data), blake3(data).hexdigest(), extra)


def test_saved_files_come_back_while_they_are_there(tmp_path: Path) -> None:
    root = tmp_path / "out"
    files = [written(root, "a.png", b"one", seed=1), written(root, "sub/b.png", b"two")]
    elsewhere = written(tmp_path / "else", "c.png", b"three")
    with Cache(tmp_path / "cache") as cache:
        cache.record_saved("k1", root, files)
        cache.record_saved("k2", root, [SavedFile(Path("a.png"), 3, files[0].blake3)])
        cache.record_saved("k3", root, [elsewhere])
        cache.record_saved("none", root, [])
    with Cache(tmp_path / "cache") as cache:
        assert cache.saved("k1", root) == files
        assert cache.saved("k2", root) == [SavedFile(root / "a.png", 3, files[0].blake3)]
        assert cache.saved("k3", root) == [elsewhere]
        assert cache.saved("none", root) == []
        assert cache.saved("k4", root) is None
        assert cache.saved("k1", tmp_path) is None
        found = cache.saved_many(["k1", "k4", "k3"], root)
        assert found == {"k1": files, "k3": [elsewhere]}
        cache.record_saved("k1", root, files[:1])
        assert cache.saved("k1", root) == files[:1]


@pytest.mark.parametrize(
    "change",
    ["deleted", "another byte", "another byte, same time", "longer", "empty", "a folder"],
)
def test_a_saved_file_that_changed_is_not_there(change: str, tmp_path: Path, cache: Cache) -> None:
    files = [written(tmp_path, "a.png", b"one"), written(tmp_path, "b.png", b"two")]
    cache.record_saved("k", tmp_path, files)
    path = tmp_path / "b.png"
    times = (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    assert cache.saved("k", tmp_path) == files  # hashed now, so a memo of it could be wrong
    match change:
        case "deleted":
            path.unlink()
        case "another byte":
            path.write_bytes(b"tWo")
        case "another byte, same time":
            path.write_bytes(b"tWo")
            os.utime(path, ns=times)
        case "longer":
            path.write_bytes(b"two!")
        case "empty":
            path.write_bytes(b"")
        case "a folder":
            path.unlink()
            path.mkdir()
    assert cache.saved("k", tmp_path) is None


def test_a_saved_file_written_again_alike_is_there(tmp_path: Path, cache: Cache) -> None:
    files = [written(tmp_path, "a.png", b"one")]
    cache.record_saved("k", tmp_path, files)
    (tmp_path / "a.png").unlink()
    assert cache.saved("k", tmp_path) is None
    written(tmp_path, "a.png", b"one")
    assert cache.saved("k", tmp_path) == files


def test_an_extra_is_json(tmp_path: Path, cache: Cache) -> None:
    with pytest.raises(TypeError):
        cache.record_saved("k", tmp_path, [SavedFile(Path("a"), 1, "0", {"x": object()})])


# Bad folders.


@pytest.mark.parametrize("place", ["below a file", "a file", "no permission"])
def test_a_folder_that_cannot_be_used(
    place: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    folder = {"below a file": tmp_path / "file" / "cache", "a file": tmp_path / "file"}.get(
        place, Path("/proc/latent-studio/cache")
    )
    if place == "no permission" and not Path("/proc").is_dir():
        pytest.skip("needs /proc")
    with Cache(folder) as cache:
        assert len(warnings(caplog)) == 1
        assert str(folder) in warnings(caplog)[0]
        put(cache, "a", 1)
        assert cache.get("a") == ({"out": 1}, "memory")
        assert cache.where(["a", "b"]) == {"a": "memory"}
        cache.remember("graph", {"node": ("a", {})})
        assert cache.history("graph") == {}
        cache.record_saved("a", tmp_path, [])
        assert cache.saved("a", tmp_path) is None
        assert cache.info().disk is None
        cache.flush()
        assert (cache.prune(0), cache.clear()) == (0, 0)
    assert len(warnings(caplog)) == 1


def test_a_disk_that_fills_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"mounting is not permitted: {mounted.stderr.strip()}")
    try:
        with Cache(tmp_path / "cache", 2**30) as cache:
            for number in range(40):
                put(cache, f"k{number}", torch.full((5000,), float(number)))
                cache.remember("graph", {f"node{number}": (f"k{number}", {"x": "y" * 900})})
                cache.record_saved(f"k{number}", tmp_path, [])
            cache.flush()
            assert len(warnings(caplog)) == 1
            assert len(cache.where(f"k{number}" for number in range(40))) == 40
            for number in range(40):
                found = cache.get(f"k{number}")
                assert found is not None
                assert bool((found[0]["out"] == number).all())
        assert len(warnings(caplog)) == 1
        assert os.listdir(tmp_path / "cache" / "tmp") == []
        with Cache(tmp_path / "cache", 2**30) as cache:
            for number in range(40):
                found = cache.get(f"k{number}")
                assert found is None or bool((found[0]["out"] == number).all())
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def test_looking_things_up_imports_no_torch(tmp_path: Path) -> None:
    model = Model(CheckpointRef("pocket", "/models/pocket", "0" * 64))
    root = tmp_path / "out"
    file = written(root, "a.png", b"picture")
    with Cache(tmp_path / "cache") as cache:
        put(cache, "latent", torch.rand(10))
        put(cache, "recipe", model)
        cache.record_saved("save", root, [file])
        cache.remember("graph", {"node": ("latent", {"type": "KSampler"})})
    script = """
    import sys
    from pathlib import Path
    from studio.execution.cache import Cache

    folder, root = map(Path, sys.argv[1:])
    with Cache(folder) as cache:
        assert cache.where(["latent", "recipe", "no"]) == {"latent": "disk", "recipe": "disk"}
        assert len(cache.saved("save", root)) == 1
        assert cache.history("graph")["node"].key == "latent"
        assert cache.get("recipe")[1] == "disk"
        cache.put("more", {"text": "light"}, compute_seconds=9, node_type="Text")
        cache.remember("graph", {"node": ("latent", {})})
        cache.record_saved("save", root, [])
        cache.info()
        cache.hashes.fingerprint(root / "a.png")
        cache.prune(10**9)
    heavy = {"torch", "numpy", "pydantic", "safetensors.torch", "psutil"} & set(sys.modules)
    assert not heavy, heavy
    with Cache(folder) as cache:
        assert cache.get("latent")[0]["out"].shape == (10,)
    assert "torch" in sys.modules
    """
    done = subprocess.run(
        [
            *(sys.executable, "-c", textwrap.dedent(script)),
            *(str(tmp_path / "cache"), str(root)),
        ],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
