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
    from collections.abc import Iterator, Mapping

    from studio.environment import Environment

SEED_MAX = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Note:
    """What a plan says of a value.

    Args:
        text: in words.
        plain: it is what anyone would expect, so people aren't bothered with it.
    """

    text: str
    plain: bool = False


class Marker:
    """What every marker can do; the defaults do nothing."""

    widget = "plain"

    def fault(self, value: Any, environment: Environment) -> str | None:
        """What is wrong with `value` and what to do, or None. Must not import torch."""
        return None

    def misfit(
        self, value: Any, params: Mapping[str, Any], environment: Environment
    ) -> str | None:
        """What is wrong with `value` beside the node's other widgets, or None; asked after `fault`.

        A widget that a wire feeds isn't in `params`. Must not import torch.
        """
        return None

    def fingerprint(self, value: Any, environment: Environment) -> str | None:
        """A content hash of the file that `value` names; None where it names none."""
        return None

    def matters(self, params: Mapping[str, Any]) -> bool:
        """Whether the value can change the node's outputs, given the node's widgets.

        Where it can't, it stays out of the node's key. Must not import torch.
        """
        return True

    def note(
        self, value: Any, params: Mapping[str, Any], environment: Environment
    ) -> Note | None:
        """What the plan should say of `value`, given the node's widgets. Must not import torch."""
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
class ChoiceSeed(Seed):
    """A seed that only chooses among the alternatives `{a|b}` of prompts.

    Args:
        prompts: the widgets that hold them.
    """

    prompts: tuple[str, ...] = ("text",)

    def matters(self, params: Mapping[str, Any]) -> bool:
        from studio.diffusion.text.alternatives import has_alternatives

        # A prompt that comes by a wire isn't known yet.
        return any(name not in params or has_alternatives(params[name]) for name in self.prompts)


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
class Prompt(Marker):
    """A prompt: text of several lines with weights, alternatives and embeddings (docs/prompts.md).

    The embeddings it names count among the files whose contents belong to the node's key.
    """

    widget = "prompt"

    def fault(self, value: Any, environment: Environment) -> str | None:
        from studio.diffusion.text.prompt import fault_in, names_in
        from studio.errors import StudioError

        if trouble := fault_in(value):
            return trouble
        try:
            for name in names_in(value):
                environment.embedding(name)
        except StudioError as error:
            return str(error)
        return None

    def misfit(
        self, value: Any, params: Mapping[str, Any], environment: Environment
    ) -> str | None:
        from studio.diffusion.text.prompt import fault_in

        weighting = params.get("weighting")
        return fault_in(value, weighting) if weighting in ("comfy", "a1111") else None

    def fingerprint(self, value: Any, environment: Environment) -> str | None:
        from blake3 import blake3

        from studio.diffusion.text.prompt import names_in

        prints = {name: environment.embedding_fingerprint(name) for name in names_in(value)}
        if not prints:
            return None
        lines = "".join(f"{name}\0{prints[name]}\n" for name in sorted(prints))
        return blake3(lines.encode()).hexdigest()


@dataclass(frozen=True)
class ModelName(Marker):
    """The name of a model file of one kind ("checkpoints", "loras", …) in the models folders."""

    kind: str
    widget = "model"

    def fault(self, value: Any, environment: Environment) -> str | None:
        from studio.errors import StudioError

        try:
            environment.model(self.kind, value)
        except StudioError as error:
            return str(error)
        return None

    def fingerprint(self, value: Any, environment: Environment) -> str:
        return environment.model_fingerprint(self.kind, value)

    def choices(self, environment: Environment) -> tuple[str, ...]:
        return environment.model_names(self.kind)

    def describe(self) -> dict[str, Any]:
        return {"widget": self.widget, "kind": self.kind}


AVERAGED = {"auto": None, "averaged": True, "trained": False}
"""What LoadCheckpoint's `weights` means for `CheckpointRef.ema`."""


@dataclass(frozen=True)
class CheckpointName(ModelName):
    """The name of a checkpoint: its configs and its files' headers are read, no weights.

    What its denoiser predicts and which of its weights are taken may be widgets of the same node,
    `prediction` and `weights`.
    """

    kind: str = "checkpoints"

    def misfit(
        self, value: Any, params: Mapping[str, Any], environment: Environment
    ) -> str | None:
        from studio.errors import StudioError

        try:
            # Of what comes by a wire, take what can't be wrong.
            environment.checkpoint(
                value, params.get("prediction", "epsilon"), params.get("weights", "auto")
            )
        except StudioError as error:
            return str(error)
        return None

    def fingerprint(self, value: Any, environment: Environment) -> str:
        return environment.checkpoint_fingerprint(value)

    def note(
        self, value: Any, params: Mapping[str, Any], environment: Environment
    ) -> Note | None:
        """What its denoiser predicts, and how that is known."""
        if "prediction" not in params:
            return None  # it comes by a wire
        from studio.errors import StudioError

        try:
            found = environment.checkpoint(
                value, params["prediction"], params.get("weights", "auto")
            )
        except StudioError as error:
            return Note(str(error))
        return Note(
            f"{found.prediction}, {found.prediction_source}", plain=found.prediction_is_usual
        )


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
