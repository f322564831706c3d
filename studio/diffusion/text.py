"""Text to conditioning: CLIP's tokenizer and text encoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from studio.values import Conditioning, ConditioningEntry

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class LiveText:
    """A text encoder on its device.

    Args:
        tokenizer: the library's.
        encoder: `CLIPTextModel`.
        device: of the encoder.
    """

    tokenizer: Any
    encoder: Any
    device: torch.device

    def encode(self, text: str, warn: Callable[[str], None]) -> Conditioning:
        """The last hidden state of `text`, float32 [1, T, D] with T the encoder's length (77).

        Args:
            text: cut after T - 2 tokens, with a warning.
            warn: told about the cut.
        """
        # A tokenizer without its config knows no length.
        length = min(self.tokenizer.model_max_length, self.encoder.config.max_position_embeddings)
        whole = self.tokenizer(text)["input_ids"]
        if len(whole) > length:
            kept = self.tokenizer.decode(whole[1 : length - 1])
            warn(
                f"the text has {len(whole) - 2} tokens and the encoder takes {length - 2}: it is "
                f"cut after “…{kept[-40:]}”"
            )
        ids = self.tokenizer(
            text, padding="max_length", max_length=length, truncation=True, return_tensors="pt"
        )["input_ids"]
        with torch.no_grad():
            output = self.encoder(input_ids=ids.to(self.device))
        pooled = getattr(output, "pooler_output", None)
        return Conditioning(
            (
                ConditioningEntry(
                    output.last_hidden_state.float().cpu(),
                    None if pooled is None else pooled.float().cpu(),
                ),
            )
        )
