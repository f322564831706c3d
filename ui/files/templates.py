"""The graphs that ship with the program, for the start page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from studio.graph.errors import GraphError
from studio.graph.files import load
from studio.places import resources

if TYPE_CHECKING:
    from pathlib import Path

    from studio.graph.document import Graph

FIRST = "text_to_image"


@dataclass(frozen=True)
class Template:
    """A graph to start from.

    Args:
        path: of its file; never written to.
        graph: what is in it.
    """

    path: Path
    graph: Graph

    @property
    def title(self) -> str:
        return self.graph.title or self.path.stem.replace("_", " ").capitalize()


def templates_folder() -> Path:
    """Where the graphs lie that ship with the program.

    Raises:
        ResourcesMissing: the program isn't whole.
    """
    return resources().parent / "workflows"


def default_template() -> Path:
    """The graph of the first start."""
    return templates_folder() / f"{FIRST}.json"


def read_templates(folder: Path) -> list[Template]:
    """All templates, the plainest first, then by title. Not for the GUI thread.

    A file that isn't a graph is left out: somebody put it there.
    """
    found = []
    for path in folder.glob("*.json"):
        try:
            found.append(Template(path, load(path)))
        except GraphError:
            continue
    return sorted(found, key=lambda item: (item.path.stem != FIRST, item.title.casefold()))
