"""Finding models by name."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from open_folders import open_to_all

from studio.modelfiles import UnknownModel, find_models, resolve_model
from studio.places import Places, Settings, resources
from studio.words import nearest

if TYPE_CHECKING:
    from pathlib import Path

SHIPPED_LORA = "pocket-striped.safetensors"


@pytest.fixture
def home(home: Path) -> Path:
    """The home of every test, with its folders made."""
    Places.load().ensure()
    return home


def at(home: Path) -> Places:
    return Places.load({"LATENT_STUDIO_HOME": str(home)})


def file(path: Path, size: int = 3) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    return path


def diffusers(folder: Path) -> Path:
    file(folder / "model_index.json", 10)
    file(folder / "unet" / "diffusion_pytorch_model.safetensors", 100)
    file(folder / "vae" / "diffusion_pytorch_model.safetensors", 50)
    return folder


def names(home: Path, kind: str = "checkpoints") -> list[str]:
    return [found.name for found in find_models(at(home), kind)]


def test_the_embedded_model_is_always_there(tmp_path: Path) -> None:
    places = Places.load({"LATENT_STUDIO_HOME": str(tmp_path / "nothing")})
    [pocket, inpaint] = find_models(places, "checkpoints")
    assert inpaint.name == "pocket-inpaint"
    assert (pocket.name, pocket.kind, pocket.layout) == (
        "pocket",
        "checkpoints",
        "diffusers folder",
    )
    assert pocket.path == resources() / "pocket"
    assert pocket.bytes == sum(p.stat().st_size for p in pocket.path.rglob("*") if p.is_file())
    assert pocket.shadowed == ()
    assert [lora.name for lora in find_models(places, "loras")] == [SHIPPED_LORA]
    assert find_models(places, "vae") == []


def test_files_and_folders(home: Path) -> None:
    models = home / "models"
    file(models / "checkpoints" / "sdxl" / "Base.safetensors", 7)
    file(models / "checkpoints" / "old.CKPT")
    file(models / "checkpoints" / "notes.txt")
    file(models / "checkpoints" / "half.safetensors.part")
    file(models / "checkpoints" / ".hidden" / "a.safetensors")
    diffusers(models / "checkpoints" / "deep" / "er" / "folder")
    file(models / "loras" / "a.safetensors")
    found = {m.name: m for m in find_models(at(home), "checkpoints")}
    assert list(found) == [
        "deep/er/folder", "old.CKPT", "pocket", "pocket-inpaint", "sdxl/Base.safetensors",
    ]  # fmt: skip
    assert (found["sdxl/Base.safetensors"].bytes, found["sdxl/Base.safetensors"].layout) == (
        7, "single file",
    )  # fmt: skip
    assert (found["deep/er/folder"].bytes, found["deep/er/folder"].layout) == (
        160, "diffusers folder",
    )  # fmt: skip
    assert names(home, "loras") == ["a.safetensors", SHIPPED_LORA]
    with pytest.raises(ValueError, match="lorax"):
        find_models(at(home), "lorax")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_pipes_are_no_models(home: Path) -> None:
    folder = home / "models" / "checkpoints"
    file(folder / "real.safetensors")
    os.mkfifo(folder / "pipe.safetensors")
    names = [found.name for found in find_models(at(home), "checkpoints")]
    assert "real.safetensors" in names
    assert "pipe.safetensors" not in names


def test_names_that_several_kinds_have_are_suggested_once() -> None:
    assert nearest("sam", ["same", "same", "other"]) == " Did you mean same?"


def test_parts_in_folders(home: Path) -> None:
    file(home / "models/vae/mine/config.json")
    file(home / "models/vae/mine/diffusion_pytorch_model.safetensors")
    file(home / "models/loras/set/config.json")
    file(home / "models/loras/set/a.safetensors")
    assert names(home, "vae") == ["mine"]
    assert names(home, "loras") == [SHIPPED_LORA, "set/a.safetensors"]


def test_resolve(home: Path) -> None:
    for name in ("sdxl/base.safetensors", "two.ckpt", "two.safetensors", "v1.5.safetensors"):
        file(home / "models" / "checkpoints" / name)

    def resolved(name: str) -> str:
        return resolve_model(at(home), "checkpoints", name).name

    assert resolved("pocket") == "pocket"
    assert resolved("sdxl/base.safetensors") == "sdxl/base.safetensors"
    assert resolved("sdxl\\base.safetensors") == "sdxl/base.safetensors"
    assert resolved("sdxl/base") == "sdxl/base.safetensors"
    assert resolved("v1.5") == "v1.5.safetensors"
    assert resolved("two.ckpt") == "two.ckpt"
    for name in ("two", "base", "base.safetensors", "", "../checkpoints/two.ckpt", "sdxl"):
        with pytest.raises(UnknownModel):
            resolved(name)


def test_unknown_names_the_nearest_and_the_folders(home: Path) -> None:
    file(home / "models" / "checkpoints" / "dreamshaper.safetensors")
    with pytest.raises(UnknownModel, match=r"dreamshaper\.safetensors") as caught:
        resolve_model(at(home), "checkpoints", "dreamshapr")
    message = str(caught.value)
    assert '"dreamshapr" among the checkpoints' in message
    assert str(home / "models" / "checkpoints") in message
    assert str(resources()) in message
    assert caught.value.exit_code == 2


def test_a_users_model_hides_the_embedded_one_of_its_name(home: Path) -> None:
    file(home / "models/checkpoints/pocket.safetensors")
    assert resolve_model(at(home), "checkpoints", "pocket").path == resources() / "pocket"
    mine = diffusers(home / "models" / "checkpoints" / "pocket")
    found = resolve_model(at(home), "checkpoints", "pocket")
    assert found.path == mine
    assert found.shadowed == (resources() / "pocket",)


def test_earlier_folders_win(home: Path, tmp_path: Path) -> None:
    other, third = tmp_path / "other", tmp_path / "third"
    first = file(home / "models" / "loras" / "a.safetensors", 1)
    second = file(other / "Lora" / "a.safetensors", 2)
    last = file(third / "loras" / "a.safetensors", 3)
    file(other / "Lora" / "b.safetensors")
    (home / "settings.toml").write_text(f'model_folders = ["{other}", "{third}"]')
    assert names(home, "loras") == ["a.safetensors", "b.safetensors", SHIPPED_LORA]
    found = resolve_model(at(home), "loras", "a")
    assert (found.path, found.shadowed) == (first, (second, last))


def test_links(home: Path, tmp_path: Path) -> None:
    """Loops end, links out of the folder are followed, links to nothing are left out."""
    checkpoints = home / "models" / "checkpoints"
    real = file(checkpoints / "real" / "a.safetensors").parent
    (real / "up").symlink_to(checkpoints)
    (real / "self").symlink_to(real)
    (checkpoints / "also").symlink_to(real)
    (checkpoints / "broken.safetensors").symlink_to(tmp_path / "nothing")
    (checkpoints / "gone").symlink_to(tmp_path / "nothing")
    file(tmp_path / "disk" / "b.safetensors")
    (checkpoints / "disk").symlink_to(tmp_path / "disk")
    (checkpoints / "c.safetensors").symlink_to(tmp_path / "disk" / "b.safetensors")
    diffusers(tmp_path / "elsewhere")
    (checkpoints / "linked").symlink_to(tmp_path / "elsewhere")
    assert names(home) == [
        "c.safetensors", "disk/b.safetensors", "linked", "pocket", "pocket-inpaint",
        "real/a.safetensors",
    ]  # fmt: skip


def test_depth_is_limited(home: Path) -> None:
    checkpoints = home / "models" / "checkpoints"
    file(checkpoints / "/".join("abcdefg") / "in.safetensors")
    file(checkpoints / "/".join("abcdefgh") / "out.safetensors")
    assert names(home) == ["a/b/c/d/e/f/g/in.safetensors", "pocket", "pocket-inpaint"]


def test_an_unreadable_folder_is_named(home: Path) -> None:
    if not hasattr(os, "geteuid"):
        pytest.skip("no POSIX permissions here")
    folder = home / "models" / "checkpoints"
    file(folder / "a.safetensors")
    open_to_all(home)
    places = at(home)
    resolve_model(places, "checkpoints", "a")
    folder.chmod(0)
    code = (
        "import os, sys; sys.path.insert(0, '.')\n"
        "import rapidfuzz.process, rapidfuzz.utils\n"
        "from studio.modelfiles import resolve_model; from studio.places import Places\n"
        "if os.getuid() == 0: os.setgid(65534); os.setuid(65534)\n"
        "try: resolve_model(Places.load(), 'checkpoints', 'a')\n"
        "except Exception as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "LATENT_STUDIO_HOME": str(home)}, capture_output=True, text=True,
        cwd=resources().parent, check=True,
    )  # fmt: skip
    assert f"Of these, {folder} can't be read" in done.stdout, done.stderr


def test_thousands_are_listed_without_opening_any(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = home / "models" / "vae"
    for index in range(2000):
        (folder / f"{index}.safetensors").touch()

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a model file was opened")

    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr("io.open", refuse)
    found = find_models(Places(home, home, home, home, Settings()), "vae")
    assert len(found) == 2000


def test_import_is_light() -> None:
    code = (
        "import sys; from studio.modelfiles import find_models\n"
        "from studio.places import Places\n"
        "find_models(Places.load(), 'checkpoints')\n"
        "heavy = ('numpy', 'PIL', 'pydantic', 'torch', 'rapidfuzz', 'blake3')\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
