"""Where memory is short tiles are taken, where float16 overflows float32; both are said."""

from __future__ import annotations

import copy
import weakref
from typing import TYPE_CHECKING, Any

import pytest
import torch
from tiny_stages import KL, Heard, latent, live, make, never, picture
from torch.utils._python_dispatch import TorchDispatchMode

from studio.diffusion.vae import LiveVae, NotEnoughMemory, NotFinite
from studio.diffusion.vae import live as working
from studio.diffusion.vae.memory import TILES, is_out_of_memory, need_of, tile_that_fits
from studio.diffusion.vae.stages import decoder_halves, encoder_halves, run

if TYPE_CHECKING:
    from torch import Tensor

WIDTH, HEIGHT = 320, 256


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five megabytes are free: less than half of what the picture takes."""
    monkeypatch.setattr("studio.diffusion.vae.memory.free_memory", lambda device: 5_000_000)


@pytest.mark.usefixtures("short")
def test_tiles_are_taken_where_memory_is_short(kl: LiveVae) -> None:
    heard, seen = Heard(), list[tuple[int, int]]()
    given = latent(kl, WIDTH, HEIGHT, batch=2)
    found = kl.decode(given, never, warn=heard, progress=lambda *s: seen.append(s)).pixels
    (message,) = heard  # once for all pictures
    assert message.startswith("decoding 320 x 256 pixels at once takes about 0.0 GB, and 0.0 GB")
    assert message.endswith("done in tiles of 128 pixels")
    assert seen[-1][1] > 2 * 6, "tiles"
    whole = live(kl.module).decode(given, never, tile=4096).pixels
    assert float((found - whole).abs().max()) < 1e-5


@pytest.mark.usefixtures("short")
def test_encoding_takes_them_too_and_without_a_listener_it_is_logged(
    kl: LiveVae, caplog: pytest.LogCaptureFixture
) -> None:
    kl.encode(picture(WIDTH, HEIGHT), never)
    assert "encoding 320 x 256 pixels at once" in caplog.text
    caplog.clear()
    kl.encode(picture(64, 64), never)
    assert not caplog.text


@pytest.mark.usefixtures("short")
def test_tiles_that_were_asked_for_are_kept(kl: LiveVae) -> None:
    heard = Heard()
    kl.encode(picture(WIDTH, HEIGHT), never, tile=4096, warn=heard)
    assert not heard


# ------------------------------------------------------------------ memory that runs out


def failing(times: int, error: Exception, real: Any) -> Any:
    left = times

    def fails(*given: Any) -> Any:
        nonlocal left
        if left:
            left -= 1
            raise error
        return real(*given)

    return fails


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: not enough"
                     " memory: you tried to allocate 68719476736 bytes."),
    ],
)  # fmt: skip
def test_memory_that_runs_out_is_tried_again_in_tiles(
    kl: LiveVae, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Heard()
    given = latent(kl, WIDTH, HEIGHT)
    whole = kl.decode(given, never).pixels
    monkeypatch.setattr(working, "_decoded", failing(1, error, working._decoded))
    found = kl.decode(given, never, warn=heard).pixels
    assert heard == [
        "memory ran out while decoding 320 x 256 pixels: tried again in tiles of 128 pixels"
    ]
    assert float((found - whole).abs().max()) < 1e-5


def test_tiles_get_smaller_until_there_are_none(
    kl: LiveVae, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard, gone = Heard(), torch.OutOfMemoryError("out of memory")
    monkeypatch.setattr(working, "_decoded", failing(9, gone, None))
    monkeypatch.setattr(working, "decode_tiled", failing(9, gone, None))
    with pytest.raises(NotEnoughMemory, match="decoding a picture of 1024 x 256 pixels") as caught:
        kl.decode(latent(kl, 1024, 256), never, warn=heard)
    assert "Make the picture smaller" in str(caught.value)
    assert [message.split()[-2] for message in heard] == ["512", "256", "128"]


def test_other_errors_are_not_taken_for_it(kl: LiveVae, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_out_of_memory(RuntimeError("shapes don't fit"))
    monkeypatch.setattr(working, "_decoded", failing(1, ValueError("no"), None))
    with pytest.raises(ValueError, match="no"):
        kl.decode(latent(kl, 32, 32), never)


# ------------------------------------------------------------------ what is estimated


class Tracked(TorchDispatchMode):
    """Counts the bytes of all storages that are alive at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self.known: set[int] = set()

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, tuple | list) else (result,):
            if isinstance(tensor, torch.Tensor):
                self.count(tensor)
        return result

    def count(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        if (address := storage.data_ptr()) not in self.known:
            self.known.add(address)
            self.now += storage.nbytes()
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self.forget, address, storage.nbytes())

    def forget(self, address: int, size: int) -> None:
        self.known.discard(address)
        self.now -= size


@pytest.mark.parametrize("way", ["decode", "encode"])
def test_the_estimate_covers_what_is_held_and_not_much_more(stage: LiveVae, way: str) -> None:
    """Without the copies that convolutions make: they don't show here (docs/vae.md has them)."""
    side, step = 128, stage.space.downscale
    if way == "decode":
        halves = decoder_halves(stage.module, step)
        layers, x = (*halves.whole, *halves.tiled_layers), latent(stage, side, side).samples
    else:
        halves = encoder_halves(stage.module, step)
        layers, x = (*halves.tiled_layers, *halves.whole), picture(side, side).pixels
    assert x is not None
    with torch.no_grad(), Tracked() as tracked:
        run(layers, x)
    estimate = need_of(halves, copies=False).bytes(side * side, 4)
    assert tracked.peak <= 1.01 * estimate <= 1.5 * tracked.peak


def test_the_largest_tile_that_fits_is_taken(kl: LiveVae) -> None:
    need = need_of(decoder_halves(kl.module, 8))
    pixels = 4096 * 4096
    # Nine tenths of what is free are taken.
    enough = int(need.tiled_bytes(pixels, 768, 4) / 0.9) + 1
    assert enough < need.bytes(pixels, 4)
    tiles = [tile_that_fits(need, pixels, 4, free) for free in (0, enough - 10, enough, 10**12)]
    assert tiles == [TILES[-1], 512, 768, TILES[0]]


# ------------------------------------------------------------------ overflow


def overflowing() -> Any:
    """Of which float16 overflows in the decoder and in the encoder, and float32 doesn't."""
    module = make(KL)
    module.decoder.conv_in.weight.mul_(60_000 / module.decoder.conv_in.weight.abs().max())
    module.encoder.conv_in.weight.mul_(60_000 / module.encoder.conv_in.weight.abs().max())
    return module


@pytest.mark.parametrize("tile", [None, 96])
def test_what_overflows_is_done_again_in_float32(tile: int | None) -> None:
    half = live(overflowing(), torch.float16)
    full = live(torch.nn.Module.float(copy.deepcopy(half.module)))
    before = {name: tensor.clone() for name, tensor in half.module.state_dict().items()}
    heard, given, pixels = Heard(), latent(half, 160, 96, batch=2), picture(160, 96)
    assert given.samples is not None
    given.samples.mul_(100)
    found = half.decode(given, never, tile=tile, warn=heard).pixels
    assert torch.equal(found, full.decode(given, never, tile=tile).pixels)
    assert heard == ["decoding in float16 gave NaN or infinity: done again in float32"]
    latents = half.encode(pixels, never, tile=tile, warn=heard).samples
    wanted = full.encode(pixels, never, tile=tile).samples
    assert latents is not None
    assert wanted is not None
    assert torch.equal(latents, wanted)
    assert len(heard) == 2
    # Other nodes find the module as it was.
    after = half.module.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert after["encoder.conv_in.weight"].dtype is torch.float16


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_damaged_weights_are_no_overflow(dtype: torch.dtype) -> None:
    module = make(KL)
    module.decoder.conv_out.bias[0] = float("nan")
    broken, heard = live(module, dtype), Heard()
    with pytest.raises(NotFinite, match="decoding gives NaN or infinity, in float32 too"):
        broken.decode(latent(broken, 32, 32), never, warn=heard)
    assert len(heard) == (dtype is torch.bfloat16)
