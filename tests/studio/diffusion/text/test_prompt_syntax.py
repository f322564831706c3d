"""Weights in prompts, in both dialects: a table, the peer's recursive rule, and abuse."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.diffusion.text.dialects import MAX_WEIGHT, read_a1111, read_comfy
from studio.diffusion.text.errors import BadPrompt
from studio.diffusion.text.prompt import (
    WEIGHTINGS,
    Break,
    Mention,
    Words,
    fault_in,
    mentioned,
    names_in,
    parse,
)
from studio.errors import InputError

SAME: Any = None
Pairs = list[tuple[str, float]]

# Text, as ComfyUI reads it, as Automatic's web UI reads it.
TABLE: list[tuple[str, Pairs, Pairs]] = [
    ("", [], SAME),
    ("a cat", [("a cat", 1.0)], SAME),
    ("(cat)", [("cat", 1.1)], SAME),
    ("((cat))", [("cat", 1.21)], SAME),
    ("(((cat)))", [("cat", 1.331)], SAME),
    ("a (big) cat", [("a ", 1.0), ("big", 1.1), (" cat", 1.0)], SAME),
    ("a (big cat:1.3), sun", [("a ", 1.0), ("big cat", 1.3), (", sun", 1.0)], SAME),
    ("(a (b) c)", [("a ", 1.1), ("b", 1.21), (" c", 1.1)], SAME),
    (
        "(a (b:0.5) c)",
        [("a ", 1.1), ("b", 0.5), (" c", 1.1)],
        [("a ", 1.1), ("b", 0.55), (" c", 1.1)],
    ),
    ("(a (b) c:0.5)", [("a ", 0.5), ("b", 0.55), (" c", 0.5)], SAME),
    (
        "(a (b:1.3) c:1.2)",
        [("a ", 1.2), ("b", 1.3), (" c", 1.2)],
        [("a ", 1.2), ("b", 1.56), (" c", 1.2)],
    ),
    ("((a:1.3))", [("a", 1.3)], [("a", 1.43)]),
    ("(a:1.3)(b)", [("a", 1.3), ("b", 1.1)], SAME),
    ("(a)(b)", [("a", 1.1), ("b", 1.1)], [("ab", 1.1)]),
    ("(a:)", [("a:", 1.1)], SAME),
    ("(:1.3)", [(":1.3", 1.1)], []),
    ("(a:1.3:1.5)", [("a:1.3", 1.5)], SAME),
    ("(a: 1.3 )", [("a", 1.3)], SAME),
    ("(a:+1.3)", [("a", 1.3)], SAME),
    ("(a:-0.5)", [("a", -0.5)], SAME),
    ("(a:0)", [("a", 0.0)], SAME),
    ("(a:1)", [("a", 1.0)], SAME),
    ("(a:.5)", [("a", 0.5)], SAME),
    ("(a:1.)", [("a", 1.0)], SAME),
    ("(a:1e-1)", [("a", 0.1)], [("a:1e-1", 1.1)]),
    ("(a:b)", [("a:b", 1.1)], SAME),
    ("(a:b:1.2)", [("a:b", 1.2)], SAME),
    ("(16:9 picture)", [("16:9 picture", 1.1)], SAME),
    ("a:1.3", [("a:1.3", 1.0)], SAME),
    ("\\(a\\)", [("(a)", 1.0)], SAME),
    ("\\(a:1.3\\)", [("(a:1.3)", 1.0)], SAME),
    ("(a\\))", [("a)", 1.1)], SAME),
    ("(\\(a\\):1.3)", [("(a)", 1.3)], SAME),
    ("a \\( b ) c", [("a ( b ) c", 1.0)], SAME),
    ("(a", [("(a", 1.0)], [("a", 1.1)]),
    ("(a (b)", [("a ", 1.1), ("(b", 1.1)], [("a ", 1.1), ("b", 1.21)]),
    ("((a)", [("(a", 1.1)], [("a", 1.21)]),
    ("((a:1.2)", [("(a", 1.2)], [("a", 1.32)]),
    ("a)", [("a)", 1.0)], SAME),
    ("a) (b) c", [("a) (b) c", 1.0)], [("a) ", 1.0), ("b", 1.1), (" c", 1.0)]),
    (
        "a) (b (c) d",
        [("a) (b ", 1.0), ("c", 1.1), (" d", 1.0)],
        [("a) ", 1.0), ("b ", 1.1), ("c", 1.21), (" d", 1.1)],
    ),
    ("(a))", [("a", 1.1), (")", 1.0)], SAME),
    ("(a)) (b)", [("a", 1.1), (") (b)", 1.0)], [("a", 1.1), (") ", 1.0), ("b", 1.1)]),
    ("()", [], SAME),
    ("(())", [], SAME),
    ("[a]", [("[a]", 1.0)], [("a", 0.909091)]),
    ("[[a]]", [("[[a]]", 1.0)], [("a", 0.826446)]),
    ("[a:0.5]", [("[a:0.5]", 1.0)], [("a:0.5", 0.909091)]),
    ("([a])", [("[a]", 1.1)], [("a", 1.0)]),
    ("[(a)]", [("[", 1.0), ("a", 1.1), ("]", 1.0)], [("a", 1.0)]),
    ("[(a:1.3)]", [("[", 1.0), ("a", 1.3), ("]", 1.0)], [("a", 1.181818)]),
    ("[a", [("[a", 1.0)], [("a", 0.909091)]),
    ("a]", [("a]", 1.0)], SAME),
    ("(a]", [("(a]", 1.0)], [("a]", 1.1)]),
    ("[a)", [("[a)", 1.0)], [("a)", 0.909091)]),
    ("(a [b) c]", [("a [b", 1.1), (" c]", 1.0)], [("a ", 1.1), ("b", 1.0), (" c", 0.909091)]),
    ("\\[a\\]", [("\\[a\\]", 1.0)], [("[a]", 1.0)]),
    ("\\a", [("\\a", 1.0)], [("a", 1.0)]),
    ("a\\\\(b)", [("a\\(b)", 1.0)], [("a\\", 1.0), ("b", 1.1)]),
    ("a\\", [("a\\", 1.0)], [("a", 1.0)]),
    (":)", [(":)", 1.0)], SAME),
    (
        ":( (sad) :(",
        [(":", 1.0), ("( (sad) :(", 1.0)],
        [(":", 1.0), (" ", 1.1), ("sad", 1.21), (" :", 1.1)],
    ),
    (
        "(a, b:1.2), (c",
        [("a, b", 1.2), (", ", 1.0), ("(c", 1.0)],
        [("a, b", 1.2), (", ", 1.0), ("c", 1.1)],
    ),
    ("a BREAK b", [("a BREAK b", 1.0)], SAME),
    ("(a BREAK b:1.2)", [("a BREAK b", 1.2)], SAME),
    ("<lora:x:1>", [("<lora:x:1>", 1.0)], SAME),
    ("(über:1.2) (日本:0.8)", [("über", 1.2), (" ", 1.0), ("日本", 0.8)], SAME),
    (
        "masterpiece, (best quality:1.2), [lowres], ((detail))",
        [("masterpiece, ", 1.0), ("best quality", 1.2), (", [lowres], ", 1.0), ("detail", 1.21)],
        [
            ("masterpiece, ", 1.0),
            ("best quality", 1.2),
            (", ", 1.0),
            ("lowres", 0.909091),
            (", ", 1.0),
            ("detail", 1.21),
        ],
    ),
    (
        "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).",
        [("a ", 1.0), ("(((house:1.3)) [on] a (hill:0.5), sun, (((sky))).", 1.0)],
        [
            ("a ", 1.0),
            ("house", 1.573),
            (" ", 1.1),
            ("on", 1.0),
            (" a ", 1.1),
            ("hill", 0.55),
            (", sun, ", 1.1),
            ("sky", 1.4641),
            (".", 1.1),
        ],
    ),
    ("(a\nb:1.1)", [("a\nb", 1.1)], SAME),
    ("  a  ( b )  ", [("  a  ", 1.0), (" b ", 1.1), ("  ", 1.0)], SAME),
    ("(a : 1.2)", [("a ", 1.2)], SAME),
]


def pairs(segments: Any) -> Pairs:
    return [(segment.text, pytest.approx(segment.weight)) for segment in segments]


@pytest.mark.parametrize(("text", "comfy", "a1111"), TABLE)
def test_the_table(text: str, comfy: Pairs, a1111: Pairs) -> None:
    assert [(s.text, round(s.weight, 6)) for s in read_comfy(text).segments] == comfy
    theirs = comfy if a1111 is SAME else a1111
    assert [(s.text, round(s.weight, 6)) for s in read_a1111(text).segments] == theirs


def test_the_table_is_long_enough() -> None:
    assert len({case[0] for case in TABLE}) >= 70


def test_the_example_in_the_web_uis_own_documentation() -> None:
    text = "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky)))."
    assert [(s.text, s.weight) for s in read_a1111(text).segments] == [
        ("a ", 1.0),
        ("house", pytest.approx(1.5730000000000004)),
        (" ", 1.1),
        ("on", pytest.approx(1.0)),
        (" a ", 1.1),
        ("hill", pytest.approx(0.55)),
        (", sun, ", 1.1),
        ("sky", pytest.approx(1.4641000000000006)),
        (".", 1.1),
    ]


# ------------------------------------------------------------------ the peer's rule, as it recurses


def items(text: str) -> list[str]:
    """A text cut where a bracket opens or closes at depth 0."""
    found, now, depth = [], "", 0
    for letter in text:
        if letter == "(" and depth == 0 and now:
            found.append(now)
            now = ""
        depth += {"(": 1, ")": -1}.get(letter, 0)
        now += letter
        if letter == ")" and depth == 0:
            found.append(now)
            now = ""
    return [*found, now] if now else found


def recursive(text: str, weight: float = 1.0) -> Pairs:
    found: Pairs = []
    for item in items(text):
        if len(item) < 2 or item[0] != "(" or item[-1] != ")":
            found.append((item, weight))
            continue
        inner, inside = item[1:-1], weight * 1.1
        colon = inner.rfind(":")
        if colon > 0:
            try:
                inside = float(inner[colon + 1 :])
                inner = inner[:colon]
            except ValueError:
                pass
        found += recursive(inner, inside)
    return found


def by_the_peers_rule(text: str) -> Pairs:
    hidden = text.replace("\\)", "\0\1").replace("\\(", "\0\2")
    shown = [
        (words.replace("\0\1", ")").replace("\0\2", "("), weight)
        for words, weight in recursive(hidden)
    ]
    return [(words, pytest.approx(weight)) for words, weight in shown]


PARTS = st.lists(
    st.sampled_from(
        ["(", ")", ":", "\\", "a", "b ", "1", ".5", ":1.2)", "(", "((", "))", "[", "]"]
    ),
    max_size=30,
).map("".join)


@given(PARTS)
@settings(max_examples=400, deadline=None)
def test_weights_are_the_peers_for_any_brackets(text: str) -> None:
    try:
        found = read_comfy(text).segments
    except BadPrompt:
        assert any(abs(weight.expected) > MAX_WEIGHT for _, weight in by_the_peers_rule(text))
    else:
        assert [tuple(segment) for segment in found] == by_the_peers_rule(text)


# ------------------------------------------------------------------ abuse


@given(st.one_of(PARTS, st.text(), st.text("(){}[]:|\\/*\n 1.eEBREAKembedding:,")))
@settings(max_examples=400, deadline=None)
def test_nothing_but_our_error_is_raised(text: str) -> None:
    names_in(text)
    trouble = fault_in(text)
    assert trouble is None or trouble
    for weighting in WEIGHTINGS:
        try:
            pieces = parse(text, weighting).pieces
            mentioned(text, text, weighting)
        except InputError:
            continue
        assert all(abs(piece.weight) <= MAX_WEIGHT for piece in pieces if piece != Break())


N = 20_000


@pytest.mark.parametrize(
    "text",
    [
        "(" * N,
        ")" * N,
        "[" * N,
        "(" * (N // 2) + ")" * (N // 2),
        "[" * (N // 2) + "]" * (N // 2),
        "(a:1" * (N // 5) + ")" * (N // 5),
        "(" * (N // 5) + "a:1)" * (N // 5),
        "(" * (N // 2) + ":" + "a)" * (N // 4),
        "((a)" * (N // 4),
        "(a))" * (N // 4),
        "([" * (N // 4) + ")]" * (N // 4),
        ":" * N,
        "\\" * N,
        ": " * (N // 2),
        ":" + " " * N,
        ":" + "1" * N + "x",
        "(a:" + "1" * N + ")",
        "BREAK " * (N // 6),
        " " * N + "BREAK",
        "embedding:" * (N // 10),
        "embedding:" + ")" * N,
        "a" * N,
    ],
)
def test_deep_and_long_prompts_are_read_in_one_pass(text: str) -> None:
    """Each takes a fraction of a second; what grew with the square would take minutes."""
    for weighting in WEIGHTINGS:
        with suppress(BadPrompt):
            parse(text, weighting)
    names_in(text)
    fault_in(text)


@pytest.mark.parametrize("weight", ["inf", "nan", "1e9", "-101", "9" * 400])
def test_senseless_weights_are_refused(weight: str) -> None:
    text = f"a cat\n(dog:{weight})"
    with pytest.raises(BadPrompt, match=r"line 2, at “dog.*weights lie between -100 and 100"):
        parse(text)


def test_a_weight_that_is_no_number() -> None:
    with pytest.raises(BadPrompt, match=r"the weight 1\.2\.3 is no number"):
        parse("(a:1.2.3)", "a1111")
    assert parse("(a:1.2.3)").pieces == (Words("a:1.2.3", 1.1),)
    assert fault_in("(a:1.2.3)") is None, "the other dialect takes it"


def test_a_fault_of_both_dialects_is_told_before_the_run() -> None:
    trouble = fault_in("(a:1000)")
    assert trouble is not None
    assert "weights lie between" in trouble
    assert len(fault_in("a" * 10_000 + "(" * 90 + "b" * 10_000 + ")" * 90) or "") < 300


@pytest.mark.parametrize(
    ("text", "comfy", "a1111"),
    [
        ("(a", 1, 1),
        ("a)", 1, 1),
        ("[a", 0, 1),
        ("a]", 0, 1),
        ("(a) [b] \\( c", 0, 0),
        ("(" * 50, 1, 3),
        (")" * 50, 1, 3),
    ],
)
def test_brackets_without_a_partner_are_mentioned(text: str, comfy: int, a1111: int) -> None:
    assert len(parse(text, "comfy").notes) == comfy
    notes = parse(text, "a1111").notes
    assert len(notes) == a1111
    assert all("Write \\( and \\)" in note for note in notes)


# ------------------------------------------------------------------ breaks and embeddings

PIECES: list[tuple[str, list[Any]]] = [
    ("a BREAK b", [Words("a ", 1), Break(), Words(" b", 1)]),
    ("(a BREAK b:1.2)", [Words("a ", 1.2), Break(), Words(" b", 1.2)]),
    ("BREAK a", [Break(), Words(" a", 1)]),
    ("a BREAK", [Words("a ", 1), Break()]),
    ("a BREAK BREAK b", [Words("a ", 1), Break(), Break(), Words(" b", 1)]),
    ("a,BREAK,b", [Words("a,", 1), Break(), Words(",b", 1)]),
    ("BREAKFAST break", [Words("BREAKFAST break", 1)]),
    ("embedding:x", [Mention("x", 1)]),
    ("a embedding:x b", [Words("a ", 1), Mention("x", 1), Words(" b", 1)]),
    ("embedding:x, b", [Mention("x", 1), Words(", b", 1)]),
    ("embedding:x,embedding:y", [Mention("x", 1), Words(",", 1), Mention("y", 1)]),
    ("embedding:x.", [Mention("x", 1), Words(".", 1)]),
    ("embedding:x.pt.", [Mention("x.pt", 1), Words(".", 1)]),
    ("embedding:a/b-c_2.pt", [Mention("a/b-c_2.pt", 1)]),
    ("(embedding:x)", [Mention("x", 1.1)]),
    ("(embedding:x:1.3)", [Mention("x", 1.3)]),
    ("(a embedding:x:1.3)", [Words("a ", 1.3), Mention("x", 1.3)]),
    ("embedding:x\\(1\\)", [Mention("x(1)", 1)]),
    ("(embedding:x\\(1\\):1.2)", [Mention("x(1)", 1.2)]),
    ("by embedding:x\nembedding:y", [Words("by ", 1), Mention("x", 1), Mention("y", 1)]),
    ("anembedding:x", [Words("anembedding:x", 1)]),
    ("embedding: x", [Words("embedding: x", 1)]),
    ("embedding:", [Words("embedding:", 1)]),
    ("   ", []),
]


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize(("text", "pieces"), PIECES)
def test_breaks_and_embeddings(text: str, pieces: list[Any], weighting: str) -> None:
    found = parse(text, weighting).pieces
    assert [type(piece) for piece in found] == [type(piece) for piece in pieces]
    assert [p[0] for p in found if p] == [p[0] for p in pieces if p]
    assert [p.weight for p in found if p] == pytest.approx([p.weight for p in pieces if p])
    names = [piece.name for piece in pieces if isinstance(piece, Mention)]
    assert list(names_in(text)) == names
    assert list(mentioned(text, text, weighting)) == names


def test_names_are_found_in_all_alternatives_but_no_comments() -> None:
    text = "{embedding:a|{embedding:b, c|d}|(embedding:c:1.1)} // embedding:d\n/*embedding:e*/"
    assert names_in(text) == ("a", "b", "c")


def test_a_name_put_together_from_alternatives_is_refused() -> None:
    """The plan could not know which file the result depends on."""
    assert names_in("embedding:{a|b}") == ()
    with pytest.raises(BadPrompt, match=r"'a' isn't written out .*\{embedding:a\|embedding:b\}"):
        mentioned("embedding:{a|b}", "embedding:a", "comfy")
