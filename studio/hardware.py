"""What the machine has, found without importing torch.

The editor and the plan need to know device and dtype, which are part of the cache's keys, long
before anything is computed; importing torch for that would cost a second or more.
"""

from __future__ import annotations

import functools
import platform
import re
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from studio.errors import InputError
from studio.limits import CpuInfo, MemoryInfo, cpu_info, memory_info
from studio.settings import DTYPES
from studio.words import nearest

__all__ = [
    "CpuInfo",
    "DeviceMissing",
    "Kind",
    "MemoryInfo",
    "Policy",
    "TorchBuild",
    "UnknownDevice",
    "UnknownDtype",
    "cpu_info",
    "cuda_count",
    "cuda_names",
    "devices",
    "machine",
    "memory_info",
    "resolve_policy",
    "torch_build",
]

Kind = Literal["cuda", "mps", "cpu"]

_BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}


class UnknownDevice(InputError):
    """A device of no kind that is known."""

    def __init__(self, name: str, there: tuple[str, ...]) -> None:
        super().__init__(
            f'There is no device "{name}".{nearest(name, (*there, "auto"))}',
            hint=f"This machine has {', '.join(there)}; auto chooses.",
        )


class DeviceMissing(InputError):
    """A device that this machine, or the torch installed on it, doesn't have."""

    def __init__(self, name: str, reason: str, there: tuple[str, ...]) -> None:
        super().__init__(
            f'The device "{name}" can\'t be used: {reason}.',
            hint=f"This machine has {', '.join(there)}; auto chooses.",
        )


class UnknownDtype(InputError):
    """A number format that isn't one of `DTYPES`."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f'There is no dtype "{name}".{nearest(name, DTYPES)}',
            hint=f"Choose {', '.join(DTYPES[:-1])} or {DTYPES[-1]}.",
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """What tensors are computed on and with.

    Args:
        device: as torch names it: "cuda:0", "mps", "cpu".
        kind: the device without its number; it and `dtype` change results.
        dtype: "float32", "float16" or "bfloat16".
    """

    device: str
    kind: Kind
    dtype: str


@dataclass(frozen=True, slots=True)
class TorchBuild:
    """The torch that is installed.

    Args:
        version: "2.13.0+cpu".
        cuda: the CUDA version it was built for, None for a build without.
    """

    version: str
    cuda: str | None


def resolve_policy(device: str = "auto", dtype: str = "auto") -> Policy:
    """Choose device and dtype.

    Args:
        device: "auto" takes the first CUDA device, else MPS on Apple silicon, else the CPU;
            "cuda" is "cuda:0".
        dtype: "auto" is float16 on CUDA and MPS, on a CPU with bfloat16 units bfloat16, else
            float32.

    Raises:
        UnknownDevice, DeviceMissing, UnknownDtype: with what there is.
    """
    if dtype not in DTYPES:
        raise UnknownDtype(dtype)
    there = devices()
    if device == "auto":
        device = there[0]
    elif device == "cuda":
        device = "cuda:0"
    match = re.fullmatch(r"(cpu|mps|cuda)(?::(?:0|[1-9][0-9]*))?", device)
    if match is None or (match[1] != "cuda" and device != match[1]):
        raise UnknownDevice(device, there)
    if device not in there:
        raise DeviceMissing(device, _why_missing(match[1]), there)
    kind: Kind = "cuda" if match[1] == "cuda" else "mps" if match[1] == "mps" else "cpu"
    if dtype == "auto":
        dtype = "float16" if kind != "cpu" else _cpu_dtype()
    return Policy(device, kind, dtype)


def devices() -> tuple[str, ...]:
    """The devices that torch can use here, the best first; the CPU is always the last."""
    build = torch_build()
    found = [f"cuda:{index}" for index in range(cuda_count() if build and build.cuda else 0)]
    if sys.platform == "darwin" and platform.machine() == "arm64":
        found.append("mps")
    return (*found, "cpu")


@functools.cache
def torch_build() -> TorchBuild | None:
    """Version and CUDA version of the installed torch, read from its `version.py`; None without."""
    from importlib.util import find_spec

    try:
        spec = find_spec("torch")  # finds a top-level package without importing it
    except ValueError:  # torch is in sys.modules, put there without a spec
        return None
    if spec is None or not spec.origin:
        return None
    try:
        text = Path(spec.origin).with_name("version.py").read_text(encoding="utf-8")
    except OSError:
        return None
    values = dict(re.findall(r"""^(\w+)\s*(?::[^=\n]+)?=\s*['"]([^'"\n]*)['"]""", text, re.M))
    return TorchBuild(values.get("__version__", "unknown"), values.get("cuda"))


@functools.cache
def cuda_count() -> int:
    """How many devices the NVIDIA driver offers this process, 0 without a driver.

    Asks libcuda, which minds CUDA_VISIBLE_DEVICES and containers. That starts the driver in this
    process, so a process that did it must not fork and use CUDA in the child.
    """
    library = _load_libcuda()
    if library is None:
        return 0
    import ctypes

    count = ctypes.c_int(0)
    # Any error (no device, driver older than the library) means none that can be used.
    if library.cuInit(0) != 0 or library.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value


def cuda_names() -> tuple[str, ...]:
    """The names of the CUDA devices, in the driver's order."""
    import ctypes

    names = []
    for index in range(cuda_count()):
        library = _load_libcuda()
        name = ctypes.create_string_buffer(128)
        known = library is not None and library.cuDeviceGetName(name, 128, index) == 0
        names.append(name.value.decode(errors="replace") if known else "unknown")
    return tuple(names)


def machine() -> dict[str, Any]:
    """What a benchmark report says of the machine it ran on; plain values, for JSON."""
    build = torch_build()
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": build.version if build else None,
        "cpu": asdict(cpu_info()),
        "memory_bytes": memory_info().total,
        "devices": list(devices()),
        "cuda_devices": list(cuda_names()),
    }


def _why_missing(kind: str) -> str:
    if kind == "mps":
        return "it takes an Apple silicon Mac"
    build = torch_build()
    if build is None:
        return "torch isn't installed"
    if build.cuda is None:
        return f"the installed torch {build.version} is built without CUDA"
    count = cuda_count()
    return f"the NVIDIA driver offers {count} device{'' if count == 1 else 's'}"


def _cpu_dtype() -> str:
    # Elsewhere bfloat16 is emulated and slower than float32.
    return "bfloat16" if _BFLOAT16_FLAGS.intersection(cpu_info().flags) else "float32"


@functools.cache
def _load_libcuda() -> Any:
    """The driver's library, None where there is none."""
    import ctypes

    names = ("nvcuda.dll",) if sys.platform == "win32" else ("libcuda.so.1", "libcuda.so")
    for name in names:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None
