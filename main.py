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

from studio.cli import commands
from studio.cli.options import Device, Dtype, Graph, Hash, Json, Kind, Only, Out, SeedOption, Sets
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


app.command(epilog=commands.RUN_EXITS)(commands.run)
app.command(epilog=commands.BATCH_EXITS)(commands.batch)


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


app.command()(commands.train)


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
