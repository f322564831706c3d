"""The canvas by keyboard: nudging, walking, editing, joining ports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import events
import gesture_kit as kit
import pytest
from events import CTRL, SHIFT
from PySide6.QtCore import Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QApplication

from ui.editor import inline
from ui.editor.connect_dialog import ConnectDialog
from ui.editor.connect_rows import inputs, outputs
from ui.editor.gestures.commands import canvas_actions

if TYPE_CHECKING:
    from collections.abc import Callable

    from ui.editor.editor import GraphEditor

KEY = Qt.Key
FRAMES = {"prompts": {"rect": [270, -60, 290, 480], "nodes": ["positive", "negative"]}}


@pytest.fixture
def canvas(make_editor: Callable[..., GraphEditor]) -> GraphEditor:
    return kit.settle(make_editor(kit.graph(frames=FRAMES)))


class TestNudge:
    def test_arrows_move_by_eight_and_shift_by_one(self, canvas: GraphEditor) -> None:
        canvas.select(["sampler"])
        events.key(canvas.view, KEY.Key_Right)
        events.key(canvas.view, KEY.Key_Down, SHIFT)
        assert canvas.document.position("sampler") == (628, 1)

    def test_one_after_another_are_one_step(self, canvas: GraphEditor) -> None:
        canvas.select(["sampler", "save"])
        for _ in range(5):
            events.key(canvas.view, KEY.Key_Left)
        assert canvas.stack.count() == 1
        assert canvas.document.position("save") == (1120, 0)
        canvas.stack.undo()
        assert canvas.document.position("save") == (1160, 0)

    def test_another_selection_is_another_step(self, canvas: GraphEditor) -> None:
        canvas.select(["sampler"])
        events.key(canvas.view, KEY.Key_Left)
        canvas.select(["save"])
        events.key(canvas.view, KEY.Key_Left)
        assert canvas.stack.count() == 2

    def test_after_an_undo_it_is_another_step(self, canvas: GraphEditor) -> None:
        canvas.select(["sampler"])
        events.key(canvas.view, KEY.Key_Left)
        canvas.stack.undo()
        events.key(canvas.view, KEY.Key_Left)
        events.key(canvas.view, KEY.Key_Left)
        canvas.stack.undo()
        assert canvas.document.position("sampler") == (620, 0)

    def test_a_frame_takes_its_nodes_along(self, canvas: GraphEditor) -> None:
        canvas.scene.set_selection((), ("prompts",))
        events.key(canvas.view, KEY.Key_Down)
        assert canvas.document.position("positive") == (300, 8)
        assert canvas.document.frames["prompts"].rect[1] == -52

    def test_there_and_back_leaves_no_step(self, canvas: GraphEditor) -> None:
        canvas.select(["sampler"])
        events.key(canvas.view, KEY.Key_Left)
        events.key(canvas.view, KEY.Key_Right)
        assert canvas.stack.count() == 0


class TestWalk:
    def test_along_the_wires(self, canvas: GraphEditor) -> None:
        canvas.select(["sampler"])
        events.key(canvas.view, KEY.Key_Right, CTRL)
        assert canvas.selected() == ["decode"]
        events.key(canvas.view, KEY.Key_Left, CTRL)
        assert canvas.selected() == ["sampler"]
        events.key(canvas.view, KEY.Key_Left, CTRL)
        assert canvas.selected() == ["checkpoint"]

    def test_among_siblings(self, canvas: GraphEditor) -> None:
        canvas.select(["positive"])
        events.key(canvas.view, KEY.Key_Down, CTRL)
        assert canvas.selected() == ["negative"]
        events.key(canvas.view, KEY.Key_Down, CTRL)
        assert canvas.selected() == ["latent"]
        events.key(canvas.view, KEY.Key_Down, CTRL)
        assert canvas.selected() == ["latent"]

    def test_from_nothing_it_begins_at_the_left(self, canvas: GraphEditor) -> None:
        events.key(canvas.view, KEY.Key_Right, CTRL)
        assert canvas.selected() == ["checkpoint"]

    def test_at_the_end_it_stays(self, canvas: GraphEditor) -> None:
        canvas.select(["save"])
        events.key(canvas.view, KEY.Key_Right, CTRL)
        assert canvas.selected() == ["save"]

    def test_it_comes_into_sight(self, canvas: GraphEditor) -> None:
        canvas.select(["decode"])
        canvas.view.zoom_to(2.0, kit.pixel(canvas, kit.rect(canvas, "decode").center()))
        canvas.view.centre_on("decode")
        events.key(canvas.view, KEY.Key_Right, CTRL)
        events.key(canvas.view, KEY.Key_Left, CTRL)
        events.key(canvas.view, KEY.Key_Left, CTRL)
        events.key(canvas.view, KEY.Key_Left, CTRL)
        assert canvas.selected() == ["checkpoint"]
        sight = canvas.view.mapToScene(canvas.view.viewport().rect()).boundingRect()
        assert sight.contains(kit.rect(canvas, "checkpoint").center())


def test_enter_edits_the_first_field(canvas: GraphEditor) -> None:
    canvas.select(["latent"])
    events.key(canvas.view, KEY.Key_Return)
    shown = inline.host.current_editor(canvas)
    assert shown is not None
    assert (shown.node, shown.name) == ("latent", "width")
    inline.close_editor(canvas, commit=False)


def test_enter_opens_a_folded_node(canvas: GraphEditor) -> None:
    canvas.select(["latent"])
    canvas_actions(canvas)["graph.collapse"]()
    events.key(canvas.view, KEY.Key_Return)
    assert not canvas.document.view_of("latent").collapsed
    assert inline.host.current_editor(canvas) is not None
    inline.close_editor(canvas, commit=False)


def test_escape_lets_the_selection_go(canvas: GraphEditor) -> None:
    canvas.select(["latent"])
    events.key(canvas.view, KEY.Key_Escape)
    assert canvas.selected() == []


def test_keys_in_the_middle_of_a_drag_are_the_drags(canvas: GraphEditor) -> None:
    from PySide6.QtCore import QEvent, QPoint
    from PySide6.QtGui import QKeyEvent

    def overridden() -> bool:
        event = QKeyEvent(QEvent.Type.ShortcutOverride, KEY.Key_F, Qt.KeyboardModifier.NoModifier)
        event.ignore()
        QApplication.sendEvent(canvas.view, event)
        return event.isAccepted()

    assert not overridden()
    start = kit.title(canvas, "sampler")
    events.drag_to(canvas.view.viewport(), start, start + QPoint(40, 40))
    assert overridden()
    events.key(canvas.view, KEY.Key_Escape)
    events.release(canvas.view.viewport(), start)


def test_the_menu_key_shows_the_nodes_menu(canvas: GraphEditor) -> None:
    canvas.select(["sampler"])
    port = canvas.view.viewport()
    at = port.rect().center()
    event = QContextMenuEvent(
        QContextMenuEvent.Reason.Keyboard, at, port.mapToGlobal(at)
    )
    QApplication.sendEvent(port, event)
    menu = canvas.view.gestures.menu
    assert menu is not None
    assert any(action.text().startswith("Bypass") for action in menu.actions())
    menu.close()


class TestConnectDialog:
    @pytest.fixture
    def dialog(self, canvas: GraphEditor) -> ConnectDialog:
        canvas.select(["negative", "sampler"])
        canvas_actions(canvas)["graph.connect"]()
        (found,) = canvas.findChildren(ConnectDialog)
        return found

    def test_by_keyboard_alone(self, canvas: GraphEditor, dialog: ConnectDialog) -> None:
        assert dialog.source.search.hasFocus()
        assert dialog.source.row is not None
        assert (dialog.source.row.node, dialog.source.row.port) == ("negative", "conditioning")
        events.key(dialog.source.search, KEY.Key_Return)
        assert dialog.target.search.hasFocus()
        events.type_text(dialog.target.search, "positive")
        events.key(dialog.target.search, KEY.Key_Return)
        assert canvas.document.nodes["sampler"].inputs["positive"] == "negative"
        assert canvas.stack.count() == 1
        assert not dialog.isVisible()

    def test_only_what_fits_is_offered(self, dialog: ConnectDialog) -> None:
        shown = [
            dialog.target.list.item(i).data(Qt.ItemDataRole.UserRole).port
            for i in range(dialog.target.list.count())
        ]
        assert set(shown) == {"positive", "negative"}

    def test_it_says_what_it_replaces(self, dialog: ConnectDialog) -> None:
        row = dialog.target.row
        assert row is not None
        assert row.note == "replaces positive"

    def test_arrows_in_the_line_move_in_the_list(self, dialog: ConnectDialog) -> None:
        events.key(dialog.source.search, KEY.Key_Down)
        assert dialog.source.list.currentRow() == 1
        events.key(dialog.source.search, KEY.Key_Up)
        assert dialog.source.list.currentRow() == 0

    def test_nothing_found(self, dialog: ConnectDialog) -> None:
        events.type_text(dialog.source.search, "xyzzy")
        assert dialog.source.row is None
        assert dialog.source.empty.text() == "No port has that name."
        assert not dialog.join.isEnabled()
        events.key(dialog.source.search, KEY.Key_Return)
        assert dialog.isVisible()

    def test_escape(self, canvas: GraphEditor, dialog: ConnectDialog) -> None:
        events.key(dialog, KEY.Key_Escape)
        assert not dialog.isVisible()
        assert canvas.stack.count() == 0

    def test_lists(self, canvas: GraphEditor) -> None:
        found = outputs(canvas.document, "latent")
        assert (found[0].node, found[0].port) == ("latent", "latent")
        from studio.graph.checked import Source

        takers = inputs(canvas.document, Source("latent", "latent"))
        assert ("sampler", "latent") in {(row.node, row.port) for row in takers}
