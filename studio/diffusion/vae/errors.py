"""What can go wrong between pictures and latents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio.errors import InputError, StudioError

if TYPE_CHECKING:
    from studio.values import LatentSpace


class WrongSpace(InputError):
    """A latent meets a first stage that it wasn't made for."""

    def __init__(self, given: LatentSpace, wanted: LatentSpace) -> None:
        super().__init__(
            f"the latent is of the space {given.name} ({given.channels} channels), and this VAE "
            f"decodes {wanted.name} ({wanted.channels} channels).",
            hint="Decode it with the VAE of the checkpoint that made it.",
        )


class TooSmall(InputError):
    """A picture has no room for one latent cell."""

    def __init__(self, width: int, height: int, step: int) -> None:
        super().__init__(
            f"the picture is {width} x {height} pixels; the VAE needs at least {step} x {step}."
        )


class BadTiling(InputError):
    """A first stage that can't work in tiles."""


class NotFinite(StudioError):
    """The first stage gives NaN or infinity, even in float32."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} gives NaN or infinity, in float32 too.",
            hint="Its weights are damaged, or what it was given is far out of range.",
        )


class NotEnoughMemory(StudioError):
    """A picture doesn't fit, in the smallest tiles either."""

    def __init__(self, what: str, width: int, height: int, where: str) -> None:
        super().__init__(
            f"{what} a picture of {width} x {height} pixels takes more memory than {where} has "
            "free, in the smallest tiles too.",
            hint="Make the picture smaller, close other programs, or use another device.",
        )
