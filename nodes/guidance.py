"""Nodes that change how a model is guided. They touch recipes only and cost nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from studio.errors import InputError
from studio.node import node
from studio.values import Model

Share = Annotated[float, Field(ge=0, le=1)]


class EmptyRange(InputError):
    """A range that ends before it starts."""

    def __init__(self, start: float, end: float) -> None:
        super().__init__(
            f"The range from {start:g} to {end:g} has nothing in it.",
            hint="start must be smaller than end.",
        )


@node("RescaleGuidance", category="Model/Guidance")
def rescale_guidance(model: Model, *, amount: Share = 0.7) -> Model:
    """Bring contrast back that strong guidance exaggerates.

    Meant for models that predict the velocity; see docs/guidance.md.

    Args:
        model: the denoiser.
        amount: how much of the guided prediction gets the contrast of the positive one; 0 changes
            nothing.

    Returns:
        The model, guided so.
    """
    return replace(model, guidance=replace(model.guidance, rescale=amount))


@node("DynamicThresholding", category="Model/Guidance")
def dynamic_thresholding(
    model: Model,
    *,
    percentile: Share = 0.995,
    mimic_cfg: Annotated[float, Field(ge=0, le=100)] = 7.0,
) -> Model:
    """Allow a high cfg without its burnt colours: values reach as far as at a lower cfg.

    Args:
        model: the denoiser.
        percentile: of the values of a picture; the share above it is clipped, 1 clips none but
            still scales. 0 turns it off.
        mimic_cfg: the cfg whose range of values is wanted.

    Returns:
        The model, guided so.
    """
    options = replace(model.guidance, threshold=percentile, mimic_cfg=mimic_cfg)
    return replace(model, guidance=options)


@node("GuidanceRange", category="Model/Guidance")
def guidance_range(model: Model, *, start: Share = 0.0, end: Share = 1.0) -> Model:
    """Guide during a part of the steps only; the other steps run at cfg 1, in half the time.

    Args:
        model: the denoiser.
        start: share of the sampler's steps from which guidance is on.
        end: share of the steps up to which it is on.

    Returns:
        The model, guided so.
    """
    if start >= end:
        raise EmptyRange(start, end)
    return replace(model, guidance=replace(model.guidance, start=start, end=end))


class BadCurve(InputError):
    """A list of guidance scales that can't be one."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text!r} is no list of guidance scales.",
            hint="Give numbers from 0 to 100 with commas between them, such as 2, 7, 4.",
        )


@node("GuidanceCurve", category="Model/Guidance")
def guidance_curve(model: Model, *, scales: str = "7, 7") -> Model:
    """Change the guidance scale over the steps; the sampler's own cfg doesn't count then.

    Args:
        model: the denoiser.
        scales: cfg at the first step, …, at the last, with commas between; as many as you like,
            evenly spread over the steps and linear between. "2, 7, 4" rises and falls.

    Returns:
        The model, guided so.
    """
    try:
        curve = tuple(float(part) for part in scales.split(","))
    except ValueError:
        raise BadCurve(scales) from None
    if not all(0 <= scale <= 100 for scale in curve):
        raise BadCurve(scales)
    return replace(model, guidance=replace(model.guidance, curve=curve))


@node("SeparateGuidance", category="Model/Guidance")
def separate_guidance(model: Model, *, separate: bool = True) -> Model:
    """Run the positive and the negative conditioning one after the other, to save memory.

    This happens by itself where a graphics card has too little left.

    Args:
        model: the denoiser.
        separate: off lets them run together again.

    Returns:
        The model, guided so.
    """
    return replace(model, guidance=replace(model.guidance, separate=separate))
