"""Brush and eraser: freehand, straight lines with Shift, and filling what was gone around."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPointF, QRectF, QTimer

from studio.masks.items import OPACITY, SIZE, Brush, StrokesFault, clamp_points
from ui.paint.tools.base import DRAG, Ring, Tool, Touch
from ui.paint.tools.marks import draw_line, line_bounds
from ui.paint.tools.outline import outline_of
from ui.paint.tools.trail import LEAST_PRESSURE, Spot, Trail

if TYPE_CHECKING:
    from PySide6.QtGui import QPainter

    from studio.masks.items import Polygon
    from ui.paint.placement import Placement
    from ui.paint.tools.base import Stage

LEAST_STEP = 0.25
"""Picture pixels between two points at least, whatever the spacing."""
LONGEST_WAIT = 0.016
"""Seconds that points wait to be drawn, at most."""


@dataclass
class _Stroke:
    """The stroke in hand."""

    trail: Trail
    erases: bool
    feels: bool
    path: list[Spot]
    """All points kept; what encircling fills."""
    locks: bool
    """Shift keeps it to one axis."""
    radius: float
    """Picture pixels; the settings may have another by the time it ends."""
    opacity: int
    waiting: list[tuple[int, int, int]] = field(default_factory=list)
    last: tuple[int, int, int] = (0, 0, 0)
    anchor: Spot | None = None
    across: bool | None = None


class BrushTool(Tool):
    """Paints strokes."""

    name = "brush"
    picks = True
    erases = False

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._stroke: _Stroke | None = None
        self._end: Spot | None = None
        self._size = (0, 0)
        self._line: tuple[QPointF, QPointF] | None = None
        self._timer = QTimer(stage if isinstance(stage, QObject) else None)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._flush)
        self._drawn = self._cost = 0.0

    @property
    def busy(self) -> bool:
        return self._stroke is not None

    # What the hand does

    def press(self, touch: Touch) -> None:
        painting, settings = self.stage.painting, self.stage.settings
        erases = self.erases or touch.eraser
        feels = touch.pen and (settings.pressure_size or settings.pressure_opacity)
        use = SIZE * settings.pressure_size | OPACITY * settings.pressure_opacity
        force = max(touch.pressure, LEAST_PRESSURE) if feels else 1.0
        here = Spot(touch.x, touch.y, force)
        before = self._line_start(touch)
        path = [here] if before is None else [Spot(before.x, before.y, force), here]
        self._show_line(None)
        points = [self._units(spot) for spot in path]
        self._stroke = _Stroke(
            Trail(
                here,
                touch.time_ms,
                step=max(settings.radius * settings.spacing / 100, LEAST_STEP),
                smoothing=settings.smoothing,
                feels=feels,
            ),
            erases,
            feels,
            path,
            before is None,
            settings.radius,
            settings.opacity,
            last=points[-1],
        )
        brush = Brush(
            erase=erases,
            opacity=settings.opacity,
            radius=painting.radius_units(settings.radius),
            hardness=settings.hardness,
            points=clamp_points(points, 3),
            pressure=use if feels else 0,
        )
        sketch = settings.layer == "sketch"
        painting.begin(
            "sketch" if sketch else "mask", brush, settings.rgb if sketch and not erases else None
        )
        self._cost = self._drawn = 0.0
        if not painting.painting:
            self._stroke = None

    def move(self, touch: Touch) -> None:
        if self._stroke is None:
            return
        x, y = self._locked(touch)
        self._keep(self._stroke.trail.go(x, y, touch.pressure, touch.time_ms))

    def release(self, touch: Touch) -> None:
        stroke = self._stroke
        if stroke is None:
            return
        x, y = self._locked(touch)
        target = stroke.trail.target
        if (x, y) != (target.x, target.y):
            # A pen that comes up has no pressure any more: the last one counts.
            self._keep(stroke.trail.go(x, y, target.pressure, touch.time_ms))
        self._keep(stroke.trail.end())
        self._flush()
        self._stroke = None
        painting = self.stage.painting
        if not painting.painting:
            return  # the picture was changed under the hand
        if not self._touches(stroke):
            painting.abandon()
            return
        self._end, self._size = stroke.trail.target, (painting.width, painting.height)
        painting.end(self._enclosed(stroke))

    def hover(self, touch: Touch) -> None:
        start = self._line_start(touch)
        if start is None:
            self._show_line(None)
        else:
            at = self.stage.placement.to_view(start.x, start.y)
            self._show_line((at, touch.view))

    def leave(self) -> None:
        self._show_line(None)

    def cancel(self) -> None:
        self._timer.stop()
        self._show_line(None)
        if self._stroke is not None:
            self._stroke = None
            self.stage.painting.abandon()

    # What is seen

    def ring(self, at: QPointF | None) -> Ring | None:
        if at is None:
            return None
        settings = self.stage.settings
        radius = settings.radius * self.stage.placement.zoom
        erases = self._stroke.erases if self._stroke else self.erases
        return Ring(at, radius, radius * settings.hardness / 100, erases)

    def draw(self, painter: QPainter, placement: Placement) -> None:
        if self._line is not None:
            draw_line(painter, *self._line)

    def bounds(self) -> QRectF:
        return line_bounds(*self._line) if self._line is not None else QRectF()

    # Inside

    def _units(self, spot: Spot) -> tuple[int, int, int]:
        x, y = self.stage.painting.to_units(spot.x, spot.y)
        return x, y, round(spot.pressure * 255)

    def _line_start(self, touch: Touch) -> Spot | None:
        """Where a straight line to the touch would begin: the end of the last stroke."""
        painting = self.stage.painting
        same = self._size == (painting.width, painting.height)
        return self._end if touch.shift and not self.busy and same else None

    def _show_line(self, line: tuple[QPointF, QPointF] | None) -> None:
        if line == self._line:
            return
        covered = self.bounds()
        self._line = line
        covered = covered.united(self.bounds())
        if not covered.isEmpty():
            self.stage.refresh(covered)

    def _locked(self, touch: Touch) -> tuple[float, float]:
        """The touch's place; with Shift on the line across or down from where that was pressed."""
        stroke = self._stroke
        assert stroke is not None
        if not (touch.shift and stroke.locks):
            stroke.anchor = stroke.across = None
            stroke.locks |= not touch.shift
            return touch.x, touch.y
        if stroke.anchor is None:
            stroke.anchor = stroke.trail.target
        from_x, from_y = stroke.anchor.x, stroke.anchor.y
        dx, dy = abs(touch.x - from_x), abs(touch.y - from_y)
        if stroke.across is None:
            if math.hypot(dx, dy) * self.stage.placement.zoom < DRAG:
                return from_x, from_y
            stroke.across = dx >= dy
        return (touch.x, from_y) if stroke.across else (from_x, touch.y)

    def _keep(self, spot: Spot | None) -> None:
        """Draw a point: at once, or soon where drawing takes longer than points take to come."""
        stroke = self._stroke
        if spot is None or stroke is None:
            return
        point = self._units(spot)
        if point == stroke.last:
            return
        stroke.last = point
        stroke.path.append(spot)
        stroke.waiting.append(point)
        since = perf_counter() - self._drawn
        if self._cost < since or since > LONGEST_WAIT:
            self._flush()
        elif not self._timer.isActive():
            self._timer.start(0)

    def _flush(self) -> None:
        self._timer.stop()
        stroke = self._stroke
        if stroke is None or not stroke.waiting:
            return
        points, stroke.waiting = stroke.waiting, []
        start = perf_counter()
        self.stage.painting.extend(points)
        self._drawn = perf_counter()
        self._cost = self._drawn - start

    def _touches(self, stroke: _Stroke) -> bool:
        """Whether a stroke comes near the picture: one that doesn't is no step."""
        painting = self.stage.painting
        reach = stroke.radius + 2
        xs, ys = [spot.x for spot in stroke.path], [spot.y for spot in stroke.path]
        return (
            min(xs) < painting.width + reach
            and max(xs) > -reach
            and min(ys) < painting.height + reach
            and max(ys) > -reach
        )

    def _enclosed(self, stroke: _Stroke) -> Polygon | None:
        """What the stroke went around, where that is to be filled."""
        if not self.stage.settings.encircle or len(stroke.path) < 3:
            return None
        corners = [self._units(spot)[:2] for spot in stroke.path]
        try:
            return outline_of(corners, erase=stroke.erases, opacity=stroke.opacity)
        except StrokesFault as fault:
            self.stage.say(f"What it goes around isn't filled: {str(fault).rstrip('.')}.")
            return None


class EraserTool(BrushTool):
    """Takes away what was painted."""

    name = "eraser"
    erases = True
