"""Jobs out of a table: a CSV or JSON Lines file with a job a row, columns named `node.param`.

The file is read once, from start to end, every value checked on the way; what it says is kept in
a `Store`, so a table of a gigabyte takes little memory, and one that changes later changes nothing.

An empty cell of a prompt is the empty text; of anything else (numbers, names of models and files)
it leaves what the graph says, as a key left out of a JSON line does. Rows without anything in them
are left out.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from studio import strictjson
from studio.batch.store import Store
from studio.batch.targets import BadTarget
from studio.batch.texts import Reader, TextFile, TextFileError
from studio.words import plain, short

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from studio.batch.targets import Judges, Target

    Find = Callable[[str, str], Target]
    """Gives the widget of a column, from its name and its place for messages."""

DELIMITERS = ",;\t"
FAULTS = 3
"""Told at once; the rest is usually more of the same."""


@dataclass(frozen=True)
class Rows:
    """A table, read.

    Args:
        targets: what its columns set, in order.
        store: a JSON object a row, by "node.param".
        shapes: the first row of each set of columns that rows have; most tables have one set.
    """

    targets: tuple[Target, ...]
    store: Store
    shapes: Mapping[frozenset[str], int]

    def at(self, index: int) -> dict[str, Any]:
        """What a row sets."""
        found: dict[str, Any] = json.loads(self.store[index])
        return found


class _Table:
    """Collects rows, and up to three faults."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = Store()
        self.shapes: dict[frozenset[str], int] = {}
        self.faults: list[str] = []
        self._shape: tuple[str, ...] = ()

    @property
    def full(self) -> bool:
        return len(self.faults) >= FAULTS

    def add(self, cells: dict[str, str]) -> None:
        """A row: its values as JSON, by column."""
        line = ", ".join(f"{json.dumps(place)}: {value}" for place, value in cells.items())
        self.store.append(f"{{{line}}}".encode())
        if (shape := tuple(cells)) != self._shape:
            self._shape = shape
            self.shapes.setdefault(frozenset(shape), len(self.store) - 1)

    def rows(self, targets: Sequence[Target], what: str) -> Rows:
        if self.faults:
            raise TextFileError(*self.faults)
        if not self.store:
            raise TextFileError(f"{plain(str(self.path))}: {what}")
        return Rows(tuple(targets), self.store, self.shapes)


# CSV


def read_csv(path: Path, find: Find, judge: Judges) -> Rows:
    """Read a table with a header line.

    The delimiter is a comma, a semicolon or a tab, whichever makes sense of the header.

    Args:
        path: UTF-8 or UTF-16; a pipe will do.
        find: gives a column's widget, or raises BadTarget.
        judge: says what is wrong with a value of the right type, or None.

    Raises:
        TextFileError: the file, its header, or up to three of its rows.
    """
    file = TextFile(path)
    lines = iter(file)
    header, delimiter = _header(file, lines, find)
    targets = _columns(header, file, find)
    readers = [Reader(target, judge) if target else None for target in targets]
    table = _Table(path)
    for number, cells in _records(file, lines, delimiter):
        if not any(map(str.strip, cells)) and (len(cells) != 1 or len(targets) != 1):
            continue
        where = file.place(number)
        if len(cells) != len(header):
            table.faults.append(_ragged(where, cells, header, delimiter))
        else:
            _read_row(where, cells, readers, table)
        if table.full:
            break
    return table.rows([t for t in targets if t], "it has a header and no rows.")


def _header(file: TextFile, lines: Iterator[str], find: Find) -> tuple[list[str], str]:
    """The names of the columns, and the delimiter."""
    first = next((line for line in lines if line.strip()), "")
    chosen = re.fullmatch(r"\s*sep=(.)\s*", first)  # Excel's own
    if chosen:
        first = next(lines, "")
    if not first.strip():
        raise TextFileError(f"{plain(str(file.path))}: it is empty.")
    if first.lstrip().startswith("{"):
        raise TextFileError(f"{file.place()}: it looks like JSON; use --jsonl for it.")
    best = chosen[1] if chosen else ","
    if not chosen:
        best = max(DELIMITERS, key=lambda d: (_known(first, d, find), first.count(d)))
    try:
        names = next(csv.reader([first], delimiter=best, strict=True))
    except csv.Error as error:
        raise TextFileError(f"{file.place()}: {_words(error)}") from None
    return [name.strip() for name in names], best


def _known(line: str, delimiter: str, find: Find) -> int:
    """How many columns make sense with a delimiter."""
    try:
        names = next(csv.reader([line], delimiter=delimiter))
    except csv.Error:
        return 0
    count = 0
    for name in names:
        try:
            find(name.strip(), "")
        except BadTarget:
            continue
        count += 1
    return count


def _columns(header: list[str], file: TextFile, find: Find) -> list[Target | None]:
    """The columns' widgets; None for one without a name, which may hold nothing."""
    twice = [name for name, count in Counter(header).items() if count > 1 and name]
    if twice:
        raise TextFileError(f"{file.place()}: there are several columns {short(twice[0])}.")
    targets: list[Target | None] = []
    faults = []
    for place, name in enumerate(header, 1):
        try:
            targets.append(find(name, f"{file.place()}, column {place}") if name else None)
        except BadTarget as error:
            faults.append(str(error))
    if faults:
        raise TextFileError(*faults)
    if not any(targets):
        raise TextFileError(f"{file.place()}: no column has a name; write node.param there.")
    return targets


def _records(
    file: TextFile, lines: Iterator[str], delimiter: str
) -> Iterator[tuple[int, list[str]]]:
    """Rows with the number of the line where each begins."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        number = file.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise TextFileError(f"{file.place(number)}: {_words(error)}") from None
        yield number, cells


def _words(error: csv.Error) -> str:
    text = str(error)
    if "end of data" in text:
        return "a quotation mark is opened and never closed."
    if "field larger" in text:
        return "a cell is longer than 131,072 characters; is a quotation mark never closed?"
    if "expected after" in text:
        return 'a quoted cell goes on after its end; write "" for a quotation mark inside it.'
    return f"it isn't CSV: {text}."


def _ragged(where: str, cells: list[str], header: list[str], delimiter: str) -> str:
    cell = "cell" if len(cells) == 1 else "cells"
    words = f"{where}: it has {len(cells)} {cell}, and the header has {len(header)}."
    if len(cells) > len(header):
        name = {",": "commas", ";": "semicolons", "\t": "tabs"}.get(delimiter, delimiter)
        words += f' A text with {name} in it goes in "…".'
    return words


def _read_row(
    where: str, cells: list[str], readers: Sequence[Reader | None], table: _Table
) -> None:
    row: dict[str, str] = {}
    for place, (text, reader) in enumerate(zip(cells, readers, strict=True), 1):
        if reader is None:
            if text.strip():
                table.faults.append(f"{where}: column {place} has no name, and a value.")
            continue
        target = reader.target
        if not text.strip() and not reader.takes_empty:
            continue
        try:
            if "\0" in text:
                raise ValueError("it contains a zero byte.")
            row[target.place] = reader.text(text if target.param.kind == "str" else text.strip())
        except ValueError as error:
            table.faults.append(f"{where}, column {target.place}: {error}")
    table.add(row)


# JSON Lines


def read_jsonl(path: Path, find: Find, judge: Judges) -> Rows:
    """Read a JSON object a line: {"sampler.seed": 1} or {"sampler": {"seed": 1}}.

    Args:
        path: UTF-8 or UTF-16; a pipe will do.
        find: gives a key's widget, or raises BadTarget.
        judge: says what is wrong with a value of the right type, or None.

    Raises:
        TextFileError: the file, or up to three of its lines.
    """
    file, table = TextFile(path), _Table(path)
    readers: dict[str, Reader] = {}
    for line in file:
        if not line.strip():
            continue
        where = file.place()
        try:
            cells = {}
            for place, value in _flat(_object(line, file.number)):
                if place not in readers:
                    readers[place] = Reader(find(place, where), judge)
                reader = readers[place]
                if reader.target.place in cells:
                    raise ValueError(f"it sets {place} twice.")
                try:
                    cells[reader.target.place] = reader.json(value)
                except ValueError as error:
                    raise ValueError(f"{place}: {error}") from None
        except BadTarget as error:
            table.faults.append(str(error))
        except ValueError as error:
            table.faults.append(f"{where}: {error}")
        else:
            table.add(cells)
        if table.full:
            break
    known = {reader.target.place: reader.target for reader in readers.values()}
    return table.rows(list(known.values()), "it has no rows.")


def _object(line: str, number: int) -> dict[str, Any]:
    try:
        value = strictjson.loads(line.rstrip())
    except json.JSONDecodeError as error:
        whole = number == 1 and line.strip() in ("[", "{")
        hint = " Write an object a line, not one list." if whole else ""
        raise ValueError(f"it isn't JSON: {error.msg} at column {error.colno}.{hint}") from None
    except RecursionError:
        raise ValueError("it is nested too deep.") from None
    except ValueError as error:
        words = str(error)
        raise ValueError(f"{words if words.startswith('the ') else f'it {words}'}.") from None
    if not isinstance(value, dict):
        raise ValueError('it isn\'t an object; write {"sampler.seed": 1, …} on each line.')
    return value


def _flat(row: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in row.items():
        if isinstance(value, dict) and "." not in key:
            for inner, own in value.items():
                yield f"{key}.{inner}", own
        else:
            yield key, value
