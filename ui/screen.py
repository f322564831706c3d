"""Whether a window can be shown here. Qt itself ends the process where it can't; we say why."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import TYPE_CHECKING

from studio.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PACKAGES = (
    "libegl1 libgl1 libxkbcommon-x11-0 libdbus-1-3 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 "
    "libxcb-image0 libxcb-render-util0 libxcb-shape0 libxcb-xinerama0"
)
"""What Debian and Ubuntu call the libraries that a window needs."""

_FOR_ALL = ("libEGL.so.1", "libGL.so.1", "libdbus-1.so.3")
_FOR_X11 = (
    "libxkbcommon-x11.so.0", "libxcb-cursor.so.0", "libxcb-icccm.so.4", "libxcb-keysyms.so.1",
    "libxcb-image.so.0", "libxcb-render-util.so.0", "libxcb-shape.so.0", "libxcb-xinerama.so.0",
)  # fmt: skip


class NoScreen(InputError):
    """There is nothing to show a window on."""

    def __init__(self) -> None:
        super().__init__(
            "There is no screen to open the editor on: neither DISPLAY nor WAYLAND_DISPLAY is set.",
            hint="Start it on a desktop, or run graphs without a window: `run text_to_image`.",
        )


class LibrariesMissing(InputError):
    """System libraries that Qt needs aren't installed.

    Args:
        names: of the files.
    """

    def __init__(self, names: list[str]) -> None:
        super().__init__(
            f"The editor needs libraries that this system lacks: {', '.join(names)}.",
            hint=f"On Debian and Ubuntu: apt install {PACKAGES}",
        )


def check_screen(
    env: Mapping[str, str] | None = None,
    platform: str = sys.platform,
    load: Callable[[str], object] = ctypes.CDLL,
) -> None:
    """Say what a window lacks here, before Qt is loaded.

    Args:
        env: environment variables; None takes the process's.
        platform: as `sys.platform`; only Linux is looked at, elsewhere a window is always there.
        load: loads a library by its file name, or raises OSError.

    Raises:
        NoScreen: there is none.
        LibrariesMissing: with all that are missing.
    """
    env = os.environ if env is None else env
    if not platform.startswith("linux"):
        return
    chosen = env.get("QT_QPA_PLATFORM", "").partition(":")[0]
    if chosen and chosen not in ("xcb", "wayland"):
        return  # offscreen and the like show nothing, and need nothing
    wayland = bool(env.get("WAYLAND_DISPLAY")) and chosen != "xcb"
    if not wayland and not env.get("DISPLAY"):
        raise NoScreen
    missing = []
    for name in _FOR_ALL + (() if wayland else _FOR_X11):
        try:
            load(name)
        except OSError:
            missing.append(name)
    if missing:
        raise LibrariesMissing(missing)
