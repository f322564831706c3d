"""The list of faults: what stands there, and that a click leads to the node."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from events import click, key
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from studio.graph.errors import Fault
from studio.graph.files import load
from ui.editor.editor import GraphEditor
from ui.panels.problems import ProblemsPanel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot

    from studio.registry import Registry

FAULTS = [
    Fault("nodes.save.inputs.image", "SaveImage needs an Image here.", "save", "image", False),
    Fault("nodes.sampler.params.steps", "steps is 0;\nit must be 1 or more.", "sampler", "steps"),
    Fault("nodes", "no node writes anything."),
    Fault("nodes.gone.type", "the node type 'Gone' is unknown.", "gone"),
]


@pytest.fixture
def editor(qtbot: QtBot, registry: Registry) -> Iterator[GraphEditor]:
    from files_kit import WORKFLOWS

    made = GraphEditor(load(WORKFLOWS / "text_to_image.json"), registry)
    made.resize(900, 600)
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.stack.blockSignals(True)
    made.close()
    made.deleteLater()


@pytest.fixture
def panel(qtbot: QtBot, editor: GraphEditor) -> ProblemsPanel:
    made = ProblemsPanel()
    qtbot.addWidget(made)
    made.resize(400, 300)
    made.set_editor(editor)
    made.show()
    return made


def rows(panel: ProblemsPanel) -> list[tuple[str, str]]:
    model = panel.model
    return [
        (model.index(row, 0).data(), model.index(row, 1).data()) for row in range(model.rowCount())
    ]


def test_faults_stand_in_order_of_weight(panel: ProblemsPanel) -> None:
    counts: list[tuple[int, int]] = []
    panel.count_changed.connect(lambda a, b: counts.append((a, b)))
    panel.set_faults(FAULTS)
    assert counts == [(3, 1)]
    assert rows(panel) == [
        ("steps is 0; it must be 1 or more.", "KSampler · steps"),
        ("no node writes anything.", "nodes"),
        ("the node type 'Gone' is unknown.", "gone"),
        ("SaveImage needs an Image here.", "Save Image · image"),
    ]
    spoken = panel.model.index(0, 0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken.startswith("error, KSampler · steps: ")


def test_a_click_leads_to_the_node(panel: ProblemsPanel, editor: GraphEditor) -> None:
    panel.set_faults(FAULTS)
    tree = panel.tree
    editor.view.centerOn(5000, 5000)
    click(tree.viewport(), tree.visualRect(panel.model.index(3, 0)).center())
    assert editor.selected() == ["save"]
    seen = editor.view.area()
    assert seen.contains(editor.scene.nodes["save"].sceneBoundingRect().center())


def test_enter_leads_there_too_and_what_is_gone_is_told(
    panel: ProblemsPanel, editor: GraphEditor
) -> None:
    panel.set_faults(FAULTS)
    said: list[str] = []
    editor.message.connect(said.append)
    panel.tree.setCurrentIndex(panel.model.index(0, 0))
    key(panel.tree, Qt.Key.Key_Return)
    assert editor.selected() == ["sampler"]
    key(panel.tree, Qt.Key.Key_Down)
    key(panel.tree, Qt.Key.Key_Return)
    assert editor.selected() == ["sampler"]
    key(panel.tree, Qt.Key.Key_Down)
    key(panel.tree, Qt.Key.Key_Return)
    assert said == ["gone isn't there any more."]


def test_the_chosen_fault_stays_chosen(panel: ProblemsPanel) -> None:
    panel.set_faults(FAULTS)
    panel.tree.setCurrentIndex(panel.model.index(2, 0))
    panel.set_faults(FAULTS[1:])
    assert panel.tree.currentIndex().row() == 2
    panel.set_faults(FAULTS[3:])
    assert panel.tree.currentIndex().row() == 0


def test_nothing_wrong_says_so(panel: ProblemsPanel) -> None:
    assert panel.nothing.isVisible()
    panel.set_faults(FAULTS)
    assert panel.tree.isVisible()
    panel.set_faults(())
    assert panel.nothing.isVisible()
    panel.set_faults(FAULTS)
    panel.set_editor(None)
    assert panel.nothing.isVisible()
    assert panel.model.rowCount() == 0


def test_faults_can_be_copied(panel: ProblemsPanel) -> None:
    panel.set_faults(FAULTS)
    key(panel.tree, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text().count("\n") == 4
    panel.tree.setCurrentIndex(panel.model.index(1, 0))
    key(panel.tree, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "nodes: no node writes anything."


def test_thousands_of_faults_are_shown_at_once(panel: ProblemsPanel) -> None:
    many = [Fault(f"nodes.n{i}", "wrong", f"n{i}") for i in range(50_000)]
    panel.set_faults(many)
    panel.grab()
    assert panel.model.rowCount() == 50_000


def test_all_of_a_message_is_seen(qtbot: QtBot, panel: ProblemsPanel) -> None:
    """In a narrow dock as well: over several lines."""
    long = "KSampler needs a Conditioning here; connect one (for example negative.conditioning)."
    panel.set_faults([Fault("nodes.a", long, "sampler"), Fault("nodes.b", "short", "save")])
    panel.resize(290, 400)
    qtbot.wait(20)
    tree, model = panel.tree, panel.model
    wide = [tree.visualRect(model.index(row, 0)).height() for row in range(2)]
    assert wide[0] > wide[1] + 16
    panel.resize(900, 400)
    qtbot.wait(20)
    assert tree.visualRect(model.index(0, 0)).height() == wide[1]
