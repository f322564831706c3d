"""The markers of parameters that hold the strokes of a mask or a sketch. Import no numpy."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from studio.params import Marker

if TYPE_CHECKING:
    from studio.environment import Environment


@dataclass(frozen=True)
class MaskStrokes(Marker):
    """The strokes of a painted mask, as `studio.masks.strokes` reads them.

    The imported masks they show count among the files whose contents belong to the node's key.
    """

    widget = "strokes"

    def fault(self, value: Any, environment: Environment) -> str | None:
        from studio.errors import StudioError
        from studio.masks.imported import (
            ImportedMaskChanged,
            ImportedMaskMissing,
            ImportedMaskUnreadable,
            inspect,
            mask_path,
        )
        from studio.masks.items import Raster
        from studio.masks.strokes import StrokesFault, parse

        try:
            strokes = parse(value)
        except StrokesFault as fault:
            return f"{fault}."
        for number, item in enumerate(strokes, 1):
            if isinstance(item, Raster) and item.data is not None:
                try:
                    inspect(item.data)
                except StrokesFault as fault:
                    return f"item {number}: {fault}."
        for name in strokes.hashes:
            path = mask_path(environment.base, name)
            try:
                if environment.file_fingerprint(path) != name:
                    return str(ImportedMaskChanged(path))
            except StudioError:
                if os.path.lexists(path):
                    reason = "it is no file, or may not be read"
                    return str(ImportedMaskUnreadable(path, reason))
                return str(ImportedMaskMissing(path))
        return None

    def fingerprint(self, value: Any, environment: Environment) -> str | None:
        from studio.masks.imported import fingerprint, mask_path
        from studio.masks.strokes import parse

        paths = (mask_path(environment.base, name) for name in parse(value).hashes)
        return fingerprint(environment.file_fingerprint(path) for path in paths)


@dataclass(frozen=True)
class SketchStrokes(Marker):
    """The strokes of a sketch in colour, as `studio.masks.sketch` reads them."""

    widget = "sketch"

    def fault(self, value: Any, environment: Environment) -> str | None:
        from studio.masks.sketch import parse_sketch
        from studio.masks.strokes import StrokesFault

        try:
            parse_sketch(value)
        except StrokesFault as fault:
            return f"{fault}."
        return None
