"""The model files that graphs can name, as the worker lists them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from studio.words import size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ui.engine.client import EngineClient


@dataclass(frozen=True)
class ModelEntry:
    """One model.

    Args:
        name: as graphs name it: "pocket", "sdxl/base.safetensors".
        kind: "checkpoints", "loras", ... (`studio.places.KINDS`).
        family: "sd1", "sdxl", ...; empty where nothing tells, or it isn't read yet.
        bytes: on disk.
        path: of the file or folder.
        dtype: of most of its weights, in short: "fp16".
        layout: "diffusers folder" or "single file".
        triggers: words that a LoRA listens to.
        fault: why it can't be used; empty where it can.
        about: what it says of itself, for people, by what.
        known: its file has been read; until then only name, size and path are told.
    """

    name: str
    kind: str
    family: str = ""
    bytes: int = 0
    path: str = ""
    dtype: str = ""
    layout: str = ""
    triggers: str = ""
    fault: str = ""
    about: Mapping[str, str] = field(default_factory=dict, hash=False)
    known: bool = True

    @property
    def words(self) -> str:
        """In a line, for lists: "sdxl · fp16 · 6.9 GB", or why it can't be used."""
        if self.fault:
            return self.fault
        return " · ".join(word for word in (self.family, self.dtype, size(self.bytes)) if word)

    @property
    def in_prompt(self) -> str:
        """How a prompt names an embedding; empty for other kinds."""
        if self.kind != "embeddings":
            return ""
        stem, dot, _ = self.name.rpartition(".")
        return f"embedding:{stem if dot else self.name}"


class ModelCatalogue(QObject):
    """What models there are. Asks the worker when it is ready; keeps what it knows when it dies.

    Args:
        client: the engine.
        parent: Qt's.
    """

    changed = Signal()

    def __init__(self, client: EngineClient, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.client = client
        self._entries: dict[str, tuple[ModelEntry, ...]] = {}
        self._asked = ""
        client.received.connect(self._on_event)
        client.ready.connect(self.refresh)
        client.died.connect(self._on_died)
        self.refresh()

    def refresh(self) -> None:
        """Look again, where the engine is ready; `changed` tells when there is news."""
        if asked := self.client.models():
            self._asked = asked

    @property
    def busy(self) -> bool:
        """A listing is under way."""
        return bool(self._asked)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds that have models."""
        return tuple(kind for kind, entries in self._entries.items() if entries)

    def entries(self, kind: str) -> tuple[ModelEntry, ...]:
        """The models of a kind, by name."""
        return self._entries.get(kind, ())

    def find(self, kind: str, name: str) -> ModelEntry | None:
        """The model that a graph means by `name`, also without its ending; None where none is."""
        entries = self.entries(kind)
        for entry in entries:
            if entry.name == name:
                return entry
        fitting = [entry for entry in entries if entry.name.rpartition(".")[0] == name]
        return fitting[0] if len(fitting) == 1 else None

    def families(self, kind: str) -> tuple[str, ...]:
        """Families among the models of a kind, by name."""
        return tuple(sorted({entry.family for entry in self.entries(kind) if entry.family}))

    def _on_event(self, event: dict[str, Any]) -> None:
        if not self._asked or event.get("id") != self._asked:
            return
        if event["event"] == "models":
            self._take(event["kind"], event["models"], whole=event["whole"])
            if not event["last"]:
                return
        self._asked = ""

    def _take(self, kind: str, models: list[dict[str, Any]], *, whole: bool) -> None:
        before = {entry.name: entry for entry in self.entries(kind)}
        entries = []
        for model in models:
            known = whole or bool(model["family"] or model["dtype"] or model["fault"])
            entry = ModelEntry(**model, known=known)
            old = before.get(entry.name)
            same = old and (old.path, old.bytes) == (entry.path, entry.bytes)
            # What was read before isn't forgotten while it is read again.
            entries.append(old if old and same and not known else entry)
        if tuple(entries) != self.entries(kind) or kind not in self._entries:
            self._entries[kind] = tuple(entries)
            self.changed.emit()

    def _on_died(self, *_: object) -> None:
        self._asked = ""
