"""The graph from afar is kept in step change by change, and looks as if it were made anew."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from edit_bench import MESSY, RandomEdits
from PySide6.QtWidgets import QApplication

from studio.editing import edits
from studio.graph.files import from_json
from ui.editor import building

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QImage

    from ui.editor.editor import GraphEditor


def picture(editor: GraphEditor) -> QImage:
    QApplication.processEvents()
    return editor.view.viewport().grab().toImage()


def same_as_anew(editor: GraphEditor) -> bool:
    """Whether it looks the same when all of it is gathered again."""
    view = editor.view
    shown, bounds = picture(editor), view.overview.bounds()
    view.overview.forget()
    view.viewport().update()
    return shown == picture(editor) and bounds == view.overview.bounds()


@pytest.mark.parametrize("seed", range(6))
def test_it_follows_every_edit(make_editor: Callable[..., GraphEditor], seed: int) -> None:
    editor = make_editor(from_json({"format": "latent-studio", "version": 1, **MESSY}))
    editor.view.minimap_shown = False
    editor.view.zoom_to(0.1)
    random = RandomEdits(editor.document, Random(seed))
    for count in range(60):
        editor.push(random.next())
        if count % 7 == 0:
            editor.stack.undo()
        picture(editor)
    assert same_as_anew(editor)
    while editor.stack.canUndo():
        editor.stack.undo()
    assert same_as_anew(editor)


@pytest.mark.parametrize("meddle", [False, True])
def test_it_grows_with_a_graph_that_is_made_in_slices(
    make_editor: Callable[..., GraphEditor], monkeypatch: pytest.MonkeyPatch, meddle: bool
) -> None:
    monkeypatch.setattr(building, "AT_ONCE", 100)
    monkeypatch.setattr(building, "SLICE", 0.0)
    nodes = {f"n{number}": {"type": "ScaleLatent"} for number in range(200)}
    for number in range(1, 200):
        nodes[f"n{number}"]["inputs"] = {"latent": f"n{number // 2}"}
    layout = {f"n{number}": [number % 20 * 300, number // 20 * 400] for number in range(200)}
    graph = {"format": "latent-studio", "version": 1, "nodes": nodes, "layout": layout}
    editor = make_editor(from_json(graph))
    assert editor.scene.building
    if meddle:
        editor.push(edits.remove(editor.document, ["n0", "n150"]))
        editor.push(edits.move(editor.document, {"n3": (-900, -900), "n199": (0, 0)}))
    while editor.scene.building:
        QApplication.processEvents()
    editor.view.minimap_shown = False
    editor.view.zoom_to(0.1)
    assert editor.view.overview.wanted(editor.view.zoom, editor.view.area())
    assert same_as_anew(editor)
