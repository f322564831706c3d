"""What a run keeps of its request, in its folder: all that it takes to go on, and to run again.

    batch.toml     the request; written last, so that where it is the rest is whole
    graph.json     the graph, constants applied
    rows.jsonl     the rows of a table
    values-1.jsonl the values of a sweep over files or lines

Files that the request named aren't looked at again: one that changes or goes changes nothing.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import os
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from studio.batch.axes import RowsAxis
from studio.batch.checking import combinations
from studio.batch.jobfile import FILE_NAME, FrozenValues, Request, read_job_file, to_toml
from studio.batch.store import Store
from studio.batch.texts import StoredValues
from studio.errors import InputError, StudioError
from studio.graph import files as graph_files
from studio.params import Marker
from studio.words import cut

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from studio.batch.indices import Indices
    from studio.batch.planning import BatchPlan

FILES_HASHED = 100
"""Of one widget."""

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


class Replaced(InputError):
    """A model or another file has another content than when the batch began."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(
            f"{', '.join(cut(name, 100) for name in names[:3])}: the file has another content "
            "than when the batch began, so what is left would be other pictures.",
            hint="Put the old file back, or give --yes to go on with the new one.",
        )


class Lost(InputError):
    """The folder of a run without what says its jobs."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder / FILE_NAME} is gone, and with it what this batch runs.",
            hint="Begin it again with another --out; pictures that are there stay good.",
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
        Lost: it isn't there.
        BadJobFile: it is damaged.
        Changed: it isn't what the batch began with.
    """
    if not (folder / FILE_NAME).exists():
        raise Lost(folder)
    request = read_job_file(folder / FILE_NAME)
    if expected is not None and digest(folder) != expected:
        raise Changed(folder)
    return request


def fingerprints(plan: BatchPlan) -> dict[str, str]:
    """Hashes of the models and files that jobs name, by widget and name.

    Of a widget with many, a sweep over a folder of pictures, the first are looked at.
    """
    found: dict[str, str] = {}
    for node_name, node in plan.checked.nodes.items():
        for param in node.spec.params:
            if type(param.marker).fingerprint is Marker.fingerprint:
                continue
            place = f"{node_name}.{param.name}"
            points = itertools.islice(combinations(plan.space.axes, {place}), FILES_HASHED)
            for value in {node.params.get(param.name), *(point[place] for point in points)}:
                # What is missing or can't be read is its job's fault, told when that runs.
                with contextlib.suppress(StudioError, OSError):
                    if value and (mark := param.marker.fingerprint(value, plan.environment)):
                        found[f"{place} = {value}"] = mark
    return found


def check_same(before: str | None, plan: BatchPlan, done: Indices, *, yes: bool) -> str:
    """Compare the files of a batch that goes on with those it began with.

    A file that no job which is done has read may have changed: nothing was made from the old one,
    and it may be the very file that jobs failed for.

    Args:
        before: `fingerprints` as JSON, of when it began; None where it began without.
        plan: of the batch.
        done: numbers of the jobs that are done.
        yes: take whatever is there now.

    Returns:
        `fingerprints` as JSON, for the next time.

    Raises:
        Replaced: one that pictures were made from has another content.
    """
    began: dict[str, str] = json.loads(before or "{}")
    now = fingerprints(plan)
    others = [name for name, mark in began.items() if now.get(name, mark) != mark]
    if others and not yes and (used := _used(others, plan, done)):
        raise Replaced(used)
    return json.dumps(began | now)


def _used(names: Sequence[str], plan: BatchPlan, done: Indices) -> list[str]:
    """Those of some files, named as by `fingerprints`, that jobs which are done have read."""
    read: set[str] = set()
    for index in range(len(plan.space)):
        if index in done and len(read) < len(names):
            sets = plan.space[index].sets
            for name in names:
                place = name.partition(" = ")[0]
                # What jobs leave to the graph is the same for all of them.
                if place not in sets or name == f"{place} = {sets[place]}":
                    read.add(name)
    return [name for name in names if name in read]


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
