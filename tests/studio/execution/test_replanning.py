"""What a run does where its plan turns out to be wrong, and how light nodes fit into it."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from graphs import Bench, graph

from studio.execution.plan import Action
from studio.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator

SOLID = ("SolidImage", {"width": 8, "height": 8, "colour": "#ff8000"})
SLOW = ("Slow", {"wait": 0.1}, {"image": "cheap"})


@contextmanager
def another(bench: Bench, folder: Path, **options: Any) -> Iterator[Bench]:
    """A later session on the same cache, without results in memory."""
    with Session.open(out=folder / "out", device="cpu", dtype="float32", **options) as session:
        session.registry = bench.session.registry
        yield Bench(session, folder)


@pytest.mark.usefixtures("caplog")  # damage is told by a warning
def test_what_was_dropped_is_made_again_for_a_damaged_entry(bench: Bench, tmp_path: Path) -> None:
    """`cheap` isn't worth the disk, runs, is dropped, and is then needed for what was lost."""
    before = graph(cheap=SOLID, dear=SLOW, first=("SaveImage", {"name": "a"}, {"image": "dear"}))
    after = graph(
        cheap=SOLID,
        dear=SLOW,
        invert=("InvertImage", {}, {"image": "cheap"}),
        early=("SaveImage", {"name": "early"}, {"image": "invert"}),
        mean=("Mean", {}, {"first": "dear", "second": "invert"}),
        late=("SaveImage", {"name": "late"}, {"image": "mean"}),
    )
    with another(bench, tmp_path) as one:
        key = one.plan(before).signed["dear"].key
        assert one.run(before).status == "ok"
    for entry in (tmp_path / "home" / "cache" / "entries").iterdir():
        if key in entry.name:
            data = bytearray(entry.read_bytes())
            data[-1] ^= 1
            entry.write_bytes(data)
        else:  # the first to run paid for importing torch, so it seemed dear
            entry.unlink()
    with another(bench, tmp_path) as two:
        steps = two.plan(after).steps
        assert (steps["dear"].action, steps["cheap"].action) == (Action.CACHED, Action.RUN)
        result = two.run(after)
        assert result.status == "ok", result.error
        assert two.ran.count("dear") == 1
        assert two.ran.count("early") == 1, "a picture was written twice"
        names = [Path(output.path).name for output in result.outputs]
        assert sorted(names) == ["early_00001.png", "late_00001.png"]


def test_an_entry_that_cannot_be_read_is_made_again(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The index has it and its file is whole, but the drive gives an error."""
    nodes: dict[str, Any] = {"cheap": SOLID, "dear": SLOW}
    with another(bench, tmp_path) as one:
        first = one.value(graph(**nodes), "dear").pixels
    from studio.execution.cache import disk

    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(disk, "unpack", broken)
    nodes["invert"] = ("InvertImage", {}, {"image": "dear"})
    with another(bench, tmp_path) as two:
        again = two.value(graph(**nodes), "invert").pixels
        assert "dear" in two.ran
    assert np.array_equal(again, 1 - first)
    assert "Input/output error" in caplog.text


@pytest.mark.parametrize("use_cache", [True, False])
def test_a_light_target_is_made_from_what_runs(
    bench: Bench, tmp_path: Path, use_cache: bool
) -> None:
    nodes = graph(
        solid=SOLID,
        bend=("Reroute", {}, {"value": "solid"}),
        save=("SaveImage", {}, {"image": "bend"}),
    )
    with another(bench, tmp_path, use_cache=use_cache) as one:
        result = one.run(nodes, ["bend", "save"])
        assert result.status == "ok", result.error
        assert result.values["bend"]["any"].pixels.shape == (1, 3, 8, 8)
        assert one.ran.count("solid") == 1
        assert one.value(nodes, "bend").pixels.shape == (1, 3, 8, 8)
