"""Pictures that are pasted or dropped on the canvas of the real window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from tests.ui.mask_kit import write_picture
from tests.ui.paint_window import a_window, agree, editor_of, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from studio.registry import Registry
    from ui.paint.panel import PaintPanel
    from ui.window import MainWindow


@pytest.fixture
def window(qtbot: QtBot, registry: Registry, tmp_path: Path) -> Iterator[MainWindow]:
    with a_window(qtbot, registry, tmp_path) as made:
        yield made


AS_PICTURE, AS_MASK = 0, 1


def paste(panel: PaintPanel) -> None:
    QTest.keyClick(panel.view, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)


def answer(panel: PaintPanel, choice: int) -> None:
    """Choose what the picture is to be."""
    menu = panel.incoming.menu
    assert menu is not None
    menu.actions()[choice].trigger()
    menu.close()


def test_a_picture_is_pasted_as_mask_and_as_picture(
    window: MainWindow, qtbot: QtBot, home: Path
) -> None:
    panel = opened(window, qtbot)
    editor = editor_of(window)
    image = QImage(64, 48, QImage.Format.Format_RGB32)
    image.fill(0xFF000000)
    for x in range(20):
        for y in range(20):
            image.setPixel(x, y, 0xFFFFFFFF)
    QGuiApplication.clipboard().setImage(image)
    panel.view.setFocus()
    paste(panel)
    answer(panel, AS_MASK)
    qtbot.waitUntil(lambda: editor.stack.count() == 1)
    qtbot.waitUntil(lambda: panel.view.painting.ready)
    item = editor.document.nodes["mask"].params["strokes"]["items"][0]
    assert item["t"] == "raster"
    assert "data" in item  # a graph without a file has no folder for it
    assert panel.view.painting.mask.mask[5, 5] == 255
    assert panel.view.painting.mask.mask[90, 120] == 0
    agree(panel)
    paste(panel)
    answer(panel, AS_PICTURE)
    qtbot.waitUntil(lambda: panel.view.painting.width == 64)
    path = editor.document.nodes["load"].params["path"]
    assert (home / "input" / path).is_file()
    assert editor.stack.undoText().startswith("Load pasted_")
    qtbot.waitUntil(lambda: panel.view.painting.ready)
    agree(panel)


def test_a_dropped_file_asks_what_it_is_to_be(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    panel = opened(window, qtbot)
    other = write_picture(tmp_path / "other.png", 50, 40)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(other))])
    place = QPointF(panel.view.rect().center())
    for kind in (QDragEnterEvent, QDropEvent):
        point = place.toPoint() if kind is QDragEnterEvent else place
        event = kind(
            point, Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )  # fmt: skip
        QApplication.sendEvent(panel.view, event)
    answer(panel, AS_PICTURE)
    qtbot.waitUntil(lambda: panel.view.painting.width == 50)
    assert editor_of(window).document.nodes["load"].params["path"] == str(other)


def test_a_copied_file_is_pasted_whatever_its_format(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    panel = opened(window, qtbot)
    other = tmp_path / "other.jpg"
    assert QImage(50, 40, QImage.Format.Format_RGB32).save(str(other))
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(other))])
    QGuiApplication.clipboard().setMimeData(data)
    panel.view.setFocus()
    paste(panel)
    answer(panel, AS_PICTURE)
    qtbot.waitUntil(lambda: panel.view.painting.width == 50)


def test_no_picture_on_the_clipboard_is_said(window: MainWindow, qtbot: QtBot) -> None:
    panel = opened(window, qtbot)
    QGuiApplication.clipboard().setText("words")
    panel.incoming.paste()
    assert "no picture" in panel.notice.text()
    assert panel.incoming.menu is None
