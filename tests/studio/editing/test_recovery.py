"""What isn't saved survives its process: kept whole, taken over once, never fatal when damaged."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from typing import TYPE_CHECKING

import pytest

from studio.editing.filelock import FileLock
from studio.editing.recovery import (
    UNREADABLE,
    Damaged,
    RecoveryNotWritten,
    RecoveryStore,
    read_kept,
)
from studio.editing.session import Session, TabNote, new_key
from studio.graph.document import Frame, Graph, Node, NodeView
from studio.graph.files import dumps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Stores = Callable[[], RecoveryStore]


def graph(steps: int = 20) -> Graph:
    return Graph(
        title="Kept",
        nodes={
            "a": Node(type="Integer", params={"value": steps}),
            "b": Node(type="Nobody", inputs={"x": "a"}, mode="mute", title="Über", extra=[1, None]),
        },
        layout={"a": (0, 0), "b": (1.5, -3)},
        view={"b": NodeView(collapsed=True, width=300)},
        frames={"f": Frame(title="F", nodes=("a",))},
        notes="unknown keys stay",
    )


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    """Makes stores of one recovery folder, each as if of a process of its own."""
    made = []

    def make() -> RecoveryStore:
        made.append(RecoveryStore(tmp_path / "recovery"))
        made[-1].begin()
        return made[-1]

    yield make
    for store in made:
        store._lock.release()


@pytest.fixture
def store(stores: Stores) -> RecoveryStore:
    return stores()


def die(store: RecoveryStore) -> None:
    """Drop the lock as the system does when a process is killed."""
    store._lock._file.close()
    store._lock._file = None


def test_a_dead_process_leaves_its_unsaved_tabs(
    store: RecoveryStore, stores: Stores, tmp_path: Path
) -> None:
    note = TabNote(new_key(), "Kept", tmp_path / "g.json", None, "abc", {"zoom": 0.5})
    store.keep(note, graph())
    store.remember(Session((note,), 0))
    die(store)
    recovered = stores().adopt()
    kept = recovered.kept[note.key]
    assert kept.note == note
    assert dumps(kept.graph) == dumps(graph())
    assert abs(kept.written - time.time()) < 60
    assert recovered.session == Session((note,), 0)
    assert recovered.words == ()
    assert not store.folder.exists()


def test_what_was_taken_over_is_kept_on(store: RecoveryStore, stores: Stores) -> None:
    note = TabNote(new_key(), "Kept")
    store.keep(note, graph())
    die(store)
    second = stores()
    second.adopt()
    die(second)
    assert dumps(stores().adopt().kept[note.key].graph) == dumps(graph())


def test_the_living_are_left_alone(store: RecoveryStore, stores: Stores) -> None:
    note = TabNote(new_key())
    store.keep(note, graph())
    other = stores()
    assert other.living()
    assert not other.adopt()
    assert (store.folder / f"{note.key}.json").is_file()
    store.end()
    assert not other.living()
    other.end()
    assert not other.waiting()
    assert list(store.root.iterdir()) == []


def test_tabs_of_several_dead_processes_come_together(store: RecoveryStore, stores: Stores) -> None:
    second = stores()
    notes = [TabNote(new_key(), title) for title in ("one", "two", "three")]
    store.keep(notes[0], graph(1))
    store.remember(Session((notes[0],), 0))
    second.keep(notes[1], graph(2))
    second.keep(notes[2], graph(3))
    second.remember(Session((notes[1], notes[2]), 1))
    os.utime(store.folder, (1, 1))
    die(second)
    die(store)
    recovered = stores().adopt()
    assert [note.title for note in recovered.session.tabs] == ["one", "two", "three"]
    assert recovered.session.current == 2


def test_a_half_written_file_is_put_aside_with_a_word(store: RecoveryStore, stores: Stores) -> None:
    good, cut = TabNote(new_key(), "good"), TabNote(new_key(), "cut")
    store.keep(good, graph())
    store.keep(cut, graph())
    broken = store.folder / f"{cut.key}.json"
    broken.write_bytes(broken.read_bytes()[:-40])
    die(store)
    recovered = stores().adopt()
    assert set(recovered.kept) == {good.key}
    assert len(recovered.words) == 1
    assert "only half there" in recovered.words[0]
    aside = list((store.root / UNREADABLE).iterdir())
    assert len(aside) == 1
    assert str(aside[0]) in recovered.words[0]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 4096,
        b"{",
        b"[]\n{}",
        b"[" * 100_000,
        b'{"format": "latent-studio-recovery"}\n{}',
        b'{"format": "latent-studio-recovery", "key": "../../../etc/passwd"}\n{}',
        b'{"format": "latent-studio-recovery", "key": "0123456789abcdef"}',
    ],
)
def test_rubbish_is_skipped(store: RecoveryStore, stores: Stores, data: bytes) -> None:
    (store.folder / "0123456789abcdef.json").write_bytes(data)
    (store.folder / "tabs.json").write_bytes(data)
    die(store)
    recovered = stores().adopt()
    assert not recovered.kept
    assert len(recovered.words) == 1
    assert not store.folder.exists()


def test_a_graph_that_is_none_is_skipped_though_its_checksum_is_right(
    store: RecoveryStore,
    stores: Stores,
) -> None:
    note = TabNote(new_key(), "odd")
    store.keep(note, Graph.model_construct(nodes={"1 2": Node(type="X")}, version=1))
    die(store)
    recovered = stores().adopt()
    assert not recovered.kept
    assert "a node's id is a word" in recovered.words[0]


def test_the_leftovers_of_a_write_are_no_tabs(store: RecoveryStore, stores: Stores) -> None:
    note = TabNote(new_key())
    store.keep(note, graph())
    (store.folder / f".{note.key}.json.12345678").write_bytes(b"half")
    die(store)
    recovered = stores().adopt()
    assert set(recovered.kept) == {note.key}
    assert recovered.words == ()


def test_dropped_tabs_are_forgotten(store: RecoveryStore, stores: Stores) -> None:
    note = TabNote(new_key())
    store.keep(note, graph())
    store.drop(note.key)
    store.drop(note.key)
    die(store)
    assert not stores().adopt()


def test_an_empty_untitled_tab_is_not_restored(
    store: RecoveryStore, stores: Stores, tmp_path: Path
) -> None:
    file = TabNote(new_key(), "file", tmp_path / "a.json")
    store.remember(Session((TabNote(new_key(), "Untitled"), file), 1))
    die(store)
    assert stores().adopt().session == Session((file,), 0)


def test_a_folder_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "recovery").write_text("a file")
    with pytest.raises(RecoveryNotWritten, match="can't be kept"):
        RecoveryStore(tmp_path / "recovery").begin()


def test_a_lost_folder_is_told_and_nothing_breaks(store: RecoveryStore) -> None:
    store.folder.rmdir()
    with pytest.raises(RecoveryNotWritten):
        store.keep(TabNote(new_key()), graph())
    store.end()
    store.end()


def test_sessions_leave_out_what_makes_no_sense() -> None:
    key = new_key()
    raw = {"tabs": [{"key": key, "path": 3, "view": "x"}, {"key": "?"}, 7], "current": "x"}
    assert Session.loads(json.dumps(raw)) == Session((TabNote(key),), 0)
    for bad in ("", "[]", "{}", '{"tabs": 1}', "[" * 100_000):
        with pytest.raises(ValueError, match=r"is|Expecting"):
            Session.loads(bad)


def test_damaged_says_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}\n{}")
    with pytest.raises(Damaged):
        read_kept(tmp_path / "x.json")


def test_a_lock_is_taken_once(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "l"), FileLock(tmp_path / "l")
    assert first.take()
    assert not second.take()
    first.release()
    assert second.take()
    second.release()
    assert not (tmp_path / "l").exists()


CHILD = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from studio.editing.recovery import RecoveryStore
    from studio.editing.session import TabNote
    from studio.graph.document import Graph, Node

    store = RecoveryStore(Path(sys.argv[1]))
    store.begin()
    note = TabNote("00112233445566ff", "of the child")
    nodes = {f"n{i}": Node(type="Integer") for i in range(300)}
    count = 0
    while True:
        count += 1
        nodes["n0"] = Node(type="Integer", params={"value": count})
        store.keep(note, Graph.model_construct(nodes=dict(nodes), version=1))
        print(count, flush=True)
    """
)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL")
@pytest.mark.parametrize("writes", [1, 7, 30])
def test_sigkill_in_the_middle_of_writing_loses_no_write_that_was_made(
    stores: Stores, writes: int
) -> None:
    mine = stores()
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(mine.root)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        seen = 0
        while seen < writes:
            seen = int(child.stdout.readline())
        assert mine.living()
        assert not mine.adopt()
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read().split()
        child.wait(10)
    last = int(rest[-1]) if rest else seen
    recovered = mine.adopt()
    assert recovered.words == ()
    kept = recovered.kept["00112233445566ff"]
    assert kept.graph.nodes["n0"].params["value"] in (last, last + 1)
    assert not mine.waiting()
