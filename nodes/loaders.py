"""Nodes that name model files."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from studio.context import Context
from studio.node import node
from studio.params import ModelName
from studio.values import CheckpointRef, Clip, Model, Vae


class Loaded(NamedTuple):
    """The three parts of a checkpoint."""

    model: Model
    clip: Clip
    vae: Vae


@node("LoadCheckpoint", category="Loaders")
def load_checkpoint(
    *, name: Annotated[str, ModelName("checkpoints")] = "pocket", context: Context
) -> Loaded:
    """Name a checkpoint: its denoiser, text encoder and first stage.

    Nothing is read yet: weights are loaded when a node needs them, and shared between nodes.

    Args:
        name: a folder or file in the checkpoints folders; "pocket" ships with the program.

    Returns:
        The denoiser, the text encoder and the first stage.
    """
    environment = context.environment
    reference = CheckpointRef(
        name=name,
        path=str(environment.model("checkpoints", name).path),
        fingerprint=environment.model_fingerprint("checkpoints", name),
    )
    return Loaded(Model(reference), Clip(reference), Vae(reference))
