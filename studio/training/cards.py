"""Model cards: what a model knows, how good it is, and how it was made; beside its weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from studio.training.recipe import Recipe


def card(
    name: str,
    recipe: Recipe,
    text: str,
    *,
    figures: Mapping[str, Any],
    hashes: Mapping[str, str],
    seconds: float,
    machine: str,
) -> str:
    """A model card in Markdown.

    Args:
        name: of the model.
        recipe: that it was made by.
        text: the recipe's file, to the letter.
        figures: by `studio.training.quality`; none where nothing was measured.
        hashes: SHA-256 of the weights by file.
        seconds: that the training took.
        machine: that it ran on, in words.
    """
    parts = [f"# {name}: {recipe.title}", recipe.about.strip()]
    if figures:
        parts += ["## Figures", *_tables(figures)]
    parts += [
        "## How it was made",
        f"By this repository alone, from procedural scenes: no outside data, no outside weights. "
        f"`python main.py train {name}` makes it again: {_hours(seconds)} on {machine}.",
        f"```toml\n{text.strip()}\n```",
        "SHA-256 of the weights:",
        "\n".join(f"- `{file}`: `{each}`" for file, each in hashes.items()),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _tables(figures: Mapping[str, Any]) -> list[str]:
    """Shares in one table, a row each; then what is a number."""
    rows: dict[str, Mapping[str, Any]] = {}
    rest: list[str] = []
    for name, value in figures.items():
        _sort(name, value, rows, rest)
    found = []
    if rows:
        columns = list(dict.fromkeys(column for row in rows.values() for column in row))
        lines = [
            f"| per cent | pictures | {' | '.join(columns)} |",
            f"| --- | --- |{' --- |' * len(columns)}",
        ]
        for name, row in rows.items():
            of = max(share["of"] for share in row.values())
            cells = [_share(row[each]) if each in row else "" for each in columns]
            lines.append(f"| {name} | {of} | {' | '.join(cells)} |")
        found += ["\n".join(lines), "In brackets: the 95 % confidence interval (Wilson)."]
    if rest:
        found.append("\n".join(rest))
    return found


def _sort(name: str, value: Any, rows: dict[str, Mapping[str, Any]], rest: list[str]) -> None:
    if not isinstance(value, dict):
        rest.append(f"- {name}: {value}")
        return
    shares = {key: one for key, one in value.items() if isinstance(one, dict) and "of" in one}
    if shares:
        rows[name] = shares
    for key, one in value.items():
        if key not in shares:
            _sort(f"{name}: {key}", one, rows, rest)


def _share(share: Mapping[str, Any]) -> str:
    return f"{share['percent']:.1f} ({share['low']:.1f} to {share['high']:.1f})"


def _hours(seconds: float) -> str:
    if seconds < 5400:
        return f"{max(1, round(seconds / 60))} minutes"
    return f"{seconds / 3600:.1f} hours"
