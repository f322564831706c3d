"""The vocabulary: the same everywhere, in CLIP's format, and no word is lost in it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch
from transformers import CLIPTokenizer

from studio.training import words
from studio.training.world import Mix

if TYPE_CHECKING:
    from pathlib import Path

SENTENCES = words.sentences(1, Mix(), 400)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return words.learn(SENTENCES, 700, tmp_path_factory.mktemp("words"))


def test_it_is_the_same_in_every_process(tmp_path: Path) -> None:
    """Its library numbers what it counts in hash maps, which differ by process."""
    program = (
        "import sys; from pathlib import Path; from studio.training import words\n"
        "from studio.training.world import Mix\n"
        "words.learn(words.sentences(1, Mix(), 400), 700, Path(sys.argv[1]))"
    )
    words.learn(SENTENCES, 700, tmp_path / "here")
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "there")], check=True)
    for name in ("vocab.json", "merges.txt"):
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes()


def test_words_come_back(tokenizer: Any) -> None:
    for text in (*SENTENCES[:50], "quixotic zebra — 42 naïve jays!"):
        ids = tokenizer(text)["input_ids"]
        assert ids[0] == tokenizer.bos_token_id
        assert ids[-1] == tokenizer.eos_token_id
        back = tokenizer.decode(ids[1:-1])
        assert back.replace(" ", "") == text.replace(" ", "").lower()
    assert len(tokenizer("a red circle")["input_ids"]) == 5, "usual words are one token"


def test_it_is_saved_as_a_clip_tokenizer(tokenizer: Any, tmp_path: Path) -> None:
    tokenizer.save_pretrained(tmp_path)
    loaded = CLIPTokenizer.from_pretrained(tmp_path)
    for text in SENTENCES[:20]:
        assert loaded(text)["input_ids"] == tokenizer(text)["input_ids"]


def test_prompts_are_77_tokens(tokenizer: Any) -> None:
    ids = words.tokens(tokenizer, ["", "a red circle", "a b c d e " * 40])
    assert ids.shape == (3, 77)
    assert ids[0].tolist() == [tokenizer.bos_token_id, *[tokenizer.eos_token_id] * 76]


def test_prompts_differ_before_anything_is_learnt(tokenizer: Any) -> None:
    """With the library's own deviations they don't, and stay alike."""
    torch.manual_seed(0)
    model = words.encoder(tokenizer, 32, 2, 2).eval()
    with torch.no_grad():
        red, blue = model(words.tokens(tokenizer, ["a red circle", "a blue circle"]))[0]
    assert torch.nn.functional.cosine_similarity(red[2], blue[2], dim=0) < 0.7
    assert torch.isfinite(red).all()
