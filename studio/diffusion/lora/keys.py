"""Names of tensors in LoRA files: which part of a model, which layer of it, which factor. No torch.

Every trainer has its own spelling. Kohya's joins a layer's path by underscores behind
`lora_unet_`, `lora_te_` (one text encoder), `lora_te1_` and `lora_te2_`; diffusers and PEFT keep
the dots. Both become one: the path with underscores, without a prefix.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

Part = Literal["unet", "te", "te1", "te2", "other"]
"""What a tensor is for; "te" where the file counts no text encoders, "other" for models of other
kinds."""


class Key(NamedTuple):
    """A tensor's name, read.

    Args:
        part: what it is for.
        base: the name without its ending; the tensors of one layer share it.
        prefix: how the part is spelled, "" where it isn't.
        path: of the layer, as spelled.
        field: what the tensor is, see `FIELDS`; "" where its ending isn't known.
    """

    part: Part
    base: str
    prefix: str
    path: str
    field: str

    @property
    def flat(self) -> str:
        """The layer's path with underscores."""
        return self.path.replace(".", "_")


FIELDS = (
    "up", "up_bias", "down", "mid", "alpha", "magnitude", "magnitude_out", "diff", "diff_b",
    "hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2",
    "lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2",
)  # fmt: skip

# `to_q_lora.down`, `q_proj.lora_linear_layer.down`, `to_q.lora.down` and Kohya's `.lora_down`;
# PEFT says A and B, and may put its adapter's name behind. Norms are kept as plain differences.
_ENDING = re.compile(
    r"""(?:
        [._]lora(?:_linear_layer)?[._](?P<way>up|down|mid)\.weight
      | \.lora_(?P<peft>[AB])(?:\.(?!bias$)\w+)?(?:\.weight)?
      | \.(?P<bias>lora_B)(?:\.\w+)?\.bias
      | (?:[._]lora)?\.(?P<alpha>alpha)
      | \.(?P<dora>dora_scale)
      | [._](?P<vector>lora_magnitude_vector)(?:\.\w+)?(?:\.weight)?
      | \.(?P<plain>hada_w[12]_[ab]|hada_t[12]|lokr_w[12](?:_[ab])?|lokr_t2)
      | \.(?P<whole>diff|diff_b|w_norm|b_norm)
    )$""",
    re.VERBOSE,
)
_WHOLE = {"diff": "diff", "w_norm": "diff", "diff_b": "diff_b", "b_norm": "diff_b"}

_PREFIXES: tuple[tuple[str, Part], ...] = (
    ("lora_unet_", "unet"),
    ("lycoris_", "unet"),
    ("lora_te1_", "te1"),
    ("lora_te2_", "te2"),
    ("lora_te_", "te"),
    ("model.diffusion_model.", "unet"),
    ("diffusion_model.", "unet"),
    ("unet.", "unet"),
    ("text_encoder_2.", "te2"),
    ("text_encoder.", "te"),
    ("clip_l.transformer.", "te1"),
    ("clip_h.transformer.", "te1"),
    ("clip_g.transformer.", "te2"),
)
_WRAPPERS = ("base_model.model.", "text_encoders.", "module.")
_BARE: tuple[tuple[str, Part], ...] = (
    *((start, "unet") for start in (
        "down_blocks.", "mid_block.", "up_blocks.", "conv_in", "conv_out", "time_embedding.",
        "add_embedding.", "input_blocks.", "middle_block.", "output_blocks.", "time_embed.",
        "label_emb.",
    )),
    ("text_model.", "te"),
)  # fmt: skip


def read_key(name: str) -> Key:
    """Read a tensor's name."""
    match = _ENDING.search(name)
    if match is None:
        base, field = re.sub(r"\.[^.]+(?:\.weight|\.bias)?$", "", name), ""
    else:
        base, field = name[: match.start()], _field(match)
    part, prefix, path = _split(base)
    # The first attention processors of diffusers stood between an attention and its layers.
    return Key(part, base, prefix, path.replace(".processor", ""), field)


def _field(match: re.Match[str]) -> str:
    if match["way"]:
        return match["way"]
    if match["peft"]:
        return "down" if match["peft"] == "A" else "up"
    if match["bias"]:
        return "up_bias"
    if match["dora"]:
        return "magnitude"
    if match["vector"]:
        return "magnitude_out"
    if match["whole"]:
        return _WHOLE[match["whole"]]
    return match["alpha"] or match["plain"]


def _split(base: str) -> tuple[Part, str, str]:
    """(part, its prefix, the rest) of a name without its ending."""
    rest = _unwrapped(base)
    for prefix, part in _PREFIXES:
        if rest.startswith(prefix):
            return part, prefix, _unwrapped(rest[len(prefix) :])
    for start, part in _BARE:
        if rest.startswith(start):
            return part, "", rest
    return "other", "", rest


def _unwrapped(name: str) -> str:
    for wrapper in _WRAPPERS:
        name = name.removeprefix(wrapper)
    return name
