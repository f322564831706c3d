"""The pocket's vocabulary: byte pairs learnt from its own captions, in the format of CLIP's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from studio.training.data import captions

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from torch import Tensor

    from studio.training.world import Mix

START, END = "<|startoftext|>", "<|endoftext|>"

SPLIT = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
"""CLIP's: words, single digits, runs of anything else."""


def learn(texts: Iterable[str], size: int, folder: Path) -> CLIPTokenizer:
    """Learn a vocabulary, and write and load it as a CLIP tokenizer.

    Args:
        texts: to learn from.
        size: tokens at most, the bytes and the two marks among them.
        folder: for its files.
    """
    from tokenizers import Regex

    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=size - 2,
        end_of_word_suffix="</w>",
        initial_alphabet=letters,
        # Every byte at a word's end, or an unknown word would lose its last letter; and given
        # here, or they would be numbered in another order in every process.
        special_tokens=[f"{letter}</w>" for letter in letters],
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    learnt = json.loads(tokenizer.to_str())["model"]
    vocabulary = dict(learnt["vocab"])
    vocabulary |= {START: len(vocabulary), END: len(vocabulary) + 1}
    folder.mkdir(parents=True, exist_ok=True)
    merges = [" ".join(pair) if isinstance(pair, list) else pair for pair in learnt["merges"]]
    vocab = json.dumps(vocabulary, ensure_ascii=False)
    (folder / "vocab.json").write_text(vocab, encoding="utf-8")
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]), encoding="utf-8")
    return CLIPTokenizer(
        str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77
    )


def encoder(tokenizer: CLIPTokenizer, width: int, layers: int, heads: int) -> CLIPTextModel:
    """A text encoder that hasn't learnt yet.

    With the library's own deviation of 0.02 all prompts came out alike and stayed so. Here tokens
    begin with 1.0, positions with 0.3, and layers add little at first.
    """
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        max_position_embeddings=77,
        projection_dim=width,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = CLIPTextModel(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "token_embedding" in name:
                parameter.normal_(std=1.0)
            elif "position_embedding" in name:
                parameter.normal_(std=0.3)
            elif name.endswith(("out_proj.weight", "fc2.weight")):
                parameter.normal_(std=0.3 * width**-0.5)
            elif parameter.ndim == 2:
                parameter.normal_(std=width**-0.5)
    return model


def tokens(tokenizer: CLIPTokenizer, texts: list[str]) -> Tensor:
    """Token ids, [n, 77]."""
    found = tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt")
    ids: Tensor = found.input_ids
    return ids


def sentences(seed: int, mix: Mix, count: int) -> list[str]:
    """To learn a vocabulary from."""
    return captions(seed, mix, torch.arange(count), 0)
