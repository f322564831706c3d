"""The library's configs of a layout: the published ones with the sizes of the layout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.compvis.text import ClassTable, ClipText, LdmBert, OpenClip, TextPart

if TYPE_CHECKING:
    from benchmarks.compvis.first_stage import FirstStage
    from benchmarks.compvis.layouts import Layout
    from benchmarks.compvis.unet import Unet

CONFIGS = Path(__file__).parents[2] / "resources" / "configs"

Config = dict[str, Any]


def configs(layout: Layout) -> dict[str, Config]:
    """The JSON files of a diffusers folder that fits `layout`, by their paths in it.

    The tokenizer is not among them. Of a full-size layout they equal `resources/configs`.
    """
    base = CONFIGS / layout.configs
    files: dict[str, Config] = {
        path.relative_to(base).as_posix(): json.loads(path.read_text())
        for path in sorted(base.rglob("*.json"))
    }
    unet = files["unet/config.json"]
    unet |= _unet(layout.unet)
    if layout.sample_size:
        unet["sample_size"] = layout.sample_size
    stage = "vae" if "vae/config.json" in files else "vqvae"
    files[f"{stage}/config.json"] |= _first_stage(layout.first_stage)
    for _, part in layout.text:
        name, sizes = _text(part, layout)
        files[f"{name}/config.json"] |= sizes
    return files


def write_configs(folder: Path, layout: Layout) -> Path:
    """Write `configs(layout)` into `folder`, made if need be; returns it."""
    for name, config in configs(layout).items():
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(config, indent=2) + "\n")
    return Path(folder)


def _unet(unet: Unet) -> Config:
    levels = range(len(unet.mult))
    cross = "CrossAttn" if unet.context else "Attn"
    resample = {level for level in levels if unet.resample_blocks and not unet.depth[level]}

    def blocks(way: str, *, ends: int) -> list[str]:
        """Types from the finest level on; level `ends` does not change the resolution."""
        return [
            f"{cross}{way}Block2D"
            if unet.depth[level]
            else f"Resnet{way}sampleBlock2D"
            if level in resample and level != ends
            else f"{way}Block2D"
            for level in levels
        ]

    config: Config = {
        "in_channels": unet.in_channels,
        "out_channels": unet.out_channels,
        "block_out_channels": list(unet.widths),
        "layers_per_block": unet.blocks,
        "down_block_types": blocks("Down", ends=levels[-1]),
        "up_block_types": blocks("Up", ends=0)[::-1],
    }
    if unet.context is None:
        if unet.heads:
            # The library knows one width of heads for all levels, not one number of them.
            return config | {
                "attention_head_dim": unet.widths[0] // unet.heads,
                "_num_heads": unet.heads,
            }
        return config | {"attention_head_dim": unet.head_width}
    config["cross_attention_dim"] = unet.context
    # In this model the library's `attention_head_dim` is the number of heads.
    config["attention_head_dim"] = (
        unet.heads if unet.heads else [width // (unet.head_width or 1) for width in unet.widths]
    )
    if {unet.middle, *unet.depth} - {0, 1}:
        depths = {depth for depth in (*unet.depth, unet.middle) if depth}
        config["transformer_layers_per_block"] = (
            depths.pop() if len(depths) == 1 else [max(1, depth) for depth in unet.depth]
        )
    if unet.adm:
        config["projection_class_embeddings_input_dim"] = unet.adm
    return config


def _first_stage(stage: FirstStage) -> Config:
    levels = range(len(stage.mult))
    attention = ["Attn" if level in stage.attention else "" for level in levels]
    config: Config = {
        "block_out_channels": list(stage.widths),
        "layers_per_block": stage.blocks,
        "latent_channels": stage.channels,
        "down_block_types": [f"{kind}DownEncoderBlock2D" for kind in attention],
        "up_block_types": [f"{kind}UpDecoderBlock2D" for kind in attention[::-1]],
    }
    if stage.codes:
        config |= {"num_vq_embeddings": stage.codes, "vq_embed_dim": stage.embed}
    return config


def _text(part: TextPart, layout: Layout) -> tuple[str, Config]:
    match part:
        case ClipText():
            return "text_encoder", _clip(part)
        case OpenClip():
            if layout.unet.adm:
                return "text_encoder_2", _clip(part) | {"projection_dim": part.width}
            # The penultimate layer's output is used: the library leaves the last layer out.
            return "text_encoder", _clip(part) | {"num_hidden_layers": part.layers - 1}
        case LdmBert():
            return "bert", {
                "vocab_size": part.vocabulary,
                "max_position_embeddings": part.positions,
                "d_model": part.width,
                "encoder_layers": part.layers,
                "encoder_ffn_dim": 4 * part.width,
                "encoder_attention_heads": part.inner // 64,
            }
        case ClassTable():
            return "class_embedder", {"n_classes": part.classes, "embed_dim": part.width}


def _clip(part: ClipText | OpenClip) -> Config:
    return {
        "vocab_size": part.vocabulary,
        "max_position_embeddings": part.positions,
        "hidden_size": part.width,
        "intermediate_size": 4 * part.width,
        "num_hidden_layers": part.layers,
        "num_attention_heads": part.width // 64,
    }
