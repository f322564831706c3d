"""Tiny random first stages, shared by the tests here and changed by none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tiny_stages import KL, VQ, live, make

if TYPE_CHECKING:
    from studio.diffusion.vae import LiveVae


@pytest.fixture(scope="session")
def kl() -> LiveVae:
    """A KL first stage: f8, four channels."""
    return live(make(KL))


@pytest.fixture(scope="session")
def vq() -> LiveVae:
    """A VQ first stage: f4, three channels, 64 codes, attention at its lowest level."""
    return live(make(VQ))


@pytest.fixture(params=["kl", "vq"])
def stage(request: pytest.FixtureRequest) -> LiveVae:
    """Each of them."""
    found: LiveVae = request.getfixturevalue(request.param)
    return found
