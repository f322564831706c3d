"""Scaling tensors of pictures, masks and latents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

MAX_SIDE = 16_384


class TooLarge(InputError):
    """A scaled picture would be larger than anything here can hold."""

    def __init__(self, width: int, height: int) -> None:
        super().__init__(
            f"scaled to {width} x {height} pixels it would be too large; the limit is {MAX_SIDE} "
            "a side.",
            hint="Use a smaller factor.",
        )


def target_size(
    old_width: int,
    old_height: int,
    width: int | None,
    height: int | None,
    factor: float,
    step: int = 1,
) -> tuple[int, int]:
    """The size (width, height) that a scaling comes to, in multiples of `step`.

    Args:
        old_width: in pixels.
        old_height: in pixels.
        width: wanted, or None to keep the proportions.
        height: wanted, or None to keep the proportions.
        factor: used where both are None.
        step: both sides are rounded to a multiple of it, at least one.

    Raises:
        TooLarge: a side would be over 16,384 pixels.
    """
    if width is None and height is None:
        wide, high = old_width * factor, old_height * factor
    else:
        wide = float(width or old_width * (height or 0) / old_height)
        high = float(height or old_height * (width or 0) / old_width)
    size = max(step, round(wide / step) * step), max(step, round(high / step) * step)
    if max(size) > MAX_SIDE:
        raise TooLarge(*size)
    return size


def resize(tensor: Tensor, width: int, height: int, method: str) -> Tensor:
    """A [B, C, H, W] tensor as [B, C, height, width].

    Args:
        tensor: float.
        width: in cells of the tensor.
        height: in cells of the tensor.
        method: "nearest", "bilinear", "bicubic", "area" or "lanczos".

    Shrinking with bilinear or bicubic is antialiased. Bicubic and lanczos overshoot at edges, so
    a result may leave the range of what was given.
    """
    from torch.nn.functional import interpolate

    if tuple(tensor.shape[-2:]) == (height, width):
        return tensor
    if method == "lanczos":
        return _lanczos(tensor, width, height)
    if method in ("nearest", "area"):
        mode = "nearest-exact" if method == "nearest" else "area"
        return interpolate(tensor, size=(height, width), mode=mode)
    shrinks = height < tensor.shape[-2] or width < tensor.shape[-1]
    return interpolate(
        tensor, size=(height, width), mode=method, align_corners=False, antialias=shrinks
    )


def _lanczos(tensor: Tensor, width: int, height: int) -> Tensor:
    import numpy as np
    import torch
    from PIL import Image

    planes = tensor.reshape(-1, *tensor.shape[-2:]).numpy()
    scaled = [
        np.asarray(Image.fromarray(plane, "F").resize((width, height), Image.Resampling.LANCZOS))
        for plane in planes
    ]
    return torch.from_numpy(np.stack(scaled)).reshape(*tensor.shape[:2], height, width)
