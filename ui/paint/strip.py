"""The staging strip: what runs made of the picture, to compare, accept or discard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QListView,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ui.panels.gallery import GalleryModel, Output, Tiles
from ui.panels.parts import MARGIN, IconButton, Line, Rule
from ui.theme import fonts, icons

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from PySide6.QtCore import QModelIndex

    from ui.paint.compare import Compare
    from ui.paint.view import PaintView

TILE = 64
"""Side of a thumbnail with the gap around it, in pixels."""
HEIGHT = 108
KEPT = 60
"""Results listed; the oldest go first."""

MODES: tuple[Compare, ...] = ("off", "slider", "beside", "hover")
_MODE_WORDS = {
    "off": "Compare with the picture: off (M; hold C for the picture)",
    "slider": "Compare with the picture: by the slider (M)",
    "beside": "Compare with the picture: side by side (M)",
    "hover": "Compare with the picture: under the pointer (M)",
}


class ResultStrip(QWidget):
    """Results side by side, newest first; hidden while there is none.

    The keys work here and on the canvas while a result is shown: Left and Right go through the
    results, Enter accepts the one that is shown, Esc discards it, M is the next way to compare, and
    while C is held the picture is seen as it was.

    Args:
        view: the canvas that shows them.
        parent: Qt's.
    """

    chosen = Signal(object)
    """Path of the result to show; None for the picture itself."""
    accepted = Signal(object)
    """Path of the result that is to become the picture."""
    discarded = Signal(object)
    """Path of the result that isn't wanted; its file stays."""

    def __init__(self, view: PaintView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view = view
        self.model = GalleryModel(self, KEPT)
        self.thumbs = _Thumbs(self.model, self)
        self._current: Path | None = None
        self._words = Line("", "secondary", fonts.small())
        self.look = IconButton("columns-2", _MODE_WORDS["off"], self.next_mode, checkable=True)
        self.hide_button = IconButton(
            "image", "Show the picture; the results stay (press a result to see it)", self.let_be
        )
        self.discard_all = IconButton(
            "list-x", "Discard all results; their files stay", self.clear_all
        )
        self.accept_button = _button(
            "check", "Accept", "Make it the picture (Enter)", "accent_text"
        )
        self.accept_button.setProperty("kind", "primary")
        self.discard_button = _button("x", "Discard", "Take it off the strip; its file stays (Esc)")
        self.accept_button.clicked.connect(self.accept)
        self.discard_button.clicked.connect(self.discard)
        self._build()
        self.thumbs.clicked.connect(self._clicked)
        view.compare_changed.connect(self._tell)
        view.installEventFilter(self)
        self.thumbs.installEventFilter(self)
        self.setAccessibleName("Results")
        self.setVisible(False)
        self._tell()

    # Results

    @property
    def paths(self) -> list[Path]:
        """All results, newest first."""
        return [output.path for output in self.model.outputs]

    @property
    def current(self) -> Path | None:
        """The one that is shown."""
        return self._current

    def add(self, path: Path, words: str = "", *, show: bool = True) -> None:
        """Put a result first.

        Args:
            path: its file.
            words: where it comes from, for its tooltip.
            show: show it now.
        """
        self.model.add(Output(path, words))
        self.setVisible(True)
        if show:
            self.go_to(path)
        self._tell()

    def go_to(self, path: Path | None) -> None:
        """Show a result; None shows the picture."""
        self._current = path
        row = self.model.row_of(path) if path is not None else None
        if row is None:
            self.thumbs.clearSelection()
            self.thumbs.setCurrentIndex(self.model.index(-1))
        else:
            self.thumbs.setCurrentIndex(self.model.index(row))
            self.thumbs.scrollTo(self.model.index(row))
        self._tell()
        self.chosen.emit(path)

    def set_paths(self, paths: list[Path]) -> None:
        """List other results (the newest first), and show none of them."""
        self.model.clear()
        for path in reversed(paths):
            self.model.add(Output(path))
        self.setVisible(bool(paths))
        self.go_to(None)

    def step(self, by: int) -> bool:
        """Show the result so many places on. True if there is one."""
        row = self.model.row_of(self._current) if self._current is not None else None
        wanted = 0 if row is None else row + by
        if not 0 <= wanted < len(self.model.outputs):
            return False
        self.go_to(self.model.outputs[wanted].path)
        return True

    def accept(self) -> None:
        """The result that is shown becomes the picture."""
        if self._current is not None:
            self.accepted.emit(self._current)

    def discard(self) -> None:
        """Take the result that is shown off; the next one is shown."""
        path = self._current
        row = self.model.row_of(path) if path is not None else None
        if path is None or row is None:
            return
        self.model.remove([path])
        left = self.model.outputs
        self.setVisible(bool(left))
        self.go_to(left[min(row, len(left) - 1)].path if left else None)
        self.discarded.emit(path)
        if not left:
            self.view.setFocus()

    def clear_all(self) -> None:
        """Take all results off."""
        gone = self.paths
        self.set_paths([])
        for path in gone:
            self.discarded.emit(path)
        self.view.setFocus()

    def let_be(self) -> None:
        """Show the picture; the results stay."""
        self.go_to(None)
        self.view.setFocus()

    def next_mode(self) -> None:
        """The next way to compare."""
        if self._current is not None:
            self.view.compare = MODES[(MODES.index(self.view.compare) + 1) % len(MODES)]
        self._tell()

    # Keys

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind == QEvent.Type.FocusOut:
            self.view.original_shown = False
        if not isinstance(event, QKeyEvent) or not self._free():
            return False
        if kind == QEvent.Type.ShortcutOverride and _key_of(event) in self._deeds():
            # The window's own shortcuts wait while a result is shown.
            event.accept()
            return True
        if kind == QEvent.Type.KeyPress:
            return self._press(event)
        lets_go = kind == QEvent.Type.KeyRelease and event.key() == Qt.Key.Key_C
        if lets_go and not event.isAutoRepeat() and self.view.original_shown:
            self.view.original_shown = False
            return True
        return False

    def _press(self, event: QKeyEvent) -> bool:
        deed = self._deeds().get(_key_of(event))
        if deed is None:
            return False
        if not event.isAutoRepeat() or event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            deed()
        event.accept()
        return True

    def _deeds(self) -> dict[Qt.Key | None, Callable[[], object]]:
        return {
            Qt.Key.Key_Left: lambda: self.step(-1),
            Qt.Key.Key_Right: lambda: self.step(1),
            Qt.Key.Key_Return: self.accept,
            Qt.Key.Key_Enter: self.accept,
            Qt.Key.Key_Escape: self.discard,
            Qt.Key.Key_M: self.next_mode,
            Qt.Key.Key_C: self._hold,
        }

    def _hold(self) -> None:
        self.view.original_shown = True

    def _free(self) -> bool:
        """A result is shown, and no tool has begun anything that these keys may be meant for."""
        if self._current is None or self.isHidden():
            return False
        return not (self.view.painting.painting or self.view.hands.busy)

    # Inside

    def _build(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(MARGIN, 4, 8, 0)
        head.setSpacing(4)
        head.addWidget(self._words, 1)
        for button in (self.look, self.hide_button, self.discard_all):
            head.addWidget(button)
        head.addSpacing(4)
        head.addWidget(self.discard_button)
        head.addWidget(self.accept_button)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 4)
        box.setSpacing(2)
        box.addWidget(Rule())
        box.addLayout(head)
        box.addWidget(self.thumbs, 1)
        self.setFixedHeight(HEIGHT)
        self.setFocusProxy(self.thumbs)

    def _clicked(self, index: QModelIndex) -> None:
        path = self.model.outputs[index.row()].path
        # Pressed again, the one that is shown gives way to the picture.
        self.go_to(None if path == self._current else path)

    def _tell(self, *_: object) -> None:
        current = self._current
        shown = current is not None
        count = len(self.model.outputs)
        words = f"{count} result{'' if count == 1 else 's'}"
        if current is not None and (row := self.model.row_of(current)) is not None:
            words = f"Result {row + 1} of {count} \u00b7 {current.name}"
        self._words.set_text(words)
        for button in (self.look, self.hide_button, self.accept_button, self.discard_button):
            button.setEnabled(shown)
        mode = self.view.compare if shown else "off"
        self.look.setChecked(mode != "off")
        self.look.setToolTip(_MODE_WORDS[mode])


class _Thumbs(QListView):
    """Thumbnails in one row."""

    def __init__(self, model: GalleryModel, parent: QWidget) -> None:
        super().__init__(parent)
        self.setModel(model)
        self.setItemDelegate(Tiles(self))
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(False)
        self.setMovement(QListView.Movement.Static)
        self.setUniformItemSizes(True)
        self.setGridSize(QSize(TILE, TILE))
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setAccessibleName("Results, newest first")
        self.setViewportMargins(MARGIN - 2, 0, MARGIN - 2, 0)


def _button(icon: str, text: str, words: str, colour: str = "icon") -> QPushButton:
    made = QPushButton(icons.icon(icon, colour), text)
    made.setToolTip(words)
    made.setFixedHeight(26)
    made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return made


def _key_of(event: QKeyEvent) -> Qt.Key | None:
    """A key pressed alone, the number pad's Enter included."""
    held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    return Qt.Key(event.key()) if held == Qt.KeyboardModifier.NoModifier else None
