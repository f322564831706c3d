"""Text files as people have them: UTF-8 with and without a mark, UTF-16, any line ends, any size.

Read line by line, so that one of a gigabyte takes no more memory than a small one.
"""

from __future__ import annotations

import codecs
import io
import json
import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

from studio import strictjson
from studio.batch.sequences import Values
from studio.batch.store import Store
from studio.errors import InputError
from studio.words import nearest, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import TextIO

    from studio.batch.targets import Target

LONGEST = 2**20
"""Characters of one line. A file without line ends is no list."""

SAMPLE = 4096
"""Bytes that tell the encoding of a file without a mark."""

REMEMBERED = 20_000
"""Texts of a column whose value is remembered; most columns repeat a few."""

SHORT = 128
"""Letters up to which a text is remembered: long ones are rarely repeated."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class TextFileError(InputError):
    """A file of lines or rows that can't be read, or what stands in it.

    Args:
        faults: one sentence each, with its place; three at most are told.
    """

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults[:3]))


class TextFile:
    """A text file being read.

    Args:
        path: the file; a pipe will do.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.number = 0
        """Of the line read last, from 1."""

    def __iter__(self) -> Iterator[str]:
        """The lines, with their ends.

        Raises:
            TextFileError: the file can't be read, or isn't text.
        """
        try:
            with self.path.open("rb") as raw:
                text = io.TextIOWrapper(raw, self._encoding(raw.peek(SAMPLE)), newline="")
                yield from self._lines(text)
        except UnicodeError as error:
            raise TextFileError(self._undecodable(error)) from None
        except OSError as error:
            raise TextFileError(self._unreadable(error)) from None

    def _lines(self, text: TextIO) -> Iterator[str]:
        while line := text.readline(LONGEST):
            self.number += 1
            if len(line) == LONGEST and not line.endswith(("\n", "\r")):
                raise TextFileError(
                    f"{self.path}, line {self.number}: it is longer than {LONGEST:,} characters; "
                    "is it a list with an entry a line?"
                )
            yield line

    def place(self, number: int | None = None) -> str:
        """ "prompts.csv, line 17"."""
        return f"{plain(str(self.path))}, line {number or self.number}"

    def _encoding(self, start: bytes) -> str:
        for mark, encoding in _MARKS:
            if start.startswith(mark):
                return encoding
        pairs = max(len(start) // 2, 1)
        low, high = start[0::2].count(0) / pairs, start[1::2].count(0) / pairs
        # Most letters of most texts have a zero byte in UTF-16.
        if max(low, high) > 0.3 and min(low, high) < 0.1:
            return "utf-16-le" if high > low else "utf-16-be"
        if b"\0" in start:
            raise TextFileError(f"{self.path}: it isn't a text file. Save it as UTF-8.")
        return "utf-8"

    def _undecodable(self, error: UnicodeError) -> str:
        where = str(self.path)
        if isinstance(error, UnicodeDecodeError) and error.encoding.startswith("utf-8"):
            # The decoder reads ahead: look for the line again. A pipe can't be read twice.
            with self.path.open("rb") if self.path.is_file() else io.BytesIO() as file:
                for number, line in enumerate(file, 1):
                    try:
                        line.decode()
                    except UnicodeDecodeError:
                        where = self.place(number)
                        break
        return f"{where}: it isn't UTF-8 (nor UTF-16 with a mark). Save the file as UTF-8."

    def _unreadable(self, error: OSError) -> str:
        path = plain(str(self.path))
        if isinstance(error, FileNotFoundError):
            folder = self.path.parent
            try:
                names = os.listdir(folder)
            except OSError:
                return f"{path}: there is no folder {plain(str(folder))}."
            return f"{path}: there is no such file.{nearest(self.path.name, names)}"
        if isinstance(error, IsADirectoryError):
            return f"{path}: this is a folder; name a file in it."
        return f"{path}: it can't be read: {error.strerror or error}."


class Reader:
    """Reads the texts of one column as values, each different one once.

    Args:
        target: the widget.
        judge: says what is wrong with a value of the right type, or None.
    """

    def __init__(self, target: Target, judge: Callable[[Target, Any], str | None]) -> None:
        self.target = target
        self._judge = judge
        self._known: dict[Any, tuple[Any, str]] = {}

    @cached_property
    def takes_empty(self) -> bool:
        """Whether the empty text is a value: of a prompt, not of a model's or a file's name."""
        if self.target.param.kind != "str":
            return False
        try:
            self.text("")
        except ValueError:
            return False
        return True

    def text(self, text: str) -> str:
        """The value that a text stands for, as JSON.

        Raises:
            ValueError: with a sentence for a person.
        """
        return self._read(text, text, self.target.parse)

    def json(self, value: Any) -> str:
        """A value of a JSON file, checked, as JSON.

        Raises:
            ValueError: with a sentence for a person.
        """
        plain_value = isinstance(value, str | int | float | bool | None)
        key = (type(value), value) if plain_value else json.dumps(value, sort_keys=True)
        return self._read(key, value, self.target.check)

    def _read(self, key: Any, given: Any, read: Callable[[Any], Any]) -> str:
        if (known := self._known.get(key)) is None:
            try:
                value = read(given)
                fault = self._judge(self.target, value) or ""
                known = json.dumps(value, ensure_ascii=False, allow_nan=False), fault
            except ValueError as error:
                known = "", f"{error}."
            if not isinstance(given, str) or len(given) <= SHORT:
                if len(self._known) >= REMEMBERED:
                    self._known.clear()
                self._known[key] = known
        text, fault = known
        if fault:
            raise ValueError(fault)
        return text


def read_lines(
    path: Path, target: Target, where: str, judge: Callable[[Target, Any], str | None]
) -> Store:
    """One value a line, as JSON, each checked; blanks around it and empty lines are left out.

    Args:
        path: a text file.
        target: the widget, by whose type lines are read.
        where: the sweep, for the message of an empty file.
        judge: says what is wrong with a value of the right type, or None.

    Raises:
        TextFileError: the file, or up to three of its lines.
    """
    store, file, reader = Store(), TextFile(path), Reader(target, judge)
    faults: list[str] = []
    for line in file:
        text = line.strip()
        if not text:
            continue
        try:
            if "\0" in text:
                raise ValueError("it contains a zero byte.")
            store.append(reader.text(text).encode())
        except ValueError as error:
            faults.append(f"{file.place()}: {error}")
            if len(faults) == 3:
                break
    if faults:
        raise TextFileError(*faults)
    if not store:
        raise TextFileError(f"{where}: {path} has no lines.")
    return store


def read_values(path: Path, reader: Reader | None) -> Store:
    """Lines that `Store.save` wrote: one value a line, as JSON.

    Args:
        path: the file.
        reader: checks each; None where they are known to be good.

    Raises:
        TextFileError: the file can't be read, holds nothing, or a line of it doesn't fit.
    """
    store, file = Store(), TextFile(path)
    for line in file:
        text = line.rstrip("\n")
        if reader:
            try:
                text = reader.json(strictjson.loads(text))
            except json.JSONDecodeError as error:
                raise TextFileError(f"{file.place()}: it isn't JSON: {error.msg}.") from None
            except ValueError as error:
                raise TextFileError(f"{file.place()}: {error}") from None
        store.append(text.encode())
    if not store:
        raise TextFileError(f"{path}: it is empty.")
    return store


class StoredValues(Values):
    """Values kept as JSON lines."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def __len__(self) -> int:
        return len(self.store)

    def at(self, index: int) -> Any:
        return json.loads(self.store[index])
