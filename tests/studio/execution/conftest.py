"""A session with the built-in nodes and small ones of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from graphs import Bench, with_test_nodes

if TYPE_CHECKING:
    from pathlib import Path

    from studio.registry import Registry
    from studio.session import Session


@pytest.fixture
def bench(session: Session, tmp_path: Path, registry: Registry) -> Bench:
    session.registry = with_test_nodes(registry)
    return Bench(session, tmp_path)
