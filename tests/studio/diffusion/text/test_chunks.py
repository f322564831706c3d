"""Cutting prompts into chunks: against batches put together by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tiny_text import tokenizer

from studio.diffusion.text.prompt import parse
from studio.diffusion.text.tokens import STAND_IN, Vocabulary, chunks

START, END = 674, 675
COMMA = ","


@pytest.fixture(scope="module")
def words() -> Vocabulary:
    return Vocabulary.of(tokenizer(), 77)


def no_vectors(name: str) -> None:
    raise AssertionError(name)


def cut(words: Vocabulary, text: str, weighting: str, vectors: Any = no_vectors) -> Any:
    """Tokens and weights of every chunk."""
    found = chunks(parse(text, weighting).pieces, words, vectors, weighting)
    assert all(len(chunk) == words.length for chunk in found)
    return [[slot.token for slot in chunk] for chunk in found], [
        [slot.weight for slot in chunk] for chunk in found
    ]


def whole(ids: list[int], pad: int = END, length: int = 77) -> list[int]:
    filled = [START, *ids, END]
    return filled + [pad] * (length - len(filled))


def one(words: Vocabulary, text: str) -> int:
    (token,) = words.ids(text)
    return token


both = pytest.mark.parametrize("weighting", ["comfy", "a1111"])


@both
def test_a_short_text_is_what_the_library_makes_of_it(words: Vocabulary, weighting: str) -> None:
    text = "a small orange heart on a yellow background"
    library = words.tokenizer(text, padding="max_length", max_length=77, truncation=True)
    ids, weights = cut(words, text, weighting)
    assert ids == [library["input_ids"]]
    assert weights == [[1.0] * 77]


@both
def test_no_text_is_one_empty_chunk(words: Vocabulary, weighting: str) -> None:
    assert cut(words, "", weighting)[0] == [whole([])]
    assert cut(words, " \n ", weighting)[0] == [whole([])]


@both
@pytest.mark.parametrize("count", [74, 75, 76, 150, 151, 400])
def test_a_plain_text_is_cut_every_75_tokens(words: Vocabulary, weighting: str, count: int) -> None:
    red = one(words, "red")
    ids, _ = cut(words, "red " * count, weighting)
    sizes = [min(75, count - begun) for begun in range(0, count, 75)]
    assert ids == [whole([red] * size) for size in sizes]


def test_other_tokens_fill_up(words: Vocabulary) -> None:
    zero = Vocabulary.of(tokenizer(0), 77)
    assert cut(zero, "red", "comfy")[0] == [whole([one(words, "red")], pad=0)]


def test_a_short_encoder_has_short_chunks() -> None:
    short = Vocabulary.of(tokenizer(), 16)
    red = one(short, "red")
    ids, _ = cut(short, "red " * 20, "comfy")
    assert ids == [whole([red] * 14, length=16), whole([red] * 6, length=16)]


def test_weights_go_with_their_words(words: Vocabulary) -> None:
    text = "red (red red:1.5) red"
    assert cut(words, text, "comfy")[1] == [[1, 1, 1.5, 1.5, 1] + [1] * 72]
    assert cut(words, text, "comfy")[0] == cut(words, "red red red red", "comfy")[0]


def test_comfy_moves_a_short_group_on_and_cuts_a_long_one(words: Vocabulary) -> None:
    red, blue = one(words, "red"), one(words, "blue")
    ids, weights = cut(words, "red " * 72 + "(" + "blue " * 7 + ":1.2)", "comfy")
    assert ids == [whole([red] * 72), whole([blue] * 7)]
    assert weights[1] == [1] + [1.2] * 7 + [1] * 69
    ids, _ = cut(words, "red " * 72 + "(" + "blue " * 8 + ":1.2)", "comfy")
    assert ids == [whole([red] * 72 + [blue] * 3), whole([blue] * 5)]


def test_a1111_goes_back_to_a_comma(words: Vocabulary) -> None:
    red, blue, comma = one(words, "red"), one(words, "blue"), one(words, COMMA)
    # The comma is the 60th token, 16 from the end.
    text = "red " * 59 + ", " + "blue " * 20
    ids, _ = cut(words, text, "a1111")
    assert ids == [whole([red] * 59 + [comma]), whole([blue] * 20)]
    ids, _ = cut(words, text, "comfy")
    assert ids == [whole([red] * 59 + [comma] + [blue] * 15), whole([blue] * 5)]


@pytest.mark.parametrize(("before", "kept"), [(53, 75), (54, 75), (55, 56), (74, 75)])
def test_a1111_goes_back_20_tokens_at_most(words: Vocabulary, before: int, kept: int) -> None:
    ids, _ = cut(words, "red " * before + ", " + "blue " * 40, "a1111")
    assert [len([i for i in chunk if i not in (START, END)]) for chunk in ids] == [
        kept,
        before + 41 - kept,
    ]


def test_a1111_takes_a_comma_on_a_full_chunk_along(words: Vocabulary) -> None:
    red, comma = one(words, "red"), one(words, COMMA)
    ids, _ = cut(words, "red " * 75 + ", red", "a1111")
    assert ids == [whole([red] * 75), whole([comma, red])]
    text = "red " * 70 + ", " + "red " * 4 + ", red"
    assert cut(words, text, "a1111")[0][1] == whole([comma, red])


@both
def test_break_fills_the_chunk_up(words: Vocabulary, weighting: str) -> None:
    red, blue = one(words, "red"), one(words, "blue")
    assert cut(words, "red BREAK blue", weighting)[0] == [whole([red]), whole([blue])]
    assert cut(words, "red BREAK", weighting)[0] == [whole([red])]
    assert cut(words, "BREAK red", weighting)[0] == [whole([]), whole([red])]
    assert cut(words, "red BREAK BREAK blue", weighting)[0] == [
        whole([red]),
        whole([]),
        whole([blue]),
    ]
    ids, weights = cut(words, "(red BREAK blue:1.5)", weighting)
    assert ids == [whole([red]), whole([blue])]
    assert weights == [[1, 1.5] + [1] * 75] * 2


@both
def test_an_embedding_takes_a_slot_for_each_vector(words: Vocabulary, weighting: str) -> None:
    rows = torch.arange(3.0)[:, None].expand(3, 16)
    found = chunks(
        parse("red (embedding:x:1.2) blue", weighting).pieces, words, lambda _: rows, weighting
    )
    (chunk,) = found
    red, blue = one(words, "red"), one(words, "blue")
    assert [s.token for s in chunk[:7]] == [START, red, *[STAND_IN] * 3, blue, END]
    assert [s.weight for s in chunk[:7]] == [1, 1, 1.2, 1.2, 1.2, 1, 1]
    assert [s.vector is None for s in chunk[:7]] == [True, True, False, False, False, True, True]
    assert [float(s.vector[0]) for s in chunk if s.vector is not None] == [0, 1, 2]


@both
@pytest.mark.parametrize(("vectors", "first"), [(3, 73), (9, 75)])
def test_an_embedding_at_the_end_of_a_chunk(
    words: Vocabulary, weighting: str, vectors: int, first: int
) -> None:
    """A short one moves on as a whole; a long one is cut by ComfyUI's rule, by the other never."""
    rows = torch.zeros(vectors, 16)
    pieces = parse("red " * 73 + "embedding:x", weighting).pieces
    found = chunks(pieces, words, lambda _: rows, weighting)
    taken = [sum(slot.vector is not None for slot in chunk) for chunk in found]
    fits = first - 73 if weighting == "comfy" else 0
    assert taken == [fits, vectors - fits]


def test_an_embedding_of_more_vectors_than_a_chunk(words: Vocabulary) -> None:
    rows = torch.zeros(100, 16)
    for weighting in ("comfy", "a1111"):
        pieces = parse("embedding:x", weighting).pieces
        found = chunks(pieces, words, lambda _: rows, weighting)
        assert [sum(s.vector is not None for s in chunk) for chunk in found] == [75, 25]
