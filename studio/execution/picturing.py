"""Pictures of what nodes made, for an editor to show and to paint on."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.errors import InputError
from studio.pictures import to_uint8
from studio.png import encode_png

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from studio.spec import NodeSpec
    from studio.values import Image

PREVIEW_SIDE = 256
"""Pixels of a preview's longer side, at most."""
TINT = (0.94, 0.27, 0.27)
TINTED = 0.6
"""How much of the tint is on what is masked."""
SHOWN = ("Mask", "Inpaint", "Image")
"""Categories of nodes that show what they made."""


class PictureNotWritten(InputError):
    """A picture can't be handed to the editor."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            f"The picture can't be written to {path}: {error.strerror or error}.",
            hint="Is there room on the disk, and may you write to that folder?",
        )


def write_picture(image: Image, path: Path) -> None:
    """The first picture of a batch as a PNG file, with the bytes that the engine's nodes see.

    Args:
        image: one picture at least.
        path: of the file; it is whole, or as it was.

    Raises:
        PictureNotWritten: the disk doesn't take it.
    """
    pixels = to_uint8(image.pixels[0].permute(1, 2, 0).contiguous().numpy())
    # Read once, by a program on this machine: quick counts, small doesn't.
    data = encode_png(pixels, {}, level=1)
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            temporary = file.name
            file.write(data)
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise PictureNotWritten(path, error) from None


def preview_of(spec: NodeSpec, outputs: Mapping[str, Any]) -> NDArray[np.uint8] | None:
    """What a node made, small: a picture, a mask in grey, or a picture with its mask on it.

    Args:
        spec: of the node.
        outputs: its values by name.

    Returns:
        uint8 [h, w, 3]; None for nodes that make neither, or show a picture's file already.
    """
    from studio.values import Image, Mask

    if spec.category.partition("/")[0] not in SHOWN:
        return None
    values = list(outputs.values())
    image = next((v.pixels for v in values if isinstance(v, Image) and len(v.pixels)), None)
    mask = next((v.pixels for v in values if isinstance(v, Mask) and len(v.pixels)), None)
    if not spec.inputs and image is not None:
        return None
    if mask is not None and image is not None and mask.shape[-2:] == image.shape[-2:]:
        share = TINTED * _small(mask)
        shown = _small(image) * (1 - share) + share * share.new_tensor(TINT)[:, None, None]
    elif image is not None:
        shown = _small(image)
    elif mask is not None:
        shown = _small(mask).expand(3, -1, -1)
    else:
        return None
    found: NDArray[np.uint8] = (shown.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
    return found


def _small(pixels: Tensor) -> Tensor:
    """The first of a batch [B, C, H, W], on the CPU, no larger than a preview."""
    from torch.nn.functional import adaptive_avg_pool2d

    height, width = pixels.shape[-2:]
    step = max(1, max(height, width) // (4 * PREVIEW_SIDE))
    first = pixels[0, :, ::step, ::step].float().cpu().nan_to_num()
    scale = min(1.0, PREVIEW_SIDE / max(height, width))
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    return adaptive_avg_pool2d(first, size)
