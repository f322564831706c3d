"""The grammar of sweeps."""

from __future__ import annotations

import csv
import functools
import io
import json
import operator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from batch_graphs import target
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.batch.grammar import BadSpec
from studio.batch.sequences import Listed, Seeds, joined
from studio.batch.specs import parse_spec, spec_of_list
from studio.batch.texts import TextFileError
from studio.errors import InputError

if TYPE_CHECKING:
    from decimal import Decimal

    from studio.batch.specs import Spec
    from studio.registry import Registry


@pytest.fixture(scope="session")
def read(registry: Registry) -> Any:
    """Reads a sweep of a widget of text_to_image."""

    def reading(place: str, text: str, base: Path = Path()) -> Spec:
        spec = parse_spec(text, target(registry, place), f"--sweep {place}", base, _anything)
        again = parse_spec(spec.text, target(registry, place), "again", base, _anything)
        assert list(again.values) == list(spec.values), "the canonical text means the same"
        return spec

    return reading


def _anything(_target: Any, _value: Any) -> None:
    return None


@pytest.mark.parametrize(
    ("place", "text", "values"),
    [
        ("sampler.seed", "1..4", [1, 2, 3, 4]),
        ("sampler.seed", " 4 .. 1 ", [4, 3, 2, 1]),
        ("sampler.seed", "1..10:4", [1, 5, 9]),
        ("sampler.seed", "10..1:-4", [10, 6, 2]),
        ("sampler.seed", "7", [7]),
        ("sampler.seed", "7..7", [7]),
        ("sampler.seed", "3,1..2, 9", [3, 1, 2, 9]),
        ("sampler.seed", "18446744073709551614..18446744073709551615", [2**64 - 2, 2**64 - 1]),
        ("sampler.cfg", "3,5,7", [3.0, 5.0, 7.0]),
        ("sampler.cfg", "0..1:0.1", [i / 10 for i in range(11)]),
        ("sampler.cfg", ".5...75:.25", [0.5, 0.75]),
        ("sampler.cfg", "1e1..2e1:5", [10.0, 15.0, 20.0]),
        ("sampler.cfg", "linspace(0,1,5)", [0, 0.25, 0.5, 0.75, 1]),
        ("sampler.cfg", "linspace( 2 , 1 , 3 ),9", [2, 1.5, 1, 9]),
        ("sampler.cfg", "linspace(2,2,1)", [2]),
        ("sampler.steps", "linspace(1,10,4)", [1, 4, 7, 10]),
        ("sampler.eta", "none, 0.5", [None, 0.5]),
        ("sampler.sampler", "euler,ddim", ["euler", "ddim"]),
        ("positive.text", "a red cat, a blue dog", ["a red cat", "a blue dog"]),
        ("positive.text", '"a cat, sleeping","say ""no"""', ["a cat, sleeping", 'say "no"']),
        ("positive.text", '["a, b", "c"]', ["a, b", "c"]),
        ("positive.text", '""', [""]),
        ("positive.text", "(a cat:1.2), 1..4 dogs", ["(a cat:1.2)", "1..4 dogs"]),
        ("positive.text", "wonder(land), :)", ["wonder(land)", ":)"]),
        ("positive.text", '"random(3)"', ["random(3)"]),
        ("sampler.cfg", "[1, 2.5]", [1.0, 2.5]),
    ],
)
def test_what_is_written_is_what_is_meant(
    read: Any, place: str, text: str, values: list[Any]
) -> None:
    assert list(read(place, text).values) == values


@pytest.mark.parametrize(
    ("place", "text", "words"),
    [
        ("sampler.seed", "", "empty"),
        ("sampler.seed", "   ", "empty"),
        ("sampler.seed", "1,,2", "a comma too many"),
        ("sampler.seed", "1,", "a comma too many"),
        ("positive.text", "a,", 'write ""'),
        ("sampler.seed", "1..x", "no range"),
        ("sampler.seed", "1..2..3", "no range"),
        ("sampler.seed", "1..5:0", "goes nowhere"),
        ("sampler.seed", "1..5:-1", "leads away"),
        ("sampler.seed", "1...4", "from 1 to .4 is less than 1"),
        ("sampler.denoise", "0.3..0.9", "write a step"),
        ("sampler.seed", "1..2:0.5", "gives 1.5"),
        ("sampler.seed", "-3..2", "seed is -3"),
        ("sampler.seed", "abc", "whole number"),
        ("sampler.cfg", "0..200", "cfg is 101"),
        ("sampler.cfg", "0..1e300", "are the most"),
        ("sampler.cfg", "1e999..2", "out of range"),
        ("sampler.cfg", f"{'9' * 70}..2", "not a number"),
        ("sampler.cfg", "nan", "must be"),
        ("sampler.cfg", "linspce(0,1,3)", "Did you mean linspace"),
        ("sampler.cfg", "linspace(0,1)", "three numbers"),
        ("sampler.cfg", "linspace(0,1,0)", "count"),
        ("sampler.cfg", "linspace(0,1,1)", "at least 2"),
        ("sampler.cfg", "linspace(0,1,3", "bracket"),
        ("sampler.cfg", "linspace(0,1,3)4", "comma is missing"),
        ("sampler.steps", "linspace(1,10,5)", "gives 3.25"),
        ("sampler.cfg", "random(3)", "seeds"),
        ("sampler.seed", "random(0)", "count"),
        ("sampler.seed", "random(x)", "count"),
        ("sampler.seed", "random(3,y)", "no base"),
        ("sampler.seed", "random(5000000000)", "aren't 5,000,000,000 different"),
        ("sampler.steps", "random(2000)", "from 1 to 1000"),
        ("sampler.cfg", "glob(*.png)", "paths"),
        ("positive.text", "line(prompts.txt)", "Did you mean lines"),
        ("positive.text", '"open', "is open"),
        ("positive.text", '"a" b', "comma is missing"),
        ("positive.text", "random(3)", "quotation marks"),
        ("positive.text", "[]", "list is empty"),
        ("positive.text", "[1, 2]", "value 1"),
        ("positive.text", "[1, ", "JSON list"),
        ("positive.text", "a\udc80", "UTF-8"),
        ("positive.text", "lines()", "write lines(file)"),
    ],
)
def test_what_is_wrong_is_said(registry: Registry, place: str, text: str, words: str) -> None:
    with pytest.raises(BadSpec) as caught:
        parse_spec(text, target(registry, place), "--sweep x", Path(), _anything)
    message = str(caught.value)
    assert words in message
    assert message.startswith("--sweep x: ")
    assert message.count("\n") < 3
    assert caught.value.exit_code == 2


def test_values_are_judged(registry: Registry) -> None:
    def judge(_target: Any, value: Any) -> str | None:
        return "unlucky." if value == 13 else None

    for text in ("12,13", "1..20", "[13]"):
        with pytest.raises(BadSpec, match="unlucky"):
            parse_spec(text, target(registry, "sampler.seed"), "x", Path(), judge)
    with pytest.raises(BadSpec, match="value 1: unlucky"):
        spec_of_list([13], target(registry, "sampler.seed"), "x", judge)


@given(st.text(max_size=60), st.sampled_from(["sampler.seed", "sampler.cfg", "positive.text"]))
@settings(deadline=None)
def test_any_text_is_read_or_refused_in_words(registry: Registry, text: str, place: str) -> None:
    try:
        spec = parse_spec(text, target(registry, place), "x", Path("/nowhere"), _anything)
    except InputError:
        return
    assert len(spec.values) >= 1
    spec.values[len(spec.values) - 1]


@given(st.text("0123456789.,:-() e", max_size=30))
@settings(deadline=None)
def test_numbers_of_any_shape_are_read_or_refused(registry: Registry, text: str) -> None:
    try:
        spec = parse_spec(text, target(registry, "sampler.cfg"), "x", Path(), _anything)
    except BadSpec:
        return
    assert all(0 <= spec.values[i] <= 100 for i in {0, len(spec.values) - 1})


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), min_size=1))
@settings(deadline=None)
def test_quoted_texts_are_what_csv_would_write(registry: Registry, texts: list[str]) -> None:
    """The quotation marks are those of CSV: a spreadsheet's cell can be pasted."""
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator="").writerow(texts)
    spec = parse_spec(line.getvalue(), target(registry, "positive.text"), "x", Path(), _anything)
    assert list(spec.values) == texts
    again = parse_spec(json.dumps(texts), target(registry, "positive.text"), "x", Path(), _anything)
    assert list(again.values) == texts


@given(st.decimals(0, 50, places=3), st.decimals(0, 50, places=3), st.decimals("0.01", 5, places=2))
@settings(deadline=None)
def test_ranges_are_exact(registry: Registry, first: Decimal, last: Decimal, step: Decimal) -> None:
    text = f"{first}..{last}:{step}"
    values = parse_spec(text, target(registry, "sampler.cfg"), "x", Path(), _anything).values
    sign = 1 if last >= first else -1
    wanted = []
    at = Fraction(first)
    while (Fraction(last) - at) * sign >= 0:
        wanted.append(float(at))
        at += sign * Fraction(step)
    assert list(values) == wanted


@given(st.integers(0, 2**64), st.integers(0, 50), st.integers(0, 3000), st.data())
@settings(deadline=None)
def test_random_seeds_differ_and_come_again(
    base: int, low: int, span: int, data: st.DataObject
) -> None:
    count = data.draw(st.integers(1, span + 1))
    seeds = list(Seeds(count, base, low, low + span))
    assert len(set(seeds)) == count
    assert all(low <= seed <= low + span for seed in seeds)
    assert seeds == list(Seeds(count, base, low, low + span))


def test_random_takes_another_base_each_time(read: Any) -> None:
    first, second = read("sampler.seed", "random(5)"), read("sampler.seed", "random(5)")
    assert list(first.values) != list(second.values)
    assert list(read("sampler.seed", first.text).values) == list(first.values)
    assert all(0 <= seed < 2**32 for seed in first.values)


def test_a_range_of_a_thousand_million_takes_no_memory(read: Any) -> None:
    spec = parse_spec("1..1000000000", _of(read, "sampler.seed"), "x", Path(), _anything)
    assert len(spec.values) == 10**9
    assert spec.values[10**9 - 1] == 10**9


def _of(read: Any, place: str) -> Any:
    return read(place, "1").target


@given(st.lists(st.lists(st.integers(), min_size=1), min_size=1))
@settings(deadline=None)
def test_joined_is_concatenation(parts: list[list[int]]) -> None:
    class Own(Listed):
        """Not merged with its neighbours."""

    assert list(joined([Own(part) for part in parts])) == functools.reduce(operator.iadd, parts, [])


def test_a_place_beyond_the_end_is_an_error() -> None:
    values = Listed([1, 2])
    for place in (-1, 2):
        with pytest.raises(IndexError):
            values[place]


# Files


def test_lines_of_a_file(read: Any, tmp_path: Path) -> None:
    (tmp_path / "prompts, new.txt").write_text("a cat\n\n  a dog, sleeping \r\nlast", "utf-8")
    spec = read("positive.text", "first,lines(prompts, new.txt)", tmp_path)
    assert list(spec.values) == ["first", "a cat", "a dog, sleeping", "last"]
    assert spec.outside
    (tmp_path / "seeds.txt").write_text("3\n 4 \n")
    assert list(read("sampler.seed", 'lines("seeds.txt")', tmp_path).values) == [3, 4]


def test_faults_of_lines_are_told_with_their_place(read: Any, tmp_path: Path) -> None:
    (tmp_path / "seeds.txt").write_text("1\nx\n\ny\n-1\nz\n")
    with pytest.raises(TextFileError) as caught:
        read("sampler.seed", "lines(seeds.txt)", tmp_path)
    told = str(caught.value).splitlines()
    assert [line.split(":")[0].rpartition(" ")[2] for line in told] == ["2", "4", "5"]
    (tmp_path / "empty.txt").write_text("\n\n")
    with pytest.raises(TextFileError, match="no lines"):
        read("sampler.seed", "lines(empty.txt)", tmp_path)
    with pytest.raises(TextFileError, match=r"Did you mean seeds\.txt"):
        read("sampler.seed", "lines(seed.txt)", tmp_path)
    with pytest.raises(TextFileError, match="folder"):
        read("sampler.seed", "lines(.)", tmp_path)
    with pytest.raises(TextFileError, match="no folder"):
        read("sampler.seed", "lines(nowhere/seeds.txt)", tmp_path)


def test_files_by_a_pattern(read: Any, tmp_path: Path) -> None:
    for name in ("b.png", "a.png", "c.txt", "d/e.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "x.png").mkdir()
    found = read("positive.text", "glob(*.png)", tmp_path)
    assert list(found.values) == [str(tmp_path / "a.png"), str(tmp_path / "b.png")]
    assert found.outside
    assert len(read("positive.text", "glob(**/*.png)", tmp_path).values) == 3
    with pytest.raises(BadSpec, match="no file fits"):
        read("positive.text", "glob(*.jpg)", tmp_path)
    with pytest.raises(BadSpec, match="no folder"):
        read("positive.text", "glob(nowhere/*.jpg)", tmp_path)
