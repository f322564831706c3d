"""The vocabularies that ship: their sizes, known tokens, and where they come from."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from studio.diffusion.text.loading import read_tokenizer, shipped_vocabulary
from studio.diffusion.text.tokens import Vocabulary

ROOT = Path(__file__).resolve().parents[4]
CLIP, BERT = ROOT / "resources" / "clip", ROOT / "resources" / "bert"


@pytest.fixture(scope="module")
def clip() -> Any:
    assert shipped_vocabulary("CLIPTextModel") == CLIP
    assert shipped_vocabulary("CLIPTextModelWithProjection") == CLIP
    return read_tokenizer(CLIP, "CLIPTextModel", "x")


@pytest.fixture(scope="module")
def bert() -> Any:
    assert shipped_vocabulary("LDMBertModel") == BERT
    return read_tokenizer(BERT, "LDMBertModel", "x")


# As published with the models.
KNOWN = {
    "": [],
    "a photo of a cat": [320, 1125, 539, 320, 2368],
    "A PHOTO of a Cat": [320, 1125, 539, 320, 2368],
    "hello world": [3306, 1002],
    "a photo of an astronaut riding a horse on mars": [
        320, 1125, 539, 550, 18376, 6765, 320, 4558, 525, 7496,
    ],
    "!": [256],
    ",": [267],
    ", .": [267, 269],
}  # fmt: skip


@pytest.mark.parametrize(("text", "ids"), KNOWN.items())
def test_clips_tokens(clip: Any, text: str, ids: list[int]) -> None:
    assert clip(text)["input_ids"] == [49406, *ids, 49407]
    assert Vocabulary.of(clip, 77).ids(text) == ids


def test_clips_vocabulary(clip: Any) -> None:
    assert len(clip) == 49408
    assert (clip.bos_token_id, clip.eos_token_id, clip.pad_token_id) == (49406, 49407, 49407)
    assert clip.model_max_length == 77
    assert clip.convert_ids_to_tokens([0, 256, 49406]) == ["!", "!</w>", "<|startoftext|>"]
    words = Vocabulary.of(clip, 77)
    assert (words.start, words.end, words.pad, words.room) == (49406, 49407, 49407, 75)
    assert Vocabulary.of(clip, 77, pad=0).pad == 0


def test_clips_two_files_agree() -> None:
    """The vocabulary follows from the merges, as the note beside it says."""
    lines = (CLIP / "merges.txt").read_text(encoding="utf-8").split("\n")
    assert lines[0].startswith("#version")
    assert lines[-1] == ""
    merges = lines[1:-1]
    assert len(merges) == 48894
    # A byte that prints stands for itself, any other for a character from 256 on.
    printing = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printing]
    letters = [*map(chr, printing), *(chr(256 + n) for n in range(len(others)))]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters)]
    tokens += [merge.replace(" ", "") for merge in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = json.loads((CLIP / "vocab.json").read_text(encoding="utf-8"))
    assert vocabulary == {token: number for number, token in enumerate(tokens)}


def test_berts_vocabulary(bert: Any) -> None:
    assert len(bert) == 30522
    assert (bert.pad_token_id, bert.cls_token_id, bert.sep_token_id) == (0, 101, 102)
    assert bert.unk_token_id == 100
    assert bert("Hello, world! Naïve cats")["input_ids"] == [
        101, 7592, 1010, 2088, 999, 15743, 8870, 102,
    ]  # fmt: skip
    words = Vocabulary.of(bert, 77)
    assert (words.start, words.end, words.pad, words.length) == (101, 102, 0, 77)


@pytest.mark.parametrize("folder", [CLIP, BERT])
def test_source_and_licence_are_named_beside_it(folder: Path) -> None:
    note = (folder / "README.md").read_text()
    assert "Source:" in note
    assert "licence" in note.lower()
    assert "sha256" in note
    if folder == CLIP:
        assert "Permission is hereby granted" in (folder / "LICENSE").read_text()


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert len(read_tokenizer(CLIP, "CLIPTextModel", "x")) == 49408
    assert len(read_tokenizer(BERT, "LDMBertModel", "x")) == 30522
