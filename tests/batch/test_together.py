"""Functions that take turns, and operations with the bits of their parts."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import torch

from studio.diffusion.together import Turn, take_turns
from studio.diffusion.together import turns as turning
from studio.diffusion.together.apart import Apart
from studio.errors import Cancelled


def test_turns_raise_cancelled_where_there_is_no_answer() -> None:
    caught: list[type[BaseException]] = []

    def work(turn: Turn[int, int]) -> None:
        try:
            turn.ask(1)
        except Cancelled as error:
            caught.append(type(error))
            raise

    def answer(questions: Any) -> Any:
        raise RuntimeError("no answer")

    with pytest.raises(RuntimeError, match="no answer"):
        take_turns([work, work], answer)
    assert caught == [Cancelled, Cancelled]


def test_who_breaks_off_the_wait_for_the_threads_leaves_none_behind() -> None:
    """As a second Ctrl-C does, while one of them still computes."""
    going_on = threading.Event()

    def work(turn: Turn[int, int]) -> None:
        try:
            turn.ask(1)
        except Cancelled:
            going_on.wait(60)
            turn.ask(2)  # a sampler that didn't take no for an answer

    def answer(questions: Any) -> Any:
        raise RuntimeError("no answer")

    def interrupted(self: Any) -> None:
        raise KeyboardInterrupt

    before = set(threading.enumerate())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(turning.Turn, "join", interrupted)
        with pytest.raises(KeyboardInterrupt):
            take_turns([work, work, work], answer)
    left = set(threading.enumerate()) - before
    assert len(left) == 3
    going_on.set()
    for thread in left:
        thread.join(60)
        assert not thread.is_alive()


# Operations


@pytest.mark.parametrize("sizes", [[2, 2, 2, 2], [1, 3, 2]], ids=["alike", "not"])
@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (torch.nn.Linear(32, 128), (32,)),
        (torch.nn.Linear(32, 16, bias=False), (7, 32)),
        (torch.nn.Conv2d(96, 32, 1), (96, 16, 16)),
        (torch.nn.Conv2d(16, 8, 1, stride=2), (16, 6, 6)),
        (torch.nn.Conv2d(16, 8, 1, padding=1, bias=False), (16, 6, 6)),
        (torch.nn.Conv2d(16, 8, 3, padding=1), (16, 6, 6)),
    ],
    ids=["linear", "tokens", "pixel", "stride", "padding", "conv"],
)
def test_parts_have_their_bits_from_the_first_time_on(
    layer: torch.nn.Module, shape: tuple[int, ...], sizes: list[int]
) -> None:
    known: dict[Any, Any] = {}
    for _ in range(2):
        x = torch.randn(sum(sizes), *shape)
        with torch.no_grad():
            with Apart(sizes, known):
                found = layer(x)
            expected = [layer(part.clone()) for part in torch.split(x, sizes)]
        assert torch.equal(found, torch.cat(expected))
    assert len(known) == 1


def test_layers_of_few_numbers_take_one_call_for_all_parts() -> None:
    """On this machine's kernels: were they to differ, bits would stay, and the speed would go."""
    known: dict[Any, Any] = {}
    linear, pixel = torch.nn.Linear(32, 128), torch.nn.Conv2d(96, 32, 1)
    with torch.no_grad(), Apart([2] * 16, known):
        linear(torch.randn(32, 32))
        pixel(torch.randn(32, 96, 16, 16))
    assert {way.__name__ for way in known.values()} <= {"_whole", "_matrices"}
