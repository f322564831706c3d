"""What is taken from each family's text encoders, against the library's own pipelines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from tiny_folder import make_pipeline, pipelines
from tiny_text import CPU, bert, bert_tokenizer, clip, live, make, tokenizer

from studio.diffusion.text.encoders import BATCH, RECIPES, SkippedTooMuch
from studio.diffusion.text.live import LiveClasses, LiveText, NoSuchClass, WrongTextCount

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from studio.values import ConditioningEntry

PROMPT = "a small orange heart on a yellow background"
OTHER = "a blue ring"


def encode(text: LiveText, prompt: str | Sequence[str], skip: int | None = None) -> Any:
    def warn(message: str) -> None:
        raise AssertionError(message)

    (entry,) = text.skipping(skip).encode(prompt, warn).entries
    assert entry.embeddings is not None
    return entry


def close(found: torch.Tensor | None, wanted: torch.Tensor) -> bool:
    assert found is not None
    assert found.dtype == torch.float32
    assert found.shape == wanted.shape
    return bool((found - wanted).abs().max() < 1e-5)


# ------------------------------------------------------------------ Stable Diffusion 1 and 2


@pytest.fixture(scope="module")
def sd1() -> Any:
    return make_pipeline()


@pytest.mark.parametrize("prompt", ["", PROMPT])
def test_stable_diffusion_1(sd1: Any, prompt: str) -> None:
    wanted, _ = sd1.encode_prompt(prompt, CPU, 1, False)
    found = encode(live("clip", [sd1.text_encoder], [sd1.tokenizer]), prompt)
    assert torch.equal(found.embeddings, wanted)
    ids = sd1.tokenizer(prompt, padding="max_length", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        assert torch.equal(found.pooled, sd1.text_encoder(ids).pooler_output)


class Outer:
    """A text encoder as the library's pipeline expects it, with a `text_model` inside: newer
    versions of transformers have dropped it, and the pipeline's clip skip with it."""

    def __init__(self, module: Any) -> None:
        self.text_model = getattr(module, "text_model", module)
        self.module, self.config, self.dtype = module, module.config, module.dtype

    def __call__(self, *args: Any, **options: Any) -> Any:
        output = self.module(*args, **options)
        return (output.last_hidden_state, output.hidden_states)


@pytest.mark.parametrize("theirs", [0, 1, 2])
def test_clip_skip(theirs: int) -> None:
    """The library counts the layers left out; users count from 1."""
    module = clip(16, 3)
    pipeline = make_pipeline()
    wrapped = Outer(module)
    pipeline.__dict__["text_encoder"] = wrapped
    pipeline.register_to_config(text_encoder=("x", "y"))
    with torch.no_grad():
        wanted, _ = pipeline.encode_prompt(PROMPT, CPU, 1, False, clip_skip=theirs)
    found = encode(live("clip", [module], [tokenizer()]), PROMPT, theirs + 1)
    assert close(found.embeddings, wanted)


def test_stable_diffusion_2(sd1: Any) -> None:
    """The library keeps one layer less of its encoder, and takes the last of these."""
    components = {**sd1.components, "text_encoder": clip(16, 2), "tokenizer": tokenizer(0)}
    pipeline = type(sd1)(**components, requires_safety_checker=False)
    wanted, _ = pipeline.encode_prompt(PROMPT, CPU, 1, False)
    text = make("open_clip")
    found = encode(text, PROMPT)
    assert close(found.embeddings, wanted)
    assert torch.equal(encode(text, PROMPT, 2).embeddings, found.embeddings)
    # The layer before that, by the layers themselves.
    ids = pipeline.tokenizer(PROMPT, padding="max_length", return_tensors="pt")["input_ids"]
    assert ids[0, -1] == 0
    module = text.encoders[0].module
    with torch.no_grad():
        states = module(ids, output_hidden_states=True).hidden_states
        wanted = getattr(module, "text_model", module).final_layer_norm(states[1])
    assert close(encode(text, PROMPT, 3).embeddings, wanted)


# ------------------------------------------------------------------ SDXL


def sdxl_pipeline(text: LiveText) -> Any:
    pipelines()
    from diffusers import StableDiffusionXLPipeline

    first, second = text.encoders
    return StableDiffusionXLPipeline(
        vae=None,
        text_encoder=first.module,
        text_encoder_2=second.module,
        tokenizer=first.vocabulary.tokenizer,
        tokenizer_2=second.vocabulary.tokenizer,
        unet=None,
        scheduler=None,
        add_watermarker=False,
    )


@pytest.mark.parametrize(("first", "second"), [(PROMPT, PROMPT), ("", ""), (OTHER, PROMPT)])
def test_sdxl(first: str, second: str) -> None:
    text = make("clip + open_clip")
    with torch.no_grad():
        wanted, _, pooled, _ = sdxl_pipeline(text).encode_prompt(
            first, second, CPU, 1, do_classifier_free_guidance=False
        )
    found = encode(text, (first, second))
    assert close(found.embeddings, wanted)
    assert close(found.pooled, pooled)
    assert found.embeddings.shape == (1, 77, 16 + 24)
    assert found.pooled.shape == (1, 20)
    if first == second:
        assert torch.equal(encode(text, first).embeddings, found.embeddings)


@pytest.mark.parametrize("theirs", [0, 1])
def test_sdxls_clip_skip(theirs: int) -> None:
    """The library counts from the layer before the last here."""
    text = make("clip + open_clip")
    with torch.no_grad():
        wanted, _, pooled, _ = sdxl_pipeline(text).encode_prompt(
            PROMPT, None, CPU, 1, do_classifier_free_guidance=False, clip_skip=theirs
        )
    found = encode(text, PROMPT, theirs + 2)
    assert close(found.embeddings, wanted)
    assert close(found.pooled, pooled)


def test_sdxls_last_layer_without_the_norm() -> None:
    text = make("open_clip_g")
    (encoder,) = text.encoders
    ids = encoder.vocabulary.tokenizer(PROMPT, padding="max_length", return_tensors="pt").input_ids
    with torch.no_grad():
        output = encoder.module(ids, output_hidden_states=True)
    assert close(encode(text, PROMPT, 1).embeddings, output.hidden_states[-1])


def test_the_refiner_has_the_second_encoder_alone() -> None:
    both, alone = make("clip + open_clip"), make("open_clip_g")
    found, base = encode(alone, PROMPT), encode(both, PROMPT)
    assert close(found.embeddings, base.embeddings[..., 16:])
    assert torch.equal(found.pooled, base.pooled)


def test_the_shorter_text_is_filled_up_with_empty_chunks() -> None:
    text = make("clip + open_clip")
    found = encode(text, ("red BREAK blue", PROMPT))
    assert found.embeddings.shape == (1, 154, 40)
    wanted = encode(text, ("red", PROMPT)), encode(text, ("blue", ""))
    assert close(found.embeddings, torch.cat([entry.embeddings for entry in wanted], 1))
    assert close(found.pooled, wanted[0].pooled)


def test_a_text_for_each_encoder() -> None:
    with pytest.raises(WrongTextCount, match=r"2 texts were given, and this model has 1 text enc"):
        encode(make("clip"), (PROMPT, OTHER))
    with pytest.raises(WrongTextCount, match=r"1 texts .* 2 text encoders \(CLIP-L, OpenCLIP-big"):
        encode(make("clip + open_clip"), (PROMPT,))


# ------------------------------------------------------------------ LDM


@pytest.mark.parametrize("prompt", ["", "a red cats, the w3"])
def test_ldms_bert(tmp_path: Path, prompt: str) -> None:
    """As `LDMTextToImagePipeline` calls it: filled up to 77 tokens, nothing masked."""
    module, words = bert(), bert_tokenizer(tmp_path)
    ids = words(prompt, padding="max_length", max_length=77, truncation=True, return_tensors="pt")
    with torch.no_grad():
        wanted = module(ids.input_ids, return_dict=True)[0]
    found = encode(live("bert", [module], [words]), prompt)
    assert close(found.embeddings, wanted)
    assert found.pooled is None
    if prompt:
        assert ids.input_ids[0, :8].tolist() == [2, 6, 8, 9, 10, 5, 7, 14]


def test_ldms_bert_takes_weights_and_chunks(tmp_path: Path) -> None:
    text = make("bert", tmp_path)
    found = encode(text, "a (red:1.5) cat BREAK the w3")
    plain = encode(text, "a red cat"), encode(text, "the w3"), encode(text, "")
    first = plain[0].embeddings.clone()
    first[0, 2] = plain[2].embeddings[0, 2] + 1.5 * (first[0, 2] - plain[2].embeddings[0, 2])
    assert close(found.embeddings, torch.cat([first, plain[1].embeddings], 1))


def test_ldms_bert_skips_layers(tmp_path: Path) -> None:
    text = make("bert", tmp_path)
    (encoder,) = text.encoders
    ids = encoder.vocabulary.tokenizer("a red cat", padding="max_length", return_tensors="pt")
    with torch.no_grad():
        states = encoder.module(ids.input_ids, output_hidden_states=True, return_dict=True)
        wanted = encoder.module.model.layer_norm(states.hidden_states[1])
    assert close(encode(text, "a red cat", 3).embeddings, wanted)


# ------------------------------------------------------------------ all of them


@pytest.mark.parametrize("kind", RECIPES)
def test_long_prompts_are_encoded_chunk_by_chunk(kind: str, tmp_path: Path) -> None:
    """Against every chunk encoded alone; more chunks than are run at once."""
    text = make(kind, tmp_path)
    parts = ["red", "a red cat", "", "cat red"] * (BATCH // 4) + ["red cat"]
    found = encode(text, " BREAK ".join(parts))
    wanted = [encode(text, part) for part in parts]
    assert found.embeddings.shape[1] == 77 * len(parts)
    assert close(found.embeddings, torch.cat([entry.embeddings for entry in wanted], 1))
    if found.pooled is not None:
        assert close(found.pooled, wanted[0].pooled)


@pytest.mark.parametrize(
    ("kind", "skip", "message"),
    [
        ("clip", 4, "clip skip 4: CLIP-L has 3 layers. Give a number from 1 to 3."),
        ("clip + open_clip", 4, "clip skip 4: CLIP-L has 3 layers. Give a number from 1 to 3."),
        (
            "open_clip",
            1,
            "clip skip 1: the last layer of OpenCLIP-H isn't kept, since no model uses it. Give a "
            "number from 2 to 3.",
        ),
        ("open_clip", 4, "clip skip 4: OpenCLIP-H has 3 layers. Give a number from 2 to 3."),
        ("bert", 4, "clip skip 4: LDM's BERT has 3 layers. Give a number from 1 to 3."),
    ],
)
def test_more_layers_are_skipped_than_there_are(
    kind: str, skip: int, message: str, tmp_path: Path
) -> None:
    with pytest.raises(SkippedTooMuch) as caught:
        encode(make(kind, tmp_path), "red", skip)
    assert str(caught.value) == message


def test_slips_are_mentioned_once() -> None:
    heard: list[str] = []
    make("clip + open_clip").encode("a (red circle", heard.append)
    assert len(heard) == 1
    assert "at “(red circle”: this ( is never closed" in heard[0]


# ------------------------------------------------------------------ classes


def classes(count: int) -> LiveClasses:
    table = torch.nn.Embedding(count, 6)
    return LiveClasses(table, CPU)


def vector(entry: ConditioningEntry) -> torch.Tensor:
    assert entry.embeddings is not None
    assert entry.embeddings.shape == (1, 1, 6)
    return entry.embeddings[0, 0]


def test_a_class_is_a_row_of_the_table() -> None:
    live = classes(1001)
    (entry,) = live.encode(207).entries
    assert torch.equal(vector(entry), live.table.weight[207].detach())
    assert not vector(entry).requires_grad
    (null,) = live.encode(None).entries
    assert torch.equal(vector(null), live.table.weight[1000].detach())


@pytest.mark.parametrize(
    ("count", "label", "message"),
    [
        (11, 11, "class 11: this model knows the classes 0 to 10."),
        (11, -1, "class -1: this model knows the classes 0 to 10."),
        (1000, None, "no class at all: this model knows the classes 0 to 999, and none that "),
    ],
)
def test_a_class_that_isnt_there(count: int, label: int | None, message: str) -> None:
    with pytest.raises(NoSuchClass) as caught:
        classes(count).encode(label)
    assert str(caught.value).startswith(message)
