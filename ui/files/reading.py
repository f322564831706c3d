"""Any file that holds a graph: our JSON, or a picture of ours with its graph inside."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from blake3 import blake3

from studio.errors import InputError, StudioError
from studio.graph.errors import Fault, GraphFileError
from studio.graph.files import MAX_BYTES, from_json, load, loads, parse, save
from studio.png import METADATA_KEY, SIGNATURE

if TYPE_CHECKING:
    from studio.graph.document import Graph

GRAPH_SUFFIXES = (".json",)
PICTURE_SUFFIXES = (".png",)
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif")
"""What a node that loads pictures can be given."""


class ChangedOnDisk(InputError):
    """A file isn't what it was when it was read or written last."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path.name} was changed by another program.",
            hint="Reload it, or save over it.",
        )


@dataclass(frozen=True)
class Opened:
    """A graph from a file.

    Args:
        graph: what is in it.
        path: where Save writes; None for a graph that came in a picture.
        title: for the tab where the graph has none.
        base: folder where its relative paths start.
        mark: content hash of the file.
    """

    graph: Graph
    path: Path | None
    title: str
    base: Path
    mark: str = ""


def read_graph(path: Path) -> Opened:
    """The graph in a file, whatever the file is called. Not for the GUI thread.

    Raises:
        GraphFileError: it holds none; every fault is told.
        StudioError: a picture that can't be read.
    """
    path = Path(path).absolute()
    try:
        # A pipe or a device would keep us waiting for ever, or give without end.
        odd = not stat.S_ISREG(path.stat().st_mode)
        head = b"" if odd else _head(path)
    except (OSError, ValueError):
        return _plain(path, load(path))  # which says what is wrong in words
    if odd and not path.is_dir():
        raise GraphFileError(str(path), [Fault("", "is a device or a pipe, not a file")])
    path = path.resolve()
    if head.startswith(SIGNATURE):
        return _from_picture(path)
    if odd:
        return _plain(path, load(path))
    with open(path, "rb") as file:
        data = file.read(MAX_BYTES + 1)
    graph = loads(data, str(path))
    return Opened(graph, path, path.stem, path.parent, blake3(data).hexdigest())


def has_graph(path: Path) -> bool:
    """Whether a picture has one of our graphs inside. Not for the GUI thread."""
    try:
        return _head(path).startswith(SIGNATURE) and _graph_text(path) is not None
    except (OSError, StudioError):
        return False


def mark_of(path: Path) -> str | None:
    """Content hash of a file; None where it is gone. Not for the GUI thread."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return None
        digest = blake3()
        with open(path, "rb") as file:
            digest.update(file.read(MAX_BYTES + 1))
    except OSError:
        return None
    return digest.hexdigest()


def write_graph(graph: Graph, path: Path, known: str | None = None) -> str:
    """Write a graph's file and give its new content hash. Not for the GUI thread.

    Args:
        graph: what to write.
        path: where to.
        known: content hash that the file should have; None writes over whatever is there.

    Raises:
        ChangedOnDisk: it has another; nothing was written.
        GraphNotWritten: what was there is untouched.
    """
    if known is not None and mark_of(path) not in (known, None):
        raise ChangedOnDisk(path)
    save(graph, path)
    return mark_of(path) or ""


def _plain(path: Path, graph: Graph) -> Opened:
    return Opened(graph, path, path.stem, path.parent)


def _head(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(len(SIGNATURE))


def _graph_text(path: Path) -> str | None:
    """The text with the graph in a PNG; None where it has none."""
    # Imported here, for a window without pictures starts faster.
    from studio.pictures import read_png_text

    return read_png_text(path).get(METADATA_KEY)


def _from_picture(path: Path) -> Opened:
    text = _graph_text(path)
    if text is None:
        message = "is a picture without a graph in it; only those that Latent Studio saved have one"
        raise GraphFileError(str(path), [Fault("", message)])
    source = str(path)
    try:
        raw = parse(text, source)["graph"]
    except (GraphFileError, TypeError, KeyError) as error:
        faults = [Fault("", "is a picture of ours, but the graph in it is damaged")]
        faults += error.faults if isinstance(error, GraphFileError) else ()
        raise GraphFileError(source, faults) from None
    return Opened(from_json(raw, source), None, path.stem, path.parent)
