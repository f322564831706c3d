"""Checkpoints in diffusers' layout: a `model_index.json` and a subfolder a part."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, cast

from studio.diffusion.checkpoints.files import header_of, main_dtype, open_all, read_json
from studio.diffusion.checkpoints.folder_files import TRAINED, VARIANTS, has_averages, weight_files
from studio.diffusion.checkpoints.parts import (
    AGAIN,
    BY_SCHEDULER,
    BadCheckpoint,
    Checkpoint,
    Part,
    space_of,
    with_scale,
)
from studio.diffusion.checkpoints.prediction import AS_ASKED, PREDICTIONS
from studio.diffusion.families import Facts, Family, Text, family_of, other_of
from studio.words import short

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from studio.diffusion.denoiser import Prediction
    from studio.diffusion.weights.header import Header
    from studio.values import LatentSpace

UNETS = ("UNet2DConditionModel", "UNet2DModel")
VAES = ("AutoencoderKL", "VQModel")
TEXT_ENCODERS = (
    "CLIPTextModel", "CLIPTextModelWithProjection", "LDMBertModel", "ClassEmbedder",
)  # fmt: skip

_FIRST_STAGES = ("vae", "vqvae")
_TEXTS = (("text_encoder", "tokenizer"), ("text_encoder_2", "tokenizer_2"), ("bert", "tokenizer"),
          ("class_embedder", ""))  # fmt: skip
_SIZED = ("clip + open_clip", "open_clip_g")

OTHER_FAMILY = "Checkpoints of this kind can't be used yet."


def read_folder(path: Path, name: str, asked: str, ema: bool | None = None) -> Checkpoint:
    """Read a folder's configs and check its files.

    Args:
        path: the folder.
        name: for messages.
        asked: what the user says that the denoiser predicts; "auto" takes what the folder says.
        ema: see `CheckpointRef`; some folders hold a second file of weights, `….non_ema….`

    Raises:
        BadCheckpoint: a file is missing, truncated, no JSON, or a class is unknown.
    """
    reader = _Reader(path, name)
    index = read_json(path / "model_index.json", name)
    both = has_averages(path / "unet")
    if ema and not both:
        reason = "doesn't say whether its weights are averages (EMA)"
        raise BadCheckpoint(name, path, reason, 'Set the checkpoint\'s weights to "auto".')
    trained = both and ema is False
    variants = (TRAINED, *VARIANTS) if trained else VARIANTS
    unet = reader.part(index, "unet", UNETS, variants)
    vae = next((reader.part(index, key, VAES) for key in _FIRST_STAGES if _named(index, key)), None)
    texts, vocabularies = reader.texts(index)
    space = reader.space(vae, unet)
    family = _family(unet, texts, space.channels, name)
    if family.id == "ldm_sr":
        # Its latents aren't scaled, whatever the library's default in the config says.
        space = with_scale(space, 1.0)
    scheduler_path = path / "scheduler" / "scheduler_config.json"
    scheduler = read_json(scheduler_path, name)
    prediction = scheduler.get("prediction_type", "epsilon") if asked == "auto" else asked
    if prediction not in PREDICTIONS:
        raise BadCheckpoint(
            name,
            scheduler_path,
            f"its prediction_type is {short(prediction)}; known: {', '.join(PREDICTIONS)}",
            OTHER_FAMILY,
        )
    return Checkpoint(
        name=name,
        path=path,
        family=family,
        unet=unet,
        vae=vae,
        text_encoders=texts,
        tokenizers=vocabularies,
        scheduler=scheduler,
        prediction=cast("Prediction", prediction),
        prediction_source=BY_SCHEDULER if asked == "auto" else AS_ASKED,
        space=space,
        dtype=main_dtype(reader.headers.get("unet", ())),
        averaged=both and not trained,
        metadata={},
    )


def read_vae_folder(path: Path, name: str) -> tuple[Part, LatentSpace]:
    """A first stage that is a folder of its own: a config.json and weights.

    Raises:
        BadCheckpoint: as `read_folder`.
    """
    reader = _Reader(path, name)
    config = read_json(path / "config.json", name)
    class_name = config.get("_class_name", "AutoencoderKL")
    if class_name not in VAES:
        raise BadCheckpoint(
            name,
            path / "config.json",
            f"is a {short(class_name)}; known: {', '.join(VAES)}",
            OTHER_FAMILY,
        )
    part = Part(path, class_name, config, reader.weights("", path))
    return part, reader.space(part, part)


def _named(index: Mapping[str, Any], key: str) -> bool:
    entry = index.get(key)
    return isinstance(entry, list) and len(entry) == 2 and entry[1] is not None


def _family(unet: Part, texts: tuple[Part, ...], channels: int, name: str) -> Family:
    config = unet.config
    extra = _number(unet, config.get("in_channels", 4), name) - channels
    facts = Facts(_text_kind(unet, texts), extra, bool(config.get("num_class_embeds")))
    family = family_of(facts)
    wanted = ("text_time" if facts.text in _SIZED else None, None)
    embeds = config.get("addition_embed_type"), config.get("class_embed_type")
    if family is not None and embeds == wanted:
        return family
    title = other_of(facts)
    if title is not None:
        reason = f"is {title}"
    elif family is None and extra:
        reason = (
            f"its denoiser takes {config.get('in_channels')} channels where a latent has "
            f"{channels}, and no known family of this kind does"
        )
    elif wanted[0] and not embeds[0]:
        reason = "its text encoders are SDXL's, and its denoiser isn't (no addition_embed_type)"
    else:
        wants = short(next((e for e in embeds if e), "a class"))
        reason = f"its denoiser wants more than a text encoding ({wants.strip(chr(34))})"
    raise BadCheckpoint(name, unet.folder / "config.json", reason, OTHER_FAMILY)


def _number(unet: Part, value: object, name: str) -> int:
    if isinstance(value, int):
        return value
    raise BadCheckpoint(
        name, unet.folder / "config.json", f"its in_channels is {short(value)}", AGAIN
    )


def _text_kind(unet: Part, texts: tuple[Part, ...]) -> Text:
    classes = [part.class_name for part in texts]
    if not classes:
        return "none"
    if "LDMBertModel" in classes:
        return "bert"
    if "ClassEmbedder" in classes:
        return "class"
    if len(classes) == 2:
        return "clip + open_clip"
    if classes == ["CLIPTextModelWithProjection"] and unet.config.get("addition_embed_type"):
        return "open_clip_g"
    # Stable Diffusion 2 made its projections linear; 1 has convolutions.
    return "open_clip" if unet.config.get("use_linear_projection") else "clip"


class _Reader:
    def __init__(self, root: Path, name: str) -> None:
        self.root = root
        self.name = name
        self.headers: dict[str, list[Header]] = {}

    def part(
        self,
        index: Mapping[str, Any],
        key: str,
        known: tuple[str, ...],
        variants: tuple[str, ...] = VARIANTS,
    ) -> Part:
        """One part of the index."""
        entry = index.get(key)
        class_name = entry[1] if isinstance(entry, list) and len(entry) == 2 else None
        if class_name not in known:
            raise BadCheckpoint(
                self.name,
                self.root / "model_index.json",
                f"its {key} is {class_name or 'missing'}; known: {', '.join(known)}",
                "Checkpoints of other families can't be used yet.",
            )
        folder = self.root / key
        config = read_json(folder / "config.json", self.name)
        return Part(folder, class_name, config, self.weights(key, folder, variants))

    def texts(self, index: Mapping[str, Any]) -> tuple[tuple[Part, ...], tuple[Path, ...]]:
        """The text encoders, and the vocabulary of each."""
        parts, vocabularies = [], []
        for key, tokenizer in _TEXTS:
            if not _named(index, key):
                continue
            parts.append(self.part(index, key, TEXT_ENCODERS))
            if tokenizer:
                vocabularies.append(self._vocabulary(self.root / tokenizer))
        return tuple(parts), tuple(vocabularies)

    def _vocabulary(self, folder: Path) -> Path:
        if not any((folder / n).is_file() for n in ("tokenizer.json", "vocab.json", "vocab.txt")):
            raise BadCheckpoint(self.name, folder, "the vocabulary is missing", AGAIN)
        return folder

    def space(self, vae: Part | None, unet: Part) -> LatentSpace:
        """The latent space, by the first stage or, without one, as Stable Diffusion has it."""
        if vae is None:
            channels = unet.config.get("out_channels", 4)
            xl = unet.config.get("addition_embed_type")
            return space_of({"latent_channels": channels, "scaling_factor": 0.13025 if xl else 0})
        preview = self.root / "latent_preview.json"
        rgb = None
        if preview.is_file():
            try:
                rows = read_json(preview, self.name)["rgb"]
                rgb = tuple((float(r), float(g), float(b)) for r, g, b in rows)
            except (KeyError, TypeError, ValueError):
                raise BadCheckpoint(
                    self.name, preview, 'its "rgb" is no list of rows of three numbers', AGAIN
                ) from None
        config = dict(vae.config)
        if vae.class_name == "VQModel":
            # Older folders have no scale, since none was used in training; the library then takes
            # Stable Diffusion's, and its pictures of these models come out wrong.
            config = {"num_vq_embeddings": 256, "scaling_factor": 1.0, **config}
        try:
            return space_of(config, rgb)
        except ValueError as error:
            raise BadCheckpoint(self.name, vae.folder / "config.json", str(error), AGAIN) from None

    def weights(self, key: str, folder: Path, variants: tuple[str, ...] = VARIANTS) -> Any:
        """Gives the tensors of a part when it is called; its files are checked now."""
        paths = weight_files(folder, self.name, variants)
        self.headers[key] = [header_of(path, self.name) for path in paths]
        return functools.partial(open_all, paths)
