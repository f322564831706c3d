"""Tiny random text encoders of every kind, with the pocket model's vocabulary of 676 tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from studio.diffusion.text.encoders import RECIPES, Encoder
from studio.diffusion.text.live import LiveText
from studio.diffusion.text.tokens import Vocabulary

ROOT = Path(__file__).resolve().parents[4]
POCKET = ROOT / "resources" / "pocket" / "tokenizer"
CPU = torch.device("cpu")
WIDTHS = {"clip_l": 16, "clip_h": 16, "clip_g": 24, "bert": 16}


def tokenizer(pad: int | None = None) -> Any:
    """The pocket model's; `pad` is another token that fills up texts."""
    from transformers import CLIPTokenizer

    found = CLIPTokenizer.from_pretrained(POCKET)
    if pad is not None:
        found.pad_token = found.convert_ids_to_tokens(pad)
    return found


def bert_tokenizer(folder: Path) -> Any:
    """A vocabulary of 60 word pieces."""
    from transformers import BertTokenizer

    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ",", "a", "the", "red", "cat", "##s"]
    pieces += [f"w{i}" for i in range(60 - len(pieces))]
    folder.mkdir(exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(pieces))
    return BertTokenizer.from_pretrained(folder, model_max_length=77)


def clip(width: int = 16, layers: int = 3, *, projected: int = 0, legacy: bool = False) -> Any:
    """A random CLIP.

    Args:
        width: of its states.
        layers: how many.
        projected: width of the projection; 0 makes an encoder without one.
        legacy: its config names a wrong end token, as those of most checkpoints do; the library
            then takes the largest token for it.
    """
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        vocab_size=676,
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=2,
        projection_dim=projected or width,
        hidden_act="gelu" if projected else "quick_gelu",
        bos_token_id=0 if legacy else 674,
        eos_token_id=2 if legacy else 675,
        pad_token_id=1 if legacy else 675,
    )
    with torch.random.fork_rng():
        torch.manual_seed(width + layers)
        model = (CLIPTextModelWithProjection if projected else CLIPTextModel)(config)
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


def bert(width: int = 16, layers: int = 3) -> Any:
    """A random LDMBert over `bert_tokenizer`'s vocabulary."""
    from transformers.utils import logging

    logging.set_verbosity_error()  # the library says which of its own settings are outdated
    from diffusers.pipelines.latent_diffusion.pipeline_latent_diffusion import (
        LDMBertConfig,
        LDMBertModel,
    )

    config = LDMBertConfig(
        vocab_size=60,
        max_position_embeddings=77,
        encoder_layers=layers,
        encoder_ffn_dim=32,
        encoder_attention_heads=2,
        head_dim=8,
        d_model=width,
    )
    with torch.random.fork_rng():
        torch.manual_seed(width)
        model = LDMBertModel(config)
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


def live(kind: str, modules: list[Any], tokenizers: list[Any]) -> LiveText:
    """Encoders as a family's row wants them.

    Args:
        kind: a key of `RECIPES`.
        modules, tokenizers: one each.
    """
    encoders = tuple(
        Encoder(module, Vocabulary.of(words, 77), recipe)
        for module, words, recipe in zip(modules, tokenizers, RECIPES[kind], strict=True)
    )
    return LiveText(encoders, CPU)


def make(kind: str, folder: Path | None = None) -> LiveText:
    """A tiny model's encoders."""
    match kind:
        case "clip":
            return live(kind, [clip(16)], [tokenizer()])
        case "open_clip":
            return live(kind, [clip(16, 2)], [tokenizer(0)])
        case "clip + open_clip":
            two = clip(24, 4, projected=20, legacy=True)
            return live(kind, [clip(16, legacy=True), two], [tokenizer(), tokenizer(0)])
        case "open_clip_g":
            return live(kind, [clip(24, 4, projected=20, legacy=True)], [tokenizer(0)])
        case _:
            assert folder is not None
            return live(kind, [bert()], [bert_tokenizer(folder)])
