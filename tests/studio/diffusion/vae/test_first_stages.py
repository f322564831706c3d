"""Decoding and encoding without tiles: the library's own, to the bit."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tiny_stages import KL, VQ, latent, live, make, moments, never, picture

from studio.diffusion.noise import BadSeed, initial_noise
from studio.diffusion.spaces import fits, without_scale
from studio.diffusion.vae import BadTiling, LiveVae, TooSmall, WrongSpace, crop_to_multiple
from studio.diffusion.vae.codebook import quantise
from studio.values import Latent, LatentSpace


def pixels_of(decoded: torch.Tensor) -> torch.Tensor:
    return (decoded * 0.5 + 0.5).clamp(0, 1)


def test_decoding_is_the_librarys(stage: LiveVae) -> None:
    given = latent(stage, 64, 48, batch=2)
    assert given.samples is not None
    before = given.samples.clone()
    found = stage.decode(given, never).pixels
    wanted = torch.cat([stage.module.decode(one[None]).sample for one in given.samples])
    assert torch.equal(found, pixels_of(wanted))
    assert torch.equal(given.samples, before)


def test_encoding_is_the_librarys(stage: LiveVae) -> None:
    given = picture(64, 48, batch=2)
    before = given.pixels.clone()
    found = stage.encode(given, never)
    each = [stage.module.encode(one[None] * 2 - 1) for one in given.pixels]
    wanted = [e.latents if stage.quantised else e.latent_dist.mode() for e in each]
    assert found.samples is not None
    assert torch.equal(found.samples, torch.cat(wanted))
    assert found.samples.is_contiguous()
    assert (found.space, found.width, found.height, found.batch) == (stage.space, 64, 48, 2)
    assert torch.equal(given.pixels, before)


def test_a_draw_from_the_posterior(kl: LiveVae) -> None:
    given = picture(32, 48, batch=2)
    found = kl.encode(given, never, seed=7).samples
    assert found is not None
    mean, log_variance = torch.cat([moments(kl, one[None]) for one in given.pixels]).chunk(2, 1)
    noise = initial_noise(tuple(mean.shape), 7)
    assert torch.equal(found, mean + torch.exp(0.5 * log_variance) * noise)
    # As the library draws, given its noise: from a generator of the same seed.
    drawn = kl.module.encode(given.pixels * 2 - 1).latent_dist.sample(
        torch.Generator().manual_seed(7)
    )
    torch.testing.assert_close(found, drawn, rtol=1e-4, atol=1e-5)
    other = kl.encode(given, never, seed=8).samples
    assert other is not None
    assert not torch.equal(found, other)
    with pytest.raises(BadSeed):
        kl.encode(given, never, seed=-1)


def test_a_vq_model_has_nothing_to_draw(vq: LiveVae) -> None:
    one, two = (vq.encode(picture(32, 32), never, seed=seed).samples for seed in (None, 3))
    assert one is not None
    assert two is not None
    assert torch.equal(one, two)


def test_an_empty_latent_is_zeros(stage: LiveVae) -> None:
    space = stage.space
    empty = stage.decode(Latent(None, None, 64, 48, 2), never).pixels
    step = space.downscale
    zeros = torch.zeros(2, space.channels, 48 // step, 64 // step)
    assert torch.equal(empty, stage.decode(Latent(zeros, space, 64, 48, 2), never).pixels)


def test_half_precision_is_the_librarys_too() -> None:
    half = live(make(KL), torch.bfloat16)
    given = latent(half, 32, 32)
    assert given.samples is not None
    wanted = half.module.decode(given.samples.bfloat16()).sample.float()
    found = half.decode(given, never).pixels
    assert found.dtype is torch.float32
    assert torch.equal(found, pixels_of(wanted))


# ------------------------------------------------------------------ quantising


@pytest.mark.parametrize("chunk", [2**24, 64 * 7])
def test_quantising_is_the_librarys(
    vq: LiveVae, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studio.diffusion.vae.codebook._CHUNK", chunk)
    z = torch.randn(2, 3, 5, 9, generator=torch.Generator().manual_seed(2))
    codebook = vq.module.quantize.embedding.weight
    found = quantise(codebook, z)
    assert torch.equal(found, vq.module.quantize(z)[0])
    # By hand: of all entries, the nearest.
    apart = (z.movedim(1, -1)[..., None, :] - codebook).square().sum(-1)
    torch.testing.assert_close(found.movedim(1, -1), codebook[apart.argmin(-1)])


def test_quantising_in_half_precision_takes_the_entry_that_float32_does(vq: LiveVae) -> None:
    codebook = vq.module.quantize.embedding.weight.half()
    z = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(3)).half()
    assert torch.equal(quantise(codebook, z), quantise(codebook.float(), z.float()))


# ------------------------------------------------------------------ builds that tiles don't know


def test_norms_that_look_at_the_latent_work_without_tiles() -> None:
    """MoVQ's decoder (spatial norms)."""
    blocks = {
        "block_out_channels": (32, 32),
        "down_block_types": ("DownEncoderBlock2D",) * 2,
        "up_block_types": ("UpDecoderBlock2D",) * 2,
    }
    odd = live(make({**VQ, **blocks, "norm_type": "spatial"}))
    given = latent(odd, 32, 32)
    assert given.samples is not None
    wanted = pixels_of(odd.module.decode(given.samples).sample)
    assert torch.equal(odd.decode(given, never).pixels, wanted)
    with pytest.raises(BadTiling, match="can't work in tiles: its norms look at the latent"):
        odd.decode(given, never, tile=64)
    # Its encoder has plain norms.
    odd.encode(picture(32, 32), never, tile=64)


# ------------------------------------------------------------------ progress and cancelling


def test_progress_counts_pictures(kl: LiveVae) -> None:
    seen: list[tuple[int, int]] = []
    kl.decode(latent(kl, 32, 32, batch=3), never, progress=lambda *step: seen.append(step))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    seen.clear()
    kl.encode(picture(32, 32, batch=2), never, progress=lambda *step: seen.append(step))
    assert seen == [(1, 2), (2, 2)]


class Stop(Exception):
    """Somebody asked to stop."""


@pytest.mark.parametrize("after", [0, 1, 3])
def test_it_stops_between_pictures_and_tiles(kl: LiveVae, after: int) -> None:
    asked = 0

    def check() -> None:
        nonlocal asked
        asked += 1
        if asked > after:
            raise Stop

    with pytest.raises(Stop):
        kl.decode(latent(kl, 32, 32, batch=4), check)
    asked = 0
    with pytest.raises(Stop):
        kl.encode(picture(192, 96), check, tile=64)


# ------------------------------------------------------------------ what doesn't fit


def test_a_latent_of_another_space(kl: LiveVae, vq: LiveVae) -> None:
    with pytest.raises(WrongSpace, match=r"vq-f4-c3-1 \(3 channels\).*kl-f8-c4-0.3 \(4 channels"):
        kl.decode(latent(vq, 32, 32), never)


def test_a_space_without_its_scale_fits_every_scale(kl: LiveVae) -> None:
    given = latent(kl, 32, 32)
    loose = replace(kl, space=without_scale(kl.space))
    assert loose.space.name == "kl-f8-c4"
    assert torch.equal(loose.decode(given, never).pixels, kl.decode(given, never).pixels)
    kl.decode(replace(given, space=loose.space), never)
    names = ["kl-f8-c4", "kl-f8-c4-0.18215", "kl-f8-c4-0.13025", "kl-f8-c16", "vq-f8-c4-1"]
    spaces = [LatentSpace(name, 4, 8, 1.0) for name in names]
    pairs = {(a.name, b.name) for a in spaces for b in spaces if fits(a, b)}
    same = {(name, name) for name in names}
    either = {(names[0], name) for name in names[1:3]}
    assert pairs == same | either | {(b, a) for a, b in either}


def test_cropping_takes_the_middle() -> None:
    given = picture(37, 50)
    found = crop_to_multiple(given, 8).pixels
    assert torch.equal(found, given.pixels[..., 1:49, 2:34])
    whole = picture(40, 48)
    assert crop_to_multiple(whole, 8) is whole
    with pytest.raises(TooSmall, match="is 7 x 50 pixels; the VAE needs at least 8 x 8"):
        crop_to_multiple(picture(7, 50), 8)
