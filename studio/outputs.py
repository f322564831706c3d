"""The output folder: checked before a run, written to without ever overwriting.

A file appears under its name complete or not at all, also when several processes write at once
or one is killed. The standard library and blake3 only.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from studio.errors import InputError, StudioError
from studio.names import (
    FIELDS,
    BadPattern,
    FieldUnknownHere,
    expand,
    fields_of,
    pattern_fault,
    split_counter,
)
from studio.words import size as in_words

__all__ = [
    "FIELDS",
    "BadPattern",
    "DiskFull",
    "FieldUnknownHere",
    "LeadsOutside",
    "OutputBlocked",
    "OutputFolder",
    "OutputNotWritable",
    "WriteFailed",
    "Written",
    "claim",
    "expand",
    "fields_of",
    "pattern_fault",
    "with_counter",
    "write_temp",
]

_TEMP_PREFIX, _TEMP_SUFFIX = ".latent-studio-", ".part"
_STALE_SECONDS = 3600

# What file systems without hard links answer to one: FAT and exFAT (EPERM), some network and
# FUSE mounts (the others; EINVAL is Windows on FAT).
_NO_LINKS = {"EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EXDEV", "EINVAL"}


class OutputBlocked(InputError):
    """A file stands where a folder should be."""

    def __init__(self, path: Path, blocker: Path) -> None:
        super().__init__(
            f"The folder {path} can't be made: {blocker} is a file.",
            hint="Move that file away, or choose another output folder.",
        )


class OutputNotWritable(InputError):
    """The system doesn't let us write there."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            f"Nothing can be written in {path}: {error.strerror or error}.",
            hint="Allow it (permissions, read-only drive), or choose another output folder.",
        )


class LeadsOutside(InputError):
    """A link on the way to a file leaves the output folder."""

    def __init__(self, path: Path, target: Path, root: Path) -> None:
        super().__init__(
            f"{path} leads to {target}, outside the output folder {root}.",
            hint="Remove that link, or make its target the output folder.",
        )


class DiskFull(InputError):
    """There is no room for a file (the disk is full or a quota used up)."""

    def __init__(self, path: Path, needed: int, free: int) -> None:
        super().__init__(
            f"No room for {path}: it needs {in_words(needed)}, {in_words(free)} are free.",
            hint="Free some space, or choose an output folder on another drive.",
        )


class WriteFailed(StudioError):
    """Writing failed for another reason (the drive went away, a name too long for it)."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(f"Writing {path} failed: {error.strerror or error}.")


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was written.

    Args:
        path: absolute.
        bytes: its length.
        blake3: hash of its content, hexadecimal.
    """

    path: Path
    bytes: int
    blake3: str


class OutputFolder:
    """The folder under which pictures are written; safe to share between threads.

    Args:
        root: made by `check` or at the first writing.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root).absolute()
        # Where counting goes on, so that a long run doesn't list a growing folder every time.
        # Others may write too: this is a guess, and linking the name is what decides.
        self._next: dict[tuple[Path, str, int, str], int] = {}

    def check(self) -> None:
        """Make the folder and try writing in it, before a run spends time.

        Raises:
            OutputBlocked, OutputNotWritable, DiskFull, WriteFailed.
        """
        self._make(self.root)
        temp = self._temp(self.root)
        try:
            self._sweep(self.root)
            write_temp(temp, b"x")
        except OSError as error:
            raise self._fault(error, self.root, 1) from error
        finally:
            _remove(temp)

    def write_new(self, name: str, data: bytes, suffix: str = ".png") -> Written:
        """Write `data` under the next free number.

        Args:
            name: what `expand` gives (`2025-11-30/sampler_{counter}`); a name without a counter
                gets `_{counter}`.
            data: the whole file.
            suffix: ending with its dot.

        Returns:
            The file, which is complete on disk: nothing was overwritten.

        Raises:
            BadPattern: the name wasn't expanded, or leads outside.
            LeadsOutside, OutputBlocked, OutputNotWritable, DiskFull, WriteFailed: no file was
            written and no temporary one is left.
        """
        from blake3 import blake3

        *folders, last = with_counter(name).split("/")
        folder = self._folder(folders)
        before, digits, after = split_counter(last)
        example = folder / f"{before}{'#' * digits}{after}{suffix}"
        temp = self._temp(folder)
        try:
            write_temp(temp, data)
            path = self._name(temp, folder, before, digits, f"{after}{suffix}")
        except OSError as error:
            _remove(temp)  # first, or it would be counted as used space
            raise self._fault(error, example, len(data)) from error
        finally:
            _remove(temp)
        return Written(path, len(data), blake3(data).hexdigest())

    def _name(self, temp: Path, folder: Path, before: str, digits: int, after: str) -> Path:
        """Give `temp` the next free name."""
        memo = (folder, before, digits, after)
        number = self._next.get(memo) or self._last(folder, before, digits, after) + 1
        collisions = 0
        while True:
            path = folder / f"{before}{number:0{digits}}{after}"
            if claim(temp, path):
                self._next[memo] = number + 1
                return path
            collisions += 1
            number += 1
            if collisions % 8 == 0:  # another process is far ahead: look where it is
                number = max(number, self._last(folder, before, digits, after) + 1)

    def _last(self, folder: Path, before: str, digits: int, after: str) -> int:
        """The highest number taken in a folder, 0 where none is; old remains are removed."""
        self._sweep(folder)
        # Ignoring case, since half of the file systems do; and no numbers much longer than ours,
        # or one picture_20251130.png would make us count on from there.
        number = f"([0-9]{{{digits},{max(digits + 2, 7)}}})"
        pattern = re.compile(re.escape(before) + number + re.escape(after), re.IGNORECASE)
        with os.scandir(folder) as entries:
            found = (pattern.fullmatch(entry.name) for entry in entries)
            return max((int(match[1]) for match in found if match), default=0)

    def _folder(self, parts: list[str]) -> Path:
        """The folder for `parts`, made where missing, under the root with links followed."""
        self._make(self.root)
        root = folder = self.root.resolve()
        for part in parts:
            folder /= part
            # Looked at before the next one is made, or a link would let us make folders outside.
            target = Path(os.path.realpath(folder))
            if not target.is_relative_to(root):
                raise LeadsOutside(folder, target, root)
            self._make(folder)
        return folder

    def _make(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            blocker = next((p for p in (folder, *folder.parents) if os.path.isfile(p)), None)
            if blocker is None:
                raise OutputNotWritable(folder, error) from error
            raise OutputBlocked(folder, blocker) from None
        except OSError as error:
            raise self._fault(error, folder, 0) from error

    def _fault(self, error: OSError, path: Path, needed: int) -> StudioError:
        """The error for a person."""
        if _code(error) in ("ENOSPC", "EDQUOT"):
            folder = next(p for p in (path, *path.parents) if os.path.isdir(p))
            return DiskFull(path, needed, shutil.disk_usage(folder).free)
        if _code(error) in ("EACCES", "EPERM", "EROFS"):
            return OutputNotWritable(path if os.path.isdir(path) else path.parent, error)
        return WriteFailed(path, error)

    @staticmethod
    def _temp(folder: Path) -> Path:
        token = f"{os.getpid()}-{os.urandom(6).hex()}"
        return folder / f"{_TEMP_PREFIX}{token}{_TEMP_SUFFIX}"

    @staticmethod
    def _sweep(folder: Path) -> None:
        """Remove temporary files that a killed process left an hour ago or more."""
        oldest = time.time() - _STALE_SECONDS
        with os.scandir(folder) as entries:
            for entry in entries:
                if not (entry.name.startswith(_TEMP_PREFIX) and entry.name.endswith(_TEMP_SUFFIX)):
                    continue
                try:
                    if entry.stat(follow_symlinks=False).st_mtime < oldest:
                        os.unlink(entry.path)
                except OSError:
                    continue  # another process removed it, or it isn't ours to remove


def _code(error: OSError) -> str:
    """The name of an errno ("ENOSPC"); names, because not every system has every number."""
    return errno.errorcode.get(error.errno or 0, "").replace("WSA", "")


def _remove(temp: Path) -> None:
    """Remove a temporary file; where the system refuses, `_sweep` will try again later.

    The error that brought us here is the one to tell: a read-only drive refuses this one too.
    """
    with contextlib.suppress(OSError):
        temp.unlink(missing_ok=True)


def with_counter(name: str) -> str:
    """A name that `expand` gave, with a counter where it has none.

    Raises:
        BadPattern: it wasn't expanded, or leads outside.
    """
    fault = pattern_fault(name)
    if not fault and fields_of(name):
        fault = "its fields are not filled in"
    if fault:
        raise BadPattern(name, fault)
    return name if "{counter" in name else f"{name}_{{counter}}"


def write_temp(temp: Path, data: bytes) -> None:
    """Write a new file and wait until it is on the disk, so that no name ever precedes it."""
    with temp.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def claim(temp: Path, path: Path) -> bool:
    """Name `temp` `path` unless that name is taken; says whether it did. `temp` may stay, too.

    A hard link is refused by the system where the name exists, in one step: there is no moment
    between looking and naming.
    """
    try:
        os.link(temp, path)
    except FileExistsError:
        return False
    except OSError as error:
        if _code(error) not in _NO_LINKS:
            raise
        return _claim_unlinked(temp, path)
    return True


def _claim_unlinked(temp: Path, path: Path) -> bool:
    """As `claim`: take the name with an empty file, then replace that in one step.

    A process killed between the two leaves the empty file, which costs a number and nothing else.
    """
    try:
        path.open("xb").close()
    except FileExistsError:
        return False
    try:
        os.replace(temp, path)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return True
