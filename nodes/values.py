"""Nodes that hold a value, to feed it into several places."""

from __future__ import annotations

from typing import Annotated

from studio.node import node
from studio.params import Multiline, Seed


@node("Integer", category="Values")
def integer(*, value: int = 0) -> int:
    """A whole number, to feed into several widgets.

    Args:
        value: the number.

    Returns:
        The number.
    """
    return value


@node("Float", category="Values")
def number(*, value: float = 0.0) -> float:
    """A number, to feed into several widgets.

    Args:
        value: the number.

    Returns:
        The number.
    """
    return value


@node("Text", category="Values")
def text(*, value: Annotated[str, Multiline()] = "") -> str:
    """A text, to feed into several widgets.

    Args:
        value: the text.

    Returns:
        The text.
    """
    return value


@node("Seed", category="Values")
def seed(*, value: Annotated[int, Seed()] = 0) -> int:
    """A seed, to feed into several samplers.

    Args:
        value: the seed.

    Returns:
        The seed.
    """
    return value
