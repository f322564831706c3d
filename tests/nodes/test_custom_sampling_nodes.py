"""Samplers and levels as nodes, in graphs."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from graph_bench import Bench, graph

from studio.diffusion.names import SAMPLER_TABLE, SAMPLERS
from studio.graph.errors import GraphInvalid
from studio.values import Sampler

COMMON: dict[str, Any] = {
    "checkpoint": ("LoadCheckpoint", {"name": "tiny"}),
    "words": ("TextEncode", {"text": "a red circle"}, {"clip": "checkpoint.clip"}),
    "others": ("TextEncode", {"text": "blue"}, {"clip": "checkpoint.clip"}),
    "empty": ("EmptyLatent", {"width": 64, "height": 48, "batch": 2}),
}
WIRES = {
    "model": "checkpoint.model",
    "positive": "words",
    "negative": "others",
    "latent": "empty",
}


def custom(sigmas: Any, params: dict[str, Any] | None = None, **sampler: Any) -> dict[str, Any]:
    """A graph whose node "custom" samples over the levels that node "sigmas" gives."""
    return {
        **COMMON,
        "sigmas": sigmas,
        "sampler": ("SelectSampler", sampler),
        "custom": (
            "SamplerCustom",
            {"seed": 4, "cfg": 3.0, **(params or {})},
            {**WIRES, "sampler": "sampler", "sigmas": "sigmas"},
        ),
    }


def ksampler(**params: Any) -> dict[str, Any]:
    return {**COMMON, "plain": ("KSampler", {"seed": 4, "cfg": 3.0, "steps": 4, **params}, WIRES)}


def scheduler(**params: Any) -> Any:
    return ("SchedulerSigmas", {"steps": 4, **params}, {"model": "checkpoint.model"})


def levels(bench: Bench, node: Any, output: str | None = None) -> list[float]:
    found = bench.value(graph(**COMMON, levels=node), "levels", output).levels
    assert found.dtype == torch.float32
    return [round(level, 4) for level in found.tolist()]


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(
    ("sampler", "options"),
    [("euler", {}), ("dpmpp_2m_sde", {}), ("ddim", {"eta": 0.5}), ("dpmpp_2m_cfg_pp", {})],
)
def test_custom_sampling_is_ksampler_in_parts(
    bench: Bench, sampler: str, options: dict[str, Any]
) -> None:
    whole = bench.value(graph(**ksampler(sampler=sampler, **options)), "plain")
    result = bench.run(graph(**custom(scheduler(), name=sampler, **options)), ["custom"])
    assert result.error is None, result.error
    parts = result.values["custom"]
    assert torch.equal(parts["latent"].samples, whole.samples)
    # The last step went to 0.
    torch.testing.assert_close(parts["denoised"].samples, whole.samples)


@pytest.mark.usefixtures("tiny")
def test_two_samplers_share_a_picture(bench: Bench) -> None:
    nodes = {
        **custom(scheduler(steps=6), name="euler"),
        "split": ("SplitSigmas", {"step": 4}, {"sigmas": "sigmas"}),
        "first": (
            "SamplerCustom",
            {"seed": 4, "cfg": 3.0},
            {**WIRES, "sampler": "sampler", "sigmas": "split.high"},
        ),
        "second": (
            "SamplerCustom",
            {"cfg": 3.0, "add_noise": False},
            {**WIRES, "sampler": "sampler", "sigmas": "split.low", "latent": "first.latent"},
        ),
    }
    result = bench.run(graph(**nodes), ["custom", "first", "second"])
    assert result.error is None, result.error
    latents = {
        name: result.values[name]["latent"].samples for name in ("custom", "first", "second")
    }
    torch.testing.assert_close(latents["second"], latents["custom"], atol=1e-4, rtol=1e-4)
    # After the first the noise is still in it; its guess has none.
    guess = result.values["first"]["denoised"].samples
    assert float((latents["first"] - guess).std()) > 0.1


@pytest.mark.usefixtures("tiny")
def test_it_reports_and_previews(bench: Bench) -> None:
    bench.value(graph(**custom(scheduler(), name="heun")), "custom", "latent")
    steps = [(e.step, e.of) for e in bench.events if type(e).__name__ == "NodeProgress"]
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    bench.value(graph(**custom(scheduler(), name="dpm_adaptive")), "custom", "latent")
    steps = [(e.step, e.of) for e in bench.events if type(e).__name__ == "NodeProgress"]
    assert steps == sorted(steps)
    assert steps[-1] == (100, 100)


# ------------------------------------------------------------------ SelectSampler


def test_a_sampler_is_a_light_recipe(bench: Bench) -> None:
    nodes = graph(s=("SelectSampler", {"eta": 0.5, "options": {"heun": 1.0}}))
    assert bench.value(nodes, "s") == Sampler("dpmpp_2m_sde", (("eta", 0.5), ("heun", 1.0)))
    nodes = graph(s=("SelectSampler", {"name": "dpm_adaptive", "options": {"rtol": 0.01}}))
    assert bench.value(nodes, "s") == Sampler("dpm_adaptive", (("rtol", 0.01),))
    assert bench.value(graph(s=("SelectSampler",)), "s") == Sampler("dpmpp_2m_sde")
    assert not bench.ran


def test_every_sampler_can_be_had_with_every_option_it_lists(bench: Bench) -> None:
    for name in SAMPLERS:
        options = {key: option.default for key, option in SAMPLER_TABLE[name].options.items()}
        recipe = bench.value(graph(s=("SelectSampler", {"name": name, "options": options})), "s")
        assert dict(recipe.options) == options


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"name": "euler", "eta": 0.5}, "euler adds no noise.*euler_ancestral"),
        ({"name": "euler", "order": 2}, "euler has no option order.*lms"),
        ({"name": "dpmpp_2m", "options": {"heun": 1.0}}, "no option heun.*dpmpp_2m_sde"),
        ({"name": "uni_pc", "order": 4}, "order of the sampler uni_pc is 4.*1 to 3"),
        ({"name": "lcm", "options": {"s_nose": 1.0}}, "'s_nose'.*Did you mean s_noise"),
        ({"name": "lms", "options": {"order": 1.5}}, "order of the sampler lms is 1.5.*whole"),
        ({"name": "sa_solver", "options": {"pece": 0.5}}, "pece .* is 0.5.*0 .off. or 1"),
        ({"name": "dpm_adaptive", "options": {"rtol": 0.0}}, "rtol .* is 0.*1e-05 to 10"),
    ],
)
def test_options_a_sampler_has_no_use_for(bench: Bench, params: dict[str, Any], said: str) -> None:
    result = bench.run(graph(s=("SelectSampler", params)), ["s"])
    assert result.error is not None
    with pytest.raises(Exception, match=said) as caught:
        raise result.error
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"name": "eular"}, "'eular' is not one of .*Did you mean euler"),
        ({"eta": 2.0}, "eta is 2.0; it must be a number from 0 to 1"),
        ({"options": {"rtol": "much"}}, "options"),
    ],
)
def test_values_that_cannot_be(bench: Bench, params: dict[str, Any], said: str) -> None:
    with pytest.raises(GraphInvalid, match=said):
        bench.plan(graph(s=("SelectSampler", params)), ["s"])


# ------------------------------------------------------------------ levels


@pytest.mark.usefixtures("tiny")
def test_the_levels_of_a_schedule(bench: Bench) -> None:
    assert levels(bench, scheduler(schedule="karras", steps=3)) == [14.6146, 1.2741, 0.0292, 0.0]
    whole = levels(bench, scheduler(schedule="normal", steps=8))
    assert levels(bench, scheduler(schedule="normal", denoise=0.5)) == whole[-5:]
    assert levels(bench, scheduler(denoise=0.0)) == []


@pytest.mark.usefixtures("tiny")
def test_the_levels_of_a_schedule_load_no_weights(bench: Bench) -> None:
    executor = bench.executor()
    bench.value(graph(**COMMON, levels=scheduler()), "levels", executor=executor)
    assert executor.models.bytes == 0


def test_levels_of_named_spacings(bench: Bench) -> None:
    ends = {"steps": 3, "sigma_max": 10.0, "sigma_min": 0.1}
    assert levels(bench, ("ExponentialSigmas", ends)) == [10.0, 1.0, 0.1, 0.0]
    assert levels(bench, ("KarrasSigmas", {**ends, "rho": 1.0})) == [10.0, 5.05, 0.1, 0.0]
    assert levels(bench, ("KarrasSigmas", {**ends, "steps": 1})) == [10.0, 0.0]
    middle = ((10 ** (1 / 7) + 0.1 ** (1 / 7)) / 2) ** 7
    assert levels(bench, ("KarrasSigmas", ends))[1] == pytest.approx(middle, abs=1e-4)


@pytest.mark.usefixtures("tiny")
def test_karras_sigmas_are_the_models_by_default(bench: Bench) -> None:
    ours = levels(bench, ("KarrasSigmas", {"steps": 20}))
    assert ours == pytest.approx(levels(bench, scheduler(schedule="karras", steps=20)), abs=1e-3)


@pytest.mark.parametrize("text", ["14.6, 4, 1, 0", "14.6 4\n1 0", "[14.6; 4.0; 1.0; 0]"])
def test_levels_as_typed(bench: Bench, text: str) -> None:
    assert levels(bench, ("Sigmas", {"levels": text})) == [14.6, 4.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("node", "params", "said"),
    [
        ("Sigmas", {"levels": "1, 2, 0"}, "level 1 of 3 is 2, after 1.*fall"),
        ("Sigmas", {"levels": "2, 1, -1"}, "level 2 of 3 is -1"),
        ("Sigmas", {"levels": "2, nan"}, "level 1 of 2 is nan"),
        ("Sigmas", {"levels": "2, much"}, "'much' is not a number.*14.6, 4"),
        ("Sigmas", {"levels": "14,6 4,2 0"}, "has commas within numbers.*with a point"),
        ("Sigmas", {"levels": "2"}, "1 noise levels make no step"),
        ("Sigmas", {"levels": ""}, "0 noise levels make no step"),
        ("KarrasSigmas", {"sigma_max": 0.01}, "can't fall from sigma_max 0.01 to sigma_min 0.029"),
        ("ExponentialSigmas", {"sigma_min": 20.0}, "can't fall from sigma_max 14.6"),
    ],
)
def test_levels_that_cannot_be(bench: Bench, node: str, params: dict[str, Any], said: str) -> None:
    result = bench.run(graph(levels=(node, params)), ["levels"])
    assert result.error is not None
    with pytest.raises(Exception, match=said) as caught:
        raise result.error
    assert caught.value.exit_code == 2


SIX = {"six": ("Sigmas", {"levels": "6 5 4 3 2 1 0"})}


@pytest.mark.parametrize(
    ("node", "params", "high", "low"),
    [
        ("SplitSigmas", {"step": 0}, [6], [6, 5, 4, 3, 2, 1, 0]),
        ("SplitSigmas", {"step": 2}, [6, 5, 4], [4, 3, 2, 1, 0]),
        ("SplitSigmas", {"step": 6}, [6, 5, 4, 3, 2, 1, 0], [0]),
        ("SplitSigmasDenoise", {"denoise": 1.0}, [6], [6, 5, 4, 3, 2, 1, 0]),
        ("SplitSigmasDenoise", {"denoise": 0.5}, [6, 5, 4, 3], [3, 2, 1, 0]),
        ("SplitSigmasDenoise", {"denoise": 0.3}, [6, 5, 4, 3, 2], [2, 1, 0]),
        ("SplitSigmasDenoise", {"denoise": 0.0}, [6, 5, 4, 3, 2, 1, 0], [0]),
    ],
)
def test_split_levels(
    bench: Bench, node: str, params: dict[str, Any], high: list[float], low: list[float]
) -> None:
    nodes = graph(**SIX, split=(node, params, {"sigmas": "six"}))
    result = bench.run(nodes, ["split", "six"])
    parts = result.values["split"]
    assert parts["high"].levels.tolist() == high
    assert parts["low"].levels.tolist() == low
    assert result.values["six"]["sigmas"].levels.tolist() == [6, 5, 4, 3, 2, 1, 0]


def test_split_where_there_is_no_step(bench: Bench) -> None:
    nodes = graph(**SIX, split=("SplitSigmas", {"step": 7}, {"sigmas": "six"}))
    result = bench.run(nodes, ["split"])
    assert "6 steps can't be split at step 7" in str(result.error)


@pytest.mark.usefixtures("tiny")
def test_a_first_level_above_the_models_is_fine(bench: Bench) -> None:
    nodes = graph(**custom(("Sigmas", {"levels": "40 3 0.5 0"}), name="euler"))
    assert bench.value(nodes, "custom", "latent").samples.isfinite().all()
    assert math.isfinite(float(bench.value(nodes, "custom", "denoised").samples.std()))
