"""`batch`: a graph run for every row of a table and every point of its sweeps."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from studio.batch.forecast import forecast, remember
from studio.batch.frozen import check_same, fingerprints, freeze, thaw
from studio.batch.jobfile import Asked, Request, RunOptions, read_job_file
from studio.batch.model import RunnerChoice
from studio.batch.planning import absolute, plan_batch
from studio.batch.progress import Reporter
from studio.cli.batchtalk import (
    Shown,
    ask,
    finish,
    forecast_json,
    list_first,
    print_json,
    stopped,
    tell,
)
from studio.errors import InputError
from studio.session import Session, locate
from studio.words import nearest, size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

    from studio.batch.folder import BatchFolder
    from studio.batch.planning import BatchPlan

LONG = 20_000_000
"""Bytes of a table from which on reading it is worth a word."""

FEW_WORKERS = 8
"""That any machine may try."""

META_FILES = "files"
META_HASHES = "hashes"


class NothingToRun(InputError):
    """Neither a graph nor a folder to go on with."""

    def __init__(self) -> None:
        super().__init__(
            "Name a graph or a job file, or a folder to go on with.",
            hint="For example: batch text_to_image --sweep sampler.seed=1..4 --out runs/first",
        )


class BadOption(InputError):
    """An option that makes no sense, or not here."""

    def __init__(self, option: str, reason: str) -> None:
        super().__init__(f"{option}: {reason}")


def batch(
    graph: Path | None,
    *,
    sweeps: Sequence[str],
    paired: bool,
    csv: Path | None,
    jsonl: Path | None,
    sets: Sequence[str],
    only: Sequence[str],
    out: Path | None,
    resume: Path | None,
    retry_failed: bool,
    on: str | None,
    workers: str | None,
    batch_size: str | None,
    texts_first: bool | None,
    device: str | None,
    dtype: str | None,
    use_cache: bool,
    sheet: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Run a batch, or go on with one, and return the exit code."""
    if on == "here" and workers:
        raise BadOption(f"--workers {workers}", "--on here has none; leave one of them out.")
    run = RunOptions(
        on=_on(on),
        workers=_count("--workers", workers),
        batch_size=_count("--batch-size", batch_size),
        device=device,
        dtype=dtype,
        cache=None if use_cache else False,
        texts_first=texts_first,
    )
    shown = Shown(dry_run=dry_run, yes=yes, as_json=as_json, quiet=quiet, sheet=sheet)
    if resume is not None:
        fixed = {
            "GRAPH": graph, "--sweep": sweeps, "--zip": paired, "--csv": csv, "--jsonl": jsonl,
            "--set": sets, "--only": only, "--out": out, "--device": device, "--dtype": dtype,
        }  # fmt: skip
        if given := next((name for name, value in fixed.items() if value), None):
            raise BadOption(given, "a batch that goes on is the same batch; leave it out.")
        return _resume(resume, run, shown, retry_failed=retry_failed)
    if retry_failed:
        raise BadOption("--retry-failed", "it goes with --resume FOLDER.")
    if graph is None:
        raise NothingToRun
    graph = locate(graph, ".toml")
    request = read_job_file(graph) if graph.suffix.lower() == ".toml" else Request(graph)
    request = replace(
        _merged_places(request, sets, sweeps),
        out=absolute(out or request.out),
        csv=absolute(csv) or (None if jsonl else request.csv),
        jsonl=absolute(jsonl) or (None if csv else request.jsonl),
        zip=paired or request.zip,
        only=tuple(only) or request.only,
        run=_merged(request.run, run),
    )
    return _start(request, shown)


# Options


def _on(text: str | None) -> Literal["here", "workers", "ray"] | None:
    names = ("here", "workers", "ray")
    if text is None or text in names:
        return cast("Literal['here', 'workers', 'ray'] | None", text)
    raise BadOption(f"--on {text}", f"choose {', '.join(names[:-1])} or ray.{nearest(text, names)}")


def _count(option: str, text: str | None) -> int | Literal["auto"] | None:
    if text is None:
        return None
    if text == "auto":
        return "auto"
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 1024:
        return int(text)
    raise BadOption(f"{option} {text}", "write auto, or a number from 1 to 1024.")


def _merged(below: RunOptions, above: RunOptions) -> RunOptions:
    """What the command line says goes before what the file says."""
    given = {key: value for key, value in above.model_dump().items() if value is not None}
    if above.on == "here":
        given["workers"] = None
    elif above.workers and not above.on and below.on == "here":
        given["on"] = "workers"
    return below.model_copy(update=given)


def _merged_places(request: Request, sets: Sequence[str], sweeps: Sequence[str]) -> Request:
    """What the command line does with a widget goes before what the file does with it."""
    asked = [_asked(text) for text in sweeps]
    given = {text.partition("=")[0].strip() for text in sets} | {one.place for one in asked}
    constants = (item for item in request.sets if item[0] not in given)
    swept = (one for one in request.sweeps if one.place not in given)
    return replace(request, sets=(*constants, *sets), sweeps=(*swept, *asked))


def _asked(text: str) -> Asked:
    place, equals, spec = text.partition("=")
    if not equals:
        raise BadOption(
            f"--sweep {text}", "write NODE.PARAM=VALUES, for example sampler.seed=1..4."
        )
    return Asked(place.strip(), spec, f"--sweep {text}", Path.cwd())


# Running


def _start(request: Request, shown: Shown) -> int:
    """Plan a batch and run it."""
    from studio.batch.folder import open_folder
    from studio.batch.journal import FILE

    run = request.run
    if request.out and not shown.dry_run and (request.out / FILE).exists():
        with open_folder(request.out, resume=False):
            pass  # refused in most cases, and before anything is read or told
    with Session.open(device=run.device, dtype=run.dtype, use_cache=False) as session:
        _announce(request, shown)
        plan = plan_batch(request, session)
        home, output = session.places.home, session.places.output
    folder = request.out or _free_folder(output, plan.environment.graph_name)
    choice = _choice(request.run, len(plan.space))
    expected = forecast(plan, folder, home)
    tell(plan, folder, expected, shown)
    if shown.dry_run:
        list_first(plan, expected, shown)
        return 0
    ask(plan, expected, shown)
    with open_folder(folder, resume=False) as held:
        held.journal.set_meta(META_FILES, freeze(plan, held.root))
        held.journal.set_meta(META_HASHES, json.dumps(fingerprints(plan)))
        return _run(plan, held, choice, home, shown, retry_failed=False)


def _announce(request: Request, shown: Shown) -> None:
    """Say what will take a while."""
    for path in (request.csv, request.jsonl):
        if path and path.is_file() and (length := path.stat().st_size) > LONG:
            shown.say(f"reading and checking {path.name} ({size(length)}) …")


def _resume(folder: Path, run: RunOptions, shown: Shown, *, retry_failed: bool) -> int:
    """Go on with the batch in a folder."""
    from studio.batch.folder import open_folder

    with open_folder(folder, resume=True) as held:
        request = thaw(held.root, held.journal.meta(META_FILES))
        request = replace(request, run=_merged(request.run, run))
        kept = request.run
        with Session.open(device=kept.device, dtype=kept.dtype, use_cache=False) as session:
            plan = plan_batch(request, session, known=True)
            before, done = held.journal.meta(META_HASHES), held.journal.ended(failed=False)
            hashes = check_same(before, plan, done, yes=shown.yes)
            home = session.places.home
        counts = held.journal.counts()
        left = len(plan.space) - counts.done - (0 if retry_failed else counts.failed)
        choice = _choice(request.run, left)
        expected = forecast(plan, held.root, home, left)
        tell(plan, held.root, expected, shown)
        if shown.dry_run:
            shown.say(f"{counts.done:,} done, {counts.failed:,} failed, {left:,} to run")
            if shown.as_json:
                print_json({"event": "forecast", **forecast_json(expected)})
            return 0
        held.journal.set_meta(META_HASHES, hashes)
        return _run(plan, held, choice, home, shown, retry_failed=retry_failed)


def _run(
    plan: BatchPlan,
    held: BatchFolder,
    choice: RunnerChoice,
    home: Path,
    shown: Shown,
    *,
    retry_failed: bool,
) -> int:
    from studio.batch.driver import run

    paths = shown.quiet or not sys.stdout.isatty()
    reporter = Reporter(
        plan.space,
        shown.console,
        sys.stdout if shown.as_json or paths else None,
        as_json=shown.as_json,
        quiet=shown.quiet,
        root=held.root,
    )
    cancel = threading.Event()
    try:
        with _interrupts(cancel, reporter):
            _texts_first(plan, choice, cancel, reporter)
            summary = run(
                held,
                plan.setup,
                plan.space,
                plan.order,
                choice,
                emit=reporter,
                cancel=cancel,
                retry_failed=retry_failed,
            )
    except KeyboardInterrupt:
        # Stopped at once: a thread of ours may still compute, and nobody waits for it.
        reporter.close()
        shown.console.print(stopped(held.root), markup=False)
        _leave(130)
    finally:
        reporter.close()
    told = reporter.counts
    remember(plan, home, told.ended, told.elapsed, told.bytes, told.reused)
    finish(plan, held, summary, shown)
    return summary.exit_code


def _texts_first(
    plan: BatchPlan, choice: RunnerChoice, cancel: threading.Event, reporter: Reporter
) -> None:
    """Encode the texts before the first picture, where asked for or where memory is short."""
    options = plan.request.run
    if options.texts_first is False or options.cache is False:
        return
    from studio.batch import ahead

    with Session.open(device=options.device, dtype=options.dtype) as session:
        workers = choice.workers or 1 if choice.on == "workers" else 1
        if not (options.texts_first or ahead.is_short(plan, session, workers)):
            return
        count = ahead.encode_texts(
            plan,
            session,
            cancel,
            reporter.encoded,
            lambda words: reporter.say(f"warning: {words}"),
        )
    if count:
        reporter.say(f"{count:,} texts encoded")


def _choice(options: RunOptions, jobs: int) -> RunnerChoice:
    """Where to run.

    Args:
        options: of the batch.
        jobs: that are left; more workers than that have nothing to do.

    Raises:
        BadOption: far more workers than the machine has cores for.
    """
    count = options.workers
    on = options.on or ("workers" if count is not None else "here")
    if not isinstance(count, int):
        return RunnerChoice(on)
    cores = os.cpu_count() or 1
    if on == "workers" and count > max(cores, FEW_WORKERS):
        reason = f"this machine has {cores} cores, and each worker takes one and its memory."
        raise BadOption(f"--workers {count}", reason)
    return RunnerChoice(on, min(count, max(jobs, 1)))


def _leave(code: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


@contextmanager
def _interrupts(cancel: threading.Event, reporter: Reporter) -> Iterator[None]:
    """Ctrl-C finishes the steps in flight and stops; a second one stops at once."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        if cancel.is_set():
            raise KeyboardInterrupt
        cancel.set()
        # Printing takes locks that this very thread may hold; the thread beside it doesn't.
        words = "stopping after the steps in flight (Ctrl-C again to stop at once)"
        threading.Thread(target=reporter.say, args=(words,), daemon=True).start()

    def lost(hook: sys.UnraisableHookArgs) -> None:
        # It came while Python cleaned up an object, where nothing can be raised: once more.
        if hook.exc_type is KeyboardInterrupt:
            threading.Timer(0.01, signal.raise_signal, (signal.SIGINT,)).start()
        else:
            reports(hook)

    reports, sys.unraisablehook = sys.unraisablehook, lost
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        sys.unraisablehook = reports
        for number, handler in before.items():
            signal.signal(number, handler)


def _free_folder(output: Path, name: str) -> Path:
    """A new folder among the user's pictures."""
    stem = f"{name}-{datetime.now():%Y-%m-%d}"
    number = 1
    while (folder := output / "batches" / (f"{stem}-{number}")).exists():
        number += 1
    return folder
