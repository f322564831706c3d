"""The context menus: of a node, a field, a port, a wire, a frame and the canvas.

They are shown when the right button comes up where it went down, and stay open by themselves
(`QMenu.popup`): nothing waits for them.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QMenu

from studio.editing import edits, framing, removal, wiring
from studio.editing.compat import widgets
from studio.graph.checked import Source
from ui.editor import inline
from ui.editor.gestures import reroute
from ui.editor.gestures.base import Pointer, Target
from ui.editor.gestures.commands import canvas_actions
from ui.editor.gestures.menu_parts import add, add_colours
from ui.editor.gestures.title import edit_frame_title

if TYPE_CHECKING:
    from collections.abc import Callable

    from studio.editing.changes import Edit
    from studio.editing.document import Wire
    from ui.editor.gestures.dispatch import Gestures
    from ui.editor.gestures.drop import Side

_ALIGN = (
    ("graph.align_left", "Left edges", "align-start-vertical"),
    ("graph.align_centre", "Centres", "align-center-vertical"),
    ("graph.align_right", "Right edges", "align-end-vertical"),
    ("graph.align_top", "Top edges", "align-start-horizontal"),
    ("graph.align_middle", "Middles", "align-center-horizontal"),
    ("graph.align_bottom", "Bottom edges", "align-end-horizontal"),
    ("", "", ""),
    ("graph.distribute_horizontal", "Distribute across", "align-horizontal-distribute-center"),
    ("graph.distribute_vertical", "Distribute down", "align-vertical-distribute-center"),
)


def show(gestures: Gestures, pointer: Pointer) -> QMenu:
    """Show the menu of what lies under a right click, and select it if it isn't."""
    target = pointer.target
    scene = gestures.editor.scene
    if target.node and target.node not in scene.selected_nodes():
        scene.set_selection((target.node,), ())
    if target.frame_part == "title" and target.frame not in scene.selected_frames():
        scene.set_selection((), (target.frame,))
    return Menus(gestures, pointer).popup()


def show_for_selection(gestures: Gestures) -> QMenu:
    """Show the menu of the selected node, else of the canvas: by the keyboard."""
    scene, view = gestures.editor.scene, gestures.view
    chosen = scene.selected_nodes()
    if chosen:
        item = scene.nodes[chosen[0]]
        at = item.pos() + QPointF(24, 24)
        target = Target(node=chosen[0], hit=item.hit(QPointF(40, 13)))
        pointer = Pointer(QPointF(view.mapFromScene(at)), at, target=target)
    else:
        middle = QPointF(view.viewport().rect().center())
        pointer = Pointer(middle, gestures.scene_at(middle))
    return Menus(gestures, pointer).popup()


class Menus:
    """Builds one context menu.

    Args:
        gestures: the canvas's.
        pointer: where it was asked for, and what is there.
    """

    def __init__(self, gestures: Gestures, pointer: Pointer) -> None:
        self.gestures = gestures
        self.editor = gestures.editor
        self.document = gestures.editor.document
        self.pointer = pointer
        self.acts = canvas_actions(gestures.editor)
        self.keys_of = gestures.keys_of

    def popup(self) -> QMenu:
        """Show it; it goes when it is done with."""
        target, view = self.pointer.target, self.gestures.view
        if self.gestures.menu is not None:
            self.gestures.menu.close()
        menu = QMenu(view)
        if target.node and target.hit is not None:
            if target.hit.part == "port":
                self._port(menu)
            else:
                self._node(menu)
        elif target.wire is not None:
            self._wire(menu, target.wire)
        elif target.frame_part not in ("", "body"):
            self._frame(menu, target.frame)
        else:
            self._canvas(menu)
        self.gestures.menu = menu
        menu.aboutToHide.connect(self.gestures.menu_gone)
        menu.popup(view.viewport().mapToGlobal(self.pointer.pos.toPoint()))
        return menu

    # Rows

    def _act(self, menu: QMenu, name: str, text: str, icon: str = "") -> None:
        add(menu, text, self.acts[name], icon, self.keys_of(name))

    def _window(self, menu: QMenu, name: str, text: str, icon: str = "") -> None:
        add(menu, text, partial(self.gestures.action_wanted.emit, name), icon, self.keys_of(name))

    def _try(self, make: Callable[[], Edit]) -> Callable[[], object]:
        return partial(self.editor.attempt, make)

    def _clipboard(self, menu: QMenu) -> None:
        self._act(menu, "edit.cut", "Cut", "scissors")
        self._act(menu, "edit.copy", "Copy", "copy")
        self._act(menu, "edit.duplicate", "Duplicate", "copy-plus")
        self._act(menu, "edit.duplicate_with_inputs", "Duplicate with incoming wires")

    # Menus

    def _node(self, menu: QMenu) -> None:
        target = self.pointer.target
        names = self.editor.selected()
        if target.hit is not None and target.hit.part == "widget":
            self._field(menu, target.node, target.hit.name)
            menu.addSeparator()
        if self.document.nodes[target.node].type == "InpaintMask":
            self._window(menu, "paint.open", "Paint mask", "brush")
        self._window(menu, "run.to_selected", "Run to here", "step-forward")
        self._window(menu, "panel.inspector", "Inspect", "sliders-horizontal")
        menu.addSeparator()
        self._act(menu, "edit.rename", "Rename", "pencil")
        self._modes(menu, names)
        self._sockets(menu, target.node)
        add_colours(
            menu,
            self.document.view_of(target.node).colour,
            lambda colour: self.editor.attempt(
                lambda: edits.set_view(self.document, names, colour=colour)
            ),
        )
        menu.addSeparator()
        self._clipboard(menu)
        menu.addSeparator()
        self._act(menu, "graph.frame", "Frame", "group")
        if len(names) > 1:
            self._arrange(menu)
        menu.addSeparator()
        self._act(menu, "edit.extract", "Extract", "unplug")
        self._act(menu, "edit.delete", "Delete", "trash-2")

    def _modes(self, menu: QMenu, names: list[str]) -> None:
        modes = {self.document.nodes[name].mode for name in names}
        folded = all(self.document.view_of(name).collapsed for name in names)
        cached = all(self.document.nodes[name].cache for name in names)
        for name, text, on in (
            ("graph.bypass", "Bypass", modes == {"bypass"}),
            ("graph.mute", "Mute", modes == {"mute"}),
            ("graph.use_cache", "Use cached results", cached),
            ("graph.collapse", "Collapse", folded),
        ):
            add(menu, text, self.acts[name], keys=self.keys_of(name), checked=on)

    def _field(self, menu: QMenu, node: str, name: str) -> None:
        field = next((w for w in widgets(self.document, node) if w.name == name), None)
        title = name.replace("_", " ")
        add(menu, f"Edit {title}", partial(inline.open_editor, self.editor, node, name), "pencil")
        if field is not None and field.spec is not None:
            self._show_as_socket(menu, node, name, f"Show {title} as a socket", shown=True)
        if field is not None and not field.is_default:
            reset = self._try(lambda: edits.reset_param(self.document, node, name))
            add(menu, f"Reset {title}", reset, "rotate-ccw")

    def _show_as_socket(
        self, menu: QMenu, node: str, name: str, text: str, *, shown: bool
    ) -> None:
        make = self._try(lambda: edits.show_socket(self.document, node, name, shown))
        add(menu, text, make, "cable" if shown else "text-cursor-input")

    def _sockets(self, menu: QMenu, node: str) -> None:
        """Which fields are sockets."""
        spec = self.document.spec(node)
        if spec is None or not spec.params:
            return
        part = menu.addMenu("Fields as sockets")
        sockets = {*self.document.view_of(node).sockets, *self.document.wires_into(node)}
        for param in spec.params:
            is_socket = param.name in sockets
            make = self._try(
                partial(edits.show_socket, self.document, node, param.name, not is_socket)
            )
            add(part, param.name.replace("_", " "), make, checked=is_socket)

    def _arrange(self, menu: QMenu) -> None:
        part = menu.addMenu("Align")
        for name, text, icon in _ALIGN:
            if name:
                self._act(part, name, text, icon)
            else:
                part.addSeparator()
        self._act(menu, "graph.layout", "Arrange", "network")

    def _port(self, menu: QMenu) -> None:
        target = self.pointer.target
        node, hit = target.node, target.hit
        assert hit is not None
        side: Side = "out" if hit.side == "out" else "in"
        port = hit.name
        document, view = self.document, self.gestures.view
        source, into = (Source(node, port), None) if side == "out" else (None, (node, port))
        ask = partial(view.palette_wanted.emit, self._beside(), source, into)
        add(menu, "Add a node here...", ask, "plus")
        self._act(menu, "graph.connect", "Connect...", "cable")
        wires = wiring.port_wires(document, node, port, side)
        if wires:
            text = "Disconnect" if len(wires) == 1 else f"Disconnect {len(wires)} wires"
            clear = self._try(lambda: wiring.clear_port(document, node, port, side))
            add(menu, text, clear, "unplug")
        spec = document.spec(node)
        if side == "in" and spec is not None and port in spec.param_by_name:
            title = port.replace("_", " ")
            self._show_as_socket(menu, node, port, f"Show {title} as a field", shown=False)

    def _beside(self) -> QPointF:
        """Where a node goes that is joined to the port: a step away from it."""
        hit = self.pointer.target.hit
        away = 60.0 if hit is not None and hit.side == "out" else -60.0
        return self.pointer.scene + QPointF(away, 0)

    def _wire(self, menu: QMenu, key: tuple[str, str]) -> None:
        wire = self.document.wires_into(key[0]).get(key[1])
        if wire is None:
            return
        add(menu, "Add a node here...", partial(self._insert, wire), "plus")
        place = partial(reroute.add, self.editor, key, self.pointer.scene)
        add(menu, "Add a reroute here", place, "git-commit-horizontal")
        menu.addSeparator()
        for name, verb in ((wire.source.node, "from"), (wire.target, "to")):
            if name in self.document.nodes:
                text = f"Go {verb} {self.document.title_of(name)}"
                add(menu, text, partial(self._go, name), f"arrow-{_WAYS[verb]}")
        menu.addSeparator()
        cut = self._try(lambda: wiring.disconnect(self.document, [wire]))
        add(menu, "Delete the wire", cut, "trash-2")

    def _insert(self, wire: Wire) -> None:
        ends = (wire.source, (wire.target, wire.port))
        self.gestures.view.palette_wanted.emit(self.pointer.scene, *ends)

    def _go(self, name: str) -> None:
        self.editor.select([name])
        if name in self.editor.scene.nodes:
            self.gestures.view.centre_on(name)

    def _frame(self, menu: QMenu, name: str) -> None:
        document, scene = self.document, self.editor.scene
        frame = document.frames[name]
        inside = [node for node in frame.nodes if node in document.nodes]
        rename = partial(edit_frame_title, self.gestures, name)
        add(menu, "Rename", rename, "pencil", self.keys_of("edit.rename"))
        add_colours(
            menu,
            frame.colour,
            lambda colour: self.editor.attempt(
                lambda: framing.set_frame(document, name, colour=colour)
            ),
        )
        menu.addSeparator()
        if inside:
            select = partial(scene.set_selection, inside, (name,))
            add(menu, "Select what is inside", select, "square-dashed")
            self._act(menu, "graph.layout", "Arrange what is inside", "network")
            menu.addSeparator()
        alone = self._try(lambda: framing.remove_frames(document, [name]))
        add(menu, "Delete the frame alone", alone, "trash-2")
        if inside:
            both = self._try(lambda: removal.remove(document, inside, [name]))
            add(menu, "Delete it and what is inside", both)

    def _canvas(self, menu: QMenu) -> None:
        at = self.pointer.scene
        ask = partial(self.gestures.view.palette_wanted.emit, at, None, None)
        add(menu, "Add a node...", ask, "plus", self.keys_of("graph.add"))
        self._act(menu, "edit.paste", "Paste", "clipboard-paste")
        self._act(menu, "edit.paste_with_inputs", "Paste with incoming wires")
        menu.addSeparator()
        self._act(menu, "edit.select_all", "Select all", "square-dashed")
        self._act(menu, "graph.layout", "Arrange", "network")
        self._act(menu, "view.frame_all", "Show everything", "maximize")


_WAYS = {"from": "left", "to": "right"}
