"""What a file says of itself, and that nothing it says can do harm. No torch."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.diffusion.lora.adapter import AdapterNotes
from studio.diffusion.lora.summary import MAX_TAG, MAX_TEXT, TOP_TAGS, summarise

KOHYA = {
    "ss_base_model_version": "sd_v1",
    "ss_network_dim": "32",
    "ss_network_alpha": "16.0",
    "ss_network_module": "networks.lora",
    "ss_output_name": "stripes",
    "ss_num_train_images": "120",
    "ss_tag_frequency": json.dumps(
        {"10_stripes": {"striped style": 100, "a star": 40}, "5_more": {"a star": 30, " dog ": 2}}
    ),
    "modelspec.title": "Stripes",
    "modelspec.author": "None",
    "modelspec.trigger_phrase": "striped style",
}
SHAPES = {
    "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight": (32, 768),
    "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k.lora_up.weight": (1280, 32),
    "lora_unet_conv_in.lora_down.weight": (4, 4, 3, 3),
    "lora_te_text_model_encoder_layers_0_mlp_fc1.alpha": (),
}


def test_a_file_of_kohyas() -> None:
    summary = summarise(KOHYA, SHAPES)
    assert summary.family == "Stable Diffusion 1"
    assert summary.form == "LoRA"
    assert summary.layers == (2, 1)
    assert summary.ranks == (4, 32)
    assert summary.trigger == "striped style"
    assert summary.tags == (("striped style", 100), ("a star", 70), ("dog", 2))
    rows = dict(summary.rows())
    assert rows["title"] == "Stripes"
    assert rows["rank"] == "32"
    assert rows["frequent tags"] == "striped style (100), a star (70), dog (2)"
    assert "author" not in rows


@pytest.mark.parametrize(
    ("names", "form", "family"),
    [
        ({"lora_unet_x.hada_w1_b": (4, 8), "lora_unet_x.hada_w1_a": (8, 4)}, "LoHa", None),
        ({"lora_unet_x.lokr_w1": (4, 8)}, "LoKr", None),
        ({"lora_unet_x.lora_down.weight": (4, 8), "lora_unet_x.dora_scale": (8, 1)}, "DoRA", None),
        ({"lora_unet_x.lora_mid.weight": (4, 4, 3, 3)}, "LoCon", None),
        ({"lora_unet_x.w_norm": (4,)}, "full difference", None),
        ({"lora_te2_x.lora_up.weight": (4, 4)}, None, "SDXL"),
        ({"unet.x.attn2.to_v.lora_A.weight": (4, 2048)}, "LoRA", "SDXL"),
        ({"lora_unet_double_blocks_0_img.lora_down.weight": (4, 4)}, "LoRA", "Flux"),
        ({}, None, None),
    ],
)
def test_forms_and_families(
    names: dict[str, tuple[int, ...]], form: str | None, family: str | None
) -> None:
    summary = summarise({}, names)
    assert (summary.form, summary.family) == (form, family)


def test_an_empty_file_has_nothing_to_say() -> None:
    assert summarise({}, {}).rows() == []


@pytest.mark.parametrize(
    "tags",
    ["", "{", "[1]", "null", "7", '{"a": 1}', '{"a": {"b": "c"}}', '{"a": {"b": -1}}',
     '{"a": {"b": true}}', '{"a": {"b": 1e999}}', '{"a": {"": 3}}', "[" * 100_000],
)  # fmt: skip
def test_tags_that_make_no_sense_are_none(tags: str) -> None:
    assert summarise({"ss_tag_frequency": tags}, {}).tags == ()


def test_sizes_are_limited() -> None:
    many = {f"tag {i} {'x' * 500}": i for i in range(1000)}
    summary = summarise(
        {
            "ss_tag_frequency": json.dumps({"a": many}),
            "modelspec.description": "long " * 10_000,
            "modelspec.title": "two\nlines\x1b[31m",
        },
        {},
    )
    assert len(summary.tags) == TOP_TAGS
    assert all(len(tag) <= MAX_TAG for tag, _ in summary.tags)
    notes = dict(summary.notes)
    assert len(notes["description"]) <= MAX_TEXT
    assert notes["title"] == "two lines[31m"


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(st.sampled_from([*KOHYA, "modelspec.architecture"]), st.text()),
    st.dictionaries(st.text(), st.lists(st.integers(0, 2**40), max_size=5).map(tuple)),
)
def test_nothing_it_may_say_fails(
    metadata: dict[str, str], shapes: dict[str, tuple[int, ...]]
) -> None:
    for _, text in summarise(metadata, shapes).rows():
        assert text.isprintable()


def test_reading_a_summary_loads_no_torch() -> None:
    code = (
        "import sys; from studio.diffusion.lora import summary, family, keys, modules;"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# ------------------------------------------------------------------ diffusers' notes on alphas


def noted(**entries: object) -> AdapterNotes:
    named = {f"unet.{name}": value for name, value in entries.items()}
    return AdapterNotes({"lora_adapter_metadata": json.dumps(named)})


def test_alphas_that_diffusers_notes() -> None:
    notes = noted(lora_alpha=8, alpha_pattern={"attn1.to_q": 3, "^conv_in": 5})
    assert notes.alpha("unet.", "down_blocks.0.attn2.to_k", 4) == 8
    assert notes.alpha("unet.", "down_blocks.0.attn1.to_q", 4) == 3
    assert notes.alpha("unet.", "conv_in", 4) == 5
    assert notes.alpha("unet.", "my_conv_in", 4) == 8
    assert notes.alpha("text_encoder.", "x", 4) is None
    assert noted(lora_alpha=8, use_rslora=True).alpha("unet.", "x", 4) == 16


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "[" * 100_000])
def test_notes_that_make_no_sense_are_none(text: str) -> None:
    assert AdapterNotes({"lora_adapter_metadata": text}).alpha("unet.", "x", 4) is None


@pytest.mark.parametrize("value", [None, "8", True, [8], {"a": 1}])
def test_an_alpha_that_is_no_number_is_none(value: object) -> None:
    assert noted(lora_alpha=value).alpha("unet.", "x", 4) is None
