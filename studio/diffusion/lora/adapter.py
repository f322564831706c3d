"""The settings that diffusers notes in a LoRA's metadata: ranks and alphas by layer. No torch.

Files of PEFT hold no alphas; newer ones have its configuration as JSON under one key, each entry
with the part before it: `unet.lora_alpha`, `unet.r`, `unet.alpha_pattern`, `unet.use_rslora`.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

FIELD = "lora_adapter_metadata"
MAX_JSON = 4 * 2**20


class AdapterNotes:
    """Alphas by layer.

    Args:
        metadata: of the file.
    """

    def __init__(self, metadata: Mapping[str, str]) -> None:
        self._entries: dict[str, Any] = {}
        text = metadata.get(FIELD, "")
        if text and len(text) <= MAX_JSON:
            try:
                tree = json.loads(text)
            except (ValueError, RecursionError):
                return
            if isinstance(tree, dict):
                self._entries = tree

    def alpha(self, prefix: str, path: str, rank: int) -> float | None:
        """The alpha of a layer of this rank, whatever number is noted; None where nothing is.

        Args:
            prefix: "unet.", "text_encoder." …, or "" where the file names no part.
            path: of the layer, with dots.
            rank: of its factors.
        """
        found = self._entries.get(f"{prefix}lora_alpha")
        patterns = self._entries.get(f"{prefix}alpha_pattern")
        if isinstance(patterns, dict):
            # PEFT takes these for regular expressions; what is written there are ends of paths.
            for pattern, value in patterns.items():
                end = str(pattern).removeprefix("^")
                if path == end or path.endswith(f".{end}"):
                    found = value
                    break
        if isinstance(found, bool) or not isinstance(found, int | float):
            return None
        try:
            alpha = float(found)
        except OverflowError:  # JSON's whole numbers have no end
            return math.inf
        if self._entries.get(f"{prefix}use_rslora") is True:
            return alpha * math.sqrt(rank)  # rank-stabilised: alpha / √rank
        return alpha
