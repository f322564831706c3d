"""Numbers in words."""

from __future__ import annotations

import pytest

from studio.words import seconds


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0, "0 ms"),
        (0.009, "9 ms"),
        (0.0994, "99 ms"),
        (0.12, "0.12 s"),
        (0.996, "1.0 s"),
        (4.14, "4.1 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.7, "1 min 0 s"),
        (119.7, "2 min 0 s"),
        (125.2, "2 min 5 s"),
        (3599.6, "1 h 0 min"),
        (3840.0, "1 h 4 min"),
    ],
)
def test_durations(value: float, words: str) -> None:
    assert seconds(value) == words
