"""Reading pictures for the panels, beside the GUI's thread: whole ones, thumbnails, their history.

Each function reads one file and gives plain data; the panels call them through `ui.jobs`.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QFileInfo, QSize, Qt
from PySide6.QtGui import QImage, QImageReader

from studio.errors import StudioError
from studio.png import PngFault, read_header_and_text
from studio.words import size

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_MEGABYTES = 2048
"""Of one decoded picture. 16,384 x 16,384 pixels, the most a graph makes, take 1,024."""

SMALLEST_LEVEL = 256
"""Sides, in pixels, under which a picture isn't halved any more for faster painting."""

THUMBNAIL_SIDE = 256
"""Longer side of thumbnails, in pixels: sharp at 128 on a screen of double density."""


@dataclass(frozen=True)
class Made:
    """What a picture of ours says of the graph that made it.

    Args:
        title: of the graph.
        seeds: by node.
        seconds: that the nodes took, all together; None where it doesn't say.
        created: date and time, ISO 8601.
    """

    title: str = ""
    seeds: Mapping[str, int] = field(default_factory=dict)
    seconds: float | None = None
    created: str = ""

    def words(self) -> str:
        """In a line: "Text to image · seed 42"."""
        seeds = ", ".join(str(seed) for seed in dict.fromkeys(self.seeds.values()))
        return " · ".join(part for part in (self.title, seeds and f"seed {seeds}") if part)


@dataclass(frozen=True)
class Picture:
    """A picture in memory.

    Args:
        levels: the picture, then halves of halves of it, for painting it small.
        name: what to call it.
        path: its file; None for one that was never written.
        made: of the graph that made it; None where the file doesn't say.
    """

    levels: tuple[QImage, ...]
    name: str = ""
    path: Path | None = None
    made: Made | None = None

    @property
    def image(self) -> QImage:
        return self.levels[0]

    @property
    def size(self) -> QSize:
        return self.image.size()


class Unreadable(StudioError):
    """A picture that can't be shown, or not written; the message says why."""


def picture_of(image: QImage, name: str = "", path: Path | None = None) -> Picture:
    """A picture with its smaller levels, which make painting it at 10 % fast and smooth."""
    alpha = image.hasAlphaChannel()
    form = QImage.Format.Format_ARGB32_Premultiplied if alpha else QImage.Format.Format_RGB32
    levels = [image.convertToFormat(form)]
    while min(levels[-1].width(), levels[-1].height()) >= 2 * SMALLEST_LEVEL:
        last = levels[-1]
        levels.append(
            last.scaled(
                last.width() // 2,
                last.height() // 2,
                Qt.AspectRatioMode.IgnoreAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
        )
    return Picture(tuple(levels), name, path)


def read_picture(path: Path) -> Picture:
    """A picture file, whole.

    Raises:
        Unreadable: it isn't there, or isn't a picture.
    """
    found = picture_of(_read(path), path.name, path)
    return Picture(found.levels, found.name, path, read_made(path))


def read_thumbnail(path: Path) -> QImage:
    """A picture file, at most `THUMBNAIL_SIDE` on its longer side.

    Raises:
        Unreadable: it isn't there, or isn't a picture.
    """
    return _read(path, THUMBNAIL_SIDE)


def read_made(path: Path) -> Made | None:
    """What the PNG at `path` says of its graph; None where it is none of ours."""
    from studio.png import METADATA_KEY

    try:
        with path.open("rb") as file:
            text = read_header_and_text(file)[1].get(METADATA_KEY)
        about = json.loads(text) if text else None
    except (OSError, ValueError, RecursionError, PngFault):
        return None  # a picture of another program, or a damaged one: it is shown all the same
    return _made(about) if isinstance(about, dict) and "graph" in about else None


def copy_file(source: Path, target: Path) -> Path:
    """Copy a picture file as it is, metadata and all; another suffix writes that format.

    Raises:
        Unreadable: it can't be read, or not written.
    """
    try:
        if source.suffix.casefold() == target.suffix.casefold():
            if not (target.exists() and source.samefile(target)):
                shutil.copyfile(source, target)
            return target
    except OSError as error:
        raise Unreadable(f"{target.name} can't be written: {error.strerror or error}.") from error
    return write_image(_read(source), target)


def write_image(image: QImage, target: Path) -> Path:
    """Write a picture in the format of its suffix.

    Raises:
        Unreadable: the format isn't known, or the file can't be written.
    """
    if not image.save(str(target), quality=95):
        raise Unreadable(f"{target.name} can't be written. Formats: .png, .jpg, .webp, .bmp.")
    return target


def _read(path: Path, side: int | None = None) -> QImage:
    if not QFileInfo(str(path)).isFile():
        raise Unreadable(f"{path.name} isn't there any more.")
    QImageReader.setAllocationLimit(MAX_MEGABYTES)
    reader = QImageReader(str(path))
    reader.setAutoTransform(True)
    reader.setDecideFormatFromContent(True)
    whole = reader.size()
    if whole.isValid() and whole.width() * whole.height() * 4 > MAX_MEGABYTES << 20:
        pixels = f"{whole.width()} x {whole.height()} pixels"
        limit = size(MAX_MEGABYTES << 20)
        raise Unreadable(f"{path.name} is too large to show: {pixels}, over {limit} in memory.")
    if side and whole.isValid() and max(whole.width(), whole.height()) > side:
        reader.setScaledSize(whole.scaled(side, side, Qt.AspectRatioMode.KeepAspectRatio))
    image = reader.read()
    if image.isNull():
        raise Unreadable(f"{path.name} can't be shown: {_reason(reader)}.")
    if side and max(image.width(), image.height()) > side:
        image = image.scaled(
            side,
            side,
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
    return image


def _reason(reader: QImageReader) -> str:
    if reader.error() == QImageReader.ImageReaderError.UnsupportedFormatError:
        return "it isn't a picture in a format that is known"
    if reader.error() == QImageReader.ImageReaderError.InvalidDataError:
        return "it is damaged or cut short"
    return reader.errorString().rstrip(".") or "it can't be read"


def _made(about: dict[str, Any]) -> Made:
    """Taken with care: anyone can write a text chunk."""
    graph = about["graph"] if isinstance(about["graph"], dict) else {}
    seeds = about.get("seeds")
    seconds = about.get("seconds")
    times = list(seconds.values()) if isinstance(seconds, dict) else []
    return Made(
        title=str(graph.get("title", ""))[:200],
        seeds={str(k): v for k, v in seeds.items() if isinstance(v, int)}
        if isinstance(seeds, dict)
        else {},
        seconds=sum(t for t in times if isinstance(t, int | float)) if times else None,
        created=str(about.get("created", ""))[:40],
    )
