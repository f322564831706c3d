"""What the tests of the canvas's tools share: a view on a picture, a pen, what comes of strokes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import events
import numpy as np
from events import LEFT, NO_BUTTON, PLAIN
from PySide6.QtCore import QEvent, QObject, QPointF, Qt
from PySide6.QtGui import QInputDevice, QPointingDevice, QPointingDeviceUniqueId, QTabletEvent
from PySide6.QtWidgets import QApplication, QWidget

from studio.masks.raster import rasterise
from studio.masks.strokes import dump, parse
from ui.paint.painting import Painting
from ui.paint.settings import PaintSettings
from ui.paint.view import PaintView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from studio.masks.items import Item

TIP, RUBBER = QPointingDevice.PointerType.Pen, QPointingDevice.PointerType.Eraser
_DEVICES = {
    end: QPointingDevice(
        "pen", 7, QInputDevice.DeviceType.Stylus, end,
        QInputDevice.Capability.Position | QInputDevice.Capability.Pressure,
        1, 3, "seat", QPointingDeviceUniqueId.fromNumericId(7),
    )
    for end in (TIP, RUBBER)
}  # fmt: skip


class Board:
    """A view on a picture, and what was committed through it.

    Args:
        width, height: of the picture, pixels.
        zoom: screen pixels for one of the picture; 0 fits it.
        size: of the view.
    """

    def __init__(
        self, width: int = 200, height: int = 120, zoom: float = 2.0,
        size: tuple[int, int] = (640, 420),
    ) -> None:  # fmt: skip
        self.picture = picture(width, height)
        self.painting = Painting()
        self.settings = PaintSettings()
        self.settings.radius = 8.0
        self.view = PaintView(self.painting, self.settings)
        self.committed: list[tuple[str, list[dict[str, Any]], str]] = []
        self.messages: list[str] = []
        self.painting.committed.connect(lambda *all_of: self.committed.append(all_of))
        self.painting.message.connect(self.messages.append)
        self.view.said.connect(lambda words: self.messages.append(words) if words else None)
        self.view.resize(*size)
        self.view.show()
        self.view.activateWindow()
        self.view.setFocus()
        self.painting.show(self.picture)
        if zoom:
            self.view.zoom_to(zoom)
        QApplication.processEvents()

    def close(self) -> None:
        self.view.hands.cancel()
        self.view.close()
        self.view.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        QApplication.processEvents()

    def at(self, x: float, y: float) -> QPointF:
        """A place on the picture, in view pixels."""
        return self.view.placement.to_view(x, y)

    def drag(
        self, *places: tuple[float, float], button: Qt.MouseButton = LEFT,
        modifiers: Qt.KeyboardModifier = PLAIN, release: bool = True,
    ) -> None:  # fmt: skip
        """Press at the first place of the picture, move through the others, release."""
        spots = [self.at(x, y) for x, y in places]
        events.move(self.view, spots[0], modifiers=modifiers)
        events.press(self.view, spots[0], button, modifiers)
        for spot in spots[1:]:
            events.move(self.view, spot, button, modifiers)
        if release:
            events.release(self.view, spots[-1], button, modifiers)

    def click(self, x: float, y: float, **about: Any) -> None:
        self.drag((x, y), **about)

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier = PLAIN, text: str = "") -> None:
        events.key(self.view, key, modifiers, text)

    @property
    def mask(self) -> NDArray[np.uint8]:
        return self.painting.mask.mask

    @property
    def items(self) -> Sequence[Item]:
        """What is on the mask."""
        return self.painting.strokes.items

    @property
    def item(self) -> Item:
        """The only one."""
        (found,) = self.items
        return found

    def check(self) -> None:
        """The mask is what rasterising the committed strokes gives, to the bit."""
        items = [one for layer, made, _ in self.committed if layer == "mask" for one in made]
        strokes = parse(json.loads(json.dumps({"version": 1, "items": items})))
        assert dump(strokes)["items"] == items
        assert list(strokes) == list(self.items)
        height, width = self.mask.shape
        again = rasterise(strokes, width, height, self.picture)
        assert np.array_equal(again, self.mask)


def picture(width: int, height: int) -> NDArray[np.uint8]:
    """Blocks of colours that differ."""
    block = max(8, min(width, height) // 6)
    y, x = np.arange(height)[:, None] // block, np.arange(width)[None] // block
    made = np.empty((height, width, 3), np.uint8)
    made[..., 0], made[..., 1], made[..., 2] = x * 53 % 256, y * 91 % 256, (x + y) * 29 % 256
    return made


def pen(
    target: QObject,
    kind: QEvent.Type,
    pos: QPointF,
    pressure: float = 0.5,
    *,
    end: QPointingDevice.PointerType = TIP,
    button: Qt.MouseButton = NO_BUTTON,
    buttons: Qt.MouseButton = NO_BUTTON,
    modifiers: Qt.KeyboardModifier = PLAIN,
    time: int = 0,
) -> QTabletEvent:
    """Send one event of a pen; the event as it came back."""
    above = QPointF(target.mapToGlobal(pos.toPoint())) if isinstance(target, QWidget) else pos
    event = QTabletEvent(
        kind, _DEVICES[end], QPointF(pos), above, pressure,
        0.0, 0.0, 0.0, 0.0, 0.0, modifiers, button, buttons,
    )  # fmt: skip
    event.setTimestamp(time)
    QApplication.sendEvent(target, event)
    return event


def pen_press(widget: QWidget, pos: QPointF, pressure: float = 0.5, **about: Any) -> QTabletEvent:
    about = {"button": LEFT, "buttons": LEFT} | about
    return pen(widget, QEvent.Type.TabletPress, pos, pressure, **about)


def pen_move(widget: QWidget, pos: QPointF, pressure: float = 0.5, **about: Any) -> QTabletEvent:
    about = {"buttons": LEFT} | about
    return pen(widget, QEvent.Type.TabletMove, pos, pressure, **about)


def pen_release(widget: QWidget, pos: QPointF, **about: Any) -> QTabletEvent:
    about = {"button": LEFT} | about
    return pen(widget, QEvent.Type.TabletRelease, pos, 0.0, **about)


def pen_drag(
    board: Board, *places: tuple[float, float, float], time: int = 1000, **about: Any
) -> None:
    """Draw with a pen through places of the picture with pressures, 5 ms apart."""
    for number, (x, y, pressure) in enumerate(places):
        send = pen_move if number else pen_press
        send(board.view, board.at(x, y), pressure, time=time + 5 * number, **about)
    x, y, _ = places[-1]
    pen_release(board.view, board.at(x, y), time=time + 5 * len(places), **about)
