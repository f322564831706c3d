"""What the commands print for people: plans, tables, progress. On stderr, but for results."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from studio.execution import events
from studio.execution.plan import Action
from studio.words import seconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.progress import Progress, TaskID

    from studio.execution.plan import Plan, Step
    from studio.graph.errors import Fault

STYLES = {
    Action.RUN: "bold cyan",
    Action.CACHED: "green",
    Action.SAVED: "green",
    Action.LIGHT: "dim",
    Action.UNUSED: "dim",
}


LOADING_SHOWN = 0.5
"""Seconds of loading from which on a node's line mentions it."""


PIPE_WIDTH = 10_000
"""Columns where nobody looks at a terminal: nothing is folded, so that lines can be searched."""


def error_console() -> Console:
    """The console of stderr."""
    width = None if sys.stderr.isatty() else PIPE_WIDTH
    return Console(stderr=True, highlight=False, soft_wrap=True, width=width)


def output_console() -> Console:
    """The console of stdout."""
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    return Console(highlight=False, soft_wrap=True, width=width)


def plan_line(plan: Plan) -> str:
    """A plan in one line: "3 nodes run (sampler, decode, save), 2 cached"."""
    running = plan.running
    steps = plan.steps.values()
    cached = [step for step in steps if step.action is Action.CACHED]
    saved = [step for step in steps if step.action is Action.SAVED]
    if not running:
        return "nothing to compute: " + (
            "every file is there already" if saved else "everything asked for is cached"
        )
    names = ", ".join(running[:8]) + (f", … {len(running) - 8} more" if len(running) > 8 else "")
    words = f"{len(running)} node{'s' * (len(running) != 1)} to run ({names})"
    if cached:
        words += f", {len(cached)} from the cache"
    if saved:
        words += f", {len(saved)} saved already"
    return words


def plan_table(plan: Plan) -> Table:
    """A plan as a table: node, type, what happens, why."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("node", "type", "plan", "why"):
        table.add_column(title, overflow="fold", no_wrap=title != "why")
    for step in plan.steps.values():
        table.add_row(step.node, step.type, _action(step), step.words)
    for name, word in plan.graph.folded.items():
        table.add_row(name, plan.graph.document.nodes[name].type, "[dim]folded[/]", word)
    return table


def _action(step: Step) -> str:
    word = step.action.value + (f" ({step.tier})" if step.tier else "")
    return f"[{STYLES[step.action]}]{word}[/]"


def print_faults(console: Console, faults: tuple[Fault, ...], word: str) -> None:
    """Faults as a list, a line each."""
    for fault in faults:
        console.print(f"{word}: {fault}", markup=False)


class Reporter:
    """Shows a run: a bar a node on a terminal, a line a node elsewhere.

    Args:
        console: where.
        quiet: show warnings and failures only.
    """

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self.console = console
        self.quiet = quiet
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._first: dict[str, tuple[float, int]] = {}
        self._last: dict[str, tuple[int, int]] = {}
        self._rates: dict[str, str] = {}

    def __call__(self, event: events.Event) -> None:
        match event:
            case events.NodeStarted(node=node):
                self._start(node)
            case events.NodeProgress(node=node, step=step, of=of):
                self._step(node, step, of)
            case events.NodeFinished(node=node, seconds=spent, loading=loading):
                self._finish(node, spent, loading)
            case events.NodeCached(node=node, tier=tier) if not self.quiet:
                self._print(f"{node:<16} {'saved already' if tier == 'saved' else f'from {tier}'}")
            case events.Warned(message=message, node=node):
                self._print(f"warning: {f'{node}: ' if node else ''}{message}")
            case _:
                pass

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._progress:
            self._progress.stop()
            self._progress = None

    def _print(self, text: str) -> None:
        (self._progress.console if self._progress else self.console).print(text, markup=False)

    def _start(self, node: str) -> None:
        if self.quiet or not self.console.is_terminal:
            return
        if self._progress is None:
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

            self._progress = Progress(
                TextColumn("{task.description:<16}", markup=False),
                BarColumn(bar_width=30),
                TextColumn("{task.fields[steps]:>9}"),
                TextColumn("{task.fields[rate]:>12}"),
                TimeElapsedColumn(),
                console=self.console,
            )
            self._progress.start()
        # Without a total the bar pulses: the node hasn't said yet how far it has to go.
        self._tasks[node] = self._progress.add_task(node, total=None, steps="", rate="")

    def _step(self, node: str, step: int, of: int) -> None:
        now = time.perf_counter()
        first, base = self._first.setdefault(node, (now, step))
        self._last[node] = (step, of)
        if step > base and now > first:
            # Counted from the first step on: loading a model is no step.
            self._rates[node] = f"{(step - base) / (now - first):.1f} it/s"
        if self._progress and node in self._tasks:
            self._progress.update(
                self._tasks[node],
                total=of,
                completed=step,
                steps=f"{step}/{of}",
                rate=self._rates.get(node, ""),
            )

    def _finish(self, node: str, spent: float, loading: float) -> None:
        if self.quiet:
            return
        if self._progress and node in self._tasks:
            step, of = self._last.get(node, (1, 1))
            self._progress.update(self._tasks[node], total=of, completed=step)
            self._progress.stop_task(self._tasks[node])
            return
        step, of = self._last.get(node, (0, 0))
        steps = f"{step}/{of} steps" if of else ""
        note = f"  ({seconds(loading)} of it loading)" if loading > LOADING_SHOWN else ""
        self.console.print(
            f"{node:<16} {steps:<14} {self._rates.get(node, ''):<12} {seconds(spent)}{note}",
            markup=False,
        )


def table_of(rows: Sequence[Mapping[str, str]]) -> Table:
    """A plain table with the keys of the first row as headings."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in rows[0]:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row.values()))  # prompts hold brackets: no markup
    return table
