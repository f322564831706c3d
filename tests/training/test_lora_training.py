"""Training of LoRAs: what is changed, what stays, and files that do what was trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors import safe_open
from tiny_denoiser import CPU, Killed, Log, latents, models, same, snapshot, tokenizer, unet

from studio.diffusion.lora.live import Loras
from studio.diffusion.lora.summary import summarise
from studio.diffusion.weights.header import read_header
from studio.training import lora
from studio.training.world import Mix, scene
from studio.values import FileRef, LoraRef

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

    from studio.training.lora import Change, Format

STRIPED = Mix(styles=(0.3, 0.7, 0.0))
TRIGGER = "striped style"


def never(words: str) -> None:
    raise AssertionError(f"a warning: {words}")


def wide() -> Any:
    """A UNet with all kinds of layers that are changed: samplers and shortcuts, too."""
    return unet((16, 32)).eval().requires_grad_(False)


def run(model: Any) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(2, 4, 8, 8, generator=generator)
    words = torch.randn(2, 7, 16, generator=generator)
    with torch.no_grad():
        return model(x, torch.tensor([20, 700]), words, return_dict=False)[0]  # type: ignore[no-any-return]


def learnt(model: Any, *, convolutions: bool) -> dict[str, Change]:
    """As after a training: no factor is nothing, and all are what float16 can hold."""
    changes = lora.begin(model, 4, 1, convolutions=convolutions)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for each in changes.values():
            each.up.normal_(std=0.2, generator=generator)
            for factor in (each.down, each.up):
                factor.copy_(factor.half())
    return changes


def write(path: Path, changes: dict[str, Change], format: Format) -> Path:
    lora.write(path, changes, format, title="Striped", trigger=TRIGGER, base="pocket")
    return path


def test_which_layers_are_changed() -> None:
    model = wide()
    linear, all_ = (set(lora.begin(model, 4, 1, convolutions=each)) for each in (False, True))
    block = "up_blocks.0.attentions.1.transformer_blocks.0"
    endings = ("to_q", "to_k", "to_v", "to_out.0")
    attention = {f"{block}.{which}.{end}" for which in ("attn1", "attn2") for end in endings}
    forward = {f"{block}.ff.net.0.proj", f"{block}.ff.net.2"}
    assert {path for path in linear if path.startswith(f"{block}.")} == attention | forward
    # Two blocks down with one transformer each, one in the middle, two with two each up.
    assert len(linear) == 7 * 10
    assert linear < all_
    assert {
        "down_blocks.0.resnets.0.conv1",
        "down_blocks.0.downsamplers.0.conv",
        "down_blocks.1.resnets.0.conv_shortcut",
        "mid_block.resnets.1.conv2",
        "mid_block.attentions.0.proj_in",
        "up_blocks.0.upsamplers.0.conv",
        "up_blocks.1.attentions.0.proj_out",
    } < all_
    assert not all_ & {"conv_in", "conv_out", "time_embedding.linear_1"}


def test_it_begins_as_nothing_and_follows_from_the_seed() -> None:
    model = wide()
    plain = run(model)
    one, again, other = (lora.begin(model, 4, seed, convolutions=True) for seed in (1, 1, 2))
    with lora.applied(model, one):
        assert torch.equal(run(model), plain)
    downs = [[each.down.detach() for each in changes.values()] for changes in (one, again, other)]
    assert same(downs[0], downs[1])
    assert not same(downs[0], downs[2])


@pytest.mark.parametrize("convolutions", [False, True])
@pytest.mark.parametrize("format", ["peft", "kohya"])
def test_the_file_does_what_was_trained(tmp_path: Path, format: Format, convolutions: bool) -> None:
    model = wide()
    plain, parameters = run(model), dict(model.named_parameters())
    changes = learnt(model, convolutions=convolutions)
    with lora.applied(model, changes):
        wanted = run(model)
    assert float((wanted - plain).abs().max()) > 0.05
    # The very same objects are back.
    assert all(value is parameters[name] for name, value in model.named_parameters())
    path = write(tmp_path / "l.safetensors", changes, format)
    loras = Loras()
    for strength, expected in ((1.0, wanted), (0.0, plain)):
        refs = (LoraRef(FileRef("l", str(path), "l"), strength),)
        loras.on_unet(model, refs, family="sd1", warn=never)
        if strength:
            torch.testing.assert_close(run(model), expected, rtol=1e-5, atol=1e-5)
        else:
            assert torch.equal(run(model), expected)
    _check_peft(path, wanted)


def _check_peft(path: Path, wanted: Tensor) -> None:
    """Diffusers, by PEFT, makes the same of the file; where it is installed."""
    pytest.importorskip("peft")
    from diffusers.loaders import StableDiffusionLoraLoaderMixin as Loader

    model = wide()
    state, alphas, metadata = Loader.lora_state_dict(
        str(path), unet_config=model.config, return_lora_metadata=True
    )
    Loader.load_lora_into_unet(state, alphas, model, metadata=metadata)
    torch.testing.assert_close(run(model), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("format", ["peft", "kohya"])
def test_what_the_file_says_of_itself(tmp_path: Path, format: Format) -> None:
    changes = learnt(wide(), convolutions=True)
    path = write(tmp_path / "one.safetensors", changes, format)
    header = read_header(path)
    shapes = {name: tuple(info.shape) for name, info in header.tensors.items()}
    summary = summarise(header.metadata, shapes)
    assert (summary.form, summary.layers, summary.ranks) == ("LoRA", (len(changes), 0), (4,))
    assert (summary.family, summary.trigger) == (None, TRIGGER)
    assert {("title", "Striped"), ("trained on", "pocket"), ("licence", "Apache-2.0")} < set(
        summary.notes
    )
    noted = {("network", "networks.lora"), ("rank", "4"), ("alpha", "4")} < set(summary.notes)
    assert noted == (format == "kohya")
    with safe_open(path, "pt") as file:
        assert {file.get_tensor(name).dtype for name in file.keys()} == {torch.float16}  # noqa: SIM118


def test_a_file_is_written_whole_and_always_the_same(tmp_path: Path) -> None:
    changes = learnt(wide(), convolutions=False)
    path = tmp_path / "l.safetensors"
    path.write_bytes(b"an older one")
    first = write(path, changes, "kohya").read_bytes()
    # The library puts its notes in another order each time: 6 equal ones are no chance.
    assert {write(path, changes, "kohya").read_bytes() for _ in range(6)} == {first}
    assert [each.name for each in tmp_path.iterdir()] == ["l.safetensors"]


def train(
    folder: Path, kill: int | None = None, look: Callable[[Any, int], None] | None = None
) -> tuple[list[Tensor], Log]:
    """Changes of a tiny training, and what was told of it."""
    folder.mkdir(exist_ok=True)
    model, text = models()
    before, log = snapshot(model, text), Log(kill)
    try:
        changes = lora.train(
            lora.Plan(TRIGGER, "v_prediction", 2, True, 7, batch=4, rate=1e-2),
            model, text, tokenizer(), latents(8), STRIPED, 1, folder,
            device=CPU,
            tell=log,
            look=None if look is None else lambda done: look(model, done),
            every=3,
        )  # fmt: skip
    finally:
        assert same(snapshot(model, text), before)
    assert all(each.up.any() for each in changes.values())
    return snapshot(*changes.values()), log


def test_killed_and_resumed_is_as_another_never_killed(tmp_path: Path) -> None:
    looks = []

    def look(model: Any, done: int) -> None:
        looks.append(run(model))

    whole, told = train(tmp_path / "whole", look=look)
    assert len(looks) == 7
    # It sees the LoRA at work.
    assert not torch.equal(looks[0], looks[-1])
    with pytest.raises(Killed):
        train(tmp_path / "killed", kill=5)
    resumed, rest = train(tmp_path / "killed")
    assert same(whole, resumed)
    assert rest.figures == {step: told.figures[step] for step in range(4, 8)}


def test_the_loss_falls(tmp_path: Path) -> None:
    model, text = models()
    log = Log()
    lora.train(
        lora.Plan(TRIGGER, "epsilon", 8, True, 20, batch=4, rate=3e-2),
        model, text, tokenizer(), latents(8), STRIPED, 1, tmp_path,
        device=CPU,
        tell=log,
    )  # fmt: skip
    mse = [figures["mse"] for figures in log.figures.values()]
    assert sum(mse[-6:]) / 6 < 0.8 * sum(mse[:4]) / 4


def test_captions_say_the_trigger_for_the_style() -> None:
    numbers = torch.arange(60)
    first, second = (lora._captions(TRIGGER, 1, STRIPED, numbers, each) for each in (0, 1))
    assert first != second
    styled = [scene(1, number, STRIPED).things[0].style != "plain" for number in range(60)]
    assert 0 < sum(styled) < 60
    for said in (first, second):
        assert [text.endswith(f", {TRIGGER}") for text in said] == styled
        assert not any("stripe" in text.removesuffix(f", {TRIGGER}") for text in said)
