"""Numbers as typed, drags, kinds and weights: the pure parts of the fields."""

from __future__ import annotations

import contextlib
import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt

from ui.editor.inline.colour import normal
from ui.editor.inline.kinds import fraction, kind_of, number_text, shown
from ui.editor.inline.numbers import NotANumber, evaluate, parse_number
from ui.editor.inline.scrubbing import nudge, scrub, stepped
from ui.editor.inline.weights import reweigh

if TYPE_CHECKING:
    from studio.registry import Registry
    from studio.spec import Param

PLAIN = Qt.KeyboardModifier.NoModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
CTRL = Qt.KeyboardModifier.ControlModifier


def param(registry: Registry, path: str) -> Param:
    type_name, name = path.split(".")
    return registry[type_name].param_by_name[name]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("512", 512), ("2*64", 128), (" (832+64)/2 ", 448), ("1e3", 1000), ("-3 + 5", 2),
        ("2**10", 1024), ("2^4", 16), ("7//2", 3), ("7%4", 3), ("128 px", 128), ("0x40", 64),
        ("1_000", 1000), ("0.1+0.2", 0.3), ("1/3*3", 1), ("4**0.5", 2), ("2**-1", 0.5),
    ],
)  # fmt: skip
def test_sums(text: str, value: float) -> None:
    assert float(evaluate(text)) == value


@pytest.mark.parametrize(
    "text",
    [
        "", "abc", "1,5", "1/0", "0**-1", "9**9**9", "10**100", "1e400", "__import__('os')",
        "2 3", "[1]", "True", "1 if 1 else 2", "(" * 300, "x" * 300, "1 and 2", "'a'*9", "1j",
        "(-8)**0.5", "5 %", "lambda: 1", "7 // 0", "7 % 0",
    ],
)  # fmt: skip
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(NotANumber):
        evaluate(text)


@given(st.text(max_size=30))
def test_nothing_typed_breaks_it(text: str) -> None:
    with contextlib.suppress(NotANumber):
        assert math.isfinite(float(evaluate(text)))


@given(st.text("0123456789.*/+-%()e ", max_size=24))
def test_no_sum_breaks_it(text: str) -> None:
    with contextlib.suppress(NotANumber):
        evaluate(text)


def test_typed_numbers_are_checked(registry: Registry) -> None:
    steps, width = param(registry, "KSampler.steps"), param(registry, "EmptyLatent.width")
    assert parse_number("2*10", steps) == 20
    assert parse_number("256/2", width) == 128
    with pytest.raises(ValueError, match=r"a whole number from 1 to 1000; this makes 3\.33"):
        parse_number("10/3", steps)
    with pytest.raises(ValueError, match="from 1 to 1000"):
        parse_number("1001", steps)
    with pytest.raises(ValueError, match="nearest: 96 or 104"):
        parse_number("100", width)
    with pytest.raises(ValueError, match="from 1 to 1000"):
        parse_number("", steps)
    assert isinstance(parse_number("7", param(registry, "KSampler.cfg")), float)
    assert parse_number(str(2**64 - 1), param(registry, "KSampler.seed")) == 2**64 - 1
    eta = param(registry, "KSampler.eta")
    assert parse_number("", eta) is None
    assert parse_number("none", eta) is None
    assert parse_number("1/2", eta) == 0.5


@pytest.mark.parametrize(
    ("path", "start", "dx", "modifiers", "value"),
    [
        ("KSampler.steps", 20, 40, PLAIN, 32), ("KSampler.steps", 20, 4, PLAIN, 21),
        ("KSampler.steps", 20, -4000, PLAIN, 1), ("KSampler.steps", 20, 4000, PLAIN, 1000),
        ("KSampler.steps", 20, 39, SHIFT, 20), ("KSampler.steps", 20, 40, SHIFT, 21),
        ("KSampler.steps", 20, 4, CTRL, 30), ("KSampler.denoise", 1.0, -4, PLAIN, 0.99),
        ("KSampler.denoise", 0.3, 4, SHIFT, 0.301), ("KSampler.denoise", 0.5, 400, PLAIN, 1.0),
        ("KSampler.cfg", 7.0, 4, PLAIN, 7.1), ("EmptyLatent.width", 512, 4, PLAIN, 520),
        ("EmptyLatent.width", 512, -99999, PLAIN, 16), ("KSampler.steps", 20, 0, PLAIN, 20),
        ("ScaleImage.factor", 2.0, -9999, PLAIN, 0.1), ("KSampler.eta", None, 8, PLAIN, 0.02),
        ("LoadLora.model_strength", 1.0, -4, PLAIN, 0.9), ("SetArea.x", 0, 5, PLAIN, 8),
    ],
)  # fmt: skip
def test_scrubbing(
    registry: Registry, path: str, start: Any, dx: float, modifiers: Any, value: Any
) -> None:
    assert scrub(param(registry, path), start, dx, modifiers) == value


def test_a_drag_never_leaves_the_range(registry: Registry) -> None:
    """Of every number of every node: what a drag gives is what the node takes."""
    numbers = [p for s in registry.values() for p in s.params if p.kind in ("int", "float")]
    assert len(numbers) > 40
    for number in numbers:
        for dx in (-1e6, -333.3, -7, 7, 51, 1e6):
            for modifiers in (PLAIN, SHIFT, CTRL):
                made = scrub(number, number.default, dx, modifiers)
                if made is None:  # less than a step from an open one
                    continue
                assert number.check(made) == made
                text = number_text(number, made)
                assert parse_number(text, number) == pytest.approx(made)


def test_arrows_go_by_one_step(registry: Registry) -> None:
    assert nudge(param(registry, "EmptyLatent.width"), 512, 1) == 520
    assert nudge(param(registry, "EmptyLatent.width"), 513, 1) == 520
    assert nudge(param(registry, "EmptyLatent.width"), 513, -1) == 512 - 0
    assert nudge(param(registry, "KSampler.denoise"), 0.1, 2) == 0.12
    assert stepped(param(registry, "Float.value"), 0.1, 2, Decimal("0.1")) == 0.3


def test_kinds(registry: Registry) -> None:
    kinds = {
        "KSampler.seed": "seed", "KSampler.steps": "slider", "KSampler.cfg": "slider",
        "KSampler.sampler": "choice", "KSampler.denoise": "slider", "EmptyLatent.width": "number",
        "LoadLora.model_strength": "number", "TextEncode.text": "text", "Text.value": "text",
        "GuidanceCurve.scales": "line", "LoadCheckpoint.name": "model", "LoadImage.path": "picture",
        "LoadLatent.name": "file", "SaveImage.name": "name", "SolidImage.colour": "colour",
        "SelectSampler.options": "json", "KSamplerAdvanced.add_noise": "bool",
    }  # fmt: skip
    assert {path: kind_of(param(registry, path)) for path in kinds} == kinds
    assert kind_of(None, "word") == "line"
    assert kind_of(None, [1]) == "json"


def test_shown_values(registry: Registry) -> None:
    assert shown(param(registry, "EmptyLatent.width"), 512) == "512 px"
    assert shown(param(registry, "KSampler.cfg"), 7.0) == "7.0"
    assert shown(param(registry, "KSampler.denoise"), 1.0) == "1.00"
    assert shown(param(registry, "KarrasSigmas.sigma_min"), 0.0291675) == "0.0291675"
    assert shown(param(registry, "KSampler.eta"), None) == "none"
    assert shown(param(registry, "LoadVae.name"), None) == ""
    assert shown(param(registry, "KSamplerAdvanced.add_noise"), True) == "on"
    assert shown(None, {"a": 1}) == '{"a": 1}'


def test_filled_share(registry: Registry) -> None:
    assert fraction(param(registry, "KSampler.denoise"), 0.25) == 0.25
    assert fraction(param(registry, "KSampler.denoise"), 9) == 1
    assert 0.1 < (fraction(param(registry, "KSampler.steps"), 20) or 0) < 0.2
    assert fraction(param(registry, "Float.value"), 1.0) is None
    assert fraction(param(registry, "KSampler.eta"), None) is None


@pytest.mark.parametrize(
    ("before", "delta", "after"),
    [
        ("a [red] star", 0.1, "a ([red]:1.1) star"),
        ("a ([red]:1.1) star", 0.1, "a ([red]:1.2) star"),
        ("a ([red]:1.1) star", -0.1, "a [red] star"),
        ("a [(red:1.5)] star", 0.1, "a ([red]:1.6) star"),
        ("a r[]ed star", 0.1, "a ([red]:1.1) star"),
        ("a (re[]d:1.1) star", 0.1, "a ([red]:1.2) star"),
        ("a [red star ]", -0.1, "a ([red star]:0.9) "),
        ("a  [] star", 0.1, "a  [] star"),
        ("[(a:99.95)]", 0.1, "([a]:100)"),
        ("[(a) b (c:1.2)]", 0.1, "([(a) b (c:1.2)]:1.1)"),
    ],
)
def test_weights(before: str, delta: float, after: str) -> None:
    """Brackets [] mark the selection, or the cursor."""
    start, end = before.index("["), before.rindex("]") - 1
    made = reweigh(before.replace("[", "").replace("]", ""), start, end, delta)
    text = made.text
    assert f"{text[: made.start]}[{text[made.start : made.end]}]{text[made.end :]}" == after


def test_weighing_up_and_down_comes_back() -> None:
    text, start, end = "one two three", 4, 7
    made = reweigh(text, start, end, 0.1)
    for _ in range(4):
        made = reweigh(*made, 0.1)
    for _ in range(5):
        made = reweigh(*made, -0.1)
    assert made == (text, start, end)


def test_colours_as_typed() -> None:
    assert normal("ABC") == "#aabbcc"
    assert normal(" #3366FF ") == "#3366ff"
    assert normal("red") == "red"
    assert normal("#12") == "#12"
