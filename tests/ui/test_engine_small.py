"""The small parts of the engine client: lines, rates, reasons of deaths, commands."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.engine.command import command_words, default_command, parse_command
from ui.engine.deaths import AT_ONCE, TRIES, Restarts, why_ended
from ui.engine.lines import Lines
from ui.engine.rate import RateMeter

if TYPE_CHECKING:
    import random



def drained(lines: Lines) -> list[bytes]:
    found = []
    while (line := lines.next()) is not None:
        found.append(line)
    return found


@given(st.lists(st.binary(max_size=8).map(lambda b: b.replace(b"\r", b""))), st.randoms())
def test_lines_are_the_same_however_the_bytes_come(parts: list[bytes], rng: random.Random) -> None:
    data = b"\n".join(parts)
    lines = Lines()
    position = 0
    while position < len(data):
        step = rng.randint(1, 5)
        lines.feed(data[position : position + step])
        position += step
    lines.flush()
    expected = data.split(b"\n")
    assert drained(lines) == (expected if expected[-1] else expected[:-1])


def test_a_line_without_end_is_cut_and_old_lines_fall_away() -> None:
    lines = Lines(limit=10)
    for _ in range(3):
        lines.feed(b"123456")
    assert drained(lines) == [b"123456123456"]
    lines = Lines(returns=True, kept=2)
    lines.feed(b"10%\r20%\r30%\n")
    assert drained(lines) == [b"20%", b"30%"]


def test_the_rate_leaves_the_first_step_out() -> None:
    meter = RateMeter()
    assert meter.rate == 0
    for step in range(1, 6):
        # The first step comes after ten seconds of loading.
        meter.mark(10 + step * 0.25, step)
    assert meter.rate == pytest.approx(4)
    meter.mark(30, 1)
    assert meter.rate == 0, "a new count starts afresh"


def test_the_rate_follows_a_change_within_seconds() -> None:
    meter = RateMeter()
    for step in range(1, 101):
        meter.mark(step * 0.01, step)
    now = 1.0
    for step in range(101, 106):
        now += 1.0
        meter.mark(now, step)
    assert meter.rate == pytest.approx(1.0, rel=0.05)


@pytest.mark.parametrize(
    ("code", "crashed", "lines", "words"),
    [
        (int(signal.SIGKILL), True, [], "memory runs out"),
        (int(signal.SIGSEGV), True, ["noise"], "segmentation fault"),
        (62, True, [], "signal 62"),
        (1, False, ["noise", "ModuleNotFoundError: No module named 'torch'"], "named 'torch'"),
        (2, False, ["error: The device can't be used."], "code 2: The device can't be used."),
        (1, False, ["just words"], "it ended with code 1"),
        (0, False, [], "ended by itself"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals")
def test_why_it_ended(code: int, crashed: bool, lines: list[str], words: str) -> None:
    assert words in why_ended(code, crashed, lines)
    assert why_ended(code, crashed, lines, "What it said.") == "What it said."


def test_it_is_started_again_but_not_for_ever() -> None:
    restarts = Restarts()
    delays = [restarts.died(None, False) for _ in range(TRIES)]
    assert delays[-1] is None
    assert delays[:-1] == sorted(filter(None, delays))
    restarts.reset()
    # Runs that kill it, and long lives, count for nothing.
    for _ in range(10):
        assert restarts.died(1.0, True) == 0
        assert restarts.died(AT_ONCE + 1, False) == 0
    assert restarts.died(1.0, False) is not None
    assert restarts.died(1.0, True) == 0
    assert restarts.died(1.0, False) is not None


def test_commands_as_typed() -> None:
    assert parse_command("  ") == default_command()
    assert parse_command(command_words(("/a b/python", "-m", "x y"))) == (
        "/a b/python",
        "-m",
        "x y",
    )
    with pytest.raises(ValueError, match="quotation"):
        parse_command('python "never closed')
