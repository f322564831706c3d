"""The grammar of sweeps: `1..4`, `3,5,7`, `linspace(0,1,5)`, `random(8)`, `lines(prompts.txt)`.

    spec   = "[" JSON array "]" | item { "," item }
    item   = range | call | quoted | value
    range  = number ".." number [ ":" step ]              both ends included
    call   = "linspace(" from "," to "," count ")"
           | "random(" count [ "," base ] ")"             seeds, the same for the same base
           | "glob(" pattern ")" | "lines(" file ")"
    quoted = '"' anything, "" for a quotation mark '"'

Numbers are counted in fractions, so `0..1:0.1` has eleven values and ends at 1. A value is read by
the widget's type. Ranges, linspace and random belong to numbers; a text that looks like a call is
put in quotation marks to be meant as it stands.
"""

from __future__ import annotations

import glob as globbing
import json
import os
import re
import secrets
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio import strictjson
from studio.batch.grammar import FUNCTIONS, BadSpec, Item, split_items
from studio.batch.sequences import MOST, Listed, Seeds, Steps, Values, joined
from studio.batch.texts import StoredValues, read_lines
from studio.words import nearest, plain, short

if TYPE_CHECKING:
    from studio.batch.targets import Judges, Target

NUMERIC = ("int", "float")
SEED_SPAN = 2**32 - 1
"""Largest seed that random() gives where the widget allows more: one that a person can type."""

ENDS = 1000
"""Values looked at, at either end of a long range."""

_NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?"
_RANGE = re.compile(rf"\s*({_NUMBER})\s*\.\.\s*({_NUMBER})\s*(?::\s*({_NUMBER})\s*)?")
_WHOLE_CALL = re.compile(r"([A-Za-z_]+)\s*\(.*\)", re.DOTALL)


@dataclass(frozen=True)
class Spec:
    """One sweep, read.

    Args:
        target: the widget it sets.
        text: the sweep in canonical form, random() with its base: read again it gives the same.
        values: what the widget is set to.
        outside: it was drawn from files, which may be others tomorrow.
    """

    target: Target
    text: str
    values: Values
    outside: bool = False


def parse_spec(text: str, target: Target, where: str, base: Path, judge: Judges) -> Spec:
    """Read a sweep.

    Args:
        text: see the module.
        target: the widget, whose type decides how values are read.
        where: for messages.
        base: folder that relative paths of glob() and lines() start from.
        judge: says what is wrong with a value of the right type (a model that isn't there), or
            None.

    Raises:
        BadSpec: what is wrong, and where.
        TextFileError: the file of lines().
    """
    reader = _Reader(target, where, base, judge)
    if plain(text) != text:
        raise reader.error("it isn't text in UTF-8.")
    if text.lstrip().startswith("["):
        return spec_of_list(reader.array(text), target, where, judge)
    parts: list[Values] = []
    words: list[str] = []
    for item in split_items(text, target.param.kind, where):
        values, canonical = reader.item(item)
        parts.append(values)
        words.append(canonical)
    values = joined(parts)
    if len(values) > MOST:
        raise reader.error(f"it has {len(values):,} values; {MOST:,} are the most.")
    return Spec(target, ",".join(words), values, reader.outside)


def spec_of_list(values: list[Any], target: Target, where: str, judge: Judges) -> Spec:
    """A sweep written as a list of values, in JSON or in a job file.

    Raises:
        BadSpec: the list is empty, or a value doesn't fit.
    """
    if not values:
        raise BadSpec(where, "the list is empty; write at least one value.")
    checked = []
    for place, value in enumerate(values, 1):
        try:
            checked.append(target.check(value))
        except ValueError as error:
            raise BadSpec(where, f"value {place}: {error}.") from None
        if fault := judge(target, checked[-1]):
            raise BadSpec(where, f"value {place}: {fault}")
    return Spec(target, json.dumps(checked, ensure_ascii=False), Listed(checked))


class _Reader:
    """Reads the items of one sweep."""

    def __init__(self, target: Target, where: str, base: Path, judge: Judges) -> None:
        self.judge = judge
        self.outside = False
        self.target = target
        self.param = target.param
        self.where = where
        self.base = base

    def error(self, reason: str) -> BadSpec:
        return BadSpec(self.where, reason)

    def array(self, text: str) -> list[Any]:
        try:
            value = strictjson.loads(text)
        except (ValueError, RecursionError) as error:
            raise self.error(
                f'it begins with [ and isn\'t a JSON list: {error}. Write ["a, b", "c"].'
            ) from None
        assert isinstance(value, list)  # it begins with a bracket
        return value

    def item(self, item: Item) -> tuple[Values, str]:
        """The values of an item, and its canonical text."""
        if item.call:
            return self._call(item)
        if not item.quoted:
            if self.param.kind in NUMERIC and ".." in item.text:
                return self._range(item.text), item.text
            self._look_for_slips(item.text)
        value = self._fitting(item.text)
        escaped = item.text.replace('"', '""')
        return Listed([value]), f'"{escaped}"' if self.param.kind == "str" else item.text

    def _look_for_slips(self, text: str) -> None:
        """A text like line(prompts.txt) is hardly meant as a prompt."""
        found = _WHOLE_CALL.fullmatch(text)
        if self.param.kind == "str" and found and (near := nearest(found[1], FUNCTIONS)):
            raise self.error(
                f"{short(text)} is read as a text.{near} Put it in quotation marks to mean it."
            )

    def _call(self, item: Item) -> tuple[Values, str]:
        name = item.call
        if name not in FUNCTIONS:
            raise self.error(
                f"there is no {name}().{nearest(name, FUNCTIONS)} There are: "
                f"{', '.join(FUNCTIONS.values())}."
            )
        if name == "glob":
            paths = self._glob(_unquoted(item.text))
            return Listed([self._fitting(path) for path in paths]), f"glob({item.text})"
        if name == "lines":
            return self._lines(_unquoted(item.text)), f"lines({item.text})"
        arguments = [part.strip() for part in item.text.split(",")]
        if name == "linspace":
            return self._linspace(arguments), f"linspace({','.join(arguments)})"
        return self._random(arguments)

    def _fitting(self, text: str) -> Any:
        try:
            value = self.target.parse(text)
        except ValueError as error:
            raise self.error(f"{error}.") from None
        if fault := self.judge(self.target, value):
            raise self.error(fault)
        return value

    # Numbers

    def _number(self, text: str) -> Fraction:
        if not re.fullmatch(_NUMBER, text) or len(text) > 60:
            raise self.error(f"{short(text)} is not a number.")
        try:
            number = Decimal(text)
        except InvalidOperation:
            raise self.error(f"{short(text)} is not a number.") from None
        if number and abs(number.adjusted()) > 300:
            raise self.error(f"{short(text)} is out of range.")
        return Fraction(number)

    def _spaced(self, start: Fraction, step: Fraction, count: int) -> Steps:
        whole = self.param.kind == "int"
        if whole:
            # A fraction in the step shows at the latest in the second value.
            for value in (start, start + step)[:count]:
                if value.denominator != 1:
                    raise self.error(
                        f"it gives {float(value):g}, and {self.param.name} must be "
                        f"{self.param.range_words()}."
                    )
        steps = Steps(start, step, count, whole=whole)
        # What a number may be is an interval and a multiple: the ends say all of a long range.
        ends = (*range(min(count, ENDS)), *range(max(count - ENDS, 0), count))
        for place in ends if count > 2 * ENDS else range(count):
            try:
                value = start + place * step
                # A whole number is told without its .0, and will do for any number.
                exact = int(value) if value.denominator == 1 else float(value)
                fault = self.judge(self.target, self.target.check(exact))
            except ValueError as error:
                fault = f"{error}."
            if fault:
                raise self.error(fault)
        return steps

    def _range(self, text: str) -> Steps:
        found = _RANGE.fullmatch(text)
        if not found:
            raise self.error(f"{short(text)} is no range; write 1..4, or 0..1:0.25 with a step.")
        first, last = self._number(found[1]), self._number(found[2])
        step = abs(self._number(found[3])) if found[3] else Fraction(1)
        if found[3] and self._number(found[3]) < 0 <= last - first and last != first:
            raise self.error(f"a step of {found[3]} leads away from {found[2]}.")
        if not step:
            raise self.error("a step of 0 goes nowhere.")
        count = int(abs(last - first) / step) + 1
        if count == 1 and first != last and not found[3]:
            raise self.error(
                f"from {found[1]} to {found[2]} is less than 1; write a step too, as in 0..1:0.25."
            )
        if count > MOST:
            raise self.error(f"it has {count:,} values; {MOST:,} are the most.")
        return self._spaced(first, step if last >= first else -step, count)

    def _count(self, text: str, usage: str) -> int:
        if not re.fullmatch(r"[0-9]{1,13}", text) or not 1 <= int(text) <= MOST:
            raise self.error(f"{short(text)} is no count; write {usage}, count from 1 on.")
        return int(text)

    def _linspace(self, arguments: list[str]) -> Steps:
        usage = FUNCTIONS["linspace"]
        if self.param.kind not in NUMERIC:
            raise self.error(f"linspace() gives numbers; {self._wants()}")
        if len(arguments) != 3:
            raise self.error(f"linspace() takes three numbers: {usage}.")
        first, last = self._number(arguments[0]), self._number(arguments[1])
        count = self._count(arguments[2], usage)
        if count == 1 and first != last:
            raise self.error("linspace() from one number to another has at least 2 values.")
        return self._spaced(first, (last - first) / (count - 1) if count > 1 else Fraction(), count)

    def _random(self, arguments: list[str]) -> tuple[Values, str]:
        usage = FUNCTIONS["random"]
        if self.param.kind != "int":
            raise self.error(f"random() gives seeds, whole numbers; {self._wants()}")
        if len(arguments) not in (1, 2):
            raise self.error(f"random() takes a count: {usage}.")
        count = self._count(arguments[0], usage)
        if len(arguments) == 2:
            if not re.fullmatch(r"[0-9]{1,20}", arguments[1]):
                raise self.error(f"{short(arguments[1])} is no base; write a number, or none.")
            base = int(arguments[1])
        else:
            base = secrets.randbelow(2**32)
        low, high = _bounds(self.param.limits)
        if count > high - low + 1:
            raise self.error(f"there aren't {count:,} different numbers from {low} to {high}.")
        return Seeds(count, base, low, high), f"random({count},{base})"

    def _wants(self) -> str:
        quoted = " Put it in quotation marks to mean the text."
        return f"{self.param.name} is {self.param.range_words()}." + (
            quoted if self.param.kind == "str" else ""
        )

    # Files

    def _path(self, text: str, usage: str) -> Path:
        if not text or "\0" in text:
            raise self.error(f"write {usage}.")
        return self.base / os.path.expanduser(text)

    def _lines(self, text: str) -> Values:
        path = self._path(text, FUNCTIONS["lines"])
        self.outside = True
        return StoredValues(read_lines(path, self.target, self.where, self.judge))

    def _glob(self, text: str) -> list[str]:
        if self.param.kind != "str":
            raise self.error(f"glob() gives paths of files; {self._wants()}")
        pattern = self._path(text, FUNCTIONS["glob"])
        self.outside = True
        found = sorted(
            path for path in globbing.iglob(str(pattern), recursive=True) if os.path.isfile(path)
        )
        if not found:
            still = next((p for p in pattern.parents if p.is_dir()), Path("/"))
            folder = Path(globbing.escape(str(pattern.parent)))
            missing = folder == pattern.parent and still != pattern.parent
            raise self.error(
                f"no file fits {text}"
                + (f"; there is no folder {pattern.parent}." if missing else f" (in {still}).")
            )
        for path in found:
            if plain(path) != path or "\n" in path:
                raise self.error(f"the name of {plain(path)!r} isn't text on one line; rename it.")
        return [os.path.abspath(path) for path in found]


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1].replace('""', '"')
    return text


def _bounds(limits: Any) -> tuple[int, int]:
    """The smallest and the largest whole number of a widget, as far as seeds go."""
    low = limits.get("ge", limits.get("gt", -1) + 1)
    high = limits.get("le", limits.get("lt", SEED_SPAN + 1) - 1)
    return int(low), min(int(high), int(low) + SEED_SPAN)
