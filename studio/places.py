"""Folders and settings: where models, cache and pictures are, and what `settings.toml` says.

Loading makes no folder and imports nothing heavy; `Places.ensure` makes the folders.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from studio.errors import InputError, StudioError
from studio.settings import (
    HOME_VARIABLE,
    BadSize,
    Settings,
    SettingsFault,
    SettingsUnreadable,
    home_folder,
    parse_size,
    read_settings,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "HOME_VARIABLE",
    "KINDS",
    "BadSize",
    "PlaceUnusable",
    "Places",
    "ResourcesMissing",
    "Settings",
    "SettingsFault",
    "SettingsUnreadable",
    "parse_size",
    "resources",
]

KINDS = (
    "checkpoints", "loras", "vae", "controlnet", "embeddings", "upscalers", "text_encoders",
)  # fmt: skip
"""Kinds of model files, and the names of their folders under `models`."""

# Folder names of other programs, in small letters: a user's collection is used where it lies.
_THEIR_NAMES = {
    **{kind: kind for kind in KINDS},
    "upscale_models": "upscalers",  # ComfyUI
    "clip": "text_encoders",  # ComfyUI, older
    "stable-diffusion": "checkpoints",  # A1111 and its forks, from here on
    "lora": "loras",
    "lycoris": "loras",
    "esrgan": "upscalers",
    "realesrgan": "upscalers",
    "text_encoder": "text_encoders",
}


class PlaceUnusable(InputError):
    """A folder of the program can't be made."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            f"The folder {path} can't be made: {error.strerror or error}.",
            hint=f"Make room for it, or set {HOME_VARIABLE} to another folder.",
        )


class ResourcesMissing(StudioError):
    """The program's own files aren't beside it."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"The program's folder {path} is missing.", hint="Install Latent Studio again."
        )


@dataclass(frozen=True, slots=True)
class Places:
    """The user's folders. None of them need exist.

    Args:
        home: models, input, cache, output and settings.toml, unless set elsewhere.
        cache: results of earlier runs.
        input: pictures that graphs name without a path.
        output: pictures made.
        settings: what `settings.toml` says.
    """

    home: Path
    cache: Path
    input: Path
    output: Path
    settings: Settings

    @classmethod
    def load(cls, env: Mapping[str, str] | None = None) -> Places:
        """The places of this user: `LATENT_STUDIO_HOME`, else the system's folder for user data.

        Args:
            env: environment variables; None takes the process's.

        Raises:
            SettingsUnreadable, SettingsFault: `settings.toml` is at fault.
        """
        home = home_folder(env)
        settings = read_settings(home / "settings.toml")
        output = settings.output or home / "output"
        return cls(home, home / "cache", home / "input", output, settings)

    def model_folders(self, kind: str) -> tuple[Path, ...]:
        """Folders that exist and hold models of `kind` (one of `KINDS`); the user's own first."""
        own = self.home / "models" / kind
        found = [own] if os.path.isdir(own) else []
        for root in self.settings.model_folders:
            found += [folder for theirs, folder in _mapped(root) if theirs == kind]
        return tuple(dict.fromkeys(found))

    def model_folder_faults(self) -> list[str]:
        """Folders in the settings that bring no models, in words, for `doctor`."""
        faults = []
        for root in self.settings.model_folders:
            if not os.path.isdir(root):
                faults.append(f"model_folders: {root} isn't there, or isn't a folder.")
            elif not any(_mapped(root)):
                faults.append(
                    f"model_folders: {root} has none of the folders {', '.join(KINDS)}, "
                    "nor those of ComfyUI or A1111."
                )
        return faults

    def ensure(self) -> None:
        """Make the folders that are missing.

        Raises:
            PlaceUnusable: a file is in the way, or the system doesn't let us.
        """
        models = (self.home / "models" / kind for kind in KINDS)
        for folder in (*models, self.cache, self.input, self.output):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise PlaceUnusable(folder, error) from error


def resources() -> Path:
    """The folder of what ships with the program; beside `studio` in a checkout and in a wheel.

    Raises:
        ResourcesMissing: it isn't there.
    """
    folder = Path(__file__).resolve().parent.parent / "resources"
    if not folder.is_dir():
        raise ResourcesMissing(folder)
    return folder


def _mapped(root: Path) -> Iterator[tuple[str, Path]]:
    """Kind and folder of what is known in another program's `models` folder, in order of name.

    The program's own folder will do too: then its `models` is looked into as well.
    """
    for name in _folder_names(root):
        folder = root / name
        if kind := _THEIR_NAMES.get(name.casefold()):
            yield kind, folder
        if name.casefold() == "stable-diffusion":  # A1111 keeps embeddings beside its models
            beside = root.parent / "embeddings"
            if os.path.isdir(beside):
                yield "embeddings", beside
        if name.casefold() == "models" and root.name.casefold() != "models":
            yield from _mapped(folder)


def _folder_names(root: Path) -> list[str]:
    try:
        with os.scandir(root) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir())
    except OSError:  # an unplugged drive; `model_folder_faults` tells
        return []
