"""How the worker is started: from the preferences, else this program's own."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def default_command() -> tuple[str, ...]:
    """This Python and this program."""
    program = Path(__file__).resolve().parent.parent.parent / "main.py"
    return (sys.executable, str(program), "worker")


def parse_command(text: str) -> tuple[str, ...]:
    """A command as typed into the settings; empty text is the default.

    Raises:
        ValueError: a quotation mark that is never closed.
    """
    # The backslashes of Windows' paths are no escapes.
    words = shlex.split(text, posix=sys.platform != "win32")
    return tuple(word.strip('"') for word in words) or default_command()


def command_words(command: Sequence[str]) -> str:
    """A command for people, and for `parse_command`."""
    return shlex.join(command)
