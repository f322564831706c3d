"""Where no window can be shown, the command line says so in words; Qt would abort."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ui.screen import PACKAGES, LibrariesMissing, NoScreen, check_screen

ROOT = Path(__file__).parents[2]


def test_without_a_screen_it_says_what_to_do() -> None:
    env = {
        key: value
        for key, value in os.environ.items()
        if key not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    }
    if not sys.platform.startswith("linux"):
        pytest.skip("elsewhere there is always a screen")
    done = subprocess.run(
        [sys.executable, "main.py"], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "no screen" in done.stderr
    assert "Traceback" not in done.stderr


def test_missing_libraries_are_named_all_at_once() -> None:
    def load(name: str) -> object:
        if "xcb-c" in name or "EGL" in name:
            raise OSError(name)
        return object()

    with pytest.raises(LibrariesMissing) as caught:
        check_screen({"DISPLAY": ":0"}, "linux", load)
    words = str(caught.value)
    assert "libEGL.so.1, libxcb-cursor.so.0" in words
    assert "apt install" in words


def test_the_readme_names_the_same_packages() -> None:
    readme = " ".join((ROOT / "README.md").read_text().split())
    assert PACKAGES in readme


def test_wayland_needs_no_x11_libraries() -> None:
    def load(name: str) -> object:
        if "xcb" in name:
            raise OSError(name)
        return object()

    check_screen({"WAYLAND_DISPLAY": "wayland-0"}, "linux", load)
    env = {"WAYLAND_DISPLAY": "wayland-0", "DISPLAY": ":0", "QT_QPA_PLATFORM": "xcb"}
    with pytest.raises(LibrariesMissing):
        check_screen(env, "linux", load)


@pytest.mark.parametrize(
    ("env", "platform"), [({"QT_QPA_PLATFORM": "offscreen"}, "linux"), ({}, "darwin")]
)
def test_elsewhere_there_is_nothing_to_check(env: dict[str, str], platform: str) -> None:
    check_screen(env, platform, lambda _: pytest.fail("nothing is loaded"))


def test_neither_variable_is_no_screen() -> None:
    with pytest.raises(NoScreen):
        check_screen({}, "linux", lambda _: object())
