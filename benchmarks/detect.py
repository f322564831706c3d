"""Telling what 200 checkpoints are: every family in turn, with the real names and shapes.

The files are headers and holes, so they take no room; nothing but headers (and a few numbers that
say what a denoiser predicts) is ever read of a checkpoint to tell what it is.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.compvis import FULL, shapes
from benchmarks.compvis.hollow import write_hollow
from benchmarks.report import Figure, log, timed
from benchmarks.sides import ROOT

COUNT = 200
ROUNDS = 5


def measure() -> list[Figure]:
    """The figures of detection."""
    from studio.diffusion.checkpoints import read_checkpoint

    with tempfile.TemporaryDirectory(prefix="latent-studio-bench-") as temporary:
        home = Path(temporary)
        log(f"writing {COUNT} hollow checkpoints")
        files = write_all(home / "models" / "checkpoints")

        def detect() -> None:
            for path in files:
                read_checkpoint(path, path.stem)

        runs = [timed(detect) for _ in range(ROUNDS)]
        log(f"detecting {COUNT}: {[round(run, 3) for run in runs]}")
        listing = [timed(lambda: _list(home)) for _ in range(3)]
        log(f"the command: {[round(run, 3) for run in listing]}")
    return [
        Figure(f"detecting the families of {COUNT} checkpoints", statistics.median(runs), "s",
               "<= 1.0"),
        Figure(f"`models` with {COUNT} checkpoints, the whole process",
               statistics.median(listing), "s"),
    ]  # fmt: skip


def write_all(folder: Path) -> list[Path]:
    """The files: the public checkpoints in turn, two of them with EMA too."""
    kinds = [(name, False) for name in FULL] + [("sd1", True), ("sd1_inpaint", True)]
    tensors = {(name, ema): shapes(FULL[name], ema=ema) for name, ema in kinds}
    files = []
    for i in range(COUNT):
        kind = kinds[i % len(kinds)]
        files.append(write_hollow(folder / f"{i:03}-{kind[0]}.safetensors", tensors[kind]))
    return files


def _list(home: Path) -> None:
    subprocess.run(
        [sys.executable, "main.py", "models"],
        cwd=ROOT,
        env={**os.environ, "LATENT_STUDIO_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
