"""The base of every error that a user may see.

One class per rule, each beside the code that checks the rule. A message says where (node, port
or file), what is wrong and, after a full stop or in `hint`, what to do. The command line prints
it without a traceback and exits with `exit_code`: 2 where the cause lies in what the user gave
(graph, argument, file, folder), 1 where a run failed for another reason.
"""

from __future__ import annotations


class StudioError(Exception):
    """An error with a message for a person.

    Args:
        message: where and what, one sentence or two.
        hint: what to do about it; empty where the message says it already.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class InputError(StudioError):
    """Something the user gave (graph, argument, file, folder) is at fault."""

    exit_code = 2


class Cancelled(Exception):
    """The run was asked to stop; raised inside a node at the next point that can stop."""


def sentence(error: object) -> str:
    """What an error says as a sentence: with a capital and one full stop; empty stays empty."""
    text = str(error).rstrip(".")
    return f"{text[0].upper()}{text[1:]}." if text else ""
