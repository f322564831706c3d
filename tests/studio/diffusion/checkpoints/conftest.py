"""The tiny models of every family, which the families' own tests make."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.append(str(Path(__file__).resolve().parents[3] / "families"))

if TYPE_CHECKING:
    from family_files import Family


@pytest.fixture(scope="session")
def family(tmp_path_factory: pytest.TempPathFactory) -> Family:
    """The tiny models; not to be changed."""
    from family_files import Family

    return Family(tmp_path_factory.mktemp("families"))
