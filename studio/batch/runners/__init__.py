"""Where the jobs of a batch are run: in this process, in worker processes, on a Ray cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from studio.batch.model import RunnerChoice, Setup
    from studio.batch.runners.base import Runner


def make_runner(choice: RunnerChoice, setup: Setup, root: Path, token: str) -> Runner:
    """The runner that was chosen; start it.

    Args:
        choice: where jobs are run.
        setup: of the batch.
        root: the batch's folder.
        token: name of the folder for staged files, of this run of the batch alone.

    Raises:
        StudioError: a device that isn't there, or Ray isn't installed.
    """
    if choice.on == "ray":
        from studio.batch.runners.ray import Cluster

        return Cluster(setup, root, token, choice.workers)
    if choice.on == "workers":
        from studio.batch.runners.workers import Workers, worker_devices

        return Workers(setup, root, token, worker_devices(setup, choice.workers))
    from studio.batch.runners.here import Here

    return Here(setup, root, token)
