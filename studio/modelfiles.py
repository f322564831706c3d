"""Finding model files by name, in the user's folders and among what ships with the program.

Looks at names and sizes only: nothing is opened or hashed, so a list of thousands is quick.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from studio.errors import InputError
from studio.places import KINDS, resources
from studio.words import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from studio.places import Places

__all__ = ["KINDS", "ModelFile", "UnknownModel", "find_models", "resolve_model"]

Layout = Literal["diffusers folder", "single file"]

SUFFIXES = (".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin", ".gguf")

MAX_DEPTH = 8

# What shows that a folder is one model: of a whole checkpoint its index, of a part its config.
_MARKERS = {
    "checkpoints": "model_index.json", "vae": "config.json", "controlnet": "config.json",
    "text_encoders": "config.json",
}  # fmt: skip


class UnknownModel(InputError):
    """There is no model of that name."""

    def __init__(
        self, kind: str, name: str, known: Sequence[str], folders: Sequence[Path], own: Path
    ) -> None:
        looked = ", ".join(str(folder) for folder in folders) or "no folder"
        unreadable = [str(f) for f in folders if not os.access(f, os.R_OK | os.X_OK)]
        blocked = f" Of these, {', '.join(unreadable)} can't be read." if unreadable else ""
        super().__init__(
            f'There is no model "{name}" among the {kind}.{nearest(name, known)}',
            hint=f"Looked in {looked}.{blocked} `models` lists what there is; "
            f"one of yours belongs in {own}.",
        )


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model on disk.

    Args:
        name: what a user types: "pocket", "sdxl/base.safetensors" (parted by / everywhere).
        kind: one of `KINDS`.
        path: absolute path of its file, or of its folder.
        layout: a folder as diffusers writes it, or one file.
        bytes: size of the file, or of all files in the folder.
        shadowed: models of the same name in folders that are looked at later; they can't be
            named until this one is renamed.
    """

    name: str
    kind: str
    path: Path
    layout: Layout
    bytes: int
    shadowed: tuple[Path, ...] = ()


def find_models(places: Places, kind: str) -> list[ModelFile]:
    """All models of a kind, by name.

    Where a name is there twice the earlier folder wins: the user's own, then those in the
    settings, then what ships with the program; the losers are in `shadowed`.

    Args:
        kind: one of `KINDS`.

    Raises:
        ValueError: `kind` is none of them.
        ResourcesMissing: the installation is broken.
    """
    if kind not in KINDS:
        raise ValueError(f"no kind of model: {kind!r}")
    found: dict[str, ModelFile] = {}
    for root in _roots(places, kind):
        for file in _scan(root, kind):
            if root == resources() and (file.layout == "single file" or "/" in file.name):
                continue  # what ships as a checkpoint is a folder there; other things lie deeper
            if file.name in found:
                winner = found[file.name]
                found[file.name] = replace(winner, shadowed=(*winner.shadowed, file.path))
            else:
                found[file.name] = file
    return sorted(found.values(), key=lambda file: (file.name.casefold(), file.name))


def resolve_model(places: Places, kind: str, name: str) -> ModelFile:
    """The model that a user means by `name`.

    The exact name counts first. Then a name without its ending, where only one model fits, and
    the \\ of graphs made on Windows as /.

    Raises:
        UnknownModel: none fits, or several do; with the nearest names and the folders looked in.
    """
    files = find_models(places, kind)
    for wanted in (name, name.replace("\\", "/")):
        for file in files:
            if file.name == wanted:
                return file
        fitting = [file for file in files if _without_ending(file) == wanted]
        if len(fitting) == 1:
            return fitting[0]
    names = [file.name for file in files]
    own = places.home / "models" / kind
    raise UnknownModel(kind, name, names, _roots(places, kind), own)


def _roots(places: Places, kind: str) -> list[Path]:
    """Folders to look in, the most important first."""
    shipped = resources() if kind == "checkpoints" else resources() / kind
    return [*places.model_folders(kind), *([shipped] if shipped.is_dir() else [])]


def _without_ending(file: ModelFile) -> str:
    return file.name if file.layout == "diffusers folder" else os.path.splitext(file.name)[0]


def _scan(root: Path, kind: str) -> Iterator[ModelFile]:
    """Models under `root`. A folder that links lead to in two ways is looked into once."""
    seen: set[tuple[int, int]] = set()
    # Breadth first, and real folders before links, so that a model gets its shortest, real name.
    level: list[Path] = [root]
    for _ in range(MAX_DEPTH):
        inner: list[tuple[bool, str]] = []
        for folder in level:
            try:
                status = os.stat(folder)
                if (status.st_dev, status.st_ino) in seen:
                    continue
                seen.add((status.st_dev, status.st_ino))
                with os.scandir(folder) as listing:
                    entries = [entry for entry in listing if not entry.name.startswith(".")]
            except OSError:  # unreadable or gone; `UnknownModel` names unreadable folders
                continue
            if folder != root and any(entry.name == _MARKERS.get(kind) for entry in entries):
                yield _model(root, kind, folder, "diffusers folder", _folder_size(folder))
                continue  # its parts are no models of their own
            for entry in entries:
                try:
                    status = entry.stat()
                except OSError:  # a link to nothing, or into a folder that can't be read
                    continue
                if stat.S_ISDIR(status.st_mode):
                    inner.append((entry.is_symlink(), entry.path))
                elif not stat.S_ISREG(status.st_mode):
                    continue  # a pipe or a device: opening it could wait for ever
                elif entry.name.lower().endswith(SUFFIXES):
                    yield _model(root, kind, Path(entry.path), "single file", status.st_size)
        level = [Path(path) for _, path in sorted(inner)]


def _model(root: Path, kind: str, path: Path, layout: Layout, size: int) -> ModelFile:
    return ModelFile(path.relative_to(root).as_posix(), kind, path, layout, size)


def _folder_size(folder: Path) -> int:
    """Bytes of the files in a model's folder, which holds folders of files and no deeper."""
    total = 0
    for path in (folder, *(child for child in folder.iterdir() if child.is_dir())):
        try:
            with os.scandir(path) as entries:
                total += sum(entry.stat().st_size for entry in entries if entry.is_file())
        except OSError:  # unreadable; loading will say so
            continue
    return total
