"""What nodes show of what they made."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image as Pil

from studio.execution.picturing import PREVIEW_SIDE, TINT, TINTED, preview_of
from studio.values import Image, Mask

if TYPE_CHECKING:
    from studio.registry import Registry

ROOT = Path(__file__).resolve().parents[3]


def shown(registry: Registry, type_name: str, **outputs: Any) -> Any:
    return preview_of(registry[type_name], outputs)


def test_a_mask_is_grey(registry: Registry) -> None:
    mask = Mask(torch.linspace(0, 1, 40).reshape(1, 1, 5, 8))
    found = shown(registry, "GrowMask", mask=mask)
    assert found.shape == (5, 8, 3)
    assert found[0, 0].tolist() == [0, 0, 0]
    assert found[-1, -1].tolist() == [255, 255, 255]


def test_a_picture_has_its_mask_on_it(registry: Registry) -> None:
    image = Image(torch.full((2, 3, 6, 6), 0.2))
    mask = torch.zeros(1, 1, 6, 6)
    mask[..., :3] = 1
    found = shown(registry, "InpaintMask", image=image, mask=Mask(mask))
    wanted = [round(255 * (0.2 * (1 - TINTED) + TINTED * part)) for part in TINT]
    assert np.abs(found[2, 1].astype(int) - wanted).max() <= 1
    assert found[2, 4].tolist() == [51, 51, 51]


@pytest.mark.parametrize("size", [(1, 5000), (3000, 20), (1000, 1000), (1, 1)])
def test_it_is_small(registry: Registry, size: tuple[int, int]) -> None:
    found = shown(registry, "Stitch", image=Image(torch.rand(1, 3, *size)))
    assert max(found.shape[:2]) == min(max(size), PREVIEW_SIDE)
    assert min(found.shape[:2]) >= 1


def test_who_shows_nothing(registry: Registry) -> None:
    image = Image(torch.zeros(1, 3, 4, 4))
    assert shown(registry, "LoadImage", image=image) is None, "it shows its file"
    assert shown(registry, "VAEDecode", image=image) is None, "the next node shows it"
    assert shown(registry, "Stitch", image=Image(torch.zeros(0, 3, 4, 4))) is None
    # Its file shows what isn't in the mask, too.
    assert shown(registry, "LoadMask", mask=Mask(torch.ones(1, 1, 4, 4))).all()
    odd = torch.full((1, 1, 4, 4), float("nan"))
    assert not shown(registry, "InvertMask", mask=Mask(odd)).any()


def test_the_worker_sends_them(tmp_path: Path) -> None:
    """With the end of a node."""
    box = {"t": "rect", "o": 100, "b": [0, 0, 32768, 65536]}
    graph = {
        "format": "latent-studio",
        "version": 1,
        "nodes": {
            "plain": {"type": "SolidImage", "params": {"width": 32, "height": 32}},
            "mask": {
                "type": "InpaintMask",
                "params": {"strokes": {"version": 1, "items": [box]}},
                "inputs": {"image": "plain"},
            },
            "shown": {"type": "MaskToImage", "inputs": {"mask": "mask.mask"}},
            "save": {"type": "PreviewImage", "inputs": {"image": "shown"}},
        },
    }
    request = {"id": "a", "request": "submit", "graph": graph, "out": str(tmp_path / "out")}
    command = [sys.executable, str(ROOT / "main.py"), "worker", "--device", "cpu"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path
    ) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(f"{json.dumps(request)}\n")
        worker.stdin.flush()
        events = []
        for line in worker.stdout:
            events.append(json.loads(line))
            if events[-1]["event"] == "run_finished":
                break
        worker.stdin.close()
    assert events[-1]["status"] == "ok"
    made = [e for e in events if e.get("node") == "mask" and "preview" in e]
    assert [e["event"] for e in made] == ["node_finished"]
    with Pil.open(io.BytesIO(base64.b64decode(made[0]["preview"]))) as picture:
        assert picture.size == (32, 32)
        left, right = picture.getpixel((4, 16)), picture.getpixel((28, 16))
    assert left[0] > left[1] + 40
    assert max(right) - min(right) < 12
