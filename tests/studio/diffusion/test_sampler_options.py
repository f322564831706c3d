"""The tables of samplers and schedules: options with ranges, recipes, and their documentation."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from studio.diffusion.names import (
    SAMPLER_TABLE,
    SAMPLERS,
    SCHEDULE_TABLE,
    SCHEDULES,
    BadSetting,
    Option,
    sampler_options,
    sampler_recipe,
)
from studio.values import Sampler

DOCS = Path(__file__).resolve().parents[3] / "docs" / "samplers.md"


def test_every_name_that_users_know() -> None:
    known = (
        "euler euler_ancestral heun dpm_2 dpm_2_ancestral lms dpm_fast dpm_adaptive "
        "dpmpp_2s_ancestral dpmpp_sde dpmpp_2m dpmpp_2m_sde dpmpp_3m_sde ddpm ddim plms lcm ipndm "
        "deis uni_pc uni_pc_bh2 res_multistep er_sde sa_solver "
        "euler_cfg_pp euler_ancestral_cfg_pp dpmpp_2m_cfg_pp"
    )
    assert set(known.split()) == set(SAMPLERS)
    assert set(SCHEDULES) == {
        *("normal", "karras", "exponential", "sgm_uniform", "simple", "ddim_uniform"),
        *("beta", "linear_quadratic", "kl_optimal"),
    }


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_row_fits_its_function(name: str) -> None:
    row = SAMPLER_TABLE[name]
    keywords = inspect.signature(row.run).parameters
    handled_outside = {"s_noise"} | ({"start", "end"} if row.windowed else set())
    assert set(row.options) - handled_outside <= set(keywords)
    assert ("window" in keywords) == row.windowed
    # What draws noise can have it scaled.
    assert ("eta" in row.options) <= ("s_noise" in row.options)
    for key, option in row.options.items():
        assert option.low <= option.default <= option.high
        assert option.help
        assert option.check(name, key, option.default) == option.default
    # The paper, or whose method it is, stands with the function or over its module.
    said = f"{inspect.getdoc(row.run)} {inspect.getdoc(inspect.getmodule(row.run))}"
    assert re.search(r"\d{4}\.\d{5}|k-diffusion", said)


def test_options_are_of_their_kind() -> None:
    options = sampler_options(Sampler("sa_solver", (("pece", 1.0), ("predictor_order", 2.0))))
    assert options["pece"] is True
    assert type(options["predictor_order"]) is int
    assert options["eta"] == 1.0
    assert options["start"] == 0.2
    assert sampler_options(Sampler("euler")) == {}


def test_recipes_are_canonical() -> None:
    one = sampler_recipe("dpmpp_sde", {"r": 0.3, "eta": 1, "s_noise": None})
    assert one == sampler_recipe("dpmpp_sde", {"eta": 1.0, "r": 0.3})
    assert one == Sampler("dpmpp_sde", (("eta", 1.0), ("r", 0.3)))
    assert hash(one) == hash(Sampler("dpmpp_sde", (("eta", 1.0), ("r", 0.3))))


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        (Option(1, 0, 2, "x"), 2.5, "o of the sampler s is 2.5. Give a number from 0 to 2"),
        (Option(1, 0, 2, "x"), float("nan"), "is nan"),
        (Option(1, 0, 2, "x", "integer"), 0.5, "is 0.5. Give a whole number from 0 to 2"),
        (Option(0, 0, 1, "x", "switch"), 0.5, r"is 0.5. Give 0 \(off\) or 1 \(on\)"),
    ],
)
def test_values_out_of_range(option: Option, value: float, said: str) -> None:
    with pytest.raises(BadSetting, match=said):
        option.check("s", "o", value)


def test_unknown_names() -> None:
    with pytest.raises(BadSetting, match=r"no sampler 'dpmpp_4m'.*dpmpp_3m_sde"):
        sampler_recipe("dpmpp_4m", {})
    with pytest.raises(BadSetting, match=r"No sampler has an option 'rtoll'\. Did you mean .*rtol"):
        sampler_options(Sampler("dpm_adaptive", (("rtoll", 0.1),)))


def test_the_documentation_lists_them_all() -> None:
    tables, compared = DOCS.read_text("utf-8").split("## Compared with ComfyUI")
    row = re.compile(r"^\| `(\w+)` \|.*$", re.MULTILINE)
    rows = {match[1]: match[0] for match in row.finditer(tables)}
    assert {match[1] for match in row.finditer(compared)} == set(SAMPLERS)
    assert set(rows) == {*SAMPLERS, *SCHEDULES}
    for name in SAMPLERS:
        cell = rows[name].split("|")[6]
        listed = set(re.findall(r"`(\w+)`", cell))
        assert listed == set(SAMPLER_TABLE[name].options), name
    for name in SCHEDULE_TABLE:
        assert inspect.getdoc(SCHEDULE_TABLE[name])
