"""What a run keeps of its request, in its folder: all that it takes to go on, and to run again.

    batch.toml     the request; written last, so that where it is the rest is whole
    graph.json     the graph, constants applied
    rows.jsonl     the rows of a table
    values-1.jsonl the values of a sweep over files or lines

Files that the request named aren't looked at again: one that changes or goes changes nothing.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from studio.batch.axes import RowsAxis
from studio.batch.jobfile import FILE_NAME, FrozenValues, Request, read_job_file, to_toml
from studio.batch.store import Store
from studio.batch.texts import StoredValues
from studio.errors import InputError
from studio.graph import files as graph_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from studio.batch.planning import BatchPlan

GRAPH = "graph.json"
ROWS = "rows.jsonl"


class NotWritten(InputError):
    """The folder of a run can't be written."""

    def __init__(self, folder: Path, error: OSError) -> None:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        what = "the disk is full" if full else error.strerror or str(error)
        super().__init__(
            f"The batch can't be written into {folder}: {what}.",
            hint="Make room or choose another folder with --out. Nothing was run.",
        )


class Changed(InputError):
    """The files of a run aren't those that it began with."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder}: {FILE_NAME}, or a file beside it, was changed since the batch began, so "
            "its jobs would be others.",
            hint=f"Run {folder / FILE_NAME} with another --out instead.",
        )


def freeze(plan: BatchPlan, folder: Path) -> str:
    """Write what a run needs into its folder, and wait until it is on the disk.

    Returns:
        a hash of all of it, for `thaw`.

    Raises:
        NotWritten: no batch.toml is left.
    """
    try:
        with _removed_on_failure(folder / FILE_NAME) as target:
            text = to_toml(_frozen(plan, folder))
            temporary = target.with_name(f".{FILE_NAME}.part")
            with temporary.open("wb") as file:
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
        return digest(folder)
    except graph_files.GraphNotWritten as error:
        raise NotWritten(folder, OSError(0, error.message)) from None
    except OSError as error:
        raise NotWritten(folder, error) from error


@contextmanager
def _removed_on_failure(path: Path) -> Iterator[Path]:
    try:
        yield path
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _frozen(plan: BatchPlan, folder: Path) -> Request:
    """The request with everything from outside written beside it."""
    graph_files.save(plan.graph, folder / GRAPH)
    jsonl = None
    for axis in plan.space.axes:
        if isinstance(axis, RowsAxis):
            axis.rows.store.save(folder / ROWS)
            jsonl = Path(ROWS)
    sweeps = []
    for number, (spec, asked) in enumerate(zip(plan.specs, plan.request.sweeps, strict=True), 1):
        if spec.outside:
            name = f"values-{number}.jsonl"
            _store_of(spec.values).save(folder / name)
            asked = asked._replace(spec=FrozenValues(values=name))
        sweeps.append(asked)
    return replace(
        plan.request,
        graph=Path(GRAPH),
        out=None,
        csv=None,
        jsonl=jsonl,
        sets=(),
        sweeps=tuple(sweeps),
    )


def _store_of(values: object) -> Store:
    import json

    from studio.batch.sequences import Values

    assert isinstance(values, Values)
    if isinstance(values, StoredValues):
        return values.store
    store = Store()
    for index in range(len(values)):
        store.append(json.dumps(values.at(index), ensure_ascii=False).encode())
    return store


def thaw(folder: Path, expected: str | None) -> Request:
    """The request of a run.

    Args:
        folder: of the run.
        expected: what `freeze` returned; None where nobody knows.

    Raises:
        BadJobFile: it isn't there or damaged.
        Changed: it isn't what the batch began with.
    """
    request = read_job_file(folder / FILE_NAME)
    if expected is not None and digest(folder) != expected:
        raise Changed(folder)
    return request


def digest(folder: Path) -> str:
    """BLAKE3 over the files that say what a run's jobs are."""
    from blake3 import blake3

    names = [FILE_NAME, GRAPH, ROWS, *sorted(path.name for path in folder.glob("values-*.jsonl"))]
    total = blake3()
    for name in names:
        hasher = blake3()
        try:
            hasher.update_mmap(folder / name)
        except FileNotFoundError:
            continue
        total.update(f"{name} {hasher.hexdigest()}\n".encode())
    return total.hexdigest()


def frozen_bytes(plan: BatchPlan) -> int:
    """About how much `freeze` will write."""
    rows = sum(a.rows.store.size for a in plan.space.axes if isinstance(a, RowsAxis))
    return rows + sum(
        spec.values.store.size for spec in plan.specs if isinstance(spec.values, StoredValues)
    )
