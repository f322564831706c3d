"""Text encoders of the single-file layout: CLIP, OpenCLIP, LDM's BERT and its class embedder."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from studio.diffusion.compvis.names import Names
    from studio.diffusion.weights.deferred import Deferred

HEAD_WIDTH = 64
"""Channels a head, in every CLIP that Stable Diffusion uses."""


def clip_config(names: Names, base: dict[str, Any]) -> dict[str, Any]:
    """Config of a CLIP (names as transformers has them, from `embeddings.` on)."""
    width = names.side("embeddings.token_embedding.weight", 1)
    return {
        **base,
        "vocab_size": names.side("embeddings.token_embedding.weight", 0),
        "hidden_size": width,
        "intermediate_size": names.side("encoder.layers.0.mlp.fc1.weight", 0),
        "num_hidden_layers": names.count("encoder.layers."),
        "num_attention_heads": max(width // HEAD_WIDTH, 1),
        "max_position_embeddings": names.side("embeddings.position_embedding.weight", 0),
    }


def open_clip_config(names: Names, base: dict[str, Any], *, drop: int) -> dict[str, Any]:
    """Config of an OpenCLIP (names as that package has them).

    Args:
        names: its tensors.
        base: a published config.
        drop: layers left out at the end: 1 where only the one before the last is ever used.
    """
    width = names.side("token_embedding.weight", 1)
    found = {
        **base,
        "vocab_size": names.side("token_embedding.weight", 0),
        "hidden_size": width,
        "intermediate_size": names.side("transformer.resblocks.0.mlp.c_fc.weight", 0),
        "num_hidden_layers": names.count("transformer.resblocks.") - drop,
        "num_attention_heads": max(width // HEAD_WIDTH, 1),
        "max_position_embeddings": names.side("positional_embedding", 0),
    }
    for name, axis in (("text_projection", 1), ("text_projection.weight", 0)):
        if name in names:
            found["projection_dim"] = names.side(name, axis)
    return found


_OPEN_CLIP = {
    "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
    "positional_embedding": "text_model.embeddings.position_embedding.weight",
    "ln_final.weight": "text_model.final_layer_norm.weight",
    "ln_final.bias": "text_model.final_layer_norm.bias",
}
_OPEN_CLIP_LAYER = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "attn.out_proj": "self_attn.out_proj",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}


def convert_open_clip(tensors: dict[str, Deferred]) -> dict[str, Deferred]:
    """An OpenCLIP's tensors by the library's names."""
    found = {}
    for name, tensor in tensors.items():
        if name in _OPEN_CLIP:
            found[_OPEN_CLIP[name]] = tensor
        elif name == "text_projection":
            found["text_projection.weight"] = tensor.transposed()
        elif name == "text_projection.weight":  # some were saved as a layer, already turned
            found[name] = tensor
        elif match := re.fullmatch(r"transformer\.resblocks\.(\d+)\.(.+)", name):
            layer = f"text_model.encoder.layers.{match[1]}"
            if joint := re.fullmatch(r"attn\.in_proj_(weight|bias)", match[2]):
                width = tensor.shape[0] // 3
                for i, part in enumerate(("q_proj", "k_proj", "v_proj")):
                    found[f"{layer}.self_attn.{part}.{joint[1]}"] = tensor.rows(
                        i * width, (i + 1) * width
                    )
            else:
                stem, _, leaf = match[2].rpartition(".")
                found[f"{layer}.{_OPEN_CLIP_LAYER.get(stem, stem)}.{leaf}"] = tensor
    return found


def bert_config(names: Names, base: dict[str, Any]) -> dict[str, Any]:
    """Config of LDM's BERT (names as x-transformers has them)."""
    inner = names.side("attn_layers.layers.0.1.to_q.weight", 0)
    head = int(base.get("head_dim", 64))
    return {
        **base,
        "vocab_size": names.side("token_emb.weight", 0),
        "d_model": names.side("token_emb.weight", 1),
        "max_position_embeddings": names.side("pos_emb.emb.weight", 0),
        "encoder_layers": names.count("attn_layers.layers.") // 2,
        "encoder_ffn_dim": names.side("attn_layers.layers.1.1.net.0.0.weight", 0),
        "encoder_attention_heads": max(inner // head, 1),
        "head_dim": head,
    }


_BERT = {
    "token_emb.weight": "model.embed_tokens.weight",
    "pos_emb.emb.weight": "model.embed_positions.weight",
    "norm.weight": "model.layer_norm.weight",
    "norm.bias": "model.layer_norm.bias",
    "to_logits.weight": "to_logits.weight",
    "to_logits.bias": "to_logits.bias",
}
_BERT_ATTENTION = {
    "0": "self_attn_layer_norm",
    "1.to_q": "self_attn.q_proj",
    "1.to_k": "self_attn.k_proj",
    "1.to_v": "self_attn.v_proj",
    "1.to_out": "self_attn.out_proj",
    "1.to_out.0": "self_attn.out_proj",
}
_BERT_FEED_FORWARD = {"0": "final_layer_norm", "1.net.0.0": "fc1", "1.net.2": "fc2"}


def convert_bert(tensors: dict[str, Deferred]) -> dict[str, Deferred]:
    """LDM's BERT by the library's names; its layers alternate attention and feed-forward."""
    found = {}
    for name, tensor in tensors.items():
        if name in _BERT:
            found[_BERT[name]] = tensor
        elif match := re.fullmatch(r"attn_layers\.layers\.(\d+)\.(.+)\.(weight|bias)", name):
            table = _BERT_FEED_FORWARD if int(match[1]) % 2 else _BERT_ATTENTION
            if match[2] in table:
                found[f"model.layers.{int(match[1]) // 2}.{table[match[2]]}.{match[3]}"] = tensor
    return found


def with_text_model(tensors: dict[str, Deferred]) -> dict[str, Deferred]:
    """A CLIP's tensors that were saved without the outer module's name."""
    return {f"text_model.{name}": tensor for name, tensor in tensors.items()}
