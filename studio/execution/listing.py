"""The model files, for an editor: names at once, then what each file says of itself."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from studio.modelfiles import find_models
from studio.words import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from studio.modelfiles import ModelFile
    from studio.places import Places

_TRIGGER = "trigger words"
MAX_TEXT = 2000
"""Characters of one fact: people write whole books into metadata."""


class Listing:
    """Lists models; what it read of a file is kept until the file changes.

    Args:
        places: folders to look in.
    """

    def __init__(self, places: Places) -> None:
        self.places = places
        self._known: dict[tuple[str, str, int, int], dict[str, Any]] = {}

    def pages(
        self, kinds: Sequence[str], stopped: Callable[[], bool]
    ) -> Iterator[tuple[str, list[dict[str, Any]], bool]]:
        """Kind, its models and whether their facts are among it: each kind twice.

        Args:
            kinds: of models.
            stopped: asked before every file; True ends the listing.
        """
        found = {kind: find_models(self.places, kind) for kind in kinds}
        for kind, files in found.items():
            yield kind, [self._known.get(_stamp(file)) or _names(file) for file in files], False
        for kind, files in found.items():
            models = []
            for file in files:
                if stopped():
                    return
                models.append(self._facts(file))
            yield kind, models, True

    def _facts(self, file: ModelFile) -> dict[str, Any]:
        stamp = _stamp(file)
        if (known := self._known.get(stamp)) is None:
            from studio.modelfacts import facts_of

            facts = facts_of(file)
            rows = {what: plain(text[:MAX_TEXT]) for what, text in facts.rows}
            known = self._known[stamp] = {
                **_names(file),
                "family": facts.family,
                "dtype": facts.dtype,
                "fault": plain(facts.fault),
                "triggers": rows.get(_TRIGGER, ""),
                "about": rows,
            }
        return known


def _names(file: ModelFile) -> dict[str, Any]:
    return {
        "kind": file.kind,
        "name": plain(file.name),
        "layout": file.layout,
        "bytes": file.bytes,
        "path": plain(str(file.path)),
        "family": "",
        "dtype": "",
        "fault": "",
        "triggers": "",
        "about": {},
    }


def _stamp(file: ModelFile) -> tuple[str, str, int, int]:
    """What changes when the file does."""
    try:
        changed = os.stat(file.path).st_mtime_ns
    except OSError:  # gone meanwhile; reading it will say so
        changed = 0
    return file.kind, str(file.path), changed, file.bytes
