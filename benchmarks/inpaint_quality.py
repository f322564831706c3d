"""What inpainting paints: 50 fixed scenes, one shape hidden in each, another one asked for.

A judge (`studio.training.judge`) that knows nothing of models looks into the hole: is the new
shape there, in its colour? Around the hole every pixel is compared, and the seam is measured: the
mean gradient across the border of what was blended, against that of the surroundings. Both models
that ship run, in each of the three ways. The same prompts without any mask say what the model
itself can do.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.report import Figure, log
from studio.training.captions import NAMES
from studio.training.drawing import draw
from studio.training.heldout import Repair, repairs
from studio.training.judge import judge
from studio.training.measures import seam
from studio.training.quality import FEATHER, grainy, inside
from studio.training.world import SIZE, Mix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Pixels = NDArray[np.float32]
    Bytes = NDArray[np.uint8]

SAMPLED = {"steps": 20, "cfg": 4.0, "sampler": "dpmpp_2m", "schedule": "karras"}
BLENDED = {"feather": FEATHER, "match_colours": True}
SCENES = Mix(pairs=0, grounds=(1, 0, 0, 0))
"""One thing on a plain background: what is around a hole is of one colour."""


@dataclass(frozen=True)
class Found:
    """What came of one case.

    Args:
        right: the shape asked for, in its colour.
        coloured: the colour at least.
        changed: pixels that differ where the blend mask is 0, compared at 8 bits.
        seam: mean gradient across the border against that of the surroundings.
    """

    right: bool
    coloured: bool
    changed: int
    seam: float


def measure() -> list[Figure]:
    """The figures of what is painted."""
    figures = []
    chosen = cases()
    right = [
        [(thing.shape, thing.colour) for thing in judge(_bytes(picture)).things]
        == [(case.new.shape, case.new.colour)]
        for case, picture in zip(chosen, free_pictures(chosen), strict=True)
    ]
    figures.append(Figure("pocket, the same prompts without a mask: right", _share(right), "%"))
    goals = {"pocket": ">= 60", "pocket-inpaint": ">= 88"}
    for model, goal in goals.items():
        for way in WAYS:
            log(f"{model}, {way}")
            made = run(model, way, chosen)
            found = [check(case, picture) for case, picture in zip(chosen, made, strict=True)]
            what = f"{model}, {way}"
            seams = [each.seam for each in found]
            right = [each.right for each in found]
            figures += [
                Figure(f"{what}: shape and colour right", _share(right), "%", goal),
                Figure(f"{what}: colour right", _share([f.coloured for f in found]), "%"),
                Figure(f"{what}: pixels changed outside, all cases", sum(f.changed for f in found),
                       "", "<= 0"),
                Figure(f"{what}: seam, mean of the cases", float(np.mean(seams)), "x", "<= 1.5"),
                Figure(f"{what}: seam, worst case", max(seams), "x"),
            ]  # fmt: skip
    return figures


def cases(count: int = 50) -> list[Repair]:
    """The same at every call; a longer list begins with a shorter one. Nothing small."""
    return [each for each in repairs(2 * count, SCENES) if each.new.size != "small"][:count]


def prompt(case: Repair) -> str:
    """What to ask for, in the commonest words; the hole says how large it is to be."""
    (ground,), new = case.wanted.background.colours, case.new
    ink = a(f"{new.colour} {new.shape}")
    return f"{ink} {NAMES[new.place][0]} on {a(ground)} background"


def a(words: str) -> str:
    """With the article."""
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


WAYS = ("Inpaint", "InpaintModelConditioning", "VAEEncodeForInpaint")
"""The one node; and by hand, with both ways to a masked latent."""


def graph_of(way: str, model: str, chosen: Sequence[Repair]) -> dict[str, Any]:
    """Nodes that inpaint every case: `end0`, `end1`, …"""
    nodes: dict[str, Any] = {
        "checkpoint": ("LoadCheckpoint", {"name": model}),
        "negative": ("TextEncode", {"text": ""}, {"clip": "checkpoint.clip"}),
    }
    for i, case in enumerate(chosen):
        words = {"positive": f"words{i}", "negative": "negative"}
        picture = {"image": f"picture{i}.image", "mask": f"picture{i}.mask"}
        settings = {**SAMPLED, "seed": case.seed}
        nodes[f"words{i}"] = ("TextEncode", {"text": prompt(case)}, {"clip": "checkpoint.clip"})
        nodes[f"picture{i}"] = ("LoadImage", {"path": f"case{i}.png"})
        whole = {"model": "checkpoint.model", "vae": "checkpoint.vae"}
        if way == "Inpaint":
            params = {**settings, **BLENDED, "only_masked": False}
            nodes[f"end{i}"] = ("Inpaint", params, {**whole, **words, **picture})
            continue
        if way == "InpaintModelConditioning":
            nodes[f"shown{i}"] = (way, {}, {"vae": "checkpoint.vae", **words, **picture})
            given = {each: f"shown{i}.{each}" for each in ("positive", "negative", "latent")}
        else:
            nodes[f"shown{i}"] = (way, {}, {"vae": "checkpoint.vae", **picture})
            given = {**words, "latent": f"shown{i}"}
        nodes[f"sampler{i}"] = ("KSampler", settings, {"model": "checkpoint.model", **given})
        wires = {"latent": f"sampler{i}", "vae": "checkpoint.vae"}
        nodes[f"decode{i}"] = ("VAEDecode", {}, wires)
        wires = {"image": f"picture{i}.image", "over": f"decode{i}", "mask": f"picture{i}.mask"}
        nodes[f"end{i}"] = ("CompositeImages", BLENDED, wires)
    return nodes


def free_graph(chosen: Sequence[Repair]) -> dict[str, Any]:
    """Nodes that paint the prompts of the cases on nothing: `end0`, `end1`, …"""
    nodes: dict[str, Any] = {
        "checkpoint": ("LoadCheckpoint", {"name": "pocket"}),
        "negative": ("TextEncode", {"text": ""}, {"clip": "checkpoint.clip"}),
        "size": ("EmptyLatent", {"width": SIZE, "height": SIZE}),
    }
    for i, case in enumerate(chosen):
        nodes[f"words{i}"] = ("TextEncode", {"text": prompt(case)}, {"clip": "checkpoint.clip"})
        wires = {"model": "checkpoint.model", "positive": f"words{i}", "negative": "negative"}
        nodes[f"sampler{i}"] = (
            "KSampler", {**SAMPLED, "seed": case.seed}, {**wires, "latent": "size"}
        )  # fmt: skip
        wires = {"latent": f"sampler{i}", "vae": "checkpoint.vae"}
        nodes[f"end{i}"] = ("VAEDecode", {}, wires)
    return nodes


def run(model: str, way: str, chosen: Sequence[Repair]) -> list[Pixels]:
    """The inpainted pictures, [SIZE, SIZE, 3] in 0..1."""
    return pictures(graph_of(way, model, chosen), chosen)


def free_pictures(chosen: Sequence[Repair]) -> list[Pixels]:
    """What the prompts of the cases give without a mask."""
    return pictures(free_graph(chosen), chosen)


def pictures(nodes: dict[str, Any], chosen: Sequence[Repair]) -> list[Pixels]:
    """What the nodes `end0`, `end1`, … of a graph give, the scenes beside it as `case0.png`, …"""
    from studio.execution.executor import Executor
    from studio.graph.files import from_json
    from studio.session import Session

    body = {
        name: dict(zip(("type", "params", "inputs"), parts, strict=False))
        for name, parts in nodes.items()
    }
    document = from_json({"format": "latent-studio", "version": 1, "nodes": body})
    with tempfile.TemporaryDirectory(prefix="latent-studio-bench-") as temporary:
        folder = Path(temporary)
        for i, case in enumerate(chosen):
            write(case, folder / f"case{i}.png")
        path = folder / "graph.json"
        with Session.open(
            out=folder / "out", device="cpu", dtype="float32", use_cache=False
        ) as session:
            environment = session.environment(path)
            targets = [f"end{i}" for i in range(len(chosen))]
            plan = session.plan(
                session.check(document, environment, path, targets), environment, path
            )
            executor = Executor(session.cache, session.policy, session.models)
            result = executor.run(plan, environment, lambda event: None)
    if result.error is not None:
        raise result.error
    return [result.values[name]["image"].pixels[0].permute(1, 2, 0).numpy() for name in targets]


def write(case: Repair, path: Path) -> None:
    """The scene with its hole as transparency, the old shape still under it."""
    from PIL import Image

    alpha = np.where(case.hole, 0, 255).astype(np.uint8)
    Image.fromarray(np.dstack([before(case), alpha])).save(path)


def before(case: Repair) -> Bytes:
    """The scene."""
    return grainy(draw(case.scene), case.seed)


def check(case: Repair, made: Pixels) -> Found:
    """Judge one picture."""
    from studio.inpaint.compose import blend_mask

    seen = inside(case, judge(_bytes(made)))
    alpha = blend_mask(case.hole.astype(np.float32), 0, FEATHER)
    differs = (before(case) != _bytes(made)).any(-1)
    return Found(
        all(seen.values()),
        bool(seen["colour"]),
        int(differs[alpha == 0].sum()),
        seam(made, case.hole, case.scene.background.rgbs[0], FEATHER),
    )


def _bytes(pixels: Pixels) -> Bytes:
    from studio.pictures import to_uint8

    return to_uint8(pixels)


def _share(right: Sequence[bool]) -> float:
    return 100 * sum(right) / len(right)
