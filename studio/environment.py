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
from studio.params import AVERAGED

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
    _checkpoints: dict[tuple[Path, str, str], Checkpoint] = field(default_factory=dict)

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

    def checkpoint(
        self, name: str, prediction: str = "auto", weights: str = "auto"
    ) -> Checkpoint:
        """The checkpoint called `name`, its configs read and its files' headers checked.

        Args:
            name: of the checkpoint.
            prediction, weights: as LoadCheckpoint has them.

        Raises:
            InputError: it isn't there, is damaged, or of a kind that can't be used.
        """
        from studio.diffusion.checkpoints import read_checkpoint

        path = self.model("checkpoints", name).path
        key = path, prediction, weights
        if key not in self._checkpoints:
            self._checkpoints[key] = read_checkpoint(path, name, prediction, AVERAGED.get(weights))
        return self._checkpoints[key]

    def embedding(self, name: str) -> ModelFile:
        """The textual inversion that a prompt means by `name`.

        Besides the names that any model goes by, the file's own name without its folder will do.
        Of files that differ in their ending alone the safer format is taken.

        Raises:
            UnknownModel: there is none, or several folders have one; with the nearest names.
        """
        from studio.modelfiles import UnknownModel, resolve_model

        key = ("embeddings", name)
        if key not in self._models:
            try:
                self._models[key] = resolve_model(self.places, *key)
            except UnknownModel:
                if (found := self._embedding_called(name)) is None:
                    raise
                self._models[key] = found
        return self._models[key]

    def embedding_fingerprint(self, name: str) -> str:
        """BLAKE3 over the contents of the textual inversion called `name`."""
        return self.hashes.fingerprint(self.embedding(name).path)

    def _embedding_called(self, name: str) -> ModelFile | None:
        from studio.modelfiles import SUFFIXES

        wanted = name.replace("\\", "/")
        for last in (False, True):  # with its folder, then by its own name
            fitting = [
                file
                for file in self._embeddings
                if wanted in _names_of(file.name.rpartition("/")[2] if last else file.name)
            ]
            stems = {os.path.splitext(file.name)[0] for file in fitting}
            if len(stems) == 1:
                return min(fitting, key=lambda file: SUFFIXES.index(file.path.suffix.lower()))
        return None

    @cached_property
    def _embeddings(self) -> list[ModelFile]:
        from studio.modelfiles import find_models

        return find_models(self.places, "embeddings")

    def model_fingerprint(self, kind: str, name: str) -> str:
        """BLAKE3 over the model's contents."""
        return self.hashes.fingerprint(self.model(kind, name).path)

    def checkpoint_fingerprint(self, name: str) -> str:
        """BLAKE3 over a checkpoint's contents, and over what a small file beside it says.

        Raises:
            InputError: it isn't there or can't be read.
        """
        from studio.diffusion.checkpoints.sidecar import read_sidecar

        path = self.model("checkpoints", name).path
        contents = self.hashes.fingerprint(path)
        sidecar = None if path.is_dir() else read_sidecar(path, name)
        said = sidecar.said if sidecar else ""
        if not said:
            return contents
        from blake3 import blake3

        return blake3(f"{contents}\n{said}".encode()).hexdigest()

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


def _names_of(file: str) -> tuple[str, str]:
    """What a file may be called by: with its ending and without."""
    return file, os.path.splitext(file)[0]
