"""CompVis's names as the library's modules spell them, where the library has no converter.

Written apart from the package, as its oracle: `studio` must not import this, nor this `studio`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from benchmarks.compvis import FirstStage

Tensors = dict[str, torch.Tensor]


def self_attention(
    tensors: Tensors, *, heads: int | None = None, head_width: int | None = None
) -> Tensors:
    """LDM's AttentionBlock as the library's Attention: `qkv` in three, convolutions as matrices.

    The rows of `qkv` go head by head, each with its queries, keys and values
    (`QKVAttentionLegacy`), so the number of heads settles which rows are which.

    Args:
        tensors: of the library's converter, blocks already under the library's names.
        heads: of every attention; or else
        head_width: channels of a head.
    """
    renamed: Tensors = {}
    for name, tensor in tensors.items():
        parent, _, kind = name.rpartition(".")
        above, _, part = parent.rpartition(".")
        matrix = tensor.squeeze(-1) if tensor.ndim == 3 else tensor
        if part == "qkv":
            channels = matrix.shape[0] // 3
            count = heads or channels // (head_width or channels)
            thirds = matrix.reshape(count, 3, channels // count, *matrix.shape[1:])
            for index, target in enumerate(("to_q", "to_k", "to_v")):
                renamed[f"{above}.{target}.{kind}"] = thirds[:, index].reshape(
                    channels, *matrix.shape[1:]
                )
        elif ".attentions." in name and part in ("norm", "proj_out"):
            target = {"norm": "group_norm", "proj_out": "to_out.0"}[part]
            renamed[f"{above}.{target}.{kind}"] = matrix
        else:
            renamed[name] = tensor
    return renamed


def resampling_blocks(tensors: Tensors) -> tuple[Tensors, tuple[str, ...]]:
    """The residual blocks that change the resolution, under the library's names.

    The library's converter knows convolutions there only, and gives these blocks names of others:
    those are the second result.
    """
    from diffusers.loaders.single_file_utils import update_unet_resnet_ldm_to_diffusers

    prefix = "model.diffusion_model."
    places: dict[str, str] = {}
    for name in tensors:
        path = name.removeprefix(prefix).split(".")
        if path[0] == "input_blocks" and int(path[1]) and int(path[1]) % 3 == 0:
            places[".".join(path[:3])] = f"down_blocks.{int(path[1]) // 3 - 1}.downsamplers.0"
        if path[0] == "output_blocks" and path[2] != "0" and path[3] == "in_layers":
            places[".".join(path[:3])] = f"up_blocks.{int(path[1]) // 3}.upsamplers.0"
    converted: Tensors = {}
    for old, new in places.items():
        block = {
            name.removeprefix(prefix): tensor
            for name, tensor in tensors.items()
            if name.startswith(f"{prefix}{old}.")
        }
        update_unet_resnet_ldm_to_diffusers(list(block), converted, block, {"old": old, "new": new})
    downs = tuple(f"down_blocks.{level}.resnets.2." for level in range(len(places)))
    return converted, (*downs, "up_blocks.0.attentions.2.")


def bert_names(tensors: Tensors, prefix: str) -> Tensors:
    """x-transformers' names as the library's LDMBertModel has them."""
    fixed = {
        "token_emb.weight": "model.embed_tokens.weight",
        "pos_emb.emb.weight": "model.embed_positions.weight",
        "norm.": "model.layer_norm.",
        "to_logits.": "to_logits.",
    }
    attention = {
        "0.": "self_attn_layer_norm.",
        "1.to_q.": "self_attn.q_proj.",
        "1.to_k.": "self_attn.k_proj.",
        "1.to_v.": "self_attn.v_proj.",
        "1.to_out.": "self_attn.out_proj.",
    }
    forward = {"0.": "final_layer_norm.", "1.net.0.0.": "fc1.", "1.net.2.": "fc2."}
    renamed: Tensors = {}
    for name, tensor in tensors.items():
        if not name.startswith(prefix):
            continue
        key = name.removeprefix(prefix)
        table = fixed
        above = ""
        if key.startswith("attn_layers.layers."):
            _, _, number, key = key.split(".", 3)
            table = (attention, forward)[int(number) % 2]
            above = f"model.layers.{int(number) // 2}."
        old = next(start for start in table if key.startswith(start))
        renamed[above + table[old] + key.removeprefix(old)] = tensor
    return renamed


def first_stage_names(tensors: Tensors, stage: FirstStage, config: dict[str, Any]) -> Tensors:
    """A first stage's names; the library's converter knows neither a codebook nor attention
    outside the middle.

    Args:
        tensors: of the whole file.
        stage: which it is.
        config: of the library's module.
    """
    from diffusers.loaders.single_file_utils import (
        convert_ldm_vae_checkpoint,
        update_vae_attentions_ldm_to_diffusers,
    )

    prefix = "first_stage_model."
    own = {key: value for key, value in tensors.items() if key.startswith(prefix)}
    extra: Tensors = {
        key.removeprefix(prefix): own.pop(key) for key in list(own) if "quantize." in key
    }
    levels = len(stage.mult)
    for level in stage.attention:
        for side, place in (("encoder.down", level), ("decoder.up", levels - 1 - level)):
            old = f"{side}.{level}.attn"
            found = {
                key.removeprefix(prefix): own.pop(key)
                for key in list(own)
                if key.startswith(f"{prefix}{old}.")
            }
            update_vae_attentions_ldm_to_diffusers(
                list(found),
                extra,
                found,
                {"old": old, "new": f"{side}_blocks.{place}.attentions"},
            )
    converted: Tensors = convert_ldm_vae_checkpoint(own, config)
    return converted | extra
