"""Functions that run side by side and take turns: one computes, the others wait. No torch.

They are threads for one reason only: a sampler is a plain function, and must be left in the middle
of it and gone on with later. Taking turns keeps the order of everything that happens the same from
run to run, and torch from being asked for more threads than there are cores.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

from studio.errors import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Turn(Generic[Question, Answer]):
    """One of the functions, between its turns."""

    def __init__(self, work: Callable[[Turn[Question, Answer]], None], name: str) -> None:
        self.question: Question | None = None
        self.error: BaseException | None = None
        self._answer: Answer | Exception | None = None
        self._stop = False
        self._on = threading.Semaphore(0)
        self._back = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, args=(work,), name=name)

    def ask(self, question: Question) -> Answer:
        """Let the others go on until somebody has an answer; called within the function.

        Raises:
            Exception: what the answer is.
            Cancelled: there will be none.
        """
        if self._stop:
            raise Cancelled
        self.question = question
        self._back.release()
        self._on.acquire()
        answer, self._answer = self._answer, None
        if self._stop:
            raise Cancelled
        if isinstance(answer, Exception):
            raise answer
        assert answer is not None
        return answer

    def start(self) -> None:
        """Run it to its first question or its end."""
        self._thread.start()
        self._back.acquire()

    def resume(self, answer: Answer | Exception) -> None:
        """Run it on to its next question or its end."""
        self._answer = answer
        self.question = None
        self._on.release()
        self._back.acquire()

    def stop(self) -> None:
        """Have it end at its question, present or next."""
        self._stop = True
        self._on.release()

    def join(self) -> None:
        """Wait for its end."""
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self, work: Callable[[Turn[Question, Answer]], None]) -> None:
        try:
            work(self)
        except BaseException as error:
            self.error = error
        finally:
            self.question = None
            self._back.release()


def take_turns(
    works: Sequence[Callable[[Turn[Question, Answer]], None]],
    answer: Callable[[Sequence[Question]], Sequence[Answer | Exception]],
    name: str = "latent-studio-turn",
) -> list[BaseException | None]:
    """Run functions side by side; whenever all of them wait, answer their questions together.

    Args:
        works: each is called with its `Turn`, through which it asks.
        answer: given a question of every function that hasn't ended, in their order; returns as
            many answers. An exception among them is raised where the question was asked. It runs
            in the calling thread.
        name: of the threads, with a number.

    Returns:
        What each function raised, None where it returned.
    """
    turns = [Turn(work, f"{name}-{number}") for number, work in enumerate(works, 1)]
    try:
        for turn in turns:
            turn.start()
        while waiting := [turn for turn in turns if turn.question is not None]:
            answers = answer([turn.question for turn in waiting if turn.question is not None])
            for turn, each in zip(waiting, answers, strict=True):
                turn.resume(each)
    finally:
        # All are told before any is waited for: whoever breaks off the wait leaves none behind.
        for turn in turns:
            turn.stop()
        for turn in turns:
            turn.join()
    return [turn.error for turn in turns]
