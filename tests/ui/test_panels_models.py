"""The models panel: search, families, folds, details, and a model on its way into the graph."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from events import click, double_click, key, type_text
from PySide6.QtCore import QModelIndex, QObject, Qt, Signal
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication

from ui.engine.catalogue import ModelEntry
from ui.panels.model_drag import (
    DraggedModel,
    read_mime,
)
from ui.panels.model_tree import ModelTree, details
from ui.panels.models import ModelsPanel

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


PLAIN = Qt.KeyboardModifier.NoModifier

ENTRIES = (
    ModelEntry("pocket", "checkpoints", "sd1", 9_400_000, "/m/pocket", "fp16"),
    ModelEntry("anime/XL-base.safetensors", "checkpoints", "sdxl", 6_900_000_000, "/m/xl"),
    ModelEntry("broken.ckpt", "checkpoints", "", 12, "/m/broken", fault="it is cut short"),
    ModelEntry("stripes", "loras", "sd1", 1000, "/m/stripes", triggers="striped, bold"),
    ModelEntry("easy.pt", "embeddings", "sd1", 25_000, "/m/easy.pt"),
)


class Catalogue(QObject):
    """What the panel needs of the engine's catalogue."""

    changed = Signal()

    def __init__(self, entries: tuple[ModelEntry, ...] = ENTRIES) -> None:
        super().__init__()
        self.all = entries
        self.busy = False
        self.asked = 0

    def entries(self, kind: str) -> tuple[ModelEntry, ...]:
        return tuple(entry for entry in self.all if entry.kind == kind)

    def refresh(self) -> None:
        self.asked += 1


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue()


@pytest.fixture
def panel(qtbot: QtBot, catalogue: Catalogue) -> ModelsPanel:
    made = ModelsPanel(catalogue)  # type: ignore[arg-type]
    qtbot.addWidget(made)
    made.resize(320, 600)
    made.show()
    return made


def shown(panel: ModelsPanel) -> dict[str, list[str]]:
    return {group.kind: [entry.name for entry in group.entries] for group in panel.tree.groups}


def seek(panel: ModelsPanel, qtbot: QtBot, text: str) -> None:
    panel.search.setFocus()
    panel.search.selectAll()
    type_text(panel.search, text)
    qtbot.waitUntil(lambda: panel.tree._text == text)


def spot(panel: ModelsPanel, kind: str, name: str) -> object:
    return panel.view.visualRect(panel.tree.find(kind, name)).center()


def test_the_tree_is_a_proper_model() -> None:
    tree = ModelTree()
    tester = QAbstractItemModelTester(tree, QAbstractItemModelTester.FailureReportingMode.Warning)
    tree.set_entries({"checkpoints": ENTRIES[:3], "loras": ENTRIES[3:4], "vae": ()})
    tree.set_filter("pocket")
    tree.set_filter("")
    assert tree.rowCount() == 2
    assert tree.columnCount() == 3
    assert tree.index(5, 0) == QModelIndex()
    del tester


def test_files_are_listed_by_kind_and_name(panel: ModelsPanel) -> None:
    assert shown(panel) == {
        "checkpoints": ["anime/XL-base.safetensors", "broken.ckpt", "pocket"],
        "loras": ["stripes"],
        "embeddings": ["easy.pt"],
    }
    first = panel.tree.index(0, 0)
    assert first.data() == "Checkpoints"
    assert panel.view.isExpanded(first)
    assert panel.tree.index(0, 2).data() == "3"
    assert [panel.tree.index(0, c, first).data() for c in range(3)] == [
        "anime/XL-base.safetensors", "sdxl", "6.9 GB",
    ]  # fmt: skip
    panel.grab()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("xl", {"checkpoints": ["anime/XL-base.safetensors"]}),
        ("base anime", {"checkpoints": ["anime/XL-base.safetensors"]}),
        ("bold", {"loras": ["stripes"]}),
        ("lora", {"loras": ["stripes"]}),
        ("zzz", {}),
    ],
)
def test_typing_searches_names_families_kinds_and_trigger_words(
    panel: ModelsPanel, qtbot: QtBot, text: str, names: dict[str, list[str]]
) -> None:
    seek(panel, qtbot, text)
    assert shown(panel) == names
    assert panel._pages.currentIndex() == (1 if names else 0)
    key(panel, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: len(shown(panel)) == 3)


def test_how_many_of_a_kind_are_hidden_by_the_search(panel: ModelsPanel, qtbot: QtBot) -> None:
    seek(panel, qtbot, "pocket")
    assert panel.tree.index(0, 2).data() == "1 of 3"


def test_a_family_alone(panel: ModelsPanel) -> None:
    offered = [panel.family.itemText(i) for i in range(panel.family.count())]
    assert offered == ["All families", "sd1", "sdxl"]
    panel.family.setCurrentText("sdxl")
    assert shown(panel) == {"checkpoints": ["anime/XL-base.safetensors"]}
    panel.family.setCurrentIndex(0)
    assert len(shown(panel)) == 3


def test_a_fold_lasts_through_news_and_opens_for_a_search(
    panel: ModelsPanel, catalogue: Catalogue, qtbot: QtBot
) -> None:
    first = panel.tree.index(0, 0)
    panel.view.setExpanded(first, False)
    catalogue.changed.emit()
    qtbot.waitUntil(lambda: not panel._news.isActive())
    assert not panel.view.isExpanded(panel.tree.index(0, 0))
    seek(panel, qtbot, "pocket")
    assert panel.view.isExpanded(panel.tree.index(0, 0))
    panel.search.clear()
    qtbot.waitUntil(lambda: len(shown(panel)) == 3)
    assert not panel.view.isExpanded(panel.tree.index(0, 0))


def test_news_of_the_catalogue_keep_what_is_selected(
    panel: ModelsPanel, catalogue: Catalogue, qtbot: QtBot
) -> None:
    panel.select("checkpoints", "pocket")
    catalogue.all = (*ENTRIES, ModelEntry("aaa.safetensors", "checkpoints", "sd2", 5, "/m/a"))
    for _ in range(14):
        catalogue.changed.emit()
    qtbot.waitUntil(lambda: "aaa.safetensors" in shown(panel)["checkpoints"])
    current = panel.current()
    assert current is not None
    assert current.name == "pocket"


def test_a_click_shows_what_is_known(panel: ModelsPanel) -> None:
    assert not panel._details.isVisible()
    click(panel.view.viewport(), spot(panel, "checkpoints", "pocket"))  # type: ignore[arg-type]
    assert panel._details.isVisible()
    rows = dict(panel._details._facts.rows())
    assert rows == {
        "kind": "Checkpoints", "size": "9.4 MB", "family": "sd1", "weights": "fp16",
        "file": "/m/pocket",
    }  # fmt: skip
    assert panel._details._add.isEnabled()


def test_one_that_cannot_be_used_says_why_and_is_not_added(
    panel: ModelsPanel, qtbot: QtBot
) -> None:
    panel.select("checkpoints", "broken.ckpt")
    assert "cut short" in panel._details._fault.text()
    assert not panel._details._add.isEnabled()
    with qtbot.assertNotEmitted(panel.add_wanted):
        panel.add()


@pytest.mark.parametrize("how", ["double-click", "enter", "button", "menu"])
def test_a_model_goes_into_the_graph(panel: ModelsPanel, qtbot: QtBot, how: str) -> None:
    panel.select("loras", "stripes")
    QApplication.processEvents()
    with qtbot.waitSignal(panel.add_wanted) as told:
        if how == "double-click":
            double_click(panel.view.viewport(), spot(panel, "loras", "stripes"))  # type: ignore[arg-type]
        elif how == "enter":
            key(panel.view, Qt.Key.Key_Return)
        elif how == "button":
            click(panel._details._add, panel._details._add.rect().center())
        else:
            panel.menu().actions()[0].trigger()
    assert told.args == ["loras", "stripes"]


def test_from_the_search_down_goes_into_the_list_and_enter_adds(
    panel: ModelsPanel, qtbot: QtBot
) -> None:
    seek(panel, qtbot, "xl")
    with qtbot.waitSignal(panel.add_wanted) as told:
        key(panel.search, Qt.Key.Key_Return)
    assert told.args == ["checkpoints", "anime/XL-base.safetensors"]
    panel.search.clear()
    qtbot.waitUntil(lambda: len(shown(panel)) == 3)
    panel.search.setFocus()
    key(panel.search, Qt.Key.Key_Down)
    assert panel.view.hasFocus()


def test_the_empty_states(qtbot: QtBot) -> None:
    made = ModelsPanel()
    qtbot.addWidget(made)
    assert "once the engine runs" in made._empty._words.text()
    empty = Catalogue(())
    empty.busy = True
    made.set_catalogue(empty)  # type: ignore[arg-type]
    assert made._empty._title.text() == "Looking for models"
    empty.busy = False
    empty.changed.emit()
    qtbot.waitUntil(lambda: made._empty._title.text() == "No models")
    click(made._refresh, made._refresh.rect().center())
    assert empty.asked == 1
    made.set_catalogue(None)
    empty.changed.emit()


def test_copying_the_name_of_an_embedding_gives_what_a_prompt_takes(panel: ModelsPanel) -> None:
    panel.select("embeddings", "easy.pt")
    panel.copy_name()
    assert QApplication.clipboard().text() == "embedding:easy"
    panel.select("loras", "stripes")
    panel.copy_name()
    assert QApplication.clipboard().text() == "stripes"


def test_what_the_file_says_of_itself_comes_before_our_own_words() -> None:
    entry = ModelEntry(
        "x", "loras", "sd1", 1000, "", "fp16", about={"family": "Stable Diffusion 1", "rank": "8"}
    )
    assert details(entry) == [
        ("kind", "LoRAs"), ("size", "1.0 kB"), ("weights", "fp16"),
        ("family", "Stable Diffusion 1"), ("rank", "8"),
    ]  # fmt: skip


def test_thousands_of_files_are_searched_at_once(qtbot: QtBot) -> None:
    many = tuple(ModelEntry(f"lora_{n:05d}", "loras", "sd1", n, "") for n in range(5000))
    made = ModelsPanel(Catalogue(many))  # type: ignore[arg-type]
    qtbot.addWidget(made)
    made.show()
    seek(made, qtbot, "lora_04321")
    assert shown(made) == {"loras": ["lora_04321"]}


def test_the_folder_is_shown(panel: ModelsPanel, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    from ui.panels import models

    monkeypatch.setattr(
        models.QDesktopServices, "openUrl", lambda url: opened.append(Path(url.toLocalFile()))
    )
    panel.select("loras", "stripes")
    panel.reveal()
    assert opened == [Path("/m")]


def test_what_is_dragged_is_read_back(panel: ModelsPanel) -> None:
    index = panel.tree.find("checkpoints", "pocket")
    assert index.flags() & Qt.ItemFlag.ItemIsDragEnabled
    data = panel.tree.mimeData([index, index.siblingAtColumn(1)])
    assert read_mime(data) == DraggedModel("checkpoints", "pocket")
    assert data.text() == "pocket"
    assert DraggedModel("embeddings", "easy.pt").mime().text() == "embedding:easy"
    assert not panel.tree.index(0, 0).flags() & Qt.ItemFlag.ItemIsDragEnabled
