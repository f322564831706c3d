"""The user's settings: `settings.toml`, read and checked whole. Imports nothing heavy."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from studio.errors import InputError
from studio.words import nearest, short

if TYPE_CHECKING:
    from pathlib import Path

DTYPES = ("auto", "float32", "float16", "bfloat16")

_UNITS = {"": 1, "b": 1}
_UNITS |= {f"{p}b": 1000 ** (i + 1) for i, p in enumerate("kmgt")}
_UNITS |= {f"{p}ib": 1024 ** (i + 1) for i, p in enumerate("kmgt")}


class BadSize(InputError):
    """A size that isn't one."""

    def __init__(self, text: object) -> None:
        super().__init__(
            f"{short(text)} is not a size.",
            hint='Write a number of bytes, or one with a unit: "10 GiB", "500 MB".',
        )


class SettingsUnreadable(InputError):
    """The settings file can't be read, or isn't TOML."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"The settings {path} can't be read: {reason}.", hint="Correct or remove the file."
        )


class SettingsFault(InputError):
    """Settings that make no sense; all of them are listed.

    Args:
        path: the file.
        faults: one sentence each, the key first.
    """

    def __init__(self, path: Path, faults: list[str]) -> None:
        super().__init__(f"The settings {path} are wrong.\n" + "\n".join(f"  {f}" for f in faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Settings:
    """What a user may set in `settings.toml`; every key may be left out.

    Args:
        model_folders: further folders of models: `models` of a ComfyUI or A1111, or the folder
            of such a program, used in place.
        cache_budget: bytes on disk for results of earlier runs.
        memory_budget: bytes in memory for the same.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps".
        dtype: one of `DTYPES`.
        output: where pictures go; None is `output` in the home folder.
        threads: for tensor work; None takes the physical cores.
    """

    model_folders: tuple[Path, ...] = ()
    cache_budget: int = 10 * 2**30
    memory_budget: int = 2 * 2**30
    device: str = "auto"
    dtype: str = "auto"
    output: Path | None = None
    threads: int | None = None


def parse_size(text: str) -> int:
    """Bytes of a size: "10 GiB" (1024 each), "500 MB" (1000 each), "4096"; case doesn't matter.

    Raises:
        BadSize: it is something else, also "10 G", which could mean either.
    """
    match = re.fullmatch(r"\s*([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([a-z]*)\s*", text, re.I | re.A)
    unit = _UNITS.get(match[2].lower()) if match else None
    if not match or unit is None:
        raise BadSize(text)
    whole, _, fraction = match[1].partition(".")
    # In whole numbers: a float would lose bytes from 9 PB on.
    return int(whole) * unit + int(fraction or 0) * unit // int(10 ** len(fraction))


def read_settings(path: Path) -> Settings:
    """Read `settings.toml`; defaults where there is none. Relative paths start at its folder.

    Raises:
        SettingsUnreadable: not readable, or not TOML.
        SettingsFault: unknown keys or wrong values, all of them.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")  # Windows' editor begins a file with a mark
    except (FileNotFoundError, NotADirectoryError):
        return Settings()
    except UnicodeDecodeError:
        raise SettingsUnreadable(path, "it is not UTF-8 text") from None
    except OSError as error:
        raise SettingsUnreadable(path, error.strerror or str(error)) from error

    import tomllib

    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SettingsUnreadable(path, str(error).rstrip(".") or "it is nested too deep") from None
    values: dict[str, Any] = {}
    faults = []
    for key, value in table.items():
        if key not in _READERS:
            faults.append(f"{key}: there is no such setting.{nearest(key, _READERS)}")
            continue
        try:
            values[key] = _READERS[key](value, path.parent)
        except (ValueError, BadSize) as error:
            faults.append(f"{key}: {error}")
    if faults:
        raise SettingsFault(path, faults)
    return Settings(**values)


def _folder(value: Any, base: Path) -> Path:
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise ValueError(f"{short(value)} is not a path.")
    return base / os.path.expanduser(value)


def _folders(value: Any, base: Path) -> tuple[Path, ...]:
    if not isinstance(value, list):
        raise ValueError(f'{short(value)} is not a list of paths, as ["/data/ComfyUI/models"].')
    return tuple(_folder(item, base) for item in value)


def _bytes(value: Any, _: Path) -> int:
    if isinstance(value, str):
        return parse_size(value)
    if type(value) is not int or value < 0:  # True is an int to Python, not to a person
        raise BadSize(value)
    return value


def _device(value: Any, _: Path) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"auto|cpu|mps|cuda(:[0-9]{1,3})?", value):
        raise ValueError(f"{short(value)} is not auto, cpu, cuda, cuda:1 (2, …) or mps.")
    return value


def _dtype(value: Any, _: Path) -> str:
    if not isinstance(value, str) or value not in DTYPES:
        raise ValueError(f"{short(value)} is not {', '.join(DTYPES[:-1])} or {DTYPES[-1]}.")
    return value


def _threads(value: Any, _: Path) -> int:
    if type(value) is not int or not 1 <= value <= 1024:
        raise ValueError(f"{short(value)} is not a number from 1 to 1024.")
    return value


_READERS = {
    "model_folders": _folders, "cache_budget": _bytes, "memory_budget": _bytes,
    "device": _device, "dtype": _dtype, "output": _folder, "threads": _threads,
}  # fmt: skip
