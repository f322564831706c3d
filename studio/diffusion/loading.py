"""Making a library module from a config and safetensors files: no random init, no second copy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from studio.diffusion.checkpoints import AGAIN, BadCheckpoint, Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path


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
        raise BadCheckpoint(checkpoint, part.folder / "config.json", reason, AGAIN) from error
    expected = {**dict(module.named_parameters()), **_persistent_buffers(module)}
    state = _read(part.weights, expected, checkpoint, device, dtype)
    missing = sorted(expected.keys() - state.keys())
    if missing:
        raise BadCheckpoint(
            checkpoint,
            part.folder,
            f"{len(missing)} of {len(expected)} tensors are missing, the first is {missing[0]}",
            "The config and the weights belong to different models, or the file is damaged.",
        )
    module.load_state_dict(state, strict=True, assign=True)
    _fill_buffers(module, device)
    return module.eval().requires_grad_(False)


def _read(
    files: Iterable[Path],
    expected: Mapping[str, Tensor],
    checkpoint: str,
    device: torch.device,
    dtype: torch.dtype,
) -> dict[str, Tensor]:
    from safetensors import SafetensorError, safe_open

    state: dict[str, Tensor] = {}
    for path in files:
        try:
            with safe_open(path, framework="pt", device="cpu") as file:
                for stored in file.keys():  # noqa: SIM118  - not a mapping
                    name = _spelling(stored, expected)
                    if name is None:
                        continue
                    tensor = file.get_tensor(stored)
                    if tensor.shape != expected[name].shape:
                        raise BadCheckpoint(
                            checkpoint,
                            path,
                            f"{stored} has the shape {list(tensor.shape)}, and its config asks "
                            f"for {list(expected[name].shape)}",
                            "The config and the weights belong to different models.",
                        )
                    target = dtype if tensor.is_floating_point() else tensor.dtype
                    # The copy lets go of the mapped file, which could change under us.
                    state[name] = tensor.to(device=device, dtype=target, copy=True)
        except SafetensorError as error:
            raise BadCheckpoint(checkpoint, path, f"can't be read ({error})", AGAIN) from None
    return state


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
