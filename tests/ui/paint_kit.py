"""What the tests of the brush canvas' view share: pictures, strokes, a shown view."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QCoreApplication, QEvent, QRect
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from studio.masks.items import Brush, clamp_points
from ui.paint.painting import Painting
from ui.paint.settings import PaintSettings
from ui.paint.view import PaintView

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from PySide6.QtWidgets import QWidget


def noise(width: int, height: int, seed: int = 1) -> NDArray[np.uint8]:
    """A picture in which no pixel is like the next: a shift by one is seen everywhere."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, 3), np.uint8)


def flat(width: int, height: int, value: int = 128) -> NDArray[np.uint8]:
    return np.full((height, width, 3), value, np.uint8)


def stroke(
    painting: Painting,
    points: list[tuple[float, float]],
    radius: float,
    hardness: int = 80,
    *,
    erase: bool = False,
) -> Brush:
    """A brush along points, in picture pixels."""
    units = [(*painting.to_units(x, y), 255) for x, y in points]
    return Brush(
        radius=painting.radius_units(radius),
        hardness=hardness,
        erase=erase,
        points=clamp_points(units, 3),
    )


def random_stroke(painting: Painting, rng: np.random.Generator) -> Brush:
    width, height = painting.width, painting.height
    points = rng.uniform(-0.1, 1.1, (int(rng.integers(1, 4)), 2)) * (width, height)
    return stroke(
        painting,
        [(float(x), float(y)) for x, y in points],
        float(rng.uniform(0.5, max(width, height) / 12)),
        int(rng.choice([0, 60, 100])),
        erase=bool(rng.random() < 0.3),
    )


def shown_view(
    picture: NDArray[np.uint8] | None, width: int = 500, height: int = 400
) -> PaintView:
    """A shown view of a painting on a picture; the caller closes it."""
    painting = Painting()
    view = PaintView(painting, PaintSettings())
    painting.setParent(view)
    view.settings.setParent(view)
    view.resize(width, height)
    if picture is not None:
        painting.show(picture)
    view.show()
    view.activateWindow()
    QApplication.processEvents()
    return view


@contextlib.contextmanager
def a_view(picture: NDArray[np.uint8] | None) -> Iterator[PaintView]:
    """A shown view, gone afterwards."""
    view = shown_view(picture)
    yield view
    view.close()
    view.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def pixels(image: QImage) -> NDArray[np.uint32]:
    """uint32 [H, W], 0x00RRGGBB, a copy."""
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    found = np.frombuffer(image.constBits(), np.uint32)
    found = found.reshape(image.height(), image.bytesPerLine() // 4)[:, : image.width()]
    return found & np.uint32(0xFFFFFF)


def grabbed(widget: QWidget, rect: QRect | None = None) -> NDArray[np.uint32]:
    """What a widget shows, painted anew."""
    return pixels((widget.grab(rect) if rect else widget.grab()).toImage())


def in_window(window: QWidget) -> NDArray[np.uint32]:
    """What is in a window just now, screen pixel by screen pixel, however it came there."""
    found = window.backingStore().paintDevice()
    assert isinstance(found, QImage)
    return pixels(found)


def on_screen(view: PaintView) -> NDArray[np.uint32]:
    """What is in the window just now, however it came there."""
    for _ in range(3):  # an event may bring another about
        QApplication.processEvents()
    assert view._store.stale.isEmpty()
    return in_window(view)


def agree(view: PaintView) -> None:
    """Nothing is left behind of what was, and nothing is missing."""
    assert np.array_equal(on_screen(view), grabbed(view))
