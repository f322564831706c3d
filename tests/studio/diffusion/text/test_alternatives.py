"""Alternatives and comments: what is left of a prompt once its choices are made."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.diffusion.text.alternatives import has_alternatives, settle, without_comments
from studio.diffusion.text.errors import BadPrompt


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a cat", "a cat"),
        ("{cat}", "cat"),
        ("{}", ""),
        ("a {{cat}} {}", "a cat "),
        ("\\{a|b\\}", "{a|b}"),
        ("{a\\|b}", "a|b"),
        ("a | b } c", "a | b } c"),
        ("\\(a\\) \\a \\\\", "\\(a\\) \\a \\\\"),
        ("{\\(a\\)}", "\\(a\\)"),
        ("\\\\{a}", "\\\\a"),
        ("a\\", "a\\"),
        ("a // b", "a "),
        ("a // b\nc", "a \nc"),
        ("a /* b\nc */ d", "a  d"),
        ("a /* b", "a /* b"),
        ("/**/a/* */", "a"),
        ("/*/ a", "/*/ a"),
        ("/*/ a */b", "b"),
        ("a / b /c", "a / b /c"),
        ("see https://x.y/z and // this", "see https://x.y/z and "),
        ("// {a\n{b}", "\nb"),
        ("{a // |\n}", "a \n"),
        ("///", ""),
        ("f/1.8, 1/2 // 3", "f/1.8, 1/2 "),
        ("/*\nStart\n*/Hello /* this is a comment */ world!\n// it\nEnd", "Hello  world!\n\nEnd"),
    ],
)
def test_what_needs_no_choice(text: str, wanted: str) -> None:
    assert settle(text, 0) == wanted
    assert settle(text, 12345) == wanted


# Written down once: the same seed must mean the same picture on every machine, for good.
CHOSEN = {
    (0, "{a|b|c}"): "b",
    (1, "{a|b|c}"): "b",
    (2, "{a|b|c}"): "a",
    (2**64 - 1, "{a|b|c}"): "a",
    (7, "a {red|green|blue} {cat|dog} {in {snow|rain}|at {dawn|dusk|noon}}"): "a blue dog at dawn",
}


@pytest.mark.parametrize(("seed", "text"), CHOSEN)
def test_choices_never_change(seed: int, text: str) -> None:
    assert settle(text, seed) == CHOSEN[seed, text]


def test_every_alternative_comes_up_about_as_often() -> None:
    text = "{a|b|c|d} {e|f}"
    counts = Counter(settle(text, seed) for seed in range(4000))
    assert len(counts) == 8
    assert all(400 < count < 600 for count in counts.values())


def test_a_choice_depends_on_its_own_brace_alone() -> None:
    """What another brace chooses, and what is written between them, changes nothing."""
    for seed in range(50):
        short = settle("{a|b} {c|d|e}", seed).split()
        long = settle("x {xa|xb}, y (z:1.2) {xc|xd|xe} {f|g}", seed)
        assert f"x{short[0]}" in long
        assert f"x{short[1]}" in long


def test_alternatives_nest_and_may_be_empty() -> None:
    found = {settle("{a{1|2}|{b|}}", seed) for seed in range(200)}
    assert found == {"a1", "a2", "b", ""}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("{a|b}", True), ("{a}", True), ("a", False), ("\\{a|b\\}", False), ("// {a|b}", False)],
)
def test_whether_the_seed_can_matter(text: str, wanted: bool) -> None:
    assert has_alternatives(text) is wanted


@pytest.mark.parametrize("text", ["a {b", "{a|{b}", "x {a|b} {c|"])
def test_a_brace_that_is_never_closed(text: str) -> None:
    with pytest.raises(BadPrompt, match=r"at “\{.*this \{ is never closed.*Close it with \}"):
        settle(text, 0)


@given(st.text("{}|\\/*\n:a"), st.integers(0, 2**64 - 1))
@settings(max_examples=300, deadline=None)
def test_any_text_settles_or_is_refused(text: str, seed: int) -> None:
    with suppress(BadPrompt):
        settled = settle(text, seed)
        assert len(settled) <= len(text)
        assert settle(text, seed) == settled
    assert len(without_comments(text)) <= len(text)


N = 20_000


@pytest.mark.parametrize(
    "text",
    [
        "{" * N,
        "{" * (N // 2) + "}" * (N // 2),
        "{a|" * (N // 4) + "}" * (N // 4),
        "{a|b}" * (N // 5),
        "{" + "|" * N + "}",
        "/*" * (N // 2),
        "/" * N,
        ":/" * (N // 2),
        "/**/" * (N // 4),
        "\\" * N,
    ],
)
def test_deep_and_long_texts_settle_in_one_pass(text: str) -> None:
    with suppress(BadPrompt):
        settle(text, 1)
    has_alternatives(text)
