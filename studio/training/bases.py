"""Whether a folder can be what a training begins with; found without importing torch."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from studio.errors import InputError
from studio.training.world import SIZE

if TYPE_CHECKING:
    from pathlib import Path

KIND, MASKED_KIND = "StableDiffusionPipeline", "StableDiffusionInpaintPipeline"
"""What diffusers calls a model, and one with nine channels."""


class NotAModel(InputError):
    """A folder that can't be what a training begins with."""

    def __init__(self, base: Path, reason: object) -> None:
        super().__init__(
            f"{base} can't be what the recipe begins with: {reason}.",
            hint="Name the folder of a model of the pocket family with --base.",
        )


def check_base(base: Path) -> None:
    """Say no to a folder that isn't a small Stable Diffusion in the layout of diffusers.

    Raises:
        NotAModel: it isn't.
    """
    try:
        about = json.loads((base / "model_index.json").read_text(encoding="utf-8"))
        parts = {name: json.loads((base / name / "config.json").read_text(encoding="utf-8"))
                 for name in ("unet", "vae", "text_encoder")}  # fmt: skip
        size = 8 * int(parts["unet"]["sample_size"])
    except OSError as error:
        raise NotAModel(base, f"{error.filename} can't be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError) as error:
        raise NotAModel(base, f"its settings can't be read ({error})") from error
    if (
        about.get("_class_name") not in (KIND, MASKED_KIND)
        or parts["vae"].get("latent_channels") != 4
    ):
        raise NotAModel(base, "it is of another family")
    if size != SIZE:
        raise NotAModel(base, f"it is made for {size} pixels, and scenes have {SIZE}")
