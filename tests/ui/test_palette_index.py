"""What the palette finds, and how fast."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ui.editor.fuzzy import Hay, Query, rank, score
from ui.editor.palette_index import PaletteIndex

if TYPE_CHECKING:
    from studio.registry import Registry


@pytest.fixture(scope="module")
def index(registry: Registry) -> PaletteIndex:
    return PaletteIndex(registry)


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("ks", "KSampler"), ("ksampler", "KSampler"), ("adv ksam", "KSamplerAdvanced"),
        ("load ch", "LoadCheckpoint"), ("lc", "LoadCheckpoint"), ("checkpiont", "LoadCheckpoint"),
        ("LoadCheckpoint", "LoadCheckpoint"), ("vaede", "VAEDecode"), ("vae dec", "VAEDecode"),
        ("decode vae", "VAEDecode"), ("empty", "EmptyLatent"), ("reroute", "Reroute"),
        ("save_image", "SaveImage"), ("sampler custm", "SamplerCustom"),
    ],
)  # fmt: skip
def test_the_first_found(index: PaletteIndex, typed: str, first: str) -> None:
    assert index.search(typed)[0].type == first


def test_categories_and_helps_are_searched(index: PaletteIndex, registry: Registry) -> None:
    loaders = {entry.type for entry in index.search("loaders")}
    assert {name for name, spec in registry.items() if spec.category == "Loaders"} <= loaders
    # "bicubic" stands in no name.
    assert any(entry.type == "ScaleLatent" for entry in index.search("latent mask"))
    assert index.search("zzzz") == []


def test_names_come_before_helps(index: PaletteIndex) -> None:
    found = ["mask" in entry.type.lower() for entry in index.search("mask")]
    assert found == sorted(found, reverse=True)
    assert found.count(True) >= 2
    assert found.count(False) >= 2


def test_used_lately_wins_among_equals(index: PaletteIndex) -> None:
    plain = [entry.type for entry in index.search("load")]
    lately = [entry.type for entry in index.search("load", recent=["LoadCheckpoint"])]
    assert lately[0] == "LoadCheckpoint" != plain[0]
    assert index.search("ksampler", recent=["KSamplerAdvanced"])[0].type == "KSampler"


def test_only_some(index: PaletteIndex) -> None:
    only = {"VAEDecode", "KSampler"}
    assert {entry.type for entry in index.search("", only=only)} == only
    assert [entry.type for entry in index.search("vae", only=only)] == ["VAEDecode"]
    assert [entry.type for entry in index.search("ksmapler", only=only)] == ["KSampler"]
    assert [group.path for group in index.groups(only)] == ["Latent", "Sampling"]


def test_groups(index: PaletteIndex, registry: Registry) -> None:
    groups = {group.path: group for group in index.groups()}
    assert sum(group.below for group in groups.values() if not group.depth) == len(registry)
    assert groups["Conditioning/Region"].depth == 1
    assert groups["Conditioning/Region"].name == "Region"
    paths = list(groups)
    assert paths.index("Conditioning") < paths.index("Conditioning/Region")
    titles = [entry.title for entry in groups["Loaders"].entries]
    assert titles == sorted(titles)


def test_ranking_texts() -> None:
    hays = [Hay(name) for name in ("dpmpp_2m", "euler", "euler_ancestral", "dpmpp_2m_sde")]
    assert rank("", hays) == [0, 1, 2, 3]
    assert rank("dpmpp 2m", hays) == [0, 3]
    assert rank("sde", hays) == [3]
    assert rank("anc", hays) == [2]
    assert rank("eulr", hays)[0] == 1
    assert rank("q", hays) == []
    assert score(Query("2m"), Hay("dpmpp_2m")) > score(Query("pm"), Hay("dpmpp_2m")) > 0


def test_what_stands_in_every_graph_comes_first(index: PaletteIndex) -> None:
    for text, first in (("enc", "TextEncode"), ("sampler", "KSampler"), ("vae", "VAEDecode")):
        assert index.search(text)[0].type == first
    assert index.search("encode class")[0].type == "EncodeClass", "whole names are meant"
