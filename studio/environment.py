"""Where a run finds its models and files and puts its pictures.

Markers of parameters ask here for model names, paths and fingerprints. No torch.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from studio.errors import InputError

if TYPE_CHECKING:
    from studio.diffusion.checkpoints import Checkpoint
    from studio.execution.filehash import FileHashes
    from studio.modelfiles import ModelFile
    from studio.outputs import OutputFolder
    from studio.places import Places


class OutputFileMissing(InputError):
    """A file that a node reads from the output folder isn't there or lies outside."""

    def __init__(self, value: str, root: Path, reason: str) -> None:
        super().__init__(
            f"{value!r} {reason}.", hint=f"Name a file under the output folder {root}."
        )


@dataclass
class Environment:
    """Paths and hashes for one graph.

    Args:
        places: the user's folders and settings.
        hashes: remembers file hashes.
        output: where pictures go.
        base: folder of the graph file; relative input paths are looked up here first.
        graph_name: stem of the graph file, for names of pictures.
    """

    places: Places
    hashes: FileHashes
    output: OutputFolder
    base: Path
    graph_name: str = "graph"
    _models: dict[tuple[str, str], ModelFile] = field(default_factory=dict)
    _checkpoints: dict[Path, Checkpoint] = field(default_factory=dict)

    def model(self, kind: str, name: str) -> ModelFile:
        """The model file called `name`.

        Raises:
            UnknownModel: with the nearest names.
        """
        from studio.modelfiles import resolve_model

        if (kind, name) not in self._models:
            self._models[kind, name] = resolve_model(self.places, kind, name)
        return self._models[kind, name]

    def model_names(self, kind: str) -> tuple[str, ...]:
        """All models of a kind, for pickers."""
        from studio.modelfiles import find_models

        return tuple(file.name for file in find_models(self.places, kind))

    def checkpoint(self, name: str) -> Checkpoint:
        """The checkpoint called `name`, its configs read and its files' headers checked.

        Raises:
            InputError: it isn't there, is damaged, or of a kind that can't be used.
        """
        from studio.diffusion.checkpoints import read_checkpoint

        path = self.model("checkpoints", name).path
        if path not in self._checkpoints:
            self._checkpoints[path] = read_checkpoint(path, name)
        return self._checkpoints[path]

    def check_model(self, kind: str, name: str) -> None:
        """Raise where the model can't be used."""
        if kind == "checkpoints":
            self.checkpoint(name)
        else:
            self.model(kind, name)

    def model_fingerprint(self, kind: str, name: str) -> str:
        """BLAKE3 over the model's contents."""
        return self.hashes.fingerprint(self.model(kind, name).path)

    def file_fingerprint(self, path: Path) -> str:
        """BLAKE3 over a file's contents."""
        return self.hashes.fingerprint(path)

    def input_path(self, value: str) -> Path:
        """A picture's path: as it is, beside the graph, or in the input folder."""
        # os.path and not pathlib, which raises for a user or a name that can't be.
        path = Path(os.path.expanduser(value))
        if path.is_absolute():
            return path
        beside = self.base / path
        in_input = self.places.home / "input" / path
        return in_input if os.path.exists(in_input) and not os.path.exists(beside) else beside

    def output_file(self, value: str, suffix: str) -> Path:
        """A file under the output folder that an earlier run wrote.

        Raises:
            OutputFileMissing: it isn't there, has another suffix, or lies outside.
        """
        root = self._root
        if "\0" in value:
            raise OutputFileMissing(value, root, "is no path")
        path = (root / value).resolve()
        if not path.is_relative_to(root):
            raise OutputFileMissing(value, root, "lies outside the output folder")
        if path.suffix != suffix:
            raise OutputFileMissing(value, root, f"doesn't end in {suffix}")
        if not os.path.isfile(path):
            raise OutputFileMissing(value, root, "isn't there")
        return path

    @cached_property
    def _root(self) -> Path:
        return self.output.root.resolve()
