"""Nodes that place, time, weigh and mix conditionings."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from studio.context import Context
from studio.errors import InputError
from studio.node import node
from studio.values import Area, Conditioning, ConditioningEntry, Mask, PixelArea

if TYPE_CHECKING:
    from collections.abc import Iterable

Share = Annotated[float, Field(ge=0, le=1)]
Strength = Annotated[float, Field(ge=0, le=10)]
Position = Annotated[int, Field(ge=0, le=16384, multiple_of=8)]
Length = Annotated[int, Field(ge=8, le=16384, multiple_of=8)]


class EmptyTimes(InputError):
    """A range of the sampling that ends before it starts."""

    def __init__(self, start: float, end: float) -> None:
        super().__init__(
            f"The range from {start:g} to {end:g} has nothing in it.",
            hint="start must not be larger than end.",
        )


@node("CombineConditioning", category="Conditioning")
def combine_conditioning(first: Conditioning, second: Conditioning) -> Conditioning:
    """Both conditionings at once: what the model predicts under each is averaged.

    Args:
        first: any conditioning.
        second: another; with areas or masks each counts in its own place.

    Returns:
        All entries of both.
    """
    return Conditioning(first.entries + second.entries)


@node("ConcatConditioning", category="Conditioning")
def concat_conditioning(
    first: Conditioning, second: Conditioning, *, context: Context
) -> Conditioning:
    """One text after the other, so that the model looks at both in one go.

    Args:
        first: keeps its pooled text, places and times.
        second: its tokens follow; of several entries the first is taken.

    Returns:
        Every entry of the first with the tokens of the second after its own.
    """
    from studio.diffusion.conditioning import concatenated

    _warn_of_more(second.entries, context)
    return concatenated(first, second)


@node("AverageConditioning", category="Conditioning")
def average_conditioning(
    first: Conditioning, second: Conditioning, *, strength: Share = 0.5, context: Context
) -> Conditioning:
    """A text between two texts.

    Args:
        first: keeps its places and times.
        second: of several entries the first is taken.
        strength: share of the first; 1 is the first alone.

    Returns:
        Every entry of the first, its text mixed with the second, token by token.
    """
    from studio.diffusion.conditioning import averaged

    _warn_of_more(second.entries, context)
    return averaged(first, second, strength)


@node("SetArea", category="Conditioning/Region")
def set_area(
    conditioning: Conditioning,
    *,
    x: Position = 0,
    y: Position = 0,
    width: Length = 512,
    height: Length = 512,
    strength: Strength = 1.0,
) -> Conditioning:
    """Let a conditioning count in a rectangle only, given in pixels.

    The model is shown this part of the picture alone; its edges fade. Combine it with others for
    the rest of the picture.

    Args:
        conditioning: what is wanted there.
        x: left edge, in pixels; counted in whole latent cells.
        y: upper edge, in pixels.
        width: in pixels; what lies outside of the picture is left out.
        height: in pixels.
        strength: weight against other conditionings in the same place.

    Returns:
        The conditioning in its place.
    """
    return _each(conditioning, area=PixelArea(x, y, width, height), strength=strength)


@node("SetAreaShare", category="Conditioning/Region")
def set_area_share(
    conditioning: Conditioning,
    *,
    x: Share = 0.0,
    y: Share = 0.0,
    width: Share = 1.0,
    height: Share = 1.0,
    strength: Strength = 1.0,
) -> Conditioning:
    """Let a conditioning count in a rectangle only, given in shares of the picture's sides.

    Args:
        conditioning: what is wanted there.
        x: left edge, 0 to 1.
        y: upper edge, 0 to 1.
        width: 1 is the whole width.
        height: 1 is the whole height.
        strength: weight against other conditionings in the same place.

    Returns:
        The conditioning in its place.
    """
    return _each(conditioning, area=Area(x, y, width, height), strength=strength)


@node("SetMask", category="Conditioning/Region")
def set_mask(
    conditioning: Conditioning, mask: Mask, *, strength: Strength = 1.0, bounds: bool = False
) -> Conditioning:
    """Let a conditioning count where a mask says, and as much as it says.

    Args:
        conditioning: what is wanted there.
        mask: 1 = counts fully, 0 = not at all; scaled to the latent.
        strength: multiplies the mask.
        bounds: show the model just the rectangle around the mask, which is faster and lets it
            compose for that part; off shows it the whole picture.

    Returns:
        The conditioning in its place.
    """
    changes = {"mask": mask.pixels, "mask_strength": strength, "mask_bounds": bounds}
    return _each(conditioning, **changes)


@node("SetTimestepRange", category="Conditioning")
def set_timestep_range(
    conditioning: Conditioning, *, start: Share = 0.0, end: Share = 1.0
) -> Conditioning:
    """Let a conditioning count during a part of the sampling only.

    Args:
        conditioning: what is wanted then.
        start: 0 is the start, all noise. Shares are of the model's timesteps, not of the steps.
        end: 1 is the end, no noise.

    Returns:
        The conditioning with its time. Where no conditioning counts the model is taken to predict
        nothing, so combine it with another for the rest.
    """
    if start > end:
        raise EmptyTimes(start, end)
    return _each(conditioning, start=start, end=end)


@node("SetStrength", category="Conditioning")
def set_strength(conditioning: Conditioning, *, strength: Strength = 1.0) -> Conditioning:
    """Set how much a conditioning counts against others in the same place.

    Alone it changes nothing: weights are shares of their sum.

    Args:
        conditioning: what to weigh.
        strength: its weight; 0 leaves it out.

    Returns:
        The conditioning with its weight.
    """
    return _each(conditioning, strength=strength)


@node("ZeroOut", category="Conditioning")
def zero_out(conditioning: Conditioning) -> Conditioning:
    """A conditioning of zeros, as some models were trained to have for "no text".

    Args:
        conditioning: gives the length.

    Returns:
        The same with zeros for its text.
    """
    from studio.diffusion.conditioning import zeroed

    return zeroed(conditioning)


@node("NoText", category="Conditioning", light=True)
def no_text() -> Conditioning:
    """A conditioning that says nothing, for models that take no text.

    Returns:
        For both inputs of a sampler; set its cfg to 1.
    """
    return Conditioning((ConditioningEntry(None),))


def _each(conditioning: Conditioning, **changes: Any) -> Conditioning:
    """The conditioning with fields of every entry replaced."""
    return Conditioning(tuple(replace(entry, **changes) for entry in conditioning.entries))


def _warn_of_more(entries: Iterable[ConditioningEntry], context: Context) -> None:
    count = len(tuple(entries))
    if count > 1:
        context.warn(f"the second conditioning has {count} entries, only the first is used")
