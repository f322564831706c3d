"""What can be wrong with a prompt. No torch."""

from __future__ import annotations

from studio.errors import InputError


class BadPrompt(InputError):
    """A prompt whose syntax makes no sense.

    Args:
        text: the prompt.
        position: index of the character at fault.
        reason: what is wrong there.
        hint: what to write.
    """

    def __init__(self, text: str, position: int, reason: str, hint: str) -> None:
        super().__init__(f"the prompt, {place(text, position)}: {reason}.", hint=hint)


def place(text: str, position: int) -> str:
    """Where a character stands, in words: `line 2, at “(a cat”`."""
    line = text.count("\n", 0, position) + 1
    excerpt = text[position : position + 20].split("\n")[0]
    where = f"line {line}, " if "\n" in text else ""
    return f"{where}at “{excerpt}”"
