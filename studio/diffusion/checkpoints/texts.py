"""The text encoders of a single file, and their vocabularies, which ship with the program."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from studio.diffusion.checkpoints.files import under
from studio.diffusion.checkpoints.parts import Part
from studio.diffusion.checkpoints.published import published
from studio.diffusion.compvis import text
from studio.places import resources

if TYPE_CHECKING:
    from pathlib import Path

    from studio.diffusion.checkpoints.recognise import Recognised
    from studio.diffusion.compvis.names import Names

_COND = "cond_stage_model."
_USED = 23
"""Layers of OpenCLIP-H that Stable Diffusion 2 uses; the original files have one more."""


def text_encoders(found: Recognised) -> tuple[tuple[Part, ...], tuple[Path, ...]]:
    """The text encoders of a file that has them, and the folder of each one's vocabulary.

    Raises:
        UnknownArchitecture: tensors are missing or make no sense.
    """
    clip, bert = resources() / "clip", resources() / "bert"
    match found.family.facts.text:
        case "clip":
            return (_clip(found, "cond_stage_model.transformer."),), (clip,)
        case "open_clip":
            return (_open_clip(found, "cond_stage_model.model.", "text_encoder"),), (clip,)
        case "clip + open_clip":
            first = _clip(found, "conditioner.embedders.0.transformer.")
            second = _open_clip(found, "conditioner.embedders.1.model.", "text_encoder_2")
            return (first, second), (clip, clip)
        case "open_clip_g":
            part = _open_clip(found, "conditioner.embedders.0.model.", "text_encoder_2")
            return (part,), (clip,)
        case "bert":
            names = found.names.under(prefix := f"{_COND}transformer.")
            config = text.bert_config(names, published(found.config, "bert", "config.json"))
            return (_part(found, "LDMBertModel", config, prefix, text.convert_bert),), (bert,)
        case "class":
            table = found.names.under(_COND)
            sizes = {
                "n_classes": table.side("embedding.weight", 0),
                "embed_dim": table.side("embedding.weight", 1),
            }
            return (_part(found, "ClassEmbedder", sizes, _COND, None),), ()
        case _:
            return (), ()


def _clip(found: Recognised, prefix: str) -> Part:
    names = found.names.under(prefix)
    base = published(found.config, "text_encoder", "config.json")
    if names.has("text_model."):
        config = text.clip_config(names.under("text_model."), base)
        return _part(found, "CLIPTextModel", config, prefix, None)
    # Some files were saved without the module's outer name.
    config = text.clip_config(names, base)
    return _part(found, "CLIPTextModel", config, prefix, text.with_text_model)


def _open_clip(found: Recognised, prefix: str, folder: str) -> Part:
    names: Names = found.names.under(prefix)
    projected = folder == "text_encoder_2"
    layers = names.count("transformer.resblocks.")
    # Stable Diffusion 2 uses all layers but the last, and files that were converted lack that.
    drop = 0 if projected or layers == _USED else 1
    config = text.open_clip_config(
        names, published(found.config, folder, "config.json"), drop=drop
    )
    class_name = "CLIPTextModelWithProjection" if projected else "CLIPTextModel"
    return _part(found, class_name, config, prefix, text.convert_open_clip)


def _part(
    found: Recognised, class_name: str, config: dict[str, Any], prefix: str, convert: Any
) -> Part:
    path = found.header.path
    return Part(path, class_name, config, functools.partial(under, path, prefix, convert))
