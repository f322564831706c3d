"""Whether a type fits where another is wanted: the one rule for wires."""

from __future__ import annotations


def fits(given: str | None, wanted: str) -> bool:
    """Whether a wire of type `given` (None: not known) can feed what wants `wanted`."""
    return (
        given is None
        or wanted in ("any", "json")
        or given == wanted
        or (given, wanted) == ("int", "float")
    )


_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "a yes or no",
    "json": "a structured value",
    "any": "anything",
    "Vae": "a VAE",
    "Clip": "a CLIP",
}


def a(type_name: str) -> str:
    """A type with its article, for people: "an Image", "a whole number"."""
    if type_name in _WORDS:
        return _WORDS[type_name]
    return f"{'an' if type_name[:1] in 'AEIOU' else 'a'} {type_name}"
