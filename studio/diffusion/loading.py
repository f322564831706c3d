"""Making a library module from a config and files: no random init, no second copy."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from studio.diffusion.checkpoints import AGAIN, BadCheckpoint, Part
from studio.diffusion.checkpoints.files import as_checkpoint
from studio.diffusion.weights.header import BadWeights

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from studio.diffusion.weights.deferred import Deferred


def load_module(
    part: Part,
    build: Callable[[], nn.Module],
    checkpoint: str,
    *,
    device: torch.device,
    dtype: torch.dtype,
) -> nn.Module:
    """A module in evaluation mode with the weights of `part`.

    Args:
        part: which files.
        build: makes the module from its config; runs on the meta device, so costs no memory.
        checkpoint: its name, for messages.
        device: where the weights go.
        dtype: floating weights are converted tensor by tensor.

    Raises:
        BadCheckpoint: the config makes no sense, or keys or shapes don't fit it.
    """
    try:
        with torch.device("meta"):
            module = build()
    except Exception as error:  # the library has no class of its own for a config at fault
        reason = f"can't be used ({' '.join(str(error).split())})"
        where = part.folder / "config.json" if part.folder.is_dir() else part.folder
        raise BadCheckpoint(checkpoint, where, reason, AGAIN) from error
    expected = {**dict(module.named_parameters()), **_persistent_buffers(module)}
    state = _read(part, expected, checkpoint, device, dtype)
    missing = sorted(expected.keys() - state.keys())
    if missing:
        raise BadCheckpoint(
            checkpoint,
            part.folder,
            f"{len(missing)} of {len(expected)} tensors are missing, the first is {missing[0]}",
            f"{_mixed(part)}, or the file is damaged.",
        )
    module.load_state_dict(state, strict=True, assign=True)
    _fill_buffers(module, device)
    return module.eval().requires_grad_(False)


def _mixed(part: Part) -> str:
    """Why names or shapes don't fit each other."""
    if part.folder.is_dir():
        return "The config and the weights belong to different models"
    return "Its tensors belong to different models"


def _read(
    part: Part,
    expected: Mapping[str, Tensor],
    checkpoint: str,
    device: torch.device,
    dtype: torch.dtype,
) -> dict[str, Tensor]:
    wanted: dict[str, Deferred] = {}
    asks = "its config asks" if part.folder.is_dir() else "the rest of the file asks"
    try:
        for stored, deferred in _tensors(part, checkpoint).items():
            name = _spelling(stored, expected)
            if name is None:
                continue
            if deferred.shape != tuple(expected[name].shape):
                raise BadCheckpoint(
                    checkpoint,
                    deferred.file.path,
                    f"{deferred.name} has the shape {list(deferred.shape)}, and {asks} for "
                    f"{list(expected[name].shape)}",
                    f"{_mixed(part)}.",
                )
            wanted[name] = deferred
        return _in_parallel(lambda deferred: _placed(deferred, device, dtype), wanted)
    except BadWeights as error:
        raise as_checkpoint(error, checkpoint) from None


def _in_parallel(
    place: Callable[[Deferred], Tensor], wanted: Mapping[str, Deferred]
) -> dict[str, Tensor]:
    """Every tensor placed, a tensor a thread, in as many threads as torch computes with.

    A tensor by itself keeps one thread busy while it is read and several while it is converted;
    this way all are, which takes a quarter off the time.
    """
    threads = torch.get_num_threads()
    if threads == 1:
        return {name: place(deferred) for name, deferred in wanted.items()}
    torch.set_num_threads(1)  # what each of the threads then has for itself
    try:
        with ThreadPoolExecutor(threads, "weights") as pool:
            return dict(zip(wanted, pool.map(place, wanted.values()), strict=True))
    finally:
        torch.set_num_threads(threads)


def _tensors(part: Part, checkpoint: str) -> dict[str, Deferred]:
    try:
        return part.tensors()
    except (IndexError, KeyError) as error:
        reason = f"holds tensors of shapes that no model has ({error})"
        raise BadCheckpoint(checkpoint, part.folder, reason, AGAIN) from None


def _placed(deferred: Deferred, device: torch.device, dtype: torch.dtype) -> Tensor:
    # To another device in the file's own dtype, and converted there: fewer bytes to move.
    here = device.type == "cpu" and deferred.is_floating
    tensor = deferred.read(dtype if here else None)
    placed = tensor.to(device=device, dtype=dtype if deferred.is_floating else tensor.dtype)
    # A part of a larger tensor would keep the whole of it in memory.
    if placed.untyped_storage().nbytes() > placed.nbytes or not placed.is_contiguous():
        placed = placed.contiguous().clone()
    return placed


# First stages in files of before diffusers 0.15 (Stable Diffusion 1.5's) name attention so.
_OLDER = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
_OLDER_NAME = re.compile(rf"\b({'|'.join(_OLDER)})(?=\.(weight|bias)$)")


def _spelling(stored: str, expected: Mapping[str, Tensor]) -> str | None:
    """The module's name for a stored tensor.

    Text encoders are saved with and without a prefix, and attention has had other names.
    """
    renamed = _OLDER_NAME.sub(lambda match: _OLDER[match[1]], stored)
    for name in (stored, f"text_model.{stored}", stored.removeprefix("text_model."), renamed):
        if name in expected:
            return name
    return None


def _persistent_buffers(module: nn.Module) -> dict[str, Tensor]:
    state = module.state_dict(keep_vars=True)
    return {name: buffer for name, buffer in module.named_buffers() if name in state}


def _fill_buffers(module: nn.Module, device: torch.device) -> None:
    """Give the buffers that no file holds their values; building on meta left them without."""
    for path, buffer in list(module.named_buffers()):
        if not buffer.is_meta:
            continue
        owner, _, name = path.rpartition(".")
        if name != "position_ids":
            raise NotImplementedError(f"the buffer {path} has no value in the file")
        values = torch.arange(buffer.shape[-1], device=device).expand(buffer.shape)
        module.get_submodule(owner).register_buffer(name, values, persistent=False)


def size_of(module: nn.Module) -> int:
    """Bytes of a module's parameters and buffers."""
    tensors = [*module.parameters(), *module.buffers()]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
