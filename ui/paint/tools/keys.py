"""What keys and gestures do on the brush canvas: one table, for the hands, the tips, the cheat
sheet and docs/painting.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent


@dataclass(frozen=True, slots=True)
class PaintKey:
    """A key of the canvas.

    Args:
        action: what it does, for `Hands.do`: "tool.brush", "size.up", "fit" …
        keys: as people read them: "Shift+V".
        words: what it does, for people.
    """

    action: str
    keys: tuple[str, ...]
    words: str


TOOL_KEYS: tuple[PaintKey, ...] = (
    PaintKey("tool.brush", ("B",), "Brush"),
    PaintKey("tool.eraser", ("E",), "Eraser"),
    PaintKey("tool.lasso", ("L",), "Lasso: freehand; again: by corners, and back"),
    PaintKey("tool.polygon", ("P",), "Polygon: by corners"),
    PaintKey("tool.rectangle", ("U",), "Rectangle; again: ellipse, and back"),
    PaintKey("tool.bucket", ("G",), "Bucket; again: colours everywhere, and back"),
    PaintKey("tool.frame", ("F",), "Outpaint frame"),
    PaintKey("tool.hand", ("H",), "Hand: drag to pan"),
    PaintKey("tool.zoom", ("Z",), "Zoom: click, or drag sideways; Alt+click zooms out"),
    PaintKey("tool.eyedropper", ("I",), "Eyedropper: takes a colour for the sketch"),
)
BRUSH_KEYS: tuple[PaintKey, ...] = (
    PaintKey("size.down", ("[",), "Smaller brush"),
    PaintKey("size.up", ("]",), "Larger brush"),
    PaintKey("size.far_down", ("Shift+[",), "Much smaller brush"),
    PaintKey("size.far_up", ("Shift+]",), "Much larger brush"),
    PaintKey("swap", ("X",), "Brush or eraser, add or take away; on the sketch the other colour"),
    PaintKey("layer", ("S",), "Mask or sketch"),
)
MASK_KEYS: tuple[PaintKey, ...] = (
    PaintKey("invert", ("Shift+V",), "Invert the mask"),
    PaintKey("clear", ("Del",), "Clear the mask, or the sketch"),
    PaintKey("fill", ("Shift+F",), "Fill the mask, or the sketch"),
    PaintKey("overlay", ("\\",), "Hide the mask while held"),
)
VIEW_KEYS: tuple[PaintKey, ...] = (
    PaintKey("pan", ("Space",), "Pan while held: drag"),
    PaintKey("fit", ("Ctrl+0",), "Show the whole picture"),
    PaintKey("zoom.1", ("Ctrl+1",), "Zoom to 100 %"),
    PaintKey("zoom.2", ("Ctrl+2",), "Zoom to 200 %"),
    PaintKey("zoom.4", ("Ctrl+3",), "Zoom to 400 %"),
    PaintKey("zoom.8", ("Ctrl+4",), "Zoom to 800 %"),
    PaintKey("zoom.in", ("Ctrl+=", "Ctrl++"), "Zoom in"),
    PaintKey("zoom.out", ("Ctrl+-",), "Zoom out"),
)
STROKE_KEYS: tuple[PaintKey, ...] = (
    PaintKey("cancel", ("Esc",), "Give up the stroke or the outline in hand"),
    PaintKey("take_back", ("Ctrl+Z",), "The same in the middle of a stroke; else undo"),
)
RESULT_KEYS: tuple[tuple[str, str], ...] = (
    ("Left or Right", "The next result, the one before"),
    ("Enter", "Accept: it becomes the picture"),
    ("Esc", "Discard: it goes off the strip, its file stays"),
    ("M", "Compare with the picture: by a slider, side by side, under the pointer, not at all"),
    ("C", "Show the picture while held"),
)
"""While a result is shown; `ui.paint.strip` takes them."""
KEYS: tuple[PaintKey, ...] = TOOL_KEYS + BRUSH_KEYS + MASK_KEYS + VIEW_KEYS + STROKE_KEYS

GESTURES: tuple[tuple[str, str], ...] = (
    ("Drag", "Paint; with an outline or a shape: draw it"),
    ("Right drag", "Take away, whatever the tool; so does a pen's eraser end"),
    ("Shift + click", "A straight line from the end of the last stroke"),
    ("Shift while dragging", "Keep to one axis; shapes: as wide as high; polygons: steps of 45°"),
    ("Alt while dragging a shape", "From its centre"),
    ("Ctrl + wheel", "Brush size"),
    ("Alt + right drag", "Brush size (across) and hardness (up and down)"),
    ("Alt + click on the sketch", "Take the colour there"),
    ("Click, click, … with the polygon",
     "Corners; Enter, a double-click or a click on the first one closes the outline, "
     "Backspace takes the last one back"),
    ("Wheel", "Zoom at the cursor"),
    ("Shift + wheel", "Pan sideways"),
    ("Middle drag", "Pan"),
    ("Double-click with the hand", "Show the whole picture"),
    ("Drag with the outpaint frame",
     "Room around the picture, in steps of 8 pixels; Alt: to any pixel"),
)  # fmt: skip
"""What the mouse does, and what comes of it."""

SECTIONS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("Mouse and pen", GESTURES),
    *(
        (title, tuple((" or ".join(key.keys), key.words) for key in keys))
        for title, keys in (
            ("Tools", TOOL_KEYS),
            ("Brush and colour", BRUSH_KEYS),
            ("Mask and sketch", MASK_KEYS),
            ("View", VIEW_KEYS),
            ("In the middle of a stroke", STROKE_KEYS),
        )
    ),
    ("While a result is shown", RESULT_KEYS),
)
"""All of it in parts: a heading, and under it what to do and what comes of it."""

AGAIN = {
    "lasso": "polygon",
    "polygon": "lasso",
    "rectangle": "ellipse",
    "ellipse": "rectangle",
    "bucket": "colour-select",
    "colour-select": "bucket",
}
"""What a tool's key chooses when that tool is in hand already."""

NAMES = {
    "brush": "Brush",
    "eraser": "Eraser",
    "lasso": "Lasso",
    "polygon": "Polygon",
    "rectangle": "Rectangle",
    "ellipse": "Ellipse",
    "bucket": "Bucket",
    "colour-select": "Fill colours everywhere",
    "frame": "Outpaint frame",
    "hand": "Hand",
    "zoom": "Zoom",
    "eyedropper": "Eyedropper",
}
"""Tools, for people."""

_FAMILY = {"ellipse": "rectangle", "colour-select": "bucket"}


def key_of(tool: str) -> str:
    """The key that chooses a tool (for some: pressed twice); for tips."""
    wanted = f"tool.{_FAMILY.get(tool, tool)}"
    return next((key.keys[0] for key in TOOL_KEYS if key.action == wanted), "")


def action_of(event: QKeyEvent) -> str | None:
    """What a key asks for; None where it means nothing here."""
    modifiers = event.modifiers()
    # Brackets and the backslash are where each keyboard has them, often behind AltGr, which
    # Windows tells as Ctrl+Alt.
    held = modifiers & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier)
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
    if held in (Qt.KeyboardModifier.NoModifier, both) and event.text() in _TEXTS:
        return _TEXTS[event.text()]
    try:
        key = Qt.Key(event.key())
    except ValueError:  # a key that Qt has no name for
        return None
    kept = modifiers & (
        both | Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.MetaModifier
    )
    if kept == Qt.KeyboardModifier.NoModifier:
        return _PLAIN.get(key)
    if kept == Qt.KeyboardModifier.ShiftModifier:
        return _SHIFT.get(key)
    if kept & ~Qt.KeyboardModifier.ShiftModifier == Qt.KeyboardModifier.ControlModifier:
        # On many keyboards + and = need Shift.
        if key in _ZOOM:
            return _ZOOM[key]
        return _CTRL.get(key) if kept == Qt.KeyboardModifier.ControlModifier else None
    return None


_TEXTS = {
    "[": "size.down",
    "]": "size.up",
    "{": "size.far_down",
    "}": "size.far_up",
    "\\": "overlay",
}
_PLAIN = {
    Qt.Key.Key_B: "tool.brush",
    Qt.Key.Key_E: "tool.eraser",
    Qt.Key.Key_L: "tool.lasso",
    Qt.Key.Key_P: "tool.polygon",
    Qt.Key.Key_U: "tool.rectangle",
    Qt.Key.Key_G: "tool.bucket",
    Qt.Key.Key_F: "tool.frame",
    Qt.Key.Key_H: "tool.hand",
    Qt.Key.Key_Z: "tool.zoom",
    Qt.Key.Key_I: "tool.eyedropper",
    Qt.Key.Key_BracketLeft: "size.down",
    Qt.Key.Key_BracketRight: "size.up",
    Qt.Key.Key_X: "swap",
    Qt.Key.Key_S: "layer",
    Qt.Key.Key_Delete: "clear",
    Qt.Key.Key_Backslash: "overlay",
    Qt.Key.Key_Space: "pan",
    Qt.Key.Key_Escape: "cancel",
}
_SHIFT = {
    Qt.Key.Key_BracketLeft: "size.far_down",
    Qt.Key.Key_BracketRight: "size.far_up",
    Qt.Key.Key_BraceLeft: "size.far_down",
    Qt.Key.Key_BraceRight: "size.far_up",
    Qt.Key.Key_V: "invert",
    Qt.Key.Key_F: "fill",
    Qt.Key.Key_Space: "pan",
}
_CTRL = {
    Qt.Key.Key_0: "fit",
    Qt.Key.Key_1: "zoom.1",
    Qt.Key.Key_2: "zoom.2",
    Qt.Key.Key_3: "zoom.4",
    Qt.Key.Key_4: "zoom.8",
    Qt.Key.Key_Z: "take_back",
}
_ZOOM = {
    Qt.Key.Key_Plus: "zoom.in",
    Qt.Key.Key_Equal: "zoom.in",
    Qt.Key.Key_Minus: "zoom.out",
}
