"""What a checkpoint is, from its small files and headers alone. No torch, no weights read."""

from studio.diffusion.checkpoints.parts import AGAIN, BadCheckpoint, Checkpoint, Part
from studio.diffusion.checkpoints.reading import read_checkpoint, read_vae

__all__ = ["AGAIN", "BadCheckpoint", "Checkpoint", "Part", "read_checkpoint", "read_vae"]
