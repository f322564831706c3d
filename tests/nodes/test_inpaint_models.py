"""A model with nine channels in all ways, on files of every kind: what isn't masked stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from graph_bench import Bench, graph
from PIL import Image as Pil
from test_inpaint_nodes import HEIGHT, WIDTH, base, hole, reach, save, ways

from studio.masks.sketch import draw, parse_sketch
from studio.masks.strokes import UNIT
from studio.pictures import read_picture, to_uint8

KINDS = ["RGB", "RGBA", "grey", "grey16", "RGB16"]


def test_nine_channels_change_nothing_outside(bench: Bench, tmp_path: Path) -> None:
    """Every way to inpaint and every kind of file in one graph, so that the model loads once."""
    alpha = np.where(hole(), 0, 255).astype(np.uint8)
    Pil.fromarray(np.dstack([alpha, alpha, alpha, alpha])).save(tmp_path / "hole.png")
    nodes: dict[str, Any] = {**base(), "checkpoint": ("LoadCheckpoint", {"name": "pocket-inpaint"})}
    del nodes["picture"]
    chosen = ["one node", "one node, whole picture", "conditioning", "grey", "cropped"]
    ends = {}
    for kind in KINDS:
        save(tmp_path / f"{kind}.png", kind)
        nodes[f"picture_{kind}"] = ("LoadImage", {"path": f"{kind}.png"})
        for number, way in enumerate(chosen):
            own = f"_{kind}_{number}"
            parts = ways()[way]
            for name, (type_name, params, wires) in parts.items():
                nodes[name + own] = (type_name, params, _wired(wires, parts, own, kind))
            ends[f"file{own}"] = ("SaveImage", {"name": f"made{own}"}, {"image": f"end{own}"})
    result = bench.run(graph(**nodes, **ends), list(ends))
    assert result.error is None, result.error
    assert len(result.outputs) == len(ends)
    for output in result.outputs:
        kind = Path(output.path).name.split("_")[1]
        given = to_uint8(read_picture(tmp_path / f"{kind}.png").rgb)
        with Pil.open(output.path) as opened:
            made = np.asarray(opened)
        assert made.shape == (HEIGHT, WIDTH, 3)
        assert np.array_equal(made[~reach()], given[~reach()]), output.path
        assert (made != given)[hole()].mean() > 0.5, "nothing was painted"


def _wired(wires: dict[str, str], parts: dict[str, Any], own: str, kind: str) -> dict[str, str]:
    """The wires of a way with its nodes renamed."""
    found = {}
    for port, source in wires.items():
        node, dot, output = source.partition(".")
        if node == "picture":
            node = f"picture_{kind}"
        elif node in parts:
            node += own
        found[port] = node + dot + output
    return found


# ------------------------------------------------------------------ the sketch

SKETCH = [
    {"t": "brush", "o": 70, "r": 9000, "h": 20, "k": 3, "c": "#ff8000",
     "p": [5000, 9000, 255, 30000, 20000, -200]},
    {"t": "polygon", "o": 100, "c": "#0010ff", "p": [30000, 0, 9000, 9000, -20000, 9000]},
    {"t": "rect", "o": 1, "c": "#ffffff", "b": [-9999, -9999, 20000, 9000]},
    {"t": "ellipse", "o": 40, "c": "#00ff10", "b": [40000, 9000, 99999, 20000]},
    {"t": "bucket", "o": 100, "c": "#123456", "x": 60000, "y": 30000, "tol": 40},
    {"t": "brush", "e": 1, "o": 90, "r": 3000, "h": 100, "p": [0, 0, 255, UNIT, 30000, 0]},
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(WIDTH, HEIGHT), (1, 1), (3, 700)], ids=str)
def test_a_sketch_on_files_of_every_kind(
    bench: Bench, tmp_path: Path, kind: str, size: tuple[int, int]
) -> None:
    save(tmp_path / "picture.png", kind, *size)
    document = graph(
        picture=("LoadImage", {"path": "picture.png"}),
        mask=("InpaintMask", {"sketch": {"items": SKETCH}}, {"image": "picture.image"}),
    )
    values = bench.run(document, ["mask", "picture"]).values
    made = values["mask"]["image"].pixels[0].permute(1, 2, 0).numpy()
    given = values["picture"]["image"].pixels[0].permute(1, 2, 0).numpy()
    layer = draw(parse_sketch({"items": SKETCH}), *size, to_uint8(np.ascontiguousarray(given)))
    over = layer.astype(np.float64) / 255
    assert np.abs(made - (given * (1 - over[..., 3:]) + over[..., :3])).max() < 1e-6
    bare = layer[..., 3] == 0
    assert np.array_equal(made[bare], given[bare]), "not to the bit"
    assert (layer[..., :3] <= layer[..., 3:]).all()
    assert 0 <= made.min() <= made.max() <= 1
