"""Nodes that name model files."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from studio.context import Context
from studio.node import node
from studio.params import AVERAGED, CheckpointName, OneOf
from studio.values import CheckpointRef, Clip, Model, Vae


class Loaded(NamedTuple):
    """The three parts of a checkpoint."""

    model: Model
    clip: Clip
    vae: Vae


PREDICTIONS = ("auto", "epsilon", "v_prediction", "sample")


@node("LoadCheckpoint", category="Loaders")
def load_checkpoint(
    *,
    name: Annotated[str, CheckpointName()] = "pocket",
    prediction: Annotated[str, OneOf(PREDICTIONS)] = "auto",
    weights: Annotated[str, OneOf(tuple(AVERAGED))] = "auto",
    context: Context,
) -> Loaded:
    """Name a checkpoint: its denoiser, text encoder and first stage.

    Nothing is read yet: weights are loaded when a node needs them, and shared between nodes.

    Args:
        name: a folder or file in the checkpoints folders; "pocket" ships with the program.
        prediction: what the denoiser predicts; "auto" takes what the files say, and the plan says
            which and how that is known.
        weights: "averaged" takes averages of the training (EMA), "trained" the last state, where a
            file holds both; "auto" prefers the averages.

    Returns:
        The denoiser, the text encoder and the first stage.
    """
    environment = context.environment
    reference = CheckpointRef(
        name=name,
        path=str(environment.model("checkpoints", name).path),
        fingerprint=environment.checkpoint_fingerprint(name),
        prediction=prediction,
        ema=AVERAGED[weights],
    )
    return Loaded(Model(reference), Clip(reference), Vae(reference))
