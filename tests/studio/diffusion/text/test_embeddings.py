"""Textual inversions: every format in use, what they do to a prompt, and files that are none."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from tiny_text import CPU, make, tokenizer

from studio.diffusion.text.embeddings import MAX_BYTES, EmbeddingMisfit, read_embedding
from studio.diffusion.weights.header import BadWeights
from studio.errors import InputError
from studio.values import FileRef

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from studio.diffusion.text.live import LiveText


def rows(count: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


ROWS = rows(2, 16)
ONE, LARGE = ROWS[0].clone(), rows(2, 24, 1)


class Trap:
    """Makes a file where it is opened without care."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (os.mkdir, (self.path,))


def pt(tree: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(tree, buffer)
    return buffer.getvalue()


def old(tree: Any) -> bytes:
    """As torch saved before version 1.6."""
    buffer = io.BytesIO()
    torch.save(tree, buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


def web_ui(vectors: torch.Tensor) -> dict[str, Any]:
    return {
        "string_to_token": {"*": 265},
        "string_to_param": {"*": vectors},
        "name": "x",
        "step": 4999,
        "sd_checkpoint": "d8691b4d",
        "sd_checkpoint_name": "nai",
    }


def safetensors(**tensors: torch.Tensor) -> Callable[[Path], None]:
    return lambda path: save_file(tensors, path)


# What is written, the file's ending, and the vectors that CLIP-L is to get from it.
FORMATS: dict[str, tuple[Any, str, torch.Tensor]] = {
    "web ui": (pt(web_ui(ROWS)), ".pt", ROWS),
    "web ui, one vector": (pt(web_ui(ONE[None])), ".pt", ONE[None]),
    "web ui, a parameter": (pt(web_ui(torch.nn.Parameter(ROWS))), ".pt", ROWS),
    "web ui, old torch": (old(web_ui(ROWS)), ".pt", ROWS),
    "web ui, half": (pt(web_ui(ROWS.half())), ".pt", ROWS.half().float()),
    "the authors'": (
        pt(web_ui(ROWS) | {"string_to_param": torch.nn.ParameterDict({"*": ROWS.clone()})}),
        ".pt",
        ROWS,
    ),
    "diffusers .bin": (pt({"<cat-toy>": ONE}), ".bin", ONE[None]),
    "diffusers, several vectors": (pt({"<cat-toy>": ROWS}), ".bin", ROWS),
    "diffusers, safetensors": (safetensors(**{"<cat-toy>": ONE}), ".safetensors", ONE[None]),
    "emb_params": (safetensors(emb_params=ROWS), ".safetensors", ROWS),
    "emb_params beside others": (
        safetensors(emb_params=ROWS, step=torch.tensor(3)), ".safetensors", ROWS,
    ),
    "bfloat16": (safetensors(emb_params=ROWS.bfloat16()), ".safetensors", ROWS.bfloat16().float()),
    "SDXL's pair": (safetensors(clip_l=ROWS, clip_g=LARGE), ".safetensors", ROWS),
    "SDXL's pair, pickled": (pt({"clip_l": ROWS, "clip_g": LARGE}), ".pt", ROWS),
    "SDXL's pair, other names": (
        safetensors(text_encoders_0=ROWS, text_encoders_1=LARGE), ".safetensors", ROWS,
    ),
    "a bare tensor": (pt(ROWS), ".pt", ROWS),
    "an ending that lies": (safetensors(emb_params=ROWS), ".pt", ROWS),
    "another that lies": (pt(web_ui(ROWS)), ".safetensors", ROWS),
}  # fmt: skip


def write(path: Path, contents: Any) -> Path:
    contents(path) if callable(contents) else path.write_bytes(contents)
    return path


def encode(text: LiveText, prompt: str, weighting: str = "comfy", **files: Path) -> torch.Tensor:
    def warn(message: str) -> None:
        raise AssertionError(message)

    references = {name: FileRef(name, str(path), "") for name, path in files.items()}
    given = text.encode(prompt, warn, weighting=weighting, embeddings=references)
    states = given.entries[0].embeddings
    assert states is not None
    return states


@pytest.mark.parametrize("name", FORMATS)
def test_every_format(name: str, tmp_path: Path) -> None:
    contents, suffix, wanted = FORMATS[name]
    path = write(tmp_path / f"x{suffix}", contents)
    found = read_embedding(path).fitting("clip_l", "CLIP-L", 16)
    assert found is not None
    assert found.dtype == torch.float32
    assert not found.requires_grad
    assert torch.equal(found, wanted)


def grown(count: int, vectors: torch.Tensor) -> tuple[Any, str]:
    """The library's way: the vectors become the last tokens of the vocabulary."""
    from transformers import CLIPTextModel

    module = make("clip").encoders[0].module
    config = type(module.config).from_dict({**module.config.to_dict(), "vocab_size": 676 + count})
    larger = CLIPTextModel(config).eval()
    state = module.state_dict()
    name = next(key for key in state if key.endswith("token_embedding.weight"))
    larger.load_state_dict(state | {name: torch.cat([state[name], vectors])})
    return larger, name


@pytest.mark.parametrize("weighting", ["comfy", "a1111"])
def test_vectors_stand_where_they_are_named(tmp_path: Path, weighting: str) -> None:
    path = write(tmp_path / "x.pt", pt(web_ui(ROWS)))
    words = tokenizer()
    before, after = (words(t, add_special_tokens=False)["input_ids"] for t in ("red", "on black"))
    ids = [674, *before, 676, 677, *after, 675]
    ids += [675] * (77 - len(ids))
    with torch.no_grad():
        wanted = grown(2, ROWS)[0](torch.tensor([ids]))[0]
    found = encode(make("clip"), "red embedding:x on black", weighting, x=path)
    assert (found - wanted).abs().max() < 1e-5


def test_the_encoder_is_left_as_it_was(tmp_path: Path) -> None:
    path = write(tmp_path / "x.pt", pt(web_ui(ROWS)))
    text = make("clip")
    before = encode(text, "a red circle")
    encode(text, "a embedding:x circle", x=path)
    assert torch.equal(encode(text, "a red circle"), before)
    assert not text.encoders[0].module.get_input_embeddings()._forward_hooks


def test_an_embedding_is_weighted_as_words_are(tmp_path: Path) -> None:
    path = write(tmp_path / "x.pt", pt(web_ui(ROWS)))
    text = make("clip")
    plain = encode(text, "red embedding:x", x=path)
    empty = encode(text, "")
    found = encode(text, "red (embedding:x:1.4)", x=path)
    wanted = plain.clone()
    wanted[0, 2:4] = empty[0, 2:4] + 1.4 * (plain[0, 2:4] - empty[0, 2:4])
    assert (found - wanted).abs().max() < 1e-5


def test_the_pooled_embedding_is_taken_at_the_end_of_the_text(tmp_path: Path) -> None:
    """However the encoder finds the end: vectors don't move or hide it."""
    path = write(tmp_path / "x.safetensors", safetensors(clip_l=ROWS, clip_g=LARGE))
    references = {"x": FileRef("x", str(path), "")}
    text = make("clip + open_clip")
    (entry,) = text.encode("red embedding:x", print, embeddings=references).entries
    (encoder,) = make("open_clip_g").encoders
    table = encoder.module.get_input_embeddings()
    words = encoder.vocabulary.ids("red")
    ids = torch.tensor([[674, *words, 0, 0, 675, *[0] * (77 - 4 - len(words))]])

    def put(_module: Any, _given: Any, output: torch.Tensor) -> torch.Tensor:
        return torch.cat([output[:, :2], LARGE[None], output[:, 4:]], 1)

    handle = table.register_forward_hook(put)
    with torch.no_grad():
        output = encoder.module(ids, output_hidden_states=True)
        at_end = encoder.module.text_projection(output.last_hidden_state[:, 4])
    handle.remove()
    assert entry.pooled is not None
    assert (entry.pooled - at_end).abs().max() < 1e-5
    assert entry.embeddings is not None
    assert (entry.embeddings[..., 16:] - output.hidden_states[-2]).abs().max() < 1e-5


def test_pairs_go_to_their_encoders(tmp_path: Path) -> None:
    pair = write(tmp_path / "x.safetensors", safetensors(clip_l=ROWS, clip_g=LARGE))
    lone = write(tmp_path / "l.safetensors", safetensors(emb_params=ROWS))
    both = encode(make("clip + open_clip"), "a embedding:x cat", x=pair)
    refiner = encode(make("open_clip_g"), "a embedding:x cat", x=pair)
    assert (both[..., 16:] - refiner).abs().max() < 1e-5
    # The smaller encoder in itself is Stable Diffusion 1's.
    first = encode(make("clip"), "a embedding:x cat", x=pair)
    assert torch.equal(first, encode(make("clip"), "a embedding:x cat", x=lone))


def test_a_file_for_one_encoder_of_two(tmp_path: Path) -> None:
    path = write(tmp_path / "x.safetensors", safetensors(clip_g=LARGE))
    heard: list[str] = []
    references = {"x": FileRef("x", str(path), "")}
    text = make("clip + open_clip")
    (entry,) = text.encode("a embedding:x", heard.append, embeddings=references).entries
    assert [f"{path}: holds nothing for CLIP-L; there it is left out."] == heard
    (plain,) = text.encode("a", print).entries
    assert entry.embeddings is not None
    assert plain.embeddings is not None
    assert (entry.embeddings - plain.embeddings)[..., :16].abs().max() < 1e-5
    assert (entry.embeddings - plain.embeddings)[..., 16:].abs().max() > 1e-2


@pytest.mark.parametrize(
    ("kind", "contents", "message"),
    [
        ("clip", pt(web_ui(LARGE)), "its vectors are 24 wide, and the text encoder CLIP-L takes "),
        ("clip + open_clip", pt(web_ui(ROWS)), "16 wide, and the text encoder OpenCLIP-bigG takes"),
        (
            "open_clip",
            pt({"clip_l": rows(1, 12), "clip_g": LARGE}),
            "its vectors are 12 wide and 24 wide, and the text encoder OpenCLIP-H takes vectors of",
        ),
    ],
)
def test_an_embedding_of_another_family(
    kind: str, contents: bytes, message: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "x.pt", contents)
    with pytest.raises(EmbeddingMisfit) as caught:
        encode(make(kind), "embedding:x", x=path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


# ------------------------------------------------------------------ files that are none


def bomb() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"a": 1}))
        archive.writestr("archive/data/0", bytes(10_000_000))
    return buffer.getvalue()


BAD: dict[str, tuple[Any, str]] = {
    "empty": (b"", "the file is empty"),
    "text": (b"hello, this is no embedding at all", "isn't a whole safe|is neither a file"),
    "zip cut short": (pt(web_ui(ROWS))[:-30], "is the beginning of a zip file, and isn't whole"),
    "pickle cut short": (pickle.dumps({"a": 1})[:-3], "isn't a whole|needs code"),
    "zip bomb": (bomb(), "is a compressed zip file"),
    "no vectors": (pt({"a": 1}), "holds 0 tensors in place of one"),
    "nothing": (pt({}), "holds no vectors"),
    "a list": (pt([1, 2]), "holds no vectors"),
    "several": (pt({"a": ONE, "b": ONE}), """holds 2 tensors \\("a", "b"\\) in place of one"""),
    "whole numbers": (pt({"a": torch.arange(16)}), r"are int64 \[16\], no rows of numbers"),
    "a cube": (pt({"a": torch.zeros(2, 2, 2)}), r"are float32 \[2, 2, 2\], no rows of numbers"),
    "no rows": (pt({"a": torch.zeros(0, 16)}), r"are float32 \[0, 16\], no rows of numbers"),
    "NaN": (pt(web_ui(ROWS * float("nan"))), "hold values that aren't finite"),
    "a NaN of a pair": (
        pt({"clip_l": ROWS, "clip_g": LARGE / 0}), "vectors clip_g hold values that aren't finite",
    ),
    "rows out of nothing": (
        pt(web_ui(torch.zeros(1, 1).expand(10**7, 768))), "no rows of numbers",
    ),
    "sparse": (pt(web_ui(torch.eye(16).to_sparse())), "no rows of numbers"),
    "an object": (pt({"string_to_param": 3}), "holds no vectors"),
    "a header of 2^60 bytes": (
        (2**60).to_bytes(8, "little") + b"{}" * 50, "would take 1,152,921|is neither a file",
    ),
}  # fmt: skip


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize("name", BAD)
def test_files_that_are_none(name: str, suffix: str, tmp_path: Path) -> None:
    contents, message = BAD[name]
    path = write(tmp_path / f"x{suffix}", contents)
    with pytest.raises(BadWeights, match=message) as caught:
        read_embedding(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(BadWeights, match="can't be read"):
        read_embedding(tmp_path / "x.pt")


def test_a_file_that_is_far_too_large(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    with open(path, "wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(BadWeights, match=r"is 67\.1 MB large, and no textual inversion is"):
        read_embedding(path)


@pytest.mark.parametrize("save", [pt, old, pickle.dumps])
def test_a_pickle_that_wants_to_run_code(save: Callable[[Any], bytes], tmp_path: Path) -> None:
    mark = tmp_path / "it ran"
    path = write(tmp_path / "x.pt", save({"string_to_param": {"*": Trap(str(mark))}}))
    words = r"needs code to run when it is opened \(\w+\.mkdir\)"
    with pytest.raises(BadWeights, match=words) as caught:
        read_embedding(path)
    assert not mark.exists()
    assert "Convert it to safetensors" in str(caught.value)


GOOD = pt(web_ui(ROWS))


@given(
    st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=8)
)
@settings(max_examples=150, deadline=None)
def test_a_damaged_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]]
) -> None:
    data = bytearray(GOOD)
    for place, value in changes:
        data[place] = value
    path = tmp_path_factory.getbasetemp() / "damaged.pt"
    path.write_bytes(data)
    try:
        read_embedding(path)
    except InputError as error:
        assert "damaged.pt" in str(error)  # noqa: PT017


def test_results_are_on_the_cpu(tmp_path: Path) -> None:
    path = write(tmp_path / "x.pt", GOOD)
    assert encode(make("clip"), "embedding:x", x=path).device == CPU
