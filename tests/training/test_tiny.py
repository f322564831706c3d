"""Trainings of minutes: both stages for real, and a LoRA tried at every strength."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest
from forks import Program

if TYPE_CHECKING:
    from pathlib import Path

    from forks import Forks


@pytest.mark.minutes
def test_the_losses_of_both_stages_fall(forks: Forks, home: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "LATENT_STUDIO_HOME": str(home)}
    arguments = ("train", "tiny", "--out", "tiny", "--check", "8", "--json")
    process = Program(forks, arguments, tmp_path, environment)
    out, errors = process.communicate(b"")
    assert process.returncode == 0, errors
    process.close()
    figures: dict[str, list[dict[str, float]]] = {}
    for line in (tmp_path / "tiny/training/losses.jsonl").read_text().splitlines():
        step = json.loads(line)
        figures.setdefault(step["stage"], []).append(step)

    def fell(stage: str, name: str) -> float:
        values = [step[name] for step in figures[stage]]
        return float(np.mean(values[-10:]) / np.mean(values[:10]))

    assert fell("first stage", "l1") < 0.7
    assert fell("denoiser", "loss") < 0.5
    made = json.loads(out.splitlines()[-1])["figures"]
    assert made["first stage"]["PSNR, dB"] > 10


STRIPED = """
title = "Stripes"
base = "pocket"
[world]
striped = 1.0
[lora]
trigger = "in stripes"
scenes = 64
batch = 8
steps = 20
"""


@pytest.mark.minutes
def test_a_lora_is_tried_at_every_strength(forks: Forks, home: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(STRIPED)
    environment = {**os.environ, "LATENT_STUDIO_HOME": str(home)}
    arguments = ("train", "mine.toml", "--out", "made", "--check", "4", "--json")
    process = Program(forks, arguments, tmp_path, environment)
    out, errors = process.communicate(b"")
    assert process.returncode == 0, errors
    process.close()
    figures = json.loads(out.splitlines()[-1])["figures"]
    assert list(figures["style by strength"]) == ["0.0", "0.25", "0.5", "0.75", "1.0"]
    assert figures["style by strength"]["0.0"]["percent"] == 0
    assert "| at strength 1 | 4 |" in (tmp_path / "made/README.md").read_text(encoding="utf-8")
    assert (tmp_path / "made/sheet.png").exists()
