"""The model store: what is shared, what is kept warm, and what goes."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
from checkpoint_bench import FLOAT32, recipes, same

from studio.diffusion.store import ModelStore

if TYPE_CHECKING:
    from pathlib import Path

    from graph_bench import Bench

    from studio.values import CheckpointRef, Clip, Model, Vae


@pytest.fixture
def parts(bench: Bench, tiny: Path) -> tuple[Model, Clip, Vae]:
    assert tiny.is_dir()
    return recipes(bench)


def live(model: Any, text: Any, vae: Any) -> tuple[Any, ...]:
    """The modules of what the store hands out."""
    return model.unet, text.encoders[0].module, vae.module


SIZES = {"unet": 820_000, "text": 112_000, "vae": 213_000}
"""About, in bytes."""


def test_a_second_use_loads_nothing(parts: tuple[Model, Clip, Vae]) -> None:
    model, clip, vae = parts
    store = ModelStore(FLOAT32)
    first = (store.model(model), store.text(clip), store.vae(vae))
    loaded, held = store.loading_seconds, store.bytes
    assert loaded > 0
    assert store.reused_seconds == 0
    second = (store.model(model), store.text(clip), store.vae(vae))
    assert live(*first) == live(*second)
    assert store.loading_seconds == loaded
    assert store.reused_seconds == pytest.approx(loaded)
    assert store.bytes == held
    assert held == sum(
        tensor.numel() * tensor.element_size()
        for module in live(*first)
        for tensor in (*module.parameters(), *module.buffers())
    )


def test_equal_contents_share_their_modules(bench: Bench, tiny: Path) -> None:
    shutil.copytree(tiny, tiny.parent / "copy")
    store = ModelStore(FLOAT32)
    one, two = recipes(bench)[0], recipes(bench, "copy")[0]
    assert one.checkpoint.path != two.checkpoint.path
    assert store.model(one).unet is store.model(two).unet


def test_the_least_recently_used_goes_when_the_budget_is_spent(
    parts: tuple[Model, Clip, Vae],
) -> None:
    model, clip, vae = parts
    store = ModelStore(FLOAT32, budget=SIZES["unet"] + SIZES["vae"] + 50_000)
    first_vae, first_unet = store.vae(vae), store.model(model)
    assert store.vae(vae).module is first_vae.module  # now the unet was used longest ago
    store.text(clip)
    assert store.bytes < SIZES["unet"]
    assert store.vae(vae).module is first_vae.module
    reused = store.reused_seconds
    again = store.model(model)
    assert again.unet is not first_unet.unet
    assert store.reused_seconds == reused
    assert same(again.unet.state_dict(), first_unet.unet.state_dict())


def test_what_is_in_use_stays_though_it_is_over_the_budget(parts: tuple[Model, Clip, Vae]) -> None:
    model, clip, vae = parts
    store = ModelStore(FLOAT32, budget=1)
    for _ in range(2):
        for use in (
            lambda: store.model(model).unet,
            lambda: store.text(clip).encoders[0].module,
            lambda: store.vae(vae).module,
        ):
            use()
            assert use() is use()
    assert store.bytes < SIZES["unet"]
    store.clear()
    assert store.bytes == 0


def test_a_checkpoint_that_vanished_is_named(parts: tuple[Model, Clip, Vae], tiny: Path) -> None:
    reference: CheckpointRef = parts[0].checkpoint
    shutil.rmtree(tiny)
    with pytest.raises(Exception, match=str(tiny)) as caught:
        ModelStore(FLOAT32).model(parts[0])
    assert caught.value.exit_code == 2  # type: ignore[attr-defined]
    assert reference.path == str(tiny)
