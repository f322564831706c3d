"""Options that several commands take; no more than typer is needed to name them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
