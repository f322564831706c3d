"""What is seen where nothing is open: new, open, recent files, and templates with pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFontMetrics, QPainter, QPen, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QLabel,
    QListView,
    QPushButton,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from ui.files.sketch import paint_sketch
from ui.files.templates import read_templates, templates_folder
from ui.plain import plain_tip
from ui.theme import current, fonts, icons

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from studio.spec import NodeSpec
    from ui.files.templates import Template
    from ui.jobs import Jobs
    from ui.preferences import Preferences

CARD = QSize(232, 172)
GAP = 12
TITLE_ROOM = 44
SIDE = 280

_ITEM = Qt.ItemDataRole.UserRole
Index = QModelIndex | QPersistentModelIndex


class StartPage(QWidget):
    """New, open, recent, templates.

    Args:
        jobs: where files are read.
        specs: node types, for the pictures of the templates.
        recent: files used last.
        parent: Qt's.
    """

    new_wanted = Signal()
    open_wanted = Signal()
    path_chosen = Signal(object)
    """A recent file."""
    template_chosen = Signal(object)
    """The path of a template."""

    def __init__(
        self,
        jobs: Jobs,
        specs: Mapping[str, NodeSpec],
        recent: Sequence[Path] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setAutoFillBackground(False)
        self._preferences: Preferences | None = None
        heading = QLabel("Latent Studio", self)
        font = fonts.heading()
        heading.setFont(font)
        self.new = QPushButton(icons.icon("file-plus", "accent_text"), "New graph", self)
        self.new.setDefault(True)
        self.new.clicked.connect(self.new_wanted)
        self.open = QPushButton(icons.icon("folder-open"), "Open…", self)
        self.open.clicked.connect(self.open_wanted)
        for button in (self.new, self.open):
            button.setMinimumHeight(32)
            button.setIconSize(icons.BESIDE)
        self.recent_model = RecentModel(recent, self)
        self.recent = _ListView(self)
        self.recent.setAccessibleName("Recent files")
        self.recent.setModel(self.recent_model)
        self.recent.setItemDelegate(RecentDelegate(self.recent))
        self.recent.chosen.connect(self._recent_chosen)
        self.nothing = QLabel(
            "Files you open or save come here.\nGraphs, and pictures made by this program,\n"
            "can also be dropped on the window.",
            self,
        )
        self.nothing.setProperty("kind", "secondary")
        self.templates_model = TemplateModel(self)
        self.templates = _ListView(self)
        self.templates.setAccessibleName("Templates")
        self.templates.setViewMode(QListView.ViewMode.IconMode)
        self.templates.setMovement(QListView.Movement.Static)
        self.templates.setResizeMode(QListView.ResizeMode.Adjust)
        self.templates.setSpacing(0)
        self.templates.setModel(self.templates_model)
        self.templates.setItemDelegate(TemplateDelegate(specs, self.templates))
        self.templates.chosen.connect(self._template_chosen)
        side = QWidget(self)
        side.setFixedWidth(SIDE)
        left = QVBoxLayout(side)
        left.setContentsMargins(0, 0, 0, 0)
        left.setSpacing(8)
        left.addWidget(heading)
        left.addSpacing(8)
        left.addWidget(self.new)
        left.addWidget(self.open)
        left.addSpacing(20)
        left.addWidget(_caption("Recent", self))
        left.addWidget(self.recent, 1)
        left.addWidget(self.nothing)
        left.addStretch(0 if recent else 1)
        right = QVBoxLayout()
        right.setSpacing(8)
        right.addWidget(_caption("Start from a template", self))
        right.addWidget(self.templates, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(40, 40, 16, 24)
        row.setSpacing(40)
        row.addWidget(side)
        row.addLayout(right, 1)
        self._show_recent()
        self.setFocusProxy(self.templates)
        job = jobs.run(
            lambda: read_templates(templates_folder()),
            self.templates_model.set_templates,
            lambda _: None,
        )
        # The page may be gone before the disk has answered.
        self.destroyed.connect(job.cancel)

    def follow(self, preferences: Preferences) -> None:
        """Show the recent files that these know of, for as long as the page lives."""
        self._preferences = preferences
        self.set_recent(preferences.recent)
        preferences.changed.connect(self._preference_changed)

    def _preference_changed(self, name: str) -> None:
        if name == "recent" and self._preferences is not None:
            self.set_recent(self._preferences.recent)

    def set_recent(self, paths: Sequence[Path]) -> None:
        """Show these as the files used last."""
        self.recent_model.set_paths(paths)
        self._show_recent()

    def paintEvent(self, event: QEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), current().canvas)
        painter.end()

    def _show_recent(self) -> None:
        some = self.recent_model.rowCount() > 0
        self.recent.setVisible(some)
        self.nothing.setVisible(not some)

    def _recent_chosen(self, index: QModelIndex) -> None:
        self.path_chosen.emit(index.data(_ITEM))

    def _template_chosen(self, index: QModelIndex) -> None:
        template: Template = index.data(_ITEM)
        self.template_chosen.emit(template.path)


class RecentModel(QAbstractListModel):
    """Paths, the last one first."""

    def __init__(self, paths: Sequence[Path], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._paths = list(paths)

    def set_paths(self, paths: Sequence[Path]) -> None:
        self.beginResetModel()
        self._paths = list(paths)
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._paths)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        path = self._paths[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return path.name
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(str(path))
        if role == Qt.ItemDataRole.AccessibleDescriptionRole:
            return str(path)
        return path if role == _ITEM else None


class TemplateModel(QAbstractListModel):
    """The graphs that ship with the program."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._templates: list[Template] = []

    def set_templates(self, templates: Sequence[Template]) -> None:
        self.beginResetModel()
        self._templates = list(templates)
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._templates)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        template = self._templates[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return template.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(template.title)  # long ones are cut
        if role == Qt.ItemDataRole.AccessibleDescriptionRole:
            return f"{len(template.graph.nodes)} nodes"
        return template if role == _ITEM else None


class RecentDelegate(QStyledItemDelegate):
    """A file's name, and its folder below."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(120, 44)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        theme = current()
        box = QRectF(_rect(option)).adjusted(0, 1, -4, -1)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        _paint_ground(painter, box, option, theme.raised)
        path: Path = index.data(_ITEM)
        sign = "file-image" if path.suffix.lower() == ".png" else "file-json"
        ratio = _ratio(painter)
        painter.drawPixmap(int(box.x() + 8), int(box.y() + 13), icons.pixmap(sign, None, 16, ratio))
        room = int(box.width() - 44)
        left = box.x() + 34
        painter.setPen(theme.text)
        painter.setFont(fonts.body())
        _draw(painter, QRectF(left, box.y() + 4, room, 18), path.name)
        painter.setPen(theme.secondary)
        painter.setFont(fonts.small())
        folder = _short_folder(path.parent)
        _draw(painter, QRectF(left, box.y() + 21, room, 16), folder, Qt.TextElideMode.ElideMiddle)
        painter.restore()


class TemplateDelegate(QStyledItemDelegate):
    """A card: the graph in small, its title, how many nodes it has.

    Args:
        specs: node types.
        parent: the view.
    """

    def __init__(self, specs: Mapping[str, NodeSpec], parent: QObject) -> None:
        super().__init__(parent)
        self._specs = specs
        self._drawn: dict[tuple[Path, str, float], QPixmap] = {}

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(CARD.width() + GAP, CARD.height() + GAP)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        theme = current()
        template: Template = index.data(_ITEM)
        box = QRectF(_rect(option)).adjusted(0.5, 0.5, -GAP - 0.5, -GAP - 0.5)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        hot = _state(option) & (QStyle.StateFlag.State_MouseOver | QStyle.StateFlag.State_HasFocus)
        chosen = _state(option) & QStyle.StateFlag.State_Selected
        edge = theme.accent if chosen else theme.node_hover if hot else theme.node_border
        painter.setPen(QPen(edge, 1.5 if chosen else 1))
        painter.setBrush(theme.panel)
        painter.drawRoundedRect(box, 8, 8)
        picture = QRectF(box.x(), box.y(), box.width(), box.height() - TITLE_ROOM)
        painter.setPen(QPen(theme.border, 1))
        painter.drawLine(picture.bottomLeft(), picture.bottomRight())
        painter.drawPixmap(picture.topLeft(), self._sketch(template, picture, painter))
        text = QRectF(box.x() + 12, picture.bottom() + 5, box.width() - 24, 18)
        painter.setPen(theme.text)
        painter.setFont(fonts.title())
        _draw(painter, text, template.title)
        painter.setPen(theme.secondary)
        painter.setFont(fonts.small())
        count = len(template.graph.nodes)
        _draw(painter, text.translated(0, 17), f"{count} nodes")
        painter.restore()

    def _sketch(self, template: Template, area: QRectF, painter: QPainter) -> QPixmap:
        """Drawn once for each theme."""
        theme, ratio = current(), _ratio(painter)
        key = (template.path, theme.name, ratio)
        drawn = self._drawn.get(key)
        if drawn is None:
            drawn = QPixmap((area.size() * ratio).toSize())
            drawn.setDevicePixelRatio(ratio)
            drawn.fill(Qt.GlobalColor.transparent)
            space = QRectF(16, 14, area.width() - 32, area.height() - 28)
            # Ended even where something goes wrong: a painter that outlives its pixmap crashes Qt.
            with QPainter(drawn) as inner:
                paint_sketch(inner, space, template.graph, self._specs, theme)
            self._drawn[key] = drawn
        return drawn


class _ListView(QListView):
    """A list where one click or Enter chooses."""

    chosen = Signal(QModelIndex)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setUniformItemSizes(True)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setStyleSheet("QListView { background: transparent; border: none; }")
        self.viewport().setAutoFillBackground(False)
        self.clicked.connect(self.chosen)

    def keyPressEvent(self, event: Any) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.chosen.emit(self.currentIndex())
            return
        super().keyPressEvent(event)


def _caption(text: str, parent: QWidget) -> QLabel:
    label = QLabel(text, parent)
    label.setFont(fonts.title())
    return label


def _paint_ground(
    painter: QPainter, box: QRectF, option: QStyleOptionViewItem, colour: Any
) -> None:
    state = _state(option)
    if state & (QStyle.StateFlag.State_MouseOver | QStyle.StateFlag.State_Selected):
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawRoundedRect(box, 6, 6)


def _draw(
    painter: QPainter,
    room: QRectF,
    text: str,
    mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
) -> None:
    short = QFontMetrics(painter.font()).elidedText(text, mode, int(room.width()))
    painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, short)


def _short_folder(folder: Path) -> str:
    home = Path.home()
    return f"~/{folder.relative_to(home)}" if folder.is_relative_to(home) else str(folder)


def _rect(option: Any) -> Any:
    return option.rect  # Qt's stubs don't know the option's fields


def _state(option: Any) -> Any:
    return option.state


def _ratio(painter: QPainter) -> float:
    device = painter.device()
    return device.devicePixelRatioF() if device else 1.0
