"""`models` and `models show`: what model files there are, and what they say of themselves."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from studio.cli.show import error_console, output_console, table_of
from studio.errors import InputError
from studio.execution.cache.faults import CacheFault
from studio.execution.cache.index import Index
from studio.execution.filehash import FileHashes
from studio.modelfacts import ModelFacts, facts_of
from studio.modelfiles import KINDS, ModelFile, UnknownModel, find_models, resolve_model
from studio.places import Places
from studio.words import nearest, plain, size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import Console

HASH_DIGITS = 10
MAX_TEXT = 300
MAX_NOTES = 60


class NoSuchKind(InputError):
    """`--kind` of models that aren't there."""

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"There is no kind of models {kind!r}.{nearest(kind, KINDS)}",
            hint=f"Kinds: {', '.join(KINDS)}.",
        )


class NoSuchModel(InputError):
    """`models show` of a name that no kind has."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(
            f'There is no model "{name}".{nearest(name, known)}', hint="`models` lists all."
        )


def listing(*, kind: str | None, hashing: bool, as_json: bool) -> int:
    """List the model files that graphs can name; a file that can't be used says why.

    Args:
        kind: only these.
        hashing: hash files that aren't hashed yet.
        as_json: print JSON.
    """
    places = Places.load()
    files = [file for one in _kinds(kind) for file in find_models(places, one)]
    rows = _rows(places, files, hashing=hashing)
    if as_json:
        output_console().print_json(json.dumps([_json(row) for row in rows]))
    elif not rows:
        error_console().print("none")
    elif sys.stdout.isatty():
        print_listing(output_console(), rows)
    else:
        # One line a file, whatever its length: for other programs to look through.
        output_console().print(table_of([_flat(row) for row in rows]))
    if missing := sum(not row.fingerprint for row in rows):
        # Reading hundreds of gigabytes only to list them would be no pleasure.
        error_console().print(
            f"{missing} of {len(rows)} aren't hashed yet; `models --hash` does that once, and so "
            "does using them",
            style="dim",
        )
    return 0


def show(name: str, *, kind: str | None, hashing: bool, as_json: bool) -> int:
    """Show all that a model file says of itself.

    Args:
        name: as graphs name it.
        kind: look among these only.
        hashing: hash it where it isn't hashed yet.
        as_json: print JSON, with the metadata whole.
    """
    places = Places.load()
    found, names = [], []
    for one in _kinds(kind):
        try:
            found.append(resolve_model(places, one, name))
        except UnknownModel:
            names += [file.name for file in find_models(places, one)]
    if not found:
        raise NoSuchModel(name, names)
    rows = _rows(places, found, hashing=hashing, patient=True)
    if as_json:
        full = [
            {**_json(row), "about": dict(row.facts.rows), "metadata": dict(row.facts.metadata)}
            for row in rows
        ]
        output_console().print_json(json.dumps(full))
        return 0
    for number, row in enumerate(rows):
        if number:
            output_console().print()
        print_one(output_console(), row)
    return 0


def _kinds(kind: str | None) -> Sequence[str]:
    if kind is None:
        return KINDS
    if kind not in KINDS:
        raise NoSuchKind(kind)
    return (kind,)


class Row(NamedTuple):
    """A model file, what it says of itself, and the fingerprint of its contents, "" = unknown."""

    file: ModelFile
    facts: ModelFacts
    fingerprint: str


def _rows(
    places: Places, files: Sequence[ModelFile], *, hashing: bool, patient: bool = False
) -> list[Row]:
    with _hashes(places) as hashes:
        known = [_fingerprint(hashes, file, hashing=hashing) for file in files]
    return [
        Row(file, facts_of(file, patient=patient), fingerprint)
        for file, fingerprint in zip(files, known, strict=True)
    ]


@contextmanager
def _hashes(places: Places) -> Iterator[FileHashes]:
    """What is remembered of files' contents; a cache that can't be used is no hindrance."""
    try:
        index = Index(places.cache)
    except CacheFault:
        yield FileHashes()
        return
    try:
        hashes = FileHashes(index)
        yield hashes
        hashes.flush()
    finally:
        index.close()


def _fingerprint(hashes: FileHashes, file: ModelFile, *, hashing: bool) -> str:
    known = hashes.remembered(file.path)
    if known is not None or not hashing:
        return known or ""
    console = error_console()
    with console.status(f"hashing {one_line(file.name)}") if console.is_terminal else nullcontext():
        try:
            return hashes.fingerprint(file.path)
        except InputError:  # its row says why
            return ""


def one_line(text: str, limit: int = MAX_TEXT) -> str:
    """`text` as one line that a terminal can show: people write anything into metadata."""
    line = " ".join(plain(text[: 4 * limit]).split())
    line = "".join(character for character in line if character.isprintable())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def _json(row: Row) -> dict[str, Any]:
    return {
        "kind": row.file.kind,
        "name": plain(row.file.name),
        "layout": row.file.layout,
        "family": row.facts.family,
        "dtype": row.facts.dtype,
        "bytes": row.file.bytes,
        "blake3": row.fingerprint,
        "path": plain(str(row.file.path)),
        "fault": plain(row.facts.fault),
    }


def _flat(row: Row) -> dict[str, str]:
    texts = {
        "kind": row.file.kind,
        "name": row.file.name,
        "family": row.facts.family,
        "dtype": row.facts.dtype,
        "size": size(row.file.bytes),
        "hash": row.fingerprint[:HASH_DIGITS],
        "path": str(row.file.path),
        "fault": row.facts.fault,
    }
    return {title: escape(one_line(text, 4096)) for title, text in texts.items()}


def print_listing(console: Console, rows: Sequence[Row]) -> None:
    """The files by kind and folder, as wide as the terminal."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        # What stands before the name, so that folder and name make the path.
        folder = str(row.file.path)[: -len(row.file.name)].rstrip("/\\")
        groups.setdefault((row.file.kind, folder), []).append(row)
    for number, ((kind, folder), group) in enumerate(groups.items()):
        if number:
            console.print()
        console.print(Text.assemble((kind, "bold"), "  ", (one_line(folder), "dim")))
        console.print(_table(group))


def _table(rows: Sequence[Row]) -> Table:
    hashed = any(row.fingerprint for row in rows)
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for title in ("family", "dtype", "size", *(["hash"] if hashed else [])):
        table.add_column(title, no_wrap=True, justify="right" if title == "size" else "left")
    table.add_column("name", overflow="fold", ratio=1)
    for row in rows:
        name = Text(one_line(row.file.name))
        if row.facts.fault:
            name.append(f"\n{one_line(row.facts.fault)}", "red")
        texts = [row.facts.family or "-", row.facts.dtype or "-", size(row.file.bytes)]
        if hashed:
            texts.append(row.fingerprint[:HASH_DIGITS])
        table.add_row(*texts, name)
    return table


def print_one(console: Console, row: Row) -> None:
    """All that is known of a file."""
    file, facts, fingerprint = row
    console.print(Text(one_line(file.name), "bold"))
    if facts.fault:
        console.print(Text(f"can't be used: {one_line(facts.fault)}", "red"))
    rows = [
        ("kind", f"{file.kind}, {file.layout}"),
        ("path", str(file.path)),
        ("size", size(file.bytes)),
        ("BLAKE3", fingerprint or "not hashed yet (--hash)"),
        *facts.rows,
    ]
    if file.shadowed:
        rows.append(("hides", ", ".join(map(str, file.shadowed))))
    console.print(_pairs(rows))
    notes = sorted(facts.metadata.items(), key=lambda item: _importance(item[0]))
    if notes:
        console.print()
        console.print(Text("metadata", "bold"))
        console.print(_pairs([(key, _note(text)) for key, text in notes[:MAX_NOTES]]))
    if len(notes) > MAX_NOTES:
        console.print(f"and {len(notes) - MAX_NOTES} more (--json shows all)", style="dim")


def _importance(key: str) -> tuple[int, str]:
    """Where a note stands: what was written for people first."""
    for place, start in enumerate(("modelspec.", "ss_")):
        if key.startswith(start):
            return place, key
    return 2, key


def _note(text: str) -> str:
    return f"a picture ({size(len(text))})" if text.startswith("data:image/") else text


def _pairs(rows: Sequence[tuple[str, str]]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", overflow="fold", max_width=32)
    table.add_column(overflow="fold", ratio=1)
    for what, text in rows:
        table.add_row(Text(one_line(what)), Text(one_line(text)))
    return table
