"""LoadVae, VAEDecode, VAEEncode and their tiled kin, in graphs."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from graph_bench import Bench, graph
from PIL import Image as Pil
from tiny_folder import make_pipeline

from studio.errors import InputError, StudioError
from studio.execution import events
from studio.graph.errors import GraphInvalid
from studio.places import resources
from studio.values import Vae

if TYPE_CHECKING:
    from pathlib import Path

    from studio.values import Latent

CHECKPOINT = ("LoadCheckpoint", {"name": "tiny"})
NODES: dict[str, Any] = {
    "checkpoint": CHECKPOINT,
    "picture": ("LoadImage", {"path": "picture.png"}),
    "encoded": ("VAEEncode", {}, {"image": "picture.image", "vae": "checkpoint.vae"}),
    "decoded": ("VAEDecode", {}, {"latent": "encoded", "vae": "checkpoint.vae"}),
}


@pytest.fixture(autouse=True)
def picture(tmp_path: Path) -> Path:
    """A picture of 200 x 136 pixels."""
    rng = np.random.default_rng(3)
    small = Pil.fromarray(rng.integers(0, 256, (17, 25, 3), np.uint8))
    small.resize((200, 136), Pil.Resampling.BICUBIC).save(tmp_path / "picture.png")
    return tmp_path / "picture.png"


@pytest.fixture
def lone(tiny: Path, home: Path) -> Path:
    """The first stage of `tiny` as a folder of its own, named `alone`."""
    folder = home / "models" / "vae" / "alone"
    shutil.copytree(tiny / "vae", folder)
    return folder


def encoder(which: str = "VAEEncode", **params: Any) -> Any:
    return (which, params, {"image": "picture.image", "vae": "checkpoint.vae"})


def decoder(which: str = "VAEDecode", vae: str = "checkpoint.vae", **params: Any) -> Any:
    return (which, params, {"latent": "encoded", "vae": vae})


def results(bench: Bench, **nodes: Any) -> dict[str, Any]:
    """What these nodes give, beside those of `NODES`."""
    result = bench.run(graph(**{**NODES, **nodes}), [*nodes])
    if result.error is not None:
        raise result.error
    return {name: next(iter(result.values[name].values())) for name in nodes}


def steps(bench: Bench, name: str) -> list[tuple[int, int]]:
    return [
        (event.step, event.of)
        for event in bench.events
        if isinstance(event, events.NodeProgress) and event.node == name
    ]


@pytest.mark.usefixtures("tiny")
def test_tiled_nodes_give_what_the_others_give(bench: Bench) -> None:
    found = results(
        bench,
        encoded=encoder(),
        small=encoder("VAEEncodeTiled", tile_size=64),
        decoded=decoder(),
        tiles=decoder("VAEDecodeTiled", tile_size=64),
    )
    one, other = found["encoded"], found["small"]
    assert torch.allclose(one.samples, other.samples, atol=1e-4)
    assert (one.space, one.width, one.height) == (other.space, other.width, other.height)
    assert torch.allclose(found["decoded"].pixels, found["tiles"].pixels, atol=1e-4)
    assert not torch.equal(found["decoded"].pixels, found["tiles"].pixels), "tiles were not taken"
    for name in ("small", "tiles"):
        total = steps(bench, name)[0][1]
        assert steps(bench, name) == [(step + 1, total) for step in range(total)]
        assert total > 4
    assert steps(bench, "decoded") == [(1, 1)]
    assert not bench.warned


@pytest.mark.usefixtures("tiny")
def test_a_seed_draws_from_the_posterior(bench: Bench) -> None:
    found: dict[str, Latent] = results(
        bench,
        mode=encoder(),
        one=encoder(seed=1),
        again=encoder(seed=1),
        two=encoder(seed=2),
        tiles=encoder("VAEEncodeTiled", seed=1, tile_size=64),
    )
    samples = {name: latent.samples for name, latent in found.items()}
    assert torch.equal(samples["one"], samples["again"])  # type: ignore[arg-type]
    assert not torch.allclose(samples["one"], samples["two"])  # type: ignore[arg-type]
    assert not torch.allclose(samples["one"], samples["mode"])  # type: ignore[arg-type]
    assert torch.allclose(samples["one"], samples["tiles"], atol=1e-4)  # type: ignore[arg-type]


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("node", ["VAEEncode", "VAEEncodeTiled"])
def test_pictures_of_odd_sizes_are_cropped_with_a_word(
    bench: Bench, tmp_path: Path, node: str
) -> None:
    Pil.new("RGB", (70, 45), "red").save(tmp_path / "picture.png")
    latent = results(bench, small=encoder(node))["small"]
    assert (latent.width, latent.height) == (64, 40)
    assert bench.warned == ["cropped from 70 x 45 to 64 x 40, the next multiples of 8"]
    Pil.new("RGB", (70, 5), "red").save(tmp_path / "picture.png")
    with pytest.raises(StudioError, match=r"small \(.*\): the picture is 70 x 5 pixels; the VAE"):
        results(bench, small=encoder(node))


@pytest.mark.usefixtures("tiny")
def test_short_memory_is_told_to_the_user(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.diffusion.vae.memory.free_memory", lambda device: 1_000_000)
    results(bench, encoded=encoder(), decoded=decoder())
    assert [message.split(" at once")[0] for message in bench.warned] == [
        "encoding 200 x 136 pixels",
        "decoding 200 x 136 pixels",
    ]


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(
    ("node", "params", "words"),
    [
        ("VAEDecodeTiled", {"tile_size": 63}, "from 64 to 4096"),
        ("VAEDecodeTiled", {"tile_size": 5000}, "from 64 to 4096"),
        ("VAEEncode", {"seed": -1}, "from 0 to"),
    ],
)
def test_settings_that_cannot_be(
    bench: Bench, node: str, params: dict[str, Any], words: str
) -> None:
    make = decoder if "Decode" in node else encoder
    with pytest.raises(GraphInvalid, match=words):
        bench.plan(graph(**NODES, wrong=make(node, **params)), ["wrong"])


# ------------------------------------------------------------------ LoadVae


def test_a_first_stage_of_its_own(bench: Bench, lone: Path) -> None:
    found = results(
        bench,
        loaded=("LoadVae", {"name": "alone"}),
        decoded=decoder(),
        other=decoder(vae="loaded"),
    )
    loaded = found["loaded"]
    assert isinstance(loaded, Vae)
    assert loaded.alone
    assert (loaded.checkpoint.name, loaded.checkpoint.path) == ("alone", str(lone))
    assert torch.equal(found["decoded"].pixels, found["other"].pixels)


def test_a_file_alone_decodes_what_a_checkpoint_samples(bench: Bench, lone: Path) -> None:
    """Though it doesn't say how latents are scaled."""
    # A file doesn't say either how many groups its norms have: 32 are taken.
    folder = lone.parent.parent / "checkpoints" / "wide"
    pipeline = make_pipeline(vae_levels=(32, 32, 32, 32))
    for part in pipeline.vae.modules():
        if isinstance(part, torch.nn.GroupNorm):
            part.num_groups = 32
    pipeline.vae.register_to_config(norm_num_groups=32)
    pipeline.save_pretrained(folder)
    file = folder / "vae" / "diffusion_pytorch_model.safetensors"
    shutil.copy(file, lone.parent / "wide.safetensors")
    found = results(
        bench,
        checkpoint=("LoadCheckpoint", {"name": "wide"}),
        loaded=("LoadVae", {"name": "wide"}),
        decoded=decoder(),
        other=decoder(vae="loaded"),
    )
    assert torch.equal(found["decoded"].pixels, found["other"].pixels)


@pytest.mark.usefixtures("lone")
def test_a_name_that_is_not_there(bench: Bench) -> None:
    with pytest.raises(InputError, match="Did you mean alone"):
        bench.plan(graph(loaded=("LoadVae", {"name": "alonee"})), ["loaded"])


def test_a_changed_file_is_another_first_stage(bench: Bench, lone: Path) -> None:
    nodes = {"loaded": ("LoadVae", {"name": "alone"})}
    before = results(bench, **nodes)["loaded"]
    with (lone / "config.json").open("a") as file:
        file.write("\n")
    assert results(bench, **nodes)["loaded"] != before


@pytest.mark.usefixtures("tiny")
def test_a_lora_is_no_first_stage(bench: Bench, home: Path) -> None:
    folder = home / "models" / "vae"
    folder.mkdir(parents=True)
    shutil.copy(resources() / "loras" / "pocket-striped.safetensors", folder / "wrong.safetensors")
    words = r"decoded \(VAEDecode\): .* is no first stage: it is a LoRA"
    with pytest.raises(StudioError, match=words):
        results(bench, loaded=("LoadVae", {"name": "wrong"}), decoded=decoder(vae="loaded"))
