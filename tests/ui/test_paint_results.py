"""Results of runs on the canvas: shown, compared, accepted, discarded; previews while they run."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from events import click, key, key_press, key_release
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QKeyEvent
from PySide6.QtWidgets import QApplication
from results_kit import WAIT, Desk, desks

from ui.engine.job import Job
from ui.engine.planner import place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from ui.editor.editor import GraphEditor

RIGHT, LEFT, ENTER = Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_Return
ESC, M, C = Qt.Key.Key_Escape, Qt.Key.Key_M, Qt.Key.Key_C


def picture(folder: Path, name: str, colour: str = "#c03020", side: int = 128) -> Path:
    image = QImage(side, side, QImage.Format.Format_RGB32)
    image.fill(QColor(colour))
    path = folder / name
    assert image.save(str(path))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the workflows and their pictures are, to be written beside."""
    return tmp_path


@pytest.fixture
def desk_on(
    make_editor: Callable[[Path], GraphEditor], folder: Path, qtbot: QtBot
) -> Iterator[Callable[[str], Desk]]:
    with desks(make_editor, folder, qtbot) as make:
        yield make


@pytest.fixture
def desk(desk_on: Callable[[str], Desk]) -> Desk:
    return desk_on("inpaint")


def colour(desk: Desk, x: float = 0.3, y: float = 0.3) -> str:
    """What the canvas shows at a place of the picture, 0 to 1 across and down."""
    side = desk.view.painting.width, desk.view.painting.height
    spot = desk.view.placement.to_view(x * side[0], y * side[1]).toPoint()
    return desk.view.grab().toImage().pixelColor(spot).name()


def test_results_come_in_front_and_are_gone_through(desk: Desk, folder: Path) -> None:
    assert desk.strip.isHidden()
    red, blue = picture(folder, "red.png"), picture(folder, "blue.png", "#2040c0")
    desk.wrote(red)
    assert desk.strip.isVisible()
    assert desk.strip.current == red
    assert colour(desk) == "#c03020"
    desk.wrote(blue)
    assert desk.strip.paths == [blue, red]
    assert colour(desk) == "#2040c0"
    key(desk.view, RIGHT)
    desk.settle()
    assert desk.strip.current == red
    assert colour(desk) == "#c03020"
    key(desk.view, RIGHT)
    assert desk.strip.current == red
    key(desk.strip.thumbs, LEFT)
    assert desk.strip.current == blue


def test_what_other_nodes_and_graphs_write_is_no_result(
    desk: Desk, folder: Path, make_editor: Callable[[Path], GraphEditor]
) -> None:
    red = picture(folder, "red.png")
    desk.wrote(red, node="picture")
    desk.wrote(folder / "latent.safetensors")
    desk.wrote(red, editor=make_editor(folder / "inpaint_only_masked.json"))
    assert desk.strip.isHidden()


def test_results_wait_for_their_mask(desk: Desk, folder: Path) -> None:
    desk.surroundings.set_binding(None)
    red = picture(folder, "red.png")
    job = Job("Inpaint", "{}", states=desk.editor.states)
    event = {"event": "output_written", "node": "save", "path": str(red)}
    desk.queue.job_event.emit(job, event)
    assert desk.strip.isHidden()
    desk.surroundings.set_binding(desk.binding)
    assert desk.strip.paths == [red]
    assert desk.strip.current is None


def test_discarding_goes_on_to_the_next(desk: Desk, folder: Path) -> None:
    paths = [picture(folder, f"{n}.png", shade) for n, shade in enumerate(("red", "lime", "blue"))]
    for path in paths:
        desk.wrote(path)
    key(desk.view, ESC)
    assert desk.strip.paths == [paths[1], paths[0]]
    assert desk.strip.current == paths[1]
    key(desk.view, ESC)
    key(desk.view, ESC)
    assert desk.strip.isHidden()
    assert desk.view.result is None
    assert all(path.exists() for path in paths)
    # It stays off: coming back to the mask doesn't bring it again.
    desk.surroundings.set_binding(None)
    desk.surroundings.set_binding(desk.binding)
    assert desk.strip.paths == []


def test_comparing(desk: Desk, folder: Path) -> None:
    before = colour(desk)
    desk.wrote(picture(folder, "red.png"))
    modes = []
    for _ in range(4):
        key(desk.view, M)
        modes.append(desk.view.compare)
    assert modes == ["slider", "beside", "hover", "off"]
    key_press(desk.view, C)
    assert desk.view.original_shown
    assert colour(desk, 0.05, 0.05) != "#c03020"
    key_release(desk.view, C)
    assert not desk.view.original_shown
    assert colour(desk) == "#c03020"
    click(desk.strip.hide_button, QPointF(8, 8))
    assert desk.strip.current is None
    assert colour(desk) == before
    # Without a result these keys aren't ours.
    key(desk.view, M)
    assert desk.view.compare == "off"


def test_a_thumbnail_shows_and_hides_a_result(desk: Desk, folder: Path) -> None:
    red = picture(folder, "red.png")
    desk.wrote(red)
    index = desk.strip.model.index(0)
    spot = QPointF(desk.strip.thumbs.visualRect(index).center())
    click(desk.strip.thumbs.viewport(), spot)
    assert desk.strip.current is None
    click(desk.strip.thumbs.viewport(), spot)
    desk.settle()
    assert desk.strip.current == red


def test_painting_goes_on_on_the_picture(desk: Desk, folder: Path) -> None:
    desk.wrote(picture(folder, "red.png"))
    spot = desk.view.placement.to_view(100, 100)
    click(desk.view, spot)
    assert desk.strip.current is None
    assert desk.view.result is None
    assert desk.strip.paths


def test_the_windows_shortcuts_wait_while_a_result_is_shown(desk: Desk, folder: Path) -> None:
    def taken(code: Qt.Key) -> bool:
        event = QKeyEvent(QKeyEvent.Type.ShortcutOverride, code, Qt.KeyboardModifier.NoModifier)
        event.ignore()
        QApplication.sendEvent(desk.view, event)
        return event.isAccepted()

    assert not taken(ENTER)
    desk.wrote(picture(folder, "red.png"))
    assert all(taken(code) for code in (ENTER, ESC, LEFT, RIGHT, M, C))


def test_accepting_is_one_step_that_undo_takes_back(desk: Desk, folder: Path) -> None:
    editor, painting = desk.editor, desk.binding.painting
    before, mask = editor.document.dumps(), painting.mask.mask.copy()
    old = painting.picture.copy()
    desk.wrote(picture(folder, "red.png"))
    key(desk.view, ENTER)
    desk.qtbot.waitUntil(lambda: editor.stack.count() == 1, timeout=WAIT)
    desk.qtbot.waitUntil(
        lambda: painting.ready and (painting.picture == (0xC0, 0x30, 0x20)).all(), timeout=WAIT
    )
    assert editor.document.nodes["picture"].params["path"] == "red.png"
    assert (painting.mask.mask == mask).all()
    assert desk.strip.isHidden()
    assert "Undo" in desk.messages[-1]
    editor.stack.undo()
    assert editor.document.dumps() == before
    desk.qtbot.waitUntil(lambda: (painting.picture == old).all(), timeout=WAIT)
    assert (painting.mask.mask == mask).all()


def test_accepted_twice_is_accepted_once(desk: Desk, folder: Path) -> None:
    desk.wrote(picture(folder, "red.png"))
    key(desk.view, ENTER)  # the file is read before anything is done
    key(desk.view, ENTER)
    desk.settle()
    assert desk.editor.stack.count() == 1
    assert [words for words in desk.messages if "already" in words] == []


def test_a_result_that_is_gone_is_told_of(desk: Desk, folder: Path) -> None:
    red = picture(folder, "red.png")
    desk.wrote(red)
    red.unlink()
    key(desk.view, ENTER)
    desk.settle()
    assert "isn't there any more" in desk.messages[-1]
    assert desk.editor.stack.count() == 0


# ------------------------------------------------------------------- previews


def encoded(shade: str) -> str:
    image = QImage(16, 16, QImage.Format.Format_RGB32)
    image.fill(QColor(shade))
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    assert image.save(buffer, "PNG")
    return base64.b64encode(bytes(data.data())).decode()


def test_previews_show_in_the_mask_while_it_runs(desk_on: Callable[[str], Desk]) -> None:
    desk = desk_on("inpaint_only_masked")
    states, live = desk.editor.states, desk.surroundings.live
    frame = desk.surroundings.frames.shown.rect
    assert frame is not None

    def happens(**event: object) -> None:
        states.apply_event(event)
        states._tell()

    def step(number: int, shade: str = "") -> None:
        preview = {"preview": encoded(shade)} if shade else {}
        happens(event="node_progress", node="sampler", step=number, of=9, **preview)

    nodes = ["shown", "sampler", "decode", "stitch", "save"]
    happens(event="run_started", title="x", nodes=nodes)
    happens(event="node_started", node="sampler", type="KSampler")
    step(1)
    assert not live.showing
    step(2, "#00ff00")
    assert live.showing
    size = desk.view.painting.width, desk.view.painting.height
    middle = frame.center().x() / size[0], frame.center().y() / size[1]
    assert QColor(colour(desk, *middle)).green() > 200
    # Clipped to the mask: the crop frame's corner is the picture's.
    corner = (frame.x() + 2) / size[0], (frame.y() + 2) / size[1]
    assert QColor(colour(desk, *corner)).green() < 200
    step(3, "#ff0000")
    assert QColor(colour(desk, *middle)).red() > 200
    happens(event="run_finished", status="ok", message="", outputs=[], seconds=1.0)
    assert not live.showing
    # The last picture of the run before is no preview of the next one.
    happens(event="run_started", title="x", nodes=nodes)
    happens(event="node_started", node="sampler", type="KSampler")
    step(1)
    assert not live.showing


def test_previews_of_nodes_that_dont_need_the_mask_arent_shown(desk: Desk) -> None:
    states = desk.editor.states
    states.apply_event({"event": "run_started", "title": "x", "nodes": ["positive"]})
    states.apply_event({"event": "node_started", "node": "positive", "type": "TextEncode"})
    news = {"event": "node_progress", "node": "positive", "step": 1, "of": 2}
    states.apply_event({**news, "preview": encoded("lime")})
    states._tell()
    assert not desk.surroundings.live.showing


# ------------------------------------------------------------------ a real run


def test_a_run_of_the_pocket_model_ends_as_the_picture(desk: Desk, folder: Path) -> None:
    """Painted, run by the worker, shown, accepted, undone."""
    editor, painting = desk.editor, desk.binding.painting
    shown: list[QRectF | None] = []
    plain = desk.view.set_live

    def set_live(image: QImage | None, rect: QRectF | None = None) -> None:
        if image is not None:
            shown.append(rect)
        plain(image, rect)

    desk.view.set_live = set_live  # type: ignore[method-assign]
    # One more stroke, by the hand.
    click(desk.view, desk.view.placement.to_view(30, 100))
    assert editor.stack.count() == 1
    before, mask, old = editor.document.dumps(), painting.mask.mask.copy(), painting.picture.copy()
    desk.client.start()
    job = desk.queue.add(
        Job(
            editor.name(), editor.text.whole(editor.document.graph()), states=editor.states,
            out=folder / "out", **place_of(editor),
        )
    )  # fmt: skip
    desk.qtbot.waitUntil(lambda: job.over, timeout=120_000)
    assert job.status == "done", job.error
    desk.settle()
    (path,) = desk.strip.paths
    assert desk.strip.current == path
    assert desk.view.result is not None
    assert shown
    assert set(map(str, shown)) == {str(QRectF(0, 0, 128, 128))}
    key(desk.view, ENTER)
    desk.qtbot.waitUntil(lambda: editor.stack.count() == 2, timeout=WAIT)
    desk.qtbot.waitUntil(
        lambda: painting.ready and (painting.picture != old).any(), timeout=WAIT
    )
    named = editor.document.nodes["picture"].params["path"]
    assert (folder / named) == path
    assert (painting.mask.mask == mask).all()
    # Nothing changed outside: what the strip shows is what the engine promises.
    outside = mask == 0
    assert (painting.picture[0, 0] == old[0, 0]).all()
    assert outside.any()
    editor.stack.undo()
    assert editor.document.dumps() == before
    desk.qtbot.waitUntil(lambda: (painting.picture == old).all(), timeout=WAIT)
    assert (painting.mask.mask == mask).all()
