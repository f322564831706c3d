"""Recipes: those that ship can be followed, and others say what is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from studio.training import recipe
from studio.training.recipe import BadRecipe, RecipeNotFound

if TYPE_CHECKING:
    from pathlib import Path

FIRST = "[first_stage]\nwidths = [8, 8, 8, 8]\nsteps = 2\n"
UNET = "[denoiser]\nscenes = 2\nsteps = 2\n"


def test_the_family_has_its_recipes() -> None:
    found = {name: recipe.read(recipe.path_of(name)) for name in recipe.names()}
    assert set(found) == {
        "pocket", "pocket-v", "pocket-inpaint", "pocket-striped", "pocket-outlined", "tiny",
    }  # fmt: skip
    assert {name for name, each in found.items() if each.base} == set(found) - {"pocket", "tiny"}
    assert {each.base for each in found.values()} == {None, "pocket"}
    assert len({each.seed for each in found.values() if each.base}) == 4, "scenes of their own"
    for name in ("pocket-striped", "pocket-outlined"):
        lora = found[name].lora
        assert lora is not None
        assert name.removeprefix("pocket-") in lora.trigger
        style = 1 if name == "pocket-striped" else 2
        assert found[name].world.mix.styles[style] > 0.7


def test_shares_of_scenes_add_up() -> None:
    mix = recipe.World(plain=0.6, gradient=0.2, checked=0, dotted=0, striped=0.25).mix
    assert mix.grounds == pytest.approx((0.75, 0.25, 0, 0))
    assert mix.styles == pytest.approx((0.75, 0.25, 0))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("title = ", "isn't TOML"),
        ("seed = 1\n" + FIRST, "title: Field required"),
        ("title = 'x'", "nothing to train"),
        ("title = 'x'\nspeed = 3\n" + FIRST, "speed: Extra inputs are not permitted"),
        ("title = 'x'\n" + UNET, "without a base"),
        ("title = 'x'\n" + FIRST + UNET, "text for a denoiser"),
        ("title = 'x'\nbase = 'pocket'\n" + FIRST, "the base's"),
        ("title = 'x'\nbase = 'pocket'\n" + UNET + "layers = 1\n", "layers: the UNet's shape is"),
        ("title = 'x'\n" + FIRST + "groups = 3\n", "3 groups don't divide a width of 8"),
        ("title = 'x'\n" + FIRST.replace("8, 8, 8, 8", "8, 8"), "first_stage.widths"),
        ("title = 'x'\n" + FIRST + "rate = -1.0\n", "first_stage.rate"),
        ("title = 'x'\nseed = -1\n" + FIRST, "seed"),
        ("title = 'x'\n" + FIRST + "[world]\nstriped = 0.6\noutlined = 0.6\n", "1 together"),
        (
            "title = 'x'\n" + FIRST + "[world]\nplain = 0\ngradient = 0\nchecked = 0\ndotted = 0\n",
            "some scenes need a background",
        ),
        (
            "title = 'x'\nbase = 'pocket'\n" + UNET + "attention = [true]\n",
            "attention says yes or no of each",
        ),
    ],
)  # fmt: skip
def test_a_recipe_that_makes_no_sense_says_why(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadRecipe) as caught:
        recipe.read(path)
    assert str(caught.value).startswith("mine.toml: ")
    assert says in str(caught.value)


def test_a_recipe_that_isnt_text_or_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadRecipe, match="isn't TOML"):
        recipe.read(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(RecipeNotFound):
        recipe.path_of(str(path))


def test_a_wrong_name_names_the_nearest() -> None:
    with pytest.raises(RecipeNotFound, match="Did you mean pocket-striped"):
        recipe.path_of("pocket-stripes")
