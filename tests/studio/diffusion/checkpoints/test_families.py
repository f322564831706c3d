"""The table of families, and that the documentation has it."""

from __future__ import annotations

from pathlib import Path

from studio.diffusion.families import FAMILIES, OTHERS, Family, family_of, other_of
from studio.places import resources

DOC = Path(__file__).resolve().parents[4] / "docs" / "models.md"
TEXTS = {
    "clip": "CLIP ViT-L",
    "open_clip": "OpenCLIP ViT-H",
    "clip + open_clip": "CLIP ViT-L and OpenCLIP bigG",
    "open_clip_g": "OpenCLIP bigG",
    "bert": "LDM's BERT",
    "class": "a class",
    "none": "none",
}
IDS = {family.id for family in FAMILIES}
EXTRA = {0: "the latent", 3: "and a small picture (3)", 5: "and a mask and what it leaves (5)"}


def row(family: Family) -> str:
    """A family's line in the documentation."""
    facts = family.facts
    seen = EXTRA[facts.extra] + (", with its noise level" if facts.noise_levels else "")
    cells = (f"`{family.id}`", family.title, TEXTS[facts.text], seen, family.predicts,
             family.known, family.paper)  # fmt: skip
    return f"| {' | '.join(cells)} |"


def test_no_two_families_are_told_by_the_same() -> None:
    assert len({family.facts for family in FAMILIES}) == len(FAMILIES) == len(IDS)
    assert all(family_of(family.facts) is family for family in FAMILIES)
    assert all(family_of(facts) is None and other_of(facts) for facts, _ in OTHERS)


def test_every_family_has_its_published_configs() -> None:
    for family in FAMILIES:
        folder = resources() / "configs" / family.config
        for name in ("model_index.json", "unet/config.json", "scheduler/scheduler_config.json"):
            assert (folder / name).is_file(), (family.id, name)


def test_the_documentation_has_the_table() -> None:
    text = DOC.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    table = [line for line in lines if line.split("`")[1] in IDS]
    assert table == [row(family) for family in FAMILIES]
