"""Textual inversions (Gal et al., arXiv 2208.01618): vectors learnt for a word of one's own.

Files come as: a dict of one tensor (`emb_params`, or a token's name, as diffusers writes it); one
with `string_to_param` (as the method's authors and Automatic's web UI write it); a pair of tensors
`clip_l` and `clip_g` for SDXL. As .safetensors, or pickled, read with `weights_only`.
"""

from __future__ import annotations

import os
import pickle
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from studio.diffusion.weights.files import check_zip, open_weights, refused
from studio.diffusion.weights.header import BadWeights, format_of
from studio.errors import InputError
from studio.words import short, size

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

MAX_BYTES = 64 * 2**20
"""An embedding of 75 vectors for both encoders of SDXL takes 0.6 MB."""

_KEYS = {
    "clip_l": "clip_l",
    "clip_g": "clip_g",
    "clip_h": "clip_h",
    "text_encoders_0": "clip_l",
    "text_encoders_1": "clip_g",
}
"""Names that say which encoder vectors are for, and the recipe's key for it."""

CHECK = "Check that it is a textual inversion."


class EmbeddingMisfit(InputError):
    """A textual inversion for another text encoder."""

    def __init__(self, path: Path, widths: Sequence[int], encoder: str, width: int) -> None:
        found = " and ".join(f"{w} wide" for w in widths)
        super().__init__(
            f"{path}: its vectors are {found}, and the text encoder {encoder} takes vectors of "
            f"{width}.",
            hint="It was made for another family of models; take it out of the prompt.",
        )


@dataclass(frozen=True)
class Embedding:
    """A textual inversion.

    Args:
        path: the file.
        vectors: float32 [n, D] by the key of the encoder they are for; under "" where the file
            doesn't say.
    """

    path: Path
    vectors: Mapping[str, Tensor]

    def fitting(self, key: str, encoder: str, width: int) -> Tensor | None:
        """The vectors for an encoder; None where the file is for its companion alone.

        Args:
            key: of the encoder's recipe.
            encoder: its name, for messages.
            width: of the vectors it takes.

        Raises:
            EmbeddingMisfit: they have another width.
        """
        found = self.vectors.get(key, self.vectors.get(""))
        if found is None and key in _KEYS and key != "clip_h":
            return None
        if found is None or found.shape[1] != width:
            tried = self.vectors.values() if found is None else [found]
            raise EmbeddingMisfit(self.path, [v.shape[1] for v in tried], encoder, width)
        return found


def read_embedding(path: Path) -> Embedding:
    """Read a textual inversion.

    Raises:
        BadWeights: the file is missing, damaged, too large, needs code to run, or is none.
    """
    try:
        length = os.path.getsize(path)
    except OSError as error:
        raise BadWeights(path, f"can't be read ({error.strerror})", "Check the path.") from None
    if length > MAX_BYTES:
        raise BadWeights(path, f"is {size(length)} large, and no textual inversion is", CHECK)
    tree = _tree(path)
    found = {name: _vectors(path, name, value) for name, value in _named(path, tree).items()}
    return Embedding(path, found)


def _tree(path: Path) -> Any:
    """What is in the file: usually a dict of tensors."""
    kind = format_of(path)
    if kind == "safetensors":
        file = open_weights(path)
        return {name: file.read(name) for name in file.tensors}
    try:
        if kind == "zip":
            check_zip(path, path.stat().st_size)
        # The authors of the method kept the vectors in a ParameterDict, which only holds them.
        # Opened here: given a path, torch goes by how the name ends.
        with (
            warnings.catch_warnings(),
            open(path, "rb") as opened,
            torch.serialization.safe_globals([nn.ParameterDict]),
        ):
            warnings.simplefilter("ignore")  # of pickle protocols, which the errors say better
            return torch.load(opened, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise refused(path, error) from None
    except BadWeights:
        raise
    except Exception as error:  # zipfile and torch raise nearly anything for a damaged file
        reason = f"isn't a whole file of torch ({type(error).__name__}: {short(str(error), 80)})"
        raise BadWeights(path, reason) from None


def _named(path: Path, tree: Any) -> dict[str, Any]:
    """The vectors in a file by the key of their encoder, "" where it isn't said."""
    if isinstance(tree, torch.Tensor):
        return {"": tree}
    if isinstance(tree, nn.ParameterDict):
        tree = dict(tree.named_parameters())
    if not isinstance(tree, dict) or not tree:
        raise BadWeights(path, "holds no vectors", CHECK)
    if "string_to_param" in tree:
        return _named(path, tree["string_to_param"])
    tensors = {str(k): v for k, v in tree.items() if isinstance(v, torch.Tensor)}
    keyed = {_KEYS[name]: value for name, value in tensors.items() if name in _KEYS}
    if keyed:
        return keyed
    if "emb_params" in tensors:
        return {"": tensors["emb_params"]}
    if len(tensors) != 1:
        names = f" ({', '.join(short(name) for name in list(tensors)[:4])})" if tensors else ""
        raise BadWeights(path, f"holds {len(tensors)} tensors{names} in place of one", CHECK)
    return {"": next(iter(tensors.values()))}


def _vectors(path: Path, name: str, value: Tensor) -> Tensor:
    """float32 [n, D]."""
    where = f"its vectors{f' {name}' if name else ''}"
    plain = value.layout is torch.strided and value.device.type == "cpu"
    # A few bytes can be shown as a tensor of any size.
    fits = 0 < value.numel() * value.element_size() <= MAX_BYTES
    if not (plain and fits and value.is_floating_point() and value.ndim in (1, 2)):
        shape, dtype = list(value.shape), str(value.dtype).removeprefix("torch.")
        raise BadWeights(path, f"{where} are {dtype} {shape}, no rows of numbers", CHECK)
    rows = value.detach().reshape(-1, value.shape[-1]).float()
    if not bool(rows.isfinite().all()):
        raise BadWeights(path, f"{where} hold values that aren't finite")
    return rows
