"""What a LoRA file says of itself: base model, rank, trigger words. From its header; no torch.

Nothing here can fail: trainers write what they like, and a file whose notes make no sense has
none. Sizes are limited, since a header may hold megabytes of tags.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from studio.diffusion.lora.family import WORDS, by_metadata, by_tensors
from studio.diffusion.lora.keys import read_key

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_JSON = 8 * 2**20
MAX_TEXT = 300
MAX_TAG = 80
TOP_TAGS = 20

# What is worth showing of a trainer's notes, and in which words.
_NOTES: tuple[tuple[str, str], ...] = (
    ("modelspec.title", "title"),
    ("modelspec.author", "author"),
    ("modelspec.description", "description"),
    ("modelspec.usage_hint", "usage"),
    ("modelspec.license", "licence"),
    ("modelspec.date", "date"),
    ("modelspec.resolution", "resolution"),
    ("ss_output_name", "trained as"),
    ("ss_sd_model_name", "trained on"),
    ("ss_base_model_version", "base model"),
    ("ss_network_module", "network"),
    ("ss_network_dim", "rank"),
    ("ss_network_alpha", "alpha"),
    ("ss_network_args", "network settings"),
    ("ss_resolution", "trained at"),
    ("ss_clip_skip", "clip skip"),
    ("ss_num_train_images", "pictures"),
    ("ss_num_epochs", "epochs"),
    ("ss_steps", "steps"),
)
# A form is known by the last word of its factors' names; the first that is there counts.
_FORMS: tuple[tuple[str, str], ...] = (
    ("magnitude", "DoRA"),
    ("magnitude_out", "DoRA"),
    ("hada_w1_a", "LoHa"),
    ("lokr_w1", "LoKr"),
    ("lokr_w1_a", "LoKr"),
    ("mid", "LoCon"),
    ("down", "LoRA"),
    ("diff", "full difference"),
)


@dataclass(frozen=True)
class LoraSummary:
    """A LoRA in words.

    Args:
        family: it was made for, in words; None where nothing says.
        form: of its factors: "LoRA", "LoHa" …; None where none is known.
        layers: how many layers it changes: of the UNet and of text encoders.
        ranks: of its low-rank layers, rising.
        trigger: the words its author says to use in prompts.
        tags: of its training captions, the most frequent first, with their counts.
        notes: (what, text) of its trainer.
    """

    family: str | None
    form: str | None
    layers: tuple[int, int]
    ranks: tuple[int, ...]
    trigger: str | None
    tags: tuple[tuple[str, int], ...]
    notes: tuple[tuple[str, str], ...]

    def rows(self) -> list[tuple[str, str]]:
        """(what, text) of all that is known, for people."""
        unet, text = self.layers
        ranks = ", ".join(str(rank) for rank in self.ranks)
        tags = ", ".join(f"{tag} ({count})" for tag, count in self.tags)
        found = (
            ("made for", self.family),
            ("form", self.form),
            ("layers", f"{unet} of the UNet, {text} of text encoders" if unet or text else None),
            ("ranks", ranks),
            ("trigger words", self.trigger),
            ("frequent tags", tags),
            *self.notes,
        )
        return [(what, text) for what, text in found if text]


def summarise(metadata: Mapping[str, str], shapes: Mapping[str, tuple[int, ...]]) -> LoraSummary:
    """A summary of a LoRA file.

    Args:
        metadata: of its header.
        shapes: of its tensors, by name.
    """
    layers: dict[str, set[str]] = {"unet": set(), "text": set()}
    ranks: set[int] = set()
    fields: set[str] = set()
    second = False
    for name, shape in shapes.items():
        key = read_key(name)
        if key.part == "other" or not key.field:
            continue
        fields.add(key.field)
        second = second or key.part == "te2"
        layers["unet" if key.part == "unet" else "text"].add(key.base)
        if key.field in ("down", "hada_w1_b") and shape:
            ranks.add(shape[0])
    family = by_tensors(shapes) or by_metadata(metadata) or ("sdxl" if second else None)
    return LoraSummary(
        family=None if family is None else WORDS[family],
        form=next((words for field, words in _FORMS if field in fields), None),
        layers=(len(layers["unet"]), len(layers["text"])),
        ranks=tuple(sorted(ranks))[:TOP_TAGS],
        trigger=_text(metadata.get("modelspec.trigger_phrase")),
        tags=_tags(metadata),
        notes=tuple(
            (words, text) for field, words in _NOTES if (text := _text(metadata.get(field)))
        ),
    )


def _text(value: object, limit: int = MAX_TEXT) -> str | None:
    """A note as one line of printable text; None where there is nothing in it."""
    if not isinstance(value, str):
        return None
    line = " ".join(value[: 4 * limit].split())
    line = "".join(character for character in line if character.isprintable())
    if line in ("", "None", "null", "{}"):
        return None
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def _tags(metadata: Mapping[str, str]) -> tuple[tuple[str, int], ...]:
    """The most frequent tags over all of its training folders."""
    text = metadata.get("ss_tag_frequency", "")
    if not isinstance(text, str) or len(text) > MAX_JSON:
        return ()
    try:
        folders: Any = json.loads(text)
    except (ValueError, RecursionError):
        return ()
    counts: Counter[str] = Counter()
    for tags in folders.values() if isinstance(folders, dict) else ():
        for tag, count in tags.items() if isinstance(tags, dict) else ():
            if type(count) is int and 0 < count < 2**53:
                counts[tag.strip()] += count
    best = [(_text(tag, MAX_TAG), count) for tag, count in counts.most_common(TOP_TAGS)]
    return tuple((tag, count) for tag, count in best if tag)
