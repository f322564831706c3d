"""How a node is declared: a typed function under `@node`.

The signature is the declaration. Positional parameters are sockets, keyword-only parameters are
widgets, the return annotation gives the outputs, the docstring is the help and its Args are the
tooltips. A keyword-only parameter annotated `Context` is injected. A declaration that breaks a
rule fails at import, with file and line.
"""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter
from pydantic.fields import FieldInfo

from studio.context import Context
from studio.errors import StudioError
from studio.params import Marker
from studio.spec import SCALARS, Migration, NodeHelp, NodeSpec, Param, Port
from studio.values import HEAVY, RECIPES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

__all__ = ["DeclarationError", "Migration", "NodeHelp", "NodeSpec", "Param", "Port", "node"]


class DeclarationError(StudioError):
    """A node is declared wrongly; the author must mend it."""

    def __init__(self, function: Callable[..., Any], rule: str) -> None:
        code = getattr(function, "__code__", None)
        where = f"{code.co_filename}:{code.co_firstlineno}" if code else repr(function)
        name = getattr(function, "__name__", repr(function))
        super().__init__(f"{where}: node {name}: {rule}")


def node(
    type: str,
    *,
    category: str,
    version: int = 1,
    effects: bool = False,
    light: bool | None = None,
    passthrough: bool = False,
    migrations: Mapping[int, Migration] | None = None,
    made_from: Mapping[str, Collection[str]] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare the function below as a node.

    Args:
        type: name in documents and in the palette.
        category: palette category, levels separated by "/".
        version: raised whenever the signature or the meaning changes.
        effects: it writes something (SaveImage).
        light: it costs nothing; None decides by its outputs (recipes and plain values are light).
        passthrough: it hands its one input on (Reroute).
        migrations: `{1: f}` takes a document's node from version 1 to 2.
        made_from: `{"clip": ("clip", "name")}` where an output depends on some of the sockets and
            widgets only: what follows it isn't computed again when the others change.

    Raises:
        DeclarationError: at import, naming file and line.
    """

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        spec = _introspect(
            function, type, category, version, effects, light, passthrough, migrations or {}
        )
        names = {*spec.input_by_name, *spec.param_by_name}
        for output, parts in (made_from or {}).items():
            if output not in spec.output_by_name or not names.issuperset(parts):
                raise DeclarationError(function, f"made_from: {output}: there is no such name")
        if made_from:
            narrow = {output: frozenset(parts) for output, parts in made_from.items()}
            spec = dataclasses.replace(spec, made_from=narrow)
        function.__node_spec__ = spec  # type: ignore[attr-defined]
        return function

    return declare


def _introspect(
    function: Callable[..., Any],
    type_name: str,
    category: str,
    version: int,
    effects: bool,
    light: bool | None,
    passthrough: bool,
    migrations: Mapping[int, Migration],
) -> NodeSpec:
    def rule(condition: bool, words: str) -> None:
        if not condition:
            raise DeclarationError(function, words)

    rule(inspect.isfunction(function), "only a plain function can be a node")
    rule(not inspect.iscoroutinefunction(function), "a node can't be async")
    rule(type_name.isidentifier(), f"the type {type_name!r} must be a word")
    rule(bool(category.strip()), "it needs a category")
    rule(bool((function.__doc__ or "").strip()), "it needs a docstring, which is its help")
    rule(version >= 1, "versions start at 1")
    missing = [n for n in range(1, version) if n not in migrations]
    rule(not missing, f"version {version} needs a migration from version {missing}")
    stray = [n for n in migrations if not 1 <= n < version]
    rule(not stray, f"there is a migration from version {stray}, but the version is {version}")
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except Exception as error:
        raise DeclarationError(function, f"an annotation can't be resolved: {error}") from error

    types: dict[str, type] = {}
    inputs: list[Port] = []
    params: list[Param] = []
    context_name: str | None = None
    for name, parameter in inspect.signature(function).parameters.items():
        rule(
            parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD),
            f"*{name} has no name in a document",
        )
        rule(name in hints, f"{name} has no annotation")
        hint = hints[name]
        has_default = parameter.default is not parameter.empty
        if parameter.kind is not parameter.KEYWORD_ONLY:
            port = _port(name, hint, types)
            rule(port is not None, f"{name}: {hint!r} can't be a socket")
            assert port is not None
            rule(
                (not has_default and not port.optional)
                or (has_default and parameter.default is None and port.optional),
                f"{name}: a socket has no default but None, and then its type is X | None",
            )
            inputs.append(port)
        elif hint is Context:
            context_name = name
        else:
            default = parameter.default if has_default else None
            params.append(_param(function, name, hint, default, required=not has_default))

    rule("return" in hints, "it needs a return annotation (None where it gives nothing)")
    outputs = _outputs(function, hints["return"], types)
    variables = {port.variable for port in inputs if port.variable}
    for port in outputs:
        rule(
            port.variable is None or port.variable in variables,
            f"output {port.name}: no socket has the type variable {port.variable}",
        )
    if passthrough:
        rule(
            len(inputs) == len(outputs) == 1 and not params and inputs[0].type == outputs[0].type,
            "a passthrough has one socket, one output of the same type and no widgets",
        )
    rule(not (effects and light), "a node with effects isn't light")
    cheap_types = {*SCALARS.values(), *(cls.__name__ for cls in RECIPES)}
    cheap = bool(outputs) and all(port.type in cheap_types for port in (*inputs, *outputs))
    return NodeSpec(
        type=type_name,
        version=version,
        category=category,
        inputs=tuple(inputs),
        params=tuple(params),
        outputs=outputs,
        function=function,
        effects=effects,
        light=(cheap and not effects) if light is None else light,
        passthrough=passthrough,
        context_name=context_name,
        migrations=dict(migrations),
        types=types,
    )


def _strip(hint: Any) -> tuple[Any, bool, tuple[Any, ...]]:
    """A hint as (type, nullable, metadata)."""
    metadata: tuple[Any, ...] = ()
    nullable = False
    while True:
        if typing.get_origin(hint) is typing.Annotated:
            hint, *extra = typing.get_args(hint)
            metadata += tuple(extra)
        elif typing.get_origin(hint) in (typing.Union, types.UnionType):
            rest = [arg for arg in typing.get_args(hint) if arg is not type(None)]
            if len(rest) != 1 or len(rest) == len(typing.get_args(hint)):
                return hint, nullable, metadata
            hint, nullable = rest[0], True
        else:
            return hint, nullable, metadata


def _port(name: str, hint: Any, types: dict[str, type]) -> Port | None:
    base, nullable, _ = _strip(hint)
    if isinstance(base, TypeVar):
        return Port(name, "any", nullable, base.__name__)
    if base in SCALARS:
        # A bool is an int to isinstance; the checks on wires go by name, so that is harmless.
        types[SCALARS[base]] = base if base is not float else (float | int)  # type: ignore[assignment]
        return Port(name, SCALARS[base], nullable)
    if inspect.isclass(base) and dataclasses.is_dataclass(base):
        if not base.__dataclass_params__.frozen:  # type: ignore[attr-defined]
            return None
        types[base.__name__] = base
        return Port(name, base.__name__, nullable)
    return None


def _outputs(function: Callable[..., Any], hint: Any, types: dict[str, type]) -> tuple[Port, ...]:
    if hint is type(None):
        return ()
    if inspect.isclass(hint) and issubclass(hint, tuple) and hasattr(hint, "_fields"):
        fields = typing.get_type_hints(hint, include_extras=True)
        ports = [_port(name, fields[name], types) for name in fields]
    else:
        single = _port("", hint, types)
        ports = [single and dataclasses.replace(single, name=single.type.lower())]
    if not ports or any(port is None or port.optional for port in ports):
        raise DeclarationError(
            function, f"it returns {hint!r}; use a value type, a NamedTuple of them, or None"
        )
    return tuple(port for port in ports if port is not None)


def _param(
    function: Callable[..., Any], name: str, hint: Any, default: Any, *, required: bool
) -> Param:
    base, nullable, metadata = _strip(hint)
    markers = [m for m in metadata if isinstance(m, Marker)]
    if len(markers) > 1:
        raise DeclarationError(function, f"{name} has two markers")
    if inspect.isclass(base) and base in (*RECIPES, *HEAVY):
        raise DeclarationError(
            function, f"{name}: a {base.__name__} comes by a socket; put it before the *"
        )
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(hint)
    except Exception as error:
        raise DeclarationError(function, f"{name}: pydantic refuses {hint!r}: {error}") from error
    limits: dict[str, Any] = {}
    for item in metadata:
        parts = item.metadata if isinstance(item, FieldInfo) else [item]
        for part in parts:
            nested = (
                list(part) if isinstance(part, Marker) and hasattr(part, "__iter__") else [part]
            )
            for constraint in nested:
                for key in ("ge", "gt", "le", "lt", "multiple_of", "max_length"):
                    if (limit := getattr(constraint, key, None)) is not None:
                        limits[key] = limit
    param = Param(
        name=name,
        kind=SCALARS.get(base, "json"),
        nullable=nullable,
        required=required,
        default=default,
        adapter=adapter,
        marker=markers[0] if markers else Marker(),
        limits=limits,
    )
    if not required:
        try:
            param.check(default)
        except ValueError as error:
            raise DeclarationError(function, f"the default of {error}") from None
    return param
