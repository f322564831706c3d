"""Names that files have for a model's layers, from the layers' paths alone. No torch.

A UNet's layers have two spellings: diffusers' (`down_blocks.0.attentions.0…`), which is the live
module's, and CompVis's (`input_blocks.1.1…`), which trainers of SDXL write. The blocks are counted
through, so any depth and width of UNet has its map.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# (CompVis, diffusers) of what stands outside the blocks …
_OUTER = (
    ("input_blocks.0.0", "conv_in"),
    ("time_embed.0", "time_embedding.linear_1"),
    ("time_embed.2", "time_embedding.linear_2"),
    ("label_emb.0.0", "add_embedding.linear_1"),
    ("label_emb.0.2", "add_embedding.linear_2"),
    ("label_emb.0.0", "class_embedding.linear_1"),
    ("label_emb.0.2", "class_embedding.linear_2"),
    ("label_emb", "class_embedding"),
    ("middle_block.0", "mid_block.resnets.0"),
    ("middle_block.1", "mid_block.attentions.0"),
    ("middle_block.2", "mid_block.resnets.1"),
    ("out.0", "conv_norm_out"),
    ("out.2", "conv_out"),
)
# … and inside a residual block; attention blocks are spelled alike.
_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
# Attention of the text encoder in the first LoRA files of diffusers.
_OLD_TEXT = {"q_proj": "to_q", "k_proj": "to_k", "v_proj": "to_v", "out_proj": "to_out"}


def unet_names(paths: Iterable[str]) -> dict[str, str]:
    """Path of each layer of a UNet by every name it goes by, written with underscores.

    Args:
        paths: of all layers with weights of a `UNet2DConditionModel`.
    """
    known = sorted(paths)
    names: dict[str, str] = {}
    for path in known:
        names[_flat(path)] = path
        if path.endswith("to_out.0"):
            names.setdefault(_flat(path.removesuffix(".0")), path)
    for theirs, path in compvis_paths(known).items():
        names.setdefault(_flat(theirs), path)
    return names


def compvis_paths(paths: Iterable[str]) -> dict[str, str]:
    """Path of each layer of a UNet by CompVis's path."""
    known = sorted(paths)
    blocks = [*_compvis_blocks(frozenset(prefix for path in known for prefix in _prefixes(path)))]
    theirs_of = {ours: theirs for theirs, ours in blocks}
    found: dict[str, str] = {}
    for path in known:
        cut = next((prefix for prefix in _prefixes(path) if prefix in theirs_of), None)
        if cut is None:
            continue
        rest = path[len(cut) :]
        if ".resnets." in f".{cut}." and rest:
            first, dot, last = rest[1:].partition(".")
            rest = f".{_RESNET.get(first, first)}{dot}{last}"
        found[theirs_of[cut] + rest] = path
    return found


def text_names(paths: Iterable[str]) -> dict[str, str]:
    """Path of each layer of a CLIP text encoder by every name, written with underscores.

    The library's module has had `text_model.` before its paths and is without it; files have both.

    Args:
        paths: of all layers with weights of a CLIP text encoder.
    """
    names: dict[str, str] = {}
    for path in sorted(paths):
        short = path.removeprefix("text_model.")
        spellings = [short]
        owner, _, last = short.rpartition(".")
        if last in _OLD_TEXT:
            spellings.append(f"{owner}.{_OLD_TEXT[last]}")
        for spelling in spellings:
            names.setdefault(_flat(spelling), path)
            names.setdefault(_flat(f"text_model.{spelling}"), path)
    return names


def _flat(path: str) -> str:
    return path.replace(".", "_")


def _prefixes(path: str) -> Iterator[str]:
    """The path and the paths of all that holds it, longest first."""
    while path:
        yield path
        path = path.rpartition(".")[0]


def _compvis_blocks(paths: frozenset[str]) -> Iterator[tuple[str, str]]:
    """(CompVis, diffusers) prefixes of a UNet with these module paths."""
    yield from ((theirs, ours) for theirs, ours in _OUTER if ours in paths)
    number = 1
    for i in _count(paths, "down_blocks"):
        block = f"down_blocks.{i}"
        for j in _count(paths, f"{block}.resnets"):
            yield f"input_blocks.{number}.0", f"{block}.resnets.{j}"
            yield f"input_blocks.{number}.1", f"{block}.attentions.{j}"
            number += 1
        if f"{block}.downsamplers.0.conv" in paths:
            yield f"input_blocks.{number}.0.op", f"{block}.downsamplers.0.conv"
            number += 1
    number = 0
    for i in _count(paths, "up_blocks"):
        block = f"up_blocks.{i}"
        for j in _count(paths, f"{block}.resnets"):
            yield f"output_blocks.{number}.0", f"{block}.resnets.{j}"
            yield f"output_blocks.{number}.1", f"{block}.attentions.{j}"
            number += 1
        # The upsampler is the last of its block's last layer: behind the attention, if any.
        place = 2 if f"{block}.attentions.0" in paths else 1
        yield f"output_blocks.{number - 1}.{place}.conv", f"{block}.upsamplers.0.conv"


def _count(paths: frozenset[str], owner: str) -> range:
    pattern = re.compile(rf"{re.escape(owner)}\.(\d+)$")
    numbers = [int(match[1]) for path in paths if (match := pattern.match(path))]
    return range(max(numbers, default=-1) + 1)
