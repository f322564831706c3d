"""Which jobs are denoised together, told by the values that they set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from batch_kit import POCKET
from graph_bench import graph as build
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio.batch.fused import groups, samples
from studio.batch.model import Job
from studio.graph.files import from_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from studio.registry import Registry

GRAPH = from_json(POCKET)


def grouped(registry: Registry, sets: list[dict[str, Any]], limit: int = 16) -> list[list[int]]:
    jobs = (Job(index, each) for index, each in enumerate(sets))
    return [[job.index for job in group] for group in groups(jobs, GRAPH, registry, limit)]


def test_seeds_texts_and_strengths_go_together(registry: Registry) -> None:
    sets: list[dict[str, Any]] = [
        {"sampler.seed": 1, "positive.text": "a", "sampler.cfg": 3.0},
        {"sampler.seed": 2, "positive.text": "b", "sampler.cfg": 9.0},
        {"save.name": "other_{counter}"},
    ]
    assert grouped(registry, sets) == [[0, 1, 2]]


@pytest.mark.parametrize(
    ("place", "values"),
    [
        ("checkpoint.name", ("tiny", "pocket")),
        ("sampler.steps", (20, 30)),
        ("sampler.sampler", ("euler", "heun")),
        ("latent.width", (64, 128)),
        ("unknown.thing", (1, 2)),
    ],
)
def test_other_models_steps_and_sizes_dont(
    registry: Registry, place: str, values: tuple[Any, Any]
) -> None:
    sets = [{place: values[0]}, {place: values[0]}, {place: values[1]}]
    expected = [[0, 1, 2]] if place.startswith("unknown") else [[0, 1], [2]]
    assert grouped(registry, sets) == expected


@given(
    st.lists(
        st.fixed_dictionaries(
            {}, optional={"sampler.seed": st.integers(0, 3), "sampler.steps": st.integers(1, 3)}
        ),
        max_size=30,
    ),
    st.integers(1, 7),
)
@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_groups_keep_the_order_and_the_limit(
    registry: Registry, sets: list[dict[str, Any]], limit: int
) -> None:
    found = grouped(registry, sets, limit)
    assert [index for group in found for index in group] == list(range(len(sets)))
    for group in found:
        assert 1 <= len(group) <= limit
        assert len({sets[index].get("sampler.steps") for index in group}) == 1


def test_groups_are_made_as_they_are_asked_for(registry: Registry) -> None:
    def endless() -> Iterator[Job]:
        index = 0
        while True:
            yield Job(index, {"sampler.seed": index})
            index += 1

    found = groups(endless(), GRAPH, registry, 4)
    assert [len(next(found)) for _ in range(3)] == [4, 4, 4]


def test_a_graph_without_a_sampler_is_job_by_job(registry: Registry) -> None:
    plain = build(latent=("EmptyLatent", {}))
    jobs = [Job(index, {"latent.width": 64 + 64 * index}) for index in range(3)]
    assert [len(group) for group in groups(jobs, plain, registry, 8)] == [1, 1, 1]


def test_what_samples(registry: Registry) -> None:
    found = {name for name, spec in registry.items() if samples(spec)}
    assert {"KSampler", "KSamplerAdvanced", "SamplerCustom", "Inpaint"} <= found
    assert not found & {"SchedulerSigmas", "LoadLora", "VAEDecode", "DifferentialDiffusion"}
