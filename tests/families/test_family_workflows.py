"""Every family's graph that ships, run on a tiny model under the name that users' files have."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from compvis_files import tiny_file
from pictures import save_picture
from PIL import Image as Pil

from studio.execution import events
from studio.execution.executor import Executor
from studio.graph.errors import GraphInvalid

if TYPE_CHECKING:
    from family_files import Family

    from studio.diffusion.store import ModelStore
    from studio.session import Session

WORKFLOWS = Path(__file__).resolve().parents[2] / "workflows"
SMALL = ("latent.width=64", "latent.height=64")
QUICK = ("sampler.steps=2",)
PICTURE = "picture.path={picture}"


@dataclass(frozen=True)
class Shipped:
    """A graph that ships, and how to run it in a second.

    Args:
        files: the tiny models by what is put into the folder checkpoints: a file, or, where the
            name has no ending, a diffusers folder.
        sets: settings to change.
        size: of the picture, in pixels.
    """

    files: dict[str, str]
    sets: tuple[str, ...]
    size: tuple[int, int] = (64, 64)


SHIPPED = {
    # As CompVis published it, in torch's own format.
    "ldm_class_conditional": Shipped({"cin256-v2.ckpt": "ldm_class"}, (*QUICK, *SMALL)),
    "ldm_super_resolution": Shipped(
        {"ldm-super-resolution-4x-openimages": "ldm_sr"}, (*QUICK, PICTURE), (128, 128)
    ),
    "ldm_text_to_image": Shipped({"ldm-text2im-large-256": "ldm_text"}, (*QUICK, *SMALL)),
    "ldm_unconditional": Shipped({"ldm-celebahq-256": "ldm_celebahq"}, (*QUICK, *SMALL)),
    "sd2_v": Shipped({"v2-1_768-ema-pruned.safetensors": "sd2_v"}, (*QUICK, *SMALL)),
    "sdxl": Shipped({"sd_xl_base_1.0.safetensors": "sdxl"}, (*QUICK, *SMALL)),
    "sdxl_refiner": Shipped(
        {
            "sd_xl_base_1.0.safetensors": "sdxl",
            "sd_xl_refiner_1.0.safetensors": "sdxl_refiner",
        },
        ("base.steps=2", "base.end_step=1", "refine.steps=2", "refine.start_step=1", *SMALL),
    ),
    "upscale_x4": Shipped(
        {"x4-upscaler-ema.safetensors": "sd2_upscale"}, (*QUICK, PICTURE), (128, 128)
    ),
}


def put(family: Family, name: str, tiny: str, checkpoints: Path) -> None:
    """A tiny model where a user keeps models."""
    path = checkpoints / name
    checkpoints.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".ckpt":
        tiny_file(path, tiny)
    else:
        single = path.suffix == ".safetensors"
        path.symlink_to(family[tiny].file if single else family[tiny].folder)


@pytest.mark.parametrize("name", SHIPPED)
def test_it_runs(
    name: str, session: Session, family: Family, models: ModelStore, home: Path, tmp_path: Path
) -> None:
    shipped, path = SHIPPED[name], WORKFLOWS / f"{name}.json"
    for file, tiny in shipped.files.items():
        put(family, file, tiny, home / "models" / "checkpoints")
    picture = tmp_path / "picture.png"
    save_picture(picture, 32, 32, hole=True)

    graph = session.load(path, [text.format(picture=picture) for text in shipped.sets])
    environment = session.environment(path)
    plan = session.plan(session.check(graph, environment, path), environment, path)
    seen: list[events.Event] = []
    executor = Executor(session.cache, session.policy, lambda: models)
    result = executor.run(plan, environment, seen.append)

    assert result.error is None
    assert not [event for event in seen if isinstance(event, events.Warned)]
    (output,) = result.outputs
    with Pil.open(output.path) as opened:
        assert opened.format == "PNG"
        assert opened.size == shipped.size
        assert "latent_studio" in opened.info
        assert np.asarray(opened).std() > 1, "a picture of one colour"


def test_without_the_file_it_says_which_and_where_it_looked(session: Session, home: Path) -> None:
    session.places.ensure()
    for name, shipped in SHIPPED.items():
        path = WORKFLOWS / f"{name}.json"
        with pytest.raises(GraphInvalid) as caught:
            session.check(session.load(path), session.environment(path), path)
        said = str(caught.value)
        for file in shipped.files:
            stem = file.removesuffix(".ckpt")
            assert f'There is no model "{stem}" among the checkpoints' in said
        assert str(home / "models" / "checkpoints") in said


def test_these_are_all_that_need_a_file_of_the_users() -> None:
    """The others run on the model that ships, in `test_workflows`."""
    needy = {
        path.stem
        for path in WORKFLOWS.glob("*.json")
        for node in json.loads(path.read_text())["nodes"].values()
        if node["type"] == "LoadCheckpoint"
        and node["params"]["name"] not in ("pocket", "pocket-inpaint")
    }
    assert needy == SHIPPED.keys()
