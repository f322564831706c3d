"""What tests of checkpoints share: a graph, its recipes, and equality to the bit."""

from __future__ import annotations

import logging
import pickle
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from graph_bench import Bench, graph

from benchmarks.compvis import TINY, shapes
from benchmarks.compvis.hollow import write_hollow
from studio.diffusion.checkpoints import read_checkpoint
from studio.diffusion.store import ModelStore
from studio.hardware import Policy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from studio.diffusion.checkpoints import Checkpoint
    from studio.values import Clip, Model, Vae

FLOAT32 = Policy("cpu", "cpu", "float32")
CPU = torch.device("cpu")
PROMPT = "a small orange heart on a yellow background"
AGAIN = "Copy or download the model again"

GRAPH: dict[str, Any] = {
    "checkpoint": ("LoadCheckpoint", {"name": "tiny"}),
    "words": ("TextEncode", {"text": PROMPT}, {"clip": "checkpoint.clip"}),
    "size": ("EmptyLatent", {"width": 64, "height": 64}),
    "sampler": (
        "KSampler",
        {"steps": 2},
        {"model": "checkpoint.model", "positive": "words", "negative": "words", "latent": "size"},
    ),
    "decode": ("VAEDecode", {}, {"latent": "sampler", "vae": "checkpoint.vae"}),
}


def recipes(bench: Bench, name: str = "tiny") -> tuple[Model, Clip, Vae]:
    """What LoadCheckpoint gives."""
    nodes = graph(checkpoint=("LoadCheckpoint", {"name": name}))
    values = bench.run(nodes, ["checkpoint"]).values["checkpoint"]
    return values["model"], values["clip"], values["vae"]


def same(state: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]) -> bool:
    """Equal names, types and bits."""
    return state.keys() == wanted.keys() and all(
        state[name].dtype == wanted[name].dtype and torch.equal(state[name], wanted[name])
        for name in wanted
    )


def modules(bench: Bench, policy: Policy = FLOAT32) -> tuple[Any, Any, Any]:
    """UNet, text encoder and first stage of `tiny`, loaded by the program."""
    model, clip, vae = recipes(bench)
    store = ModelStore(policy)
    return (
        store.model(model).unet,
        store.text(clip).encoders[0].module,
        store.vae(vae).module,
    )


def assert_loaded(bench: Bench, pipeline: Any) -> None:
    """The program's modules are the library's."""
    unet, text, vae = modules(bench)
    assert same(unet.state_dict(), pipeline.unet.state_dict())
    assert same(text.state_dict(), pipeline.text_encoder.state_dict())
    assert same(vae.state_dict(), pipeline.vae.state_dict())


def hollow(folder: Path, kind: str, drop: str = "", **options: Any) -> Path:
    """The tiny single file `kind`, of zeros.

    Args:
        folder: where.
        kind: one of `TINY`.
        drop: tensors whose names begin so are left out.
        options: `ema` of the layout, `more` tensors, and what `write_hollow` takes.
    """
    found = shapes(TINY[kind], ema=options.pop("ema", False), schedule=False)
    found |= options.pop("more", {})
    if drop:
        found = {name: shape for name, shape in found.items() if not name.startswith(drop)}
    return write_hollow(folder / f"{kind}.safetensors", found, **options)


def read(path: Path, prediction: str = "auto", ema: bool | None = None) -> Checkpoint:
    """The checkpoint `it`."""
    return read_checkpoint(path, "it", prediction, ema)


@contextmanager
def quiet_library() -> Iterator[None]:
    """The library's advice (no accelerate, safety checker) is no concern of these tests."""
    loggers = [logging.getLogger(name) for name in ("diffusers", "transformers")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


class Trap:
    """Unpickling it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.write_text, (self.path, "the pickle ran"))


def trap(path: Path, marker: Path) -> None:
    """Write a pickle that writes `marker` when it is opened; made sure of on the way."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(Trap(marker), protocol=2))
    pickle.loads(path.read_bytes())
    assert marker.read_text() == "the pickle ran", "the trap doesn't work"
    marker.unlink()
