"""From the pieces of a prompt to chunks of tokens that an encoder takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from studio.diffusion.text.prompt import Break, Mention, Words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from torch import Tensor

    from studio.diffusion.text.prompt import Piece

LONG = 8
"""ComfyUI: a group of this many tokens may be cut at the end of a chunk; a shorter one moves to
the next as a whole."""

BACKTRACK = 20
"""Automatic's web UI: a chunk ends after a comma where one is among its last 20 tokens."""

STAND_IN = 0
"""The token where a vector of an embedding goes; any but the end token, which marks the end."""


class Slot(NamedTuple):
    """One of an encoder's inputs.

    Args:
        token: its number in the vocabulary.
        weight: 1 changes nothing.
        vector: float32 [D], taken in place of the token's.
    """

    token: int
    weight: float = 1.0
    vector: Tensor | None = None


@dataclass(frozen=True)
class Group:
    """Slots that came of one stretch of words, or of one embedding."""

    slots: tuple[Slot, ...]
    embedding: bool = False


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer and how its encoder wants texts begun, ended and filled up.

    Args:
        tokenizer: the library's.
        start, end, pad: special tokens.
        length: slots of a chunk, start and end included.
    """

    tokenizer: Any
    start: int
    end: int
    pad: int
    length: int

    @classmethod
    def of(cls, tokenizer: Any, length: int, pad: int | None = None) -> Vocabulary:
        """The vocabulary of a tokenizer.

        Args:
            tokenizer: the library's.
            length: the encoder's; the tokenizer's own counts where it is less.
            pad: fills texts up; None takes the tokenizer's own.

        Raises:
            ValueError: it doesn't begin and end texts with one token each.
        """
        start, end = tokenizer("")["input_ids"]
        # A tokenizer without its config knows no length.
        length = min(length, tokenizer.model_max_length)
        return cls(tokenizer, start, end, tokenizer.pad_token_id if pad is None else pad, length)

    @property
    def room(self) -> int:
        """Slots of a chunk between start and end."""
        return self.length - 2

    def ids(self, text: str) -> list[int]:
        """The tokens of a text, without start and end."""
        found: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return found

    def whole(self, slots: Sequence[Slot]) -> tuple[Slot, ...]:
        """A chunk of `length` slots around at most `room` of them."""
        filled = (Slot(self.start), *slots, Slot(self.end))
        return filled + (Slot(self.pad),) * (self.length - len(filled))


def chunks(
    pieces: Iterable[Piece],
    vocabulary: Vocabulary,
    vectors: Callable[[str], Tensor | None],
    weighting: str,
) -> list[tuple[Slot, ...]]:
    """A prompt as chunks, one at least.

    Args:
        pieces: of the prompt.
        vocabulary: of the encoder.
        vectors: of an embedding by name, float32 [n, D]; None leaves it out.
        weighting: whose rule cuts long prompts, one of `WEIGHTINGS`.
    """
    groups = [_group(piece, vocabulary, vectors) for piece in pieces]
    if weighting == "comfy":
        cut = _cut_as_comfy(groups, vocabulary.room)
    else:
        commas = vocabulary.ids(",")
        cut = _cut_as_a1111(groups, vocabulary.room, commas[0] if len(commas) == 1 else None)
    return [vocabulary.whole(slots) for slots in cut]


def _group(
    piece: Piece, vocabulary: Vocabulary, vectors: Callable[[str], Tensor | None]
) -> Group | None:
    """None for a break."""
    match piece:
        case Break():
            return None
        case Words(text, weight):
            return Group(tuple(Slot(token, weight) for token in vocabulary.ids(text)))
        case Mention(name, weight):
            rows = vectors(name)
            slots = () if rows is None else tuple(Slot(STAND_IN, weight, row) for row in rows)
            return Group(slots, embedding=True)


class _Cutter:
    """Chunks in the making."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.done: list[list[Slot]] = []
        self.now: list[Slot] = []

    def next(self) -> None:
        self.done.append(self.now)
        self.now = []

    def finish(self) -> list[list[Slot]]:
        """All chunks; a last one without a token is none, unless it is the only one."""
        return [*self.done, self.now] if self.now or not self.done else self.done


def _cut_as_comfy(groups: Iterable[Group | None], room: int) -> list[list[Slot]]:
    cutter = _Cutter(room)
    for group in groups:
        if group is None:
            cutter.next()
            continue
        left = group.slots
        long = len(left) >= LONG
        while len(left) > (free := room - len(cutter.now)):
            if long:
                cutter.now += left[:free]
                left = left[free:]
            cutter.next()
        cutter.now += left
    return cutter.finish()


def _cut_as_a1111(groups: Iterable[Group | None], room: int, comma: int | None) -> list[list[Slot]]:
    cutter = _CommaCutter(room)
    for group in groups:
        if group is None:
            cutter.next()
            continue
        if group.embedding and group.slots:
            cutter.make_room()
            if len(cutter.now) + len(group.slots) > room and cutter.now:
                cutter.next()
        for slot in group.slots:
            if slot.vector is None and slot.token == comma:
                if len(cutter.now) == room:
                    cutter.next()
                else:
                    cutter.last_comma = len(cutter.now)
            cutter.make_room()
            cutter.now.append(slot)
    return cutter.finish()


class _CommaCutter(_Cutter):
    """Prefers to end a chunk after a comma."""

    def __init__(self, room: int) -> None:
        super().__init__(room)
        self.last_comma = -1

    def next(self) -> None:
        super().next()
        self.last_comma = -1

    def make_room(self) -> None:
        """Go on to the next chunk where this one is full, and take along what follows its last
        comma, if that stands near its end."""
        if len(self.now) < self.room:
            return
        moved: list[Slot] = []
        if self.last_comma >= 0 and self.room - self.last_comma <= BACKTRACK:
            moved = self.now[self.last_comma + 1 :]
            self.now = self.now[: self.last_comma + 1]
        self.next()
        self.now = moved
