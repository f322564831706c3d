"""`verify` and `diff`, with real pictures of the pocket model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from graph_bench import Bench, document
from PIL import Image as Pil

from studio.batch.diff import diff_graphs
from studio.batch.pictured import GarbledText, NothingSaid, read_pictured, surroundings
from studio.batch.pixels import PixelDifference, compare
from studio.batch.verify import NoPicturesHere, Verdict, Verifier, pictures_in
from studio.cli.diff import diff as diff_command
from studio.cli.verify import verify as verify_command
from studio.errors import StudioError
from studio.graph.files import from_json, load, save
from studio.png import METADATA_KEY, encode_png
from studio.session import locate

if TYPE_CHECKING:
    from studio.graph.document import Graph
    from studio.registry import Registry

SMALL = {"sampler.steps": 2, "latent.width": 64, "latent.height": 64}


def text_to_image(**sets: Any) -> Graph:
    """The example graph with values of its own ("sampler__seed" for sampler.seed)."""
    graph = load(locate(Path("text_to_image")))
    for place, value in ({k.replace(".", "__"): v for k, v in SMALL.items()} | sets).items():
        name, key = place.split("__")
        node = graph.nodes[name]
        changed = node.model_copy(update={"params": {**node.params, key: value}})
        graph = graph.model_copy(update={"nodes": {**graph.nodes, name: changed}})
    return graph


def verify(path: Path) -> Verdict:
    """Make one picture again."""
    with Verifier() as verifier:
        return verifier.verify(path)


@pytest.fixture
def picture(bench: Bench) -> Path:
    """A picture of the pocket model."""
    (output,) = bench.run(text_to_image()).outputs
    return Path(output.path)


def retold(path: Path, about: dict[str, Any] | str, pixels: Any = None) -> Path:
    """A copy of a picture that says something else of itself."""
    text = about if isinstance(about, str) else json.dumps(about)
    found = np.asarray(Pil.open(path)) if pixels is None else pixels
    copy = path.with_name(f"retold_{path.name}")
    copy.write_bytes(encode_png(np.ascontiguousarray(found), {METADATA_KEY: text}))
    return copy


# verify


def test_a_picture_comes_out_equal_bit_for_bit(
    picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = picture.read_bytes(), sorted(picture.parent.iterdir())
    assert verify_command([picture], device=None, dtype=None, as_json=False) == 0
    assert "equal bit for bit" in capsys.readouterr().out
    assert (picture.read_bytes(), sorted(picture.parent.iterdir())) == before


def test_every_picture_of_a_batch_is_found(bench: Bench) -> None:
    outputs = bench.run(text_to_image(latent__batch=3)).outputs
    assert len(outputs) == 3
    verdict = verify(Path(outputs[2].path))
    assert verdict.equal


def test_an_edited_picture_says_by_how_much(
    picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pixels = np.asarray(Pil.open(picture)).copy()
    pixels[3, 5] ^= 4
    edited = retold(picture, dict(read_pictured(picture).about), pixels)
    assert verify_command([edited], device=None, dtype=None, as_json=True) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["difference"]["largest"] == 4
    assert said["difference"]["differing"] == 1
    assert said["surroundings"] == []


def test_other_surroundings_are_named(picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    about = json.loads(json.dumps(read_pictured(picture).about))
    about["libraries"]["torch"] = "1.0.0"
    about["files"]["checkpoint.name"]["blake3"] = "0" * 64
    about["policy"]["device"] = "cuda"
    about["graph"]["nodes"]["sampler"]["params"]["seed"] = 99
    assert (
        verify_command([retold(picture, about)], device=None, dtype="float32", as_json=False) == 1
    )
    said = capsys.readouterr().out
    assert "the largest difference is" in said
    assert "torch: 1.0.0 → " in said
    assert "device: cuda → cpu" in said
    assert "the file of checkpoint.name (pocket) has other contents" in said


def test_several_pictures_and_folders(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    about = dict(read_pictured(picture).about)
    pixels = np.asarray(Pil.open(picture)).copy()
    edited = retold(picture, about, pixels ^ 1)
    plain = tmp_path / "plain.png"
    Pil.new("RGB", (4, 4)).save(plain)
    assert verify_command([picture, edited], device=None, dtype=None, as_json=False) == 1
    said = capsys.readouterr().out
    assert f"{picture}: equal bit for bit\n" in said
    assert "1 of 2 equal bit for bit" in said
    assert verify_command([plain, picture], device=None, dtype=None, as_json=True) == 2
    out, err = capsys.readouterr()
    assert [json.loads(line)["picture"] for line in out.splitlines()] == [str(picture)]
    assert "plain.png doesn't say how it was made" in err
    assert verify_command([picture.parent], device=None, dtype=None, as_json=False, sample=1) == 0
    assert f"{picture.parent}: 1 of 2 pictures" in capsys.readouterr().err


def test_pictures_of_a_folder_are_spread_over_it(tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    (tmp_path / ".staged").mkdir()
    graph = json.dumps({"node": "save", "graph": document()})
    data = encode_png(np.zeros((2, 2, 3), np.uint8), {METADATA_KEY: graph})
    names = [f"p_{number:02}.png" for number in range(9)] + ["deeper/q.png", ".staged/r.png"]
    for name in names:
        (tmp_path / name).write_bytes(data)
    Pil.new("RGB", (4, 4)).save(tmp_path / "contact-sheet.png")
    found, count = pictures_in(tmp_path, 4)
    assert count == 10
    assert [path.name for path in found] == ["q.png", "p_02.png", "p_05.png", "p_08.png"]
    assert len(pictures_in(tmp_path, 0)[0]) == 10
    for name in names:
        (tmp_path / name).unlink()
    with pytest.raises(NoPicturesHere):
        pictures_in(tmp_path, 4)


def test_transparency_and_sizes_count(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = Pil.open(picture).convert("RGBA")
    opaque, clear = tmp_path / "opaque.png", tmp_path / "clear.png"
    shown.save(opaque)
    pixels = np.asarray(shown).copy()
    pixels[:2, :3, 3] = 55
    Pil.fromarray(pixels).save(clear)
    assert compare(picture, opaque).equal
    found = compare(picture, clear)
    assert (found.largest, found.differing) == (200, 6)
    pixels = np.asarray(Pil.open(picture))[::2]
    smaller = retold(picture, dict(read_pictured(picture).about), pixels)
    assert verify_command([smaller], device=None, dtype=None, as_json=False) == 1
    assert "it was resized or cropped" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("differing", "words"), [(1, "under 1%"), (999, "10%"), (9_999, "99%"), (10_000, "100%")]
)
def test_all_pixels_are_all_pixels(differing: int, words: str) -> None:
    sizes = (100, 100), (100, 100)
    assert f"({words})" in PixelDifference(sizes, 3, differing, 10_000).words


def test_a_missing_model_is_named(picture: Path) -> None:
    about = json.loads(json.dumps(read_pictured(picture).about))
    about["graph"]["nodes"]["checkpoint"]["params"]["name"] = "long_gone"
    verdict = verify(retold(picture, about))
    assert verdict.difference is None
    assert not verdict.equal
    assert "long_gone" in verdict.error


def test_a_source_picture_is_found_beside_it(bench: Bench, tmp_path: Path) -> None:
    Pil.new("RGB", (8, 8), "red").save(tmp_path / "source.png")
    graph = from_json(
        document(
            source=("LoadImage", {"path": "source.png"}),
            save=("SaveImage", {}, {"image": "source.image"}),
        )
    )
    (output,) = bench.run(graph).outputs
    assert verify(Path(output.path)).equal  # the graph lay in the folder above
    (tmp_path / "source.png").unlink()
    verdict = verify(Path(output.path))
    assert verdict.difference is None
    assert "source.png" in verdict.error
    Pil.new("RGB", (9, 8), "blue").save(tmp_path / "source.png")
    verdict = verify(Path(output.path))
    assert verdict.difference is not None
    assert "sizes differ" in verdict.difference.words
    assert "the file of source.path (source.png) has other contents" in verdict.differs


def test_pictures_that_say_nothing(tmp_path: Path) -> None:
    plain = tmp_path / "plain.png"
    Pil.new("RGB", (4, 4)).save(plain)
    photo = tmp_path / "photo.jpg"
    Pil.new("RGB", (4, 4)).save(photo)
    for path in (plain, photo):
        with pytest.raises(NothingSaid):
            verify(path)
    with pytest.raises(StudioError):
        verify(tmp_path / "missing.png")


@pytest.mark.parametrize("text", ["{", "[]", '{"graph": 1}', '{"node": "a"}', "null", "[" * 5000])
def test_garbled_texts(tmp_path: Path, text: str) -> None:
    path = tmp_path / "garbled.png"
    path.write_bytes(encode_png(np.zeros((2, 2, 3), np.uint8), {METADATA_KEY: text}))
    with pytest.raises(GarbledText):
        read_pictured(path)


# diff

BASE = text_to_image()


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"sampler__seed": 7}, "sampler.seed: 1 → 7"),
        ({"sampler__eta": 0.5}, "sampler.eta: none → 0.5"),
        ({"negative__text": "blur"}, 'negative.text: "" → "blur"'),
    ],
)
def test_values(registry: Registry, change: dict[str, Any], line: str) -> None:
    found = diff_graphs(BASE, text_to_image(**change), registry)
    assert found.results == (line,)
    assert not found.looks


def test_a_default_that_is_written_out_is_none_at_all(registry: Registry) -> None:
    assert diff_graphs(BASE, text_to_image(sampler__denoise=1.0), registry).equal


def test_a_long_text_shows_what_differs(registry: Registry) -> None:
    words = "a red circle on a blue background with many small things all over it"
    other = words.replace("red", "green").replace("small ", "")
    first, second = (text_to_image(positive__text=text) for text in (words, other))
    (line,) = diff_graphs(first, second, registry).results
    assert line == ('positive.text: after “a” "red" → "green"; after “with many” is gone "small"')


def test_of_a_path_and_a_prompt_the_parts_that_differ(registry: Registry) -> None:
    first = "/home/somebody/pictures/of/a/long/holiday/photos_00001.png"
    texts = (first, first.replace("00001", "00002"))
    one, two = (text_to_image(positive__text=text) for text in texts)
    (line,) = diff_graphs(one, two, registry).results
    assert line == 'positive.text: after “holiday/” "photos_00001.png" → "photos_00002.png"'
    words = "a grey cat asleep on a warm stone wall in the sun, oil on canvas"
    one, two = (text_to_image(positive__text=text) for text in (words, f"{words}, by the sea"))
    (line,) = diff_graphs(one, two, registry).results
    assert line == 'positive.text: after “on canvas” is new ", by the sea"'


def test_of_a_painted_mask_the_items_are_counted(registry: Registry) -> None:
    items = [{"type": "brush", "points": [[n, k] for k in range(200)]} for n in range(5)]

    def painted(*found: Any) -> Graph:
        strokes = {"version": 1, "items": list(found)}
        return nodes_of(BASE, mask={"type": "InpaintMask", "params": {"strokes": strokes}})

    (line,) = diff_graphs(painted(*items[:2]), painted(*items), registry).results
    assert line == "mask.strokes: 2 items → 5 items, the first 2 the same"
    (line,) = diff_graphs(BASE, painted(*items), registry).results
    assert line == "mask (InpaintMask) is new: strokes = 5 items"


def test_another_name_and_another_value(registry: Registry) -> None:
    plain = nodes_of(BASE)
    decode, sampler = (plain.nodes[name].model_dump() for name in ("decode", "sampler"))
    decode["inputs"]["latent"] = "other"
    sampler["params"]["seed"] = 77
    found = diff_graphs(
        plain, nodes_of(plain, sampler=None, other=sampler, decode=decode), registry
    )
    assert found.results == ("sampler is called other", "other.seed: 1 → 77")


def nodes_of(graph: Graph, **nodes: Any) -> Graph:
    """The graph with nodes put in (a JSON node) or taken out (None)."""
    data = {name: node.model_dump() for name, node in graph.nodes.items()} | nodes
    kept = {name: node for name, node in data.items() if node is not None}
    return from_json({"format": "latent-studio", "version": 1, "title": graph.title, "nodes": kept})


def test_nodes_and_wires(registry: Registry) -> None:
    plain = nodes_of(BASE)
    lora = {
        "type": "LoadLora",
        "params": {"name": "style"},
        "inputs": {"model": "checkpoint.model"},
    }
    sampler = plain.nodes["sampler"].model_dump()
    wired = {**sampler, "inputs": {**sampler["inputs"], "model": "lora.model"}}
    found = diff_graphs(plain, nodes_of(plain, lora=lora, sampler=wired), registry)
    assert found.results == (
        "sampler.model: from checkpoint.model → from lora.model",
        'lora (LoadLora) is new: name = "style"',
    )
    back = diff_graphs(nodes_of(plain, lora=lora, sampler=wired), plain, registry)
    assert back.results == (
        "lora (LoadLora) is gone",
        "sampler.model: from lora.model → from checkpoint.model",
    )


def test_another_name_is_for_the_eye_only(registry: Registry) -> None:
    plain = nodes_of(BASE)
    decode, store = (plain.nodes[name].model_dump() for name in ("decode", "save"))
    store["inputs"] = {"image": "picture"}
    found = diff_graphs(plain, nodes_of(plain, decode=None, picture=decode, save=store), registry)
    assert found.equal
    assert found.looks == ("decode is called picture",)


def test_an_only_output_may_be_named_or_not(registry: Registry) -> None:
    decode = BASE.nodes["decode"].model_dump()
    output = registry["KSampler"].outputs[0].name
    decode["inputs"]["latent"] = f"sampler.{output}"
    assert diff_graphs(nodes_of(BASE), nodes_of(BASE, decode=decode), registry).equal


def test_modes_titles_and_unknown_types(registry: Registry) -> None:
    plain = nodes_of(BASE, other={"type": "Unknown", "params": {"a": 1}})
    muted = {**plain.nodes["save"].model_dump(), "mode": "mute", "title": "Keep"}
    second = nodes_of(plain, save=muted, other={"type": "Unknown", "params": {"a": 2}})
    found = diff_graphs(plain, second, registry)
    assert found.results == ("save is muted", "other.a: 1 → 2")
    assert found.looks == ('save: its title: "" → "Keep"',)


def test_every_graph_equals_itself(registry: Registry) -> None:
    for path in sorted(locate(Path("text_to_image")).parent.glob("*.json")):
        graph = load(path)
        assert diff_graphs(graph, graph, registry).equal


def test_two_pictures(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    (first,) = bench.run(text_to_image()).outputs
    (second,) = bench.run(text_to_image(sampler__seed=2)).outputs
    paths = Path(first.path), Path(second.path)
    assert diff_command(*paths, as_json=False) == 1
    said = capsys.readouterr().out
    assert "sampler.seed: 1 → 2" in said
    assert "pixels: the largest difference is" in said
    assert diff_command(paths[0], paths[0], as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["pixels"]["equal"]


def test_a_picture_and_a_graph(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "graph.json"
    save(text_to_image(), path)
    assert diff_command(path, picture, as_json=False) == 0
    assert "the graphs give the same" in capsys.readouterr().out


def test_pictures_without_words_are_compared_by_pixels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "a.png", tmp_path / "b.png"
    Pil.new("RGB", (4, 4), (1, 2, 3)).save(first)
    shutil.copy(first, second)
    assert diff_command(first, second, as_json=False) == 0
    Pil.new("RGB", (4, 4), (1, 2, 9)).save(second)
    assert diff_command(first, second, as_json=False) == 1
    assert "the largest difference is 6 of 255" in capsys.readouterr().out
    assert compare(first, second).differing == 16
    with pytest.raises(NothingSaid):
        diff_command(first, locate(Path("text_to_image")), as_json=False)


def test_surroundings_in_words() -> None:
    assert surroundings({"version": "1", "python": 3}, {"version": "2"}) == ["Latent Studio: 1 → 2"]
    assert surroundings({"libraries": "odd", "files": [1]}, {"libraries": {"torch": "2"}}) == []
