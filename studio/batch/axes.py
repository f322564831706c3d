"""The jobs of a batch as a product of axes: rows of a table, sweeps one by one or in step."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, overload

from studio.batch.model import Job, JobList
from studio.batch.sequences import MOST
from studio.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from studio.batch.rows import Rows
    from studio.batch.specs import Spec
    from studio.batch.targets import Target


class UnequalZip(InputError):
    """--zip of sweeps that aren't of one length."""

    def __init__(self, specs: Sequence[Spec]) -> None:
        lengths = ", ".join(f"{spec.target.place} {len(spec.values):,}" for spec in specs)
        super().__init__(
            f"--zip pairs the first with the first and so on: {lengths} values.",
            hint="Give all sweeps the same number of values, or leave --zip out.",
        )


class SetTwice(InputError):
    """Two axes, or an axis and a constant, set one widget."""

    def __init__(self, place: str, first: str, second: str) -> None:
        both = f"{first} twice" if first == second else f"{first} and by {second}"
        super().__init__(f"{place} is set by {both}.", hint="Leave one of them out.")


class TooManyJobs(InputError):
    """More jobs than any machine will ever run."""

    def __init__(self, count: int) -> None:
        super().__init__(
            f"That is {count:.3g} jobs; {MOST:,} are the most.", hint="Sweep over less."
        )


class Axis(ABC):
    """One direction of the product: at each place, values for one or more widgets.

    Args:
        targets: the widgets.
        kind: "csv", "jsonl", "sweep" or "zip".
    """

    def __init__(self, targets: Sequence[Target], kind: str) -> None:
        self.targets = tuple(targets)
        self.kind = kind

    @property
    def columns(self) -> tuple[str, ...]:
        """What it sets, "node.param" each."""
        return tuple(target.place for target in self.targets)

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, index: int) -> dict[str, Any]:
        """What is set at a place from 0; a row of a table may leave widgets out."""


class RowsAxis(Axis):
    """The rows of a table."""

    def __init__(self, rows: Rows, kind: str) -> None:
        super().__init__(rows.targets, kind)
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows.store)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.rows.at(index)


class SweepAxis(Axis):
    """A sweep, or several in step."""

    def __init__(self, specs: Sequence[Spec]) -> None:
        super().__init__([spec.target for spec in specs], "zip" if len(specs) > 1 else "sweep")
        if len({len(spec.values) for spec in specs}) > 1:
            raise UnequalZip(specs)
        self.specs = tuple(specs)

    def __len__(self) -> int:
        return len(self.specs[0].values)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {spec.target.place: spec.values.at(index) for spec in self.specs}


class Space(JobList):
    """All jobs: the product of the axes, the last one changing fastest.

    Without axes there is one job, the graph as it is.

    Args:
        axes: none of them empty, no widget in two of them.

    Raises:
        SetTwice, TooManyJobs.
    """

    def __init__(self, axes: Sequence[Axis]) -> None:
        self.axes = tuple(axes)
        self.lengths = tuple(len(axis) for axis in axes)
        self.total = math.prod(self.lengths)
        setter: dict[str, str] = {}
        for axis in self.axes:
            for place in axis.columns:
                name = f"--{'sweep' if axis.kind == 'zip' else axis.kind}"
                if place in setter:
                    raise SetTwice(place, setter[place], name)
                setter[place] = name
        if self.total > MOST:
            raise TooManyJobs(self.total)

    @property
    def targets(self) -> tuple[Target, ...]:
        """All widgets that jobs set."""
        return tuple(target for axis in self.axes for target in axis.targets)

    def __len__(self) -> int:
        return self.total

    @overload
    def __getitem__(self, index: int) -> Job: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Job]: ...
    def __getitem__(self, index: int | slice) -> Job | Sequence[Job]:
        if isinstance(index, slice):
            return [self[one] for one in range(*index.indices(self.total))]
        place = range(self.total)[index]
        sets: dict[str, Any] = {}
        for axis, at in zip(self.axes, self.indices(place), strict=True):
            sets |= axis[at]
        return Job(place, sets)

    def indices(self, index: int) -> tuple[int, ...]:
        """The place on each axis of a job."""
        found = []
        for length in reversed(self.lengths):
            index, at = divmod(index, length)
            found.append(at)
        return tuple(reversed(found))

    def place(self, indices: Sequence[int]) -> int:
        """The job at a place on each axis; the inverse of `indices`."""
        index = 0
        for length, at in zip(self.lengths, indices, strict=True):
            index = index * length + at
        return index
