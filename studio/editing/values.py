"""Whether a value can stand in a widget, and in a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from studio.editing.changes import EditRefused
from studio.params import Colour, OneOf
from studio.words import nearest

if TYPE_CHECKING:
    from studio.editing.document import Document
    from studio.environment import Environment
    from studio.graph.document import Node
    from studio.spec import Param


def checked_value(document: Document, node: Node, key: str, value: Any) -> Any:
    """A value for a node's parameter, in canonical form.

    Whether a model or file of that name exists is not looked at: that is a fault of the graph,
    not of the edit, and may be mended outside.

    Raises:
        EditRefused: the widget doesn't take it, or no file could hold it.
    """
    spec = document.specs.get(node.type)
    if spec is not None:
        if (param := spec.param_by_name.get(key)) is None:
            raise EditRefused(
                f"{spec.type} has no parameter {key!r}.{nearest(key, spec.param_by_name)}"
            )
        try:
            value = param.check(value)
        except ValueError as error:
            raise EditRefused(f"{error}.") from None
        if trouble := _marker_fault(param, value):
            raise EditRefused(trouble)
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, TypeError, RecursionError):
        raise EditRefused(f"{key}: that value can't be written to a file.") from None
    return value


def _marker_fault(param: Param, value: Any) -> str | None:
    """What markers say that need no look at the disk."""
    if value is None or not isinstance(param.marker, OneOf | Colour):
        return None
    nowhere: Environment | None = None
    return param.marker.fault(value, nowhere)  # type: ignore[arg-type]
