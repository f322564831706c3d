"""Folders and settings of a user."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from open_folders import open_to_all

import studio
from studio import places as module
from studio.places import KINDS, Places, Settings, parse_size, resources
from studio.words import size as in_words

if TYPE_CHECKING:
    from collections.abc import Iterator

GIB = 2**30


@contextmanager
def as_nobody() -> Iterator[None]:
    """Run as a user whom permissions bind (root may do everything)."""
    if not hasattr(os, "geteuid"):
        pytest.skip("no POSIX permissions here")
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def load(home: Path, settings: str | bytes | None = None) -> Places:
    if settings is not None:
        home.mkdir(exist_ok=True)
        data = settings.encode() if isinstance(settings, str) else settings
        (home / "settings.toml").write_bytes(data)
    return Places.load({"LATENT_STUDIO_HOME": str(home)})


def faults(home: Path, settings: str) -> list[str]:
    with pytest.raises(module.SettingsFault) as caught:
        load(home, settings)
    assert str(home / "settings.toml") in str(caught.value)
    assert all(fault in str(caught.value) for fault in caught.value.faults)
    return caught.value.faults


# ------------------------------------------------------------------ folders


def test_home_from_the_environment(tmp_path: Path) -> None:
    places = load(tmp_path / "home")
    assert places.home == tmp_path / "home"
    assert places.cache == tmp_path / "home" / "cache"
    assert places.input == tmp_path / "home" / "input"
    assert places.output == tmp_path / "home" / "output"
    assert places.settings == Settings()
    assert list(tmp_path.iterdir()) == []  # loading makes nothing


def test_home_of_the_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("the folder is the system's to choose")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    for env in ({}, {"LATENT_STUDIO_HOME": ""}):
        assert Places.load(env).home == tmp_path / "latent-studio"
    monkeypatch.setenv("LATENT_STUDIO_HOME", str(tmp_path / "other"))
    assert Places.load().home == tmp_path / "other"


def test_relative_home_and_tilde(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    assert Places.load({"LATENT_STUDIO_HOME": "here"}).home == tmp_path / "here"
    assert Places.load({"LATENT_STUDIO_HOME": "~/x"}).home == tmp_path / "me" / "x"


def test_ensure(tmp_path: Path) -> None:
    places = load(tmp_path / "home", f'output = "{tmp_path / "pictures"}"')
    places.ensure()
    places.ensure()
    made = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_dir()}
    assert made >= {"home/cache", "home/input", "pictures", "home/models/checkpoints"}
    assert {p.name for p in (tmp_path / "home" / "models").iterdir()} == set(KINDS)
    assert not (tmp_path / "home" / "output").exists()


def test_ensure_with_something_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "cache").write_bytes(b"")
    with pytest.raises(module.PlaceUnusable, match="cache can't be made") as caught:
        load(tmp_path).ensure()
    assert "LATENT_STUDIO_HOME" in caught.value.hint
    open_to_all(tmp_path)
    places = load(tmp_path / "new")
    with as_nobody(), pytest.raises(module.PlaceUnusable, match="Permission denied"):
        places.ensure()


def test_resources_of_this_checkout() -> None:
    assert resources() == Path(studio.__file__).parent.parent / "resources"
    assert (resources() / "pocket" / "model_index.json").is_file()


def test_resources_of_an_installed_copy(tmp_path: Path) -> None:
    """As a wheel lays it out: `resources` beside `studio` in site-packages."""
    site = tmp_path / "site-packages"
    source = Path(studio.__file__).parent
    site.mkdir()
    shutil.copytree(source, site / "studio", ignore=shutil.ignore_patterns("__pycache__"))
    code = "from studio.places import resources; print(resources())"
    env = {**os.environ, "PYTHONPATH": str(site)}
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, env=env, cwd=tmp_path, capture_output=True, text=True)
    assert "ResourcesMissing" in done.stderr
    assert "Install Latent Studio again" in done.stderr
    (site / "resources").mkdir()
    done = subprocess.run(run, env=env, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(site / "resources")


# ------------------------------------------------------------------ settings


def test_settings(tmp_path: Path) -> None:
    places = load(
        tmp_path,
        """
        model_folders = ["/data/ComfyUI/models", "more"]
        cache_budget = "1.5 GiB"
        memory_budget = 1000
        device = "cuda:1"
        dtype = "bfloat16"
        output = "pictures"
        threads = 4
        """,
    )
    assert places.settings == Settings(
        (Path("/data/ComfyUI/models"), tmp_path / "more"), 3 * GIB // 2, 1000, "cuda:1",
        "bfloat16", tmp_path / "pictures", 4,
    )  # fmt: skip
    assert places.output == tmp_path / "pictures"


def test_defaults(tmp_path: Path) -> None:
    settings = load(tmp_path, "").settings
    assert (settings.cache_budget, settings.device, settings.dtype) == (10 * GIB, "auto", "auto")
    assert (settings.threads, settings.output, settings.model_folders) == (None, None, ())


def test_all_faults_at_once(tmp_path: Path) -> None:
    found = faults(
        tmp_path,
        """
        cache_buget = 1
        cache_budget = "10 G"
        memory_budget = -1
        device = "gpu"
        dtype = "half"
        threads = 0
        output = 3
        model_folders = "/data"
        [nonsense]
        a = 1
        """,
    )
    assert len(found) == 9
    text = "\n".join(found)
    assert "cache_buget: there is no such setting. Did you mean cache_budget" in text
    assert 'cache_budget: "10 G" is not a size' in text
    assert "memory_budget: -1 is not a size" in text
    assert 'device: "gpu" is not auto, cpu, cuda' in text
    assert 'dtype: "half" is not auto, float32, float16 or bfloat16' in text
    assert "threads: 0 is not a number from 1 to 1024" in text
    assert "output: 3 is not a path" in text
    assert 'model_folders: "/data" is not a list of paths' in text
    assert "nonsense: there is no such setting" in text


@pytest.mark.parametrize(
    "line",
    [
        "threads = true",
        "threads = 1.5",
        'threads = "4"',
        "cache_budget = true",
        "cache_budget = 1.5",
        "cache_budget = []",
        'device = ["cpu"]',
        'device = "cuda:x"',
        'device = "cpu\\n"',
        "dtype = 32",
        'output = ""',
        'output = "a\\u0000b"',
        "model_folders = [1]",
        'model_folders = [" "]',
    ],
)
def test_wrong_values(tmp_path: Path, line: str) -> None:
    assert faults(tmp_path, line)[0].startswith(line.split(" ")[0] + ": ")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"threads = \nx = 1", "line 1"),
        (b"threads = 1\nthreads = 2\n", "line 2"),
        (b"output = '\xff'", "not UTF-8"),
        (b"a = " + b"[" * 100_000, "."),
    ],
)
def test_unreadable_settings(tmp_path: Path, data: bytes, why: str) -> None:
    with pytest.raises(module.SettingsUnreadable, match=why) as caught:
        load(tmp_path, data)
    assert str(tmp_path / "settings.toml") in caught.value.message


def test_settings_with_the_mark_of_windows(tmp_path: Path) -> None:
    assert load(tmp_path, b"\xef\xbb\xbfthreads = 2\r\n").settings.threads == 2


def test_settings_that_cant_be_opened(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").mkdir()
    with pytest.raises(module.SettingsUnreadable, match="directory"):
        load(tmp_path)
    home = tmp_path / "home"
    load(home, "threads = 2")
    (home / "settings.toml").chmod(0)
    with as_nobody(), pytest.raises(module.SettingsUnreadable, match="Permission denied"):
        load(home)


# ------------------------------------------------------------------ sizes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("4096", 4096),
        (" 12 B ", 12),
        ("10 GiB", 10 * GIB),
        ("1.5GiB", 3 * GIB // 2),
        ("1.5 gib", 3 * GIB // 2),
        ("500 MB", 500_000_000),
        ("3 kB", 3000),
        ("3 KiB", 3072),
        ("2TiB", 2**41),
        ("0.3 KB", 300),
        ("8000000.000000001 GB", 8 * 10**15 + 1),  # a float would lose the last byte
    ],
)
def test_parse_size(text: str, expected: int) -> None:
    assert parse_size(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "GiB", "-1", "1e3", "10 G", "1,5 GiB", "1.", ".5 MB", "1 GiB 2", "0x10", "inf"),
        *("٣ MB", "9" * 5000, "1 PB", "1_000"),
    ],
)
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(module.BadSize, match="is not a size") as caught:
        parse_size(text)
    assert "10 GiB" in caught.value.hint
    assert len(caught.value.message) < 80


@given(st.integers(0, 10**15 - 1), st.sampled_from(["", "B", "kB", "MB", "GB", "TB"]))
def test_whole_sizes_are_exact(count: int, unit: str) -> None:
    power = ["B", "kB", "MB", "GB", "TB"].index(unit or "B")
    expected = count * 1000**power
    assert parse_size(f"{count} {unit}") == parse_size(f"{count}{unit.upper()}") == expected


@given(st.integers(0, 10**14))
def test_sizes_in_words_read_back(count: int) -> None:
    assert abs(parse_size(in_words(count)) - count) <= max(count * 0.051, 0)


@given(st.text(max_size=12))
def test_any_text_is_a_size_or_refused(text: str) -> None:
    with contextlib.suppress(module.BadSize):
        assert parse_size(text) >= 0


# ------------------------------------------------------------------ other programs' folders


def made(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).mkdir(parents=True)
    return root


def test_comfyui_models_in_place(tmp_path: Path) -> None:
    made(
        tmp_path / "ComfyUI" / "models", "checkpoints", "Loras", "VAE", "controlnet", "embeddings",
        "upscale_models", "text_encoders", "clip", "configs", "unet",
    )  # fmt: skip
    for given_folder in ("../ComfyUI/models", "../ComfyUI"):
        places = load(tmp_path / "home", f'model_folders = ["{given_folder}"]')
        models = tmp_path / "home" / "../ComfyUI/models"
        found = {k: [str(f.relative_to(models)) for f in places.model_folders(k)] for k in KINDS}
        assert found == {
            "checkpoints": ["checkpoints"], "loras": ["Loras"], "vae": ["VAE"],
            "controlnet": ["controlnet"], "embeddings": ["embeddings"],
            "upscalers": ["upscale_models"], "text_encoders": ["clip", "text_encoders"],
        }  # fmt: skip
        assert places.model_folder_faults() == []


@pytest.mark.parametrize("given_folder", ["webui/models", "webui"])
def test_a1111_models_in_place(tmp_path: Path, given_folder: str) -> None:
    webui = made(
        tmp_path / "webui", "models/Stable-diffusion", "models/Lora", "models/VAE",
        "models/ControlNet", "models/ESRGAN", "models/RealESRGAN", "models/Codeformer",
        "embeddings", "extensions",
    )  # fmt: skip
    places = load(tmp_path / "home", f'model_folders = ["{tmp_path / given_folder}"]')
    found = {k: [str(f.relative_to(webui)) for f in places.model_folders(k)] for k in KINDS}
    assert found == {
        "checkpoints": ["models/Stable-diffusion"], "loras": ["models/Lora"],
        "vae": ["models/VAE"], "controlnet": ["models/ControlNet"], "embeddings": ["embeddings"],
        "upscalers": ["models/ESRGAN", "models/RealESRGAN"], "text_encoders": [],
    }  # fmt: skip


def test_own_folders_come_first(tmp_path: Path) -> None:
    made(tmp_path / "a", "loras")
    made(tmp_path / "b", "lora")
    places = load(tmp_path / "home", 'model_folders = ["../b", "../a", "../b"]')
    places.ensure()
    names = [Path(os.path.normpath(f)) for f in places.model_folders("loras")]
    assert names == [tmp_path / "home/models/loras", tmp_path / "b/lora", tmp_path / "a/loras"]


def test_folders_that_bring_nothing(tmp_path: Path) -> None:
    made(tmp_path / "empty", "stuff")
    (tmp_path / "file").write_bytes(b"")
    places = load(tmp_path / "home", 'model_folders = ["../empty", "../gone", "../file"]')
    assert [places.model_folders(kind) for kind in KINDS] == [()] * len(KINDS)
    notes = places.model_folder_faults()
    assert len(notes) == 3
    assert "has none of the folders checkpoints" in notes[0]
    assert "isn't there" in notes[1]
    assert "isn't a folder" in notes[2]


def test_a_models_folder_linked_into_itself_ends(tmp_path: Path) -> None:
    root = made(tmp_path / "x", "loras")
    (root / "models").symlink_to(root)
    places = load(tmp_path / "home", 'model_folders = ["../x"]')
    assert len(places.model_folders("loras")) <= 2


def test_import_is_light() -> None:
    code = (
        "import sys; from studio.places import Places; Places.load()\n"
        "heavy = ('numpy', 'PIL', 'pydantic', 'torch', 'rapidfuzz', 'tomllib')\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
