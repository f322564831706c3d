"""Nodes that write pictures."""

from __future__ import annotations

from typing import Annotated

from studio.context import Context
from studio.node import node
from studio.params import OutputName
from studio.values import Image


@node("SaveImage", category="Output", effects=True)
def save_image(
    image: Image,
    *,
    name: Annotated[str, OutputName()] = "{graph}_{counter}",
    context: Context,
) -> None:
    """Write pictures as PNG under the output folder; nothing is ever overwritten.

    The graph, versions, model hashes, seeds and timings go into the file, so that the picture
    can be made again.

    Args:
        image: what to write.
        name: pattern of the name. / makes folders; known are {graph}, {node}, {seed}, {width},
            {height}, {batch}, {key}, {date}, {date:%Y-%m}, {time} and {counter}.
    """
    _write(image, name, context)


@node("PreviewImage", category="Output", effects=True)
def preview_image(image: Image, *, context: Context) -> None:
    """Show pictures without keeping them: they go into the folder "previews" of the output.

    Args:
        image: what to show.
    """
    _write(image, "previews/{key}_{counter}", context)


def _write(image: Image, name: str, context: Context) -> None:
    from studio.saving import NothingToSave, Saver

    batch, _, height, width = image.pixels.shape
    if not batch:
        raise NothingToSave
    saver = Saver(context, name, width, height)
    # Encoding takes as long as a few denoising steps, so it goes to the side thread.
    context.write(
        lambda: [
            saver.picture(pixels.permute(1, 2, 0).numpy(), index)
            for index, pixels in enumerate(image.pixels)
        ]
    )
