"""Nodes that tidy the canvas and change nothing."""

from __future__ import annotations

from typing import Annotated, TypeVar

from studio.node import node
from studio.params import Multiline

T = TypeVar("T")


@node("Note", category="Canvas", light=True)
def note(*, text: Annotated[str, Multiline()] = "") -> None:
    """A note for people; it takes no part in a run.

    Args:
        text: what it says.
    """


@node("Reroute", category="Canvas", light=True, passthrough=True)
def reroute(value: T) -> T:
    """A bend in a wire. It leaves no trace in keys or pictures.

    Args:
        value: anything.

    Returns:
        The same.
    """
    return value
