"""`verify`: make pictures again and compare."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from studio.cli.show import Reporter, error_console
from studio.errors import StudioError
from studio.words import plain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from studio.batch.verify import Verdict, Verifier

SAMPLE = 8
"""Pictures of a folder that are made again where nobody says how many."""


def verify(
    paths: Sequence[Path],
    *,
    device: str | None,
    dtype: str | None,
    as_json: bool,
    sample: int = SAMPLE,
) -> int:
    """Run the graphs inside pictures again, and say of each what came of it.

    Args:
        paths: pictures, or folders of them.
        device: None takes each picture's.
        dtype: likewise.
        as_json: print a JSON line a picture.
        sample: so many of a folder's pictures, spread over it; 0 takes all.

    Returns:
        0 where all come out equal bit for bit; 1 where one doesn't; 2 where one of several isn't
        a picture of this program's (of one alone that is raised).
    """
    from studio.batch.verify import Verifier

    console = error_console()
    pictures = _pictures(paths, sample, console, quiet=as_json)
    # Off a terminal a line a node of every picture is more than anyone reads.
    quiet = as_json or (len(pictures) > 1 and not console.is_terminal)
    equal, code = 0, 0
    with Verifier(device, dtype) as verifier:
        for path in pictures:
            try:
                verdict = _verdict(verifier, path, console, quiet=quiet)
            except StudioError as error:
                if len(pictures) == 1:
                    raise
                console.print(f"error: {error}", markup=False)
                code = 2
                continue
            equal += verdict.equal
            code = max(code, 0 if verdict.equal else 1)
            if as_json:
                words = json.dumps({"picture": str(path), **verdict.to_json()}, ensure_ascii=False)
                lines = [words]
            else:
                lines = _lines(path, verdict)
            sys.stdout.write("".join(f"{plain(line)}\n" for line in lines))
            sys.stdout.flush()
    if len(pictures) > 1 and not as_json:
        sys.stdout.write(f"{equal:,} of {len(pictures):,} equal bit for bit\n")
    return code


def _pictures(paths: Sequence[Path], sample: int, console: Console, *, quiet: bool) -> list[Path]:
    from studio.batch.verify import pictures_in

    pictures: list[Path] = []
    for path in paths:
        if not path.is_dir():
            pictures.append(path)
            continue
        found, count = pictures_in(path, sample)
        pictures += found
        if len(found) < count and not quiet:
            console.print(
                f"{path}: {len(found):,} of {count:,} pictures; --sample 0 takes all", markup=False
            )
    return pictures


def _verdict(verifier: Verifier, path: Path, console: Console, *, quiet: bool) -> Verdict:
    reporter = Reporter(console, quiet=quiet)
    try:
        return verifier.verify(path, reporter)
    finally:
        reporter.close()


def _lines(path: Path, verdict: Verdict) -> list[str]:
    if verdict.difference is None:
        lines = [f"{path}: can't be made again: {verdict.error.removeprefix(f'{path}: ')}"]
    elif verdict.equal:
        around = "; ".join(verdict.differs)
        though = f", though the surroundings differ ({around})" if around else ""
        return [f"{path}: {verdict.difference.words}{though}"]
    else:
        lines = [f"{path}: {verdict.difference.words}"]
        if not verdict.difference.same_size:
            lines.append("  it was resized or cropped since, or a file that it reads was")
        elif not verdict.differs:
            lines.append(
                "  the surroundings are the same: it was edited since, or made in a batch on a "
                "GPU, which rounds otherwise than a single run"
            )
    if verdict.differs:
        lines.append("  it was made in other surroundings:")
        lines += [f"    {line}" for line in verdict.differs]
    return lines
