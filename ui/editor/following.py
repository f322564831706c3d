"""News of a document for Qt's objects, until they are gone."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakMethod

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtCore import QObject

    from studio.editing.changes import Change
    from studio.editing.document import Document


def follow(
    document: Document, owner: QObject, slot: Callable[[tuple[Change, ...]], None]
) -> None:
    """Call `slot` after every change for as long as `owner` lives.

    The document knows nothing of Qt: without this it would call an object that Qt has deleted.

    Args:
        document: whose changes.
        owner: deleted by Qt.
        slot: a method of `owner`, or of what goes with it.
    """
    document.changed.connect(slot)
    method = WeakMethod(slot)  # a strong one would keep an owner alive that has no parent

    def gone() -> None:
        if (left := method()) is not None:
            document.changed.disconnect(left, missing_ok=True)

    owner.destroyed.connect(gone)
