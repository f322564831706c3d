"""A first stage at work: decode, encode, and what to do where memory or float16 don't suffice."""

from __future__ import annotations

import copy
import logging
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import nn

from studio.diffusion.noise import initial_noise
from studio.diffusion.spaces import fits
from studio.diffusion.vae import memory
from studio.diffusion.vae.codebook import quantise
from studio.diffusion.vae.errors import (
    BadTiling,
    NotEnoughMemory,
    NotFinite,
    TooSmall,
    WrongSpace,
)
from studio.diffusion.vae.stages import decoder_halves, encoder_halves
from studio.diffusion.vae.tiled import decode_tiled, encode_tiled
from studio.values import Image, Latent, LatentSpace

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from studio.diffusion.vae.stages import Halves

    Progress = Callable[[int, int], None]
    Warn = Callable[[str], None]

_log = logging.getLogger(__name__)

Way = Literal["decoding", "encoding"]


@dataclass(frozen=True)
class LiveVae:
    """A first stage on its device.

    Args:
        module: the library's AutoencoderKL or VQModel.
        space: of its latents.
        device: of the module.
        dtype: of the module.
    """

    module: Any
    space: LatentSpace
    device: torch.device
    dtype: torch.dtype

    @property
    def quantised(self) -> bool:
        """Whether it snaps latents to a codebook before it decodes them (a VQ model)."""
        return getattr(self.module, "quantize", None) is not None

    def decode(
        self,
        latent: Latent,
        check_cancelled: Callable[[], None],
        *,
        tile: int | None = None,
        progress: Progress | None = None,
        warn: Warn | None = None,
    ) -> Image:
        """Pictures [B, 3, H, W] in 0..1. One at a time: the peak in memory is one picture's.

        Args:
            latent: unscaled. A VQ model decodes the nearest entries of its codebook.
            check_cancelled: called between pictures and tiles; may raise.
            tile: pixels along a side of the tiles to work in; None works in tiles where memory
                would not do otherwise. Tiles change nothing but rounding.
            progress: called with pictures (or tiles) done, and of how many; may raise.
            warn: told that tiles were taken, or float32 where the module's type overflowed; None
                writes it to the log.

        Raises:
            WrongSpace: the latent is another first stage's.
            NotEnoughMemory: the smallest tiles don't fit.
            NotFinite: NaN or infinity in float32 too.
            BadTiling: tiles are asked for, or memory ran out, and it can't work in tiles.
        """
        if latent.space is not None and not fits(latent.space, self.space):
            raise WrongSpace(latent.space, self.space)
        samples = latent.filled(self.space)
        if self.quantised:
            samples = quantise(self.module.quantize.embedding.weight, samples)
        work = _Work(self, "decoding", tile, check_cancelled, progress, warn)
        pictures = work.each(samples)
        return Image(torch.cat([p.mul_(0.5).add_(0.5).clamp_(0, 1) for p in pictures]))

    def encode(
        self,
        image: Image,
        check_cancelled: Callable[[], None],
        *,
        seed: int | None = None,
        tile: int | None = None,
        progress: Progress | None = None,
        warn: Warn | None = None,
    ) -> Latent:
        """The latent of pictures, unscaled: the mode of the posterior, or a draw from it.

        Args:
            image: its sides are multiples of `space.downscale`.
            check_cancelled: called between pictures and tiles; may raise.
            seed: draw mean + deviation · noise, the noise drawn on the CPU for the whole batch at
                once; None takes the mode, which is the mean. A VQ model has no deviation: it
                gives its latents before they are snapped to the codebook.
            tile, progress, warn: as in `decode`.

        Raises:
            BadSeed: `seed` is out of range.
            NotEnoughMemory, NotFinite, BadTiling: as in `decode`.
        """
        work = _Work(self, "encoding", tile, check_cancelled, progress, warn)
        moments = torch.cat(work.each(image.pixels * 2 - 1))
        if self.quantised:
            samples = moments
        else:
            samples, log_variance = moments.chunk(2, dim=1)
            if seed is not None:
                # As far as the library lets a posterior be sharp or blurred.
                deviation = (0.5 * log_variance.clamp(-30, 20)).exp()
                samples = samples + deviation * initial_noise(tuple(samples.shape), seed)
        height, width = image.pixels.shape[-2:]
        return Latent(samples.contiguous(), self.space, width, height, samples.shape[0])


@dataclass
class _Work:
    """One call: how it runs may change on the way, for all pictures that follow."""

    vae: LiveVae
    way: Way
    tile: int | None
    check_cancelled: Callable[[], None]
    progress: Progress | None
    listener: Warn | None
    module: Any = field(init=False)
    dtype: torch.dtype = field(init=False)

    def each(self, batch: Tensor) -> list[Tensor]:
        """The pictures (or latents) of a batch, float32 on the CPU."""
        self.module, self.dtype = self.vae.module, self.vae.dtype
        results: list[Tensor] = []
        with torch.no_grad():
            self._plan(batch)
            for one in torch.split(batch, 1):
                self.check_cancelled()
                results.append(self._one(one, len(results), len(batch)))
        return results

    def _one(self, x: Tensor, index: int, count: int) -> Tensor:
        def tick(done: int, of: int) -> None:
            self.check_cancelled()
            if self.progress is not None:
                self.progress(index * of + done, count * of)

        while True:
            try:
                result = self._try(x, tick)
            except Exception as error:
                if not memory.is_out_of_memory(error):
                    raise
            else:
                if _all_finite(result):
                    return result
                self._widen()
                self._plan(x)
                continue
            # Only here, past the handler, has the error let go of the tensors.
            memory.release(self.vae.device)
            self._shrink(x)

    def _try(self, x: Tensor, tick: Progress) -> Tensor:
        x = x.to(self.vae.device, self.dtype)
        if self.tile is not None:
            tiled = decode_tiled if self.way == "decoding" else encode_tiled
            return tiled(self._halves(), x, self.tile, tick)
        whole = _decoded if self.way == "decoding" else _encoded
        result = whole(self.module, x).float().cpu()
        tick(1, 1)
        return result

    def _halves(self) -> Halves:
        make = decoder_halves if self.way == "decoding" else encoder_halves
        return make(self.module, self.vae.space.downscale)

    def _plan(self, x: Tensor) -> None:
        """Take tiles where the whole picture would not fit."""
        if self.tile is not None:
            return
        width, height = self._size(x)
        try:
            need = memory.need_of(self._halves())
        except BadTiling:
            return  # there is no choice, and it may well fit
        free = memory.free_memory(self.vae.device)
        size = self.dtype.itemsize
        if memory.fits_whole(need, width * height, size, free):
            return
        tile = memory.tile_that_fits(need, width * height, size, free)
        self.tile = tile
        self._warn(
            f"{self.way} {width} x {height} pixels at once takes about "
            f"{_gigabytes(need.bytes(width * height, size))}, and {_gigabytes(free)} are free: "
            f"done in tiles of {tile} pixels"
        )

    def _shrink(self, x: Tensor) -> None:
        """Smaller tiles, after memory ran out."""
        width, height = self._size(x)
        before = max(width, height) if self.tile is None else self.tile
        smaller = [tile for tile in memory.TILES if tile <= before // 2]
        if not smaller:
            raise NotEnoughMemory(self.way, width, height, str(self.vae.device))
        self.tile = smaller[0]
        self._warn(
            f"memory ran out while {self.way} {width} x {height} pixels: tried again in tiles of "
            f"{smaller[0]} pixels"
        )

    def _widen(self) -> None:
        """float32, after another type overflowed."""
        if self.dtype is torch.float32:
            raise NotFinite(self.way)
        name = str(self.dtype).removeprefix("torch.")
        self._warn(f"{self.way} in {name} gave NaN or infinity: done again in float32")
        self.module, self.dtype = _in_float32(self.module), torch.float32

    def _warn(self, message: str) -> None:
        tell = _log.warning if self.listener is None else self.listener
        tell(message)

    def _size(self, x: Tensor) -> tuple[int, int]:
        """Width and height in pixels."""
        step = self.vae.space.downscale if self.way == "decoding" else 1
        return x.shape[-1] * step, x.shape[-2] * step


def crop_to_multiple(image: Image, step: int) -> Image:
    """The middle of a picture, its sides the largest multiples of `step` that fit.

    Raises:
        TooSmall: a side is shorter than `step`.
    """
    height, width = image.pixels.shape[-2:]
    new_height, new_width = height // step * step, width // step * step
    if not new_height or not new_width:
        raise TooSmall(width, height, step)
    if (new_height, new_width) == (height, width):
        return image
    top, left = (height - new_height) // 2, (width - new_width) // 2
    return Image(image.pixels[..., top : top + new_height, left : left + new_width])


def _decoded(module: Any, z: Tensor) -> Tensor:
    """The library's decode; for a VQ model, of what is quantised already."""
    picture: Tensor
    if getattr(module, "quantize", None) is None:
        (picture,) = module.decode(z, return_dict=False)
    else:
        # Not its decode: some configs would have it look the values up as if they were indices.
        spatial = module.config.get("norm_type") == "spatial"
        picture = module.decoder(module.post_quant_conv(z), z if spatial else None)
    return picture


def _encoded(module: Any, x: Tensor) -> Tensor:
    """The library's encode: mean and log variance, or for a VQ model the latent."""
    found = module.encode(x)
    result: Tensor = found.latents if hasattr(found, "latents") else found.latent_dist.parameters
    return result


def _in_float32(module: Any) -> Any:
    """A copy: other nodes go on with the module as it is, or results would depend on order."""
    # To the copier, a tensor named here has been copied already.
    wide = {id(p): nn.Parameter(p.float(), requires_grad=False) for p in module.parameters()}
    return copy.deepcopy(module, wide)


def _all_finite(tensor: Tensor) -> bool:
    # A finite sum says so without a copy.
    return math.isfinite(tensor.sum().item()) or bool(tensor.isfinite().all())


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
