"""What is known of a node type: sockets, widgets, outputs, help. Read off a function by `node`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from studio.values import RECIPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from studio.context import Context
    from studio.params import Marker

SCALARS: dict[type, str] = {bool: "bool", int: "int", float: "float", str: "str"}

Migration = Callable[[dict[str, Any], dict[str, str]], None]
"""Changes a node's params and inputs (wires) in place, from one version to the next."""


@dataclass(frozen=True, slots=True)
class Port:
    """A socket or an output.

    Args:
        name: as in the signature or the NamedTuple.
        type: "Model", "Latent", "int" …; "any" for a type variable.
        optional: a socket that may be left open (its default is None).
        variable: name of the type variable where `type` is "any": an output takes the type that
            the socket with the same variable gets.
    """

    name: str
    type: str
    optional: bool = False
    variable: str | None = None


@dataclass(frozen=True, slots=True)
class Param:
    """A widget: a value in the document, checked by pydantic and its markers.

    Args:
        name: as in the signature.
        kind: "int", "float", "str", "bool", or "json" for anything richer.
        nullable: None is allowed.
        required: there is no default.
        default: the value where the document gives none.
        adapter: pydantic's validator.
        marker: what it is beyond its type.
        limits: the numeric constraints, as {"ge": 1, "le": 1000}.
    """

    name: str
    kind: str
    nullable: bool
    required: bool
    default: Any
    adapter: TypeAdapter[Any]
    marker: Marker
    limits: Mapping[str, Any]

    def check(self, value: Any) -> Any:
        """The value in canonical form (an int given for a float becomes a float).

        Raises:
            ValueError: with words for a person.
        """
        try:
            return self.adapter.validate_python(value, strict=True)
        except ValidationError as error:
            raise ValueError(self._words(value, error)) from None

    def parse(self, text: str) -> Any:
        """`text` as typed on a command line, as a value of this parameter's type.

        Raises:
            ValueError: with words for a person.
        """
        if self.nullable and text.lower() in {"none", "null", ""}:
            return None
        if self.kind == "str":
            return self.check(text)
        try:
            if self.kind == "json":
                return self.adapter.validate_json(text)
            return self.adapter.validate_python(text)
        except ValidationError as error:
            raise ValueError(self._words(text, error)) from None

    def range_words(self) -> str:
        """The allowed values in words: "a whole number from 1 to 1000"."""
        noun = {
            "int": "a whole number",
            "float": "a number",
            "str": "a text",
            "bool": "true or false",
            "json": "a structured value",
        }[self.kind]
        low = self.limits.get("ge", self.limits.get("gt"))
        high = self.limits.get("le", self.limits.get("lt"))
        if "gt" in self.limits:
            noun += f" above {low:g}" + (f" and up to {high}" if high is not None else "")
        elif low is not None and high is not None:
            noun += f" from {low} to {high}"
        elif low is not None:
            noun += f" of at least {low}"
        elif high is not None:
            noun += f" of at most {high}"
        if "multiple_of" in self.limits:
            noun += f", a multiple of {self.limits['multiple_of']}"
        if "max_length" in self.limits:
            noun += f" of at most {self.limits['max_length']} characters"
        return noun + (" or none" if self.nullable else "")

    def _words(self, value: Any, error: ValidationError) -> str:
        from studio.words import short

        message = f"{self.name} is {short(value)}; it must be {self.range_words()}"
        step = self.limits.get("multiple_of")
        first = error.errors(include_url=False, include_context=False)[0]
        if first["type"] == "multiple_of" and step:
            number = float(value)
            below = int(number // step * step)
            near = [n for n in (below, below + step) if self._fits(n)]
            message += f"; nearest: {' or '.join(str(n) for n in near)}"
        elif self.kind == "json":
            place = ".".join(str(part) for part in first["loc"])
            message = f"{self.name}{'.' + place if place else ''}: {first['msg']}"
        return message

    def _fits(self, value: Any) -> bool:
        try:
            self.adapter.validate_python(value, strict=True)
        except ValidationError:
            return False
        return True


@dataclass(frozen=True)
class NodeSpec:
    """All that is known of a node type. Shared, read-only.

    Args:
        type: the name in documents.
        version: of the declaration; old documents are migrated to it.
        category: palette category, levels separated by "/".
        inputs: sockets, in order.
        params: widgets, in order.
        outputs: outputs, in order.
        function: the body.
        effects: it writes something; it is an output node and is never served from the tensor
            cache.
        light: costs nothing: made whenever something needs it, neither cached nor reported.
        passthrough: its single input is its single output; it vanishes before keys are made.
        context_name: the parameter that takes the `Context`, if any.
        migrations: from version n to n + 1, by n.
        types: port type name to class, for checking what the body returns.
        made_from: names of the sockets and widgets that an output depends on, by output; all,
            where it isn't here.
    """

    type: str
    version: int
    category: str
    inputs: tuple[Port, ...]
    params: tuple[Param, ...]
    outputs: tuple[Port, ...]
    function: Callable[..., Any]
    effects: bool = False
    light: bool = False
    passthrough: bool = False
    context_name: str | None = None
    migrations: Mapping[int, Migration] = field(default_factory=dict)
    types: Mapping[str, Any] = field(default_factory=dict)
    made_from: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @cached_property
    def input_by_name(self) -> dict[str, Port]:
        return {port.name: port for port in self.inputs}

    @cached_property
    def param_by_name(self) -> dict[str, Param]:
        return {param.name: param for param in self.params}

    @cached_property
    def output_by_name(self) -> dict[str, Port]:
        return {port.name: port for port in self.outputs}

    @cached_property
    def uses_models(self) -> bool:
        """It turns a recipe into tensors, so dtype and kind of device change its numbers."""
        recipes = {cls.__name__ for cls in RECIPES}
        return not self.light and any(port.type in recipes for port in self.inputs)

    @cached_property
    def source(self) -> str:
        """`file:line` of the body."""
        return f"{self.function.__code__.co_filename}:{self.function.__code__.co_firstlineno}"

    @cached_property
    def help(self) -> NodeHelp:
        """The docstring, taken apart."""
        return NodeHelp.parse(self.function.__doc__ or "")

    def call(
        self, inputs: Mapping[str, Any], params: Mapping[str, Any], context: Context | None
    ) -> dict[str, Any]:
        """Run the body.

        Args:
            inputs: values by socket; optional sockets may be left out.
            params: values by widget.
            context: for a body that takes one.

        Returns:
            outputs by name.

        Raises:
            TypeError: the body returned something other than it declares.
        """
        # Sockets go by position, since a plugin may make them positional-only; an open socket
        # stands for its default, None.
        sockets = [inputs.get(port.name) for port in self.inputs]
        keywords = dict(params)
        if self.context_name:
            keywords[self.context_name] = context
        result = self.function(*sockets, **keywords)
        if not self.outputs:
            return {}
        values = tuple(result) if hasattr(result, "_fields") else (result,)
        for port, value in zip(self.outputs, values, strict=True):
            expected = self.types.get(port.type)
            if expected is None or isinstance(value, expected):
                continue
            raise TypeError(
                f"the node declares {port.name} as {port.type} and returned "
                f"{type(value).__name__} ({self.source})"
            )
        return {port.name: value for port, value in zip(self.outputs, values, strict=True)}


@dataclass(frozen=True)
class NodeHelp:
    """A node's help: one line, the rest, and a line for every socket and widget."""

    summary: str
    description: str
    args: Mapping[str, str]
    returns: str

    @classmethod
    def parse(cls, docstring: str) -> NodeHelp:
        import docstring_parser

        parsed = docstring_parser.parse(docstring, style=docstring_parser.DocstringStyle.GOOGLE)
        return cls(
            summary=parsed.short_description or "",
            description=parsed.long_description or "",
            args={p.arg_name: " ".join((p.description or "").split()) for p in parsed.params},
            returns=" ".join((parsed.returns.description or "").split()) if parsed.returns else "",
        )
