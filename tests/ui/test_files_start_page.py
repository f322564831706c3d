"""The start page: templates with pictures, recent files, and the two buttons."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from events import click, key
from files_kit import WORKFLOWS
from PySide6.QtCore import QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter

from studio.graph.document import Graph, Node
from studio.graph.files import load
from ui.files.sketch import paint_sketch
from ui.files.templates import default_template, read_templates
from ui.jobs import Jobs
from ui.preferences import Preferences
from ui.start_page import StartPage
from ui.theme import current

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot

    from studio.registry import Registry


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    made = Jobs(1)
    yield made
    made.close()


@pytest.fixture
def page(qtbot: QtBot, jobs: Jobs, registry: Registry) -> StartPage:
    made = StartPage(jobs, registry, [Path("/somewhere/a.json"), Path("/elsewhere/b.png")])
    qtbot.addWidget(made)
    made.resize(1200, 720)
    made.show()
    qtbot.waitUntil(lambda: made.templates_model.rowCount() > 0)
    return made


def test_templates_are_all_there_the_plainest_first(page: StartPage) -> None:
    model = page.templates_model
    assert model.rowCount() == len(list(WORKFLOWS.glob("*.json")))
    assert model.index(0, 0).data() == "Text to image"
    assert default_template() == WORKFLOWS / "text_to_image.json"


def test_a_click_and_enter_choose(qtbot: QtBot, page: StartPage) -> None:
    chosen: list[Path] = []
    page.template_chosen.connect(chosen.append)
    view = page.templates
    click(view.viewport(), view.visualRect(page.templates_model.index(0, 0)).center())
    key(view, Qt.Key.Key_Right)
    key(view, Qt.Key.Key_Return)
    assert chosen[0] == default_template()
    assert len(chosen) == 2
    assert chosen[1] != chosen[0]


def test_recent_files_and_buttons(page: StartPage) -> None:
    paths: list[Path] = []
    page.path_chosen.connect(paths.append)
    view = page.recent
    click(view.viewport(), view.visualRect(page.recent_model.index(1, 0)).center())
    assert paths == [Path("/elsewhere/b.png")]
    asked: list[str] = []
    page.new_wanted.connect(lambda: asked.append("new"))
    page.open_wanted.connect(lambda: asked.append("open"))
    click(page.new, QPoint(10, 10))
    click(page.open, QPoint(10, 10))
    assert asked == ["new", "open"]
    page.set_recent([])
    assert page.nothing.isVisible()
    assert not page.recent.isVisible()


def test_recent_files_follow_the_preferences(
    qtbot: QtBot, page: StartPage, tmp_path: Path
) -> None:
    preferences = Preferences(tmp_path / "editor.ini")
    preferences.add_recent(Path("/a/one.json"))
    page.follow(preferences)
    assert page.recent_model.rowCount() == 1
    preferences.add_recent(Path("/a/two.json"))
    assert page.recent_model.index(0, 0).data() == "two.json"
    other = StartPage(Jobs(1, page), {})
    other.follow(preferences)
    gone: list[bool] = []
    other.destroyed.connect(lambda: gone.append(True))
    other.deleteLater()
    qtbot.waitUntil(lambda: bool(gone))
    preferences.add_recent(Path("/a/three.json"))
    assert page.recent_model.rowCount() == 3


def test_files_that_are_no_graphs_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{")
    (tmp_path / "y.json").write_text('{"format": "latent-studio", "version": 1}')
    assert [item.title for item in read_templates(tmp_path)] == ["Y"]
    assert read_templates(tmp_path / "nowhere") == []


def sketch(graph: Graph, registry: Registry) -> QImage:
    image = QImage(QSize(200, 120), QImage.Format.Format_RGB32)
    image.fill(current().canvas)
    painter = QPainter(image)
    paint_sketch(painter, QRectF(10, 10, 180, 100), graph, registry, current())
    painter.end()
    return image


def test_a_sketch_shows_the_graph_inside_its_place(registry: Registry) -> None:
    image = sketch(load(default_template()), registry)
    empty = current().canvas.rgb()
    marks = [(x, y) for x in range(200) for y in range(120) if image.pixel(x, y) != empty]
    assert len(marks) > 500
    assert min(x for x, _ in marks) >= 8
    assert max(x for x, _ in marks) <= 192


def test_sketches_of_odd_graphs(registry: Registry) -> None:
    plain = sketch(Graph(), registry)
    odd = Graph(
        nodes={"a": Node(type="Nobody", inputs={"x": "b", "y": "1 2", "z": "a.q"})},
        layout={"a": (1e30, 0), "gone": (0, 0)},
    )
    assert sketch(odd, registry) == plain
    here = odd.model_copy(update={"layout": {"a": (0.0, 0.0)}})
    assert sketch(here, registry) != plain
