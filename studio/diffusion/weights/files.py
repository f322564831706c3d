"""Files of weights, opened: safetensors by plain reads, pickles of torch with `weights_only`.

Tensors are read one at a time into memory of their own. Safetensors files aren't mapped: a mapped
file counts as this process's memory, and one that is cut while it is mapped kills the process.
"""

from __future__ import annotations

import os
import pickle
import pickletools
import re
import warnings
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import torch

from studio.diffusion.weights.header import (
    AGAIN,
    PICKLES,
    BadWeights,
    Header,
    TensorInfo,
    format_of,
    read_header,
)
from studio.words import short

if TYPE_CHECKING:
    from collections.abc import Mapping
    from io import FileIO
    from pathlib import Path

    from torch import Tensor

DTYPES: dict[str, torch.dtype] = {
    "BOOL": torch.bool, "U8": torch.uint8, "I8": torch.int8, "I16": torch.int16,
    "U16": torch.uint16, "I32": torch.int32, "U32": torch.uint32, "I64": torch.int64,
    "U64": torch.uint64, "F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32,
    "F64": torch.float64, "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2,
}  # fmt: skip
_NAMES = {dtype: name for name, dtype in DTYPES.items()}

MAX_LOOK = 2**20
"""Bytes of a refused pickle to look through for what it names."""

PIECE = 2**20
"""Numbers that are converted at once, on the way from a file's dtype to another; they stay in the
processor's cache."""

MOST = 2**28
"""Numbers that are read at once where nothing is converted."""

CONVERT = (
    "It is not opened, since it could do anything to your machine. Convert it to safetensors with "
    "a program you trust, where nothing can be lost: load it there and save its tensors with "
    "safetensors.torch.save_file; or get the model as .safetensors."
)


class _Inert:
    """Stands for an object of a training program that isn't wanted: it keeps and does nothing."""

    def __new__(cls, *_arguments: object, **_options: object) -> _Inert:
        return super().__new__(cls)

    def __init__(self, *_arguments: object, **_options: object) -> None:
        """Takes what the real one takes."""

    def __setstate__(self, _state: object) -> None:
        """Forget it."""


# The original checkpoints of CompVis carry their trainer's notes beside the tensors: which epoch
# was the best, and its score. None of it is used, so nothing of it is made: every one of these
# names stands for an inert object, and the program that it belongs to isn't even needed.
_NOTES: list[Any] = [
    type(name, (_Inert,), {"__module__": module, "__qualname__": name})
    for module, name in (
        ("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint"),
        ("pytorch_lightning.callbacks.early_stopping", "EarlyStopping"),
        ("pytorch_lightning.utilities.parsing", "AttributeDict"),
        ("numpy.core.multiarray", "scalar"),
        ("numpy._core.multiarray", "scalar"),
        ("numpy", "dtype"),
    )
]


class WeightsFile(Protocol):
    """A file of weights that can be read from."""

    @property
    def path(self) -> Path:
        """Where it is."""

    @property
    def tensors(self) -> Mapping[str, TensorInfo]:
        """What it holds, by name."""

    @property
    def metadata(self) -> Mapping[str, str]:
        """What its writer noted."""

    def read(self, name: str) -> Tensor:
        """A tensor on the CPU, in the file's dtype, in memory of its own.

        Raises:
            BadWeights: the file has changed, or can't be read.
        """

    def read_as(self, name: str, dtype: torch.dtype) -> Tensor:
        """A tensor on the CPU in `dtype`, in memory of its own.

        Raises:
            BadWeights: as `read`.
        """


@dataclass(frozen=True)
class SafetensorsFile:
    """A safetensors file. It is opened for each read, so nothing needs closing."""

    header: Header

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.header.path

    @property
    def tensors(self) -> Mapping[str, TensorInfo]:
        """What it holds, by name."""
        return self.header.tensors

    @property
    def metadata(self) -> Mapping[str, str]:
        """What its writer noted."""
        return self.header.metadata

    def read(self, name: str) -> Tensor:
        """A tensor on the CPU, in the file's dtype, in memory of its own.

        Raises:
            BadWeights: the file has changed, or can't be read.
        """
        return self.read_as(name, DTYPES[self.header.tensors[name].dtype])

    def read_as(self, name: str, dtype: torch.dtype) -> Tensor:
        """A tensor on the CPU in `dtype`, in memory of its own.

        It is converted piece by piece, so that there is never a whole copy in the file's dtype.

        Raises:
            BadWeights: as `read`.
        """
        info = self.header.tensors[name]
        own = DTYPES[info.dtype]
        tensor = torch.empty(info.shape, dtype=dtype)
        flat = tensor.view(-1) if tensor.numel() else tensor.reshape(-1)
        piece = None if own is dtype else torch.empty(min(flat.numel(), PIECE), dtype=own)
        try:
            with open(self.path, "rb", buffering=0) as file:
                file.seek(info.start)
                for start in range(0, flat.numel(), PIECE if piece is not None else MOST):
                    part = flat[start : start + (PIECE if piece is not None else MOST)]
                    read = part if piece is None else piece[: part.numel()]
                    if not _fill(file, read):
                        reason = f"ended in the middle of {name}: it was cut meanwhile"
                        raise BadWeights(self.path, reason)
                    if piece is not None:
                        part.copy_(read)
        except OSError as error:
            raise BadWeights(
                self.path, f"can't be read: {error.strerror or error}", AGAIN
            ) from None
        return tensor


def _fill(file: FileIO, tensor: Tensor) -> bool:
    """Read the next bytes of a file into a flat tensor; False where the file ends too early."""
    bytes_of: Any = tensor.view(torch.uint8).numpy()
    room = memoryview(bytes_of)
    done = 0
    while done < len(room) and (count := file.readinto(room[done:])):
        done += count
    return done == len(room)


@dataclass(frozen=True)
class PickledFile:
    """A file that torch pickled, read with `weights_only`: no code of it can run."""

    path: Path
    state: Mapping[str, Tensor]
    tensors: Mapping[str, TensorInfo]
    metadata: Mapping[str, str] = field(default_factory=dict)

    def read(self, name: str) -> Tensor:
        """A tensor on the CPU, in the file's dtype, in memory of its own."""
        return self.state[name].detach().clone()

    def read_as(self, name: str, dtype: torch.dtype) -> Tensor:
        """A tensor on the CPU in `dtype`, in memory of its own."""
        return self.state[name].detach().to(dtype, copy=True)


def open_weights(path: Path) -> WeightsFile:
    """Open a file by what is in it; its name's ending doesn't matter.

    Raises:
        BadWeights: missing, damaged, of an unknown format, or a pickle that needs code to run.
    """
    kind = format_of(path)
    if kind == "safetensors":
        return SafetensorsFile(read_header(path))
    return _open_pickle(path, zipped=kind == "zip")


def _open_pickle(path: Path, *, zipped: bool) -> PickledFile:
    if zipped:
        check_zip(path, os.path.getsize(path))
    try:
        tree = _load(path, zipped=zipped)
    except pickle.UnpicklingError as error:
        raise refused(path, error) from None
    except MemoryError:
        raise BadWeights(path, "asks for more memory than there is") from None
    except Exception as error:  # torch raises nearly anything for a damaged file
        raise BadWeights(
            path, f"isn't a whole file of torch ({type(error).__name__}: {short(str(error), 80)})"
        ) from None
    state = _tensors_in(tree)
    if not state:
        raise BadWeights(path, "holds no tensors by name", "It isn't a model.")
    for name, tensor in state.items():
        # A few bytes can be shown as a tensor of any size, which would be made on reading.
        if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise BadWeights(path, f"holds less of {short(name)} than its shape says")
    infos = {name: TensorInfo(_NAMES[t.dtype], tuple(t.shape), 0, 0) for name, t in state.items()}
    return PickledFile(path, state, infos)


def _load(path: Path, *, zipped: bool) -> Any:
    with (
        warnings.catch_warnings(),
        torch.serialization.safe_globals(_NOTES),
        open(path, "rb") as file,
    ):
        warnings.simplefilter("ignore")  # of pickle protocols, which the errors say better
        # Mapped, tensors are read when they are used; only the newer, zipped files can be. Of a
        # name that torch takes for another format it only looks at the contents if it is open.
        mapped = zipped and path.suffix.lower() in PICKLES
        return torch.load(
            path if mapped else file, map_location="cpu", weights_only=True, mmap=mapped
        )


def check_zip(path: Path, size: int) -> None:
    """Refuse compressed members: torch stores them plain, and only a bomb would not."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise BadWeights(path, "is the beginning of a zip file, and isn't whole") from None
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise BadWeights(path, "is a compressed zip file, which torch doesn't write")
    if sum(member.file_size for member in members) > size:
        raise BadWeights(path, "claims to hold more than it is long")


def refused(path: Path, error: Exception) -> BadWeights:
    """Names the class or function that would have to run, where there is one."""
    text = str(error)
    named = re.search(r"(?:GLOBAL|unrecognized function) (\S+)", text)
    name = named[1].strip("`'.,") if named else _first_global(path)
    if name:
        reason = f"is a pickle that needs code to run when it is opened ({name})"
        return BadWeights(path, reason, CONVERT)
    found = re.search(r"Unsupported operand \d+|invalid load key[^.]*", text)
    why = found[0] if found else short(" ".join(text.split()), 80)
    return BadWeights(
        path,
        f"is a pickle that can't be opened safely ({why})",
        f"It is damaged, or it needs code to run. {CONVERT}",
    )


def _first_global(path: Path) -> str:
    """The first class or function that a pickle names; nothing of it runs. Empty without one.

    torch stops at pickles of newer protocols before it comes to any.
    """
    words: list[str] = []
    try:
        for code, argument, _ in pickletools.genops(_pickle_in(path)):
            if code.name == "GLOBAL":
                return str(argument).replace(" ", ".")
            if code.name == "STACK_GLOBAL" and len(words) > 1:
                return ".".join(words[-2:])
            if isinstance(argument, str):
                words.append(argument)
    except Exception:  # damaged bytes make it raise nearly anything
        return ""
    return ""


def _pickle_in(path: Path) -> bytes:
    """The beginning of a file's pickle."""
    if format_of(path) != "zip":
        with open(path, "rb") as file:
            return file.read(MAX_LOOK)
    with zipfile.ZipFile(path) as archive:
        member = next(name for name in archive.namelist() if name.endswith("data.pkl"))
        with archive.open(member) as file:
            return file.read(MAX_LOOK)


def _tensors_in(tree: Any) -> dict[str, Tensor]:
    """The state dict in a pickled tree: itself, or under one of the usual names."""
    for key in ("state_dict", "params_ema", "params", "module", "model"):
        if isinstance(tree, dict) and isinstance(tree.get(key), dict):
            tree = tree[key]
            break
    if not isinstance(tree, dict):
        return {}
    if not any(isinstance(value, torch.Tensor) for value in tree.values()):
        # Such as an embedding: its tensors are one level down.
        inner = ((outer, value) for outer, value in tree.items() if isinstance(value, dict))
        tree = {f"{outer}.{name}": value for outer, held in inner for name, value in held.items()}
    return {name: value for name, value in tree.items() if isinstance(name, str) and _plain(value)}


def _plain(value: Any) -> bool:
    return (
        isinstance(value, torch.Tensor)
        and value.dtype in _NAMES
        and value.layout is torch.strided
        and value.device.type == "cpu"
    )
