"""The command line of Latent Studio.

Every command imports what it needs when it runs, so that `--help` and a cached run stay fast.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from studio.errors import StudioError


class _Commands(TyperGroup):
    """Commands that tell Ctrl-C apart from an exit code; newer versions of typer make it one."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Abort from None


app = typer.Typer(
    cls=_Commands,
    name="latent-studio",
    help="Edit latent-diffusion graphs in a window (no arguments), or run them from the command "
    "line.",
    epilog="Start with: run text_to_image --out out",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
cache_app = typer.Typer(help="Show or empty the cache of results.", no_args_is_help=True)
app.add_typer(cache_app, name="cache")
models_app = typer.Typer()
app.add_typer(models_app, name="models")

Graph = Annotated[
    Path, typer.Argument(metavar="GRAPH", help="A graph file, or - for standard input.")
]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NODE.PARAM=VALUE", help="Change a parameter; repeatable."),
]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="NODE", help="Run to this node only; repeatable."),
]
Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Where pictures go.")]
Device = Annotated[
    str | None, typer.Option("--device", metavar="D", help="auto, cpu, cuda, cuda:1 or mps.")
]
Dtype = Annotated[
    str | None,
    typer.Option("--dtype", metavar="T", help="auto, float32, float16 or bfloat16."),
]
SeedOption = Annotated[
    int | None, typer.Option("--seed", metavar="N", help="Set every seed of the graph.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]

Kind = Annotated[
    str | None, typer.Option("--kind", metavar="KIND", help="Only these: checkpoints, loras, vae …")
]
Hash = Annotated[bool, typer.Option("--hash", help="Hash files that aren't hashed yet.")]


@app.callback(invoke_without_command=True)
def options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show a traceback where something fails.")
    ] = False,
) -> None:
    if debug:
        os.environ["LATENT_STUDIO_DEBUG"] = "1"
    if version:
        from studio import __version__

        typer.echo(f"latent-studio {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        raise typer.Exit(_edit([]))


@app.command()
def edit(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILES", help="Graphs, or pictures made by this program."),
    ] = None,
) -> None:
    """Open graphs in the editor; the same as no arguments at all."""
    raise typer.Exit(_edit(files or []))


@app.command(
    epilog="Exit codes: 0 done, 1 the run failed, 2 something given is at fault, 130 stopped."
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


@app.command(
    epilog="Exit codes: 0 all done, 1 some jobs failed, 2 something given is at fault or nothing "
    "can go on (a full disk), 130 stopped."
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


@app.command()
def verify(
    pictures: Annotated[
        list[Path],
        typer.Argument(metavar="PICTURE", help="PNGs made by this program, or folders of them."),
    ],
    sample: Annotated[
        int, typer.Option(min=0, help="Of a folder so many, spread over it; 0 takes all.")
    ] = 8,
    device: Annotated[
        str | None, typer.Option(help="auto, cpu, cuda, …; left out, the picture's own.")
    ] = None,
    dtype: Annotated[
        str | None, typer.Option(help="auto, float32, …; left out, the picture's own.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make pictures again from the graphs inside them, and compare bit for bit.

    Exits with 0 where all are equal, 1 where one isn't, 2 where one doesn't say how it was made.
    """
    from studio.cli import verify as command

    raise typer.Exit(
        command.verify(pictures, device=device, dtype=dtype, as_json=as_json, sample=sample)
    )


@app.command()
def diff(
    a: Annotated[
        Path, typer.Argument(metavar="A", help="A graph, a picture, or an example's name.")
    ],
    b: Annotated[Path, typer.Argument(metavar="B", help="Another.")],
    as_json: Json = False,
) -> None:
    """Say in words what differs between two graphs or pictures.

    Exits with 0 where they give the same, 1 where they don't, 2 where one can't be read.
    """
    from studio.cli import diff as command

    raise typer.Exit(command.diff(a, b, as_json=as_json))


@app.command()
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
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with what --out holds.")
    ] = False,
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


@app.command("check")
def check_graph(graph: Graph, sets: Sets = None, only: Only = None, as_json: Json = False) -> None:
    """Say everything that is wrong with a graph, without running it."""
    from studio.cli import run as command

    raise typer.Exit(command.check(graph, sets=sets or [], only=only or [], as_json=as_json))


@app.command()
def plan(
    graph: Graph,
    sets: Sets = None,
    only: Only = None,
    out: Out = None,
    device: Device = None,
    dtype: Dtype = None,
    seed: SeedOption = None,
    as_json: Json = False,
) -> None:
    """Say what a run would do with every node, and why."""
    from studio.cli import run as command

    raise typer.Exit(
        command.plan(
            graph,
            sets=sets or [],
            only=only or [],
            out=out,
            device=device,
            dtype=dtype,
            seed=seed,
            as_json=as_json,
        )
    )


@app.command()
def schema(
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write it to a file.")
    ] = None,
) -> None:
    """Print the JSON Schema of graph files, for editors and checkers."""
    from studio.cli import inspect

    raise typer.Exit(inspect.schema(out))


@app.command()
def nodes(
    name: Annotated[str | None, typer.Argument(help="Show this node type whole.")] = None,
    as_json: Json = False,
) -> None:
    """List the node types, or show one."""
    from studio.cli import inspect

    raise typer.Exit(inspect.nodes(name, as_json=as_json))


@models_app.callback(invoke_without_command=True)
def models(
    context: typer.Context, kind: Kind = None, hashing: Hash = False, as_json: Json = False
) -> None:
    """List the model files that graphs can name, or show one."""
    if context.invoked_subcommand is None:
        from studio.cli import models as command

        raise typer.Exit(command.listing(kind=kind, hashing=hashing, as_json=as_json))


@models_app.command("show")
def models_show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As graphs name it.")],
    kind: Kind = None,
    hashing: Hash = False,
    as_json: Json = False,
) -> None:
    """Show all that a model file says of itself: trigger words, training tags and the like."""
    from studio.cli import models as command

    raise typer.Exit(command.show(name, kind=kind, hashing=hashing, as_json=as_json))


@cache_app.command("info")
def cache_info(as_json: Json = False) -> None:
    """Show what the cache holds."""
    from studio.cli import inspect

    raise typer.Exit(inspect.cache_info(as_json=as_json))


@cache_app.command("clear")
def cache_clear() -> None:
    """Drop every result. Pictures are untouched."""
    from studio.cli import inspect

    raise typer.Exit(inspect.cache_clear())


@cache_app.command("prune")
def cache_prune(
    to: Annotated[
        str | None, typer.Option("--to", metavar="SIZE", help="Down to this size, as 2 GiB.")
    ] = None,
) -> None:
    """Drop the least recently used results, down to the budget or a size."""
    from studio.cli import inspect

    raise typer.Exit(inspect.cache_prune(to))


@app.command()
def doctor(as_json: Json = False) -> None:
    """Say what is installed, what is wrong and how to mend it."""
    from studio.cli import doctor as command

    raise typer.Exit(command.doctor(as_json=as_json))


@app.command()
def worker(device: Device = None, dtype: Dtype = None) -> None:
    """Take requests as JSON lines on stdin, answer on stdout."""
    from studio.execution import worker as command

    raise typer.Exit(command.main(device, dtype))


def _edit(files: list[Path]) -> int:
    from ui.screen import check_screen

    check_screen()
    from ui.app import run as edit_files

    return edit_files(files)


def main(arguments: list[str] | None = None) -> None:
    """Run a command and exit: 0 done, 1 failed, 2 something given is at fault, 130 stopped."""
    # typer carries its own copy of click in newer versions; its classes are reached through it.
    usage_error = typer.BadParameter.__mro__[2]
    try:
        code = app(arguments, prog_name="latent-studio", standalone_mode=False)
    except StudioError as error:
        if os.environ.get("LATENT_STUDIO_DEBUG"):
            raise
        sys.stderr.write(f"error: {error}\n")
        code = error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        sys.stderr.write("stopped\n")
        code = 130
    except BrokenPipeError:
        # Whoever read our output left; python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except Exception as error:
        if not isinstance(error, usage_error):
            raise
        error.show()  # type: ignore[attr-defined]
        code = 2
    sys.exit(code)


if __name__ == "__main__":
    main()
