"""What a checkpoint is, from its small files and headers alone. No torch, no weights read.

Here: diffusers folders (a `model_index.json` and a subfolder a part).
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from studio.errors import InputError
from studio.values import LatentSpace
from studio.words import short

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from studio.diffusion.denoiser import Prediction

T = TypeVar("T")

MAX_JSON = 16 * 2**20
MAX_HEADER = 100 * 2**20
"""The safetensors format's own limit on its header."""

UNETS = ("UNet2DConditionModel",)
VAES = ("AutoencoderKL",)
TEXT_ENCODERS = ("CLIPTextModel",)
PREDICTIONS = ("epsilon", "v_prediction", "sample")


class BadCheckpoint(InputError):
    """A checkpoint with a part that is missing, damaged or of a kind that isn't known."""

    def __init__(self, name: str, path: Path, reason: str, hint: str) -> None:
        super().__init__(f"the checkpoint {name!r}: {path}: {reason}.", hint=hint)


AGAIN = "Copy or download the model again."


@dataclass(frozen=True)
class Part:
    """One module of a checkpoint.

    Args:
        folder: holds its config and weights.
        class_name: the library's class.
        config: its config.json.
        weights: safetensors files; several where it is sharded.
    """

    folder: Path
    class_name: str
    config: Mapping[str, Any]
    weights: tuple[Path, ...]


@dataclass(frozen=True)
class Checkpoint:
    """A diffusers folder, read and checked.

    Args:
        name: as the user calls it.
        path: the folder.
        unet: the denoiser.
        vae: the first stage.
        text_encoder: CLIP.
        tokenizer: folder of the vocabulary.
        scheduler: the scheduler's config: the betas.
        prediction: what the denoiser predicts.
        space: of its latents.
    """

    name: str
    path: Path
    unet: Part
    vae: Part
    text_encoder: Part
    tokenizer: Path
    scheduler: Mapping[str, Any]
    prediction: Prediction
    space: LatentSpace


def read_checkpoint(path: Path, name: str) -> Checkpoint:
    """Read a checkpoint's configs and check its files.

    Args:
        path: a diffusers folder.
        name: for messages.

    Raises:
        BadCheckpoint: a file is missing, truncated, no JSON, or a class is unknown.
    """
    reader = _Reader(path, name)
    if not path.is_dir():
        raise BadCheckpoint(
            name,
            path,
            "a single file; this version reads diffusers folders",
            "Give a folder with a model_index.json.",
        )
    index = reader.json(path / "model_index.json")
    unet = reader.part(index, "unet", UNETS)
    vae = reader.part(index, "vae", VAES)
    text_encoder = reader.part(index, "text_encoder", TEXT_ENCODERS)
    space = _space(vae, reader)
    _check_family(unet, space.channels, name)
    tokenizer = path / "tokenizer"
    if not ((tokenizer / "tokenizer.json").is_file() or (tokenizer / "vocab.json").is_file()):
        raise BadCheckpoint(name, tokenizer, "the vocabulary is missing", AGAIN)
    scheduler = reader.json(path / "scheduler" / "scheduler_config.json")
    prediction = scheduler.get("prediction_type", "epsilon")
    if prediction not in PREDICTIONS:
        raise BadCheckpoint(
            name,
            path / "scheduler" / "scheduler_config.json",
            f"its prediction_type is {prediction!r}; known: {', '.join(PREDICTIONS)}",
            "Checkpoints of other families can't be used yet.",
        )
    return Checkpoint(
        name=name,
        path=path,
        unet=unet,
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        scheduler=scheduler,
        prediction=prediction,
        space=space,
    )


def _check_family(unet: Part, wanted: int, name: str) -> None:
    """Refuse denoisers that want more than a latent of `wanted` channels and one text encoding."""
    channels = unet.config.get("in_channels", 4)
    extra = unet.config.get("addition_embed_type") or unet.config.get("class_embed_type")
    reason = ""
    if channels != wanted:
        reason = f"its denoiser takes {channels} channels where a latent has {wanted}"
    elif extra or unet.config.get("num_class_embeds"):
        reason = f"its denoiser wants more than a text encoding ({extra or 'a class'})"
    if reason:
        raise BadCheckpoint(
            name,
            unet.folder / "config.json",
            reason,
            "Checkpoints of other families (inpainting, SDXL …) can't be used yet.",
        )


def _space(vae: Part, reader: _Reader) -> LatentSpace:
    def read(key: str, convert: Callable[[Any], T], default: Any) -> T:
        value = vae.config.get(key) or default
        try:
            return convert(value)
        except (TypeError, ValueError, OverflowError):
            raise BadCheckpoint(
                reader.name, vae.folder / "config.json", f"its {key} is {short(value)}", AGAIN
            ) from None

    channels = read("latent_channels", int, 4)
    downscale = 2 ** (read("block_out_channels", len, (0,) * 4) - 1)
    factor = read("scaling_factor", float, 0.18215)
    shift = read("shift_factor", float, 0.0)
    preview = reader.root / "latent_preview.json"
    rgb = None
    if preview.is_file():
        try:
            rows = reader.json(preview)["rgb"]
            rgb = tuple((float(r), float(g), float(b)) for r, g, b in rows)
        except (KeyError, TypeError, ValueError):
            raise BadCheckpoint(
                reader.name, preview, 'its "rgb" is no list of rows of three numbers', AGAIN
            ) from None
    # The numbers name the space: two checkpoints with the same first stage share it.
    name = f"kl-f{downscale}-c{channels}-{factor:.5g}"
    return LatentSpace(name, channels, downscale, factor, shift, rgb)


class _Reader:
    def __init__(self, root: Path, name: str) -> None:
        self.root = root
        self.name = name

    def json(self, path: Path) -> dict[str, Any]:
        try:
            with open(path, "rb") as file:
                data = json.loads(file.read(MAX_JSON))
        except FileNotFoundError:
            raise BadCheckpoint(self.name, path, "the file is missing", AGAIN) from None
        except OSError as error:
            raise BadCheckpoint(
                self.name, path, f"can't be read: {error.strerror}", "Check its permissions."
            ) from None
        except (ValueError, RecursionError):
            raise BadCheckpoint(self.name, path, "isn't JSON", AGAIN) from None
        if not isinstance(data, dict):
            raise BadCheckpoint(self.name, path, "isn't a JSON object", AGAIN)
        return data

    def part(self, index: Mapping[str, Any], name: str, known: tuple[str, ...]) -> Part:
        entry = index.get(name)
        class_name = entry[1] if isinstance(entry, list) and len(entry) == 2 else None
        if class_name not in known:
            raise BadCheckpoint(
                self.name,
                self.root / "model_index.json",
                f"its {name} is {class_name or 'missing'}; known: {', '.join(known)}",
                "Checkpoints of other families can't be used yet.",
            )
        folder = self.root / name
        config = self.json(folder / "config.json")
        return Part(folder, class_name, config, self._weights(folder))

    def _weights(self, folder: Path) -> tuple[Path, ...]:
        stems = ("diffusion_pytorch_model", "model")
        for stem in stems:
            for variant in ("", ".fp16"):
                index = folder / f"{stem}.safetensors.index{variant}.json"
                if index.is_file():
                    return tuple(self._checked(path) for path in self._shards(index))
                single = folder / f"{stem}{variant}.safetensors"
                if single.is_file():
                    return (self._checked(single),)
        pickles = [*folder.glob("*.bin"), *folder.glob("*.ckpt")]
        if pickles:
            raise BadCheckpoint(
                self.name,
                pickles[0],
                "the weights are a pickle, which can run code",
                "Convert the model to safetensors.",
            )
        raise BadCheckpoint(
            self.name, folder, "the weights (a .safetensors file) are missing", AGAIN
        )

    def _shards(self, index: Path) -> list[Path]:
        """The files that hold the weights, by their index; beside it, whatever it says."""
        found = self.json(index).get("weight_map")
        names = list(found.values()) if isinstance(found, dict) else []
        if not names or not all(isinstance(name, str) and name for name in names):
            raise BadCheckpoint(self.name, index, "names no files", AGAIN)
        return [index.parent / Path(name).name for name in sorted(set(names))]

    def _checked(self, path: Path) -> Path:
        """The path, once the file is as long as its header says."""
        try:
            size = path.stat().st_size
            with open(path, "rb") as file:
                head = file.read(8)
                length = struct.unpack("<Q", head)[0] if len(head) == 8 else 0
                if not 2 <= length <= min(MAX_HEADER, size):
                    raise ValueError
                header = json.loads(file.read(length))
            ends = [
                int(item["data_offsets"][1])
                for key, item in header.items()
                if key != "__metadata__"
            ]
        except FileNotFoundError:
            raise BadCheckpoint(self.name, path, "the file is missing", AGAIN) from None
        except OSError as error:
            raise BadCheckpoint(
                self.name, path, f"can't be read: {error.strerror}", "Check its permissions."
            ) from None
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
            raise BadCheckpoint(
                self.name, path, "isn't a whole safetensors file (its header is damaged)", AGAIN
            ) from None
        whole = 8 + length + max(ends, default=0)
        if size != whole:
            raise BadCheckpoint(
                self.name, path, f"is {size:,} bytes long where its header says {whole:,}", AGAIN
            )
        return path
