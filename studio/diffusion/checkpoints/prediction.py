"""What a denoiser predicts: it can't always be told from the tensors.

In this order: what the user says, the file's metadata, a small yaml or json file beside it, marks
in the tensors, the spread of a bias, what the family usually does. The plan says which decided.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from studio.diffusion.checkpoints.files import numbers
from studio.diffusion.checkpoints.parts import USUAL, BadCheckpoint
from studio.diffusion.checkpoints.sidecar import SPELLINGS
from studio.words import short

if TYPE_CHECKING:
    from studio.diffusion.checkpoints.sidecar import Sidecar
    from studio.diffusion.denoiser import Prediction
    from studio.diffusion.weights.header import Header

PREDICTIONS: tuple[Prediction, ...] = ("epsilon", "v_prediction", "sample")

AS_ASKED = "as the graph says"

# Of Stable Diffusion 2's files the 768 ones predict v, and are otherwise built like the others.
# Training on v made this bias wide; the bound is the peer's.
_TELLING = "model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias"
_WIDE = 0.09


@dataclass(frozen=True, slots=True)
class Found:
    """What a denoiser predicts, and how that is known.

    Args:
        prediction: what it predicts.
        source: in words, to be put behind "v_prediction, ".
        zero_snr: it was trained with zero terminal signal-to-noise (arXiv 2305.08891).
    """

    prediction: Prediction
    source: str
    zero_snr: bool = False


def find_prediction(
    asked: str,
    usual: Prediction,
    header: Header,
    sidecar: Sidecar | None,
    *,
    judge: bool,
    name: str,
) -> Found:
    """What the denoiser in a single file predicts.

    Args:
        asked: what the user says; "auto" leaves it to the file.
        usual: of the family.
        header: of the file.
        sidecar: the file beside it.
        judge: both kinds of its family look alike, so look at a bias's spread (a few bytes of
            the data are read).
        name: of the checkpoint, for messages.

    Raises:
        BadCheckpoint: the metadata says something that isn't known.
        BadWeights: the file can't be read any more.
    """
    zero_snr = "ztsnr" in header.tensors
    if asked != "auto":
        return Found(cast("Prediction", asked), AS_ASKED, zero_snr)
    noted = header.metadata.get("modelspec.prediction_type", "").strip().lower()
    if noted:
        if noted not in SPELLINGS:
            raise BadCheckpoint(
                name,
                header.path,
                f"its metadata says that it predicts {short(noted)}, which isn't known",
                "Set LoadCheckpoint's prediction.",
            )
        return Found(SPELLINGS[noted], "by the file's metadata", zero_snr)
    if header.metadata.get("modelspec.architecture", "").endswith("-768-v"):
        return Found("v_prediction", "by the file's metadata", zero_snr)
    if sidecar is not None and sidecar.prediction is not None:
        return Found(sidecar.prediction, f"by {sidecar.path.name}", zero_snr)
    if "v_pred" in header.tensors:
        return Found("v_prediction", "by a mark in the file", zero_snr)
    values = numbers(header, _TELLING) if judge else None
    if values:
        mean = sum(values) / len(values)
        wide = (sum((v - mean) ** 2 for v in values) / len(values)) ** 0.5 > _WIDE
        source = "judged by a bias's spread"
        return Found("v_prediction" if wide else "epsilon", source, zero_snr)
    return Found(usual, USUAL, zero_snr)
