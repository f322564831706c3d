"""A model file: searched by name, filtered by family, with its size beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from studio.params import ModelName
from ui.editor.inline.choice import ChoiceField
from ui.editor.inline.searchlist import Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtWidgets import QWidget

    from studio.spec import Param
    from ui.engine.catalogue import ModelCatalogue


class HasCatalogue(Protocol):
    """What the picker needs of an editor."""

    catalogue: ModelCatalogue | None


class ModelField(ChoiceField):
    """One of the models of a kind.

    Args:
        param: has the marker `ModelName`.
        parent: Qt's.
        editor: knows the models; without a catalogue the list says that they aren't known yet.
        scale: see `Field`.
    """

    wanted = "choose a model"

    def __init__(
        self,
        param: Param,
        parent: QWidget | None,
        editor: HasCatalogue,
        *,
        scale: float = 1.0,
    ) -> None:
        super().__init__(param, parent, scale=scale)
        self._editor = editor
        assert isinstance(param.marker, ModelName)
        self.kind = param.marker.kind

    def rows(self) -> Sequence[Row]:
        catalogue = self._editor.catalogue
        entries = catalogue.entries(self.kind) if catalogue is not None else ()
        rows = [
            Row(
                entry.name,
                entry.name,
                note="can't be used" if entry.fault else entry.words,
                tip=entry.fault or entry.path,
                group=entry.family,
            )
            for entry in entries
        ]
        if self.param and self.param.nullable:
            rows.insert(0, Row(None, "none"))
        if self.value is not None and not (catalogue and catalogue.find(self.kind, self.value)):
            # It may be on a drive that isn't plugged in; choosing it again is allowed.
            rows.insert(0, Row(self.value, str(self.value), note="isn't there" if rows else ""))
        return rows

    def empty_words(self) -> str:
        if self._editor.catalogue is None:
            return "The models aren't known yet: the engine is still starting."
        return f"There are no {self.kind}. Put files into the models folder."
