"""What runners of several workers share: who has which tasks, and what happens when one dies."""

from __future__ import annotations

import threading
from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from studio.batch.messages import Began, Died, Over, Ready
from studio.batch.runners.base import NoWorkers, Runner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from studio.batch.messages import Message, Task

MAX_DEATHS = 3
"""A worker that dies so often before it begins a job isn't started again. (What happens to a job
on which workers die is for the driver to say.)"""

GRACE = 10.0
"""Seconds that workers get to end by themselves."""


@dataclass
class Slot:
    """A worker's place: the thread, process or actor in it may change.

    Args:
        name: for people.
        tasks: that it has, by id.
        begun: ids of those that it has begun.
        living: there is a worker, if only one that is starting.
        ready: it has said so.
        warm: it has ended a task.
        deaths: since it last began a task.
        lives: how often it was started.
    """

    name: str
    tasks: dict[int, Task] = field(default_factory=dict)
    begun: set[int] = field(default_factory=set)
    living: bool = False
    ready: bool = False
    warm: bool = False
    deaths: int = 0
    lives: int = 0


AnySlot = TypeVar("AnySlot", bound=Slot)


class Pool(Runner, Generic[AnySlot]):
    """A runner of one worker or several.

    Args:
        slots: their places; none of them is filled.
    """

    def __init__(self, slots: Sequence[AnySlot]) -> None:
        super().__init__()
        self._slots = slots
        self._lock = threading.RLock()
        self._closing = False
        self._cancelled = False

    @abstractmethod
    def _start(self, slot: AnySlot) -> None:
        """Fill a slot with a new worker, under the lock.

        Raises:
            NoWorkers: it can't be started.
        """

    @abstractmethod
    def _give(self, slot: AnySlot, task: Task) -> None:
        """Hand a task to the worker in a slot, under the lock."""

    @abstractmethod
    def _stop(self, slot: AnySlot) -> None:
        """Have the worker in a slot, if any, stop within a denoising step, under the lock."""

    @property
    def workers(self) -> tuple[str, ...]:
        return tuple(slot.name for slot in self._slots)

    def start(self) -> None:
        with self._lock:
            for slot in self._slots:
                self._fill(slot)

    def room(self) -> int:
        with self._lock:
            return sum(max(0, self._room(slot)) for slot in self._slots if slot.ready)

    def submit(self, task: Task) -> None:
        with self._lock:
            living = [slot for slot in self._slots if slot.living]
            if not living:  # the last one went after it was asked whether there is room
                name = self._slots[0].name
                self._messages.put(Died(name, "it is gone", (), (task.id,), last=True))
                return
            slot = max([slot for slot in living if slot.ready] or living, key=self._room)
            slot.tasks[task.id] = task
            self._give(slot, task)

    def cancel(self) -> None:
        with self._lock:
            self._cancelled = True
            for slot in self._slots:
                self._stop(slot)

    def _room(self, slot: AnySlot) -> int:
        return self.ahead(warm=slot.warm) - len(slot.tasks)

    def _fill(self, slot: AnySlot) -> None:
        slot.lives += 1
        slot.warm = False
        self._start(slot)
        slot.living = True
        if self._cancelled:
            self._stop(slot)

    def _heard(self, slot: AnySlot, said: Message) -> None:
        """Take what a worker said into account, and pass it on."""
        with self._lock:
            match said:
                case Ready():
                    slot.ready = True
                case Began(task=number):
                    slot.begun.add(number)
                    slot.deaths = 0
                case Over(task=number):
                    slot.warm = True
                    slot.tasks.pop(number, None)
                    slot.begun.discard(number)
                case _:
                    pass
            self._messages.put(said)

    def _gone(self, slot: AnySlot, reason: str, *, fatal: bool) -> None:
        """A worker is gone: say what it had, and start another, unless that fares no better."""
        with self._lock:
            begun = tuple(task for task in slot.tasks if task in slot.begun)
            waiting = tuple(task for task in slot.tasks if task not in slot.begun)
            slot.tasks.clear()
            slot.begun.clear()
            slot.living = slot.ready = False
            if self._closing:
                return
            slot.deaths += not begun
            if not fatal and slot.deaths < MAX_DEATHS:
                try:
                    self._fill(slot)
                except NoWorkers as error:
                    reason = f"{reason}; {error}"
            self._messages.put(Died(slot.name, reason, begun, waiting, last=not slot.living))
