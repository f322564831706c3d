"""Weights of multistep methods: a step has at most four of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

ADAMS_BASHFORTH: tuple[tuple[float, ...], ...] = (
    (1.0,),
    (3 / 2, -1 / 2),
    (23 / 12, -16 / 12, 5 / 12),
    (55 / 24, -59 / 24, 37 / 24, -9 / 24),
)
"""On even steps, newest first; the entry of index k - 1 has order k."""


def lagrange_weights(nodes: Sequence[float], moments: Sequence[float]) -> list[float]:
    """Weights that apply a linear functional to what is known at some nodes.

    A functional (an integral, say) of a polynomial p is known from its moments, its values for
    1, x, x^2 …; so it is known of the polynomial through given points, as a weighted sum of them.

    Args:
        nodes: k places, all different; near 0, for accuracy.
        moments: the functional of x^0 … x^(k-1).

    Returns:
        k weights w: sum of w_j p(node_j) = functional(p) for each p of a degree below k.
    """
    weights = []
    for j, node in enumerate(nodes):
        basis = [1.0]  # coefficients of the polynomial that is 1 here and 0 at the other nodes
        for other in (*nodes[:j], *nodes[j + 1 :]):
            scale = 1 / (node - other)
            raised, same = [0.0, *basis], [*basis, 0.0]
            basis = [scale * (a - other * b) for a, b in zip(raised, same, strict=True)]
        weights.append(math.fsum(c * m for c, m in zip(basis, moments, strict=True)))
    return weights


def power_moments(length: float, count: int) -> list[float]:
    """Integrals of x^p from 0 to `length`, for p below `count`."""
    return [length ** (p + 1) / (p + 1) for p in range(count)]


def adams_weights(nodes: Tensor, start: Tensor, end: Tensor, tau: float) -> list[float]:
    """Weights of x0 in a step of SA-Solver: arXiv 2309.05019, equations 14 to 18.

    They integrate (1 + tau^2) exp((1 + tau^2) (v - end)) times the polynomial through x0 at the
    nodes, v from start to end. The integrals of v^p come from integration by parts, the weights
    from a linear system.

    It is all done in the nodes' precision, which in a sampler is float32, around v = 0 and in the
    peer's order. That loses digits: at 50 steps the third one of a picture hangs on how, so a more
    exact sum would give another picture than the peer's.

    Args:
        nodes: [k], half-log-SNR of the guesses, rising, all different.
        start, end: of the step, of no dimension.
        tau: the SDE's noise.

    Returns:
        k weights, for x in variance-exploding form.
    """
    import torch

    rate = 1 + tau * tau
    count = len(nodes)
    powers = torch.arange(count, dtype=nodes.dtype)
    # By parts: integral p = boundary p - p / rate * integral (p - 1), written out as a matrix.
    factorials = (powers + 1).lgamma()
    depth = powers[:, None] - powers
    folded = (factorials[:, None] - factorials - depth * math.log(rate)).exp()
    folded = folded.where(depth % 2 == 0, -folded).tril()
    boundary = end**powers - start**powers * (-rate * (end - start)).exp()
    system = torch.vander(nodes, count, increasing=True).T
    weights: list[float] = torch.linalg.solve(system, folded @ boundary).tolist()
    return weights
