"""First stages of the single-file layout (AutoencoderKL, VQModelInterface)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from studio.diffusion.compvis.names import UnknownArchitecture

if TYPE_CHECKING:
    from studio.diffusion.compvis.names import Names
    from studio.diffusion.weights.deferred import Deferred

PREFIX = "first_stage_model."


def is_quantised(names: Names) -> bool:
    """Whether it is a VQModel."""
    return "quantize.embedding.weight" in names


def config(names: Names, base: dict[str, Any]) -> dict[str, Any]:
    """The library's config of a first stage (names without `PREFIX`).

    Args:
        names: its tensors.
        base: a published config, for what they don't say.

    Raises:
        UnknownArchitecture: the names fit no such first stage.
    """
    levels = names.count("encoder.down.")
    if not levels:
        raise UnknownArchitecture("the first stage has no levels (encoder.down.0 …)")
    attends = [names.has(f"encoder.down.{i}.attn.0.") for i in range(levels)]
    widths = [names.side(f"encoder.down.{i}.block.0.conv2.weight", 0) for i in range(levels)]
    found = _described(names, base, widths, attends, "encoder.down.0.block.")
    latent = found["latent_channels"]
    if not is_quantised(names) and names.side("post_quant_conv.weight", 1) != latent:
        raise UnknownArchitecture("the first stage's latents aren't as wide as its decoder's input")
    return found


def diffusers_config(names: Names, base: dict[str, Any]) -> dict[str, Any]:
    """The config of a first stage whose tensors have the library's names already.

    Raises:
        UnknownArchitecture: tensors are missing.
    """
    levels = names.count("encoder.down_blocks.")
    attends = [names.has(f"encoder.down_blocks.{i}.attentions.") for i in range(levels)]
    widths = [
        names.side(f"encoder.down_blocks.{i}.resnets.0.conv2.weight", 0) for i in range(levels)
    ]
    return _described(names, base, widths, attends, "encoder.down_blocks.0.resnets.")


def _described(
    names: Names, base: dict[str, Any], widths: list[int], attends: list[bool], blocks: str
) -> dict[str, Any]:
    down = ["DownEncoderBlock2D", "AttnDownEncoderBlock2D"]
    up = ["UpDecoderBlock2D", "AttnUpDecoderBlock2D"]
    found = {
        **base,
        "in_channels": names.side("encoder.conv_in.weight", 1),
        "out_channels": names.side("decoder.conv_out.weight", 0),
        "block_out_channels": widths,
        "layers_per_block": names.count(blocks),
        "latent_channels": names.side("decoder.conv_in.weight", 1),
        "down_block_types": [down[kind] for kind in attends],
        "up_block_types": [up[kind] for kind in reversed(attends)],
    }
    if is_quantised(names):
        found["num_vq_embeddings"] = names.side("quantize.embedding.weight", 0)
        found["vq_embed_dim"] = names.side("quantize.embedding.weight", 1)
    return found


_ENDS = {"norm_out": "conv_norm_out", "nin_shortcut": "conv_shortcut"}
_ATTENTION = {"norm": "group_norm", "q": "to_q", "k": "to_k", "v": "to_v", "proj_out": "to_out.0"}
_BLOCK = re.compile(
    r"(?P<side>encoder|decoder)\.(?:(?:down|up)\.(?P<level>\d+)|mid)\."
    r"(?P<kind>block|attn|downsample|upsample)[._]?(?P<index>\d+)?\.(?P<rest>.+)"
)


def convert(tensors: dict[str, Deferred], names: Names) -> dict[str, Deferred]:
    """The tensors of a first stage (without `PREFIX`) by the library's names."""
    levels = names.count("encoder.down.")
    found = {}
    for name, tensor in tensors.items():
        new = _name(name, levels)
        attention = ".attentions." in new and new.endswith(".weight")
        found[new] = tensor.flat() if attention else tensor
    return found


def _name(name: str, levels: int) -> str:
    match = _BLOCK.fullmatch(name)
    if match is None:
        for old, new in _ENDS.items():
            name = name.replace(f".{old}.", f".{new}.")
        return name
    side, level, kind, index, rest = match.group("side", "level", "kind", "index", "rest")
    if level is None:
        where, number = f"{side}.mid_block", int(index or 1) - 1
    elif side == "encoder":
        where, number = f"{side}.down_blocks.{level}", int(index or 0)
    else:
        where, number = f"{side}.up_blocks.{levels - 1 - int(level)}", int(index or 0)
    stem, _, leaf = rest.rpartition(".")
    match kind:
        case "block":
            return f"{where}.resnets.{number}.{_ENDS.get(stem, stem)}.{leaf}"
        case "attn":
            return f"{where}.attentions.{number}.{_ATTENTION.get(stem, stem)}.{leaf}"
        case _:
            return f"{where}.{kind}rs.0.{rest}"
