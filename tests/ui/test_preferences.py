"""Preferences: kept, told, and never in the way of starting."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QByteArray

from ui.preferences import RECENT, Preferences


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "editor.ini"


def again(preferences: Preferences) -> Preferences:
    assert preferences.save() == ""
    return Preferences(preferences.path)


def test_defaults_make_no_file(file: Path) -> None:
    fresh = Preferences(file)
    assert fresh.theme == "dark"
    assert not fresh.reduced_motion
    assert not fresh.tour_done
    assert fresh.minimap
    assert fresh.recent == ()
    assert fresh.shortcuts == {}
    assert fresh.worker_command == ()
    assert fresh.geometry.isEmpty()
    assert not file.exists()


def test_the_file_is_in_the_home_folder(home: Path) -> None:
    assert Preferences().path == home / "editor.ini"


def test_a_faulty_settings_file_does_not_matter(home: Path) -> None:
    home.mkdir()
    (home / "settings.toml").write_text("nonsense = [")
    assert Preferences().path == home / "editor.ini"


def test_everything_is_kept(file: Path) -> None:
    first = Preferences(file)
    first.theme = "light"
    first.reduced_motion = True
    first.tour_done = True
    first.minimap = False
    first.shortcuts = {"run.run": ("Ctrl+R", "F5"), "edit.cut": ()}
    first.worker_command = ["/opt/my python/bin/python", "main.py", "worker", "--x=a,b;c"]
    first.add_recent(Path("/graphs/a, b; \N{SNOWMAN}.json"))
    first.geometry = QByteArray(b"\x00\x01geometry")
    first.layout = QByteArray(b"\xff\xfelayout")
    first.put("palette/used", ["KSampler", "a \"quoted\" one", ""])
    second = again(first)
    assert second.theme == "light"
    assert second.reduced_motion
    assert second.tour_done
    assert not second.minimap
    assert second.shortcuts == {"run.run": ("Ctrl+R", "F5"), "edit.cut": ()}
    assert second.worker_command == (
        "/opt/my python/bin/python", "main.py", "worker", "--x=a,b;c"
    )  # fmt: skip
    assert second.recent == (Path("/graphs/a, b; \N{SNOWMAN}.json"),)
    assert second.geometry == QByteArray(b"\x00\x01geometry")
    assert second.layout == QByteArray(b"\xff\xfelayout")
    assert second.get("palette/used", []) == ["KSampler", "a \"quoted\" one", ""]


def test_changes_are_told_once(file: Path) -> None:
    preferences = Preferences(file)
    told: list[str] = []
    preferences.changed.connect(told.append)
    preferences.theme = "light"
    preferences.theme = "light"
    preferences.reduced_motion = True
    assert told == ["theme", "reduced_motion"]


def test_recent_files_move_to_the_front_and_are_few(file: Path) -> None:
    preferences = Preferences(file)
    for number in range(RECENT + 5):
        preferences.add_recent(Path(f"/g/{number}.json"))
    assert len(preferences.recent) == RECENT
    assert preferences.recent[0] == Path(f"/g/{RECENT + 4}.json")
    older = preferences.recent[3]
    preferences.add_recent(older)
    assert preferences.recent[0] == older
    assert preferences.recent.count(older) == 1


@pytest.mark.parametrize(
    "text",
    [
        "theme=pink\nshortcuts=12\nrecent=oops\nworker_command=[1\n",
        '[General]\ntheme="\\"pink\\""\nshortcuts="{\\"a\\": 3}"\nrecent="[1, 2]"\n'
        'worker_command="[1]"\nreduced_motion="\\"yes\\""\n',
        "\x00\x01\x02 not an ini file at all ][",
        '[General]\ntheme="' + "[" * 5000 + '"\n',
    ],
)
def test_nonsense_is_taken_for_the_defaults(file: Path, text: str) -> None:
    file.write_text(text)
    broken = Preferences(file)
    assert broken.theme == "dark"
    assert broken.shortcuts == {}
    assert broken.recent == ()
    assert broken.worker_command == ()
    assert not broken.reduced_motion
    assert broken.get("theme", 3) == 3


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    preferences = Preferences(tmp_path / "file" / "editor.ini")
    preferences.theme = "light"
    assert "writable" in preferences.save()
    assert preferences.theme == "light"
