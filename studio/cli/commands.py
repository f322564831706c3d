"""The commands with the most options: what can be given to them, and what is done with it.

Like `main`, they import what they need when they run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from studio.cli.options import Device, Dtype, Graph, Only, Out, SeedOption, Sets

RUN_EXITS = "Exit codes: 0 done, 1 the run failed, 2 something given is at fault, 130 stopped."
BATCH_EXITS = (
    "Exit codes: 0 all done, 1 some jobs failed, 2 something given is at fault or nothing "
    "can go on (a full disk), 130 stopped."
)


def run(
    graph: Graph,
    sets: Sets = None,
    only: Only = None,
    out: Out = None,
    device: Device = None,
    dtype: Dtype = None,
    seed: SeedOption = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say of every node what happens, and why.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check and plan, and stop there.")
    ] = False,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Neither use nor keep results.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one event a line on stdout, as JSON.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the paths only.")] = False,
) -> None:
    """Run a graph and write its pictures."""
    from studio.cli import run as command

    raise typer.Exit(
        command.run(
            graph,
            sets=sets or [],
            only=only or [],
            out=out,
            device=device,
            dtype=dtype,
            seed=seed,
            explain=explain,
            dry_run=dry_run,
            use_cache=not no_cache,
            as_json=as_json,
            quiet=quiet,
        )
    )


def batch(
    graph: Annotated[
        Path | None,
        typer.Argument(
            metavar="GRAPH", help="A graph file, a job file (batch.toml), or an example's name."
        ),
    ] = None,
    sweeps: Annotated[
        list[str] | None,
        typer.Option(
            "--sweep",
            metavar="NODE.PARAM=SPEC",
            help="Values to go through: 1..4, 3,5,7, and in quotation marks for the shell "
            "'…=linspace(0,1,5)', random(8), glob(*.png), lines(prompts.txt); repeatable, which "
            "multiplies.",
        ),
    ] = None,
    paired: Annotated[
        bool, typer.Option("--zip", help="Pair the sweeps instead of multiplying them.")
    ] = False,
    csv: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            metavar="FILE",
            help="A job a row, columns named node.param; with sweeps each row runs with every "
            "point.",
        ),
    ] = None,
    jsonl: Annotated[
        Path | None, typer.Option("--jsonl", metavar="FILE", help="The same as a JSON a line.")
    ] = None,
    sets: Sets = None,
    only: Only = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="The batch's own folder.")
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            "--resume",
            metavar="DIR",
            help="Go on with the batch in a folder, after a stop or a crash.",
        ),
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="With --resume: try failed jobs again.")
    ] = False,
    on: Annotated[
        str | None,
        typer.Option(
            "--on",
            metavar="WHERE",
            help="here; workers, processes of this machine; ray, a cluster (RAY_ADDRESS).",
        ),
    ] = None,
    workers: Annotated[
        str | None,
        typer.Option(
            "--workers",
            metavar="N",
            help="How many, or auto: one a GPU. By itself it means --on workers.",
        ),
    ] = None,
    batch_size: Annotated[
        str | None,
        typer.Option(
            "--batch-size",
            metavar="N",
            help="Pictures denoised as one, at most, or auto; 1 for each by itself.",
        ),
    ] = None,
    texts_first: Annotated[
        bool | None,
        typer.Option(
            "--texts-first/--no-texts-first",
            help="Encode all texts before the first picture; by itself where memory is short.",
        ),
    ] = None,
    device: Device = None,
    dtype: Dtype = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Neither use nor keep results.")
    ] = False,
    no_sheet: Annotated[bool, typer.Option("--no-sheet", help="Make no contact sheet.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check, count and forecast, and stop there.")
    ] = False,
    yes: Annotated[
        bool,
        typer.Option(
            "--yes",
            "-y",
            help="Don't ask, however much it is; with --resume, go on with files that changed.",
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one event a line on stdout, as JSON.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print paths and failures only.")
    ] = False,
) -> None:
    """Run a graph for every point of sweeps and every row of a table; --resume goes on with it."""
    from studio.cli import batch as command

    raise typer.Exit(
        command.batch(
            graph,
            sweeps=sweeps or [],
            paired=paired,
            csv=csv,
            jsonl=jsonl,
            sets=sets or [],
            only=only or [],
            out=out,
            resume=resume,
            retry_failed=retry_failed,
            on=on,
            workers=workers,
            batch_size=batch_size,
            texts_first=texts_first,
            device=device,
            dtype=dtype,
            use_cache=not no_cache,
            sheet=not no_sheet,
            dry_run=dry_run,
            yes=yes,
            as_json=as_json,
            quiet=quiet,
        )
    )


def train(
    recipe: Annotated[
        str | None,
        typer.Argument(metavar="RECIPE", help="One that --list shows, or a file of yours."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where the model goes.")
    ] = None,
    base: Annotated[
        Path | None,
        typer.Option(
            "--base", metavar="DIR", help="The model it begins with; left out, the one that ships."
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with what --out holds.")] = False,
    device: Device = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=0, metavar="N", help="Processes that draw.")
    ] = None,
    check: Annotated[
        int,
        typer.Option(
            "--check", min=0, metavar="N", help="Prompts of each kind to try it with in the end."
        ),
    ] = 100,
    listing: Annotated[bool, typer.Option("--list", help="Show the recipes.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one event a line on stdout, as JSON.")
    ] = False,
) -> None:
    """Make a small model of the pocket family again, from nothing but drawn scenes."""
    from studio.cli import train as command

    if listing:
        raise typer.Exit(command.listing(as_json=as_json))
    raise typer.Exit(
        command.train(
            recipe,
            out=out,
            base=base,
            device=device,
            resume=resume,
            workers=workers,
            check=check,
            as_json=as_json,
        )
    )
