"""The disk tier: what it keeps, what it evicts, and what it does with a bad disk."""

from __future__ import annotations

import errno
import logging
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
import torch

from studio.execution.cache import sweep
from studio.execution.cache.disk import CacheFault, DiskTier, worth_keeping
from studio.values import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KIB = 1024


def picture(seed: int, size: int = 16 * KIB) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(seed)
    return {"image": Image(torch.rand(1, 1, 1, size // 4, generator=generator)), "seed": seed}


def put(tier: DiskTier, key: str, seed: int, size: int = 16 * KIB, seconds: float = 9.0) -> bool:
    return tier.put(key, picture(seed, size), compute_seconds=seconds, node_type="Draw")


def right(outputs: dict[str, Any] | None, seed: int, size: int = 16 * KIB) -> bool:
    expected = picture(seed, size)["image"].pixels
    return (
        outputs is not None
        and outputs["seed"] == seed
        and torch.equal(outputs["image"].pixels, expected)
    )


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == "studio.cache" and record.levelno >= logging.WARNING
    ]


def entry_file(folder: Path, key: str) -> Path:
    (path,) = (folder / "entries").glob(f"{key}.*")
    return path


def leftovers(folder: Path) -> list[str]:
    return os.listdir(folder / "tmp")


@pytest.fixture
def tier(tmp_path: Path) -> Iterator[DiskTier]:
    tier = DiskTier(tmp_path / "cache", 2**20)
    yield tier
    tier.close()


def test_entries_survive_a_restart(tier: DiskTier, tmp_path: Path) -> None:
    assert put(tier, "a", 1)
    assert put(tier, "b", 2)
    tier.close()
    again = DiskTier(tmp_path / "cache", 2**20)
    assert again.contains_many(["a", "b", "c"]) == {"a", "b"}
    assert right(again.get("a"), 1)
    assert right(again.get("b"), 2)
    assert again.get("c") is None
    again.close()


def test_the_last_value_of_a_key_counts_and_the_other_file_goes(
    tier: DiskTier, tmp_path: Path
) -> None:
    put(tier, "a", 1)
    put(tier, "a", 2)
    assert right(tier.get("a"), 2)
    assert len(os.listdir(tmp_path / "cache" / "entries")) == 1
    assert tier.info().entries == 1


def flipped(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 4
    path.write_bytes(data)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "length": lambda path: flipped(path, 1),
    "header": lambda path: flipped(path, 40),
    "tensor": lambda path: flipped(path, -9),
    "last byte": lambda path: flipped(path, -1),
    "truncated": lambda path: os.truncate(path, 9000),
    "in the header": lambda path: os.truncate(path, 60),
    "empty": lambda path: os.truncate(path, 0),
    "longer": lambda path: os.truncate(path, 90_000),
    "deleted": lambda path: path.unlink(),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_dropped_and_can_be_written_again(
    damage: str, tier: DiskTier, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(tier, "a", 1)
    put(tier, "b", 2)
    path = entry_file(tmp_path / "cache", "a")
    DAMAGES[damage](path)
    assert tier.get("a") is None
    assert len(warnings(caplog)) == 1
    assert path.name in warnings(caplog)[0]
    assert tier.contains_many(["a", "b"]) == {"b"}
    assert not path.is_file()
    assert tier.get("a") is None
    assert len(warnings(caplog)) == 1
    if damage == "a folder":
        path.rmdir()
    assert put(tier, "a", 1)
    assert right(tier.get("a"), 1)
    assert right(tier.get("b"), 2)
    assert tier.info().entries == 2


@pytest.mark.parametrize("damage", ["truncated", "empty", "deleted"])
def test_a_plan_does_not_count_on_an_entry_that_was_cut_short(
    damage: str, tier: DiskTier, tmp_path: Path
) -> None:
    put(tier, "a", 1)
    DAMAGES[damage](entry_file(tmp_path / "cache", "a"))
    assert tier.contains_many(["a"]) == set()


def test_the_file_of_another_key_is_not_taken_for_it(
    tier: DiskTier, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(tier, "a", 1)
    tier.close()
    path = entry_file(tmp_path / "cache", "a")
    path.rename(path.with_name(path.name.replace("a.", "other.", 1)))
    (tmp_path / "cache" / "index.sqlite").unlink()
    again = DiskTier(tmp_path / "cache")
    assert again.contains_many(["other"]) == {"other"}
    assert again.get("other") is None
    assert "another key" in warnings(caplog)[0]
    again.close()


def test_only_what_costs_more_to_compute_than_to_read_is_kept(tier: DiskTier) -> None:
    assert not put(tier, "quick", 1, seconds=0.001)
    assert put(tier, "slow", 1, seconds=0.1)
    assert not put(tier, "large", 1, 900 * KIB, seconds=0.003)
    assert tier.contains_many(["quick", "slow", "large"]) == {"slow"}
    assert not worth_keeping(0.002, 0)
    assert worth_keeping(1.1, 500_000_000)
    assert not worth_keeping(0.9, 500_000_000)


def test_what_is_kept_of_a_large_tensor_is_what_counts(tier: DiskTier) -> None:
    part = torch.zeros(10**6)[:10]
    assert tier.put("a", {"part": part}, compute_seconds=0.004, node_type="Part")
    assert tier.info().bytes < 4096


def test_what_cannot_be_stored_is_left_to_the_memory(
    tier: DiskTier, caplog: pytest.LogCaptureFixture
) -> None:
    assert not tier.put("a", {"a": object()}, compute_seconds=9, node_type="T")
    assert not tier.contains_many(["a"])
    assert not warnings(caplog)


@pytest.mark.parametrize("key", ["", "../up", "a/b", "a.b", "a b", "x" * 200])
def test_a_key_is_no_path(key: str, tier: DiskTier) -> None:
    with pytest.raises(ValueError, match="not a cache key"):
        put(tier, key, 1)


def test_the_budget_holds_and_the_newest_stays(tmp_path: Path) -> None:
    folder, budget = tmp_path / "cache", 100 * KIB
    tier = DiskTier(folder, budget)
    for number in range(40):
        assert put(tier, f"k{number}", number)
        assert right(tier.get(f"k{number}"), number)
        files = [path.stat().st_size for path in (folder / "entries").iterdir()]
        assert sum(files) == tier.info().bytes <= budget
        assert len(files) == tier.info().entries
    assert tier.info().entries >= 4
    assert not put(tier, "too-large", 1, 200 * KIB)
    assert tier.info().entries >= 4
    assert put(tier, "nearly-all", 1, 97 * KIB)
    assert tier.contains_many(["nearly-all"])
    tier.close()


def test_the_least_recently_used_go_first(tmp_path: Path) -> None:
    tier = DiskTier(tmp_path / "cache", 95 * KIB)
    for number in range(5):
        put(tier, f"k{number}", number)
        time.sleep(0.002)
    tier.get("k0")
    put(tier, "one-more", 9)
    assert tier.contains_many([f"k{number}" for number in range(5)]) == {"k0", "k2", "k3", "k4"}
    tier.close()


def test_what_was_dear_for_its_size_stays_longer(tmp_path: Path) -> None:
    tier = DiskTier(tmp_path / "cache", 100 * KIB)
    put(tier, "dear", 1, seconds=60)
    for number in range(8):
        put(tier, f"cheap{number}", number, seconds=0.1)
    assert tier.contains_many(["dear"])
    tier.close()


def test_prune_and_clear(tier: DiskTier, tmp_path: Path) -> None:
    for number in range(8):
        put(tier, f"k{number}", number)
    before = tier.info()
    assert before.by_type == {"Draw": (8, before.bytes)}
    freed = tier.prune(50 * KIB)
    assert before.bytes - freed == tier.info().bytes <= 50 * KIB
    assert tier.info().entries >= 2
    freed = tier.info().bytes
    assert tier.clear() == freed > 0
    assert (tier.info().entries, tier.info().bytes) == (0, 0)
    assert os.listdir(tmp_path / "cache" / "entries") == []
    assert put(tier, "k0", 0)


def test_stale_temporary_files_are_swept(tier: DiskTier, tmp_path: Path) -> None:
    tier.close()
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    folder = tmp_path / "cache" / "tmp"
    names = {
        "dead": f"{gone.pid}-0-aa.tmp",
        "mine": f"{os.getpid()}-0-aa.tmp",
        "another's": f"{os.getppid()}-0-aa.tmp",
        "old": f"{os.getppid()}-1-aa.tmp",
        "no number": "x-0-aa.tmp",
    }
    for name in names.values():
        (folder / name).write_bytes(b"half")
    os.utime(folder / names["old"], times=(time.time() - 4000,) * 2)
    DiskTier(tmp_path / "cache").close()
    assert sorted(leftovers(tmp_path / "cache")) == sorted(
        names[name] for name in ("mine", "another's", "no number")
    )


def test_files_without_rows_are_taken_in(tier: DiskTier, tmp_path: Path) -> None:
    """As a process killed between the two leaves them, and a lost index."""
    folder = tmp_path / "cache"
    put(tier, "a", 1)
    put(tier, "b", 2)
    tier._index.write(lambda connection: connection.execute("DELETE FROM entries"))
    assert tier.contains_many(["a", "b"]) == set()
    (folder / "entries" / "stranger.txt").write_text("not ours")
    superseded = folder / "entries" / ("b." + "0" * 32 + ".safetensors")
    put(tier, "b", 3)
    superseded.write_bytes(b"old")
    sweep.reconcile(tier._index, folder / "entries")
    assert tier.contains_many(["a", "b"]) == {"a", "b"}
    assert right(tier.get("a"), 1)
    assert right(tier.get("b"), 3)
    assert not superseded.exists()
    names = os.listdir(folder / "entries")
    assert "stranger.txt" in names
    assert len(names) == 3
    assert tier.info().bytes == sum(
        path.stat().st_size for path in (folder / "entries").glob("*.safetensors")
    )


def test_rows_without_files_go(tier: DiskTier, tmp_path: Path) -> None:
    put(tier, "a", 1)
    put(tier, "b", 2)
    entry_file(tmp_path / "cache", "a").unlink()
    tier.prune(2**20)
    assert tier.info().entries == 1
    assert right(tier.get("b"), 2)


def test_the_daily_tidying_happens_once(tier: DiskTier, tmp_path: Path) -> None:
    put(tier, "a", 1)
    assert not sweep.is_due(tier._index)
    yesterday = "UPDATE meta SET value = value - 90000 WHERE name = 'swept'"
    tier._index.write(lambda connection: connection.execute(yesterday))
    assert sweep.is_due(tier._index)
    stray = tmp_path / "cache" / "entries" / ("b." + "0" * 32 + ".safetensors")
    stray.write_bytes(b"left by a process that was killed")
    tier.close()
    again = DiskTier(tmp_path / "cache", 2**20)
    assert again.contains_many(["b"]) == set()
    put(again, "c", 3)  # the first write of a session
    assert again.contains_many(["b"]) == {"b"}
    assert not sweep.is_due(again._index)
    again.close()


def test_the_folder_may_vanish_while_it_is_used(
    tier: DiskTier, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(tier, "a", 1)
    for name in ("entries", "tmp"):
        for path in (tmp_path / "cache" / name).iterdir():
            path.unlink()
        (tmp_path / "cache" / name).rmdir()
    assert tier.get("a") is None
    assert "its file is missing" in caplog.text
    assert put(tier, "a", 1)
    assert right(tier.get("a"), 1)


# Bad disks.


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a small file system of memory; skips where that is not permitted."""
    mounted = []

    def mount(options: str) -> Path:
        folder = tmp_path / f"mount{len(mounted)}"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            pytest.skip("there is no mount command")
        if done.returncode:
            pytest.skip(f"mounting is not permitted: {done.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk(mount: Callable[[str], Path], caplog: pytest.LogCaptureFixture) -> None:
    folder = mount("size=400k") / "cache"
    tier = DiskTier(folder, 2**30)
    written = [number for number in range(40) if put(tier, f"k{number}", number)]
    assert 0 < len(written) < 40
    assert written == list(range(len(written)))
    assert len(warnings(caplog)) == 1
    assert "No space left" in warnings(caplog)[0] or "full" in warnings(caplog)[0]
    assert leftovers(folder) == []
    for number in written:
        assert right(tier.get(f"k{number}"), number)
    assert tier.get("k39") is None
    tier.close()
    assert len(warnings(caplog)) == 1


@pytest.mark.parametrize("size", [8, 16, 32, 48, 64, 80, 96, 112, 128, 160, 192])
def test_a_disk_too_small_even_for_the_index(
    size: int, mount: Callable[[str], Path], caplog: pytest.LogCaptureFixture
) -> None:
    folder = mount(f"size={size}k") / "cache"
    try:
        tier = DiskTier(folder, 2**30)
    except CacheFault:
        return
    kept = [number for number in range(12) if put(tier, f"k{number}", number)]
    assert all(right(tier.get(f"k{number}"), number) for number in kept)
    tier.close()
    assert len(kept) < 12
    assert len(warnings(caplog)) == 1
    assert leftovers(folder) == []


def test_a_read_only_disk(mount: Callable[[str], Path]) -> None:
    folder = mount("size=4m")
    tier = DiskTier(folder / "cache", 2**20)
    assert put(tier, "a", 1)
    tier.close()
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    with pytest.raises(CacheFault):
        DiskTier(folder / "cache", 2**20)
    with pytest.raises(CacheFault):
        DiskTier(folder / "another", 2**20)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EIO, errno.EACCES])
@pytest.mark.parametrize("call", ["fsync", "replace", "open"])
def test_any_failure_to_write_is_told_once(
    code: int,
    call: str,
    tier: DiskTier,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    put(tier, "a", 1)

    def fail(*args: object, **more: object) -> None:
        raise OSError(code, os.strerror(code))

    if call == "open":
        monkeypatch.setattr("studio.execution.cache.files.open", fail, raising=False)
    else:
        monkeypatch.setattr(f"os.{call}", fail)
    assert not put(tier, "b", 2)
    assert not put(tier, "c", 3)
    monkeypatch.undo()
    assert not put(tier, "d", 4)
    assert len(warnings(caplog)) == 1
    assert os.strerror(code) in warnings(caplog)[0]
    assert leftovers(tmp_path / "cache") == []
    assert len(os.listdir(tmp_path / "cache" / "entries")) == 1
    assert right(tier.get("a"), 1)


def test_a_folder_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CacheFault):
        DiskTier(tmp_path / "file" / "cache")
    with pytest.raises(CacheFault):
        DiskTier(tmp_path / "file")


def test_entries_where_the_folders_should_be(tmp_path: Path) -> None:
    (tmp_path / "entries").write_text("a file")
    with pytest.raises(CacheFault):
        DiskTier(tmp_path)
