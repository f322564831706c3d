"""Samplers: from noise to a clean latent in steps.

Each is a pure function `(denoise, x, sigmas, noise, callback) -> x`, some with options of their own
as keywords (`eta`, `order` …; `studio.diffusion.names` lists them with their ranges):

- `denoise(x, sigma) -> x0`: the model's guess of the clean latent, for x = clean + sigma * noise.
  Those of CFG++ also ask `denoise.both(x, sigma) -> (x0, unconditional x0)`.
- `x`: [B, C, h, w], any float type; never changed in place.
- `sigmas`: float [n + 1], n >= 1, falling, above 0 but for the last, which may be 0.
- `noise(sigma, sigma_next)`: standard normal noise like x, for the step between these levels.
- `eta`: share of fresh noise a step, 0 to 1.
- `callback(step, of, x0)`: called after every step, `step` = steps finished, 1 to `of`. It may
  raise to stop the run. (`dpm_adaptive` reports percents, and may report one twice.)

Most steps are one formula, `x0 + (x - x0) * ratio`: keep `ratio` of the noise in x. This is
Euler's step of the probability-flow ODE, DDIM's step and DPM-Solver++'s exponential integrator
alike; `x0.lerp(x, ratio)` computes it in one pass. The levels are Python floats (float64), so the
arithmetic of a step costs no device work. This package loads no torch.
"""

from studio.diffusion.samplers.adams import deis, ipndm, lms, plms
from studio.diffusion.samplers.contract import (
    Callback,
    Denoise,
    DenoiseBoth,
    Noise,
    split_noise,
)
from studio.diffusion.samplers.dpm_solver import SamplerStuck, dpm_adaptive, dpm_fast
from studio.diffusion.samplers.dpmpp import (
    dpmpp_2m,
    dpmpp_2m_cfg_pp,
    dpmpp_2m_sde,
    dpmpp_2s_ancestral,
    dpmpp_3m_sde,
    dpmpp_sde,
)
from studio.diffusion.samplers.euler import ancestral, dpm_2, euler, euler_cfg_pp, heun, lcm
from studio.diffusion.samplers.exponential import er_sde, res_multistep, sa_solver
from studio.diffusion.samplers.unipc import uni_pc, uni_pc_bh2

__all__ = [
    "Callback",
    "Denoise",
    "DenoiseBoth",
    "Noise",
    "SamplerStuck",
    "ancestral",
    "deis",
    "dpm_2",
    "dpm_adaptive",
    "dpm_fast",
    "dpmpp_2m",
    "dpmpp_2m_cfg_pp",
    "dpmpp_2m_sde",
    "dpmpp_2s_ancestral",
    "dpmpp_3m_sde",
    "dpmpp_sde",
    "er_sde",
    "euler",
    "euler_cfg_pp",
    "heun",
    "ipndm",
    "lcm",
    "lms",
    "plms",
    "res_multistep",
    "sa_solver",
    "split_noise",
    "uni_pc",
    "uni_pc_bh2",
]
