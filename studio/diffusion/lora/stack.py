"""The LoRAs on one live module, put on and taken off by difference."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from studio.diffusion.lora.fitting import Fit, Target, fit
from studio.diffusion.lora.slots import Item, Slot

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import nn

    from studio.diffusion.lora.reading import LoraFile


def layers_of(module: nn.Module) -> dict[str, nn.Module]:
    """A module's layers with a weight of their own, by path."""
    return {
        path: layer
        for path, layer in module.named_modules()
        if path and getattr(layer, "weight", None) is not None
    }


class LoraStack:
    """What is on one module.

    Args:
        layers: the module's, by path (`layers_of`).
        target: what the module is.
    """

    def __init__(self, layers: dict[str, nn.Module], target: Target) -> None:
        self._layers = layers
        self.target = target
        self._slots: dict[str, Slot] = {}
        self._fits: dict[str, Fit] = {}

    @property
    def bytes(self) -> int:
        """That the LoRAs hold besides the module's own weights."""
        return sum(slot.bytes for slot in self._slots.values())

    @property
    def changed(self) -> tuple[str, ...]:
        """Paths of the layers that a LoRA is on."""
        return tuple(sorted(self._slots))

    def set(
        self,
        loras: Sequence[tuple[LoraFile, float]],
        *,
        spare: int | None = None,
        warn: Callable[[str], None],
    ) -> None:
        """Put exactly these LoRAs on; only what differs from what is on is touched.

        Args:
            loras: files and strengths, in order; a strength of 0 is as good as absent.
            spare: bytes that changed weights may take; what is beyond is computed anew at every
                call of its layer, slower. None for as much as it takes.
            warn: told what doesn't fit.

        Raises:
            LoraMismatch, BadLora: one is for another model; nothing has changed then.
        """
        present = [(lora, strength) for lora, strength in loras if strength != 0]
        fits = {
            lora.fingerprint: self._fits.get(lora.fingerprint)
            or fit(lora, self.target, self._layers)
            for lora, _ in present
        }
        for found in fits.values():
            for words in found.warnings:
                warn(words)
        wanted: dict[str, list[Item]] = defaultdict(list)
        for lora, strength in present:
            for path, patches in fits[lora.fingerprint].patches.items():
                wanted[path] += [Item(patch, strength) for patch in patches if not patch.idle]
        try:
            self._change({path: items for path, items in wanted.items() if items}, spare)
        except BaseException:
            self.clear()  # half a stack is worse than none
            raise
        self._fits = fits

    def clear(self) -> None:
        """Take everything off."""
        for slot in self._slots.values():
            slot.clear()
        self._slots, self._fits = {}, {}

    def _change(self, wanted: dict[str, list[Item]], spare: int | None) -> None:
        for path in [path for path in self._slots if path not in wanted]:
            self._slots.pop(path).clear()
        kept = 0
        # In two rounds, so that what goes off is gone before anything new takes its memory.
        sizes: dict[str, int] = {}
        for path, items in wanted.items():
            slot = self._slots.setdefault(path, Slot(self._layers[path]))
            sizes[path] = slot.prepare(items)
        for path, size in sizes.items():
            keep = spare is None or kept + size <= spare
            kept += size if keep else 0
            self._slots[path].commit(keep=keep)
