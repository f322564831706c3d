"""What each family's UNet is told, against the library's own UNets called by hand."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from tiny_models import live, random_conditioning

from studio.diffusion.guidance import (
    MissingConcat,
    MissingLevel,
    MissingPooled,
    MissingText,
    UnwantedPicture,
    UnwantedText,
    WrongConcat,
    WrongPooledWidth,
    WrongSides,
    concat_of_latent,
    guide,
)
from studio.diffusion.guidance.steering import fit_concat
from studio.diffusion.noise import initial_noise
from studio.values import Concat, Conditioning, ConditioningEntry, PixelArea, SizeHints

if TYPE_CHECKING:
    from torch import Tensor

    from studio.diffusion.denoiser import LiveModel

T, CFG, BATCH, SIZE, POOLED = 321, 5.0, 2, (12, 16), 20
X = initial_noise((BATCH, 4, *SIZE), 1) * 3


def conditional(**options: Any) -> Any:
    """A tiny UNet2DConditionModel."""
    from diffusers import UNet2DConditionModel

    with torch.random.fork_rng():
        torch.manual_seed(0)
        unet = UNet2DConditionModel(
            sample_size=8,
            out_channels=4,
            block_out_channels=(16, 32),
            layers_per_block=1,
            norm_num_groups=4,
            cross_attention_dim=24,
            attention_head_dim=4,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            **{"in_channels": 4, **options},
        )
    return unet.eval().requires_grad_(False)


def sdxl(sizes: int) -> Any:
    return conditional(
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=POOLED + 8 * sizes,
    )


def unconditional(**options: Any) -> Any:
    """A tiny UNet2DModel."""
    from diffusers import UNet2DModel

    with torch.random.fork_rng():
        torch.manual_seed(0)
        unet = UNet2DModel(
            sample_size=8,
            out_channels=4,
            block_out_channels=(16, 32),
            layers_per_block=1,
            norm_num_groups=4,
            attention_head_dim=4,
            down_block_types=("DownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "UpBlock2D"),
            **{"in_channels": 4, **options},
        )
    return unet.eval().requires_grad_(False)


@pytest.fixture
def make(sd_sigmas: Any, tiny_space: Any) -> Any:
    return lambda unet: live(unet, sd_sigmas, tiny_space)


def by_hand(model: LiveModel, beside: Tensor | None = None, x: Tensor = X, **told: Any) -> Tensor:
    """x0 by the library's call, at timestep T."""
    sigma = float(model.sigmas.sigmas[T])
    seen = x / (sigma**2 + 1) ** 0.5
    if beside is not None:
        seen = torch.cat([seen, beside], dim=1)
    unet: Any = model.unet
    return x - sigma * unet(seen, T, **told).sample


def words(index: int, **more: Any) -> ConditioningEntry:
    return replace(random_conditioning(index, 7).entries[0], **more)


def text(entry: Any) -> Any:
    return entry.embeddings.expand(BATCH, -1, -1)


def run(model: LiveModel, positive: Any, negative: Any, cfg: float = CFG, **more: Any) -> Tensor:
    halves = Conditioning((positive,)), Conditioning((negative,))
    with torch.no_grad():
        denoise = guide(model, *halves, cfg, BATCH, size=SIZE, **more)
        return denoise(X, float(model.sigmas.sigmas[T]))


def check(x0: Tensor, cond: Tensor, uncond: Tensor) -> None:
    torch.testing.assert_close(x0, uncond + CFG * (cond - uncond), atol=2e-4, rtol=0)
    assert float((cond - uncond).abs().max()) > 0.005, "what is told must matter here"


# ------------------------------------------------------------------ SDXL


def pooled(seed: int) -> Tensor:
    return initial_noise((1, POOLED), seed)


def added(entry: ConditioningEntry, sizes: list[float]) -> dict[str, Tensor]:
    assert entry.pooled is not None
    return {
        "text_embeds": entry.pooled.expand(BATCH, -1),
        "time_ids": torch.tensor([sizes]).expand(BATCH, -1),
    }


def test_sdxl_is_told_pooled_text_and_the_latents_size(make: Any) -> None:
    model = make(sdxl(6))
    one, two = words(1, pooled=pooled(3)), words(2, pooled=pooled(4))
    sizes = [96.0, 128.0, 0, 0, 96, 128]
    cond, uncond = (
        by_hand(model, encoder_hidden_states=text(e), added_cond_kwargs=added(e, sizes))
        for e in (one, two)
    )
    check(run(model, one, two), cond, uncond)


def test_sdxl_is_told_the_sizes_of_an_entry(make: Any) -> None:
    model = make(sdxl(6))
    hints = SizeHints(1024, 768, 5, 7, 640, 512)  # width first here, height first there
    one = words(1, pooled=pooled(3), sizes=hints)
    two = words(1, pooled=pooled(3))
    cond = by_hand(
        model,
        encoder_hidden_states=text(one),
        added_cond_kwargs=added(one, [768.0, 1024, 7, 5, 512, 640]),
    )
    uncond = by_hand(
        model,
        encoder_hidden_states=text(two),
        added_cond_kwargs=added(two, [96.0, 128, 0, 0, 96, 128]),
    )
    check(run(model, one, two), cond, uncond)


@pytest.mark.parametrize("scores", [(None, None), (7.5, 1.0)])
def test_the_refiner_is_told_aesthetic_scores(make: Any, scores: Any) -> None:
    """6 and 2.5 where nobody says: as the library's pipeline and the peer."""
    model = make(sdxl(5))
    hints = [SizeHints(1024, 768, 5, 7, 640, 512, score) for score in scores]
    if scores == (None, None):
        expected = [96.0, 128, 0, 0, 6.0], [96.0, 128, 0, 0, 2.5]
        one, two = (words(1, pooled=pooled(3)) for _ in range(2))
    else:
        expected = [768.0, 1024, 7, 5, 7.5], [768.0, 1024, 7, 5, 1.0]
        one, two = (words(1, pooled=pooled(3), sizes=each) for each in hints)
    cond, uncond = (
        by_hand(model, encoder_hidden_states=text(e), added_cond_kwargs=added(e, sizes))
        for e, sizes in zip((one, two), expected, strict=True)
    )
    check(run(model, one, two), cond, uncond)


def test_an_area_of_sdxl_is_told_the_whole_size(make: Any) -> None:
    """As the peer: the crop is a crop of the picture, not a picture of its own."""
    told: list[Tensor] = []

    class Spy:
        config = sdxl(6).config

        def __call__(self, sample: Tensor, timestep: Tensor, **conditions: Any) -> Any:
            told.append(conditions["added_cond_kwargs"]["time_ids"])
            return (sample,)

    placed = words(1, pooled=pooled(3), area=PixelArea(0, 0, 64, 64))
    run(make(Spy()), placed, words(2, pooled=pooled(4)), cfg=1.0)
    assert told[0].tolist() == [[96.0, 128, 0, 0, 96, 128]] * BATCH


def test_sizes_keep_their_precision(sd_sigmas: Any, tiny_space: Any) -> None:
    """float16 has no 2049; text has the model's type."""
    told: list[Any] = []

    class Spy:
        config = sdxl(6).config

        def __call__(self, sample: Tensor, timestep: Tensor, **conditions: Any) -> Any:
            told.append(conditions["added_cond_kwargs"])
            return (sample,)

    model = replace(live(Spy(), sd_sigmas, tiny_space), dtype=torch.float16)
    hints = SizeHints(2049, 2051, 0, 0, 2049, 2051)
    run(model, words(1, pooled=pooled(3), sizes=hints), words(2), cfg=1.0)
    assert told[0]["time_ids"][0].tolist() == [2051, 2049, 0, 0, 2051, 2049]
    assert told[0]["text_embeds"].dtype == torch.float16


def test_sdxl_refuses_text_without_pooled_text(make: Any) -> None:
    with pytest.raises(MissingPooled, match="negative conditioning has no pooled"):
        run(make(sdxl(6)), words(1, pooled=pooled(3)), words(2))
    foreign = words(1, pooled=torch.zeros(1, POOLED + 3))
    with pytest.raises(WrongPooledWidth, match=rf"positive .* {POOLED + 3} wide, .* {POOLED}"):
        run(make(sdxl(6)), foreign, words(2))


def test_pooled_text_is_no_matter_to_others(make: Any) -> None:
    model = make(conditional())
    one, two = words(1, pooled=pooled(3), sizes=SizeHints(8, 8, 0, 0, 8, 8)), words(2)
    cond, uncond = (by_hand(model, encoder_hidden_states=text(e)) for e in (one, two))
    check(run(model, one, two), cond, uncond)


# ------------------------------------------------------------------ pictures beside the latent


def test_an_inpainting_model_sees_its_channels(make: Any) -> None:
    model = make(conditional(in_channels=9))
    beside = initial_noise((BATCH, 5, *SIZE), 7)
    entries = [words(i, concat=Concat(beside)) for i in (1, 2)]
    cond, uncond = (by_hand(model, beside, encoder_hidden_states=text(e)) for e in entries)
    check(run(model, *entries), cond, uncond)


def test_a_latent_among_the_channels_is_scaled_as_the_model_wants_it(make: Any) -> None:
    model = make(conditional(in_channels=9))
    beside = initial_noise((BATCH, 5, *SIZE), 7)
    space = model.space
    seen = torch.cat([beside[:, :1], (beside[:, 1:] - space.shift) * space.scaling_factor], dim=1)
    assert not torch.equal(seen, beside)
    entries = [words(i, concat=Concat(beside, latent=4)) for i in (1, 2)]
    cond, uncond = (by_hand(model, seen, encoder_hidden_states=text(e)) for e in entries)
    check(run(model, *entries), cond, uncond)


def test_channels_are_fitted_to_the_latent(make: Any) -> None:
    model = make(conditional(in_channels=9))
    small = initial_noise((1, 5, 6, 8), 7)
    fitted = torch.nn.functional.interpolate(small, size=SIZE, mode="bilinear")
    entries = [words(i, concat=Concat(small)) for i in (1, 2)]
    shown = fitted.expand(BATCH, -1, -1, -1)
    cond, uncond = (by_hand(model, shown, encoder_hidden_states=text(e)) for e in entries)
    check(run(model, *entries), cond, uncond)


@pytest.mark.parametrize(
    ("size", "part"),
    [
        ((24, 32), (slice(0, 24), slice(0, 32))),
        ((24, 48), (slice(0, 24), slice(8, 40))),  # too wide: 8 of each side go
        ((32, 32), (slice(4, 28), slice(0, 32))),
    ],
)
def test_channels_of_other_proportions_are_cut_evenly(size: Any, part: Any) -> None:
    given = initial_noise((3, 5, *size), 7)
    rows, columns = part
    expected = torch.nn.functional.interpolate(
        given[..., rows, columns], size=SIZE, mode="bilinear"
    )
    fitted = fit_concat(given, 4, *SIZE)
    assert torch.equal(fitted, expected[[0, 1, 2, 0]])


def test_an_area_sees_its_part_of_the_channels(make: Any) -> None:
    model = make(conditional(in_channels=9))
    beside = initial_noise((BATCH, 5, *SIZE), 7)
    entry = words(1, concat=Concat(beside), area=PixelArea(48, 16, 64, 48))
    x0 = run(model, entry, words(2, concat=Concat(beside)), cfg=1.0)
    rows, columns = slice(2, 8), slice(6, 14)
    alone = by_hand(
        model,
        beside[..., rows, columns],
        X[..., rows, columns],
        encoder_hidden_states=text(entry),
    )
    torch.testing.assert_close(x0[..., rows, columns], alone, atol=2e-4, rtol=0)


def test_channels_are_no_matter_to_models_without_them(make: Any) -> None:
    model = make(conditional())
    one, two = words(1, concat=Concat(torch.zeros(1, 5, *SIZE))), words(2)
    cond, uncond = (by_hand(model, encoder_hidden_states=text(e)) for e in (one, two))
    check(run(model, one, two), cond, uncond)


def test_missing_and_wrong_channels_are_refused(make: Any) -> None:
    model = make(conditional(in_channels=9))
    good = words(1, concat=Concat(torch.zeros(1, 5, *SIZE)))
    with pytest.raises(MissingConcat, match=r"5 channels .* negative .*InpaintModelConditioning"):
        run(model, good, words(2))
    wrong = words(1, concat=Concat(torch.zeros(1, 3, *SIZE)))
    with pytest.raises(WrongConcat, match=r"positive conditioning brings 3 channels .* 5"):
        run(model, wrong, good)


@pytest.mark.parametrize("masked", [True, False])
def test_an_inpainting_model_can_take_the_noise_mask(make: Any, masked: bool) -> None:
    """As the peer: the mask, rounded, and the latent; without a mask grey, to be repainted."""
    model = make(conditional(in_channels=9))
    latent = initial_noise((BATCH, 4, *SIZE), 9)
    mask = torch.rand(1, 1, *SIZE, generator=torch.Generator().manual_seed(2))
    if masked:
        beside = torch.cat([mask.round().expand(BATCH, -1, -1, -1), latent], dim=1)
    else:
        grey = torch.tensor([0.8223, -0.6876, 0.6364, 0.1380])
        beside = torch.cat([torch.ones(1), grey]).reshape(1, 5, 1, 1).expand(BATCH, 5, *SIZE)
    concat = concat_of_latent(model, latent, mask if masked else None)
    one, two = words(1), words(2)
    cond, uncond = (by_hand(model, beside, encoder_hidden_states=text(e)) for e in (one, two))
    check(run(model, one, two, concat=concat), cond, uncond)
    # What an entry brings itself wins.
    own = words(1, concat=Concat(torch.zeros(1, 5, *SIZE)))
    cond = by_hand(model, torch.zeros(BATCH, 5, *SIZE), encoder_hidden_states=text(own))
    check(run(model, own, two, concat=concat), cond, uncond)


def test_only_inpainting_models_have_such_a_default(make: Any) -> None:
    latent = torch.zeros(1, 4, *SIZE)
    assert concat_of_latent(make(conditional()), latent, None) is None
    assert concat_of_latent(make(conditional(in_channels=7)), latent, None) is None
    assert concat_of_latent(make(unconditional()), latent, None) is None


def test_the_upscaler_is_told_its_pictures_noise(make: Any) -> None:
    model = make(conditional(in_channels=7, num_class_embeds=400))
    beside = initial_noise((BATCH, 3, *SIZE), 7)
    entries = [words(i, concat=Concat(beside, level)) for i, level in ((1, 20), (2, 350))]
    cond, uncond = (
        by_hand(
            model,
            beside,
            encoder_hidden_states=text(e),
            class_labels=torch.tensor([level] * BATCH),
        )
        for e, level in zip(entries, (20, 350), strict=True)
    )
    check(run(model, *entries), cond, uncond)

    with pytest.raises(UnwantedPicture, match=r"positive .*would take no notice"):
        run(make(conditional()), *entries)
    unsaid = words(1, concat=Concat(beside))
    with pytest.raises(MissingLevel, match=r"positive .*UpscaleConditioning"):
        run(model, unsaid, entries[1])
    with pytest.raises(MissingConcat, match="UpscaleConditioning"):
        run(model, words(1), entries[1])


# ------------------------------------------------------------------ models without text

NOTHING = ConditioningEntry(None)


def test_an_unconditional_model_is_told_nothing(make: Any) -> None:
    model = make(unconditional())
    x0 = run(model, NOTHING, NOTHING, cfg=1.0)
    torch.testing.assert_close(x0, by_hand(model), atol=2e-4, rtol=0)
    # Guidance between two equal predictions changes nothing.
    torch.testing.assert_close(run(model, NOTHING, NOTHING), x0, atol=2e-4, rtol=0)


def test_super_resolution_sees_its_picture(make: Any) -> None:
    model = make(unconditional(in_channels=7))
    beside = initial_noise((BATCH, 3, *SIZE), 7)
    shown = ConditioningEntry(None, concat=Concat(beside))
    x0 = run(model, shown, shown, cfg=1.0)
    torch.testing.assert_close(x0, by_hand(model, beside), atol=2e-4, rtol=0)
    with pytest.raises(MissingConcat, match="SuperResolutionConditioning"):
        run(model, NOTHING, NOTHING, cfg=1.0)


def test_text_and_no_text_are_told_apart(make: Any) -> None:
    with pytest.raises(MissingText, match="positive conditioning brings no text"):
        run(make(conditional()), NOTHING, words(1))
    with pytest.raises(UnwantedText, match=r"negative conditioning brings a text.*NoText"):
        run(make(unconditional()), NOTHING, words(1))


def test_sides_that_a_model_without_text_cannot_halve(make: Any) -> None:
    """The library's UNet2DModel fails on them; its conditional one doesn't."""
    model = make(unconditional())
    nothing = Conditioning((NOTHING,))
    with pytest.raises(WrongSides, match=r"104x96 pixels .* multiples of 16.*Try 96x96"):
        guide(model, nothing, nothing, 1.0, 1, size=(12, 13))
    placed = Conditioning((NOTHING, replace(NOTHING, area=PixelArea(0, 0, 40, 64))))
    with pytest.raises(WrongSides, match="40x64"):
        guide(model, placed, nothing, 1.0, 1, size=SIZE)


def test_a_compiled_or_wrapped_unet_is_still_known(make: Any) -> None:
    """What a model wants is read off its config, not off its class."""
    wrapped = SimpleNamespace(config=unconditional().config)
    assert not make(wrapped).takes_text
    assert make(SimpleNamespace(config=conditional().config)).context_width == 24
    assert make(SimpleNamespace()).extra_channels is None
