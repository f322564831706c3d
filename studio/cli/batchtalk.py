"""What `batch` says and asks, before, after and instead of a run."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from studio.batch.frozen import frozen_bytes
from studio.batch.labels import label
from studio.batch.progress import told_failures
from studio.cli.show import error_console, table_of
from studio.errors import InputError, StudioError
from studio.words import seconds, size

if TYPE_CHECKING:
    from pathlib import Path

    from studio.batch.axes import Axis
    from studio.batch.folder import BatchFolder
    from studio.batch.forecast import Forecast
    from studio.batch.model import Summary
    from studio.batch.planning import BatchPlan

ASK_ABOVE = 10_000
"""Jobs from which on a person is asked first."""

SHOWN = 8
"""Jobs that --dry-run lists."""

MOST_CELLS = 10_000
"""Pictures of a contact sheet; more than anyone looks at."""


class NeedsYes(InputError):
    """Too much to start without being asked, and nobody there to ask."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}", hint="Give --yes to run it all the same.")


class Declined(InputError):
    """The user said no."""

    def __init__(self) -> None:
        super().__init__("Nothing was run.")


class Shown:
    """How a run is shown, and what it asks."""

    def __init__(
        self, *, dry_run: bool, yes: bool, as_json: bool, quiet: bool, sheet: bool
    ) -> None:
        self.dry_run = dry_run
        self.yes = yes
        self.as_json = as_json
        self.quiet = quiet
        self.sheet = sheet
        self.console = error_console()

    def say(self, text: str) -> None:
        if not self.quiet and not self.as_json:
            self.console.print(text, markup=False)

    def warn(self, text: str) -> None:
        self.console.print(f"warning: {text}", markup=False)


def tell(plan: BatchPlan, folder: Path, expected: Forecast, shown: Shown) -> None:
    for warning in plan.warnings:
        shown.warn(warning)
    axes = " × ".join(map(_axis_words, plan.space.axes))  # noqa: RUF001  - a product
    title = plan.graph.title or plan.environment.graph_name
    shown.say(f"{title}: {axes or 'the graph as it is'} → {folder}")
    shown.say(str(expected))
    if expected.short:
        shown.warn(
            f"the disk has {size(expected.free)} free, and about {size(expected.bytes or 0)} "
            "are needed. A full disk stops the batch; --resume goes on when there is room."
        )


def _axis_words(axis: Axis) -> str:
    """ "3 sampler.seed", "20 rows of positive.text, sampler.seed"."""
    names = ", ".join(axis.columns[:4]) + (", …" if len(axis.columns) > 4 else "")
    if axis.kind in ("csv", "jsonl"):
        names = ("row" if len(axis) == 1 else "rows") + (f" of {names}" if names else "")
    return f"{len(axis):,} {names}"


def list_first(plan: BatchPlan, expected: Forecast, shown: Shown) -> None:
    """The first jobs in running order."""
    count = len(plan.space)
    if shown.as_json:
        first = [plan.space[plan.order[place]] for place in range(min(count, SHOWN))]
        axes = [{"kind": a.kind, "columns": a.columns, "length": len(a)} for a in plan.space.axes]
        jobs = [{"job": job.index, "sets": dict(job.sets)} for job in first]
        print_json({"event": "forecast", **forecast_json(expected), "axes": axes, "first": jobs})
        return
    if shown.quiet:
        return
    rows = []
    for place in range(min(count, SHOWN)):
        job = plan.space[plan.order[place]]
        rows.append({"job": f"{job.index + 1:,}"} | {k: label(v, 40) for k, v in job.sets.items()})
    columns = list(dict.fromkeys(key for row in rows for key in row))
    shown.console.print(table_of([{key: row.get(key, "") for key in columns} for row in rows]))
    if count > SHOWN:
        shown.console.print(f"… and {count - SHOWN:,} more", markup=False)
    shown.console.print("nothing was run or written (--dry-run)", markup=False)


def forecast_json(expected: Forecast) -> dict[str, object]:
    return {
        "jobs": expected.jobs,
        "seconds": expected.seconds,
        "bytes": expected.bytes,
        "free": expected.free,
    }


def print_json(data: object) -> None:
    sys.stdout.write(json.dumps(data, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


def ask(plan: BatchPlan, expected: Forecast, shown: Shown) -> None:
    """Ask before what is hardly meant.

    Raises:
        NeedsYes: there is nobody to ask.
        Declined: the answer is no.
    """
    if shown.yes:
        return
    reasons = []
    if expected.jobs > ASK_ABOVE:
        reasons.append(f"These are {expected.jobs:,} jobs.")
    if expected.short:
        reasons.append(f"The disk has {size(expected.free)} free, which won't do.")
    if frozen_bytes(plan) > expected.free:
        reasons.append("The rows alone don't fit on the disk.")
    if not reasons:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()) or shown.as_json:
        raise NeedsYes(" ".join(reasons))
    import typer

    if not typer.confirm(f"{' '.join(reasons)} Run them?", err=True):
        raise Declined


def finish(plan: BatchPlan, held: BatchFolder, summary: Summary, shown: Shown) -> None:
    console = shown.console
    if not shown.quiet and not shown.as_json:
        words = f"{summary.done:,} done"
        words += f", {summary.failed:,} failed" if summary.failed else ""
        words += f", {summary.left:,} left" if summary.left else ""
        console.print(f"{words} in {seconds(summary.seconds)}; {held.root}", markup=False)
    if summary.status == "stopped":
        console.print(stopped(held.root), markup=False)
    elif summary.reason:
        console.print(f"stopped: {summary.reason}\n{stopped(held.root)}", markup=False)
    elif summary.failed:
        console.print(
            f"{summary.failed:,} failed; try them again: batch --resume {held.root} --retry-failed",
            *told_failures(held.journal.results()),
            sep="\n  ",
            markup=False,
        )
    if shown.sheet and summary.status in ("ok", "failed") and summary.done:
        _sheets(plan, held, shown)


def stopped(root: Path) -> str:
    return f"what is done is kept; go on with: batch --resume {root}"


def _sheets(plan: BatchPlan, held: BatchFolder, shown: Shown) -> None:
    """The contact sheet; a fault of it is no fault of the batch."""
    if len(plan.space) > MOST_CELLS:
        shown.say(f"no contact sheet of {len(plan.space):,} pictures")
        return
    from studio.batch.sheet import write_sheets

    try:
        written = write_sheets(
            held.root,
            plan.graph,
            plan.space,
            held.journal.results(),
            plan.space.axes,
            plan.space.indices,
        )
    except (OSError, StudioError) as error:
        shown.warn(f"no contact sheet: {error}")
        return
    for path in written[:1]:
        shown.say(f"contact sheet: {path}")
