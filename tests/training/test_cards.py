"""Model cards say what there is to know of a model."""

from __future__ import annotations

from studio.training.cards import card
from studio.training.measures import Share
from studio.training.recipe import FirstStage, Recipe

RECIPE = Recipe(
    title="does this", about="It knows that.", first_stage=FirstStage(widths=(8,) * 4, steps=1)
)


def written(seconds: float = 60.0, **figures: object) -> str:
    return card(
        "mine", RECIPE, 'title = "does this"\n',
        figures=figures, hashes={"vae/a.safetensors": "abc"}, seconds=seconds, machine="a machine",
    )  # fmt: skip


def test_it_says_how_it_was_made() -> None:
    text = written(seconds=7200)
    assert text.startswith("# mine: does this\n\nIt knows that.\n")
    assert "`python main.py train mine` makes it again: 2.0 hours on a machine." in text
    assert '```toml\ntitle = "does this"\n```' in text
    assert "- `vae/a.safetensors`: `abc`" in text
    assert "Figures" not in text, "nothing was measured"
    assert "1 minutes" in written(seconds=20)


def test_shares_are_rows_and_numbers_a_list() -> None:
    share = Share(97, 100).to_json()
    text = written(
        **{
            "one object": {"all right": share, "colour": Share(100, 100).to_json()},
            "first stage": {"PSNR, dB": 36.2, "ceiling": {"all right": share}},
        }
    )
    lines = text.splitlines()
    assert "| per cent | pictures | all right | colour |" in lines
    assert "| one object | 100 | 97.0 (91.5 to 99.0) | 100.0 (96.3 to 100.0) |" in lines
    assert "| first stage: ceiling | 100 | 97.0 (91.5 to 99.0) |  |" in lines
    assert "- first stage: PSNR, dB: 36.2" in lines
