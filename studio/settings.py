"""The user's settings: `settings.toml`, read and checked whole. Imports nothing heavy."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.errors import InputError
from studio.words import nearest, short

if TYPE_CHECKING:
    from collections.abc import Mapping

HOME_VARIABLE = "LATENT_STUDIO_HOME"

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


class SettingsUnwritable(InputError):
    """The settings file can't be written."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            f"The settings {path} can't be written: {error.strerror or error}.",
            hint="Make room for the file, or let yourself write there.",
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


def home_folder(env: Mapping[str, str] | None = None) -> Path:
    """The user's folder: `LATENT_STUDIO_HOME`, else the system's one for user data.

    Args:
        env: environment variables; None takes the process's.
    """
    given = (os.environ if env is None else env).get(HOME_VARIABLE, "")
    if given:
        return Path(os.path.expanduser(given)).absolute()
    from platformdirs import user_data_dir

    return Path(user_data_dir("latent-studio", False))


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
    return _checked(_table(_text(path), path), path)


def read_given(path: Path) -> dict[str, Any]:
    """The keys of `settings.toml` as the file writes them ("10 GiB", "~/models"), unchecked.

    Raises:
        SettingsUnreadable: not readable, or not TOML.
    """
    return _table(_text(path), path)


def fault_of(key: str, value: Any) -> str:
    """What is wrong with a value for a setting, in words; empty where it will do.

    Args:
        key: of `Settings`. KeyError where there is none.
        value: as TOML gives it: text, number or list.
    """
    try:
        _READERS[key](value, Path())
    except (ValueError, BadSize) as error:
        return str(error)
    return ""


def write_settings(path: Path, changes: Mapping[str, Any]) -> Settings:
    """Change keys of `settings.toml`, and leave its comments, its order and all else as it is.

    The file is replaced whole, so a reader never sees half of it. A file that isn't there is
    made, and its folder too.

    Args:
        path: the file.
        changes: values as TOML has them (text, whole numbers, lists of text), by key; None
            removes a key, which gives its default back.

    Returns:
        What the file says now.

    Raises:
        SettingsUnreadable: the file that is there can't be read or isn't TOML.
        SettingsFault: the file would be wrong; it is left alone.
        SettingsUnwritable: the system doesn't let us.
    """
    import tomlkit

    text = _text(path)
    _table(text, path)  # with our words for what is wrong
    document = tomlkit.parse(text)
    for key, value in changes.items():
        if value is None:
            document.pop(key, None)
        elif document.get(key) != value:
            document[key] = _item(value)
    wanted = tomlkit.dumps(document)
    settings = _checked(_table(wanted, path), path)
    if wanted != text:
        _replace(path, wanted)
    return settings


def _item(value: Any) -> Any:
    """A value for tomlkit: long lists a line each."""
    if not isinstance(value, list | tuple):
        return value
    import tomlkit

    array = tomlkit.array()
    array.extend(value)
    return array.multiline(len(value) > 1)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")  # Windows' editor begins a file with a mark
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except UnicodeDecodeError:
        raise SettingsUnreadable(path, "it is not UTF-8 text") from None
    except OSError as error:
        raise SettingsUnreadable(path, error.strerror or str(error)) from error


def _table(text: str, path: Path) -> dict[str, Any]:
    if not text:
        return {}  # most people have no such file, and the parser takes time to import
    import tomllib

    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SettingsUnreadable(path, str(error).rstrip(".") or "it is nested too deep") from None


def _replace(path: Path, text: str) -> None:
    from tempfile import NamedTemporaryFile

    # Beside the file that is meant: a link stays a link.
    path = path.resolve()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(
            "wb", dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            file.write(text.encode())
        try:
            if path.exists():
                os.chmod(file.name, path.stat().st_mode & 0o777)
            os.replace(file.name, path)
        except OSError:
            os.unlink(file.name)
            raise
    except OSError as error:
        raise SettingsUnwritable(path, error) from error


def _checked(table: Mapping[str, Any], path: Path) -> Settings:
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
