"""How two pictures differ, pixel by pixel."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from studio.pictures import Picture


@dataclass(frozen=True, slots=True)
class PixelDifference:
    """Two pictures side by side.

    Args:
        sizes: (width, height) of the first and of the second, pixels.
        largest: difference of a sample, transparency included, 0 to 255; 0 where the sizes differ.
        differing: pixels that aren't equal.
        pixels: of the first.
    """

    sizes: tuple[tuple[int, int], tuple[int, int]]
    largest: int
    differing: int
    pixels: int

    @property
    def same_size(self) -> bool:
        """Whether they can be compared pixel by pixel."""
        return self.sizes[0] == self.sizes[1]

    @property
    def equal(self) -> bool:
        """Whether every pixel is the same, bit for bit."""
        return self.same_size and not self.differing

    @property
    def words(self) -> str:
        """For a person."""
        (width, height), (other_width, other_height) = self.sizes
        if not self.same_size:
            return f"the sizes differ: {width} x {height} and {other_width} x {other_height} pixels"
        if not self.differing:
            return "equal bit for bit"
        share = self.differing / self.pixels
        # "100%" is said where it is all of them.
        many = f"{share if share == 1 else min(share, 0.99):.0%}" if share >= 0.01 else "under 1%"
        return (
            f"the largest difference is {self.largest} of 255; {self.differing:,} of "
            f"{self.pixels:,} pixels ({many}) differ"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "equal": self.equal}


def compare(first: Path, second: Path) -> PixelDifference:
    """Compare two picture files in the 8 bits that this program writes.

    Raises:
        PictureError: one can't be read.
    """
    import numpy as np

    from studio.pictures import read_picture

    a, b = read_picture(first), read_picture(second)
    sizes = (a.width, a.height), (b.width, b.height)
    pixels = a.width * a.height
    if sizes[0] != sizes[1]:
        return PixelDifference(sizes, 0, 0, pixels)
    apart = np.abs(_samples(a) - _samples(b))
    return PixelDifference(sizes, int(apart.max()), int((apart > 0).any(axis=2).sum()), pixels)


def _samples(picture: Picture) -> NDArray[np.int16]:
    """[H, W, 4]: colours and how opaque they are."""
    import numpy as np

    from studio.pictures import to_uint8

    alpha = np.ones_like(picture.rgb[..., 0]) if picture.alpha is None else picture.alpha
    rgb = to_uint8(picture.rgb).astype(np.int16)
    return np.dstack([rgb, np.rint(alpha * 255).astype(np.int16)])
