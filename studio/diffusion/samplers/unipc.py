"""UniPC: Zhao et al. 2023, arXiv 2302.04867."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio.diffusion.samplers.contract import weighted

if TYPE_CHECKING:
    from torch import Tensor

    from studio.diffusion.samplers.contract import Callback, Denoise, Noise

# Where the last level is 0 the peer stops here: log 0 has no place in the formulas.
_LAST = 0.001


class _Track:
    """The levels as a variance-preserving model has them, float tensors of as many entries.

    In the levels' precision, float32, and by way of 1 - alpha^2 as the peer does it: this makes
    2^-10 of the last level, 0.001, and where steps are short it spoils the weights. A picture
    shows either in its third or fourth digit.
    """

    def __init__(self, sigmas: Tensor) -> None:
        log_alpha = (1 / (sigmas * sigmas + 1)).log() / 2
        variance = 1 - (2 * log_alpha).exp()
        self.ratio = log_alpha.exp() / variance.sqrt()
        self.half_log_snr = log_alpha - variance.log() / 2


def uni_pc(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    noise: Noise,
    callback: Callback,
    *,
    order: int = 3,
    bh2: bool = False,
) -> Tensor:
    """UniPC, multistep, on x0: predict a step, evaluate once, correct the step with it.

    Order up to min(`order`, n - 1), rising at the start and falling at the end; the corrector
    gains one more. n evaluations. `bh2` takes the paper's B(h) = e^h - 1 in place of h, which
    matters only where a weight is the paper's fixed 1/2.
    """
    levels = sigmas.tolist()
    n = len(levels) - 1
    if levels[-1] == 0:
        levels[-1] = min(_LAST, levels[-2] / 2)
    track = _Track(sigmas.new_tensor(levels))
    top = max(min(order, n - 1), 1)
    start = x
    guesses: list[Tensor] = []  # newest first
    for i in range(n):
        ahead = denoise(x, levels[i])
        if i > 0:
            x = _step(start, guesses, track, i, _order(i, n, top), bh2, ahead)
        start, guesses = x, [ahead, *guesses[: top - 1]]
        x = _step(start, guesses, track, i + 1, _order(i + 1, n, top), bh2, None)
        callback(i + 1, n, ahead)
    return x


def uni_pc_bh2(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    noise: Noise,
    callback: Callback,
    *,
    order: int = 3,
) -> Tensor:
    """`uni_pc` with B(h) = e^h - 1, the paper's choice for few steps."""
    return uni_pc(denoise, x, sigmas, noise, callback, order=order, bh2=True)


def _order(k: int, n: int, top: int) -> int:
    """Order of the step to level k of n."""
    return k if k < top else min(top, n + 1 - k)


def _step(
    start: Tensor,
    guesses: list[Tensor],
    track: _Track,
    k: int,
    order: int,
    bh2: bool,
    ahead: Tensor | None,
) -> Tensor:
    """From level k - 1 to level k: algorithm 1 (corrector) with x0 `ahead` there, else 2.

    `guesses` are x0 at the levels k - 1, k - 2 …
    """
    newest, places = guesses[0], track.half_log_snr
    h = places[k - 1] - places[k]  # below 0: the paper's, for x0
    x = start * float(track.ratio[k - 1] / track.ratio[k]) - newest * float(h.expm1())
    nodes = [(places[k - 1 - j] - places[k - 1]) / -h for j in range(1, order)]
    terms = guesses[1:order]
    if ahead is not None:
        nodes, terms = [*nodes, h.new_ones(())], [*terms, ahead]
    if not terms:
        return x
    scale = h.expm1() if bh2 else h
    weights = _weights(nodes, h, scale) * scale
    scaled = [-float(weight / node) for weight, node in zip(weights, nodes, strict=True)]
    return x + weighted([term - newest for term in terms], scaled)


def _weights(nodes: list[Tensor], h: Tensor, scale: Tensor) -> Tensor:
    """The paper's equation 9: sum of weight * node^i is i! h phi_(i + 1)(h) / B(h), i = 1 …; [k].

    For one node the paper fixes the weight at 1/2.
    """
    import torch

    if len(nodes) == 1:
        return h.new_tensor([0.5])
    wanted, phi, factorial = [], h.expm1() / h - 1, 1
    for i in range(1, len(nodes) + 1):
        wanted.append(phi * factorial / scale)
        factorial *= i + 1
        phi = phi / h - 1 / factorial
    places = torch.stack(nodes)
    powers = torch.stack([places**i for i in range(len(nodes))])
    weights: Tensor = torch.linalg.solve(powers, torch.stack(wanted))
    return weights
