"""An edit in the making: what it has set so far lies over the document, which stays untouched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from studio.editing.changes import ABSENT, Change, Edit, EditRefused, same
from studio.graph.document import NodeView

if TYPE_CHECKING:
    from studio.editing.changes import Section
    from studio.editing.document import Document
    from studio.graph.document import Frame, Node


class Draft:
    """Collects the changes of one edit.

    Args:
        document: read, never changed.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self._after: dict[tuple[Section, str], Any] = {}

    def get(self, section: Section, key: str) -> Any:
        """The value as this edit leaves it; ABSENT where there is none."""
        place = (section, key)
        if place in self._after:
            return self._after[place]
        return getattr(self.document, section).get(key, ABSENT)

    def put(self, section: Section, key: str, value: Any) -> None:
        self._after[section, key] = value

    def node(self, name: str) -> Node:
        """
        Raises:
            EditRefused: there is no such node.
        """
        value = self.get("nodes", name)
        if value is ABSENT:
            raise EditRefused(f"There is no node {name!r}.")
        return cast("Node", value)

    def frame(self, name: str) -> Frame:
        """
        Raises:
            EditRefused: there is no such frame.
        """
        value = self.get("frames", name)
        if value is ABSENT:
            raise EditRefused(f"There is no frame {name!r}.")
        return cast("Frame", value)

    def view(self, name: str) -> NodeView:
        value = self.get("view", name)
        return NodeView() if value is ABSENT else cast("NodeView", value)

    def set_node(self, name: str, **fields: Any) -> None:
        """Replace fields of a node."""
        self.put("nodes", name, self.node(name).model_copy(update=fields))

    def set_frame(self, name: str, **fields: Any) -> None:
        """Replace fields of a frame."""
        self.put("frames", name, self.frame(name).model_copy(update=fields))

    def set_view(self, name: str, view: NodeView) -> None:
        """A view that says nothing isn't kept."""
        self.put("view", name, ABSENT if view == NodeView() else view)

    def set_wire(self, target: str, port: str, text: str | None) -> None:
        """Feed a socket or widget from `text`; None leaves it open."""
        inputs = dict(self.node(target).inputs)
        if text is None:
            inputs.pop(port, None)
        else:
            inputs[port] = text
        self.set_node(target, inputs=inputs)

    def finish(self, label: str, *, merge: str = "", created: tuple[str, ...] = ()) -> Edit:
        """The edit; without changes where it would change nothing."""
        changes = []
        for (section, key), after in self._after.items():
            before = getattr(self.document, section).get(key, ABSENT)
            if not same(before, after):
                changes.append(Change(section, key, before, after))
        return Edit(label, tuple(changes), merge, created)
