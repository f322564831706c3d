"""What can be wrong with a LoRA, and with putting it on a model."""

from __future__ import annotations

from studio.errors import InputError

MAX_KEY = 120


def spelled(key: str) -> str:
    """A tensor's or layer's name for a message: one line of printable text, not too long."""
    text = "".join(character if character.isprintable() else "?" for character in key[:MAX_KEY])
    return text if len(key) <= MAX_KEY else f"{text}…"


class BadLora(InputError):
    """A LoRA file whose contents make no sense."""

    def __init__(
        self, name: str, reason: str, hint: str = "Copy or download the file again."
    ) -> None:
        super().__init__(f"the LoRA {name!r}: {reason}.", hint=hint)


class LoraMismatch(InputError):
    """A LoRA that was made for another model than the one it is put on."""

    def __init__(self, name: str, reason: str, made_for: str | None, model: str) -> None:
        if made_for is not None and made_for != model:
            hint = f"It was made for {made_for}; this model is {model}. Choose another of the two."
        else:
            hint = f"This model is {model}; choose a LoRA that was made for it."
        super().__init__(f"the LoRA {name!r}: {reason}.", hint=hint)
