"""Nodes of pictures, in graphs, against pillow and torch."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from graph_bench import Bench, graph
from PIL import Image as Pil
from PIL.ImageCms import ImageCmsProfile, createProfile

from studio.graph.errors import GraphInvalid

if TYPE_CHECKING:
    from pathlib import Path

    from studio.values import Image, Mask

RGBA = np.random.default_rng(3).integers(0, 256, (6, 10, 4), np.uint8)


def load(bench: Bench, path: str) -> tuple[Image, Mask]:
    result = bench.run(graph(picture=("LoadImage", {"path": path})), ["picture"])
    assert result.error is None, result.error
    values = result.values["picture"]
    return values["image"], values["mask"]


def planes(pixels: torch.Tensor) -> Any:
    """A picture [1, 3, H, W] as numpy's [H, W, 3]."""
    assert pixels.shape[:2] == (1, 3)
    return pixels[0].permute(1, 2, 0).numpy()


# ------------------------------------------------------------------ SolidImage, InvertImage


@pytest.mark.parametrize(
    ("colour", "rgb"),
    [
        ("#000000", (0, 0, 0)),
        ("#ffffff", (255, 255, 255)),
        ("#ff8000", (255, 128, 0)),
        ("#01FEaB", (1, 254, 171)),
    ],
)
def test_solid_image(bench: Bench, colour: str, rgb: tuple[int, int, int]) -> None:
    params = {"width": 3, "height": 2, "colour": colour}
    image = bench.value(graph(solid=("SolidImage", params)), "solid")
    assert image.pixels.shape == (1, 3, 2, 3)
    assert image.pixels.dtype == torch.float32
    assert (planes(image.pixels) == np.float32(np.array(rgb) / 255)).all()


@pytest.mark.parametrize("colour", ["red", "#12345", "#1234567", "#12345g", "123456", "#+12345"])
def test_what_is_no_colour_is_refused(bench: Bench, colour: str) -> None:
    with pytest.raises(GraphInvalid, match=r"nodes\.solid\.params\.colour: .* Write it as #rrggbb"):
        bench.plan(graph(solid=("SolidImage", {"colour": colour})), ["solid"])


@pytest.mark.parametrize(
    ("width", "words"),
    [
        (0, "from 1 to 16384"),
        (16385, "from 1 to 16384"),
        (10**6, "from 1 to 16384"),
        (1.5, "is 1.5"),
    ],
)
def test_sizes_have_limits(bench: Bench, width: float, words: str) -> None:
    with pytest.raises(GraphInvalid, match=words) as caught:
        bench.plan(graph(solid=("SolidImage", {"width": width})), ["solid"])
    assert caught.value.exit_code == 2
    assert caught.value.faults[0].path == "nodes.solid.params.width"


def test_inverting_twice_changes_nothing(bench: Bench, tmp_path: Path) -> None:
    Pil.fromarray(RGBA[..., :3]).save(tmp_path / "a.png")
    nodes = graph(
        picture=("LoadImage", {"path": "a.png"}),
        once=("InvertImage", {}, {"image": "picture.image"}),
        twice=("InvertImage", {}, {"image": "once"}),
    )
    values = bench.run(nodes, ["picture", "once", "twice"]).values
    first, once, twice = (values[n]["image"].pixels for n in ("picture", "once", "twice"))
    assert torch.equal(once, 1 - first)
    # 1 - (1 - x) rounds in the last bit, which no file shows.
    assert (first - twice).abs().max() < 1e-7
    assert torch.equal((first * 255).round(), (twice * 255).round())


# ------------------------------------------------------------------ LoadImage


def test_eight_bits(bench: Bench, tmp_path: Path) -> None:
    Pil.fromarray(RGBA[..., :3]).save(tmp_path / "a.png")
    image, mask = load(bench, "a.png")
    assert (planes(image.pixels) == RGBA[..., :3] / np.float32(255)).all()
    assert mask.pixels.shape == (1, 1, 6, 10)
    assert not mask.pixels.any()
    assert image.pixels.is_contiguous()


def test_sixteen_bits_keep_their_precision(bench: Bench, tmp_path: Path) -> None:
    grey = np.arange(60, dtype=np.uint16).reshape(6, 10) * 1091
    Pil.fromarray(grey).save(tmp_path / "a.png")
    image, _ = load(bench, "a.png")
    assert (planes(image.pixels) == (grey / np.float32(65535))[..., None]).all()


def test_the_mask_is_one_where_the_picture_is_transparent(bench: Bench, tmp_path: Path) -> None:
    Pil.fromarray(RGBA).save(tmp_path / "a.png")
    image, mask = load(bench, "a.png")
    assert (planes(image.pixels) == RGBA[..., :3] / np.float32(255)).all()
    assert (mask.pixels[0, 0].numpy() == 1 - RGBA[..., 3] / np.float32(255)).all()


def test_cmyk(bench: Bench, tmp_path: Path) -> None:
    Pil.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "a.tiff")
    image, _ = load(bench, "a.tiff")
    assert np.allclose(planes(image.pixels), (1, 0, 0), atol=0.01)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_exif_rotation(bench: Bench, tmp_path: Path, orientation: int) -> None:
    exif = Pil.Exif()
    exif[0x0112] = orientation
    picture = Pil.fromarray(RGBA[..., :3])
    picture.save(tmp_path / "a.png", exif=exif)
    turns = {1: 0, 3: 2, 6: 3, 8: 1}[orientation]  # quarter turns to the left
    image, mask = load(bench, "a.png")
    assert (planes(image.pixels) == np.rot90(RGBA[..., :3], turns) / np.float32(255)).all()
    assert mask.pixels.shape[-2:] == image.pixels.shape[-2:]


def test_a_colour_profile_changes_nothing(bench: Bench, tmp_path: Path) -> None:
    """Pixels are taken as they are in the file, as the peers do."""
    profile = ImageCmsProfile(createProfile("LAB")).tobytes()
    Pil.fromarray(RGBA[..., :3]).save(tmp_path / "a.png", icc_profile=profile)
    image, _ = load(bench, "a.png")
    assert (planes(image.pixels) == RGBA[..., :3] / np.float32(255)).all()


def flat(path: Path, level: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Pil.new("L", (4, 4), level).save(path)
    return path


def test_where_a_relative_path_is_looked_up(
    bench: Bench, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the graph, then in the input folder; never in the current folder."""
    flat(home / "input" / "a.png", 40)
    flat(home / "input" / "sub" / "b.png", 50)
    flat(tmp_path / "current" / "c.png", 60)
    monkeypatch.chdir(tmp_path / "current")
    assert float(load(bench, "a.png")[0].pixels.mean()) == pytest.approx(40 / 255)
    assert float(load(bench, "sub/b.png")[0].pixels.mean()) == pytest.approx(50 / 255)
    with pytest.raises(GraphInvalid, match="There is no picture"):
        load(bench, "c.png")
    flat(tmp_path / "a.png", 70)
    assert float(load(bench, "a.png")[0].pixels.mean()) == pytest.approx(70 / 255)
    there = flat(tmp_path / "other" / "d.png", 80)
    assert float(load(bench, str(there))[0].pixels.mean()) == pytest.approx(80 / 255)


def test_the_home_folder_stands_for_a_tilde(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    flat(tmp_path / "user" / "a.png", 90)
    assert float(load(bench, "~/a.png")[0].pixels.mean()) == pytest.approx(90 / 255)


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "nothing.png",
        "no/such/folder.png",
        "~nobody-of-this-name/a.png",
        "a\0b.png",
        300 * "x",
    ],
    ids=["empty", "folder", "missing", "deep", "tilde", "nul", "long"],
)
def test_paths_that_lead_nowhere(bench: Bench, home: Path, path: str) -> None:
    (home / "input").mkdir(parents=True)
    with pytest.raises(GraphInvalid) as caught:
        load(bench, path)
    (fault,) = caught.value.faults
    assert fault.path == "nodes.picture.params.path"


# ------------------------------------------------------------------ ScaleImage

SOURCE = torch.from_numpy(
    np.random.default_rng(4).integers(0, 256, (3, 12, 20), np.uint8)
) / torch.tensor(255.0)


def scaled(bench: Bench, tmp_path: Path, **params: Any) -> torch.Tensor:
    Pil.fromarray((SOURCE * 255).round().byte().permute(1, 2, 0).numpy()).save(tmp_path / "s.png")
    nodes = graph(
        picture=("LoadImage", {"path": "s.png"}),
        scale=("ScaleImage", params, {"image": "picture.image"}),
    )
    pixels: torch.Tensor = bench.value(nodes, "scale").pixels
    return pixels


def by_pillow(width: int, height: int, method: Pil.Resampling) -> torch.Tensor:
    """Every channel on its own in float32."""
    channels = [
        np.asarray(Pil.fromarray(plane, "F").resize((width, height), method))
        for plane in SOURCE.numpy()
    ]
    return torch.from_numpy(np.stack(channels))[None].clamp(0, 1)


@pytest.mark.parametrize(
    ("params", "size"),
    [
        ({}, (40, 24)),  # the factor is 2
        ({"factor": 0.5}, (10, 6)),
        ({"factor": 1.0}, (20, 12)),
        ({"factor": 0.001}, (1, 1)),
        ({"width": 10}, (10, 6)),
        ({"height": 3}, (5, 3)),
        ({"width": 7, "height": 30}, (7, 30)),
        ({"width": 1}, (1, 1)),  # 0.6 pixels high, of which one is left
        ({"width": 10, "factor": 8.0}, (10, 6)),  # the factor counts only where there is no size
    ],
)
def test_the_size_of_a_scaled_picture(
    bench: Bench, tmp_path: Path, params: dict[str, Any], size: tuple[int, int]
) -> None:
    for method in ("nearest", "lanczos"):
        pixels = scaled(bench, tmp_path, method=method, **params)
        assert tuple(pixels.shape) == (1, 3, size[1], size[0])


# Sizes where no centre falls between two pixels, where "nearest" could be either.
@pytest.mark.parametrize("size", [(8, 8), (32, 40), (8, 40), (20, 8)])
@pytest.mark.parametrize(
    ("method", "pillows"),
    [
        ("nearest", Pil.Resampling.NEAREST),
        ("bilinear", Pil.Resampling.BILINEAR),
        ("lanczos", Pil.Resampling.LANCZOS),
    ],
)
def test_methods_equal_pillows(
    bench: Bench, tmp_path: Path, method: str, pillows: Pil.Resampling, size: tuple[int, int]
) -> None:
    pixels = scaled(bench, tmp_path, method=method, width=size[0], height=size[1])
    assert (pixels - by_pillow(*size, pillows)).abs().max() < 1e-5


def test_shrinking_bicubic_equals_pillows(bench: Bench, tmp_path: Path) -> None:
    pixels = scaled(bench, tmp_path, method="bicubic", width=7, height=5)
    assert (pixels - by_pillow(7, 5, Pil.Resampling.BICUBIC)).abs().max() < 1e-5


def test_enlarging_bicubic_is_keys_cubic(bench: Bench, tmp_path: Path) -> None:
    """Keys' kernel with a = -0.75, as OpenCV and the peers have it; pillow's is -0.5."""
    width, height = 50, 31

    def weights(old: int, new: int) -> Any:
        matrix = np.zeros((new, old))
        for i in range(new):
            centre = (i + 0.5) * old / new - 0.5
            for j in range(int(np.floor(centre)) - 1, int(np.floor(centre)) + 3):
                d = abs(centre - j)
                a = -0.75
                weight = (
                    (a + 2) * d**3 - (a + 3) * d**2 + 1
                    if d <= 1
                    else a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a
                )
                matrix[i, min(max(j, 0), old - 1)] += weight
        return matrix

    wanted = np.einsum("yh,chw,xw->cyx", weights(12, height), SOURCE.numpy(), weights(20, width))
    pixels = scaled(bench, tmp_path, method="bicubic", width=width, height=height)
    assert np.abs(pixels[0].numpy() - wanted.clip(0, 1)).max() < 1e-5


def test_area_is_the_mean_of_what_is_covered(bench: Bench, tmp_path: Path) -> None:
    pixels = scaled(bench, tmp_path, method="area", width=5, height=4)
    assert (pixels[0] - SOURCE.reshape(3, 4, 3, 5, 4).mean((2, 4))).abs().max() < 1e-6


@pytest.mark.parametrize("method", ["bicubic", "lanczos"])
def test_edges_that_overshoot_are_cut(bench: Bench, method: str) -> None:
    """White beside black: without a limit the white gets whiter than white."""
    nodes = graph(
        black=("SolidImage", {"width": 4, "height": 1, "colour": "#000000"}),
        picture=("LoadImage", {"path": str(edge(bench.folder))}),
        scale=("ScaleImage", {"factor": 4.0, "method": method}, {"image": "picture.image"}),
    )
    pixels = bench.value(nodes, "scale").pixels
    assert float(pixels.min()) == 0
    assert float(pixels.max()) == 1


def edge(folder: Path) -> Path:
    data = io.BytesIO()
    Pil.fromarray(np.repeat(np.uint8([[0, 0, 255, 255]]), 4, axis=0)).save(data, "PNG")
    (folder / "edge.png").write_bytes(data.getvalue())
    return folder / "edge.png"


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"factor": 0.0}, "above 0"),
        ({"factor": 16.5}, "up to 16"),
        ({"width": 0}, "from 1 to 16384 or none"),
        ({"height": 20_000}, "from 1 to 16384 or none"),
        ({"method": "lanczoz"}, "Did you mean lanczos"),
    ],
)
def test_limits_of_scaling(
    bench: Bench, tmp_path: Path, params: dict[str, Any], words: str
) -> None:
    with pytest.raises(GraphInvalid, match=words) as caught:
        scaled(bench, tmp_path, **params)
    assert caught.value.faults[0].node == "scale"


def test_too_large_a_result_is_refused_before_any_memory_is_taken(bench: Bench) -> None:
    nodes = graph(
        solid=("SolidImage", {"width": 16384, "height": 1}),
        scale=("ScaleImage", {"factor": 16.0}, {"image": "solid"}),
        save=("SaveImage", {}, {"image": "scale"}),
    )
    result = bench.run(nodes)
    assert result.exit_code == 2
    assert str(result.error) == (
        "scale (ScaleImage): scaled to 262144 x 16 pixels it would be too large; the limit is "
        "16384 a side. Use a smaller factor."
    )
