"""LoadLora and LoadLoraModelOnly, in graphs, with the LoRA that ships."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from graph_bench import Bench, graph
from safetensors.torch import save_file

from studio.errors import InputError
from studio.places import resources
from studio.values import Clip, Model

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

SHIPPED = resources() / "loras" / "pocket-striped.safetensors"
CHECKPOINT = ("LoadCheckpoint", {"name": "pocket"})
BOTH = {"model": "checkpoint.model", "clip": "checkpoint.clip"}


def recipes(bench: Bench, **loaders: Any) -> dict[str, Any]:
    document = graph(checkpoint=CHECKPOINT, **loaders)
    result = bench.run(document, [*loaders])
    if result.error is not None:
        raise result.error
    return {name: dict(result.values[name]) for name in loaders}


def test_a_lora_is_added_to_both_recipes(bench: Bench) -> None:
    params = {"model_strength": 0.8, "clip_strength": 0.4}
    found = recipes(bench, lora=("LoadLora", params, BOTH))["lora"]
    model, clip = found["model"], found["clip"]
    assert isinstance(model, Model)
    assert isinstance(clip, Clip)
    (on_model,), (on_clip,) = model.loras, clip.loras
    assert (on_model.strength, on_clip.strength) == (0.8, 0.4)
    assert on_model.file == on_clip.file
    assert on_model.file.name == "pocket-striped"
    assert on_model.file.path == str(SHIPPED)
    assert len(on_model.file.fingerprint) >= 32


def test_loras_stack_in_order(bench: Bench) -> None:
    found = recipes(
        bench,
        first=("LoadLora", {"model_strength": 0.5}, BOTH),
        second=(
            "LoadLora",
            {"model_strength": -1.0},
            {"model": "first.model", "clip": "first.clip"},
        ),
        third=("LoadLoraModelOnly", {"strength": 2.0}, {"model": "second.model"}),
    )
    assert [lora.strength for lora in found["third"]["model"].loras] == [0.5, -1.0, 2.0]
    assert len(found["second"]["clip"].loras) == 2
    assert len(found["first"]["model"].loras) == 1


def test_a_strength_of_nought_is_not_there_at_all(bench: Bench) -> None:
    found = recipes(
        bench,
        plain=CHECKPOINT,
        both=("LoadLora", {"model_strength": 0.0, "clip_strength": 0.0}, BOTH),
        model=("LoadLoraModelOnly", {"strength": 0.0}, {"model": "checkpoint.model"}),
        clip=("LoadLora", {"model_strength": 0.0, "clip_strength": 1.0}, BOTH),
    )
    assert found["both"]["model"] == found["model"]["model"] == found["plain"]["model"]
    assert found["both"]["clip"] == found["plain"]["clip"]
    assert (found["clip"]["model"].loras, len(found["clip"]["clip"].loras)) == ((), 1)


def test_a_name_that_is_not_there(bench: Bench) -> None:
    document = graph(checkpoint=CHECKPOINT, lora=("LoadLora", {"name": "pocket-stripes"}, BOTH))
    with pytest.raises(InputError, match="Did you mean pocket-striped"):
        bench.plan(document)


@pytest.mark.parametrize("strength", [101, float("nan"), "much"])
def test_a_strength_that_makes_no_sense(strength: object, bench: Bench) -> None:
    document = graph(checkpoint=CHECKPOINT, lora=("LoadLora", {"model_strength": strength}, BOTH))
    with pytest.raises(InputError, match="model_strength"):
        bench.plan(document)


# ------------------------------------------------------------------ pictures


def painting(
    strength: float = 1.0, name: str = "pocket-striped", seed: int = 1, **settings: Any
) -> Any:
    params = {"seed": seed, "steps": 10, "cfg": 4.0, **settings}
    lora = {"name": name, "model_strength": strength, "clip_strength": strength}
    return graph(
        checkpoint=CHECKPOINT,
        lora=("LoadLora", lora, BOTH),
        positive=("TextEncode", {"text": PROMPT}, {"clip": "lora.clip"}),
        negative=("TextEncode", {"text": ""}, {"clip": "lora.clip"}),
        empty=("EmptyLatent", {"width": 128, "height": 128}),
        latent=("KSampler", params, {"model": "lora.model", "positive": "positive",
                                     "negative": "negative", "latent": "empty"}),
        image=("VAEDecode", {}, {"latent": "latent", "vae": "checkpoint.vae"}),
    )  # fmt: skip


PROMPT = "a yellow star on a purple background, striped style"


def picture(bench: Bench, document: Any, executor: Any) -> np.ndarray:
    pixels: Tensor = bench.value(document, "image", executor=executor).pixels
    return pixels[0].permute(1, 2, 0).numpy()  # type: ignore[no-any-return]


def stripes(pixels: np.ndarray) -> int:
    """How many pixels of the yellow star lie next to a stripe: bright and dark within 4 pixels."""
    brightness = pixels[..., :2].sum(-1)
    core = brightness[24:104, 24:104]
    bright = core > 1.3
    dark = np.zeros_like(bright)
    for shift in (2, 3, 4):
        for axis in (0, 1):
            one, two = np.roll(bright, shift, axis), np.roll(bright, -shift, axis)
            dark |= ~bright & one & two
    return int(dark.sum())


def test_the_lora_makes_stripes_and_its_absence_does_not(bench: Bench) -> None:
    executor = bench.executor()
    counts = {
        strength: [stripes(picture(bench, painting(strength, seed=seed), executor))
                   for seed in range(2)]
        for strength in (0.0, 1.0)
    }  # fmt: skip
    assert bench.warned == []
    assert max(counts[0.0]) < min(counts[1.0])


@pytest.fixture
def uncached(bench: Bench) -> None:
    """Everything is computed again at every run."""
    bench.session.cache.close()
    bench.session.cache = type(bench.session.cache).disabled()


@pytest.mark.usefixtures("uncached")
def test_on_and_off_again_gives_the_very_same_picture(bench: Bench) -> None:
    """In one process, on one live model: nothing of a LoRA is left behind."""
    executor = bench.executor()
    runs = [
        picture(bench, painting(strength, steps=2), executor)
        for strength in (0.0, 1.0, 0.5, 0.0, 1.0)
    ]
    assert np.array_equal(runs[0], runs[3])
    assert np.array_equal(runs[1], runs[4])
    assert not np.array_equal(runs[0], runs[2])
    assert not np.array_equal(runs[1], runs[2])


# ------------------------------------------------------------------ one model, several recipes


def own_lora(home: Path, seed: int) -> None:
    """Write `own.safetensors`: random factors on the tiny model's middle block and text."""
    generator = torch.Generator().manual_seed(seed)
    folder = home / "models" / "loras"
    folder.mkdir(parents=True, exist_ok=True)
    layers = {
        "lora_unet_mid_block_resnets_0_conv1": (32, (32, 3, 3)),
        "lora_te_text_model_encoder_layers_0_self_attn_q_proj": (24, (24,)),
    }
    tensors: dict[str, Tensor] = {}
    for base, (out, rest) in layers.items():
        up = (out, 2, *[1] * len(rest[1:]))
        tensors[f"{base}.lora_down.weight"] = torch.randn((2, *rest), generator=generator)
        tensors[f"{base}.lora_up.weight"] = torch.randn(up, generator=generator)
    save_file(tensors, folder / "own.safetensors")


def branch(lora: str | None) -> dict[str, Any]:
    """Nodes that sample with the recipe of the loader `lora`, or with the checkpoint's."""
    source = lora or "checkpoint"
    return {
        f"text_{source}": ("TextEncode", {"text": "a red circle"}, {"clip": f"{source}.clip"}),
        f"latent_{source}": ("KSampler", {"seed": 1, "steps": 2, "cfg": 3.0}, {
            "model": f"{source}.model", "positive": f"text_{source}",
            "negative": f"text_{source}", "latent": "empty"}),
    }  # fmt: skip


def samples(bench: Bench, *loras: str | None, executor: Any = None) -> dict[str, Tensor]:
    """The latents of one graph with a branch for each of these."""
    loaders = {
        "half": ("LoadLora", {"name": "own", "model_strength": 0.5, "clip_strength": 0.5}, BOTH),
        "full": ("LoadLora", {"name": "own"}, BOTH),
        "two": ("LoadLora", {"name": "own", "model_strength": -1.0},
                {"model": "half.model", "clip": "half.clip"}),
    }  # fmt: skip
    document = graph(
        checkpoint=("LoadCheckpoint", {"name": "tiny"}),
        empty=("EmptyLatent", {"width": 64, "height": 64}),
        **loaders,
        **{name: parts for lora in loras for name, parts in branch(lora).items()},
    )
    wanted = [f"latent_{lora or 'checkpoint'}" for lora in loras]
    result = bench.run(document, wanted, executor=executor)
    if result.error is not None:
        raise result.error
    assert bench.warned == []
    return {name: result.values[name]["latent"].samples for name in wanted}


@pytest.mark.usefixtures("tiny", "uncached")
def test_with_and_without_in_one_graph(bench: Bench, home: Path) -> None:
    own_lora(home, 1)
    kinds = (None, "half", "full", "two")
    alone = {name: found for kind in kinds for name, found in samples(bench, kind).items()}
    assert len({found.numpy().tobytes() for found in alone.values()}) == len(kinds)
    executor = bench.executor()
    for order in (("full", None, "two", "half"), (None, "two", "half", "full")):
        together = samples(bench, *order, executor=executor)
        assert all(torch.equal(found, alone[name]) for name, found in together.items())


@pytest.mark.usefixtures("tiny")
def test_a_file_that_changes_is_another_lora(bench: Bench, home: Path) -> None:
    """In one session, on one live model, with its results cached."""
    executor, found = bench.executor(), []
    for seed in (1, 2, 1):
        own_lora(home, seed)
        found.append(samples(bench, "full", executor=executor)["latent_full"])
    assert torch.equal(found[0], found[2])
    assert not torch.equal(found[0], found[1])


def test_a_strength_changes_the_keys_of_what_it_is_for_alone(bench: Bench) -> None:
    """Another strength on the model encodes no text again, through a stack of two as well."""

    def keys(model: float, clip: float) -> tuple[str, str]:
        first = {"model_strength": model, "clip_strength": clip}
        document = graph(
            checkpoint=CHECKPOINT,
            lora=("LoadLora", first, BOTH),
            second=("LoadLora", {}, {"model": "lora.model", "clip": "lora.clip"}),
            text=("TextEncode", {"text": "a"}, {"clip": "second.clip"}),
            only=("LoadLoraModelOnly", {}, {"model": "second.model"}),
            empty=("EmptyLatent", {"width": 64, "height": 64}),
            latent=("KSampler", {}, {"model": "only", "positive": "text", "negative": "text",
                                     "latent": "empty"}),
        )  # fmt: skip
        signed = bench.plan(document, ["latent"]).signed
        return signed["text"].key, signed["latent"].key

    plain, stronger, other = keys(1, 1), keys(0.5, 1), keys(1, 0.5)
    assert plain == keys(1, 1)
    assert plain[0] == stronger[0] != other[0]
    assert len({plain[1], stronger[1], other[1]}) == 3


def test_each_half_depends_on_what_is_declared(bench: Bench) -> None:
    """The recipes themselves say so: the keys rely on it."""
    found = recipes(
        bench,
        one=("LoadLora", {"model_strength": 0.5, "clip_strength": 0.4}, BOTH),
        two=("LoadLora", {"model_strength": 0.3, "clip_strength": 0.4}, BOTH),
        three=("LoadLora", {"model_strength": 0.5, "clip_strength": 0.0}, BOTH),
    )
    assert found["one"]["clip"] == found["two"]["clip"]
    assert found["one"]["model"] == found["three"]["model"]
