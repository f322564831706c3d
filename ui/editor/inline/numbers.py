"""Numbers as people type them: "512", "2*64", "1/3", "(832 + 64) / 2", "128 px"."""

from __future__ import annotations

import ast
import math
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from studio.spec import Param

MAX_LENGTH = 200
"""Characters of a sum; more isn't read."""
MAX_DIGITS = 60
"""Digits of any number on the way: `9**9**9` is refused, not worked out."""
_HUGE = 10**MAX_DIGITS


class NotANumber(ValueError):
    """What was typed can't be read as a number; the message says why."""


def parse_number(text: str, param: Param) -> int | float | None:
    """What was typed, as a value that `param` takes.

    Args:
        text: a number or a sum of numbers with + - * / // % ** and brackets; nothing, "none" or
            "-" stands for None where the parameter may be left open.
        param: of kind "int" or "float".

    Raises:
        ValueError: with words for a person.
    """
    text = text.strip()
    if param.nullable and text.lower() in {"", "-", "none", "null"}:
        return None
    if not text:
        raise NotANumber(f"{param.name} must be {param.range_words()}")
    exact = evaluate(text)
    if param.kind == "int":
        if exact.denominator != 1:
            raise NotANumber(
                f"{param.name} must be {param.range_words()}; this makes {_short(exact)}"
            )
        number: int | float = exact.numerator
    else:
        number = float(exact)
    checked: int | float | None = param.check(number)
    return checked


def evaluate(text: str) -> Fraction:
    """The exact value of a sum of numbers.

    Raises:
        NotANumber: it isn't one, divides by zero, or grows beyond all bounds.
    """
    text = text.strip().removesuffix("px").strip()
    if len(text) > MAX_LENGTH:
        raise NotANumber("this is too long for a number")
    if "," in text:
        raise NotANumber("write a point for the decimals, and nothing between thousands")
    try:
        tree = ast.parse(text.replace("^", "**"), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise NotANumber(f'"{text}" is not a number') from None
    return _value(tree.body, text)


def _value(tree: ast.expr, text: str) -> Fraction:
    match tree:
        case ast.Constant(value=bool()):
            raise NotANumber(f'"{text}" is not a number')
        case ast.Constant(value=int() | float() as number):
            # As it is written: 0.1 is a tenth here, and not the float next to it.
            written = ast.get_source_segment(text.replace("^", "**"), tree) or str(number)
            return _bounded(_read(written, number))
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_value(inner, text)
        case ast.UnaryOp(op=ast.UAdd(), operand=inner):
            return _value(inner, text)
        case ast.BinOp(left=left, op=operator, right=right):
            if (work := _OPERATORS.get(type(operator))) is not None:
                try:
                    return _bounded(work(_value(left, text), _value(right, text)))
                except ZeroDivisionError:
                    raise NotANumber("this divides by zero") from None
    raise NotANumber(f'"{text}" is not a number')


def _read(written: str, number: int | float) -> Fraction:
    if isinstance(number, float) and not math.isfinite(number):
        raise NotANumber("this is too large")
    try:
        return Fraction(written.replace("_", ""))
    except ValueError:  # 0x40
        return Fraction(number)


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1:
        result = float(base) ** float(exponent)
        if isinstance(result, complex) or not math.isfinite(result):
            raise NotANumber("there is no such power")
        return Fraction(result)
    digits = max(len(str(base.numerator)), len(str(base.denominator)))
    if abs(exponent) * (digits - 1 or 1) > MAX_DIGITS * 4:
        raise NotANumber("this is too large")
    return base**exponent.numerator


def _bounded(value: Fraction) -> Fraction:
    if abs(value.numerator) > _HUGE and abs(value) > _HUGE:
        raise NotANumber("this is too large")
    if value.denominator > _HUGE:
        return value.limit_denominator(_HUGE)
    return value


def _short(value: Fraction) -> str:
    return f"{float(value):.6g}"


_OPERATORS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.FloorDiv: lambda a, b: Fraction(a // b),
    ast.Mod: lambda a, b: a % b,
    ast.Pow: _power,
}
