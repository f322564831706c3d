"""Writing `settings.toml`: comments stay, nonsense doesn't get in, half a file is never seen."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from studio.settings import (
    SettingsFault,
    SettingsUnreadable,
    SettingsUnwritable,
    fault_of,
    home_folder,
    read_given,
    read_settings,
    write_settings,
)

TEXT = """\
# My machine
device = "cuda:1"  # the big one

# Results
cache_budget = "20 GiB"
model_folders = [
    "/data/ComfyUI/models", # shared
]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "settings.toml"
    made.write_text(TEXT)
    return made


def test_one_key_changes_and_all_else_stays(file: Path) -> None:
    settings = write_settings(file, {"device": "cpu"})
    assert settings.device == "cpu"
    assert file.read_text() == TEXT.replace('"cuda:1"', '"cpu"')


def test_no_change_leaves_the_file_alone(file: Path) -> None:
    before = file.stat().st_mtime_ns, file.stat().st_ino
    write_settings(file, {"device": "cuda:1", "cache_budget": "20 GiB"})
    write_settings(file, {})
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == before


def test_none_gives_the_default_back(file: Path) -> None:
    settings = write_settings(file, {"device": None, "threads": None})
    assert settings.device == "auto"
    assert "device" not in file.read_text()
    assert "# Results" in file.read_text()


def test_lists_and_numbers(file: Path) -> None:
    settings = write_settings(file, {"model_folders": ["/a", "/b"], "threads": 4})
    assert settings.model_folders == (Path("/a"), Path("/b"))
    assert settings.threads == 4
    assert read_given(file)["model_folders"] == ["/a", "/b"]


def test_a_file_and_its_folder_are_made(tmp_path: Path) -> None:
    file = tmp_path / "new" / "settings.toml"
    write_settings(file, {"dtype": "bfloat16"})
    assert read_settings(file).dtype == "bfloat16"
    assert [p.name for p in file.parent.iterdir()] == ["settings.toml"]


def test_nonsense_does_not_get_in(file: Path) -> None:
    with pytest.raises(SettingsFault, match="no such setting"):
        write_settings(file, {"colour": "red"})
    with pytest.raises(SettingsFault, match="not a size"):
        write_settings(file, {"cache_budget": "10 G"})
    assert file.read_text() == TEXT


def test_a_broken_file_is_left_alone(file: Path) -> None:
    file.write_text("device = [")
    with pytest.raises(SettingsUnreadable):
        write_settings(file, {"device": "cpu"})
    assert file.read_text() == "device = ["


def test_a_faulty_file_is_left_alone(file: Path) -> None:
    file.write_text("nonsense = 1\n")
    with pytest.raises(SettingsFault, match="nonsense"):
        write_settings(file, {"device": "cpu"})
    assert file.read_text() == "nonsense = 1\n"


def test_windows_line_ends_and_mark_are_read(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    write_settings(file, {"device": "cpu"})
    assert read_settings(file).device == "cpu"
    assert b"\r\n" in file.read_bytes()
    assert b"the big one" in file.read_bytes()


@pytest.mark.skipif(sys.platform == "win32", reason="links and modes of POSIX")
def test_a_link_stays_a_link_and_the_mode_stays(file: Path, tmp_path: Path) -> None:
    file.chmod(0o640)
    link = tmp_path / "link.toml"
    link.symlink_to(file)
    write_settings(link, {"device": "cpu"})
    assert link.is_symlink()
    assert read_settings(file).device == "cpu"
    assert file.stat().st_mode & 0o777 == 0o640


def test_no_room_is_said(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(SettingsUnwritable, match="No space left"):
        write_settings(file, {"device": "cpu"})
    assert file.read_text() == TEXT
    assert [p.name for p in file.parent.iterdir()] == ["settings.toml"]


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsUnwritable):
        write_settings(tmp_path / "file" / "settings.toml", {"device": "cpu"})


def test_faults_of_single_values() -> None:
    assert fault_of("cache_budget", "10 GiB") == ""
    assert "not a size" in fault_of("cache_budget", "ten")
    assert "cuda" in fault_of("device", "gpu")
    assert fault_of("output", "~/pictures") == ""
    with pytest.raises(KeyError):
        fault_of("colour", "red")


def test_the_home_folder() -> None:
    assert home_folder({"LATENT_STUDIO_HOME": "/somewhere"}) == Path("/somewhere").absolute()
    assert home_folder({}).is_absolute()
