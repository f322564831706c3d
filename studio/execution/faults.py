"""What stops a run, in words: a node that raised, a node that gave NaN."""

from __future__ import annotations

import sys

from studio.errors import StudioError


class NotFinite(StudioError):
    """A node put out NaN or infinity."""

    def __init__(self, node: str, output: str, count: int, of: int, dtype: str) -> None:
        what = "all values are" if count == of else f"{count} of {of} values are"
        hint = (
            "Run again with --dtype float32."
            if dtype != "float32"
            else "It ran in float32 already: look at its inputs and parameters (a very high cfg, "
            "a damaged model)."
        )
        super().__init__(f"{node}: {output}: {what} NaN or infinite.", hint=hint)


class NodeError(StudioError):
    """A node's body raised; the message names the node."""

    def __init__(self, node: str, type_name: str, cause: BaseException) -> None:
        self.cause = cause
        if isinstance(cause, StudioError):
            self.exit_code = cause.exit_code
            super().__init__(f"{node} ({type_name}): {cause.message}", hint=cause.hint)
        elif _is_out_of_memory(cause):
            super().__init__(
                f"{node} ({type_name}): out of memory.",
                hint="Make the picture or the batch smaller, close other programs, or use "
                "--dtype float16 where the device has it.",
            )
        else:
            super().__init__(
                f"{node} ({type_name}): {type(cause).__name__}: {cause}",
                hint="This is a fault of the node; --debug shows where.",
            )


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError):
        return True
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
