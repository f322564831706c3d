"""Edits that gestures put together from several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from studio.editing.changes import ABSENT, Change, Edit, tidy

if TYPE_CHECKING:
    from collections.abc import Callable

    from studio.editing.changes import Section
    from studio.editing.document import Document


def chain(document: Document, label: str, *steps: Callable[[], Edit]) -> Edit:
    """One edit out of several, each made on the document as those before it leave it.

    The document is as before afterwards, and nobody heard of it.

    Args:
        document: that the steps are made on.
        label: for the undo menu.
        steps: each gives an edit.

    Raises:
        EditRefused: from a step.
    """
    done: list[Edit] = []
    with document.changed.blocked():
        try:
            for step in steps:
                edit = step()
                document.apply(edit.changes)
                done.append(edit)
        finally:
            for edit in reversed(done):
                document.revert(edit.changes)
    changes = tidy(change for edit in done for change in edit.changes)
    created = tuple(name for edit in done for name in edit.created)
    return Edit(label, changes, created=created)


def undone(edit: Edit) -> Edit:
    """What takes back an edit that was just pushed, and leaves no step of it behind.

    Args:
        edit: with a word to merge by.
    """
    changes = tuple(change.reversed for change in reversed(edit.changes))
    return Edit(edit.label, changes, edit.merge)


def back_to(document: Document, section: Section, key: str, value: Any, merge: str) -> Edit:
    """What gives one place of the document its value from before a gesture.

    Args:
        document: as the gesture left it.
        section: see `Change`.
        key: see `Change`.
        value: from before; None where there was none.
        merge: the gesture's word.
    """
    now = getattr(document, section).get(key, ABSENT)
    before = ABSENT if value is None else value
    if now is before:
        return Edit("")
    return Edit("", (Change(section, key, now, before),), merge)
