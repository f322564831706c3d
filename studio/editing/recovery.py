"""Keeps what isn't saved, so that a crash costs two seconds of work and no more.

Every process has a folder of its own under the recovery folder, and holds a lock for as long as
it lives. A file there is one unsaved tab: a line about it, with a checksum, then its graph. The
next process takes over the folders whose lock is free; what can't be read is put aside, and said.

No Qt: `ui.files` calls this from a thread. One thread at a time may use a store.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from blake3 import blake3

from studio.editing.filelock import FileLock
from studio.editing.graphtext import GraphText
from studio.editing.session import Session, TabNote, write_whole
from studio.errors import InputError, StudioError
from studio.graph.files import MAX_BYTES, loads

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from studio.graph.document import Graph

FORMAT = "latent-studio-recovery"
UNREADABLE = "unreadable"
"""Folder, in the recovery folder, of the files that could not be read. Nothing removes them."""

_SESSION = re.compile(r"^\d{1,10}-[0-9a-f]{8}$")
_TABS = "tabs.json"


class RecoveryNotWritten(StudioError):
    """What isn't saved can't be kept."""

    def __init__(self, folder: Path, error: OSError) -> None:
        super().__init__(
            f"Unsaved work can't be kept in {folder}: {error.strerror or error}.",
            hint="Save your graphs; a crash would lose what isn't saved.",
        )


@dataclass(frozen=True)
class Kept:
    """An unsaved tab of a process that died.

    Args:
        note: of the tab.
        graph: as it was at `written`.
        written: seconds since 1970.
    """

    note: TabNote
    graph: Graph
    written: float


@dataclass(frozen=True)
class Recovered:
    """What dead processes left.

    Args:
        session: all of their tabs, saved or not.
        kept: the unsaved ones, by key.
        words: what could not be read, a sentence each.
    """

    session: Session = field(default_factory=Session)
    kept: Mapping[str, Kept] = field(default_factory=dict)
    words: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.session.tabs or self.words)


class RecoveryStore:
    """The recovery folder of this process.

    Args:
        root: the recovery folder of the user; made by `begin`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        self.folder = root / name
        self._lock = FileLock(root / f"{name}.lock")
        self._writers: dict[str, GraphText] = {}

    def begin(self) -> None:
        """Make this process's folder.

        Raises:
            RecoveryNotWritten: it can't be made, or the file system has no locks.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            # The lock comes first: a folder whose lock is free belongs to the dead.
            self._lock.take()
            self.folder.mkdir()
        except OSError as error:
            self._lock.release()
            raise RecoveryNotWritten(self.root, error) from error

    def end(self) -> None:
        """Forget everything: all tabs were saved or given up. Safe to call twice."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.release()
        self._writers.clear()

    # Keeping

    def keep(self, note: TabNote, graph: Graph) -> None:
        """Keep a tab's graph as it is now, whole or not at all.

        Costs the more the more nodes differ from those kept before.

        Raises:
            RecoveryNotWritten: what was kept before is untouched.
        """
        body = self._writers.setdefault(note.key, GraphText()).whole(graph).encode()
        about = {"format": FORMAT, "version": 1, "written": time.time(), **note.to_json()}
        about["blake3"] = blake3(body).hexdigest()
        head = json.dumps(about).encode()
        self._write(f"{note.key}.json", head + b"\n" + body)

    def drop(self, key: str) -> None:
        """A tab was saved or closed: nothing of it needs keeping."""
        self._writers.pop(key, None)
        (self.folder / f"{key}.json").unlink(missing_ok=True)

    def remember(self, session: Session) -> None:
        """Keep which tabs are open.

        Raises:
            RecoveryNotWritten: what was kept before is untouched.
        """
        self._write(_TABS, session.dumps().encode())

    def _write(self, name: str, data: bytes) -> None:
        try:
            write_whole(self.folder / name, data)
        except OSError as error:
            raise RecoveryNotWritten(self.folder, error) from error

    # Taking over

    def waiting(self) -> bool:
        """Whether other processes, dead or alive, have folders here. Quick."""
        return any(self._others())

    def living(self) -> bool:
        """Whether another process that uses this recovery folder is alive."""
        for name in self._others():
            lock = FileLock(self.root / f"{name}.lock")
            try:
                if not lock.take():
                    return True
            except OSError:
                continue
            lock.release()
        return False

    def adopt(self) -> Recovered:
        """Take over what dead processes left; it is kept under this process from now on.

        Those of living processes are left alone. Files that can't be read are moved to the folder
        `UNREADABLE`.
        """
        tabs: list[TabNote] = []
        kept: dict[str, Kept] = {}
        words: list[str] = []
        current: str | None = None
        for name in sorted(self._others(), key=self._age):
            lock = FileLock(self.root / f"{name}.lock")
            try:
                if not lock.take():
                    continue
            except OSError as error:
                words.append(f"{lock.path} can't be locked: {error.strerror or error}.")
                continue
            session = self._adopt(self.root / name, kept, words)
            tabs += session.tabs
            if 0 <= session.current < len(session.tabs):
                current = session.tabs[session.current].key
            lock.release()
        place = next((i for i, note in enumerate(tabs) if note.key == current), 0)
        return Recovered(Session(tuple(tabs), place), kept, tuple(words))

    def _others(self) -> Iterable[str]:
        try:
            with os.scandir(self.root) as entries:
                return [
                    entry.name
                    for entry in entries
                    if _SESSION.match(entry.name) and entry.name != self.folder.name
                ]
        except OSError:
            return []

    def _age(self, name: str) -> float:
        try:
            return (self.root / name).stat().st_mtime
        except OSError:
            return 0.0

    def _adopt(self, folder: Path, kept: dict[str, Kept], words: list[str]) -> Session:
        """One dead process's folder; it is gone afterwards."""
        found: dict[str, Kept] = {}
        for path in sorted(folder.glob("*.json")):
            if path.name == _TABS:
                continue
            try:
                item = read_kept(path)
                os.replace(path, self.folder / f"{item.note.key}.json")
            except (InputError, OSError) as error:
                words.append(self._put_aside(path, error))
                continue
            found[item.note.key] = item
        try:
            session = Session.loads((folder / _TABS).read_bytes())
        except (OSError, ValueError):
            session = Session()  # the tabs themselves say nearly all that stood there
        listed = {note.key for note in session.tabs}
        # What was kept says more of a tab, and later, than the list.
        notes = [found[n.key].note if n.key in found else n for n in session.tabs]
        notes += [item.note for key, item in found.items() if key not in listed]
        kept |= found
        shutil.rmtree(folder, ignore_errors=True)
        # Tabs without file and without anything kept were empty.
        usable = [note for note in notes if note.path is not None or note.key in found]
        current = notes[session.current].key if 0 <= session.current < len(notes) else ""
        place = next((i for i, note in enumerate(usable) if note.key == current), 0)
        return Session(tuple(usable), place)

    def _put_aside(self, path: Path, error: Exception) -> str:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        aside = self.root / UNREADABLE / f"{path.parent.name}-{path.name}"
        try:
            aside.parent.mkdir(exist_ok=True)
            os.replace(path, aside)
        except OSError:
            return f"An unsaved graph could not be restored: {reason}"
        return f"An unsaved graph could not be restored: {reason} The file is now {aside}."


class Damaged(InputError):
    """A recovery file that is cut short or altered."""


def read_kept(path: Path) -> Kept:
    """The tab in a recovery file.

    Raises:
        Damaged: it isn't whole.
        GraphFileError: its graph is none.
        OSError: it can't be read.
    """
    with open(path, "rb") as file:
        data = file.read(MAX_BYTES + 2**20)
    head, _, body = data.partition(b"\n")
    try:
        about = json.loads(head)
        if not isinstance(about, dict) or about.get("format") != FORMAT:
            raise ValueError
        note = TabNote.from_json(about)
    except (ValueError, RecursionError):
        raise Damaged("its file is damaged.") from None
    if blake3(body).hexdigest() != about.get("blake3"):
        raise Damaged(f"the file of {note.title or 'a graph'} is only half there.")
    written = about.get("written")
    return Kept(
        note,
        loads(body, note.title or path.name),
        float(written) if isinstance(written, int | float) else 0.0,
    )
