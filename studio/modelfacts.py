"""What a model file is, in short, for lists: from its header alone.

Nothing here fails: a file that can't be used has its reason in place of facts. torch is imported
for pickled files only, which nothing else can open safely.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from studio.diffusion.checkpoints import BadCheckpoint, read_checkpoint, read_vae
from studio.diffusion.checkpoints.files import header_of, main_dtype
from studio.diffusion.checkpoints.recognise import what_else
from studio.diffusion.weights.header import BadWeights, format_of
from studio.errors import StudioError
from studio.words import size

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from studio.diffusion.checkpoints import Checkpoint
    from studio.diffusion.weights.header import Header
    from studio.modelfiles import ModelFile

SHORT = {
    "F16": "fp16", "BF16": "bf16", "F32": "fp32", "F64": "fp64", "F8_E4M3": "fp8", "F8_E5M2": "fp8",
}  # fmt: skip
"""Types of weights as people call them, by the safetensors format's names."""

MAX_PICKLE = 256 * 2**20
"""Bytes. A longer file of torch's old format isn't opened for a list: it would be read whole."""

# Textual inversions, by the widths of their vectors.
_WIDTHS = {(768,): "sd1", (1024,): "sd2", (1280,): "sdxl", (768, 1280): "sdxl"}


@dataclass(frozen=True)
class ModelFacts:
    """What a file says of itself.

    Args:
        family: id of its family, or the build of a first stage; empty where nothing tells.
        dtype: of most of its weights, in short: "fp16".
        fault: why it can't be used; empty where it can.
        rows: (what, text) of all that is worth knowing, for people.
        metadata: what its writer noted.
    """

    family: str = ""
    dtype: str = ""
    fault: str = ""
    rows: tuple[tuple[str, str], ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)


def facts_of(file: ModelFile, *, patient: bool = False) -> ModelFacts:
    """What a model file says of itself.

    Args:
        file: which.
        patient: open a file though it must be read whole.
    """
    try:
        if not patient and _slow(file):
            return ModelFacts(fault=f"old pickle of {size(file.bytes)}: not opened for the list")
        return _READERS.get(file.kind, _other)(file)
    except (BadCheckpoint, BadWeights) as error:
        return ModelFacts(fault=error.reason)
    except StudioError as error:
        return ModelFacts(fault=error.message)


def side_of(file: ModelFile) -> int | None:
    """Side of the square pictures that a checkpoint was trained on, in pixels.

    None where that can't be told without reading the file: of pickles, and of damaged ones.
    """
    from studio.inpaint.frames import own_side  # numpy, which a list does without

    if file.path.is_file() and format_of(file.path) == "pickle":
        return None
    try:
        found = read_checkpoint(file.path, file.name)
    except (StudioError, OSError):
        return None
    return own_side(found.unet.config.get("sample_size"), found.space.downscale)


def _slow(file: ModelFile) -> bool:
    single = file.layout == "single file" and file.bytes > MAX_PICKLE
    return single and format_of(file.path) == "pickle"


def _checkpoint(file: ModelFile) -> ModelFacts:
    found = read_checkpoint(file.path, file.name)
    return ModelFacts(
        found.family.id, _dtype(found.dtype), rows=_of_checkpoint(found), metadata=found.metadata
    )


def _of_checkpoint(found: Checkpoint) -> tuple[tuple[str, str], ...]:
    encoders = ", ".join(part.class_name for part in found.text_encoders)
    stage = found.vae and f"{found.vae.class_name}, {found.space.name}"
    averages = "averaged (EMA), beside the trained ones" if found.averaged else "as they are"
    return (
        ("family", f"{found.family.title} ({found.family.id}), {found.family.paper}"),
        ("predicts", f"{found.prediction}, {found.prediction_source}"),
        ("input channels", str(found.unet.config.get("in_channels", ""))),
        ("text", encoders or _without_text(found)),
        ("first stage", stage or "none in the file: use LoadVae"),
        ("weights", f"{_dtype(found.dtype)}, {averages}"),
    )


def _without_text(found: Checkpoint) -> str:
    if found.family.facts.text == "none":
        return "takes none"
    return "no encoder in the file"


def _lora(file: ModelFile) -> ModelFacts:
    from studio.diffusion.lora.family import WORDS
    from studio.diffusion.lora.summary import summarise

    header = header_of(file.path, file.name)
    shapes = {name: info.shape for name, info in header.tensors.items()}
    found = summarise(header.metadata, shapes)
    if found.layers == (0, 0):
        return ModelFacts(
            dtype=_dtype(main_dtype([header])),
            fault=f"is no LoRA: it {what_else(shapes)}",
            metadata=header.metadata,
        )
    family = next((short for short, words in WORDS.items() if words == found.family), "")
    rows = (("weights", _dtype(main_dtype([header]))), *found.rows())
    return ModelFacts(family, rows[0][1], rows=rows, metadata=header.metadata)


def _vae(file: ModelFile) -> ModelFacts:
    part, space = read_vae(file.path, file.name)
    if part.folder.is_dir():
        headers = [
            header_of(path, file.name)
            for path in {tensor.file.path for tensor in part.tensors().values()}
        ]
    else:
        headers = [header_of(file.path, file.name)]
    dtype = _dtype(main_dtype(headers))
    build = "-".join(space.name.split("-")[:3])
    rows = (
        ("class", part.class_name),
        ("latents", f"{space.channels} channels, 1/{space.downscale} of a picture's sides"),
        ("scale", f"{space.scaling_factor:g}"),
        ("weights", dtype),
    )
    return ModelFacts(build, dtype, rows=rows, metadata=headers[0].metadata)


def _embedding(file: ModelFile) -> ModelFacts:
    header: Header | None = None
    if format_of(file.path) == "safetensors":
        header = header_of(file.path, file.name)
        shapes = {name: info.shape for name, info in header.tensors.items()}
        if any(len(shape) not in (1, 2) for shape in shapes.values()) or not 0 < len(shapes) <= 4:
            return ModelFacts(fault=f"is no embedding: it {what_else(shapes)}")
    else:
        from studio.diffusion.text.embeddings import read_embedding

        vectors = read_embedding(file.path).vectors
        shapes = {name: tuple(tensor.shape) for name, tensor in vectors.items()}
    widths = tuple(sorted(shape[-1] for shape in shapes.values()))
    count = max(shape[0] if len(shape) == 2 else 1 for shape in shapes.values())
    rows = (
        ("made for", _WIDTHS.get(widths, "an encoder that no known family has")),
        ("vectors", str(count)),
        ("width", ", ".join(map(str, widths))),
        ("in a prompt", f"embedding:{file.name.rpartition('.')[0]}"),
    )
    dtype = _dtype(main_dtype([header])) if header else ""
    metadata = header.metadata if header else {}
    return ModelFacts(_WIDTHS.get(widths, ""), dtype, rows=rows, metadata=metadata)


def _other(file: ModelFile) -> ModelFacts:
    """Kinds that nothing uses yet."""
    if file.layout != "single file" or format_of(file.path) != "safetensors":
        return ModelFacts()
    header = header_of(file.path, file.name)
    return ModelFacts(dtype=_dtype(main_dtype([header])), metadata=header.metadata)


def _dtype(name: str) -> str:
    return SHORT.get(name, name.lower())


_READERS: dict[str, Callable[[ModelFile], ModelFacts]] = {
    "checkpoints": _checkpoint, "loras": _lora, "vae": _vae, "embeddings": _embedding,
}  # fmt: skip
