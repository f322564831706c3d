"""Folders of batches that somebody else made: nothing in them leads outside."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from batch_kit import POCKET, Batch, seeds

from studio.batch.folder import LOCK, FolderInUse, open_folder
from studio.batch.journal import FILE, Entry, Journal, JournalUnusable
from studio.batch.model import OutputFile, WorkerDied
from studio.batch.naming import STAGING
from studio.outputs import LeadsOutside, OutputNotWritable

if TYPE_CHECKING:
    from pathlib import Path


def staged(root: Path, path: str) -> None:
    """A folder whose journal gives a staged file a name."""
    (root / STAGING / "t").mkdir(parents=True)
    (root / STAGING / "t" / "1.part").write_bytes(b"data")
    file = OutputFile(path, "00" * 32, 4, "save", "t/1.part")
    with Journal(root / FILE) as journal:
        journal.add([Entry(0, "done", 1, outputs=(file,))])


@pytest.mark.parametrize(
    "path", ["../out.png", "/tmp/out.png", "a/../../out.png", "C:/out.png", "..\\out.png"]
)
def test_a_journal_names_no_file_outside(tmp_path: Path, path: str) -> None:
    staged(tmp_path / "night", path)
    with (
        pytest.raises(JournalUnusable, match="leads outside"),
        open_folder(tmp_path / "night", resume=True),
    ):
        pass
    assert not (tmp_path / "out.png").exists()
    with Journal(tmp_path / "night" / FILE) as journal, pytest.raises(JournalUnusable):
        list(journal.results())


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_links_to_elsewhere_are_not_followed(tmp_path: Path) -> None:
    root, other = tmp_path / "night", tmp_path / "other"
    other.mkdir()
    (other / "mine.part").write_text("kept")
    staged(root, "1.png")
    os.rename(root / STAGING, tmp_path / "away")
    (root / STAGING).symlink_to(other)
    with pytest.raises(LeadsOutside), open_folder(root, resume=True):
        pass
    assert (other / "mine.part").read_text() == "kept"
    (root / LOCK).unlink(missing_ok=True)
    (root / LOCK).symlink_to(other / "mine.part")
    with pytest.raises(OutputNotWritable), open_folder(root, resume=True):
        pass
    assert (other / "mine.part").read_text() == "kept"


@pytest.mark.parametrize("since", [1e300, -1.0, float("nan"), "now", None])
def test_a_damaged_lock_file_is_told_in_words(tmp_path: Path, since: object) -> None:
    about: dict[str, Any] = {"pid": 1, "started": 0.0, "host": "elsewhere", "since": since}
    with open_folder(tmp_path, resume=False):
        (tmp_path / LOCK).write_text(json.dumps(about))
        with (
            pytest.raises(FolderInUse, match="A batch is at work"),
            open_folder(tmp_path, resume=True),
        ):
            pass


def test_a_fault_of_ours_ends_the_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The only worker is gone: nobody waits for it."""
    from studio.batch.engine import JobEngine

    def run(self: Any, task: Any, report: Any) -> None:
        raise ValueError("a fault")

    monkeypatch.setattr(JobEngine, "run", run)
    monkeypatch.setattr("threading.excepthook", lambda args: None)
    batch = Batch(tmp_path / "night", POCKET, seeds(5))
    summary = batch.run()
    assert (summary.status, summary.left) == ("blocked", 5)
    assert "a fault" in summary.reason
    assert batch.of(WorkerDied)
