"""`train`: make a model of the pocket family from its recipe."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from studio.cli.show import error_console, output_console, table_of
from studio.cli.trainshow import Shown
from studio.errors import InputError, StudioError
from studio.places import resources

if TYPE_CHECKING:
    from pathlib import Path

    from studio.training.recipe import Recipe


class NoRecipe(InputError):
    """Nothing to follow."""

    def __init__(self) -> None:
        super().__init__(
            "Name a recipe and a folder: train RECIPE --out DIR.",
            hint="`train --list` shows the recipes.",
        )


class NotForTraining(InputError):
    """A device that trainings aren't made for."""

    def __init__(self, device: str) -> None:
        super().__init__(f'Trainings don\'t run on "{device}".', hint="Use --device cpu or cuda.")


class BaseUnwanted(InputError):
    """A model to begin with, for a recipe that begins with nothing."""

    def __init__(self, recipe: str) -> None:
        super().__init__(f"The recipe {recipe} begins with nothing.", hint="Leave out --base.")


class Unwritable(StudioError):
    """The disk is full, or the folder can't be written to."""

    def __init__(self, error: OSError) -> None:
        super().__init__(
            f"The training can't be kept: {error}.",
            hint="Make room, then go on with --resume.",
        )


def listing(*, as_json: bool) -> int:
    """Print the recipes that ship."""
    from studio.training import recipe

    found = {name: recipe.read(recipe.path_of(name)) for name in recipe.names()}
    if as_json:
        about = {name: each.model_dump(mode="json") for name, each in found.items()}
        print(json.dumps(about, indent=1, ensure_ascii=False))  # noqa: T201
        return 0
    rows = [
        {"recipe": name, "makes": each.title, "from": each.base or "nothing", "takes": each.takes}
        for name, each in found.items()
    ]
    output_console().print(table_of(rows))
    return 0


def train(
    recipe: str | None,
    *,
    out: Path | None,
    base: Path | None,
    device: str | None,
    resume: bool,
    workers: int | None,
    check: int,
    as_json: bool,
) -> int:
    """Follow a recipe.

    Args:
        recipe: its name, or a file.
        out: where the model goes.
        base: the model that it begins with; None takes the one that ships.
        device: None chooses.
        resume: go on with what `out` holds.
        workers: processes that draw; None chooses.
        check: prompts of each kind to try the model with in the end; 0 tries nothing.
        as_json: print an event a line on stdout.
    """
    if recipe is None or out is None:
        raise NoRecipe
    from studio.hardware import resolve_policy
    from studio.training import recipe as recipes
    from studio.training.bases import check_base

    path = recipes.path_of(recipe)
    followed = recipes.read(path)
    if base is not None and followed.base is None:
        raise BaseUnwanted(path.stem)
    begins = base or (resources() / followed.base if followed.base else None)
    if begins is not None:
        check_base(begins)
    kind = resolve_policy(device or "auto").device
    if not kind.startswith(("cpu", "cuda")):
        raise NotForTraining(kind)
    import torch

    from studio.training.making import Making

    shown = Shown(error_console(), as_json=as_json)
    try:
        making = Making(
            path.stem, followed, begins, out,
            device=torch.device(kind),
            watcher=shown,
            resume=resume,
            workers=_workers(kind) if workers is None else workers,
        )  # fmt: skip
        with shown:
            made = making.run()
        figures = _tried(followed, made, begins, check, kind, shown) if check else {}
        _write_card(path, followed, made, figures, making.work.spend(), kind)
    except OSError as error:
        raise Unwritable(error) from error
    except KeyboardInterrupt:
        shown.say(f"Go on with: train {recipe} --out {out} --resume")
        raise
    shown.done(made, figures)
    return 0


def _workers(device: str) -> int:
    """One draws fast enough for a CPU; a GPU wants more."""
    cores = os.cpu_count() or 1
    if cores == 1:
        return 0
    return min(8, cores - 1) if device.startswith("cuda") else 1


def _tried(
    recipe: Recipe, made: Path, base: Path | None, count: int, device: str, shown: Shown
) -> dict[str, Any]:
    """Paint what it has never seen, leave the sheet beside it; how much of it is right."""
    from studio.training import quality

    shown.say(f"trying it with {count} prompts of each kind")
    if recipe.lora is not None:
        assert base is not None
        figures, sheet = quality.of_lora(made, base, recipe, count, device)
        out = made.parent
    else:
        figures, sheet = quality.of_model(made, recipe, count, device)
        out = made
    sheet.save(out / "sheet.png")
    return figures


def _write_card(
    path: Path, recipe: Recipe, made: Path, figures: dict[str, Any], spent: float, device: str
) -> None:
    import torch

    from studio.hardware import cpu_info, cuda_names
    from studio.training import cards, layout

    where = f"{torch.get_num_threads()} threads of {cpu_info().model}"
    if device.startswith("cuda"):
        where = cuda_names()[torch.device(device).index or 0]
    out = made if made.is_dir() else made.parent
    written = cards.card(
        path.stem,
        recipe,
        path.read_text(encoding="utf-8"),
        figures=figures,
        hashes=layout.hashes(out),
        seconds=spent,
        machine=f"{where}, torch {torch.__version__}",
    )
    (out / "README.md").write_text(written, encoding="utf-8")
