"""Editing values: fields for panels, one real editor on the canvas, scrubbing, seeds' menus.

The painted fields belong to the scene; what they show and how they are edited is here. Names are
loaded when they are first asked for, for the scene needs only `kinds`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ui.editor.inline.bind import make_field
    from ui.editor.inline.host import close_editor, current_editor, flip, open_editor
    from ui.editor.inline.path import browse, text_of_path
    from ui.editor.inline.scrubbing import scrub
    from ui.editor.inline.seed import roll_seed, seed_menu

__all__ = [
    "browse",
    "close_editor",
    "current_editor",
    "flip",
    "make_field",
    "open_editor",
    "roll_seed",
    "scrub",
    "seed_menu",
    "text_of_path",
]

_HOMES = {
    "browse": "path", "close_editor": "host", "current_editor": "host", "flip": "host",
    "make_field": "bind", "open_editor": "host", "roll_seed": "seed", "scrub": "scrubbing",
    "seed_menu": "seed", "text_of_path": "path",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if (home := _HOMES.get(name)) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
