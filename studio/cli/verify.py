"""`verify`: make a picture again and compare."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from studio.cli.show import Reporter, error_console
from studio.words import plain

if TYPE_CHECKING:
    from pathlib import Path


def verify(path: Path, *, device: str | None, dtype: str | None, as_json: bool) -> int:
    """Run the graph inside a picture again; 0 where it comes out equal bit for bit, else 1."""
    from studio.batch.verify import verify as make_again

    console = error_console()
    reporter = Reporter(console, quiet=as_json)
    try:
        verdict = make_again(path, device=device, dtype=dtype, emit=reporter)
    finally:
        reporter.close()
    if as_json:
        sys.stdout.write(plain(json.dumps(verdict.to_json(), ensure_ascii=False)) + "\n")
        return 0 if verdict.equal else 1
    lines = []
    if verdict.difference is None:
        lines.append(f"{path}: can't be made again: {verdict.error}")
    else:
        lines.append(f"{path}: {verdict.difference.words}")
    if verdict.differs:
        lines.append("it was made in other surroundings:")
        lines += [f"  {line}" for line in verdict.differs]
    elif verdict.difference and not verdict.equal:
        lines.append(
            "the surroundings are the same. A batch on a GPU rounds otherwise than a single run; "
            "or its pixels were edited"
        )
    sys.stdout.write("".join(f"{plain(line)}\n" for line in lines))
    return 0 if verdict.equal else 1
