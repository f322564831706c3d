"""What a picture says of itself: the graph that made it, and the surroundings. No torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from studio.errors import InputError
from studio.graph.files import from_json
from studio.png import METADATA_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from studio.graph.document import Graph


class NothingSaid(InputError):
    """A picture without the text that this program writes."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} doesn't say how it was made.",
            hint="Only PNG files that this program wrote do, as long as no other program has "
            "saved them anew.",
        )


class GarbledText(InputError):
    """The text in a picture isn't as this program writes it."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path}: what it says of how it was made can't be read: {reason}.",
            hint="The file was changed; look for a copy.",
        )


@dataclass(frozen=True)
class Pictured:
    """A picture's own words.

    Args:
        path: of the picture.
        graph: that made it, the values of its job in it.
        node: id of the node that wrote it.
        index: its place among the pictures that the node wrote.
        about: all that it says, plain JSON.
    """

    path: Path
    graph: Graph
    node: str
    index: int
    about: Mapping[str, Any]


def read_pictured(path: Path) -> Pictured:
    """Read a picture's text; its pixels are left alone.

    Raises:
        PictureError: it isn't there, or is no PNG.
        NothingSaid, GarbledText: it has no such text, or another program's.
        GraphFileError: its graph is at fault.
    """
    from studio.pictures import NotAPicture, read_png_text

    try:
        text = read_png_text(path).get(METADATA_KEY)
    except NotAPicture:
        text = None
    if text is None:
        raise NothingSaid(path)
    try:
        about = json.loads(text)
        node, index = str(about["node"]), int(about.get("batch_index", 0))
        raw = about["graph"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise GarbledText(path, f"{type(error).__name__} {error}".strip()) from None
    return Pictured(path, from_json(raw, str(path)), node, index, about)


def surroundings(about: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs between two sets of surroundings, in words, the most telling first.

    Args:
        about: what a picture says (`studio.execution.provenance`).
        now: what another says, or what is known of here and now; keys it lacks aren't compared.
    """
    words = []
    files, files_now = _table(about, "files"), _table(now, "files")
    for place in sorted(files.keys() & files_now.keys()):
        before, after = (_table(each, place) for each in (files, files_now))
        if before.get("blake3") != after.get("blake3"):
            words.append(f"the file of {place} ({after.get('value')}) has other contents")
    if "files" in now:
        words += [f"the file of {place} isn't used" for place in sorted(files.keys() - files_now)]
    policy, policy_now = _table(about, "policy"), _table(now, "policy")
    words += _changes("device", policy.get("device"), policy_now.get("device"))
    words += _changes("number format", policy.get("dtype"), policy_now.get("dtype"))
    machine, machine_now = _table(about, "machine"), _table(now, "machine")
    words += _changes("made on", machine.get("device"), machine_now.get("device"))
    words += _changes("threads", machine.get("threads"), machine_now.get("threads"))
    words += _changes("Latent Studio", about.get("version"), now.get("version"))
    libraries, libraries_now = _table(about, "libraries"), _table(now, "libraries")
    for name in sorted(libraries.keys() & libraries_now.keys()):
        words += _changes(name, libraries[name], libraries_now[name])
    words += _changes("python", about.get("python"), now.get("python"))
    words += _changes("system", about.get("platform"), now.get("platform"))
    return words


def _changes(what: str, before: Any, after: Any) -> list[str]:
    if before is None or after is None or before == after:
        return []
    return [f"{what}: {before} → {after}"]


def _table(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}
