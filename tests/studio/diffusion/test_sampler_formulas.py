"""Every sampler against its plain formulas (`*_formulas.py`), float64, on a bent denoiser."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import sampler_formulas
import solver_formulas
import torch

from studio.diffusion.names import SAMPLER_TABLE, SAMPLERS

PLAIN = {**vars(sampler_formulas), **vars(solver_formulas)}
SHAPE = (2, 3, 4, 4)
SCALES = torch.linspace(0.3, 3, 48, dtype=torch.float64).reshape(1, 3, 4, 4)


class Bent:
    """A denoiser that is no line in x and depends on sigma; for tensors and arrays."""

    def __init__(self) -> None:
        self.levels: list[float] = []

    def __call__(self, x: Any, sigma: float) -> Any:
        self.levels.append(sigma)
        return self._guess(x, sigma, 1.0)

    def both(self, x: Any, sigma: float) -> tuple[Any, Any]:
        self.levels.append(sigma)
        return self._guess(x, sigma, 1.0), self._guess(x, sigma, 0.6)

    def _guess(self, x: Any, sigma: float, strength: float) -> Any:
        scales: Any = SCALES if isinstance(x, torch.Tensor) else SCALES.numpy()
        tanh = torch.tanh if isinstance(x, torch.Tensor) else np.tanh
        line = x / (1 + sigma * sigma)
        return line + strength * tanh(scales * line + 0.2 * math.cos(sigma))


class Draws:
    """The same noise for both, call by call, and what it was asked for."""

    def __init__(self, array: bool) -> None:
        self.array = array
        self.asked: list[tuple[float, float]] = []

    def __call__(self, sigma: float, sigma_next: float) -> Any:
        generator = torch.Generator().manual_seed(len(self.asked))
        self.asked.append((sigma, sigma_next))
        noise = torch.randn(SHAPE, generator=generator, dtype=torch.float64)
        return noise.numpy() if self.array else noise


CASES: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("euler", "euler", {}, {}),
    ("euler_cfg_pp", "euler_cfg_pp", {}, {}),
    ("euler_ancestral", "euler_ancestral", {"eta": 1.0}, {}),
    ("euler_ancestral", "euler_ancestral", {"eta": 0.4}, {}),
    ("euler_ancestral_cfg_pp", "euler_cfg_pp", {"eta": 1.0}, {}),
    ("euler_ancestral_cfg_pp", "euler_cfg_pp", {"eta": 0.4}, {}),
    ("heun", "heun", {}, {}),
    ("dpm_2", "dpm_2", {}, {}),
    ("dpm_2_ancestral", "dpm_2", {"eta": 1.0}, {}),
    ("dpm_2_ancestral", "dpm_2", {"eta": 0.4}, {}),
    ("lms", "lms", {}, {}),
    ("lms", "lms", {"order": 2}, {}),
    ("dpm_fast", "dpm_fast", {}, {}),
    ("dpm_fast", "dpm_fast", {"eta": 0.7}, {}),
    ("dpm_adaptive", "dpm_adaptive", {}, {}),
    ("dpm_adaptive", "dpm_adaptive", {"order": 2}, {}),
    ("dpm_adaptive", "dpm_adaptive", {"eta": 0.7, "pcoeff": 0.2, "dcoeff": 0.1}, {}),
    ("dpm_adaptive", "dpm_adaptive", {"rtol": 0.005, "atol": 0.001, "h_init": 1.0}, {}),
    ("dpmpp_2s_ancestral", "dpmpp_2s_ancestral", {"eta": 1.0}, {}),
    ("dpmpp_2s_ancestral", "dpmpp_2s_ancestral", {"eta": 0.0}, {}),
    ("dpmpp_sde", "dpmpp_sde", {"eta": 1.0}, {}),
    ("dpmpp_sde", "dpmpp_sde", {"eta": 0.4, "r": 0.3}, {}),
    ("dpmpp_2m", "dpmpp_2m", {}, {}),
    ("dpmpp_2m_cfg_pp", "dpmpp_2m_cfg_pp", {}, {}),
    ("dpmpp_2m_sde", "dpmpp_2m_sde", {"eta": 1.0}, {}),
    ("dpmpp_2m_sde", "dpmpp_2m_sde", {"eta": 0.4, "heun": True}, {}),
    ("dpmpp_3m_sde", "dpmpp_3m_sde", {"eta": 1.0}, {}),
    ("dpmpp_3m_sde", "dpmpp_3m_sde", {"eta": 0.0}, {}),
    ("ddpm", "ddpm", {"eta": 1.0}, {"eta": None}),
    ("ddim", "euler", {"eta": 0.0}, {"eta": None}),
    ("lcm", "lcm", {}, {}),
    ("ipndm", "ipndm", {}, {}),
    ("ipndm", "ipndm", {"order": 3}, {}),
    ("deis", "deis", {}, {}),
    ("deis", "deis", {"order": 2}, {}),
    ("deis", "deis", {"order": 4}, {}),
    ("uni_pc", "uni_pc", {}, {}),
    ("uni_pc", "uni_pc", {"order": 2}, {}),
    ("uni_pc_bh2", "uni_pc", {}, {"variant": "bh2"}),
    ("res_multistep", "res_multistep", {}, {}),
    ("res_multistep", "res_multistep", {"eta": 0.8}, {}),
    ("er_sde", "er_sde", {}, {}),
    ("er_sde", "er_sde", {"order": 2}, {}),
    ("er_sde", "er_sde", {"order": 1}, {}),
    ("sa_solver", "sa_solver", {}, {}),
    ("sa_solver", "sa_solver", {"window": (7.0, 0.2)}, {}),
    ("sa_solver", "sa_solver", {"eta": 0.0, "corrector_order": 0}, {}),
    ("sa_solver", "sa_solver", {"eta": 0.5, "pece": True, "predictor_order": 2}, {}),
]


def test_every_sampler_has_its_formulas() -> None:
    assert {name for name, *_ in CASES} == set(SAMPLERS) - {"plms"}, "plms is the library's"


LEVELS = {
    "falling to 0": [14.6, 9.0, 4.4, 2.1, 1.3, 0.8, 0.33, 0.12, 0.03, 0.0],
    "ten": [14.6, 9.0, 4.4, 2.1, 1.3, 0.8, 0.5, 0.33, 0.12, 0.03, 0.0],
    "left noisy": [5.0, 4.4, 2.1, 1.3, 0.8],
    "three steps": [14.6, 2.0, 0.1, 0.0],
    "two steps": [14.6, 0.7, 0.0],
}


@pytest.mark.parametrize(
    ("name", "formula", "options", "changed"),
    CASES,
    ids=["-".join([case[0], *(f"{k}{v}" for k, v in case[2].items())]) for case in CASES],
)
def test_equals_the_plain_formulas(
    name: str, formula: str, options: dict[str, Any], changed: dict[str, Any]
) -> None:
    for sigmas in LEVELS.values():
        _compare(name, formula, options, changed, sigmas)


def _compare(
    name: str,
    formula: str,
    options: dict[str, Any],
    changed: dict[str, Any],
    sigmas: list[float],
) -> None:
    generator = torch.Generator().manual_seed(9)
    start = torch.randn(SHAPE, generator=generator, dtype=torch.float64) * sigmas[0]
    before = start.clone()
    ours_noise, their_noise = Draws(array=False), Draws(array=True)
    ours_model, their_model = Bent(), Bent()

    ours = SAMPLER_TABLE[name].run(
        ours_model,
        start,
        torch.tensor(sigmas, dtype=torch.float64),
        ours_noise,
        lambda *_: None,
        **options,
    )
    keywords = {k: v for k, v in {**options, **changed}.items() if v is not None}
    theirs = PLAIN[formula](their_model, start.numpy(), sigmas, their_noise, **keywords)

    np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(ours_noise.asked, their_noise.asked, rtol=1e-9)
    if name != "dpm_adaptive":  # which doesn't ask again where it tries a step again
        np.testing.assert_allclose(ours_model.levels, their_model.levels, rtol=1e-9)
    assert torch.equal(start, before), "x was changed in place"


def test_where_the_peers_uni_pc_ends() -> None:
    """At 0.001, which turns into 2^-10 by way of 1 - alpha^2 in float32."""

    def nothing(x: torch.Tensor, sigma: float) -> torch.Tensor:
        return torch.zeros_like(x)

    start = torch.ones(SHAPE, dtype=torch.float64)
    sigmas = torch.tensor([8.0, 2.0, 0.0])
    end = SAMPLER_TABLE["uni_pc"].run(nothing, start, sigmas, Draws(array=False), lambda *_: None)
    torch.testing.assert_close(end, start * 2**-10 / 8, rtol=1e-5, atol=0)
