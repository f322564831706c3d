"""Checkpoints in one file, in the layout of the original code bases.

The parts' configs are the published ones that ship with the program (`resources/configs`),
corrected by what the header says: so a tensor decides how wide and deep a network is, and the
config only what no tensor shows (heads, activations, betas).
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from studio.diffusion.checkpoints.files import (
    as_checkpoint,
    header_of,
    main_dtype,
    numbers,
    open_all,
    under,
)
from studio.diffusion.checkpoints.parts import BadCheckpoint, Checkpoint, Part, space_of
from studio.diffusion.checkpoints.prediction import find_prediction
from studio.diffusion.checkpoints.published import published
from studio.diffusion.checkpoints.recognise import KNOWN, Recognised, ema_name, recognise
from studio.diffusion.checkpoints.sidecar import Sidecar, read_sidecar
from studio.diffusion.checkpoints.texts import text_encoders
from studio.diffusion.compvis import unet, vae
from studio.diffusion.compvis.names import UnknownArchitecture
from studio.diffusion.weights.header import BadWeights

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from studio.diffusion.checkpoints.prediction import Found
    from studio.diffusion.compvis.names import Names
    from studio.diffusion.weights.deferred import Deferred
    from studio.values import LatentSpace

_AGREE = 0.01
"""Betas of a file that differ less from the published ones are those, rounded to its dtype."""


def read_single(path: Path, name: str, asked: str, ema: bool | None) -> Checkpoint:
    """Read a single file's header and make its parts.

    Args:
        path: the file.
        name: for messages.
        asked: what the user says that the denoiser predicts, or "auto".
        ema: see `CheckpointRef`.

    Raises:
        BadCheckpoint: the file is damaged, no checkpoint, or of no known family.
    """
    found = recognise(header_of(path, name), name)
    if ema and not found.has_ema:
        raise BadCheckpoint(
            name, path, "has no averaged weights (EMA)", 'Set the checkpoint\'s weights to "auto".'
        )
    sidecar = read_sidecar(path, name) or Sidecar(path)
    try:
        return _checkpoint(found, sidecar, name, asked, ema)
    except UnknownArchitecture as error:
        raise BadCheckpoint(
            name, path, f"is of a build that isn't known: {error}", KNOWN
        ) from None
    except BadWeights as error:
        raise as_checkpoint(error, name) from None


def _checkpoint(
    found: Recognised, sidecar: Sidecar, name: str, asked: str, ema: bool | None
) -> Checkpoint:
    header, family = found.header, found.family
    averaged = found.has_ema and ema is not False
    prediction = find_prediction(
        asked, family.predicts, header, sidecar, judge=family.id == "sd2", name=name
    )
    # The 768 models of Stable Diffusion 2 have a config of their own: float16 overflows in them.
    config = found.config
    if family.id == "sd2" and prediction.prediction == "v_prediction":
        config = "sd2_v"
    stage, space = _first_stage(found, config, sidecar)
    texts, vocabularies = text_encoders(found) if found.has_text else ((), ())
    return Checkpoint(
        name=name,
        path=header.path,
        family=family,
        unet=_unet(found, config, sidecar, averaged=averaged),
        vae=stage,
        text_encoders=texts,
        tokenizers=vocabularies,
        scheduler=_scheduler(found, config, sidecar, prediction),
        prediction=prediction.prediction,
        prediction_source=prediction.source,
        space=space,
        dtype=main_dtype([header]),
        averaged=averaged,
        metadata=header.metadata,
    )


def _scheduler(
    found: Recognised, config: str, sidecar: Sidecar, prediction: Found
) -> Mapping[str, Any]:
    scheduler = {**published(config, "scheduler", "scheduler_config.json"), **sidecar.scheduler}
    if prediction.zero_snr:
        scheduler["rescale_betas_zero_snr"] = True
    # The papers' models were trained on betas of their own, which their files hold. In files of
    # Stable Diffusion they are looked over: they have one schedule, and merging spoils the numbers.
    if found.family.id.startswith("ldm_") and not sidecar.scheduler:
        betas = numbers(found.header, "betas") or []
        start, end = scheduler["beta_start"], scheduler["beta_end"]
        if betas and not (
            len(betas) == scheduler["num_train_timesteps"]
            and abs(betas[0] / start - 1) < _AGREE
            and abs(betas[-1] / end - 1) < _AGREE
        ):
            scheduler["trained_betas"] = betas
    return scheduler


def _unet(found: Recognised, config: str, sidecar: Sidecar, *, averaged: bool) -> Part:
    base = published(config, "unet", "config.json")
    built = unet.config(found.shape, base)
    heads, head_width = sidecar.heads, sidecar.head_width
    channels = [level.channels for level in found.shape.levels]
    if found.shape.context is None:
        # How attention is parted shows in no tensor: a number of heads, or a width of each.
        if heads is None and head_width is None:
            heads = base.get("_num_heads")
            head_width = None if heads else base.get("attention_head_dim")
        if heads:
            head_width = None
        built["attention_head_dim"] = head_width or max(channels[0] // (heads or 1), 1)
        built["_num_heads"] = heads
    elif heads or head_width:
        built["attention_head_dim"] = heads or [max(c // (head_width or 1), 1) for c in channels]
    _check_heads(found.shape, heads, head_width)
    convert = functools.partial(
        unet.convert, shape=found.shape, head_width=head_width, heads=heads
    )
    path = found.header.path
    class_name = "UNet2DModel" if found.shape.context is None else "UNet2DConditionModel"
    read = functools.partial(_unet_tensors, path, convert, averaged=averaged)
    return Part(path, class_name, built, read)


def _check_heads(shape: unet.UNetShape, heads: int | None, width: int | None) -> None:
    for level in shape.levels:
        if (level.attends or level.depth) and level.channels % (heads or width or 1):
            parts = f"{heads} heads" if heads else f"heads of {width}"
            raise UnknownArchitecture(f"attention over {level.channels} channels has no {parts}")


def _unet_tensors(path: Path, convert: Any, *, averaged: bool) -> dict[str, Deferred]:
    """The denoiser's tensors by the library's names; each replaced by its average if wanted."""
    stored = open_all((path,))
    cut = len(unet.PREFIX)
    inside = {
        name[cut:]: stored[ema_name(name)] if averaged else tensor
        for name, tensor in stored.items()
        if name.startswith(unet.PREFIX)
    }
    converted: dict[str, Deferred] = convert(inside)
    return converted


def _first_stage(
    found: Recognised, config: str, sidecar: Sidecar
) -> tuple[Part | None, LatentSpace]:
    """The first stage, where the file has it, and the space of the latents anyhow."""
    folder = "vqvae" if config.startswith("ldm_") else "vae"
    base = published(config, folder, "config.json")
    names = found.names.under(vae.PREFIX)
    part = vae_part(found.header.path, names, base) if names else None
    built = dict(part.config if part else base)
    # Where the scale was measured in training, the file holds it.
    scale = numbers(found.header, "scale_factor")
    if scale and len(scale) == 1 and scale[0] > 0:
        built["scaling_factor"] = scale[0]
    elif sidecar.scaling is not None:
        built["scaling_factor"] = sidecar.scaling
    return part, space_of(built)


def vae_part(path: Path, names: Names, base: Mapping[str, Any]) -> Part:
    """A first stage in a single file.

    Args:
        path: of the file.
        names: of its tensors, under the prefix that they have there.
        base: a published config.

    Raises:
        UnknownArchitecture: it is of a build that isn't known.
    """
    diffusers = names.has("encoder.down_blocks.")
    config = (vae.diffusers_config if diffusers else vae.config)(names, dict(base))
    convert = None if diffusers else functools.partial(vae.convert, names=names)
    kind = "VQModel" if vae.is_quantised(names) else "AutoencoderKL"
    return Part(path, kind, config, functools.partial(under, path, names.prefix, convert))
