"""The small yaml or json file beside a single file, as the original code bases and A1111 use.

It says what no tensor shows: what the denoiser predicts, the betas, how attention is parted, how
latents are scaled. Plain data only is read from it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from studio.diffusion.checkpoints.parts import BadCheckpoint
from studio.words import short

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from studio.diffusion.denoiser import Prediction

SPELLINGS: dict[str, Prediction] = {
    "epsilon": "epsilon", "eps": "epsilon", "v_prediction": "v_prediction", "v": "v_prediction",
    "v-prediction": "v_prediction", "velocity": "v_prediction", "sample": "sample", "x0": "sample",
}  # fmt: skip
"""How a prediction is written, in files and by people, in small letters."""

# The betas of the original code, by the library's names of them.
_BETAS = {"linear": "scaled_linear", "sqrt_linear": "linear", "cosine": "squaredcos_cap_v2"}

MAX_BYTES = {".yaml": 2**16, ".yml": 2**16, ".json": 2**20}
"""By ending. The longest yaml published with a checkpoint has 5,000 bytes, and longer ones take
long to read; a json file may hold a description of the model, and pictures' prompts."""


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What the file beside a single file says; all of it may be missing.

    Args:
        path: of the file.
        prediction: what the denoiser predicts.
        scheduler: betas and the like, by diffusers' names.
        heads: heads of attention without text.
        head_width: channels a head of it.
        scaling: the denoiser sees latents times this.
    """

    path: Path
    prediction: Prediction | None = None
    scheduler: Mapping[str, Any] = field(default_factory=dict)
    heads: int | None = None
    head_width: int | None = None
    scaling: float | None = None

    @property
    def said(self) -> str:
        """All that it says of the model, as text that is the same for the same; "" for nothing."""
        silent = Sidecar(self.path)
        if self == silent:
            return ""
        rows = (self.prediction, sorted(self.scheduler.items()), self.heads, self.head_width,
                self.scaling)  # fmt: skip
        return repr(rows)


def read_sidecar(path: Path, name: str) -> Sidecar | None:
    """The file beside a single file, with the same name and another ending; None without one.

    Raises:
        BadCheckpoint: it can't be read, or says something that is not known.
    """
    for suffix in MAX_BYTES:
        beside = path.with_suffix(suffix)
        if beside.is_file():
            return _sidecar(beside, name)
    return None


def _sidecar(path: Path, name: str) -> Sidecar:
    def bad(reason: str) -> BadCheckpoint:
        return BadCheckpoint(name, path, reason, "Correct this file, or take it away.")

    try:
        if path.stat().st_size > MAX_BYTES[path.suffix]:
            raise bad(f"is longer than {MAX_BYTES[path.suffix]:,} bytes, too long for a config")
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            tree = json.loads(text)
        else:
            import yaml

            tree = yaml.safe_load(text)
    except OSError as error:
        raise bad(f"can't be read: {error.strerror}") from None
    except BadCheckpoint:
        raise
    except Exception as error:  # yaml's errors have no class that can be named without it
        raise bad(f"isn't {path.suffix[1:]} ({short(str(error), 80)})") from None
    if not isinstance(tree, dict):
        if tree is None or path.suffix == ".json":  # empty, or of one of many other programs
            return Sidecar(path)
        raise bad(f"isn't a table of settings ({short(text, 40)})")
    try:
        return _read(path, tree)
    except ValueError as error:
        raise bad(str(error)) from None


def _read(path: Path, tree: Mapping[str, Any]) -> Sidecar:
    """A json file of that name is often something else (A1111 keeps descriptions so): only what
    is known is looked at.

    Raises:
        ValueError: a value of what is known isn't; the message says which.
    """
    params = _inner(tree, "model", "params")
    network = _inner(params, "network_config", "params") or _inner(params, "unet_config", "params")
    said = params or tree
    return Sidecar(
        path,
        _prediction(said, original=bool(params)),
        _schedule(said),
        _count(network or said, "num_heads"),
        _count(network or said, "num_head_channels"),
        _number(said, "scale_factor"),
    )


def _inner(tree: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    for key in keys:
        found = tree.get(key)
        tree = found if isinstance(found, dict) else {}
    return tree


def _prediction(said: Mapping[str, Any], *, original: bool) -> Prediction | None:
    spelling = said.get("parameterization", said.get("prediction_type"))
    if spelling is not None:
        if str(spelling).lower() not in SPELLINGS:
            raise ValueError(f"says that the model predicts {short(spelling)}, which isn't known")
        return SPELLINGS[str(spelling).lower()]
    # The code of SDXL names a class for it, and that of its forerunners means epsilon by nothing.
    scaling = _inner(said, "denoiser_config", "params", "scaling_config").get("target")
    if isinstance(scaling, str) and scaling.endswith(("VScaling", "EpsScaling")):
        return "v_prediction" if scaling.endswith("VScaling") else "epsilon"
    return "epsilon" if original and "linear_start" in said else None


def _schedule(said: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for theirs, ours in (("linear_start", "beta_start"), ("linear_end", "beta_end")):
        if (value := _number(said, theirs)) is not None:
            if value >= 1:
                raise ValueError(f"its {theirs} is {value:g}; betas lie between 0 and 1")
            found[ours] = value
    if found.get("beta_start", 0) > found.get("beta_end", 1):
        raise ValueError("its linear_start is above its linear_end")
    if (steps := _count(said, "timesteps")) is not None:
        found["num_train_timesteps"] = steps
    if found and (kind := said.get("beta_schedule")) is not None:
        if kind not in _BETAS:
            raise ValueError(f"its beta_schedule is {short(kind)}; known: {', '.join(_BETAS)}")
        found["beta_schedule"] = _BETAS[cast("str", kind)]
    return found


def _number(said: Mapping[str, Any], key: str) -> float | None:
    value = said.get(key)
    if value is None:
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1e6:
        return float(value)
    raise ValueError(f"its {key} is {short(value)}")


def _count(said: Mapping[str, Any], key: str) -> int | None:
    value = said.get(key)
    if value is None or value == -1:  # the original code's way of leaving it open
        return None
    if type(value) is int and 0 < value <= 100_000:
        return value
    raise ValueError(f"its {key} is {short(value)}")
