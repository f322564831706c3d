"""Tabs to test with: real editors, file dialogs that answer without asking."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QVBoxLayout, QWidget

from studio.editing.edits import add_node
from studio.graph.document import Graph, Node
from studio.graph.files import save
from ui.editor.editor import GraphEditor
from ui.files.dialogs import FileDialogs
from ui.files.keeping import Keeper
from ui.files.tabs import EditorTabs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from studio.spec import NodeSpec

WORKFLOWS = Path(__file__).parents[2] / "workflows"


class Answers(FileDialogs):
    """Answers the file dialogs with what the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.to_open: list[Path] = []
        self.to_save: list[Path | None] = []
        self.suggested: list[str] = []

    def ask_open(self, parent: QWidget) -> list[Path]:
        return self.to_open

    def ask_save(self, parent: QWidget, suggested: str, title: str = "Save as") -> Path | None:
        self.suggested.append(suggested)
        return self.to_save.pop(0)


class Stage:
    """A window with tabs in it, and what keeps them.

    Args:
        specs: node types.
        home: the user's folder.
        start_page: see `EditorTabs`.
    """

    def __init__(
        self,
        specs: Mapping[str, NodeSpec],
        home: Path,
        start_page: Callable[[], QWidget] | None = None,
    ) -> None:
        self.specs = specs
        self.home = home
        self.window = QWidget()
        self.window.resize(1000, 700)
        self.answers = Answers()
        self.tabs = EditorTabs(
            self.make_editor, self.window, dialogs=self.answers, start_page=start_page
        )
        layout = QVBoxLayout(self.window)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.tabs.bar)
        layout.addWidget(self.tabs.stack, 1)
        self.said: list[str] = []
        self.tabs.status.connect(self.said.append)
        self.keeper: Keeper | None = None
        self.window.show()

    def make_editor(self, graph: Graph, path: Path | None) -> GraphEditor:
        return GraphEditor(graph, self.specs, path)

    def keep(self) -> Keeper:
        self.keeper = Keeper(self.tabs, self.home, self.window)
        return self.keeper

    def end(self) -> None:
        """As the window does at the end of the program."""
        if self.keeper is not None:
            self.keeper.end()
        self.tabs.end()
        self.window.close()
        self.window.deleteLater()


def titles(tabs: EditorTabs) -> list[str]:
    return [page.title for page in tabs.pages()]


def edit(editor: GraphEditor, value: int = 1) -> None:
    """One step of undo: a node more."""
    editor.push(add_node(editor.document, "Integer", (0, 40 * value), {"value": value}))


def write(path: Path, title: str = "", nodes: int = 1) -> Path:
    """A graph's file."""
    graph = Graph(
        title=title,
        nodes={f"n{i}": Node(type="Integer", params={"value": i}) for i in range(nodes)},
        layout={f"n{i}": (0, 120 * i) for i in range(nodes)},
    )
    save(graph, path)
    return path
