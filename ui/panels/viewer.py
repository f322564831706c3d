"""The viewer: a picture in full, beside or over another, with what made it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QPoint, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QAction, QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QButtonGroup, QFileDialog, QHBoxLayout, QMenu, QVBoxLayout, QWidget

from ui.jobs import Jobs
from ui.panels.boxes import Notice
from ui.panels.parts import MARGIN, IconButton, Line, Rule, size_words
from ui.panels.pictures import copy_file, picture_of, read_picture, write_image
from ui.panels.viewer_canvas import PictureCanvas
from ui.panels.viewer_geometry import Compare
from ui.theme import fonts, icons

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QContextMenuEvent, QImage

    from ui.jobs import Job
    from ui.panels.pictures import Picture

SLOW = 200
"""Milliseconds after which loading is told of."""

NOTHING = "Nothing to show yet.\nPictures appear here as they are made."

_COMPARES = (
    (Compare.SLIDER, "square-split-horizontal", "Compare with a slider (M)"),
    (Compare.SIDE, "columns-2", "Compare side by side (M)"),
    (Compare.HOVER, "mouse-pointer", "Compare by pointing: the other one under the pointer (M)"),
)


class Viewer(QWidget):
    """Shows pictures of the session.

    Args:
        parent: Qt's.
    """

    open_graph = Signal(object)
    """Path of the picture whose graph is to be opened."""
    step_wanted = Signal(int)
    """-1 or 1: the picture before or after the one that is shown."""
    shown = Signal(object)
    """Path of the picture that is shown now; None for one without a file, or none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.canvas = PictureCanvas(self)
        self.canvas.set_picture(None, NOTHING)
        self._jobs = Jobs(2, self)
        self._reading: dict[str, Job] = {}
        self._wanted: Path | None = None
        self._dialog: QFileDialog | None = None
        self._point: QPoint | None = None
        self._slow = QTimer(self)
        self._slow.setSingleShot(True)
        self._slow.setInterval(SLOW)
        self._slow.timeout.connect(self._say_loading)
        self._build()
        self.canvas.zoomed.connect(self._tell)
        self.canvas.pointed.connect(self._point_at)
        self.canvas.compare_changed.connect(self._on_compare)
        self.canvas.swapped.connect(self._on_swapped)
        self.canvas.step_wanted.connect(self.step_wanted)
        self.setFocusProxy(self.canvas)
        self._tell()

    # Showing

    @property
    def path(self) -> Path | None:
        """The file that is shown, or being loaded."""
        return self._wanted

    @property
    def busy(self) -> bool:
        """A file is being read or written."""
        return self._jobs.waiting > 0

    @property
    def follows(self) -> bool:
        """New pictures are shown as they come."""
        return self._follow.isChecked()

    def show_picture(self, path: Path) -> None:
        """Show a picture file, once it is read."""
        self._wanted = path
        self._load("after", path, self._on_after, self._on_no_after)
        self._slow.start()

    def show_image(self, image: QImage, name: str) -> None:
        """Show a picture that has no file: a preview of a run."""
        self._forget("after")
        self._wanted = None
        self._take(picture_of(image, name))

    def offer(self, path: Path) -> None:
        """A new picture was made: show it, unless the user looks at another on purpose."""
        if self.follows:
            self.show_picture(path)

    def compare_with(self, path: Path) -> None:
        """Compare what is shown with this picture, as what was before."""
        self._load("before", path, self._set_before, self._on_fault)

    def hold(self) -> None:
        """Keep the picture shown now to compare the next ones with."""
        if self.canvas.picture is not None:
            self._set_before(self.canvas.picture)

    def stop_comparing(self) -> None:
        """Let go of the picture to compare with."""
        self._forget("before")
        self._set_before(None)

    def clear(self) -> None:
        """Show nothing."""
        self._wanted = None
        self._forget("after")
        self.stop_comparing()
        self._take(None, NOTHING)

    # Doing

    def copy(self) -> None:
        """Put the picture on the clipboard, as pixels and as a file."""
        picture = self.canvas.picture
        if picture is None:
            return
        data = QMimeData()
        data.setImageData(picture.image)
        if picture.path is not None:
            data.setUrls([QUrl.fromLocalFile(str(picture.path))])
        QGuiApplication.clipboard().setMimeData(data)
        self.notice.say(f"{picture.name} is on the clipboard.")

    def save_as(self) -> None:
        """Ask where to save a copy."""
        picture = self.canvas.picture
        if picture is None:
            return
        dialog = QFileDialog(self, "Save the picture as", picture.name or "picture.png")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters(["PNG (*.png)", "JPEG (*.jpg *.jpeg)", "WebP (*.webp)"])
        dialog.setDefaultSuffix("png")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda name: self.save_to(Path(name)))
        dialog.open()
        self._dialog = dialog

    def save_to(self, target: Path) -> None:
        """Save a copy, in another thread. A file is copied as it is, with the graph inside."""
        picture = self.canvas.picture
        if picture is None:
            return
        source, image = picture.path, picture.image
        if source is not None:
            self._jobs.run(lambda: copy_file(source, target), self._on_saved, self._on_fault)
        else:
            self._jobs.run(lambda: write_image(image, target), self._on_saved, self._on_fault)

    def reveal(self) -> None:
        """Show the folder of the picture in the system's file manager."""
        picture = self.canvas.picture
        if picture is not None and picture.path is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(picture.path.parent)))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self.canvas.picture is None:
            return
        menu = self._menu()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(event.globalPos())

    # Building

    def _build(self) -> None:
        self._name = Line(font=fonts.title(), elide=Qt.TextElideMode.ElideMiddle)
        self._made = Line(tone="secondary", font=fonts.small())
        self._pixel = Line(
            tone="secondary", font=fonts.small(), align=Qt.AlignmentFlag.AlignRight
        )
        self._follow = IconButton("eye", "Show new pictures as they come", checkable=True)
        self._follow.setChecked(True)
        self._hold = IconButton("pin", "Keep this one to compare the next ones with", self.hold)
        self._copy = IconButton("copy", "Copy the picture", self.copy)
        self._save = IconButton("download", "Save a copy as ...", self.save_as)
        self._graph = IconButton(
            "workflow", "Open the graph that made this", self._open_graph
        )
        self._fit = IconButton("maximize", "Fit (F, Ctrl+0)", self.canvas.fit)
        self._whole = IconButton(
            "", "A pixel for a pixel: 100 % (Ctrl+1)", lambda: self.canvas.zoom_to(1.0), text="1:1"
        )
        self.notice = Notice(self)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        buttons = (
            self._follow, self._fit, self._whole, self._hold, self._copy, self._save, self._graph,
        )  # fmt: skip
        box.addWidget(_bar(self._name, *buttons))
        box.addWidget(self._compare_bar())
        box.addWidget(Rule())
        box.addWidget(self.canvas, 1)
        box.addWidget(self.notice)
        box.addWidget(Rule())
        box.addWidget(_bar(self._made, self._pixel, height=26))

    def _compare_bar(self) -> QWidget:
        self._against = Line(tone="secondary", elide=Qt.TextElideMode.ElideMiddle)
        self._modes = QButtonGroup(self)
        buttons = []
        for number, (mode, icon, words) in enumerate(_COMPARES):
            button = IconButton(icon, words, checkable=True)
            self._modes.addButton(button, number)
            buttons.append(button)
            button.clicked.connect(lambda _=False, mode=mode: self.canvas.set_compare(mode))
        swap = IconButton("arrow-right-left", "Swap the two (C)", self.canvas.swap)
        close = IconButton("x", "Stop comparing", self.stop_comparing)
        self._comparing = _bar(self._against, *buttons, swap, close)
        self._comparing.hide()
        return self._comparing

    def _menu(self) -> QMenu:
        menu = QMenu(self)
        picture = self.canvas.picture
        filed = picture is not None and picture.path is not None
        made = picture is not None and picture.made is not None

        def add(icon: str, text: str, slot: object, enabled: bool = True) -> None:
            action = QAction(icons.icon(icon), text, menu)
            action.triggered.connect(slot)
            action.setEnabled(enabled)
            menu.addAction(action)

        add("workflow", "Open the graph that made this", self._open_graph, made)
        add("copy", "Copy", self.copy)
        add("download", "Save a copy as ...", self.save_as)
        add("folder-open", "Show in its folder", self.reveal, filed)
        menu.addSeparator()
        add("maximize", "Fit", self.canvas.fit)
        add("search", "100 %", lambda: self.canvas.zoom_to(1.0))
        menu.addSeparator()
        add("pin", "Keep to compare the next ones with", self.hold)
        add("x", "Stop comparing", self.stop_comparing, self.canvas.before is not None)
        return menu

    # News

    def _load(
        self,
        role: str,
        path: Path,
        then: Callable[[Picture], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._forget(role)
        self._reading[role] = self._jobs.run(lambda: read_picture(path), then, failed)

    def _forget(self, role: str) -> None:
        if role == "after":
            self._slow.stop()
        if job := self._reading.pop(role, None):
            job.cancel()

    def _on_after(self, found: Picture) -> None:
        self._slow.stop()
        self._take(found)

    def _on_no_after(self, error: Exception) -> None:
        self._slow.stop()
        self._take(None, str(error))

    def _on_fault(self, error: Exception) -> None:
        self.notice.say(str(error), "error")

    def _take(self, picture: Picture | None, words: str = "") -> None:
        self.canvas.set_picture(picture, words)
        self._tell()
        self.shown.emit(picture.path if picture else None)

    def _set_before(self, picture: Picture | None) -> None:
        self.canvas.set_before(picture)
        if picture is not None and self.canvas.compare is Compare.OFF:
            self.canvas.set_compare(Compare.SLIDER)
        self._comparing.setVisible(picture is not None)
        self._against.set_text(f"with {picture.name}" if picture else "")

    def _say_loading(self) -> None:
        if self.canvas.picture is None and self._wanted is not None:
            self.canvas.set_picture(None, f"Reading {self._wanted.name} ...")
        elif self._wanted is not None:
            self._name.set_text(f"Reading {self._wanted.name} ...")

    def _on_saved(self, target: Path) -> None:
        self.notice.say(f"Saved as {target}.")

    def _on_compare(self, mode: Compare) -> None:
        for number, (shown, _, _) in enumerate(_COMPARES):
            self._modes.button(number).setChecked(shown is mode)

    def _on_swapped(self) -> None:
        picture, before = self.canvas.picture, self.canvas.before
        self._against.set_text(f"with {before.name}" if before else "")
        self._wanted = picture.path if picture else None
        self._tell()

    def _point_at(self, point: QPoint | None) -> None:
        self._point = point
        self._tell_pixel()

    def _open_graph(self) -> None:
        picture = self.canvas.picture
        if picture is not None and picture.path is not None and picture.made is not None:
            self.open_graph.emit(picture.path)

    def _tell(self) -> None:
        picture = self.canvas.picture
        made = picture.made if picture else None
        self._name.set_text(picture.name if picture else "")
        self._made.set_text(made.words() if made else "")
        for button in (self._hold, self._copy, self._save, self._fit, self._whole):
            button.setEnabled(picture is not None)
        self._graph.setEnabled(made is not None)
        self._tell_pixel()

    def _tell_pixel(self) -> None:
        picture = self.canvas.picture
        if picture is None:
            self._pixel.set_text("")
            return
        parts = [
            size_words(picture.size.width(), picture.size.height()),
            f"{self.canvas.zoom * 100:.0f} %",
        ]
        if self._point is not None and picture.image.valid(self._point):
            colour = picture.image.pixelColor(self._point)
            parts.insert(0, f"{self._point.x()}, {self._point.y()}  {colour.name()}")
        self._pixel.set_text(" · ".join(parts))


def _bar(*widgets: QWidget, height: int = 36) -> QWidget:
    """Widgets in a row, the first taking what room there is."""
    bar = QWidget()
    bar.setFixedHeight(height)
    row = QHBoxLayout(bar)
    row.setContentsMargins(MARGIN, 0, 6, 0)
    row.setSpacing(2)
    for index, widget in enumerate(widgets):
        row.addWidget(widget, 0 if index else 1)
    return bar
