"""The view of the brush canvas: shows a `Painting`, zoomed and moved, with what is drawn on top.

`Hands` listens to its events; here is what is seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QImage, QPainter

from ui.paint import decor, guides
from ui.paint.compare import DividerGrip, draw_labels
from ui.paint.drop import PictureDrop
from ui.paint.effect import EffectKeeper
from ui.paint.placed import PlacedWidget
from ui.paint.placement import Placement
from ui.paint.rects import (
    around,
    exact_view_rect,
    rects_of,
    screen_rect,
    to_screen,
    view_rect,
)
from ui.paint.shown import Shown
from ui.paint.store import Store
from ui.paint.tools.dispatch import Hands
from ui.theme.manager import current, instance

if TYPE_CHECKING:
    from PySide6.QtGui import QEnterEvent, QPaintEvent
    from PySide6.QtWidgets import QWidget

    from studio.masks.pixels import Rect
    from ui.paint.compare import Compare
    from ui.paint.effect import Effect
    from ui.paint.painting import Painting
    from ui.paint.settings import PaintSettings
    from ui.paint.tools.base import Tool

MOST_RECTS = 48
"""Changed rectangles that are painted one by one; more of them as one."""


class PaintView(PlacedWidget):
    """Shows what is painted. A `Stage` for the tools.

    Args:
        painting: the picture and what is on it; `set_painting` shows another.
        settings: how the mask is shown, and what the hand holds.
        parent: Qt's.
    """

    said = Signal(str)
    """Words of a tool for the notice line; empty: nothing any more."""
    compare_changed = Signal(str)
    pictures_dropped = Signal(object)
    """list[Path]: picture files that were dropped here."""

    def __init__(
        self, painting: Painting, settings: PaintSettings, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setMouseTracking(True)
        self.setTabletTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(160, 120)
        self.setAccessibleName("Paint canvas")
        self.painting = painting
        self.settings = settings
        self._kept: WeakKeyDictionary[Painting, tuple[Placement, bool]] = WeakKeyDictionary()
        self._store = Store()
        self._effects = EffectKeeper(self)
        self._shown = Shown(painting, settings)
        self._drop = PictureDrop(self)
        self._drop.dropped.connect(self.pictures_dropped)
        self._frames: tuple[QRectF | None, str, QRectF | None] = (None, "", None)
        self._grip = DividerGrip(self, self)
        self.hands = Hands(self)
        settings.changed.connect(self._setting_changed)
        self._effects.changed.connect(self._effect_changed)
        instance().changed.connect(self._look_anew)
        self._follow(painting)
        self._effects.follow(painting, self._shown.mask)

    # What is shown

    def set_painting(self, painting: Painting) -> None:
        """Show another picture; each keeps its zoom and its place for when it comes back."""
        before = self.painting
        if painting is before:
            return
        self._kept[before] = (self.placement, self.fits)
        before.changed.disconnect(self._changed)
        before.replaced.disconnect(self._replaced)
        before.state_changed.disconnect(self._state_changed)
        before.shape_changed.disconnect(self._shape_changed)
        self.painting = painting
        self._follow(painting)
        self.hands.follow(painting)
        self.placement, self.fits = self._kept.get(painting, (Placement(), True))
        self._shown.forget()
        self._frames = (None, "", None)
        self._replaced()

    @property
    def overlay_hidden(self) -> bool:
        """The mask isn't shown for as long as a key is held."""
        return self._shown.hidden

    @overlay_hidden.setter
    def overlay_hidden(self, hidden: bool) -> None:
        if hidden != self._shown.hidden:
            self._shown.hidden = hidden
            self._look_anew()

    @property
    def result(self) -> QImage | None:
        """What came of it, shown in place of the picture."""
        return self._shown.result

    def show_result(
        self, image: QImage | None, rect: QRectF | None = None, compare: Compare | None = None
    ) -> None:
        """Show what came of it in place of the picture; the mask isn't shown meanwhile.

        Args:
            image: stretched over `rect` where it has another size; None: the picture again.
            rect: where it belongs, picture pixels, whole ones; may be larger than the picture.
                None: the picture's.
            compare: how to compare it with the picture; None leaves that as it is.
        """
        before = self.content()
        self._shown.set_result(image, rect)
        if compare is not None:
            self._set_compare(compare)
        self._look_anew()
        if self.hands.busy and self.content() != before:
            self.fits = False  # the picture stays where it is under the hand
        self.settle()

    @property
    def compare(self) -> Compare:
        """How the result is compared: "slider" left and right of a divider, "beside" at the right
        of the picture, "hover" shows the picture while the pointer is over the view."""
        return self._shown.compare

    @compare.setter
    def compare(self, mode: Compare) -> None:
        self._set_compare(mode)
        self._look_anew()
        self.settle()

    @property
    def original_shown(self) -> bool:
        """The picture is shown in place of the result, for as long as a key is held, say."""
        return self._shown.original

    @original_shown.setter
    def original_shown(self, shown: bool) -> None:
        if shown != self._shown.original:
            self._shown.original = shown
            self._look_anew()

    @property
    def split(self) -> float:
        """Where the divider stands, 0 to 1 across the result."""
        return self._shown.split

    @split.setter
    def split(self, split: float) -> None:
        self._shown.split = max(0.0, min(1.0, split))
        self._look_anew()

    @property
    def divider(self) -> float:
        """Where the divider stands in the view, view pixels."""
        rect = self._result_rect()
        return rect.x() + rect.width() * self._shown.split

    def move_divider(self, x: float) -> None:
        """Put the divider there, in view pixels; it stays where it is seen."""
        rect = self._result_rect()
        x = max(8.0, min(self.width() - 8.0, x))
        self.split = (x - rect.x()) / max(rect.width(), 1.0)

    def set_live(self, image: QImage | None, rect: QRectF | None = None) -> None:
        """Show a preview of what is being made, where the mask is.

        Args:
            image: of any size; None: no more.
            rect: where it belongs, picture pixels; None: the whole picture.
        """
        self._shown.live, self._shown.live_rect = image, rect
        self._look_anew()

    @property
    def frames(self) -> tuple[QRectF | None, str, QRectF | None]:
        """As `set_frames` got them."""
        return self._frames

    def set_frames(
        self, crop: QRectF | None, words: str = "", outpaint: QRectF | None = None
    ) -> None:
        """Draw frames on top; all in picture pixels.

        Args:
            crop: what is sampled.
            words: about it, "sampled at 512 x 512".
            outpaint: what the picture is to fill, with handles; its parts beyond the picture are
                hatched.
        """
        if (crop, words, outpaint) != self._frames:
            self._frames = (crop, words, outpaint)
            self.update()

    @property
    def up_to_date(self) -> bool:
        """What changed has been put together for the screen; what is worked out in a thread isn't
        waited for."""
        return self._store.stale.isEmpty()

    # For the tools

    def refresh(self, rect: QRectF) -> None:
        """Paint what is drawn on top again, in view pixels; empty: everywhere."""
        if rect.isEmpty():
            self.update()
        else:
            self.update(rect.toAlignedRect().adjusted(-1, -1, 1, 1))

    def say(self, words: str) -> None:
        """Tell the person something; empty: nothing any more."""
        self.said.emit(words)

    def grip_at(self, at: QPointF) -> Tool | None:
        """The divider, where it is at that point."""
        return self._grip if self._shown.divided and self._grip.is_at(at) else None

    # Qt

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if not self._shown.visible:
            painter.fillRect(self.rect(), current().canvas)
            decor.draw_words(painter, QRectF(self.rect()), self.painting.words, current())
            self._drop.draw(painter)
            return
        self._store.refresh()
        ratio = self.devicePixelRatioF()
        painter.save()
        painter.setWorldTransform(to_screen(painter.deviceTransform()))
        for rect in rects_of(event.region()):
            part = screen_rect(rect, ratio) & self._store.image.rect()
            painter.drawImage(part.topLeft(), self._store.image, part)
        painter.restore()
        self._draw_above(painter)
        self.hands.draw(painter)
        if self.hands.ring is not None:
            decor.draw_ring(painter, self.hands.ring)
        self._drop.draw(painter)

    def enterEvent(self, event: QEnterEvent) -> None:
        self._hover(True)

    def leaveEvent(self, event: QEvent) -> None:
        self._hover(False)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self._look_anew()
        return super().event(event)

    # Painting

    def _draw_above(self, painter: QPainter) -> None:
        theme, painting, shown = current(), self.painting, self._shown
        rect = self._picture_rect()
        view = QRectF(self.rect())
        crop, words, outpaint = self._frames
        beyond = shown.live_beyond
        if shown.live is not None and beyond is not None:
            decor.draw_beyond(painter, shown.live, self.placement.rect(beyond), rect)
        pane = self._result_rect()
        decor.draw_border(painter, pane, theme)
        if outpaint is not None:
            frame = self.placement.rect(outpaint)
            held = self.settings.tool == "frame"
            decor.draw_outpaint(painter, frame, rect, theme, empty=beyond is None, held=held)
        if self.settings.guides and self.placement.zoom >= guides.FROM:
            strips = guides.padding(painting.width, painting.height)
            decor.draw_padding(painter, [self.placement.rect(strip) for strip in strips])
        if crop is not None:
            decor.draw_crop(painter, self.placement.rect(crop), words, view)
        if shown.beside:
            decor.draw_border(painter, rect, theme)
        divider = self.divider if shown.divided else None
        draw_labels(painter, shown, rect & view, pane & view, divider)

    # Following

    def _follow(self, painting: Painting) -> None:
        painting.changed.connect(self._changed)
        painting.replaced.connect(self._replaced)
        painting.state_changed.connect(self._state_changed)
        painting.shape_changed.connect(self._shape_changed)

    def _changed(self, rects: list[Rect]) -> None:
        """The mask or the sketch changed there: paint just that again."""
        if self._shown.refollow(rects):
            # The sketch came into being, or a stroke shows the mask again: another look.
            self._look_anew()
        ratio = self.devicePixelRatioF()
        if len(rects) > MOST_RECTS:
            rects = [around(rects)]
        for rect in rects:
            spread = self._store.spread(*rect)
            if not spread.isEmpty():
                self._store.touch(spread)
                self.update(view_rect(spread, ratio))
        self._effects.touch()

    def _replaced(self) -> None:
        size = self._shown.size
        self._shown.follow(self.painting)
        if size != self._shown.size and self.painting not in self._kept:
            self.fits = True
        self._kept.pop(self.painting, None)
        self._effects.follow(self.painting, self._shown.mask)
        self._look_anew()
        self.settle()

    def _state_changed(self) -> None:
        self.setAccessibleDescription(self.painting.words)
        self.update()

    def _shape_changed(self) -> None:
        self._look_anew()
        self._effects.touch()

    def _effect_changed(self, effect: Effect | None) -> None:
        self._shown.effect = effect
        self._look_anew()

    def _setting_changed(self, name: str) -> None:
        if name.startswith("overlay") or name == "guides":
            self._look_anew()

    def _look_anew(self) -> None:
        """Something about all of it is another."""
        self._store.show(self._shown.look(current(), self.devicePixelRatioF()))
        self.update()

    # Inside

    def _picture_rect(self) -> QRectF:
        """Where the picture lies, in view pixels that are whole pixels of the screen."""
        return self._seen(QRectF(0, 0, self.painting.width, self.painting.height))

    def _result_rect(self) -> QRectF:
        """Where the result lies, likewise."""
        rect = self._shown.result_place
        return self._picture_rect() if rect is None else self._seen(rect)

    def _seen(self, rect: QRectF) -> QRectF:
        seen = self._store.rect_of(rect.x(), rect.y(), rect.width(), rect.height())
        return exact_view_rect(seen, self.devicePixelRatioF())

    def content(self) -> QRectF:
        whole = QRectF(0, 0, self.painting.width, self.painting.height)
        for more in (self._frames[2], self._shown.result_place):
            whole |= QRectF() if more is None else more
        return whole

    def take_place(self, placement: Placement) -> None:
        ratio = self.devicePixelRatioF()
        whole = screen_rect(self.rect(), ratio)
        self._store.resize(max(whole.width(), 1), max(whole.height(), 1))
        x, y = round(placement.x * ratio), round(placement.y * ratio)
        self._store.place(x, y, placement.zoom * ratio)
        self.update()

    def _set_compare(self, mode: Compare) -> None:
        if mode != self._shown.compare:
            self._shown.compare = mode
            self.compare_changed.emit(mode)

    def _hover(self, hovering: bool) -> None:
        if hovering != self._shown.hovering:
            self._shown.hovering = hovering
            if self._shown.comparing:
                self._look_anew()
