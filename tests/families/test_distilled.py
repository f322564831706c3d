"""Models that are told the guidance scale (the first LCM), against the library's pipeline."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import torch
from comparing import (
    BATCH,
    CLOSE,
    HEIGHT,
    NEGATIVE,
    PROMPT,
    WIDTH,
    Both,
    deviation,
    empty,
    euler,
    noise_for,
    ours,
    sampled,
    texts,
)
from graph_bench import graph
from safetensors.torch import load_file, save_file
from tiny_folder import pipelines

if TYPE_CHECKING:
    from pathlib import Path

    from family_files import Family

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

WIDE = 24
NAME = "model.diffusion_model.time_embed.cond_proj.weight"


def distilled(family: Family, checkpoints: Path) -> tuple[str, str]:
    """The tiny Stable Diffusion 1 with a projection of the guidance scale, in both layouts."""
    tensors = load_file(family["sd1"].file)
    rows = tensors["model.diffusion_model.time_embed.0.weight"].shape[1]
    weight = torch.randn(rows, WIDE, generator=torch.Generator().manual_seed(1))
    checkpoints.mkdir(parents=True)
    save_file({**tensors, NAME: weight}, checkpoints / "lcm.safetensors")
    folder = checkpoints / "lcm"
    shutil.copytree(family["sd1"].folder, folder)
    unet = folder / "unet"
    config = json.loads((unet / "config.json").read_text())
    (unet / "config.json").write_text(json.dumps({**config, "time_cond_proj_dim": WIDE}))
    file = unet / "diffusion_pytorch_model.safetensors"
    save_file({**load_file(file), "time_embedding.cond_proj.weight": weight}, file)
    return "lcm.safetensors", "lcm"


@pytest.mark.parametrize("cfg", [1.0, 7.5])
def test_it_is_told_the_scale_and_runs_without_the_negative(
    both: Both, family: Family, cfg: float
) -> None:
    checkpoints = both.home / "models" / "checkpoints"
    found: list[torch.Tensor] = []
    for name in distilled(family, checkpoints):
        nodes: dict[str, Any] = {**texts(), **empty(), **sampled(cfg=cfg)}
        document = graph(checkpoint=("LoadCheckpoint", {"name": name}), **nodes)
        result = both.bench.run(document, ["sampler"])
        assert result.error is None
        found.append(ours(result.values["sampler"]["latent"]))
    assert torch.equal(*found)

    pipeline = pipelines().StableDiffusionPipeline.from_pretrained(
        checkpoints / "lcm", local_files_only=True, safety_checker=None
    )
    pipeline.set_progress_bar_config(disable=True)
    shape = (BATCH, 4, HEIGHT // 8, WIDTH // 8)
    theirs = pipeline(
        prompt=[PROMPT] * BATCH,
        negative_prompt=[NEGATIVE] * BATCH,
        latents=noise_for(euler(pipeline), shape),
        num_inference_steps=4,
        guidance_scale=cfg,
        height=HEIGHT,
        width=WIDTH,
        output_type="latent",
    ).images
    assert deviation(found[0], theirs) < CLOSE
