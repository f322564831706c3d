"""Graphs that ship run on the pocket model, and their pictures show what they should.

Those that need a file of the user's run in tests/families/test_family_workflows.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image as Pil

from studio.execution import events
from studio.execution.executor import Executor, RunResult

if TYPE_CHECKING:
    from studio.session import Session

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / "workflows").glob("*.json"))
RED, GREEN, BLUE = (215, 40, 45), (45, 160, 75), (50, 90, 215)
YELLOW, PURPLE, WHITE = (250, 225, 50), (125, 50, 170), (240, 240, 240)


def checkpoints(path: Path) -> set[str]:
    """The checkpoints that a graph loads."""
    nodes = json.loads(path.read_text())["nodes"].values()
    return {node["params"]["name"] for node in nodes if node["type"] == "LoadCheckpoint"}


ON_POCKET = [path for path in WORKFLOWS if checkpoints(path) <= {"pocket", "pocket-inpaint"}]


def run(session: Session, path: Path) -> tuple[RunResult, list[events.Event]]:
    seen: list[events.Event] = []
    graph = session.load(path)
    environment = session.environment(path)
    plan = session.plan(session.check(graph, environment, path), environment, path)
    executor = Executor(session.cache, session.policy, session.models)
    return executor.run(plan, environment, seen.append), seen


def near(pixels: Any, colour: tuple[int, int, int]) -> Any:
    """Which pixels are nearer to `colour` than 90 (of 442)."""
    return np.linalg.norm(pixels.astype(float) - colour, axis=-1) < 90


def test_there_are_the_four_of_the_first_issue() -> None:
    names = {path.stem for path in WORKFLOWS}
    assert names >= {"text_to_image", "image_to_image", "hires_fix", "masked_latent"}


@pytest.mark.parametrize("path", ON_POCKET, ids=lambda path: path.stem)
def test_every_workflow_runs(path: Path, session: Session) -> None:
    result, seen = run(session, path)
    assert result.status == "ok", result.error
    assert result.outputs
    for output in result.outputs:
        with Pil.open(output.path) as picture:
            pixels = np.asarray(picture)
            assert "latent_studio" in picture.info
        assert pixels.std() > 10, "a picture of one colour"
    assert not [event for event in seen if isinstance(event, events.Warned)]


def picture(session: Session, name: str) -> Any:
    result, _ = run(session, ROOT / "workflows" / f"{name}.json")
    assert result.status == "ok", result.error
    with Pil.open(result.outputs[0].path) as opened:
        return np.asarray(opened.convert("RGB"))


def test_text_to_image_shows_its_prompt(session: Session) -> None:
    pixels = picture(session, "text_to_image")
    assert pixels.shape == (128, 128, 3)
    assert near(pixels, RED)[54:74, 54:74].mean() > 0.9
    assert near(pixels, BLUE)[:12].mean() > 0.9


def test_image_to_image_follows_its_prompt_and_keeps_the_place(session: Session) -> None:
    """The source is a yellow heart on purple; the prompt asks for a green star in its place."""
    pixels = picture(session, "image_to_image")
    with Pil.open(ROOT / "workflows" / "pictures" / "heart.png") as opened:
        heart = near(np.asarray(opened), YELLOW)
    green = near(pixels, GREEN)
    assert green.mean() > 0.05
    assert green[heart].sum() > 0.6 * green.sum(), "the star isn't where the heart was"
    assert near(pixels, PURPLE)[:12].mean() > 0.9
    assert not near(pixels, YELLOW).any()


def test_hires_fix_is_larger_and_shows_its_prompt(session: Session) -> None:
    pixels = picture(session, "hires_fix")
    assert pixels.shape == (192, 192, 3)
    assert near(pixels, YELLOW).mean() > 0.03
    assert near(pixels, PURPLE)[:16].mean() > 0.8


def test_masked_latent_changes_only_what_the_mask_opens(session: Session) -> None:
    pixels = picture(session, "masked_latent")
    with Pil.open(ROOT / "workflows" / "pictures" / "heart_masked.png") as opened:
        source = np.asarray(opened)
    # Far from the hole (the first stage sees further than a pixel) nothing has changed but for
    # the first stage's own loss.
    import scipy.ndimage

    far = scipy.ndimage.distance_transform_edt(source[..., 3] > 0) > 40
    assert far.mean() > 0.05
    difference = np.abs(pixels.astype(int) - source[..., :3])[far]
    assert np.percentile(difference, 95) < 30
    hole = source[..., 3] == 0
    assert near(pixels, WHITE)[hole].mean() > 0.08, "there is no white star in the hole"
    assert not near(pixels, WHITE)[~hole].mean() > 0.01


def changed(made: Any, source: Any) -> Any:
    return (made != source[..., :3]).any(-1)


@pytest.mark.parametrize("name", ["inpaint", "inpaint_model"])
def test_inpainting_replaces_the_heart_and_nothing_else(session: Session, name: str) -> None:
    made = picture(session, name)
    with Pil.open(ROOT / "workflows" / "pictures" / "heart.png") as opened:
        source = np.asarray(opened)
    green = near(made, GREEN)
    assert 0.05 < green.mean() < 0.3
    assert not near(made, YELLOW).any()
    assert near(made, PURPLE)[:12].mean() > 0.9
    assert not changed(made, source)[:8].any()


def test_only_masked_paints_one_shape_of_a_larger_picture(session: Session) -> None:
    made = picture(session, "inpaint_only_masked")
    with Pil.open(ROOT / "workflows" / "pictures" / "shapes.png") as opened:
        source = np.asarray(opened)
    assert made.shape == source.shape == (196, 300, 3)
    # The white star in the middle has become a red heart; the others are as they were.
    differs = changed(made, source)
    _, columns = np.nonzero(differs)
    assert 90 < columns.min() < columns.max() < 215
    assert not near(made, WHITE)[differs].any()
    assert near(made, RED)[differs].mean() > 0.1


def test_outpainting_adds_to_the_right(session: Session) -> None:
    made = picture(session, "outpaint")
    with Pil.open(ROOT / "workflows" / "pictures" / "heart.png") as opened:
        source = np.asarray(opened)
    assert made.shape == (128, 192, 3)
    assert not changed(made[:, :112], source[:, :112]).any()
    assert near(made[:, 128:], WHITE).mean() > 0.04, "there is no white star"
    assert near(made[:, 128:], PURPLE).mean() > 0.5


def test_the_files_are_in_the_form_the_program_writes() -> None:
    from studio.graph.files import dumps, loads

    for path in WORKFLOWS:
        assert dumps(loads(path.read_bytes())) == path.read_text(), path.name
        assert (
            json.loads(path.read_text())["layout"].keys() == loads(path.read_bytes()).nodes.keys()
        )
