"""A tiny model of every family, made once a session, and graphs run on both of its layouts."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from comparing import Both
from family_files import Family

from studio.hardware import resolve_policy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from graph_bench import Bench

    from studio.diffusion.store import ModelStore


@pytest.fixture(scope="session")
def family(tmp_path_factory: pytest.TempPathFactory) -> Family:
    """The tiny models; not to be changed."""
    return Family(tmp_path_factory.mktemp("families"))


@pytest.fixture(scope="session")
def models() -> ModelStore:
    """Models that are loaded stay loaded: the tests look at what they compute."""
    from studio.diffusion.store import ModelStore

    return ModelStore(resolve_policy("cpu", "float32"))


@pytest.fixture
def both(bench: Bench, home: Path, family: Family, models: ModelStore) -> Both:
    """Runs graphs on both layouts of a model."""
    return Both(bench, home, family, models)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """The library's advice (no accelerate, safety checker) is no concern of these tests."""
    loggers = [logging.getLogger(name) for name in ("diffusers", "transformers")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    yield
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


@pytest.fixture
def modes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the library take the mode of a posterior, as we do; it would draw from it."""
    from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution

    monkeypatch.setattr(
        DiagonalGaussianDistribution, "sample", lambda posterior, generator=None: posterior.mode()
    )
