"""For tests that go on as another user."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def open_to_all(folder: Path) -> None:
    """Let every user into a folder of pytest's, which closes those above it; how many there are
    depends on how the tests are run."""
    for path in (folder, *folder.parents):
        if path.stat().st_mode & 0o005 != 0o005:
            path.chmod(0o755)
