"""What a tool of the brush canvas is, what it is told, and what it may ask of its view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from PySide6.QtCore import QPointF, QRectF, Qt

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent, QPainter

    from ui.paint.painting import Painting
    from ui.paint.placement import Placement
    from ui.paint.settings import PaintSettings

ALT = Qt.KeyboardModifier.AltModifier
CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
PLAIN = Qt.KeyboardModifier.NoModifier
LEFT = Qt.MouseButton.LeftButton
MIDDLE = Qt.MouseButton.MiddleButton
RIGHT = Qt.MouseButton.RightButton
NO_BUTTON = Qt.MouseButton.NoButton

DRAG = 4.0
"""View pixels that the mouse moves before a press is a drag and not a click."""


@dataclass(frozen=True)
class Touch:
    """The mouse or the pen at one moment.

    Args:
        view: where, in view pixels.
        x, y: where, in picture pixels; may lie outside of the picture.
        pressure: 0 to 1; of a mouse 1.
        eraser: it is the stylus' other end, or the right button: what it does takes away.
        pen: it is a stylus.
        button: the one that went down or up; of a move the one that is held.
        modifiers: keys held.
        time_ms: when, in milliseconds of any clock; 0 where that isn't known.
    """

    view: QPointF
    x: float
    y: float
    pressure: float = 1.0
    eraser: bool = False
    pen: bool = False
    button: Qt.MouseButton = NO_BUTTON
    modifiers: Qt.KeyboardModifier = PLAIN
    time_ms: int = 0

    @property
    def shift(self) -> bool:
        return bool(self.modifiers & SHIFT)

    @property
    def alt(self) -> bool:
        return bool(self.modifiers & ALT)

    @property
    def ctrl(self) -> bool:
        return bool(self.modifiers & CTRL)


@dataclass(frozen=True)
class Ring:
    """The brush as it would touch the picture, for the view to draw.

    Args:
        at: its middle, in view pixels.
        radius: in view pixels.
        core: radius of the part that is solid, in view pixels; the rest fades.
        erases: it takes away.
        words: said beside it while it is being resized; else empty.
    """

    at: QPointF
    radius: float
    core: float
    erases: bool = False
    words: str = ""

    def bounds(self) -> QRectF:
        """All that drawing the ring touches, its words not counted, in view pixels."""
        reach = self.radius + 3
        return QRectF(self.at.x() - reach, self.at.y() - reach, 2 * reach, 2 * reach)


class Stage(Protocol):
    """What tools see of the view: `PaintView` is one."""

    @property
    def painting(self) -> Painting: ...

    @property
    def settings(self) -> PaintSettings: ...

    @property
    def placement(self) -> Placement: ...

    @property
    def zoom(self) -> float:
        """Screen pixels for a picture pixel: 1.0 is 100 %."""

    overlay_hidden: bool
    """The mask isn't shown for as long as a key is held."""

    def refresh(self, rect: QRectF) -> None:
        """Paint this again, in view pixels; empty: all of it."""

    def say(self, words: str) -> None:
        """Tell the person something in the notice line; empty: nothing any more."""

    def fit(self) -> None:
        """Show the whole picture."""

    def zoom_to(self, zoom: float, at: QPointF | None = None) -> None:
        """Zoom so that a picture pixel takes `zoom` screen pixels (1.0 is 100 %); what is at `at`
        (view pixels; None: the middle) stays there."""

    def pan_by(self, dx: float, dy: float) -> None:
        """Move the picture by view pixels."""

    def grip_at(self, at: QPointF) -> Tool | None:
        """What of the view's own (the compare slider, say) a press at `at` takes hold of, in place
        of the tool in hand; None: nothing."""


class Tool:
    """One tool: told of touches, puts what comes of them on the painting.

    Between `press` and `release` it is dragged with one button; some go on after (the corners of a
    polygon): `busy` says so.

    Args:
        stage: the view.
    """

    name: ClassVar[str]
    """As `PaintSettings.tool` has it."""
    cursor: Qt.CursorShape = Qt.CursorShape.CrossCursor
    """A tool may change its own in `hover`."""
    picks: ClassVar[bool] = False
    """With Alt held it picks a colour, while the sketch is painted on."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    @property
    def busy(self) -> bool:
        """Something has begun that isn't done."""
        return False

    def press(self, touch: Touch) -> None:
        """A button or the pen's tip went down."""

    def move(self, touch: Touch) -> None:
        """It moved while down, or a modifier changed."""

    def hover(self, touch: Touch) -> None:
        """It moved without being down."""

    def leave(self) -> None:
        """It is no longer over the view."""

    def release(self, touch: Touch) -> None:
        """It came up."""

    def double(self, touch: Touch) -> None:
        """The second press of a double click, in place of `press`; its release follows."""
        self.press(touch)

    def key(self, event: QKeyEvent) -> bool:
        """A key while the tool is busy; True takes it."""
        return False

    def cancel(self) -> None:
        """Give up what has begun: nothing of it stays. Harmless where nothing has."""

    def ring(self, at: QPointF | None) -> Ring | None:
        """The ring to draw while the pointer is at `at` (view pixels; None: elsewhere)."""
        return None

    def draw(self, painter: QPainter, placement: Placement) -> None:
        """Draw what is under way on top of everything, in view pixels."""

    def bounds(self) -> QRectF:
        """What `draw` covers, in view pixels; empty for nothing."""
        return QRectF()
