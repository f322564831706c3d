"""Random sequences of edits: undoing all gives the start, redoing all the end, byte for byte."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import TYPE_CHECKING

from edit_bench import MESSY, RandomEdits, open_document
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio.editing.changes import EditRefused
from studio.editing.document import Document
from studio.graph.files import loads

if TYPE_CHECKING:
    from studio.editing.changes import Edit
    from studio.registry import Registry

EDITS = 500


def _wires(document: Document) -> set[object]:
    return set(document.wires())


@given(seed=st.integers(0, 2**63))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_undoing_all_gives_the_start_and_redoing_all_the_end(registry: Registry, seed: int) -> None:
    document = open_document(registry, **MESSY)
    source = RandomEdits(document, Random(seed))
    start, middle = document.dumps(), ""
    done: list[Edit] = []
    for number in range(EDITS):
        if number == EDITS // 2:
            middle = document.dumps()
            half = len(done)
        edit = source.next()
        document.apply(edit.changes)
        if edit:
            done.append(edit)
    end = document.dumps()
    assert len(done) > EDITS // 5, "hardly any of the edits was possible"

    # What the document knows of its wires is what its file says.
    fresh = Document(loads(end), registry)
    assert _wires(document) == _wires(fresh)
    for edit in reversed(done[half:]):
        document.revert(edit.changes)
    assert document.dumps() == middle
    for edit in reversed(done[:half]):
        document.revert(edit.changes)
    assert document.dumps() == start
    assert _wires(document) == _wires(open_document(registry, **MESSY))
    for edit in done:
        document.apply(edit.changes)
    assert document.dumps() == end


def test_every_kind_of_edit_takes_part(registry: Registry) -> None:
    rng = Random(7)
    effective: Counter[str] = Counter()
    for _ in range(60):
        document = open_document(registry, **MESSY)
        source = RandomEdits(document, rng)
        for make in rng.sample(source.kinds, len(source.kinds)):
            try:
                edit = make()
            except EditRefused:
                continue
            effective[make.__name__] += bool(edit)
            document.apply(edit.changes)
    assert {name for name, times in effective.items() if times} == {
        make.__name__ for make in source.kinds
    }
