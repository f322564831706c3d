"""Small documents to edit, and random edits of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from studio.editing import arrange, clipboard, edits, framing, wiring
from studio.editing.changes import Edit, EditRefused
from studio.editing.document import Document
from studio.graph.document import Graph

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from studio.registry import Registry

FLOW: dict[str, Any] = {
    "checkpoint": {"type": "LoadCheckpoint", "params": {"name": "pocket"}},
    "positive": {
        "type": "TextEncode",
        "params": {"text": "a dog"},
        "inputs": {"clip": "checkpoint.clip"},
    },
    "negative": {
        "type": "TextEncode",
        "params": {"text": ""},
        "inputs": {"clip": "checkpoint.clip"},
    },
    "latent": {"type": "EmptyLatent"},
    "sampler": {
        "type": "KSampler",
        "params": {"steps": 20, "cfg": 4},
        "inputs": {
            "model": "checkpoint.model",
            "positive": "positive",
            "negative": "negative",
            "latent": "latent",
        },
    },
    "decode": {"type": "VAEDecode", "inputs": {"latent": "sampler", "vae": "checkpoint.vae"}},
    "save": {"type": "SaveImage", "inputs": {"image": "decode"}},
}
"""Text to image."""


def open_document(
    registry: Registry, nodes: dict[str, Any] | None = None, **parts: Any
) -> Document:
    """A document of `nodes` (`FLOW` where None), with further parts of the file."""
    raw = {"nodes": FLOW if nodes is None else nodes, **parts}
    return Document(Graph.model_validate(raw), registry)


def do(document: Document, edit: Edit) -> Edit:
    """Apply an edit, and check that undoing gives the very text that was there."""
    before = document.dumps()
    document.apply(edit.changes)
    after = document.dumps()
    document.revert(edit.changes)
    assert document.dumps() == before
    document.apply(edit.changes)
    assert document.dumps() == after
    return edit


MESSY: dict[str, Any] = {
    "nodes": {
        **FLOW,
        "bend": {"type": "Reroute", "inputs": {"value": "sampler.latent"}},
        "again": {"type": "VAEDecode", "inputs": {"latent": "bend", "vae": "gone.vae"}},
        "steps": {"type": "Integer", "params": {"value": 3}},
        "alien": {"type": "Alien", "params": {"x": 1}, "inputs": {"y": "decode", "z": "bend"}},
        "loop": {"type": "Reroute", "inputs": {"value": "loop"}},
    },
    "layout": {"checkpoint": [0, 0.5], "positive": [300, 0], "nobody": [1, 2]},
    "view": {"sampler": {"sockets": ["steps"], "colour": "#112233"}, "nobody": {"width": 200}},
    "frames": {
        "box": {"title": "prompts", "rect": [0, 0, 10, 10], "nodes": ["positive", "negative"]},
        "outer": {"nodes": ["positive", "negative", "sampler", "gone"]},
    },
    "notes": {"mine": [1, 2]},
}
"""A file with all that can stand in one: strays, circles, unknown types, half a layout."""


class RandomEdits:
    """Makes one random edit after the other.

    Args:
        document: changed only by whoever applies the edits.
        rng: decides all.
    """

    def __init__(self, document: Document, rng: Random) -> None:
        self.document = document
        self.rng = rng
        self.text = ""
        self.kinds: list[Callable[[], Edit]] = [
            getattr(self, name) for name in sorted(dir(type(self))) if name.startswith("do_")
        ]

    def next(self) -> Edit:
        """An edit that changes something, or an empty one where it was refused."""
        crowded = len(self.document.nodes) > 40
        make = self.do_remove if crowded else self.rng.choice(self.kinds)
        try:
            return make()
        except EditRefused:
            return Edit("refused")

    # What to edit

    def name(self) -> str:
        return self.rng.choice([*self.document.nodes, "no_such_node"])

    def names(self) -> list[str]:
        known = list(self.document.nodes)
        return self.rng.sample(known, self.rng.randint(0, min(5, len(known))))

    def frame(self) -> str:
        return self.rng.choice([*self.document.frames, "no_such_frame"])

    def wire(self) -> Any:
        if not (wires := self.document.wires()):
            raise EditRefused("There are no wires.")
        return self.rng.choice(wires)

    def port(self, name: str, side: str) -> str:
        spec = self.document.spec(name) if name in self.document.nodes else None
        if spec is None:
            return self.rng.choice(["", "y", "z"])
        ports = [p.name for p in spec.outputs] if side == "out" else list(spec.input_by_name)
        params = list(spec.param_by_name) if side == "in" else []
        return self.rng.choice([*ports, *ports, *params, "no_such_port"])

    def source(self) -> Any:
        name = self.name()
        return wiring.Source(name, self.port(name, "out"))

    def at(self) -> tuple[float, float]:
        return self.rng.uniform(-2000, 2000), self.rng.uniform(-2000, 2000)

    def merge(self) -> str:
        return self.rng.choice(["", "", "gesture 1", "gesture 2"])

    def sizes(self) -> dict[str, tuple[float, float]]:
        return {name: (220.0, 100.0 + 10 * len(name)) for name in self.names()}

    def value(self) -> Any:
        return self.rng.choice(
            [0, 1, 1.0, True, 7, 20, 4.0, "a cat", "", "euler", None, [1], {"a": 1.5}, 1e9]
        )

    # Edits

    def do_add(self) -> Edit:
        types = ["KSampler", "Reroute", "TextEncode", "Integer", "NoSuchType", "ScaleLatent"]
        return edits.add_node(self.document, self.rng.choice(types), self.at())

    def do_add_connected(self) -> Edit:
        types = ["KSampler", "Reroute", "VAEDecode", "ScaleLatent"]
        return wiring.add_connected(
            self.document,
            self.rng.choice(types),
            self.at(),
            source=self.rng.choice([None, self.source()]),
            target=self.rng.choice([None, (name := self.name(), self.port(name, "in"))]),
        )

    def do_remove(self) -> Edit:
        frames = [key for key in self.document.frames if self.rng.random() < 0.2]
        return edits.remove(self.document, self.names(), frames)

    def do_extract(self) -> Edit:
        return edits.extract(self.document, self.names())

    def do_set_param(self) -> Edit:
        name = self.name()
        port = self.port(name, "in")
        return edits.set_param(self.document, name, port, self.value(), merge=self.merge())

    def do_scrub(self) -> Edit:
        # 4 in the file, 4.0 from the widget: the way back must give the file's.
        values = [4, 4.0, 5.0]
        samplers = [n for n, node in self.document.nodes.items() if node.type == "KSampler"]
        name = self.rng.choice([*samplers, "no_such_node"])
        return edits.set_param(
            self.document, name, "cfg", self.rng.choice(values), merge=self.merge()
        )

    def do_reset_param(self) -> Edit:
        name = self.name()
        return edits.reset_param(self.document, name, self.port(name, "in"))

    def do_move(self) -> Edit:
        frames = {key: (*self.at(), 300.0, 200.0) for key in list(self.document.frames)[:1]}
        places = {name: self.at() for name in self.names()}
        return edits.move(self.document, places, frames=frames, merge=self.merge())

    def do_rename(self) -> Edit:
        titles = ["", "Mine", "KSampler", " a\nb "]
        return edits.rename(self.document, self.name(), self.rng.choice(titles))

    def do_rename_id(self) -> Edit:
        news = ["fresh", "fresh_2", "sampler", "2bad", "gone", "a-b"]
        return edits.rename_id(self.document, self.name(), self.rng.choice(news))

    def do_set_title(self) -> Edit:
        return edits.set_title(self.document, self.rng.choice(["", "One", "Two"]))

    def do_mode(self) -> Edit:
        return edits.toggle_mode(
            self.document, self.names(), self.rng.choice(["mute", "bypass", "normal"])
        )

    def do_view(self) -> Edit:
        fields = self.rng.choice(
            [
                {"collapsed": True},
                {"collapsed": False},
                {"width": self.rng.uniform(50, 500)},
                {"colour": self.rng.choice(["#abcdef", None, "red"])},
                {"seeds": {"seed": "random"}},
            ]
        )
        return edits.set_view(self.document, self.names(), merge=self.merge(), **fields)

    def do_socket(self) -> Edit:
        name = self.name()
        shown = self.rng.random() < 0.5
        return edits.show_socket(self.document, name, self.port(name, "in"), shown)

    def do_connect(self) -> Edit:
        name = self.name()
        return wiring.connect(self.document, self.source(), name, self.port(name, "in"))

    def do_disconnect(self) -> Edit:
        return wiring.disconnect(self.document, {self.wire(), self.wire()})

    def do_clear_port(self) -> Edit:
        name, side = self.name(), self.rng.choice(["in", "out"])
        return wiring.clear_port(self.document, name, self.port(name, side), side)

    def do_move_wires(self) -> Edit:
        wire = self.wire()
        wires = wiring.port_wires(self.document, wire.source.node, wire.source.output, "out")
        name = self.name()
        to = self.rng.choice([self.source(), (name, self.port(name, "in"))])
        return wiring.move_wires(self.document, wires, to)

    def do_insert(self) -> Edit:
        return wiring.insert_on_wire(
            self.document, self.name(), self.wire(), push={name: self.at() for name in self.names()}
        )

    def do_reroute(self) -> Edit:
        return wiring.add_reroute(self.document, self.wire(), self.at())

    def do_reconnect(self) -> Edit:
        name = self.name()
        return wiring.reconnect(self.document, self.wire(), name, self.port(name, "in"))

    def do_add_frame(self) -> Edit:
        return framing.add_frame(self.document, self.names(), "A frame")

    def do_set_frame(self) -> Edit:
        fields = self.rng.choice(
            [
                {"title": "Other"},
                {"rect": (*self.at(), self.rng.uniform(-5, 400), 50.0)},
                {"colour": self.rng.choice(["#123456", None, "blue"])},
                {"nodes": self.names()},
            ]
        )
        return framing.set_frame(self.document, self.frame(), merge=self.merge(), **fields)

    def do_remove_frames(self) -> Edit:
        return framing.remove_frames(self.document, [self.frame()])

    def do_membership(self) -> Edit:
        return framing.toggle_membership(self.document, self.frame(), self.names())

    def do_copy_paste(self) -> Edit:
        if not self.text or self.rng.random() < 0.5:
            self.text = clipboard.copy_text(self.document, self.names())
        keep = self.rng.random() < 0.5
        return clipboard.paste(self.document, self.text, self.at(), keep_incoming=keep)

    def do_duplicate(self) -> Edit:
        keep = self.rng.random() < 0.5
        return clipboard.duplicate(self.document, self.names(), (24.0, 24.0), keep_incoming=keep)

    def do_layout(self) -> Edit:
        names = self.rng.choice([None, self.names()])
        return arrange.auto_layout(self.document, self.sizes(), names)

    def do_align(self) -> Edit:
        how = self.rng.choice(["left", "right", "top", "bottom", "centre", "middle"])
        return arrange.align(self.document, self.sizes(), self.names(), how)

    def do_distribute(self) -> Edit:
        how = self.rng.choice(["horizontal", "vertical"])
        return arrange.distribute(self.document, self.sizes(), self.names(), how)

    def do_push(self) -> Edit:
        places = arrange.push_aside(self.document, self.sizes(), self.names())
        return edits.move(self.document, places)

    def do_place_missing(self) -> Edit:
        return arrange.place_missing(self.document, self.sizes())
