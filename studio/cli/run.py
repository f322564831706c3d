"""`run`, `plan` and `check`."""

from __future__ import annotations

import json
import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from studio.cli.show import (
    Reporter,
    error_console,
    output_console,
    plan_line,
    plan_table,
    print_faults,
)
from studio.execution.executor import Executor
from studio.session import Session, locate
from studio.words import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from types import FrameType

    from rich.console import Console

    from studio.execution.events import Event


def run(
    path: Path,
    *,
    sets: Sequence[str],
    only: Sequence[str],
    out: Path | None,
    device: str | None,
    dtype: str | None,
    seed: int | None,
    explain: bool,
    dry_run: bool,
    use_cache: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Run a graph and return the exit code."""
    console = error_console()
    path = locate(path)
    with Session.open(out=out, device=device, dtype=dtype, use_cache=use_cache) as session:
        graph = session.load(path, sets, seed)
        environment = session.environment(path)
        checked = session.check(graph, environment, path, only)
        if not dry_run:
            session.output.check()
        plan = session.plan(checked, environment, path)
        if not quiet:
            print_faults(console, checked.warnings, "warning")
            for note in checked.notes:
                console.print(f"migrated {note}", markup=False)
            title = graph.title or str(path)
            console.print(f"{title}: {plan_line(plan)}", markup=False)
        if explain or (dry_run and not as_json and not quiet):
            console.print(plan_table(plan))
        if dry_run:
            if as_json:
                _print_json({"event": "plan", "steps": [s.to_json() for s in plan.steps.values()]})
            return 0
        cancel = threading.Event()
        reporter = Reporter(console, quiet=quiet or as_json)

        def emit(event: Event) -> None:
            if as_json:
                _print_json(event.to_json())
            reporter(event)

        executor = Executor(session.cache, session.policy, session.models, cancel)
        try:
            with _interrupts(cancel, console):
                result = executor.run(plan, environment, emit)
        finally:
            reporter.close()
    if result.status == "cancelled":
        console.print("stopped; what was finished is kept and will be used by the next run")
    elif result.error is not None:
        raise result.error
    elif not as_json:
        for output in result.outputs:
            print(plain(output.path))  # noqa: T201  - the result, for pipes
    return result.exit_code


def plan(
    path: Path,
    *,
    sets: Sequence[str],
    only: Sequence[str],
    out: Path | None,
    device: str | None,
    dtype: str | None,
    seed: int | None,
    as_json: bool,
) -> int:
    """Print what a run would do, and why."""
    path = locate(path)
    with Session.open(out=out, device=device, dtype=dtype) as session:
        environment = session.environment(path)
        checked = session.check(session.load(path, sets, seed), environment, path, only)
        made = session.plan(checked, environment, path)
    if as_json:
        _print_json({"steps": [step.to_json() for step in made.steps.values()]})
        return 0
    console = output_console()
    console.print(plan_table(made))
    console.print(plan_line(made), markup=False)
    return 0


def check(path: Path, *, sets: Sequence[str], only: Sequence[str], as_json: bool) -> int:
    """Validate a graph; 0 where it can run, 2 where it can't."""
    from studio.graph.errors import GraphError

    path = locate(path)
    with Session.open(use_cache=False) as session:
        try:
            graph = session.load(path, sets)
            checked = session.check(graph, session.environment(path), path, only)
        except GraphError as error:
            if not as_json:
                raise
            _print_json({"ok": False, "faults": [fault.to_json() for fault in error.faults]})
            return error.exit_code
    if as_json:
        faults = [fault.to_json() for fault in checked.warnings]
        _print_json({"ok": True, "faults": faults, "migrated": list(checked.notes)})
        return 0
    console = error_console()
    print_faults(console, checked.warnings, "warning")
    for note in checked.notes:
        console.print(f"would be migrated: {note}", markup=False)
    targets = ", ".join(checked.targets)
    console.print(f"{path}: can run: {len(graph.nodes)} nodes, output: {targets}", markup=False)
    return 0


def _print_json(data: object) -> None:
    sys.stdout.write(plain(json.dumps(data, ensure_ascii=False)) + "\n")
    sys.stdout.flush()


@contextmanager
def _interrupts(cancel: threading.Event, console: Console) -> Iterator[None]:
    """Ctrl-C asks the run to stop at its next step; a second one stops at once."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        if cancel.is_set():
            raise KeyboardInterrupt
        cancel.set()
        console.print("stopping after this step (Ctrl-C again to stop at once)")

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
