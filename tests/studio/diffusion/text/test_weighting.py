"""Weighted embeddings, against a computation token by token."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from tiny_text import CPU, make, tokenizer

from studio.diffusion.text.weighting import mean_restored, towards_empty

if TYPE_CHECKING:
    from studio.values import ConditioningEntry


def test_towards_empty_token_by_token() -> None:
    generator = torch.Generator().manual_seed(0)
    states, empty = (torch.randn(shape, generator=generator) for shape in ((3, 5, 4), (5, 4)))
    weights = torch.rand(3, 5, generator=generator) * 2
    weights[0, 1] = weights[2, 3] = 1
    found = towards_empty(states, empty, weights)
    for chunk in range(3):
        for token in range(5):
            wanted = states[chunk, token]
            weight = float(weights[chunk, token])
            if weight != 1:
                wanted = (wanted - empty[token]) * weight + empty[token]
            assert torch.allclose(found[chunk, token], wanted, atol=1e-6)
    assert torch.equal(found[0, 1], states[0, 1])


def test_mean_restored_chunk_by_chunk() -> None:
    states = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0)) + 0.5
    weights = torch.ones(3, 5)
    weights[1, 2], weights[2] = 1.5, torch.tensor([0.5, 1, 1.2, 0, -1])
    found = mean_restored(states, weights)
    assert torch.equal(found[0], states[0])
    for chunk in (1, 2):
        weighed = torch.stack([states[chunk, t] * weights[chunk, t] for t in range(5)])
        wanted = weighed * (states[chunk].mean() / weighed.mean())
        assert torch.allclose(found[chunk], wanted, atol=1e-6)
        assert torch.allclose(found[chunk].mean(), states[chunk].mean(), atol=1e-6)


def test_a_mean_of_nothing_stays_finite() -> None:
    states, weights = torch.randn(1, 3, 4), torch.zeros(1, 3)
    assert torch.equal(mean_restored(states, weights), torch.zeros(1, 3, 4))


# ------------------------------------------------------------------ through a whole encoder


def states(text: str) -> torch.Tensor:
    """[77, D] by the library, of one text."""
    module = make("clip").encoders[0].module
    ids = tokenizer()(text, padding="max_length", max_length=77, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        return module(input_ids=ids)[0][0]


def encode(text: str, weighting: str) -> ConditioningEntry:
    (entry,) = make("clip").encode(text, print, weighting=weighting).entries
    return entry


WEIGHTS = [1.0, 1.0, 1.5, 1.5, 1.0, 0.3] + [1.0] * 71


def test_weights_as_comfyui_applies_them() -> None:
    plain, empty = states("a red circle on black"), states("")
    weights = torch.tensor(WEIGHTS)[:, None]
    wanted = (plain - empty) * weights + empty
    found = encode("a (red circle:1.5) on (black:0.3)", "comfy")
    assert found.embeddings is not None
    assert (found.embeddings[0] - wanted).abs().max() < 1e-5


def test_weights_as_the_web_ui_applies_them() -> None:
    plain = states("a red circle on black")
    weighed = plain * torch.tensor(WEIGHTS)[:, None]
    wanted = weighed * (plain.mean() / weighed.mean())
    found = encode("a (red circle:1.5) on (black:0.3)", "a1111")
    assert found.embeddings is not None
    assert (found.embeddings[0] - wanted).abs().max() < 1e-5


@pytest.mark.parametrize("weighting", ["comfy", "a1111"])
def test_weights_of_one_change_no_bit(weighting: str) -> None:
    plain = encode("a red circle", weighting).embeddings
    weighted = encode("a (red:1.0) circle", weighting).embeddings
    assert plain is not None
    assert weighted is not None
    assert torch.equal(plain, weighted)


def test_a_weight_of_nothing_is_the_empty_prompts_token() -> None:
    found = encode("(a red circle:0)", "comfy").embeddings
    assert found is not None
    assert (found[0, 1:4] - states("")[1:4]).abs().max() < 1e-5


@pytest.mark.parametrize("weighting", ["comfy", "a1111"])
def test_only_the_weighted_chunks_mean_is_restored(weighting: str) -> None:
    """Chunks are weighed apart; the pooled embedding is the first's and never weighed."""
    weighted = encode("a red circle BREAK a (blue:1.4) square", weighting)
    plain = encode("a red circle BREAK a blue square", weighting)
    assert weighted.embeddings is not None
    assert plain.embeddings is not None
    assert weighted.pooled is not None
    assert plain.pooled is not None
    assert weighted.embeddings.shape == (1, 154, 16)
    assert (weighted.embeddings[:, :77] - plain.embeddings[:, :77]).abs().max() < 1e-5
    assert (weighted.embeddings[:, 77:] - plain.embeddings[:, 77:]).abs().max() > 1e-2
    assert (weighted.pooled - plain.pooled).abs().max() < 1e-5
    assert weighted.embeddings.device == CPU
