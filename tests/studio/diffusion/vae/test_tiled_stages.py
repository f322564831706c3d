"""Tiles: nearly the whole picture, and no worse where they meet."""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_stages import CPU, KL, latent, live, make, moments, never, picture

from studio.diffusion.vae.memory import channels_in
from studio.diffusion.vae.norms import Counted, Moments, Own, SharedNorm, Tile
from studio.diffusion.vae.stages import Halves, decoder_halves, encoder_halves, run
from studio.diffusion.vae.tiled import decode_tiled, encode_tiled, grid_for
from studio.diffusion.vae.tiles import spans

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from studio.diffusion.vae import LiveVae

WIDTH, HEIGHT = 288, 192
TILE = 96


def silent(done: int, of: int) -> None:
    """Nobody watches."""


def halves_of(stage: LiveVae, way: str) -> Halves:
    make_halves = decoder_halves if way == "decode" else encoder_halves
    return make_halves(stage.module, stage.space.downscale)


def both(stage: LiveVae, way: str, tile: int = TILE) -> tuple[Tensor, Tensor]:
    """In tiles, and by the library at once."""
    halves = halves_of(stage, way)
    with torch.no_grad():
        if way == "decode":
            z = latent(stage, WIDTH, HEIGHT).samples
            assert z is not None
            quantised = {"force_not_quantize": True} if stage.quantised else {}
            whole = stage.module.decode(z, **quantised).sample
            return decode_tiled(halves, z, tile, silent), whole
        pixels = picture(WIDTH, HEIGHT).pixels
        whole = moments(stage, pixels)
        return encode_tiled(halves, pixels * 2 - 1, tile, silent), whole


def test_the_layers_in_a_row_are_the_library(stage: LiveVae) -> None:
    decoder, encoder = halves_of(stage, "decode"), halves_of(stage, "encode")
    z, pixels = latent(stage, 64, 48).samples, picture(64, 48).pixels
    assert z is not None
    with torch.no_grad():
        quantised = {"force_not_quantize": True} if stage.quantised else {}
        wanted = stage.module.decode(z, **quantised).sample
        assert torch.equal(run((*decoder.whole, *decoder.tiled_layers), z), wanted)
        wanted = moments(stage, pixels)
        assert torch.equal(run((*encoder.tiled_layers, *encoder.whole), pixels * 2 - 1), wanted)


@pytest.mark.parametrize("way", ["decode", "encode"])
def test_tiles_are_the_whole_but_for_rounding(stage: LiveVae, way: str) -> None:
    tiled, whole = both(stage, way)
    error = (tiled - whole).abs() / whole.std()
    assert float(error.max()) < 1e-3
    assert float(error.mean()) < 1e-5


def test_no_seams(stage: LiveVae) -> None:
    """Where tiles meet, the error is no larger and jumps no more than elsewhere."""
    tiled, whole = both(stage, "decode")
    error = (tiled - whole).mean(1)[0]
    for segment in halves_of(stage, "decode").tiled:
        grid = grid_for(segment, TILE, HEIGHT, WIDTH)
        assert grid.count >= 6
        for sides, across in ((grid.columns, error), (grid.rows, error.T)):
            jumps = across.diff(dim=1).abs().mean(0)
            borders = torch.zeros(len(jumps), dtype=torch.bool)
            for span in sides[1:]:
                border = span.first * segment.unit
                borders[border - 2 : border + 1] = True
            for values in (jumps, across[:, 1:].abs().mean(0)):
                assert float(values[borders].mean()) < 2 * float(values[~borders].mean()) + 1e-7


def test_tiles_by_themselves_would_show(kl: LiveVae) -> None:
    """The library's tiles have statistics of their own."""
    module = make(KL)
    module.enable_tiling()
    module.tile_sample_min_size, module.tile_latent_min_size = TILE, TILE // 8
    z = latent(kl, WIDTH, HEIGHT).samples
    assert z is not None
    with torch.no_grad():
        alone = module.decode(z).sample
    tiled, whole = both(kl, "decode")
    assert float((tiled - whole).abs().mean()) < 1e-3 * float((alone - whole).abs().mean())


@pytest.mark.parametrize("way", ["decode", "encode"])
def test_one_tile_is_the_whole_to_the_bit(stage: LiveVae, way: str) -> None:
    tiled, whole = both(stage, way, 4096)
    assert torch.equal(tiled, whole)


@pytest.mark.parametrize("tile", [-1, 0, 1, 70, 97])
def test_odd_tiles(kl: LiveVae, tile: int) -> None:
    """Too small ones are raised, others rounded."""
    given = latent(kl, 136, 40)
    found = kl.decode(given, never, tile=tile).pixels
    assert float((found - kl.decode(given, never).pixels).abs().max()) < 1e-5


def test_tiles_through_the_front(stage: LiveVae) -> None:
    seen: list[tuple[int, int]] = []
    given = latent(stage, 192, 96, batch=2)
    found = stage.decode(given, never, tile=TILE, progress=lambda *s: seen.append(s)).pixels
    whole = stage.decode(given, never).pixels
    assert found.shape == whole.shape == (2, 3, 96, 192)
    assert float((found - whole).abs().max()) < 1e-4
    total = seen[0][1]
    assert seen == [(step + 1, total) for step in range(total)]
    pixels = picture(192, 96, batch=2)
    one, other = (stage.encode(pixels, never, tile=t).samples for t in (TILE, None))
    assert one is not None
    assert other is not None
    torch.testing.assert_close(one, other, rtol=0, atol=1e-4)


def test_half_precision_in_tiles() -> None:
    """No further from float32 than the whole is."""
    full, half = live(make(KL)), live(make(KL), torch.bfloat16)
    given = latent(half, WIDTH, HEIGHT)
    exact = full.decode(given, never).pixels
    tiled, whole = (half.decode(given, never, tile=t).pixels for t in (TILE, None))
    far = [float((pixels - exact).abs().mean()) for pixels in (tiled, whole)]
    assert far[0] < 1.2 * far[1]


# ------------------------------------------------------------------ how a side is divided


@given(st.integers(1, 400), st.integers(1, 128), st.integers(0, 30))
@settings(max_examples=200, deadline=None)
def test_spans_cover_a_side_and_see_beyond_their_own(length: int, tile: int, reach: int) -> None:
    tile += 4 * reach
    found = spans(length, tile, reach)
    assert (found[0].start, found[-1].stop) == (0, length)
    assert (found[0].first, found[-1].last) == (0, length)
    assert {span.stop - span.start for span in found} == {found[0].stop}
    assert found[0].stop <= tile
    for before, after in itertools.pairwise(found):
        assert before.last == after.first
        assert after.first - after.start >= reach
        assert before.stop - before.last >= reach
    assert all(span.last > span.first for span in found)


@pytest.mark.parametrize("way", ["decode", "encode"])
def test_a_tile_sees_all_that_its_own_part_depends_on(stage: LiveVae, way: str) -> None:
    """By gradients: which inputs does the middle of a segment's result depend on?"""
    for segment in halves_of(stage, way).tiled:
        layers = [layer.module for layer in segment.layers]
        first, last = segment.layers[0], segment.layers[-1]
        into, out = segment.unit // first.shrink_in, segment.unit // last.shrink_out
        cells = 4 * segment.reach + 1
        x = torch.randn(1, channels_in(first), cells * into, cells * into, requires_grad=True)
        with without_norms(layers):
            result = run(segment.layers, x)
        middle = slice(cells // 2 * out, (cells // 2 + 1) * out)
        result[..., middle, middle].abs().sum().backward()
        assert x.grad is not None
        seen = x.grad[0].abs().sum((0, 1)).nonzero().flatten() // into
        reached = max(cells // 2 - int(seen.min()), int(seen.max()) - cells // 2)
        assert segment.reach - 1 <= reached <= segment.reach


@contextmanager
def without_norms(modules: list[torch.nn.Module]) -> Iterator[None]:
    """Norms see everything; put aside, what is left is what the convolutions see."""
    norms = [part for module in modules for part in module.modules() if is_norm(part)]
    hooks = [norm.register_forward_hook(lambda _, given, __: given[0]) for norm in norms]
    yield
    for hook in hooks:
        hook.remove()


def is_norm(module: torch.nn.Module) -> bool:
    return isinstance(module, torch.nn.GroupNorm)


# ------------------------------------------------------------------ statistics


def test_moments_of_parts_are_those_of_the_whole() -> None:
    values = torch.randn(2, 1000, dtype=torch.float64) * 3 + 1e6
    parts = [values[:, :10], values[:, 10:400], values[:, 400:]]

    def of(part: Tensor) -> Moments:
        mean = part.mean(1)
        return Moments(part.shape[1], mean, (part - mean[:, None]).square().sum(1))

    found = of(parts[0]).add(of(parts[1])).add(of(parts[2]))
    assert found.count == 1000
    torch.testing.assert_close(found.mean, values.mean(1))
    torch.testing.assert_close(found.variance, values.var(1, correction=0), rtol=1e-9, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_a_shared_norm_over_parts_is_the_norm_of_the_whole(dtype: torch.dtype) -> None:
    norm: Any = torch.nn.GroupNorm(4, 8, device=CPU)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    norm = norm.to(dtype)
    tile = Tile()
    shared = SharedNorm(norm, tile)
    x = (torch.randn(1, 8, 12, 16, generator=torch.Generator().manual_seed(0)) * 5).to(dtype)
    x[..., :4] += 20
    with torch.no_grad():
        for left, right in ((0, 6), (6, 16)):
            # Tiles of ten columns that share four; each column counts once.
            start, stop = max(left - 2, 0), min(right + 2, 16)
            tile.own = Own(12, stop - start, 0, 12, left - start, right - start)
            with pytest.raises(Counted):
                shared(x[..., start:stop])
        shared.settled = True
        found = torch.cat([shared(x[..., :7]), shared(x[..., 7:])], dim=-1)
        wanted = norm.float()(x.float())
    assert found.dtype is dtype
    tolerance = {torch.float32: 1e-5, torch.bfloat16: 0.04, torch.float16: 0.005}[dtype]
    torch.testing.assert_close(found.float(), wanted, rtol=tolerance, atol=tolerance)
