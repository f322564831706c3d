"""The model that ships inside: its size, and that it paints what it is asked for where it is asked.

Twenty prompts of one object with a place, in the words of resources/pocket/README.md, each at the
settings recommended there. Colours and places are judged, not shapes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from graph_bench import Bench, graph

from studio.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
POCKET = ROOT / "resources" / "pocket"

COLOURS = {
    "red": (218, 40, 42), "green": (48, 163, 70), "blue": (50, 86, 214), "yellow": (245, 224, 52),
    "purple": (132, 50, 170), "orange": (244, 135, 24), "cyan": (64, 206, 220),
    "white": (240, 244, 244), "black": (28, 25, 25), "pink": (246, 143, 188),
}  # fmt: skip
# Column and row of the third of the picture.
PLACES = {
    "in the top left": (0, 0), "at the top": (1, 0), "in the top right": (2, 0),
    "on the left": (0, 1), "in the centre": (1, 1), "on the right": (2, 1),
    "in the bottom left": (0, 2), "at the bottom": (1, 2), "in the bottom right": (2, 2),
}  # fmt: skip


@dataclass(frozen=True)
class Wish:
    """A prompt, taken apart."""

    colour: str
    shape: str
    place: str
    background: str

    @property
    def text(self) -> str:
        one, behind = (f"an {c}" if c == "orange" else f"a {c}" for c in self.colours)
        return f"{one} {self.shape} {self.place} on {behind} background"

    @property
    def colours(self) -> tuple[str, str]:
        return self.colour, self.background


WISHES = [
    Wish("red", "circle", "in the top left", "white"),
    Wish("green", "square", "at the top", "black"),
    Wish("blue", "triangle", "in the top right", "yellow"),
    Wish("yellow", "star", "on the left", "purple"),
    Wish("purple", "heart", "in the centre", "pink"),
    Wish("orange", "diamond", "on the right", "blue"),
    Wish("cyan", "circle", "in the bottom left", "red"),
    Wish("white", "square", "at the bottom", "green"),
    Wish("black", "triangle", "in the bottom right", "orange"),
    Wish("pink", "star", "in the top left", "cyan"),
    Wish("red", "heart", "at the top", "yellow"),
    Wish("green", "diamond", "in the top right", "pink"),
    Wish("blue", "circle", "on the left", "white"),
    Wish("yellow", "square", "in the centre", "blue"),
    Wish("purple", "triangle", "on the right", "green"),
    Wish("orange", "star", "in the bottom left", "black"),
    Wish("cyan", "heart", "at the bottom", "purple"),
    Wish("white", "diamond", "in the bottom right", "red"),
    Wish("black", "circle", "in the top right", "cyan"),
    Wish("pink", "square", "in the bottom left", "orange"),
]


@dataclass(frozen=True)
class Seen:
    """What a picture shows."""

    colour: str
    place: tuple[int, int]
    background: str


def look(pixels: NDArray[np.float32]) -> Seen:
    """The object's colour and third, and the background's colour, of [H, W, 3] in 0..1.

    Knows nothing of the prompt: the background is the colour that most of the border has, the
    object is the largest patch of another colour.
    """
    from scipy import ndimage

    names, table = list(COLOURS), np.array(list(COLOURS.values())) / 255
    nearest = np.linalg.norm(pixels[:, :, None] - table, axis=-1).argmin(-1)
    border = np.ones(nearest.shape, bool)
    border[6:-6, 6:-6] = False
    background = np.bincount(nearest[border], minlength=len(names)).argmax()
    # Edges blend two colours and may come near a third: only what is wider than an edge counts.
    solid = ndimage.binary_opening(nearest != background, iterations=2)
    patches, count = ndimage.label(solid)
    assert count, "there is nothing on the background"
    largest = np.bincount(patches[patches > 0]).argmax()
    rows, columns = np.nonzero(patches == largest)
    colour = np.bincount(nearest[rows, columns], minlength=len(names)).argmax()
    height, width = nearest.shape
    place = (int(columns.mean() * 3 / width), int(rows.mean() * 3 / height))
    return Seen(names[colour], place, names[background])


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[NDArray[np.float32]]]:
    """One picture a wish, all in one run."""
    folder = tmp_path_factory.mktemp("pocket")
    wires = {"model": "checkpoint.model", "negative": "negative", "latent": "size"}
    nodes: dict[str, Any] = {
        "checkpoint": ("LoadCheckpoint", {"name": "pocket"}),
        "negative": ("TextEncode", {"text": ""}, {"clip": "checkpoint.clip"}),
        "size": ("EmptyLatent", {"width": 128, "height": 128}),
    }
    settings = {"steps": 20, "sampler": "dpmpp_2m", "schedule": "karras", "cfg": 4.0}
    for i, wish in enumerate(WISHES):
        nodes[f"words{i}"] = ("TextEncode", {"text": wish.text}, {"clip": "checkpoint.clip"})
        inputs = {**wires, "positive": f"words{i}"}
        nodes[f"sampler{i}"] = ("KSampler", {**settings, "seed": i}, inputs)
        inputs = {"latent": f"sampler{i}", "vae": "checkpoint.vae"}
        nodes[f"decode{i}"] = ("VAEDecode", {}, inputs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENT_STUDIO_HOME", str(folder / "home"))
        with Session.open(
            out=folder / "out", device="cpu", dtype="float32", use_cache=False
        ) as session:
            targets = [f"decode{i}" for i in range(len(WISHES))]
            result = Bench(session, folder).run(graph(**nodes), targets)
    assert result.error is None, result.error
    return [result.values[name]["image"].pixels[0].permute(1, 2, 0).numpy() for name in targets]


def test_the_asked_colour_is_where_it_was_asked(pictures: list[NDArray[np.float32]]) -> None:
    wrong = []
    for wish, pixels in zip(WISHES, pictures, strict=True):
        seen = look(pixels)
        if seen != Seen(wish.colour, PLACES[wish.place], wish.background):
            wrong.append(f"{wish.text}: {seen}")
    assert len(wrong) <= 2, "\n".join(wrong)


def test_every_colour_and_place_is_asked_for() -> None:
    assert len(set(WISHES)) == 20
    assert {wish.colour for wish in WISHES} == set(COLOURS)
    assert {wish.background for wish in WISHES} == set(COLOURS)
    assert {wish.place for wish in WISHES} == set(PLACES)
    assert all(wish.colour != wish.background for wish in WISHES)


def test_the_judge_sees_what_is_painted() -> None:
    """On pictures whose content is known, among them edges that blend into a third colour."""
    for wish in WISHES:
        column, row = PLACES[wish.place]
        pixels = np.empty((128, 128, 3), np.float32)
        pixels[:] = COLOURS[wish.background]
        top, left = 8 + row * 43, 8 + column * 43
        ink = np.array(COLOURS[wish.colour])
        pixels[top : top + 28, left : left + 28] = (ink + pixels[0, 0]) / 2
        pixels[top + 1 : top + 27, left + 1 : left + 27] = ink
        assert look(pixels / 255) == Seen(wish.colour, (column, row), wish.background)


def test_other_seeds_give_other_pictures(pictures: list[NDArray[np.float32]]) -> None:
    hashes = {hashlib.sha256(pixels.tobytes()).digest() for pixels in pictures}
    assert len(hashes) == len(pictures)


def test_the_folder_is_small() -> None:
    sizes = {path: path.stat().st_size for path in POCKET.rglob("*") if path.is_file()}
    assert sum(sizes.values()) <= 25 * 10**6
    assert {path.suffix for path in sizes} <= {".safetensors", ".json", ".txt", ".md"}


def test_its_weights_are_half_precision() -> None:
    from safetensors import safe_open

    files = list(POCKET.rglob("*.safetensors"))
    assert len(files) == 3
    for path in files:
        with safe_open(path, framework="pt") as file:
            kinds = {file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118
        assert kinds == {"F16"}, path
