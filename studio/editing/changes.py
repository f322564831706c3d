"""What an edit is: values before and after, by place. Undo is the same list read backwards."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal

from studio.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

Section = Literal["nodes", "layout", "view", "frames", "head"]
SECTIONS: tuple[Section, ...] = ("nodes", "layout", "view", "frames", "head")


class Absent(Enum):
    """The value of what isn't there."""

    ABSENT = "absent"


ABSENT = Absent.ABSENT


class EditRefused(InputError):
    """An edit that can't be made; the message says why, in words for the status bar."""


@dataclass(frozen=True, slots=True)
class Change:
    """One value of the document before and after.

    Args:
        section: "nodes" (`Node`), "layout" (x, y), "view" (`NodeView`), "frames" (`Frame`) or
            "head" (the title and keys of the file that this version doesn't know).
        key: the node's, the frame's or the head's.
        before: never changed in place; ABSENT where there was none.
        after: the same.
    """

    section: Section
    key: str
    before: Any
    after: Any

    @property
    def reversed(self) -> Change:
        return Change(self.section, self.key, self.after, self.before)


@dataclass(frozen=True)
class Edit:
    """One thing a person does: one step of undo.

    Args:
        label: for the undo menu, "Move 3 nodes".
        changes: one at most for each place; empty where nothing would change.
        merge: edits with the same word that follow one another become one step (a drag, a scrub).
        created: ids of nodes that it adds, to be selected afterwards.
    """

    label: str
    changes: tuple[Change, ...] = ()
    merge: str = ""
    created: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changes)


def tidy(changes: Iterable[Change]) -> tuple[Change, ...]:
    """The same effect with one change a place at most, and none that changes nothing."""
    found: dict[tuple[Section, str], Change] = {}
    for change in changes:
        place = (change.section, change.key)
        first = found.get(place)
        before = change.before if first is None else first.before
        found[place] = Change(change.section, change.key, before, change.after)
    return tuple(change for change in found.values() if not same(change.before, change.after))


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same in a file: 4 and 4.0 are equal, and aren't."""
    # Most of what a node holds is the same object before and after, and may be large.
    return one is other or (bool(one == other) and repr(one) == repr(other))
