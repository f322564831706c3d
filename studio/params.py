"""Markers that say what a parameter is, beyond its Python type.

A marker stands in a parameter's annotation (`Annotated[str, ModelName("checkpoints")]`). It picks
the widget, checks values with words of its own, and names the files whose contents belong to the
node's key. Ranges are pydantic `Field`s and need no marker.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from annotated_types import BaseMetadata, Ge, GroupedMetadata, Le

if TYPE_CHECKING:
    from collections.abc import Iterator

    from studio.environment import Environment

SEED_MAX = 2**64 - 1


class Marker:
    """What every marker can do; the defaults do nothing."""

    widget = "plain"

    def fault(self, value: Any, environment: Environment) -> str | None:
        """What is wrong with `value` and what to do, or None. Must not import torch."""
        return None

    def fingerprint(self, value: Any, environment: Environment) -> str | None:
        """A content hash of the file that `value` names; None where it names none."""
        return None

    def choices(self, environment: Environment) -> tuple[str, ...] | None:
        """The values to offer, or None where anything goes."""
        return None

    def describe(self) -> dict[str, Any]:
        """What an editor must know to draw the widget, as JSON."""
        return {"widget": self.widget}


@dataclass(frozen=True)
class Seed(Marker, GroupedMetadata):
    """A seed, 0 to 2^64 - 1; editors offer fixed, random and increment."""

    widget = "seed"

    def __iter__(self) -> Iterator[BaseMetadata]:
        yield Ge(0)
        yield Le(SEED_MAX)


@dataclass(frozen=True)
class OneOf(Marker):
    """One of a fixed list of names."""

    names: tuple[str, ...]
    widget = "choice"

    def fault(self, value: Any, environment: Environment) -> str | None:
        if value in self.names:
            return None
        from studio.words import nearest

        return f"{value!r} is not one of {', '.join(self.names)}.{nearest(value, self.names)}"

    def choices(self, environment: Environment) -> tuple[str, ...]:
        return self.names

    def describe(self) -> dict[str, Any]:
        return {"widget": self.widget, "choices": list(self.names)}


@dataclass(frozen=True)
class Multiline(Marker):
    """Text of several lines."""

    widget = "text"


@dataclass(frozen=True)
class ModelName(Marker):
    """The name of a model file of one kind ("checkpoints", "loras", …) in the models folders."""

    kind: str
    widget = "model"

    def fault(self, value: Any, environment: Environment) -> str | None:
        from studio.errors import StudioError

        try:
            environment.check_model(self.kind, value)
        except StudioError as error:
            return str(error)
        return None

    def fingerprint(self, value: Any, environment: Environment) -> str:
        return environment.model_fingerprint(self.kind, value)

    def choices(self, environment: Environment) -> tuple[str, ...]:
        return environment.model_names(self.kind)

    def describe(self) -> dict[str, Any]:
        return {"widget": self.widget, "kind": self.kind}


@dataclass(frozen=True)
class PictureFile(Marker):
    """The path of a picture to read; relative paths are looked up beside the graph first."""

    widget = "picture"

    def fault(self, value: Any, environment: Environment) -> str | None:
        from studio.errors import StudioError
        from studio.pictures import probe_picture

        try:
            probe_picture(environment.input_path(value))
        except StudioError as error:
            return str(error)
        return None

    def fingerprint(self, value: Any, environment: Environment) -> str:
        return environment.file_fingerprint(environment.input_path(value))


@dataclass(frozen=True)
class OutputFile(Marker):
    """The path of a file that an earlier run wrote, relative to the output folder."""

    suffix: str
    widget = "file"

    def fault(self, value: Any, environment: Environment) -> str | None:
        from studio.errors import StudioError

        try:
            environment.output_file(value, self.suffix)
        except StudioError as error:
            return str(error)
        return None

    def fingerprint(self, value: Any, environment: Environment) -> str:
        return environment.file_fingerprint(environment.output_file(value, self.suffix))


@dataclass(frozen=True)
class OutputName(Marker):
    """A name pattern for a file to write under the output folder."""

    widget = "name"

    def fault(self, value: Any, environment: Environment) -> str | None:
        from studio.outputs import pattern_fault

        trouble = pattern_fault(value)
        if trouble is None:
            return None
        return f"the name {value!r} can't be used: {trouble}. Outputs stay under the output folder."


@dataclass(frozen=True)
class Colour(Marker):
    """A colour, "#rrggbb"."""

    widget = "colour"

    def fault(self, value: Any, environment: Environment) -> str | None:
        digits = value[1:]
        if (
            len(value) == 7
            and value[0] == "#"
            and all(c in "0123456789abcdefABCDEF" for c in digits)
        ):
            return None
        return f"{value!r} is not a colour. Write it as #rrggbb, for example #3366ff."
