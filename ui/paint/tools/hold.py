"""Which tool is in hand, which is dragged, and what of it is seen: ring and cursor."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QObject, QPointF, QRectF, Qt

from ui.paint.tools.acts import Acts
from ui.paint.tools.base import LEFT, MIDDLE, NO_BUTTON, RIGHT, Ring, Tool, Touch
from ui.paint.tools.brush import BrushTool, EraserTool
from ui.paint.tools.bucket import BucketTool, ColourSelectTool
from ui.paint.tools.frame import FrameTool
from ui.paint.tools.lasso import LassoTool, PolygonTool
from ui.paint.tools.looking import EyedropperTool, HandTool, ResizeTool, ZoomTool
from ui.paint.tools.shapes import EllipseTool, RectangleTool

if TYPE_CHECKING:
    from PySide6.QtGui import QPainter

    from ui.paint.painting import Painting
    from ui.paint.view import PaintView

TOOLS: tuple[type[Tool], ...] = (
    BrushTool, EraserTool, LassoTool, PolygonTool, RectangleTool, EllipseTool, BucketTool,
    ColourSelectTool, FrameTool, HandTool, ZoomTool, EyedropperTool, ResizeTool,
)  # fmt: skip


class Hold(QObject):
    """The tools of one view, and the one that a touch drags.

    Args:
        view: the parent.
    """

    def __init__(self, view: PaintView) -> None:
        super().__init__(view)
        self.view = view
        self.acts = Acts(view)
        """What keys and menus do at once: invert, clear, fill …"""
        self.tools: dict[str, Tool] = {}
        for kind in TOOLS:
            self.add(kind(view))
        self.pointer: QPointF | None = None
        """Where the mouse or the pen is, in view pixels; None while it is elsewhere."""
        self.ring: Ring | None = None
        """The brush's ring, for the view to draw."""
        self._held: Tool | None = None
        self._button = NO_BUTTON
        self._pen = False
        self._space = False
        self._last: Touch | None = None
        self._chosen = self.tool
        self._painting: Painting | None = None
        view.settings.changed.connect(self._setting_changed)
        view.placed.connect(self.settle)
        self.follow(view.painting)

    def add(self, tool: Tool) -> None:
        """Have a tool more, chosen by its name."""
        self.tools[tool.name] = tool

    def follow(self, painting: Painting) -> None:
        """The view has another painting now; what had begun on the one before is given up."""
        before = self._painting
        if before is not None:
            before.replaced.disconnect(self.cancel)
            before.state_changed.disconnect(self._state_changed)
            self.cancel()
            before.abandon()
        self._painting = painting
        painting.replaced.connect(self.cancel)
        painting.state_changed.connect(self._state_changed)
        self.settle()

    @property
    def tool(self) -> Tool:
        """The one chosen; the brush where there is none of that name."""
        return self.tools.get(self.view.settings.tool) or self.tools["brush"]

    @property
    def held(self) -> Tool | None:
        """The tool that is dragged just now."""
        return self._held

    @property
    def busy(self) -> bool:
        """Something has begun that isn't done: a stroke, an outline, a drag."""
        return self._held is not None or self.tool.busy

    def cancel(self) -> None:
        """Give up whatever has begun."""
        held = self._let_go()
        for tool in dict.fromkeys((held, self._chosen, self.tool)):
            if tool is not None:
                tool.cancel()
        self.settle()

    def draw(self, painter: QPainter) -> None:
        """Draw what is under way, on top of the picture."""
        for tool in dict.fromkeys((self.tool, self._held)):
            if tool is not None:
                painter.save()
                tool.draw(painter, self.view.placement)
                painter.restore()

    def settle(self) -> None:
        """Make ring and cursor right again, after anything changed."""
        self._show_cursor()
        self._update_ring()

    # Touches

    def _press(self, touch: Touch, button: Qt.MouseButton, *, double: bool) -> None:
        self.view.setFocus(Qt.FocusReason.MouseFocusReason)
        self.pointer, self._last = touch.view, touch
        tool = self._tool_for(touch, button) if self.acts.ready() else None
        if tool is None:
            self._pen_gone()
            return
        self.view.say("")
        self._held, self._button = tool, button
        if double:
            tool.double(touch)
        else:
            tool.press(touch)
        self.settle()

    def _tool_for(self, touch: Touch, button: Qt.MouseButton) -> Tool | None:
        """What a press begins."""
        settings = self.view.settings
        if button == MIDDLE or (button == LEFT and self._space):
            return self.tools["hand"]
        if button == LEFT and (grip := self.view.grip_at(touch.view)) is not None:
            return grip
        if button == RIGHT:
            if touch.alt:
                return self.tools["resize"]
            return self.tool if settings.paints or settings.tool == "zoom" else None
        if button != LEFT:
            return None
        if touch.alt and settings.layer == "sketch" and self.tool.picks and not self.tool.busy:
            return self.tools["eyedropper"]
        return self.tool

    def _feed(self, touch: Touch) -> None:
        assert self._held is not None
        self.pointer, self._last = touch.view, touch
        self._held.move(touch)
        self._update_ring()

    def _hover(self, touch: Touch, *, down: bool) -> None:
        self.pointer, self._last = touch.view, touch
        if not down and self.view.painting.ready:
            grip = self.view.grip_at(touch.view)
            if grip is None:
                self.tool.hover(touch)
            self._show_cursor(grip)
        self._update_ring()

    def _release(self, touch: Touch) -> None:
        self.pointer, self._last = touch.view, touch
        held = self._let_go()
        if held is not None:
            held.release(touch)
        if not self.view.rect().contains(touch.view.toPoint()):
            self._gone()
        self.settle()

    def _lost(self) -> None:
        """The button came up, or the pen went, where nobody told: what was drawn stays."""
        last, held = self._last, self._let_go()
        if held is not None and last is not None:
            held.release(last)
        self.settle()

    def _let_go(self) -> Tool | None:
        held, self._held, self._button = self._held, None, NO_BUTTON
        self._pen_gone()
        return held

    def _pen_down(self) -> None:
        """That a pen goes out of reach is told to the application alone; it is listened to for as
        long as the pen is down, as it has thousands of events a second."""
        app = QCoreApplication.instance()
        if app is not None and not self._pen:
            app.installEventFilter(self)
        self._pen = True

    def _pen_gone(self) -> None:
        app = QCoreApplication.instance()
        if app is not None and self._pen:
            app.removeEventFilter(self)
        self._pen = False

    def _gone(self) -> None:
        """The mouse or the pen is elsewhere."""
        self.pointer = None
        self.tool.leave()
        self._update_ring()

    def _modifiers_are(self, modifiers: Qt.KeyboardModifier) -> None:
        """Shift or Alt went down or up, and the hand didn't move."""
        if self._last is None or self.pointer is None:
            return
        touch = replace(self._last, modifiers=modifiers)
        if self._held is not None:
            self._feed(touch)
        else:
            self._hover(touch, down=False)

    # What is seen

    def _setting_changed(self, name: str) -> None:
        if name in ("tool", "layer"):
            before, self._chosen = self._chosen, self.tool
            held = self._let_go()
            for tool in dict.fromkeys((before, held)):
                if tool is not None and (tool is not self.tool or name == "layer"):
                    tool.cancel()
        if name in ("tool", "layer", "radius", "hardness"):
            self.settle()

    def _state_changed(self) -> None:
        if not self.view.painting.ready:
            self.cancel()
        self.settle()

    def _update_ring(self) -> None:
        grip = self.view.grip_at(self.pointer) if self.pointer is not None else None
        tool = self._held or grip or self.tool
        ready = self.view.painting.ready and not self._space
        ring = tool.ring(self.pointer) if ready else None
        if ring == self.ring:
            return
        before, self.ring = self.ring, ring
        for each in (before, ring):
            if each is not None:
                self.view.refresh(_around(each))

    def _show_cursor(self, grip: Tool | None = None) -> None:
        if not self.view.painting.ready:
            shape = Qt.CursorShape.ArrowCursor
        elif self._held is not None:
            hand = self._held.name == "hand"
            shape = Qt.CursorShape.ClosedHandCursor if hand else self._held.cursor
        elif self._space:
            shape = Qt.CursorShape.OpenHandCursor
        else:
            shape = (grip or self.tool).cursor
        if self.view.cursor().shape() != shape:
            self.view.setCursor(shape)


def _around(ring: Ring) -> QRectF:
    """What drawing a ring covers; everything where words stand somewhere beside it."""
    return QRectF() if ring.words else ring.bounds().adjusted(-4, -4, 4, 4)
