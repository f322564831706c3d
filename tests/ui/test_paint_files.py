"""Masks in and out of files: saved, loaded, kept beside the graph, embedded, carried along."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtGui import QImage

from studio.editing.edits import set_param
from studio.editing.strokes import carry_masks, imported_hashes, set_items
from studio.graph.document import Graph, Node
from studio.graph.files import dumps, load
from studio.masks import shape
from studio.masks.imported import keep, mask_path
from studio.masks.raster import rasterise
from studio.masks.strokes import parse
from studio.pictures import read_picture, to_uint8
from tests.ui.mask_kit import gradient, paint_graph, stroke, write_picture
from ui.paint import files
from ui.paint.painting import Painting
from ui.paint.panel import PaintPanel
from ui.preferences import Preferences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from ui.editor.editor import GraphEditor
    from ui.paint.binding import Binding


@pytest.fixture
def panel(
    make_editor: Callable[[Graph | Path | None], GraphEditor], qtbot: QtBot, tmp_path: Path
) -> Iterator[PaintPanel]:
    """A panel on a graph with a file."""
    from ui.engine.client import EngineClient
    from ui.engine.queue import RunQueue

    folder = tmp_path / "graphs"
    folder.mkdir()
    write_picture(folder / "picture.png")
    (folder / "graph.json").write_text(dumps(paint_graph("picture.png")))
    editor = make_editor(folder / "graph.json")
    client = EngineClient(["none"])
    made = PaintPanel(RunQueue(client), Preferences())
    made.resize(700, 700)
    made.show()
    made.set_editor(editor)
    made.open("mask")
    qtbot.waitUntil(lambda: made.view.painting.ready)
    yield made
    made.close_down()
    made.close()
    made.deleteLater()


def steps(binding: Binding) -> int:
    """Items of mask and sketch in the document."""
    params = binding.editor.document.nodes[binding.node].params
    return sum(len(params.get(name, {}).get("items", ())) for name in ("strokes", "sketch"))


def bound(panel: PaintPanel) -> Binding:
    assert panel.binding is not None
    return panel.binding


def test_the_mask_is_saved_as_the_node_gives_it(
    panel: PaintPanel, qtbot: QtBot, tmp_path: Path
) -> None:
    binding = bound(panel)
    stroke(binding.painting, [(20, 20), (60, 40)], 9)
    document = binding.editor.document
    for name, value in (("grow", 3.0), ("feather", 4.0), ("invert", True)):
        binding.push(set_param(document, "mask", name, value))
    panel.menu.save_mask(tmp_path / "mask")
    qtbot.waitUntil(lambda: (tmp_path / "mask.png").is_file())
    qtbot.waitUntil(lambda: panel.jobs.waiting == 0)
    saved = to_uint8(read_picture(tmp_path / "mask.png").rgb)[..., 0]
    mask = binding.painting.mask.mask.astype(np.float32) / np.float32(255)
    wanted = shape.feather(shape.grow(shape.invert(mask), 3.0), 4.0)
    assert (saved == (wanted * 255 + 0.5).astype(np.uint8)).all()
    assert "Saved" in panel.notice.text()


def test_the_picture_is_saved_transparent_where_it_is_masked(
    panel: PaintPanel, qtbot: QtBot, tmp_path: Path
) -> None:
    painting = bound(panel).painting
    stroke(painting, [(20, 20), (60, 40)], 9)
    panel.menu.save_alpha(tmp_path / "masked.png")
    qtbot.waitUntil(lambda: panel.jobs.waiting == 0)
    found = read_picture(tmp_path / "masked.png")
    assert found.alpha is not None
    assert (to_uint8(found.rgb) == gradient(128, 96)).all()
    assert (np.rint((1 - found.alpha) * 255) == painting.mask.mask).all()
    # Loaded again it is the mask that it was.
    assert (files.mask_of_file(tmp_path / "masked.png") == painting.mask.mask).all()


def test_what_cannot_be_written_is_told(panel: PaintPanel, qtbot: QtBot, tmp_path: Path) -> None:
    panel.menu.save_mask(tmp_path / "none" / "mask.png")
    qtbot.waitUntil(lambda: panel.jobs.waiting == 0)
    assert panel.notice.isVisible()
    assert "none" in panel.notice.text()


def test_a_mask_is_loaded_kept_beside_the_graph_and_embedded(
    panel: PaintPanel, qtbot: QtBot, tmp_path: Path
) -> None:
    binding = bound(panel)
    write_picture(tmp_path / "grey.png", 64, 48)
    panel.incoming.as_mask(tmp_path / "grey.png")
    qtbot.waitUntil(lambda: binding.editor.stack.count() == 1 and binding.painting.ready)
    document = binding.editor.document
    (item,) = document.nodes["mask"].params["strokes"]["items"]
    assert binding.editor.path is not None
    assert mask_path(binding.editor.path.parent, item["hash"]).is_file()
    before = binding.painting.mask.mask.copy()
    assert before.any()
    panel.menu.embed_masks()
    qtbot.waitUntil(lambda: binding.editor.stack.count() == 2 and binding.painting.ready)
    (item,) = document.nodes["mask"].params["strokes"]["items"]
    assert "data" in item
    strokes = parse(document.nodes["mask"].params["strokes"])
    assert (rasterise(strokes, 128, 96) == before).all()
    assert (binding.painting.mask.mask == before).all()
    binding.editor.stack.undo()
    qtbot.waitUntil(lambda: binding.painting.ready)
    assert (binding.painting.mask.mask == before).all()
    binding.editor.stack.undo()
    qtbot.waitUntil(lambda: binding.painting.ready)
    assert not binding.painting.mask.mask.any()


def test_a_file_that_is_no_picture_is_told(
    panel: PaintPanel, qtbot: QtBot, tmp_path: Path
) -> None:
    (tmp_path / "words.png").write_text("words")
    panel.incoming.as_mask(tmp_path / "words.png")
    qtbot.waitUntil(lambda: panel.jobs.waiting == 0)
    assert "words.png" in panel.notice.text()
    assert bound(panel).editor.stack.count() == 0


def test_a_missing_imported_mask_is_told_and_comes_back(panel: PaintPanel, qtbot: QtBot) -> None:
    binding = bound(panel)
    document = binding.editor.document
    item = {"t": "raster", "o": 100, "hash": "0" * 64}
    binding.push(set_items(document, "mask", {"strokes": [item]}, "Import"))
    qtbot.waitUntil(lambda: "is missing" in binding.painting.words)
    assert not binding.painting.ready
    binding.editor.stack.undo()
    qtbot.waitUntil(lambda: binding.painting.ready)


def test_remove_all_strokes_is_one_step(panel: PaintPanel) -> None:
    binding = bound(panel)
    stroke(binding.painting, [(20, 20)])
    stroke(binding.painting, [(40, 20)])
    panel.menu.remove_all()
    assert steps(binding) == 0
    assert not binding.painting.mask.mask.any()
    binding.editor.stack.undo()
    assert steps(binding) == 2
    assert binding.painting.mask.mask.any()


def test_imported_masks_are_carried_to_another_folder(tmp_path: Path) -> None:
    mask = np.full((8, 8), 200, np.uint8)
    old, new = tmp_path / "old", tmp_path / "new"
    item = keep(mask, old)
    gone = {"t": "raster", "o": 100, "hash": "1" * 64}
    graph = Graph(
        nodes={
            "mask": Node(
                type="InpaintMask", params={"strokes": {"items": [item.json(), gone, 7]}}
            ),
            "odd": Node(type="Other", params={"strokes": "words"}),
        }
    )
    assert imported_hashes(graph) == (item.hash, "1" * 64)
    troubles = carry_masks(graph, old, new)
    assert mask_path(new, item.hash).read_bytes() == mask_path(old, item.hash).read_bytes()
    assert len(troubles) == 1
    assert "missing" in troubles[0]


def test_a_mask_of_a_clipboard_picture_goes_by_its_transparency_or_brightness() -> None:
    image = QImage(4, 2, QImage.Format.Format_ARGB32)
    image.fill(0xFF808080)
    assert (files.mask_of_image(image) == 128).all()
    image.setPixel(1, 1, 0x40808080)
    found = files.mask_of_image(image)
    assert (found[1, 1], found[0, 0]) == (0xBF, 0)


def test_a_snapshot_has_the_sketch_on_the_picture() -> None:
    painting = Painting()
    painting.show(gradient(32, 32))
    from studio.masks.items import Fill

    painting.add("sketch", Fill(opacity=50), (255, 255, 255))
    snapshot = files.Snapshot(painting)
    painting.add("sketch", Fill(), (0, 0, 0))
    picture = snapshot.picture()
    assert picture[0, 0].tolist() == [128, 128, 128]
    assert not snapshot.mask().any()


def test_saving_a_graph_elsewhere_takes_its_masks_along(
    panel: PaintPanel, tmp_path: Path, qtbot: QtBot
) -> None:
    from ui.files.dialogs import FileDialogs
    from ui.files.pages import EditorPage
    from ui.files.saving import Saver
    from ui.jobs import Jobs

    binding = bound(panel)
    panel.incoming.as_mask(write_picture(tmp_path / "grey.png", 64, 48))
    qtbot.waitUntil(lambda: binding.editor.stack.count() == 1 and binding.painting.ready)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    class Answer(FileDialogs):
        def ask_save(self, *_: object, **__: object) -> Path:
            return elsewhere / "copy.json"

    page = EditorPage(binding.editor)
    jobs = Jobs(1)
    saver = Saver(jobs, lambda: [page], Answer())
    done: list[bool] = []
    saver.save_as(page, done.append)
    qtbot.waitUntil(lambda: done == [True])
    (item,) = load(elsewhere / "copy.json").nodes["mask"].params["strokes"]["items"]
    assert mask_path(elsewhere, item["hash"]).is_file()
    jobs.close()
    page.leave()
    binding.editor.setParent(None)
    page.deleteLater()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "I;16"])
def test_pictures_of_every_depth_are_read_as_a_run_reads_them(tmp_path: Path, mode: str) -> None:
    from PIL import Image

    from studio.pictures import read_rgb8

    values = np.arange(64 * 48, dtype=np.uint16).reshape(48, 64) * 21
    picture = Image.fromarray(values) if mode == "I;16" else (
        Image.fromarray(gradient(64, 48)).convert(mode)
    )  # fmt: skip
    picture.save(tmp_path / "picture.png")
    wanted = to_uint8(read_picture(tmp_path / "picture.png").rgb)
    assert (read_rgb8(tmp_path / "picture.png") == wanted).all()


def test_dialogs_ask_where_masks_go_and_come_from(
    panel: PaintPanel, qtbot: QtBot, tmp_path: Path
) -> None:
    binding = bound(panel)
    stroke(binding.painting, [(20, 20), (60, 40)], 9)
    panel.menu.aboutToShow.emit()
    assert panel.menu.acts["save_mask"].isEnabled()
    assert not panel.menu.acts["embed"].isEnabled()
    for name, file in (("save_mask", "mask.png"), ("save_alpha", "masked.png")):
        panel.menu.acts[name].trigger()
        dialog = panel.menu.dialog
        assert dialog is not None
        assert dialog.selectedFiles()[0].endswith(".png")
        dialog.setDirectory(str(tmp_path))
        dialog.selectFile(str(tmp_path / file))
        dialog.accept()
        qtbot.waitUntil((tmp_path / file).is_file)
        qtbot.waitUntil(lambda: panel.jobs.waiting == 0 and panel.menu.dialog is None)
    panel.menu.remove_all()
    panel.menu.acts["load_mask"].trigger()
    dialog = panel.menu.dialog
    assert dialog is not None
    dialog.setDirectory(str(tmp_path))
    dialog.selectFile(str(tmp_path / "mask.png"))
    dialog.accept()
    qtbot.waitUntil(lambda: steps(binding) == 1 and binding.painting.ready)
    assert binding.painting.mask.mask[20, 20] == 255
    qtbot.waitUntil(lambda: panel.menu.dialog is None)
