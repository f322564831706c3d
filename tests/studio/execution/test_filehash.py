"""Fingerprints of files: right, remembered, and never remembered too early."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from blake3 import blake3

from studio.errors import InputError, StudioError
from studio.execution import filehash
from studio.execution.cache.index import Index
from studio.execution.filehash import COMMIT_FILES, FileHashes, FileUnreadable, NothingToRead

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    index = Index(tmp_path / "cache")
    yield index
    index.close()


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were really hashed."""
    names: list[str] = []
    real = filehash.hash_file

    def hash_file(path: Path, size: int) -> str:
        names.append(path.name)
        return real(path, size)

    monkeypatch.setattr(filehash, "hash_file", hash_file)
    return names


def old_file(path: Path, data: bytes, age: float = 100.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, times=(time.time() - age,) * 2)
    return path


@pytest.mark.parametrize("size", [0, 1, 2**20 - 1, 2**20, 3_000_001])
def test_it_is_blake3_of_the_contents(size: int, tmp_path: Path) -> None:
    data = os.urandom(size)
    path = old_file(tmp_path / "a", data)
    assert FileHashes().fingerprint(path) == blake3(data).hexdigest()


def test_it_is_remembered_between_runs(index: Index, hashed: list[str], tmp_path: Path) -> None:
    path = old_file(tmp_path / "a", b"one")
    first = FileHashes(index)
    fingerprint = first.fingerprint(path)
    assert first.fingerprint(path) == fingerprint
    first.flush()
    assert FileHashes(index).fingerprint(path) == fingerprint
    assert hashed == ["a"]
    assert FileHashes(None).fingerprint(path) == fingerprint
    assert hashed == ["a", "a"]


def test_a_relative_path_is_the_same_file(
    index: Index, hashed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old_file(tmp_path / "a", b"one")
    hashes = FileHashes(index)
    hashes.fingerprint(tmp_path / "a")
    monkeypatch.chdir(tmp_path)
    hashes.fingerprint(Path("a"))
    hashes.fingerprint(Path("cache") / ".." / "a")
    assert hashed == ["a"]


@pytest.mark.parametrize("change", ["size", "time"])
def test_a_changed_file_is_hashed_again(
    change: str, index: Index, hashed: list[str], tmp_path: Path
) -> None:
    path = old_file(tmp_path / "a", b"one")
    hashes = FileHashes(index)
    hashes.fingerprint(path)
    new = b"more" if change == "size" else b"two"
    old_file(path, new, age=100.0 if change == "size" else 50.0)
    assert hashes.fingerprint(path) == blake3(new).hexdigest()
    assert FileHashes(index).fingerprint(path) == blake3(new).hexdigest()


def test_a_file_that_was_just_written_is_not_remembered(
    index: Index, hashed: list[str], tmp_path: Path
) -> None:
    """The racy-git rule: same size, same time stamp, other contents."""
    path = tmp_path / "a"
    path.write_bytes(b"one")
    times = (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    hashes = FileHashes(index)
    assert hashes.fingerprint(path) == blake3(b"one").hexdigest()
    path.write_bytes(b"two")
    os.utime(path, ns=times)
    assert hashes.fingerprint(path) == blake3(b"two").hexdigest()
    hashes.flush()
    assert FileHashes(index).fingerprint(path) == blake3(b"two").hexdigest()
    assert hashed == ["a"] * 3


@pytest.mark.parametrize(("age", "times_hashed"), [(-30.0, 2), (1.0, 2), (3.0, 1)])
def test_the_rule_is_two_seconds(
    age: float, times_hashed: int, index: Index, hashed: list[str], tmp_path: Path
) -> None:
    path = old_file(tmp_path / "a", b"one", age)
    hashes = FileHashes(index)
    hashes.fingerprint(path)
    hashes.fingerprint(path)
    assert len(hashed) == times_hashed


def test_a_file_that_changes_while_it_is_hashed_is_not_remembered(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = old_file(tmp_path / "a", b"one")
    real = filehash.hash_file

    def hash_file(path: Path, size: int) -> str:
        result = real(path, size)
        old_file(path, b"three", age=50.0)
        return result

    monkeypatch.setattr(filehash, "hash_file", hash_file)
    hashes = FileHashes(index)
    hashes.fingerprint(path)
    monkeypatch.undo()
    assert hashes.fingerprint(path) == blake3(b"three").hexdigest()


def test_small_files_are_committed_in_batches(
    index: Index, hashed: list[str], tmp_path: Path
) -> None:
    count = "SELECT count(*) FROM files"

    def rows() -> int:
        row: tuple[int] = index.read(lambda connection: connection.execute(count).fetchone())
        return row[0]

    hashes = FileHashes(index)
    for number in range(COMMIT_FILES - 1):
        hashes.fingerprint(old_file(tmp_path / f"f{number}", b"x"))
    assert rows() == 0
    hashes.fingerprint(old_file(tmp_path / "last", b"x"))
    assert rows() == COMMIT_FILES
    hashes.fingerprint(old_file(tmp_path / "large", bytes(filehash.COMMIT_BYTES)))
    assert rows() == COMMIT_FILES + 1


def test_it_works_without_its_index(tmp_path: Path, hashed: list[str]) -> None:
    index = Index(tmp_path / "cache")
    hashes = FileHashes(index)
    index.close()
    path = old_file(tmp_path / "a", b"one")
    assert hashes.fingerprint(path) == hashes.fingerprint(path) == blake3(b"one").hexdigest()
    hashes.flush()
    assert hashed == ["a"]


def test_at_a_folder(tmp_path: Path, hashed: list[str], caplog: pytest.LogCaptureFixture) -> None:
    path = old_file(tmp_path / "a", b"one")
    first = FileHashes.at(tmp_path / "cache")
    first.fingerprint(path)
    first.flush()
    FileHashes.at(tmp_path / "cache").fingerprint(path)
    assert hashed == ["a"]
    assert not caplog.records
    FileHashes.at(path).fingerprint(path)
    assert len(caplog.records) == 1


def model_folder(folder: Path) -> Path:
    old_file(folder / "config.json", b"{}")
    old_file(folder / "unet" / "weights.safetensors", b"weights")
    old_file(folder / "vae" / "weights.safetensors", b"more weights")
    return folder


def test_a_folder_is_its_names_and_contents(tmp_path: Path, index: Index) -> None:
    hashes = FileHashes(index)
    first = hashes.fingerprint(model_folder(tmp_path / "one"))
    assert len(first) == 64
    assert hashes.fingerprint(model_folder(tmp_path / "two")) == first
    assert hashes.fingerprint(tmp_path / "two" / ".." / "two") == first

    old_file(tmp_path / "two" / "vae" / "weights.safetensors", b"MORE weights", age=50)
    assert hashes.fingerprint(tmp_path / "two") != first
    old_file(tmp_path / "two" / "vae" / "weights.safetensors", b"more weights", age=40)
    assert hashes.fingerprint(tmp_path / "two") == first
    (tmp_path / "two" / "vae").rename(tmp_path / "two" / "vae2")
    assert hashes.fingerprint(tmp_path / "two") != first
    (tmp_path / "two" / "vae2").rename(tmp_path / "two" / "vae")
    old_file(tmp_path / "two" / "new", b"")
    assert hashes.fingerprint(tmp_path / "two") != first


def test_what_does_not_count_in_a_folder(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "one")
    first = FileHashes().fingerprint(folder)
    for name in (".hidden", ".git/config", "README.md", "a.png", "unet/B.JPG", "c.webp"):
        old_file(folder / name, b"no")
    (folder / "empty").mkdir()
    assert FileHashes().fingerprint(folder) == first


def test_links_are_followed_and_loops_end(tmp_path: Path) -> None:
    """A Hugging Face snapshot is a folder of links."""
    real = model_folder(tmp_path / "real")
    linked = tmp_path / "linked"
    linked.mkdir()
    for item in real.iterdir():
        (linked / item.name).symlink_to(item)
    first = FileHashes().fingerprint(real)
    assert FileHashes().fingerprint(linked) == first
    (linked / "loop").symlink_to(linked)
    assert FileHashes().fingerprint(linked) == first


def test_errors_name_the_file(tmp_path: Path) -> None:
    hashes = FileHashes()
    missing = tmp_path / "missing.safetensors"
    with pytest.raises(FileUnreadable, match="No such file") as caught:
        hashes.fingerprint(missing)
    assert str(missing) in str(caught.value)
    assert isinstance(caught.value, InputError)
    assert caught.value.exit_code == 2

    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.png").write_bytes(b"")
    with pytest.raises(NothingToRead, match="holds no model files"):
        hashes.fingerprint(tmp_path / "folder")

    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StudioError, match="not a file"):
        hashes.fingerprint(tmp_path / "pipe")

    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "gone").symlink_to(missing)
    with pytest.raises(FileUnreadable, match="gone"):
        hashes.fingerprint(broken)
