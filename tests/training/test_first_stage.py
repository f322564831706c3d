"""The first stage's training: it learns, goes on after a kill, and may be looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from tiny_denoiser import CPU, Killed, Log, same, snapshot

from studio.training import first_stage
from studio.training.data import batches
from studio.training.first_stage import Plan
from studio.training.world import Mix

if TYPE_CHECKING:
    from pathlib import Path

MIX = Mix(pairs=0.0, grounds=(1.0, 0.0, 0.0, 0.0))


def plan(**changes: Any) -> Plan:
    shape = {
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "block_out_channels": (4, 8, 8, 8),
        "layers_per_block": 1,
        "latent_channels": 4,
        "norm_num_groups": 2,
        "sample_size": 128,
    }
    return Plan(**{"architecture": shape, "steps": 4, "decoder_steps": 3, "batch": 2, **changes})


def trained(folder: Path, wanted: Plan, **how: Any) -> Any:
    folder.mkdir(exist_ok=True)
    vae = first_stage.new(wanted, 1)
    how = {"tell": Log(), "every": 2, **how}
    first_stage.train(wanted, vae, MIX, 1, folder, device=CPU, **how)
    return vae


def test_it_learns(tmp_path: Path) -> None:
    log = Log()
    wanted = plan(steps=40, decoder_steps=0, batch=4, half=1.0)
    vae = trained(tmp_path, wanted, tell=log, every=100)
    away = [figures["l1"] for figures in log.figures.values()]
    assert len(away) == 40
    assert np.mean(away[-10:]) < 0.93 * np.mean(away[:10])
    assert not any(each.requires_grad for each in vae.parameters())
    # What a denoiser is given has a deviation of 1.
    with torch.no_grad():
        z = [vae.encode(x).latent_dist.sample() for x in batches(99, MIX, 16, 2)]
    assert float(torch.cat(z).std() * vae.config["scaling_factor"]) == pytest.approx(1, rel=0.15)


@pytest.mark.parametrize(("kill", "first"), [(3, 3), (6, 5)])
def test_after_a_kill_it_goes_on_to_the_same_bits(tmp_path: Path, kill: int, first: int) -> None:
    whole = trained(tmp_path / "whole", plan())
    with pytest.raises(Killed):
        trained(tmp_path / "cut", plan(), tell=Log(kill))
    log = Log()
    cut = trained(tmp_path / "cut", plan(), tell=log)
    assert min(log.figures) == first, "from the checkpoint on, not from the start"
    assert same(snapshot(whole), snapshot(cut))
    assert whole.config["scaling_factor"] == cut.config["scaling_factor"]


def test_drawing_in_other_processes_changes_nothing(tmp_path: Path) -> None:
    here, there = list(batches(1, MIX, 2, 3)), list(batches(1, MIX, 2, 3, workers=1))
    assert all(torch.equal(one, other) for one, other in zip(here, there, strict=True))
    skipped = list(batches(1, MIX, 2, 3, skip=2))
    assert len(skipped) == 1
    assert torch.equal(skipped[0], here[2])


def test_being_looked_at_changes_nothing(tmp_path: Path) -> None:
    seen: list[int] = []
    alone = trained(tmp_path / "alone", plan())
    watched = trained(tmp_path / "watched", plan(), look=seen.append)
    assert seen == list(range(1, 8))
    assert same(snapshot(alone), snapshot(watched))


def test_the_second_part_leaves_the_encoder_alone(tmp_path: Path) -> None:
    both, one = trained(tmp_path / "2", plan()), trained(tmp_path / "1", plan(decoder_steps=0))
    assert same(snapshot(both.encoder), snapshot(one.encoder))
    assert not same(snapshot(both.decoder), snapshot(one.decoder))


def test_edges_count_more() -> None:
    wanted = torch.zeros(1, 3, 8, 8)
    wanted[..., 4:] = 1
    at_edge, elsewhere = wanted.clone(), wanted.clone()
    at_edge[..., 3, 4] += 0.5
    elsewhere[..., 3, 1] += 0.5
    difference = first_stage.difference
    assert difference(at_edge, wanted, 4.0)[0] > difference(elsewhere, wanted, 4.0)[0]
    same_weights = [difference(each, wanted, 0.0)[0] for each in (at_edge, elsewhere)]
    assert float(same_weights[0]) == pytest.approx(float(same_weights[1]))
    assert float(difference(wanted, wanted, 4.0)[0]) == 0
