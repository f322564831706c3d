"""Nodes that turn text into conditioning."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from studio.context import Context
from studio.node import node
from studio.params import Multiline
from studio.values import Clip, Conditioning


@node("TextEncode", category="Conditioning")
def text_encode(
    clip: Clip,
    *,
    text: Annotated[str, Field(max_length=100_000), Multiline()] = "",
    context: Context,
) -> Conditioning:
    """Encode a prompt for the denoiser.

    Args:
        clip: the text encoder.
        text: what the picture should show, or, for the negative input, what it should not.

    Returns:
        Conditioning for a sampler.
    """
    return context.models.text(clip).encode(text, context.warn)
