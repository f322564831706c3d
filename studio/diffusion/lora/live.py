"""What the model store calls before it hands a live module out."""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, finalize

from studio.diffusion.lora.fitting import Target
from studio.diffusion.lora.modules import text_names, unet_names
from studio.diffusion.lora.reading import LoraFile, read_lora
from studio.diffusion.lora.stack import LoraStack, layers_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from torch import nn

    from studio.diffusion.lora.keys import Part
    from studio.values import LoraRef

_log = logging.getLogger(__name__)

FILES_BUDGET = 256 * 2**20
"""Bytes of LoRA files to keep in memory, so that putting one on again reads nothing."""


class Loras:
    """The LoRAs on a store's live modules, and the files they come from.

    Args:
        budget: bytes of files to keep, the least recently used are let go; one is always kept.
    """

    def __init__(self, budget: int = FILES_BUDGET) -> None:
        self._budget = budget
        self._files: OrderedDict[str, LoraFile] = OrderedDict()
        self._stacks: WeakKeyDictionary[nn.Module, LoraStack] = WeakKeyDictionary()

    def bytes_beside(self, modules: Iterable[nn.Module] = ()) -> int:
        """Held by files in memory, and by what is on all modules but these."""
        besides = set(map(id, modules))
        held = sum(s.bytes for module, s in self._stacks.items() if id(module) not in besides)
        return sum(file.bytes for file in self._files.values()) + held

    @property
    def bytes(self) -> int:
        """Held by files in memory and by what is on the modules."""
        return self.bytes_beside()

    def on_unet(
        self,
        unet: nn.Module,
        loras: Sequence[LoraRef],
        *,
        family: str,
        warn: Callable[[str], None] | None = None,
        spare: int | None = None,
    ) -> None:
        """Put exactly these LoRAs on a UNet; with none, take all off.

        Args:
            unet: a live `UNet2DConditionModel`; its own weights are never written to.
            loras: a recipe's.
            family: of the checkpoint, as `studio.diffusion.families` names it.
            warn: told of keys that don't fit; None writes it to the log.
            spare: bytes that changed weights may take, see `LoraStack.set`.

        Raises:
            InputError: a file can't be read, is no LoRA, or was made for another family.
        """
        self._set(unet, loras, _unet_target, family, spare, warn)

    def on_text(
        self,
        encoders: Sequence[nn.Module],
        loras: Sequence[LoraRef],
        *,
        family: str,
        warn: Callable[[str], None] | None = None,
        spare: int | None = None,
    ) -> None:
        """Put exactly these LoRAs on a model's text encoders; see `on_unet`.

        Args:
            encoders: live CLIP text encoders in the model's order: SDXL has two.
        """
        several = len(encoders) > 1
        for place, encoder in enumerate(encoders):

            def target(paths: Sequence[str], family: str, place: int = place) -> Target:
                return _text_target(paths, family, place, several)

            self._set(encoder, loras, target, family, spare, warn)
            if spare is not None and encoder in self._stacks:
                spare -= self._stacks[encoder].bytes

    def _set(
        self,
        module: nn.Module,
        loras: Sequence[LoraRef],
        target: Callable[[Sequence[str], str], Target],
        family: str,
        spare: int | None,
        warn: Callable[[str], None] | None,
    ) -> None:
        stack = self._stacks.get(module)
        present = [lora for lora in loras if lora.strength != 0]
        if stack is None:
            if not present:
                return
            layers = layers_of(module)
            stack = LoraStack(layers, target(tuple(layers), family))
            self._stacks[module] = stack
            # Hooks point back at their layers; without them the memory of a module that is let go
            # is free at once, not when the collector next comes by.
            finalize(module, stack.clear).atexit = False
        files = [(self._file(lora), lora.strength) for lora in present]
        stack.set(files, spare=spare, warn=_log.warning if warn is None else warn)

    def _file(self, lora: LoraRef) -> LoraFile:
        fingerprint = lora.file.fingerprint
        file = self._files.get(fingerprint)
        if file is None:
            file = self._files[fingerprint] = read_lora(lora.file)
        self._files.move_to_end(fingerprint)
        while len(self._files) > 1 and sum(f.bytes for f in self._files.values()) > self._budget:
            self._files.popitem(last=False)
        return file


def _unet_target(paths: Sequence[str], family: str) -> Target:
    return Target("UNet", frozenset({"unet"}), family, unet_names(paths))


def _text_target(paths: Sequence[str], family: str, place: int, several: bool) -> Target:
    names: Mapping[str, str] = text_names(paths)
    if family == "sdxl_refiner":  # its one text encoder is the second of SDXL
        return Target("text encoder", frozenset({"te", "te2"}), family, names)
    if not several:
        strange: frozenset[Part] = frozenset({"te2"})
        return Target("text encoder", frozenset({"te", "te1"}), family, names, strange)
    if place == 0:
        return Target("first text encoder", frozenset({"te", "te1"}), family, names)
    return Target("second text encoder", frozenset({"te2"}), family, names)
