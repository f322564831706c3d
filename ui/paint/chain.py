"""From a mask node to what samples it: which part of the picture an inpainting node will cut out.

Read off the document, without a run: what happens to the mask on its way is done here with the
same functions that the nodes use. Where that can't be known (another mask is mixed in, a number
comes by wire) there is a reason in words in place of a frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from studio.editing.flow import reach
from studio.graph.checked import Source
from studio.graph.modes import through
from studio.inpaint.frames import crop_frame, new_area
from studio.masks import shape
from studio.params import ModelName

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import NDArray

    from studio.editing.document import Document
    from studio.values import CropFrame

    Floats = NDArray[np.float32]
    Plane = NDArray[np.uint8]

PAINTS = "InpaintMask"
PADS = "PadForOutpaint"
CROPS = ("Inpaint", "CropToMask")
_CHANGES = ("GrowMask", "FeatherMask", "InvertMask", "ThresholdMask", "FillHoles")
"""Nodes that change a mask and whose work is done here."""

_COUNTS = ("only_masked", "context_share", "size", "grow", "feather", "step")
"""Parameters of the nodes that crop that their frames depend on."""

_HOPS = 1000
"""A wire is followed through so many nodes; a file may have a circle."""

USUAL_SIDE = 512
"""Taken for a model's own size, in pixels, where its file can't be asked."""


class Unknown(Exception):
    """What a run would do can't be told from the graph alone; the message says why."""


@dataclass(frozen=True)
class Step:
    """A node that the mask goes through.

    Args:
        type: of the node.
        values: its parameters.
    """

    type: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Crop:
    """What cuts a part out of the picture, and all that its frame depends on but the strokes.

    Args:
        node: id of the Inpaint or CropToMask.
        values: its parameters.
        steps: what the mask goes through, the node that paints it first.
        checkpoint: name of the model that samples, where its own size counts.
    """

    node: str
    values: Mapping[str, Any]
    steps: tuple[Step, ...]
    checkpoint: str | None = None

    @property
    def whole(self) -> bool:
        """The picture is sampled whole, as it is."""
        return self.values.get("only_masked") is False

    @property
    def own_size(self) -> bool:
        """The size is that of the model."""
        return "only_masked" in self.values and not self.values["size"]

    @property
    def fill_up(self) -> int:
        """Sides are filled up to multiples of this before they are sampled, pixels."""
        return int(self.values.get("step", 8))

    @property
    def offset(self) -> tuple[int, int]:
        """Where the picture lies on the one that is cropped, pixels: beyond what is padded."""
        pads = [step.values for step in self.steps if step.type == PADS]
        return sum(pad["left"] for pad in pads), sum(pad["top"] for pad in pads)


# Reading the document


def crop_of(document: Document, node: str) -> Crop | None:
    """What crops by the mask that `node` paints; None where nothing does.

    Of several the first that can be known counts.

    Raises:
        Unknown: there is such a node, and its frame can't be known.
    """
    if node not in document.nodes:
        return None
    reason: Unknown | None = None
    for name, candidate in document.nodes.items():
        if candidate.type not in CROPS or candidate.mode != "normal":
            continue
        try:
            found = _crop(document, name, node)
        except Unknown as unknown:
            reason = reason or unknown
            continue
        if found is not None:
            return found
    if reason is not None:
        raise reason
    return None


def pad_of(document: Document, node: str) -> str | None:
    """Id of the PadForOutpaint behind the node that paints; a bypassed one counts as well."""
    picture = pictures_of(document, node)
    for name, candidate in document.nodes.items():
        if candidate.type != PADS or candidate.mode == "mute":
            continue
        wired = document.wires_into(name)
        if (wire := wired.get("image")) and origin(document, wire.source) in picture:
            return name
    return None


def pictures_of(document: Document, node: str) -> set[Source]:
    """The outputs that give the picture that is painted on: the node's, and what feeds it."""
    found = {Source(node, "image")}
    if wire := document.wires_into(node).get("image"):
        found |= {wire.source, origin(document, wire.source)}
    return found


def origin(document: Document, source: Source) -> Source:
    """What an output really gives on: reroutes and bypassed nodes are looked through."""
    for _ in range(_HOPS):
        node = document.nodes.get(source.node)
        spec = document.specs.get(node.type) if node else None
        if node is None or spec is None:
            break
        wired = document.wires_into(source.node)
        if spec.passthrough:
            port: str | None = spec.inputs[0].name
        elif node.mode == "bypass":
            port = through(spec, source.output, wired)
        else:
            break
        if port is None or port not in wired:
            break
        source = wired[port].source
    return source


def below(document: Document, node: str) -> set[str]:
    """Ids of the nodes that something of `node` goes into, by whatever ways; not its own."""
    if node not in document.nodes:
        return set()
    found = reach(node, lambda name: [wire.target for wire in document.wires_out_of(name)])
    return found - {node}


def values_of(document: Document, name: str, wanted: Collection[str] = ()) -> dict[str, Any]:
    """A node's parameters as they would run, defaults included.

    Args:
        document: of the node.
        name: its id.
        wanted: names of parameters; empty takes all but those richer than a number or a text.

    Raises:
        Unknown: one comes by wire from something that isn't a plain value, or isn't valid.
    """
    node, spec = document.nodes[name], document.spec(name)
    assert spec is not None
    found: dict[str, Any] = {}
    for param in spec.params:
        if param.kind == "json" or (wanted and param.name not in wanted):
            continue
        value = node.params.get(param.name, param.default)
        if wire := document.wires_into(name).get(param.name):
            value = _constant(document, origin(document, wire.source))
        try:
            found[param.name] = param.check(value)
        except ValueError:
            raise Unknown(f"{document.title_of(name)}: {param.name} isn't valid.") from None
    return found


def _constant(document: Document, source: Source) -> Any:
    spec = document.spec(source.node) if source.node in document.nodes else None
    if spec is None or spec.category != "Values" or "value" not in spec.param_by_name:
        raise Unknown("The crop depends on a number that only a run gives.")
    return document.nodes[source.node].params.get("value", spec.param_by_name["value"].default)


def _crop(document: Document, name: str, node: str) -> Crop | None:
    wired = document.wires_into(name)
    if "mask" not in wired or "image" not in wired:
        return None
    steps: list[Step] = []
    pictures = pictures_of(document, node)
    at = origin(document, wired["mask"].source)
    pads: list[str] = []
    for _ in range(_HOPS):
        if at == Source(node, "mask"):
            break
        origin_node = document.nodes.get(at.node)
        if origin_node is None or origin_node.mode != "normal":
            return None
        wires = document.wires_into(at.node)
        if origin_node.type not in (*_CHANGES, PADS):
            if _above(document, at.node, node):
                raise Unknown("The mask is changed on its way: its crop is known after a run.")
            return None
        if origin_node.type == PADS:
            pads.append(at.node)
        steps.append(Step(origin_node.type, values_of(document, at.node)))
        if "mask" not in wires:
            return None
        at = origin(document, wires["mask"].source)
    # The picture must be the one that is painted on, padded where the mask is.
    image = origin(document, wired["image"].source)
    for pad in pads:
        before = document.wires_into(pad).get("image")
        if image != Source(pad, "image") or before is None:
            raise Unknown("The mask and the picture go different ways to the crop.")
        image = origin(document, before.source)
    if image not in pictures:
        raise Unknown("Another picture is cropped than the one that is painted on.")
    values = values_of(document, name, _COUNTS)
    steps.append(Step(PAINTS, values_of(document, node)))
    checkpoint = _checkpoint(document, name) if "only_masked" in values else None
    return Crop(name, values, tuple(reversed(steps)), checkpoint)


def _above(document: Document, name: str, sought: str) -> bool:
    """Whether a node gets the mask of `sought`, by whatever ways."""
    seen, stack = {name}, [name]
    while stack:
        for wire in document.wires_into(stack.pop()).values():
            if wire.source == Source(sought, "mask"):
                return True
            if wire.source.node not in seen and wire.source.node in document.nodes:
                seen.add(wire.source.node)
                stack.append(wire.source.node)
    return False


def _checkpoint(document: Document, name: str) -> str | None:
    """Name of the checkpoint that feeds a node's model, through whatever changes it."""
    wire = document.wires_into(name).get("model")
    for _ in range(_HOPS):
        if wire is None or wire.source.node not in document.nodes:
            return None
        source = origin(document, wire.source).node
        spec = document.spec(source) if source in document.nodes else None
        if spec is None:
            return None
        for param in spec.params:
            if isinstance(param.marker, ModelName) and param.marker.kind == "checkpoints":
                found = document.nodes[source].params.get(param.name, param.default)
                return found if isinstance(found, str) else None
        port = next((port.name for port in spec.inputs if port.type == "Model"), "")
        wire = document.wires_into(source).get(port)
    return None


# The frame


def frame_of(crop: Crop, painted: Plane, side: int | None = None) -> CropFrame | None:
    """The frame that a run would cut out; None where the mask is empty.

    Args:
        crop: what `crop_of` found.
        painted: uint8 [H, W], the strokes of the mask node, drawn.
        side: the model's own size, pixels; `USUAL_SIDE` where it isn't known.

    Returns:
        The frame, on the picture that is cropped: the one painted on, or what padding made of it.

    Raises:
        Unknown: a value that can't be.
    """
    mask: Floats = painted.astype(np.float32)
    mask /= np.float32(255)
    try:
        for step in crop.steps:
            mask = _changed(mask, step)
    except ValueError as error:
        raise Unknown(str(error)) from None
    values = crop.values
    if "only_masked" in values:
        return crop_frame(
            [mask],
            grow=values["grow"],
            soften=0,
            feather=values["feather"],
            context=values["context_share"] if values["only_masked"] else None,
            size=values["size"] or side or USUAL_SIDE,
        )
    return crop_frame(
        [mask],
        grow=values["grow"],
        soften=values["feather"],
        feather=None,
        context=values["context_share"],
        size=values["size"],
    )


def _changed(mask: Floats, step: Step) -> Floats:
    """A mask as a node hands it on."""
    values = step.values
    match step.type:
        case "InpaintMask":
            turned = shape.invert(mask) if values["invert"] else mask
            return shape.feather(shape.grow(turned, values["grow"]), values["feather"])
        case "GrowMask":
            return shape.grow(mask, values["pixels"])
        case "FeatherMask":
            return shape.feather(mask, values["pixels"])
        case "InvertMask":
            return shape.invert(mask)
        case "ThresholdMask":
            return shape.threshold(mask, values["at"])
        case "FillHoles":
            return shape.fill_holes(mask)
        case "PadForOutpaint":
            return _padded(mask, values)
    raise Unknown(f"{step.type} changes the mask.")


def _padded(mask: Floats, values: Mapping[str, Any]) -> Floats:
    height, width = mask.shape
    left, top, right, bottom = (values[side] for side in ("left", "top", "right", "bottom"))
    larger = new_area(width, height, (left, top, right, bottom), values["overlap"])
    inner = larger[top : top + height, left : left + width]
    np.maximum(inner, mask, out=inner)
    return larger


def side_of(checkpoint: str | None) -> int | None:
    """A model's own size, pixels, from its small files; None where they don't say. For threads."""
    from studio import modelfacts
    from studio.errors import StudioError
    from studio.modelfiles import resolve_model
    from studio.places import Places

    if checkpoint is None:
        return None
    try:
        return modelfacts.side_of(resolve_model(Places.load(), "checkpoints", checkpoint))
    except (StudioError, OSError):
        return None
