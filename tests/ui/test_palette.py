"""The palette over the window: searched, walked and chosen from by keyboard and mouse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from events import click, key, move, press, type_text
from inline_kit import canvas, steps
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, Qt
from PySide6.QtWidgets import QApplication, QMainWindow

from studio.graph.checked import Source
from ui.editor.palette import Palette

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot

    from studio.registry import Registry
    from ui.editor.editor import GraphEditor

SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def editor(qtbot: QtBot, registry: Registry) -> GraphEditor:
    made = canvas(qtbot, registry)
    made.view.centre_on("sampler")
    return made


@pytest.fixture
def palette(qtbot: QtBot, editor: GraphEditor) -> Iterator[Palette]:
    window = QMainWindow()
    window.resize(1600, 900)
    window.setCentralWidget(editor)
    qtbot.addWidget(window)
    with qtbot.waitExposed(window):
        window.show()
    window.activateWindow()
    editor.view.setFocus()
    made = Palette(window)
    yield made
    made.close_palette()


def titles(palette: Palette) -> list[str]:
    return [row.entry.title for row in palette.list.rows if row.entry is not None]


def highlighted(palette: Palette) -> str:
    row = palette.list.row
    assert row is not None
    return row.entry.title if row.entry else row.group.path if row.group else row.label


def test_type_and_enter_adds_at_the_cursor(editor: GraphEditor, palette: Palette) -> None:
    palette.open(editor, QPointF(300, 700))
    assert palette.isVisible()
    assert palette.search.hasFocus()
    type_text(palette.search, "solid\n")
    assert not palette.isVisible()
    assert editor.document.nodes["solid_image"].type == "SolidImage"
    x, y = editor.document.position("solid_image")
    assert (300 - x, 700 - y) == (pytest.approx(24, abs=2), pytest.approx(13, abs=2))
    assert steps(editor) == 1
    assert editor.selected() == ["solid_image"]
    assert editor.view.hasFocus()
    assert palette.recent == ["SolidImage"]


def test_categories_by_keyboard(editor: GraphEditor, palette: Palette) -> None:
    palette.open(editor, QPointF(0, 0))
    assert titles(palette) == []
    assert highlighted(palette) == "Canvas"
    key(palette.search, Qt.Key.Key_Down)
    assert highlighted(palette) == "Conditioning"
    key(palette.search, Qt.Key.Key_Right)
    assert "Text Encode" in titles(palette)
    paths = [row.group.path for row in palette.list.rows if row.group]
    assert "Conditioning/Region" in paths
    key(palette.search, Qt.Key.Key_Down)
    assert highlighted(palette) == "Average Conditioning"
    key(palette.search, Qt.Key.Key_Left)
    assert highlighted(palette) == "Conditioning"
    key(palette.search, Qt.Key.Key_Left)
    assert titles(palette) == []
    key(palette.search, Qt.Key.Key_Return)
    assert "Text Encode" in titles(palette), "Enter opens a category too"
    key(palette.search, Qt.Key.Key_Up)
    key(palette.search, Qt.Key.Key_Up)
    assert highlighted(palette) == [row.group.path for row in palette.list.rows if row.group][-1]
    key(palette.search, Qt.Key.Key_Escape)
    assert not palette.isVisible()
    assert steps(editor) == 0


def test_a_category_by_mouse(editor: GraphEditor, palette: Palette) -> None:
    palette.open(editor, QPointF(0, 0))
    QApplication.processEvents()
    view = palette.list
    place = next(n for n, row in enumerate(view.rows) if row.group and row.group.path == "Loaders")
    click(view.viewport(), view.visualRect(view.rows_model.index(place)).center())
    assert "Load Checkpoint" in titles(palette)
    place = next(n for n, row in enumerate(view.rows)
                 if row.entry and row.entry.type == "LoadVae")  # fmt: skip
    where = view.visualRect(view.rows_model.index(place)).center()
    move(view.viewport(), where)
    assert highlighted(palette) == "Load VAE", "the mouse highlights"
    click(view.viewport(), where)
    assert "load_vae" in editor.document.nodes


def test_used_lately_comes_first(editor: GraphEditor, palette: Palette) -> None:
    for name in ("solid", "load vae"):
        palette.open(editor, QPointF(0, 0))
        type_text(palette.search, f"{name}\n")
    palette.open(editor, QPointF(0, 0))
    assert palette.recent == ["LoadVae", "SolidImage"]
    assert palette.list.rows[0].label == "Used lately"
    assert titles(palette) == ["Load VAE", "Solid Image"]
    assert highlighted(palette) == "Load VAE"


def test_a_wire_dropped_from_an_output(editor: GraphEditor, palette: Palette) -> None:
    palette.open(editor, QPointF(700, 600), source=Source("latent", "latent"))
    found = titles(palette)
    assert "VAE Decode" in found
    assert "Load Checkpoint" not in found
    assert "Save Image" not in found
    row = next(r for r in palette.list.rows if r.entry and r.entry.type == "KSampler")
    assert row.port == ("latent", "Latent")
    type_text(palette.search, "ksam\n")
    new = editor.document.nodes["k_sampler"]
    assert new.inputs == {"latent": "latent"}
    assert steps(editor) == 1
    at = editor.scene.port_pos("k_sampler", "in", "latent")
    assert (at.x(), at.y()) == (pytest.approx(700, abs=2), pytest.approx(600, abs=2))
    editor.stack.undo()
    assert "k_sampler" not in editor.document.nodes


def test_a_wire_dropped_from_an_input(editor: GraphEditor, palette: Palette) -> None:
    palette.open(editor, QPointF(500, 600), target=("sampler", "latent"))
    assert "Empty Latent" in titles(palette)
    assert "Text Encode" not in titles(palette)
    type_text(palette.search, "vae enc\n")
    assert editor.document.nodes["sampler"].inputs["latent"] == "vae_encode"
    at = editor.scene.port_pos("vae_encode", "out", "latent")
    assert (at.x(), at.y()) == (pytest.approx(500, abs=2), pytest.approx(600, abs=2))
    editor.stack.undo()
    assert editor.document.nodes["sampler"].inputs["latent"] == "latent"


def test_nothing_found(editor: GraphEditor, palette: Palette) -> None:
    palette.open(editor, QPointF(0, 0))
    type_text(palette.search, "qqqqqq")
    assert palette._nothing.isVisible()
    assert palette._nothing.text().startswith('No node is called "qqqqqq".\nClear')
    key(palette.search, Qt.Key.Key_Return)
    assert palette.isVisible()
    palette.search.clear()
    assert not palette._nothing.isVisible()
    palette.close_palette()
    palette.open(editor, QPointF(0, 0), source=Source("latent", "latent"))
    type_text(palette.search, "checkpoint")
    assert "that takes this wire" in palette._nothing.text()


def test_the_help_beside_it(editor: GraphEditor, palette: Palette, qtbot: QtBot) -> None:
    palette.open(editor, QPointF(0, 0))
    type_text(palette.search, "ksampler")
    qtbot.waitUntil(lambda: palette.help.entry is not None)
    assert palette.help.entry is not None
    assert palette.help.entry.type == "KSampler"
    assert palette.help.height() > 200
    key(palette.search, Qt.Key.Key_Down)
    qtbot.waitUntil(
        lambda: palette.help.entry is not None and palette.help.entry.type == "KSamplerAdvanced"
    )


def test_a_click_elsewhere_closes_it(editor: GraphEditor, palette: Palette) -> None:
    palette.open(editor, QPointF(300, 300))
    press(palette.list.viewport(), QPoint(4, 4))
    assert palette.isVisible()
    press(editor.view.viewport(), QPoint(5, 5))
    assert not palette.isVisible()
    assert steps(editor) == 0


def test_it_stays_in_the_window(editor: GraphEditor, palette: Palette) -> None:
    window = palette.window()
    for where in (QPointF(-9000, -9000), QPointF(9000, 9000)):
        palette.open(editor, where)
        assert window.rect().contains(palette._box.translated(palette.pos()))
        palette.close_palette()
    window.resize(500, 400)
    QApplication.processEvents()
    palette.open(editor, QPointF(0, 0))
    assert window.rect().contains(palette._box.translated(palette.pos()))
    window.resize(900, 600)
    QApplication.processEvents()
    assert not palette.isVisible()


class _Paints(QObject):
    """Counts how often a widget paints itself."""

    count = 0

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self.count += event.type() == QEvent.Type.Paint
        return False


def test_typing_leaves_the_canvas_below_alone(
    qtbot: QtBot, editor: GraphEditor, palette: Palette
) -> None:
    palette.open(editor, QPointF(0, 0))
    paints = _Paints(palette)
    editor.view.viewport().installEventFilter(paints)
    # What the help pane covers anew, and the canvas that comes to rest, are painted first.
    quiet = -1
    while quiet != paints.count:
        quiet = paints.count
        qtbot.wait(250)
    paints.count = 0
    type_text(palette.search, "ks")
    palette.list.viewport().repaint()
    palette.search.repaint()
    assert paints.count == 0
