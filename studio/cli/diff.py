"""`diff`: what differs between two graphs or pictures."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from studio.batch.diff import diff_graphs
from studio.batch.pictured import NothingSaid, read_pictured, surroundings
from studio.graph import files
from studio.png import SIGNATURE
from studio.registry import Registry
from studio.session import locate
from studio.words import plain

if TYPE_CHECKING:
    from pathlib import Path

    from studio.batch.pictured import Pictured
    from studio.graph.document import Graph


def diff(a: Path, b: Path, *, as_json: bool) -> int:
    """Say what differs, from `a` to `b`; 0 where they give the same, else 1.

    Each is a graph, or a picture with its graph inside. Two pictures are compared pixel by pixel
    too; one without a graph in that way only.
    """
    a, b = locate(a), locate(b)
    pictures = _is_picture(a) and _is_picture(b)
    pixels = None
    if pictures:
        from studio.batch.pixels import compare

        pixels = compare(a, b)
    graphs: list[Graph] = []
    pictured: list[Pictured] = []
    silent = None
    for path in (a, b):
        try:
            if _is_picture(path):
                pictured.append(read_pictured(path))
                graphs.append(pictured[-1].graph)
            else:
                graphs.append(files.load(path))
        except NothingSaid as error:
            if not pictures:
                raise
            silent = error
    found = diff_graphs(graphs[0], graphs[1], Registry.load()) if len(graphs) == 2 else None
    around = surroundings(pictured[0].about, pictured[1].about) if len(pictured) == 2 else []
    same = (found is None or found.equal) and (pixels is None or pixels.equal)
    if as_json:
        data = {
            "equal": same,
            "graph": None if found is None else list(found.results),
            "looks": None if found is None else list(found.looks),
            "pixels": None if pixels is None else pixels.to_json(),
            "surroundings": around,
        }
        sys.stdout.write(plain(json.dumps(data, ensure_ascii=False)) + "\n")
        return 0 if same else 1
    lines = []
    if found is not None:
        lines += list(found.results) or ["the graphs give the same"]
        if found.looks:
            lines.append(f"for the eye only: {'; '.join(found.looks)}")
    if silent is not None:
        lines.append(str(silent))
    if pixels is not None:
        lines.append(f"pixels: {pixels.words}")
    lines += [f"surroundings: {line}" for line in around]
    sys.stdout.write("".join(f"{plain(line)}\n" for line in lines))
    return 0 if same else 1


def _is_picture(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(len(SIGNATURE))
    except OSError:
        return False  # reading it as a graph says what is wrong
    return head == SIGNATURE or head[:3] == b"\xff\xd8\xff" or head[:4] == b"RIFF"
