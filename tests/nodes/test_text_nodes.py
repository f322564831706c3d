"""The nodes that encode text, through whole graphs: what they check before a run, and give."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
import torch
from compvis_files import tiny_file
from graph_bench import Bench, graph
from safetensors.torch import save_file

from studio.diffusion.text.live import TakesAClass, TakesText, WrongTextCount
from studio.diffusion.text.loading import NoTextEncoder
from studio.graph.errors import GraphInvalid
from studio.modelfiles import UnknownModel
from studio.params import ChoiceSeed, Prompt
from studio.values import Clip, Conditioning, SizeHints

if TYPE_CHECKING:
    from pathlib import Path

    from studio.environment import Environment

CLIP = {"clip": "checkpoint.clip"}
ROWS = torch.randn(2, 24, generator=torch.Generator().manual_seed(0))


def words(text: str, checkpoint: str = "tiny", kind: str = "TextEncode", **params: Any) -> Any:
    given = {"text": text, **params} if kind != "TextEncodeSDXL" else params
    return graph(checkpoint=("LoadCheckpoint", {"name": checkpoint}), words=(kind, given, CLIP))


def states(bench: Bench, text: str, **options: Any) -> torch.Tensor:
    value: Conditioning = bench.value(words(text, **options), "words")
    (entry,) = value.entries
    assert entry.embeddings is not None
    return entry.embeddings


def embedding(home: Path, name: str, rows: torch.Tensor = ROWS) -> Path:
    path = home / "models" / "embeddings" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({"emb_params": rows}, path)
    # The time stamp of a file just written isn't trusted, so that its hash isn't remembered.
    os.utime(path, (1e9, 1e9))
    return path


def key(bench: Bench, document: Any) -> str:
    return bench.plan(document, ["words"]).signed["words"].key


def fault(bench: Bench, document: Any) -> str:
    with pytest.raises(GraphInvalid) as caught:
        bench.plan(document, ["words"])
    (found,) = caught.value.faults
    assert found.node == "words"
    return found.message


@pytest.fixture
def environment(bench: Bench) -> Environment:
    return bench.session.environment(bench.folder / "graph.json")


# ------------------------------------------------------------------ prompts


@pytest.mark.usefixtures("tiny")
def test_the_syntax_reaches_the_encoder(bench: Bench) -> None:
    plain, empty = states(bench, "a red circle"), states(bench, "")
    assert plain.shape == (1, 77, 24)
    found = states(bench, "a (red:1.5) circle")
    assert (found - plain)[0, 2].abs().max() > 1e-3
    wanted = empty[0, 2] + 1.5 * (plain[0, 2] - empty[0, 2])
    assert (found[0, 2] - wanted).abs().max() < 1e-5
    other = states(bench, "a (red:1.5) circle", weighting="a1111")
    assert (other - found).abs().max() > 1e-3
    assert (other.mean() - plain.mean()).abs() < 1e-5
    assert torch.equal(states(bench, "a red // no\ncircle /* nor this */"), plain)
    assert states(bench, "a red BREAK circle").shape == (1, 154, 24)
    assert bench.warned == []


@pytest.mark.usefixtures("tiny")
def test_alternatives_follow_the_seed(bench: Bench) -> None:
    text = "a {red|green|blue} circle"
    choices = [states(bench, f"a {colour} circle") for colour in ("red", "green", "blue")]
    seen = set()
    for seed in range(12):
        found = states(bench, text, seed=seed)
        (number,) = [i for i, choice in enumerate(choices) if torch.equal(found, choice)]
        assert torch.equal(states(bench, text, seed=seed), found)
        seen.add(number)
    assert seen == {0, 1, 2}


def test_the_seed_matters_where_there_are_alternatives() -> None:
    one, two = ChoiceSeed(), ChoiceSeed(("text_g", "text_l"))
    assert not one.matters({"text": "a red circle", "seed": 5})
    assert not one.matters({"text": "a \\{red\\} // {a|b}", "seed": 5})
    assert one.matters({"text": "a {red|blue} circle", "seed": 5})
    assert one.matters({"seed": 5}), "the text comes by a wire"
    assert two.matters({"text_g": "a", "text_l": "{a|b}"})
    assert not two.matters({"text_g": "a", "text_l": "b"})


@pytest.mark.usefixtures("tiny")
def test_another_seed_is_another_key_where_it_matters(bench: Bench) -> None:
    def keys(text: str) -> set[str]:
        return {key(bench, words(text, seed=seed)) for seed in range(3)}

    assert len(keys("a red circle")) == 1
    assert len(keys("a {red|blue} circle")) == 3
    wired = [
        graph(
            checkpoint=("LoadCheckpoint", {"name": "tiny"}),
            text=("Text", {"value": "a {red|blue} circle"}),
            words=("TextEncode", {"seed": seed}, {**CLIP, "text": "text"}),
        )
        for seed in range(3)
    ]
    assert len({key(bench, document) for document in wired}) == 3


@pytest.mark.usefixtures("tiny")
def test_slips_are_warned_of(bench: Bench) -> None:
    states(bench, "a (red circle")
    assert len(bench.warned) == 1
    assert "this ( is never closed" in bench.warned[0]


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a {red|blue", "at “{red|blue”: this { is never closed. Close it with }"),
        ("a (red:1000)", "its weight is 1000; weights lie between -100 and 100."),
        ("embedding:nowhere", 'There is no model "nowhere" among the embeddings.'),
    ],
)
def test_faults_are_told_before_the_run(bench: Bench, text: str, message: str) -> None:
    assert message in fault(bench, words(text))
    wired = graph(
        checkpoint=("LoadCheckpoint", {"name": "tiny"}),
        text=("Text", {"value": text}),
        words=("TextEncode", {}, {**CLIP, "text": "text"}),
    )
    assert message in fault(bench, wired)


@pytest.mark.usefixtures("tiny")
def test_a_fault_of_one_dialect(bench: Bench) -> None:
    """Found before the run where the dialect is known, else by the node."""
    for text, weighting, reason in (
        ("(red:1.2.3)", "a1111", "the weight 1.2.3 is no number"),
        ("(red:1e9)", "comfy", "its weight is 1e\\+09"),
    ):
        with pytest.raises(GraphInvalid, match=reason):
            bench.run(words(text, weighting=weighting), ["words"])
        other = {"comfy": "a1111", "a1111": "comfy"}[weighting]
        assert bench.run(words(text, weighting=other), ["words"]).error is None


# ------------------------------------------------------------------ embeddings


@pytest.mark.usefixtures("tiny")
def test_an_embedding_from_the_users_folder(bench: Bench, home: Path) -> None:
    embedding(home, "style.safetensors")
    found = states(bench, "a red embedding:style")
    assert (found - states(bench, "a red"))[0, 3:5].abs().max() > 1e-3
    assert torch.equal(found, states(bench, "a red embedding:style.safetensors"))


@pytest.mark.usefixtures("tiny")
def test_the_key_changes_with_the_file(bench: Bench, home: Path) -> None:
    text = words("a {embedding:style|b}")
    path = embedding(home, "style.safetensors")
    first = key(bench, text)
    assert key(bench, text) == first
    embedding(home, "other.safetensors", ROWS + 1)
    assert key(bench, text) == first
    save_file({"emb_params": ROWS + 1}, path)
    second = key(bench, text)
    assert second != first
    assert key(bench, words("a {embedding:other|b}")) != second, "the name counts too"


@pytest.mark.usefixtures("tiny")
def test_the_nearest_names_are_offered(bench: Bench, home: Path) -> None:
    embedding(home, "badhands.safetensors")
    message = fault(bench, words("a cat, embedding:badhand, b"))
    assert '"badhand" among the embeddings. Did you mean badhands.safetensors?' in message


@pytest.mark.usefixtures("tiny")
def test_an_embedding_of_another_width(bench: Bench, home: Path) -> None:
    path = embedding(home, "wide.safetensors", torch.zeros(1, 32))
    result = bench.run(words("embedding:wide"), ["words"])
    assert f"{path}: its vectors are 32 wide" in str(result.error)
    assert "CLIP-L takes vectors of 24" in str(result.error)


@pytest.mark.usefixtures("tiny")
def test_a_name_put_together_from_alternatives(bench: Bench, home: Path) -> None:
    embedding(home, "a.safetensors")
    result = bench.run(words("embedding:{a|a}"), ["words"])
    assert "isn't written out in one piece" in str(result.error)


def test_what_an_embedding_may_be_called(environment: Environment, home: Path) -> None:
    for name in ("deep/x.pt", "y.pt", "y.safetensors", "one/z.pt", "two/z.pt", "v1.5.pt"):
        embedding(home, name)

    def named(name: str) -> str:
        return environment.embedding(name).name

    assert named("deep/x") == named("deep\\x") == named("x") == named("x.pt") == "deep/x.pt"
    assert named("y") == "y.safetensors"
    assert named("y.pt") == "y.pt"
    assert named("one/z") == "one/z.pt"
    assert named("v1.5") == "v1.5.pt"
    for name in ("z", "nothing", "v1"):
        with pytest.raises(UnknownModel):
            named(name)
    assert Prompt().fault("embedding:x (embedding:y:1.2)", environment) is None
    assert Prompt().fingerprint("a cat", environment) is None


# ------------------------------------------------------------------ clip skip


@pytest.mark.usefixtures("tiny")
def test_clip_skip_is_a_recipe(bench: Bench) -> None:
    nodes: dict[str, Any] = {
        "checkpoint": ("LoadCheckpoint", {"name": "tiny"}),
        "skip": ("ClipSkip", {"layers": 2}, CLIP),
        "back": ("ClipSkip", {"layers": 1}, {"clip": "skip"}),
        "plain": ("TextEncode", {"text": "a red circle"}, CLIP),
        "words": ("TextEncode", {"text": "a red circle"}, {"clip": "skip"}),
        "again": ("TextEncode", {"text": "a red circle"}, {"clip": "back"}),
    }
    result = bench.run(graph(**nodes), [*nodes])
    assert result.error is None
    skipped = result.values["skip"]["clip"]
    assert isinstance(skipped, Clip)
    assert skipped.skip == 2
    found = {
        name: result.values[name]["conditioning"].entries[0].embeddings
        for name in ("plain", "words", "again")
    }
    assert torch.equal(found["plain"], found["again"])
    assert (found["plain"] - found["words"]).abs().max() > 1e-3


@pytest.mark.usefixtures("tiny")
def test_too_many_layers_are_skipped(bench: Bench) -> None:
    nodes = graph(
        checkpoint=("LoadCheckpoint", {"name": "tiny"}),
        skip=("ClipSkip", {"layers": 3}, CLIP),
        words=("TextEncode", {"text": "a"}, {"clip": "skip"}),
    )
    result = bench.run(nodes, ["words"])
    assert "clip skip 3: CLIP-L has 2 layers. Give a number from 1 to 2." in str(result.error)


# ------------------------------------------------------------------ other families


@pytest.fixture
def family(home: Path) -> Any:
    """Writes the tiny checkpoint of a family and returns its name."""

    def write(name: str) -> str:
        folder = home / "models" / "checkpoints"
        folder.mkdir(parents=True, exist_ok=True)
        tiny_file(folder / f"{name}.safetensors", name)
        return f"{name}.safetensors"

    return write


def test_sdxl_takes_two_texts_and_sizes(bench: Bench, family: Any) -> None:
    name = family("sdxl")
    sizes: dict[str, Any] = {
        "width": 1200, "height": 900, "crop_x": 10, "crop_y": 20, "target_width": 1024,
        "target_height": 768,
    }  # fmt: skip

    def xl(**params: Any) -> Any:
        document = words("", name, "TextEncodeSDXL", **params)
        (entry,) = bench.value(document, "words").entries
        return entry

    (plain,) = bench.value(words("a red circle", name), "words").entries
    both = xl(text_g="a red circle", text_l="a red circle", **sizes)
    assert torch.equal(both.embeddings, plain.embeddings)
    assert torch.equal(both.pooled, plain.pooled)
    assert plain.sizes is None
    assert both.sizes == SizeHints(1200, 900, 10, 20, 1024, 768)
    one = xl(text_g="a red circle", text_l="a blue one")
    first = (one.embeddings - both.embeddings).abs().amax((0, 1))
    width = int((first > 1e-6).nonzero().max()) + 1
    assert (one.embeddings - both.embeddings)[..., width:].abs().max() < 1e-6
    assert (one.pooled - both.pooled).abs().max() < 1e-6, "the pooled one is the larger encoder's"
    # Alternatives are chosen alike in both texts.
    choices = [xl(text_g=c, text_l=c) for c in ("red", "blue")]
    for seed in range(4):
        drawn = xl(text_g="{red|blue}", text_l="{red|blue}", seed=seed)
        assert any(torch.equal(drawn.embeddings, choice.embeddings) for choice in choices)


def test_the_refiner_is_told_how_good_it_looks(bench: Bench, family: Any) -> None:
    document = words("a red circle", family("sdxl_refiner"), "TextEncodeRefiner")
    (entry,) = bench.value(document, "words").entries
    assert entry.sizes == SizeHints(1024, 1024, 0, 0, 1024, 1024, aesthetic_score=6.0)
    assert entry.pooled is not None


@pytest.mark.parametrize("name", ["sd1", "sd2", "sdxl", "sdxl_refiner", "ldm_text"])
def test_every_family_that_takes_text(bench: Bench, family: Any, name: str) -> None:
    file = family(name)
    plain = states(bench, "a red circle", checkpoint=file)
    assert plain.shape[:2] == (1, 77)
    assert states(bench, "a red BREAK circle", checkpoint=file).shape[1] == 154
    assert (states(bench, "a (red:1.5) circle", checkpoint=file) - plain).abs().max() > 1e-6


def test_a_class_in_place_of_text(bench: Bench, family: Any) -> None:
    name = family("ldm_class")

    def label(number: int | None) -> torch.Tensor:
        params = {} if number is None else {"label": number}
        document = graph(
            checkpoint=("LoadCheckpoint", {"name": name}), words=("EncodeClass", params, CLIP)
        )
        (entry,) = bench.value(document, "words").entries
        assert entry.embeddings is not None
        assert entry.embeddings.shape[:2] == (1, 1)
        return torch.as_tensor(entry.embeddings)

    assert not torch.equal(label(0), label(1))
    assert not torch.equal(label(0), label(None))
    result = bench.run(words("a cat", name), ["words"])
    assert isinstance(result.error.__cause__, TakesAClass)
    assert "takes a class in place of text. Use EncodeClass" in str(result.error)


@pytest.mark.usefixtures("tiny")
def test_nodes_that_dont_fit_the_model(bench: Bench, family: Any) -> None:
    def failure(document: Any) -> BaseException | None:
        result = bench.run(document, ["words"])
        assert result.error is not None
        return result.error.__cause__

    xl = words("", kind="TextEncodeSDXL", text_g="a", text_l="b")
    assert isinstance(failure(xl), WrongTextCount)
    refiner = words("a", family("sdxl"), "TextEncodeRefiner")
    assert isinstance(failure(refiner), WrongTextCount)
    classes = graph(
        checkpoint=("LoadCheckpoint", {"name": "tiny"}), words=("EncodeClass", {"label": 1}, CLIP)
    )
    assert isinstance(failure(classes), TakesText)
    error = failure(words("a", family("ldm_churches")))
    assert isinstance(error, NoTextEncoder)
    assert "LDM unconditional takes no text" in str(error)
