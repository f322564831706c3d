"""Recipes: all that decides what a training makes, in one TOML file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from studio.errors import InputError
from studio.training.world import Mix
from studio.words import nearest

RECIPES = Path(__file__).parent / "recipes"

Share = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(gt=0, le=0.1)]
Steps = Annotated[int, Field(ge=1, le=10_000_000)]
Width = Annotated[int, Field(ge=4, le=2048)]


class RecipeNotFound(InputError):
    """No such recipe."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no recipe {name!r}.{nearest(name, names())}")


class BadRecipe(InputError):
    """A recipe that can't be followed."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path.name}: {reason}")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _divides(number: int, name: str, widths: tuple[int, ...]) -> None:
    for width in widths:
        if width % number:
            raise ValueError(f"{number} {name} don't divide a width of {width}")


class World(_Part):
    """Which scenes to learn from; see `studio.training.world.Mix`."""

    pairs: Share = 0.45
    plain: Share = 0.62
    gradient: Share = 0.22
    checked: Share = 0.08
    dotted: Share = 0.08
    striped: Share = 0.0
    outlined: Share = 0.0

    @property
    def mix(self) -> Mix:
        """Of scenes."""
        grounds = self.plain, self.gradient, self.checked, self.dotted
        a, b, c, d = (each / sum(grounds) for each in grounds)
        plain = 1 - self.striped - self.outlined
        return Mix(self.pairs, (a, b, c, d), (plain, self.striped, self.outlined))

    @model_validator(mode="after")
    def _adds_up(self) -> World:
        if self.striped + self.outlined > 1:
            raise ValueError("striped and outlined are shares of all scenes: 1 together at most")
        if not self.plain + self.gradient + self.checked + self.dotted:
            raise ValueError("some scenes need a background")
        return self


class FirstStage(_Part):
    """The autoencoder; see `studio.training.first_stage`."""

    widths: Annotated[tuple[Width, ...], Field(min_length=4, max_length=4)]
    """Of each level; a latent is an eighth of the picture, so there are four."""
    layers: Annotated[int, Field(ge=1, le=4)] = 1
    groups: Annotated[int, Field(ge=1, le=64)] = 2
    steps: Steps
    decoder_steps: Annotated[int, Field(ge=0)] = 0
    batch: Annotated[int, Field(ge=1, le=4096)] = 16
    half: Share = 0.6
    rate: Rate = 2e-3
    other_rate: Rate = 1e-3
    kl: Annotated[float, Field(ge=0)] = 1e-6
    edges: Annotated[float, Field(ge=0)] = 4.0
    noise: Annotated[float, Field(ge=0)] = 0.12
    world: World | None = None
    """Scenes for it, where they aren't the recipe's: what LoRAs will draw has to fit in it."""

    @model_validator(mode="after")
    def _fits(self) -> FirstStage:
        _divides(self.groups, "groups", self.widths)
        return self


class Text(_Part):
    """The vocabulary and the text encoder; see `studio.training.words`."""

    vocabulary: Annotated[int, Field(ge=514, le=50_000)] = 900
    width: Annotated[int, Field(ge=8, le=1024)] = 128
    layers: Annotated[int, Field(ge=1, le=24)] = 2
    heads: Annotated[int, Field(ge=1, le=16)] = 4

    @model_validator(mode="after")
    def _fits(self) -> Text:
        _divides(self.heads, "heads", (self.width,))
        return self


class Denoiser(_Part):
    """The UNet; see `studio.training.denoiser`. Its shape is the base's where there is one."""

    widths: Annotated[tuple[Width, ...], Field(min_length=1, max_length=4)] = (32, 64, 128)
    attention: tuple[bool, ...] = (True, True, False)
    layers: Annotated[int, Field(ge=1, le=4)] = 1
    heads: Annotated[int, Field(ge=1, le=32)] = 4
    groups: Annotated[int, Field(ge=1, le=64)] = 8
    prediction: Literal["epsilon", "v_prediction"] = "epsilon"
    scenes: Steps
    steps: Steps
    batch: Annotated[int, Field(ge=1, le=4096)] = 32
    rate: Rate = 2e-3
    other_rate: Rate = 1e-3
    masks: bool = False
    """Nine channels: a mask and the masked picture's latent, too."""

    @model_validator(mode="after")
    def _fits(self) -> Denoiser:
        if len(self.attention) != len(self.widths):
            raise ValueError("attention says yes or no of each of the widths")
        _divides(self.groups, "groups", self.widths)
        _divides(self.heads, "heads", self.widths)
        return self

    @property
    def shaped(self) -> list[str]:
        """The settings of its shape that were given."""
        return sorted(self.model_fields_set & {"widths", "attention", "layers", "heads", "groups"})


class Lora(_Part):
    """A change of style learnt beside a UNet that stays as it is."""

    trigger: str
    rank: Annotated[int, Field(ge=1, le=128)] = 8
    convolutions: bool = False
    format: Literal["peft", "kohya"] = "peft"
    scenes: Steps
    steps: Steps
    batch: Annotated[int, Field(ge=1, le=4096)] = 32
    rate: Rate = 1e-3


class Recipe(_Part):
    """All of a training.

    Args:
        title: a line for `train --list`.
        about: for the model card, in Markdown.
        takes: how long it took where, in words.
        seed: of weights, scenes, noise and order.
        base: a model of the family to begin with; what the recipe doesn't train is its.
        cfg: scale of guidance that suits the model.
        sheets: draw sheets of samples, ten in each stage.
        every: steps from one checkpoint to the next.
    """

    title: str
    about: str = ""
    takes: str = ""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 1
    base: str | None = None
    cfg: Annotated[float, Field(ge=1, le=30)] = 4.0
    sheets: bool = True
    every: Steps = 200
    world: World = World()
    first_stage: FirstStage | None = None
    text: Text | None = None
    denoiser: Denoiser | None = None
    lora: Lora | None = None

    @property
    def computed(self) -> str:
        """All that the weights depend on, as JSON; what else it says may change on the way."""
        rest = {"title", "about", "takes", "cfg", "sheets", "every"}
        return self.model_dump_json(indent=1, exclude=rest)

    @model_validator(mode="after")
    def _is_whole(self) -> Recipe:
        if self.lora and (self.denoiser or self.first_stage):
            raise ValueError("a LoRA is trained alone")
        if not (self.first_stage or self.denoiser or self.lora):
            raise ValueError("there is nothing to train: no first_stage, denoiser or lora")
        if self.base is None and not (self.first_stage and (self.text or not self.denoiser)):
            raise ValueError("without a base it takes a first_stage, and text for a denoiser")
        if self.base is not None and (self.first_stage or self.text):
            raise ValueError("first stage and text encoder are the base's: leave them out")
        if self.base is not None and self.denoiser and self.denoiser.shaped:
            raise ValueError(f"{', '.join(self.denoiser.shaped)}: the UNet's shape is the base's")
        return self


def names() -> list[str]:
    """Of the recipes that ship."""
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def path_of(recipe: str) -> Path:
    """The file of a recipe: one that ships, by its name, or any `.toml`.

    Raises:
        RecipeNotFound: there is none.
    """
    path = Path(recipe) if recipe.endswith(".toml") else RECIPES / f"{recipe}.toml"
    if not path.is_file():
        raise RecipeNotFound(recipe)
    return path


def read(path: Path) -> Recipe:
    """What a recipe's file says.

    Raises:
        BadRecipe: it can't be read, or makes no sense.
    """
    try:
        found: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        return Recipe.model_validate(found)
    except OSError as error:
        raise BadRecipe(path, f"{error}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadRecipe(path, f"it isn't TOML: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise BadRecipe(path, f"{where + ': ' if where else ''}{message}.") from error
