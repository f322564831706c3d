"""Nodes of conditionings and of guidance: what they change, what they leave, what they refuse."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from conditionings import NOTHING, TWO, Warnings, changed, conditioning, entry, text
from graph_bench import Bench, graph

from nodes import conditioning as nodes
from nodes import guidance as guidance_nodes
from studio.diffusion.conditioning import MixedWidths, NothingToMix
from studio.graph.errors import GraphInvalid
from studio.values import (
    Area,
    CheckpointRef,
    Conditioning,
    ConditioningEntry,
    GuidanceOptions,
    Mask,
    Model,
    PixelArea,
)

# ------------------------------------------------------------------ combining and mixing


def test_combine_holds_all_entries() -> None:
    combined = nodes.combine_conditioning(TWO, conditioning(entry(3)))
    assert combined.entries[:2] == TWO.entries
    assert len(combined.entries) == 3


def test_concat_appends_tokens_to_every_entry() -> None:
    context: Any = Warnings()
    second = conditioning(entry(3, tokens=5, pooled=3))
    result = nodes.concat_conditioning(TWO, second, context=context)
    for i, change in enumerate(changed(TWO, result)):
        assert list(change) == ["embeddings"]
        assert torch.equal(text(result, i), torch.cat([text(TWO, i), text(second)], dim=1))
    assert not context.said


def test_mixing_tells_of_entries_it_leaves_out() -> None:
    context: Any = Warnings()
    nodes.concat_conditioning(TWO, TWO, context=context)
    nodes.average_conditioning(TWO, TWO, context=context)
    assert context.said == ["the second conditioning has 2 entries, only the first is used"] * 2


@pytest.mark.parametrize("tokens", [7, 4, 20])
def test_average_goes_token_by_token(tokens: int) -> None:
    context: Any = Warnings()
    second = conditioning(entry(3, tokens=tokens, pooled=3))
    result = nodes.average_conditioning(TWO, second, strength=0.3, context=context)
    for i, change in enumerate(changed(TWO, result)):
        assert set(change) == {"embeddings", "pooled"}
        for token in range(text(TWO, i).shape[1]):
            other = text(second)[:, token] if token < tokens else torch.zeros(1, 6)
            expected = 0.3 * text(TWO, i)[:, token] + 0.7 * other
            torch.testing.assert_close(text(result, i)[:, token], expected)
    first, own = TWO.entries[0].pooled, second.entries[0].pooled
    assert first is not None
    assert own is not None
    mixed, taken = (each.pooled for each in result.entries)
    torch.testing.assert_close(mixed, 0.3 * first + 0.7 * own)
    assert taken is own, "the first has no pooled text here, so the second's is taken whole"


def test_average_keeps_pooled_text_that_only_the_first_has() -> None:
    context: Any = Warnings()
    result = nodes.average_conditioning(TWO, conditioning(entry(3)), strength=0.3, context=context)
    assert result.entries[0].pooled is TWO.entries[0].pooled


@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_average_at_its_ends(strength: float) -> None:
    context: Any = Warnings()
    first, second = conditioning(entry(1)), conditioning(entry(2))
    result = nodes.average_conditioning(first, second, strength=strength, context=context)
    assert torch.equal(text(result), text(first if strength else second))


@pytest.mark.parametrize("mix", [nodes.concat_conditioning, nodes.average_conditioning])
def test_what_cannot_be_mixed(mix: Any) -> None:
    context: Any = Warnings()
    good = conditioning(entry(1))
    with pytest.raises(MixedWidths, match="first conditioning is 6 wide, that of the second 9"):
        mix(good, conditioning(entry(2, width=9)), context=context)
    for first, second, which in (
        (NOTHING, good, "first"),
        (good, NOTHING, "second"),
        (good, Conditioning(()), "second"),
        (Conditioning(()), good, "first"),
    ):
        with pytest.raises(NothingToMix, match=f"The {which} conditioning brings no text"):
            mix(first, second, context=context)


def test_pooled_texts_of_two_families_cannot_be_averaged() -> None:
    context: Any = Warnings()
    one, two = conditioning(entry(1, pooled=3)), conditioning(entry(2, pooled=4))
    with pytest.raises(MixedWidths, match="pooled text of the first conditioning is 3 wide"):
        nodes.average_conditioning(one, two, context=context)


def test_zero_out_keeps_shapes_and_places() -> None:
    result = nodes.zero_out(TWO)
    for old, new in zip(TWO.entries, result.entries, strict=True):
        assert torch.equal(new.embeddings, torch.zeros_like(old.embeddings))  # type: ignore[arg-type]
        assert (new.pooled is None) == (old.pooled is None)
        assert (new.area, new.strength, new.start) == (old.area, old.strength, old.start)
    assert torch.equal(result.entries[0].pooled, torch.zeros(1, 3))  # type: ignore[arg-type]
    assert nodes.zero_out(NOTHING).entries[0].embeddings is None


def test_no_text_says_nothing() -> None:
    (only,) = nodes.no_text().entries
    assert only == ConditioningEntry(None) or changed(NOTHING, nodes.no_text()) == [{}]


# ------------------------------------------------------------------ places, times, weights

MASK = torch.rand(1, 1, 9, 11)


@pytest.mark.parametrize(
    ("result", "change"),
    [
        (
            nodes.set_area(TWO, x=8, y=16, width=64, height=128, strength=2.0),
            {"area": PixelArea(8, 16, 64, 128), "strength": 2.0},
        ),
        (
            nodes.set_area_share(TWO, x=0.1, y=0.2, width=0.3, height=0.4, strength=0.5),
            {"area": Area(0.1, 0.2, 0.3, 0.4), "strength": 0.5},
        ),
        (
            nodes.set_mask(TWO, Mask(MASK), strength=0.6, bounds=True),
            {"mask": MASK, "mask_strength": 0.6, "mask_bounds": True},
        ),
        (nodes.set_mask(TWO, Mask(MASK)), {"mask": MASK}),
        (nodes.set_timestep_range(TWO, start=0.2, end=0.7), {"start": 0.2, "end": 0.7}),
        (nodes.set_strength(TWO, strength=0.0), {"strength": 0.0}),
    ],
)
def test_a_node_changes_its_fields_only(result: Conditioning, change: dict[str, Any]) -> None:
    for found in changed(TWO, result):
        assert found == change


def test_a_time_that_ends_before_it_starts() -> None:
    with pytest.raises(nodes.EmptyTimes, match=r"from 0\.8 to 0\.2 has nothing"):
        nodes.set_timestep_range(TWO, start=0.8, end=0.2)


@pytest.mark.parametrize(
    ("kind", "params", "words"),
    [
        ("SetArea", {"x": 5}, "multiple of 8"),
        ("SetArea", {"width": 0}, "from 8 to 16384"),
        ("SetAreaShare", {"width": 1.5}, "from 0 to 1"),
        ("SetMask", {"strength": -1}, "from 0 to 10"),
        ("SetTimestepRange", {"end": 2}, "from 0 to 1"),
        ("AverageConditioning", {"strength": 1.1}, "from 0 to 1"),
        ("UpscaleConditioning", {"noise_level": 351}, "from 0 to 350"),
        ("RescaleGuidance", {"amount": -0.1}, "from 0 to 1"),
        ("DynamicThresholding", {"mimic_cfg": 101}, "from 0 to 100"),
    ],
)
def test_settings_out_of_range(
    bench: Bench, kind: str, params: dict[str, Any], words: str
) -> None:
    with pytest.raises(GraphInvalid, match=words):
        bench.plan(graph(subject=(kind, params)), ["subject"])


# ------------------------------------------------------------------ guidance

MODEL = Model(CheckpointRef("tiny", "/nowhere", "00"))


def test_guidance_nodes_set_their_options_and_keep_the_others() -> None:
    model = guidance_nodes.rescale_guidance(MODEL, amount=0.4)
    model = guidance_nodes.dynamic_thresholding(model, percentile=0.9, mimic_cfg=5.0)
    model = guidance_nodes.guidance_range(model, start=0.1, end=0.8)
    model = guidance_nodes.separate_guidance(model)
    assert model == replace(MODEL, guidance=GuidanceOptions(0.4, 0.9, 5.0, 0.1, 0.8, True))
    assert not guidance_nodes.separate_guidance(model, separate=False).guidance.separate
    assert MODEL.guidance == GuidanceOptions()


@pytest.mark.parametrize(("start", "end"), [(0.5, 0.5), (0.8, 0.2)])
def test_an_empty_guidance_range_is_refused(start: float, end: float) -> None:
    with pytest.raises(guidance_nodes.EmptyRange, match="has nothing in it"):
        guidance_nodes.guidance_range(MODEL, start=start, end=end)


def test_a_curve_of_guidance() -> None:
    changed = guidance_nodes.guidance_curve(MODEL, scales=" 2,7 , 4.5")
    assert changed.guidance.curve == (2.0, 7.0, 4.5)


@pytest.mark.parametrize("scales", ["", "7,", "seven", "1, -1", "nan", "1e9", "1;2"])
def test_lists_that_are_no_curve_of_guidance(scales: str) -> None:
    with pytest.raises(guidance_nodes.BadCurve, match="is no list of guidance scales"):
        guidance_nodes.guidance_curve(MODEL, scales=scales)


def test_guidance_nodes_cost_nothing(registry: Any) -> None:
    kinds = ("RescaleGuidance", "DynamicThresholding", "GuidanceRange", "GuidanceCurve",
             "SeparateGuidance")  # fmt: skip
    assert all(registry[kind].light for kind in (*kinds, "NoText"))
