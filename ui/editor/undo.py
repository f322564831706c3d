"""Edits on Qt's undo stack: one command for each, merged where a gesture goes on."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from PySide6.QtGui import QUndoCommand

from studio.editing.changes import Edit, tidy

if TYPE_CHECKING:
    from studio.editing.document import Document


class EditCommand(QUndoCommand):
    """One edit of a document.

    Args:
        document: what it changes.
        edit: not empty.
    """

    def __init__(self, document: Document, edit: Edit) -> None:
        super().__init__(edit.label)
        self.document = document
        self.edit = edit

    def redo(self) -> None:
        self.document.apply(self.edit.changes)

    def undo(self) -> None:
        self.document.revert(self.edit.changes)

    def id(self) -> int:
        # Qt asks to merge only commands of equal id; the words decide then.
        return zlib.crc32(self.edit.merge.encode()) & 0x7FFFFFFF if self.edit.merge else -1

    def mergeWith(self, other: QUndoCommand) -> bool:
        if not isinstance(other, EditCommand) or other.edit.merge != self.edit.merge:
            return False
        changes = tidy([*self.edit.changes, *other.edit.changes])
        self.edit = Edit(other.edit.label, changes, self.edit.merge, self.edit.created)
        # A drag that ends where it began leaves no step behind.
        self.setObsolete(not changes)
        return True
