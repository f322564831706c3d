"""How the files of a batch get their names: each exists once, whole, and under one name.

A job writes to the staging folder. When it has ended, the journal takes note of its files (from
then on the job is done), and only then do they get their names. Whatever kills the batch, the
next start finds in the staging folder files that the journal knows, and names them, or files that
it doesn't know, and removes them: their jobs haven't ended.
"""

from __future__ import annotations

import os
import shutil
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from blake3 import blake3

from studio.batch.model import OutputFile
from studio.names import split_counter
from studio.outputs import OutputFolder, Written, claim, with_counter, write_temp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

STAGING = ".unfinished"
"""Name of the staging folder, in the batch's folder."""


class JobFolder(OutputFolder):
    """The output folder as one job sees it: what it writes goes to the staging folder.

    The {counter} of a name is the job's number, so that names don't depend on the order in which
    jobs happen to end; a second file of that name within the job is called `…_2`.

    Args:
        root: the batch's folder, from which nodes may read.
        number: of the job, from 1.
        count: of all jobs; numbers have as many digits.
        token: what staged files are called: "folder/name", of this attempt at the job alone.
    """

    def __init__(self, root: Path, number: int, count: int, token: str) -> None:
        super().__init__(root)
        self._staging = self.root / STAGING
        self._number = number
        self._digits = len(str(count))
        self._token = token
        self._lock = threading.Lock()
        self._files: list[OutputFile] = []
        self._names: set[str] = set()

    @property
    def files(self) -> tuple[OutputFile, ...]:
        """What was written so far; `node` isn't known here."""
        with self._lock:
            return tuple(self._files)

    def write_new(self, name: str, data: bytes, suffix: str = ".png") -> Written:
        """Write `data` to the staging folder; see `OutputFolder.write_new`."""
        name = with_counter(name)
        digest = blake3(data).hexdigest()
        with self._lock:
            path = self._numbered(name, suffix)
            self._names.add(path.casefold())
            staged = f"{self._token}-{len(self._names)}.part"
        temp = self._staging / staged
        if not os.path.isdir(temp.parent):
            self._make(temp.parent)
        try:
            write_temp(temp, data)
        except OSError as error:
            temp.unlink(missing_ok=True)
            raise self._fault(error, self.root / path, len(data)) from error
        with self._lock:
            self._files.append(OutputFile(path, digest, len(data), "", staged))
        return Written(self.root / path, len(data), digest)

    def discard(self) -> None:
        """Remove what was written: the job didn't succeed."""
        for file in self.files:
            (self._staging / file.staged).unlink(missing_ok=True)

    def _numbered(self, name: str, suffix: str) -> str:
        *folders, last = name.split("/")
        before, digits, after = split_counter(last)
        stem = f"{before}{self._number:0{max(digits, self._digits)}}{after}"
        path = "/".join([*folders, stem + suffix])
        again = 1
        while path.casefold() in self._names:
            again += 1
            path = "/".join([*folders, f"{stem}_{again}{suffix}"])
        return path


class Names(OutputFolder):
    """Gives staged files their names. Of one process, which holds the batch's lock.

    Args:
        root: the batch's folder.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.staging = self.root / STAGING

    def choose(self, file: OutputFile, taken: set[str]) -> OutputFile:
        """The file with a path that is free: its own, or with `_2` … where a file that isn't
        the batch's is in the way.

        Args:
            file: staged.
            taken: paths chosen but not used yet, in small letters; the new one is added.

        Raises:
            LeadsOutside, OutputBlocked, OutputNotWritable, DiskFull: its folder can't be used.
        """
        *folders, last = file.path.split("/")
        # The batch's own folder was looked at when it was taken.
        folder = self._folder(folders) if folders else self.root
        stem, dot, suffix = last.rpartition(".")
        path, again = file.path, 1
        while path.casefold() in taken or os.path.lexists(folder / path.rpartition("/")[2]):
            again += 1
            path = "/".join([*folders, f"{stem}_{again}{dot}{suffix}"])
        taken.add(path.casefold())
        return replace(file, path=path)

    def give(self, file: OutputFile) -> OutputFile:
        """Name a staged file; it may be named already, after a crash at that moment.

        Returns:
            The file, with another path where that name was taken in the last moment.

        Raises:
            OSError: it can't be named; it stays staged.
        """
        temp = self.staging / file.staged
        wanted, taken = file, set[str]()
        while not claim(temp, path := self.root / file.path) and not _is(path, temp, file):
            taken.add(file.path.casefold())
            file = self.choose(wanted, taken)
        temp.unlink(missing_ok=True)
        return file

    def settle(self, known: Callable[[str], OutputFile | None]) -> list[OutputFile]:
        """Clear the staging folder of what a killed batch left there.

        Args:
            known: the journal's file of a staged name; None where no job that ended wrote it.

        Returns:
            Files whose path changed on the way.

        Raises:
            LeadsOutside: the staging folder, or that of a file, is a link to elsewhere.
        """
        moved = []
        if self.staging.is_dir():
            self._folder([STAGING])  # itself, and no link that leads elsewhere
            for temp in sorted(self.staging.rglob("*.part")):
                staged = temp.relative_to(self.staging).as_posix()
                if (file := known(staged)) is None:
                    temp.unlink(missing_ok=True)
                    continue
                *folders, _ = file.path.split("/")
                self._folder(folders)
                if (named := self.give(file)).path != file.path:
                    moved.append(named)
            self.clear()
        return moved

    def clear(self) -> None:
        """Remove the staging folder, which holds nothing that counts any more."""
        shutil.rmtree(self.staging, ignore_errors=True)

    def receive(self, data: Mapping[str, bytes]) -> None:
        """Stage files that a worker elsewhere made: contents by staged name.

        Raises:
            OutputNotWritable, DiskFull, WriteFailed: they can't be kept.
        """
        for staged, content in data.items():
            temp = self.staging / staged
            self._make(temp.parent)
            temp.unlink(missing_ok=True)
            try:
                write_temp(temp, content)
            except OSError as error:
                temp.unlink(missing_ok=True)
                raise self._fault(error, temp, len(content)) from error

    def sync(self, name: str) -> None:
        """Wait until the names in the folder `name` of the staging folder are on the disk."""
        if not hasattr(os, "O_DIRECTORY"):  # Windows has no such thing
            return
        try:
            folder = os.open(self.staging / name, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            return
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _is(path: Path, temp: Path, file: OutputFile) -> bool:
    """Whether `path` is `file` already. An empty file, which a crash may leave where the system
    has no links, becomes it."""
    try:
        if os.path.samefile(path, temp):
            return True
        size = path.stat().st_size
        if size == 0 and file.bytes and path.is_file():
            os.replace(temp, path)
            return True
        return size == file.bytes and blake3(path.read_bytes()).hexdigest() == file.blake3
    except OSError:
        return False
