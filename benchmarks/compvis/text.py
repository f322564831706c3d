"""The conditioning stages as their wrappers in CompVis's and Stability's code save them."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.compvis.parts import Shapes, linear, norm, prefixed


@dataclass(frozen=True)
class ClipText:
    """CLIP's text model as transformers names it (`FrozenCLIPEmbedder`); heads of 64."""

    width: int = 768
    layers: int = 12
    vocabulary: int = 49408
    positions: int = 77


@dataclass(frozen=True)
class OpenClip:
    """The text half of an open_clip model (`FrozenOpenCLIPEmbedder`); heads of 64.

    The vision half is not in the files: the wrapper deletes it.
    """

    width: int = 1024
    layers: int = 24
    vocabulary: int = 49408
    positions: int = 77


@dataclass(frozen=True)
class LdmBert:
    """LDM's text transformer (`BERTEmbedder`: x-transformers' TransformerWrapper, Encoder).

    It has 8 heads of 64 whatever its width, so `inner` is 512.
    """

    width: int = 1280
    layers: int = 32
    vocabulary: int = 30522
    positions: int = 77
    inner: int = 512


@dataclass(frozen=True)
class ClassTable:
    """`ClassEmbedder`: one row a class; cin256-v2 has one more, the null class of guidance."""

    classes: int = 1001
    width: int = 512


TextPart = ClipText | OpenClip | LdmBert | ClassTable


def text_shapes(part: TextPart) -> Shapes:
    """Names (below the part's prefix, such as `cond_stage_model.`) and shapes of its tensors."""
    match part:
        case ClipText():
            return prefixed("transformer.text_model.", _clip(part))
        case OpenClip():
            return prefixed("model.", _open_clip(part))
        case LdmBert():
            return prefixed("transformer.", _bert(part))
        case ClassTable():
            return {"embedding.weight": (part.classes, part.width)}


def _clip(clip: ClipText) -> Shapes:
    width = clip.width
    tensors: Shapes = {
        # Whole numbers; a buffer that older versions of transformers saved.
        "embeddings.position_ids": (1, clip.positions),
        "embeddings.token_embedding.weight": (clip.vocabulary, width),
        "embeddings.position_embedding.weight": (clip.positions, width),
    }
    for layer in range(clip.layers):
        name = f"encoder.layers.{layer}"
        for part in ("k_proj", "v_proj", "q_proj", "out_proj"):
            tensors |= linear(f"{name}.self_attn.{part}", width, width)
        tensors |= norm(f"{name}.layer_norm1", width) | norm(f"{name}.layer_norm2", width)
        tensors |= linear(f"{name}.mlp.fc1", width, 4 * width)
        tensors |= linear(f"{name}.mlp.fc2", 4 * width, width)
    return tensors | norm("final_layer_norm", width)


def _open_clip(clip: OpenClip) -> Shapes:
    width = clip.width
    tensors: Shapes = {
        "positional_embedding": (clip.positions, width),
        "text_projection": (width, width),
        "logit_scale": (),
        "token_embedding.weight": (clip.vocabulary, width),
    }
    for layer in range(clip.layers):
        name = f"transformer.resblocks.{layer}"
        tensors |= norm(f"{name}.ln_1", width) | norm(f"{name}.ln_2", width)
        tensors |= {
            f"{name}.attn.in_proj_weight": (3 * width, width),
            f"{name}.attn.in_proj_bias": (3 * width,),
        }
        tensors |= linear(f"{name}.attn.out_proj", width, width)
        tensors |= linear(f"{name}.mlp.c_fc", width, 4 * width)
        tensors |= linear(f"{name}.mlp.c_proj", 4 * width, width)
    return tensors | norm("ln_final", width)


def _bert(bert: LdmBert) -> Shapes:
    width = bert.width
    tensors: Shapes = {
        "token_emb.weight": (bert.vocabulary, width),
        "pos_emb.emb.weight": (bert.positions, width),
    }
    for layer in range(bert.layers):
        attention, forward = (f"attn_layers.layers.{2 * layer + half}" for half in (0, 1))
        tensors |= norm(f"{attention}.0", width)
        for part in ("to_q", "to_k", "to_v"):
            tensors |= linear(f"{attention}.1.{part}", width, bert.inner, bias=False)
        tensors |= linear(f"{attention}.1.to_out", bert.inner, width)
        tensors |= norm(f"{forward}.0", width)
        tensors |= linear(f"{forward}.1.net.0.0", width, 4 * width)
        tensors |= linear(f"{forward}.1.net.2", 4 * width, width)
    return tensors | norm("norm", width) | linear("to_logits", width, bert.vocabulary)
