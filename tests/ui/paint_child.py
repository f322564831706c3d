"""A process of its own for a screen of another ratio: parts painted one by one fit together."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPoint, QPointF
from PySide6.QtWidgets import QApplication, QWidget

from tests.ui.events import drag, move
from tests.ui.paint_kit import in_window, noise
from ui.paint.painting import Painting
from ui.paint.settings import PaintSettings
from ui.paint.view import PaintView
from ui.theme import ThemeManager

if TYPE_CHECKING:
    from numpy.typing import NDArray


def say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def main() -> int:
    """Paint, move and zoom; 1 where what is seen isn't what a whole repaint gives."""
    app = QApplication([])
    ThemeManager(app, "dark", reduced_motion=True)
    # Inside of another, at odd places: between the screen's pixels, where the ratio is broken.
    window = QWidget()
    window.resize(431, 377)
    painting, settings = Painting(window), PaintSettings(window)
    view = PaintView(painting, settings, window)
    view.setGeometry(11, 7, 401, 351)
    painting.show(noise(301, 203))
    window.show()
    app.processEvents()
    ratio = view.devicePixelRatioF()
    say(f"ratio {ratio:g}")
    rng = np.random.default_rng(4)

    def on_screen() -> NDArray[np.uint32]:
        for _ in range(3):
            app.processEvents()
        found = in_window(window)
        assert found.shape[1] >= int(window.width() * ratio), found.shape
        return found

    def agree(what: str) -> None:
        seen = on_screen()
        window.update()
        whole = on_screen()
        off = np.argwhere(seen != whole)
        if len(off):
            say(f"{what}: {len(off)} pixels differ, the first at {off[0]}, last {off[-1]}")
            window.close()
            sys.exit(1)

    for overlay in ("tint", "contour", "checker"):
        settings.overlay = overlay
        for zoom in (0.6, 1.0, 1.5, 3.0, 10.0):
            view.zoom_to(zoom)
            settings.radius = 20 / zoom
            start, end = (QPointF(*rng.uniform(20, 330, 2)) for _ in range(2))
            drag(view, start, end)
            agree(f"{overlay} at {zoom}: a stroke")
            move(view, QPoint(*(int(value) for value in rng.integers(20, 330, 2))))
            agree(f"{overlay} at {zoom}: the ring")
            view.pan_by(3, -5)
            agree(f"{overlay} at {zoom}: moved")
    # At 100 % a pixel of the picture is one of the screen.
    view.fit()
    view.zoom_to(1.0)
    view.overlay_hidden = True
    view.hands.ring = None
    window.update()
    image = on_screen()
    left = round((view.x() + view.placement.x) * ratio)
    top = round((view.y() + view.placement.y) * ratio)
    picture = painting.picture
    assert picture is not None
    red, green, blue = (picture[..., channel].astype(np.uint32) for channel in range(3))
    wanted = red << 16 | green << 8 | blue
    for down in (-1, 0, 1):
        for across in (-1, 0, 1):
            part = image[
                max(top + down, 0) : top + down + 203, max(left + across, 0) : left + across + 301
            ]
            if part.shape == wanted.shape and np.array_equal(part[2:-2, 2:-2], wanted[2:-2, 2:-2]):
                window.close()
                return 0
    say("the picture isn't seen pixel by pixel")
    return 1


if __name__ == "__main__":
    sys.exit(main())
