"""The declaration of nodes: introspection, and every rule that a declaration can break."""

from __future__ import annotations

import re
from typing import Annotated, Any, NamedTuple, TypeVar

import pytest
from pydantic import BaseModel, Field

from studio.context import Context
from studio.node import DeclarationError, NodeSpec, node
from studio.params import Multiline, OneOf, Seed
from studio.values import Image, Latent, Mask, Model

T = TypeVar("T")


def spec_of(function: Any) -> NodeSpec:
    return function.__node_spec__


class Stroke(BaseModel):
    points: list[tuple[int, int]]


class Two(NamedTuple):
    image: Image
    mask: Mask


@node("Everything", category="Test", version=2, migrations={1: lambda params, inputs: None})
def everything(
    image: Image,
    mask: Mask | None = None,
    *,
    steps: Annotated[int, Field(ge=1, le=1000)] = 20,
    cfg: Annotated[float, Field(ge=0, le=100)] = 7.0,
    name: Annotated[str, OneOf(("a", "b"))] = "a",
    seed: Annotated[int, Seed()] = 0,
    eta: Annotated[float, Field(ge=0, le=1)] | None = None,
    text: Annotated[str, Multiline()],
    context: Context,
) -> Two:
    """Do everything.

    Much more of it.

    Args:
        image: a picture.
        steps: how many
            times.

    Returns:
        Both.
    """
    return Two(image, Mask(image.pixels[:, :1]))


def test_a_signature_becomes_a_spec() -> None:
    spec = spec_of(everything)
    assert [(p.name, p.type, p.optional) for p in spec.inputs] == [
        ("image", "Image", False),
        ("mask", "Mask", True),
    ]
    assert [(p.name, p.kind, p.required, p.nullable) for p in spec.params] == [
        ("steps", "int", False, False),
        ("cfg", "float", False, False),
        ("name", "str", False, False),
        ("seed", "int", False, False),
        ("eta", "float", False, True),
        ("text", "str", True, False),
    ]
    assert [(p.name, p.type) for p in spec.outputs] == [("image", "Image"), ("mask", "Mask")]
    assert spec.context_name == "context"
    assert spec.version == 2
    assert not spec.light
    assert spec.param_by_name["steps"].limits == {"ge": 1, "le": 1000}
    assert spec.param_by_name["seed"].limits == {"ge": 0, "le": 2**64 - 1}


def test_the_docstring_becomes_the_help() -> None:
    help_ = spec_of(everything).help
    assert help_.summary == "Do everything."
    assert help_.description == "Much more of it."
    assert help_.args == {"image": "a picture.", "steps": "how many times."}
    assert help_.returns == "Both."


@pytest.mark.parametrize(
    ("name", "value", "canonical"),
    [("steps", 5, 5), ("cfg", 7, 7.0), ("eta", None, None), ("seed", 2**64 - 1, 2**64 - 1)],
)
def test_values_in_range_become_canonical(name: str, value: Any, canonical: Any) -> None:
    result = spec_of(everything).param_by_name[name].check(value)
    assert result == canonical
    assert type(result) is type(canonical)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("steps", 0, "steps is 0; it must be a whole number from 1 to 1000"),
        ("steps", 1.5, "a whole number"),
        ("steps", "5", "a whole number"),
        ("steps", True, "a whole number"),
        ("steps", None, "a whole number"),
        ("cfg", 100.5, "cfg is 100.5; it must be a number from 0 to 100"),
        ("cfg", float("nan"), "cfg is nan"),
        ("seed", -1, "from 0 to 18446744073709551615"),
        ("eta", 2.0, "a number from 0 to 1 or none"),
        ("text", 3, "a text"),
    ],
)
def test_values_out_of_range_are_refused_with_the_range(name: str, value: Any, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        spec_of(everything).param_by_name[name].check(value)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("steps", "7", 7),
        ("cfg", "7", 7.0),
        ("cfg", "1e1", 10.0),
        ("eta", "none", None),
        ("text", "7", "7"),
        ("seed", "18446744073709551615", 2**64 - 1),
    ],
)
def test_typed_text_becomes_a_value(name: str, text: str, value: Any) -> None:
    assert spec_of(everything).param_by_name[name].parse(text) == value


def test_a_multiple_names_its_neighbours(registry: Any) -> None:
    with pytest.raises(ValueError, match="nearest: 96 or 104"):
        registry["EmptyLatent"].param_by_name["width"].check(100)


def test_type_variables_and_light_nodes() -> None:
    @node("Same", category="Test")
    def same(value: T) -> T:
        """Same."""
        return value

    @node("Recipe", category="Test")
    def recipe(model: Model, *, strength: float = 1.0) -> Model:
        """A recipe of a recipe."""
        return model

    @node("Size", category="Test")
    def width(image: Image) -> int:
        """Needs the pixels, so it isn't free."""
        return image.pixels.shape[-1]

    assert spec_of(same).inputs[0].variable == spec_of(same).outputs[0].variable == "T"
    assert spec_of(recipe).light
    assert not spec_of(width).light
    assert not spec_of(recipe).uses_models


def test_rich_parameters_are_checked_by_pydantic() -> None:
    @node("Strokes", category="Test")
    def strokes(*, strokes: list[Stroke]) -> int:
        """Strokes."""
        return len(strokes)

    param = spec_of(strokes).params[0]
    assert param.kind == "json"
    with pytest.raises(ValueError, match=r"strokes\.0\.points"):
        param.check([{"points": "x"}])


def _no_docstring(*, a: int = 1) -> int:
    return a


def _no_annotation(image, *, a: int = 1) -> int:  # type: ignore[no-untyped-def]
    """Doc."""
    return a


def _bad_default(*, a: Annotated[int, Field(ge=5)] = 1) -> int:
    """Doc."""
    return a


def _recipe_as_widget(*, model: Model) -> int:
    """Doc."""
    return 1


def _star(*images: Image) -> int:
    """Doc."""
    return 1


def _no_return(image: Image):  # type: ignore[no-untyped-def]
    """Doc."""


def _bad_return(image: Image) -> dict[str, int]:
    """Doc."""
    return {}


def _list_socket(images: list[Image]) -> int:
    """Doc."""
    return 1


def _socket_default(strength: float = 1.0) -> int:
    """Doc."""
    return 1


def _unresolvable(image: Nowhere) -> int:  # type: ignore[name-defined]  # noqa: F821
    """Doc."""
    return 1


def _free_variable() -> T:  # type: ignore[type-var]
    """Doc."""
    raise AssertionError


async def _async(*, a: int = 1) -> int:
    """Doc."""
    return a


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (_no_docstring, "needs a docstring"),
        (_no_annotation, "image has no annotation"),
        (_bad_default, "the default of a is 1"),
        (_recipe_as_widget, "comes by a socket"),
        (_star, "has no name in a document"),
        (_no_return, "needs a return annotation"),
        (_bad_return, "it returns"),
        (_list_socket, "can't be a socket"),
        (_socket_default, "a socket has no default"),
        (_unresolvable, "can't be resolved"),
        (_free_variable, "no socket has the type variable"),
        (_async, "can't be async"),
    ],
)
def test_a_faulty_declaration_names_file_line_and_rule(function: Any, words: str) -> None:
    with pytest.raises(DeclarationError, match=re.escape(words)) as caught:
        node("Faulty", category="Test")(function)
    line = function.__code__.co_firstlineno
    assert f"{__file__}:{line}" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"type": "two words"}, "must be a word"),
        ({"category": " "}, "category"),
        ({"version": 0}, "versions start at 1"),
        ({"version": 3, "migrations": {1: print}}, "needs a migration from version [2]"),
        ({"migrations": {1: print}}, "there is a migration from version [1]"),
        ({"passthrough": True}, "a passthrough has one socket"),
        ({"effects": True, "light": True}, "isn't light"),
    ],
)
def test_faulty_options(options: dict[str, Any], words: str) -> None:
    def fine(latent: Latent, *, a: int = 1) -> Latent:
        """Doc."""
        return latent

    with pytest.raises(DeclarationError, match=re.escape(words)):
        node(**{"type": "Fine", "category": "Test", **options})(fine)


class One(NamedTuple):
    picture: Image


def test_a_named_tuple_of_one_is_one_output() -> None:
    @node("Single", category="Test")
    def single(image: Image) -> One:
        """One."""
        return One(image)

    spec = spec_of(single)
    assert [port.name for port in spec.outputs] == ["picture"]
    image = Image("pixels")  # type: ignore[arg-type]
    assert spec.call({"image": image}, {}, None) == {"picture": image}  # type: ignore[arg-type]


def test_a_body_that_returns_another_type_is_caught() -> None:
    @node("Liar", category="Test")
    def liar(image: Image) -> Mask:
        """Says mask, gives image."""
        return image  # type: ignore[return-value]

    with pytest.raises(TypeError, match=r"declares mask as Mask and returned str.*test_node"):
        spec_of(liar).call({"image": "x"}, {}, None)  # type: ignore[arg-type]
