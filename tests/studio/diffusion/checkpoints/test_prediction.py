"""What a denoiser predicts: where it is looked for, in which order, and that the plan says it."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from checkpoint_bench import hollow, read

from benchmarks.compvis import TINY, shapes
from studio.diffusion.checkpoints import BadCheckpoint

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[4]
BIAS = "model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias"
SIDECAR = """
model:
  params:
    parameterization: "{}"
    linear_start: 0.00085
    linear_end: 0.0120
    timesteps: 1000
"""


def told(path: Path, asked: str = "auto") -> tuple[str, str]:
    found = read(path, asked)
    return found.prediction, found.prediction_source


def spread(deviation: float) -> dict[str, bytes]:
    """A bias of that standard deviation, in float32."""
    (count,) = shapes(TINY["sd2"])[BIAS]
    return {BIAS: struct.pack(f"<{count}f", *([deviation, -deviation] * (count // 2)))}


@pytest.mark.parametrize(
    ("kind", "options", "prediction", "source"),
    [
        ("sd1", {}, "epsilon", "as usual for its family"),
        ("sd1", {"metadata": {"modelspec.prediction_type": "v"}}, "v_prediction",
         "by the file's metadata"),
        ("sdxl", {"metadata": {"modelspec.prediction_type": "epsilon"}}, "epsilon",
         "by the file's metadata"),
        ("sd2", {"metadata": {"modelspec.architecture": "stable-diffusion-v2-768-v"}},
         "v_prediction", "by the file's metadata"),
        ("sdxl", {"more": {"v_pred": (1,)}}, "v_prediction", "by a mark in the file"),
        ("sd2", {"dtype": "F32", "values": spread(0.12)}, "v_prediction",
         "judged by a bias's spread"),
        ("sd2", {"dtype": "F32", "values": spread(0.05)}, "epsilon", "judged by a bias's spread"),
        ("sd2_upscale", {}, "v_prediction", "as usual for its family"),
    ],
)  # fmt: skip
def test_what_files_say(
    kind: str, options: dict[str, Any], prediction: str, source: str, tmp_path: Path
) -> None:
    assert told(hollow(tmp_path, kind, **options)) == (prediction, source)


def test_the_order(tmp_path: Path) -> None:
    """The user's word, then the metadata, then the file beside it, then marks, then custom."""
    path = hollow(tmp_path, "sd1", more={"v_pred": (1,)})
    assert told(path) == ("v_prediction", "by a mark in the file")
    path.with_suffix(".yaml").write_text(SIDECAR.format("eps"))
    assert told(path) == ("epsilon", "by sd1.yaml")
    hollow(tmp_path, "sd1", metadata={"modelspec.prediction_type": "v"})
    assert told(path) == ("v_prediction", "by the file's metadata")
    assert told(path, "sample") == ("sample", "as the graph says")


@pytest.mark.parametrize(
    ("name", "text", "prediction"),
    [
        ("sd1.yaml", SIDECAR.format("v"), "v_prediction"),
        ("sd1.yml", SIDECAR.format("x0"), "sample"),
        ("sd1.yaml", "model: {params: {linear_start: 0.001, linear_end: 0.02}}", "epsilon"),
        ("sd1.yaml", "model: {params: {denoiser_config: {params: {scaling_config: "
         "{target: sgm.modules.diffusionmodules.denoiser_scaling.VScaling}}}}}", "v_prediction"),
        ("sd1.json", json.dumps({"prediction_type": "v_prediction"}), "v_prediction"),
    ],
)  # fmt: skip
def test_small_files_beside_it(name: str, text: str, prediction: str, tmp_path: Path) -> None:
    path = hollow(tmp_path, "sd1")
    (tmp_path / name).write_text(text)
    assert told(path) == (prediction, f"by {name}")


def test_a_description_beside_it_says_nothing_of_the_model(tmp_path: Path) -> None:
    path = hollow(tmp_path, "sd1")
    path.with_suffix(".json").write_text(json.dumps({"description": "v_prediction!", "sd": 1}))
    assert told(path)[1] == "as usual for its family"


def test_the_betas_and_zero_snr(tmp_path: Path) -> None:
    path = hollow(tmp_path, "sd1", more={"ztsnr": (1,)})
    path.with_suffix(".yaml").write_text(
        "model: {params: {linear_start: 0.001, linear_end: 0.02, timesteps: 500, "
        "beta_schedule: sqrt_linear}}"
    )
    found = read(path).scheduler
    names = ("beta_start", "beta_end", "num_train_timesteps", "beta_schedule",
             "rescale_betas_zero_snr")  # fmt: skip
    assert [found[name] for name in names] == [0.001, 0.02, 500, "linear", True]


def sidecar(name: str, data: bytes) -> Callable[[Path], object]:
    return lambda path: path.with_name(name).write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (sidecar("sd1.yaml", b"a: [1"), "isn't yaml"),
        (sidecar("sd1.yaml", b"\xff\xfe"), "isn't yaml"),
        (sidecar("sd1.yaml", b"a: !!python/object/apply:os.system [touch x]"), "isn't yaml"),
        (sidecar("sd1.yaml", b"#" * 70_000), "too long for a config"),
        (sidecar("sd1.json", b"{"), "isn't json"),
        (sidecar("sd1.json", b"[" * 100_000), "isn't json"),
        (sidecar("sd1.json", b'{"prediction_type": "flow"}'), 'predicts "flow", which isn'),
        (sidecar("sd1.yaml", b"model: {params: {linear_start: x}}"), 'its linear_start is "x"'),
        (sidecar("sd1.yaml", b"model: {params: {linear_start: 0.1, beta_schedule: wild}}"),
         'its beta_schedule is "wild"; known: linear'),
        (sidecar("sd1.yaml", b"hello"), 'isn\'t a table of settings ("hello")'),
        (sidecar("sd1.yaml", b"num_heads: 0"), "its num_heads is 0"),
        (sidecar("sd1.yaml", b"{linear_start: 0.5, linear_end: 0.1}"),
         "its linear_start is above its linear_end"),
        (sidecar("sd1.yaml", b"linear_end: 1.5"), "its linear_end is 1.5; betas lie between"),
    ],
)  # fmt: skip
def test_small_files_that_make_no_sense_are_named(
    damage: Callable[[Path], object], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = hollow(tmp_path, "sd1")
    damage(path)
    with pytest.raises(BadCheckpoint, match="Correct this file, or take it away") as caught:
        read(path)
    assert words in str(caught.value)
    assert not (tmp_path / "x").exists()


def test_metadata_that_is_not_known_yields_to_the_user(tmp_path: Path) -> None:
    path = hollow(tmp_path, "sd1", metadata={"modelspec.prediction_type": "flow"})
    with pytest.raises(BadCheckpoint, match="Set LoadCheckpoint's prediction"):
        read(path)
    assert told(path, "epsilon") == ("epsilon", "as the graph says")


# --- through the command line --------------------------------------------------------------------


class Desk:
    """The command line in this process, and a graph that names `v.safetensors`."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.file = home / "models" / "checkpoints" / "sd1.safetensors"
        self.graph = home.parent / "graph.json"
        self.capsys = capsys

    def __call__(self, command: str, *arguments: str, code: int = 0, **params: Any) -> str:
        """What a command says of the graph, on both streams."""
        from main import main

        document = json.loads((ROOT / "workflows" / "text_to_image.json").read_text())
        document["nodes"]["checkpoint"]["params"] = {"name": "sd1", **params}
        self.graph.write_text(json.dumps(document))
        with pytest.raises(SystemExit) as stop:
            main([command, str(self.graph), *arguments])
        assert (stop.value.code or 0) == code
        said = self.capsys.readouterr()
        return said.out + said.err

    def line(self, text: str) -> str:
        (found,) = [line for line in text.splitlines() if line.startswith("checkpoint ")]
        return found


@pytest.fixture
def desk(home: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(home, capsys)


def test_the_plan_says_what_it_predicts_and_how_that_is_known(desk: Desk) -> None:
    path = hollow(desk.file.parent, "sd1")
    assert "epsilon" not in desk.line(desk("plan"))  # what anyone would expect
    steps = json.loads(desk("plan", "--json"))["steps"]
    notes = {step["node"]: step["notes"] for step in steps}
    assert notes["checkpoint"] == ["epsilon, as usual for its family"]
    path.with_suffix(".yaml").write_text(SIDECAR.format("v"))
    assert "v_prediction, by sd1.yaml" in desk.line(desk("plan"))
    hollow(desk.file.parent, "sd1", metadata={"modelspec.prediction_type": "v"})
    for command in (("plan",), ("run", "--explain", "--dry-run")):
        assert "v_prediction, by the file's metadata" in desk.line(desk(*command))
    said = desk.line(desk("plan", prediction="epsilon"))
    assert "epsilon, as the graph says" in said


def test_the_check_takes_the_nodes_own_prediction_and_weights(desk: Desk) -> None:
    hollow(desk.file.parent, "sd1", metadata={"modelspec.prediction_type": "flow"})
    assert "Set LoadCheckpoint's prediction" in desk("check", code=2)
    assert "can run" in desk("check", prediction="epsilon")
    assert "no averaged weights" in desk("check", code=2, prediction="v_prediction",
                                         weights="averaged")  # fmt: skip
    assert "can run" in desk("check", prediction="v_prediction", weights="trained")


def test_another_word_beside_the_file_is_another_checkpoint(desk: Desk) -> None:
    """What was computed before it must not be taken for it."""

    def keys() -> dict[str, str]:
        return {s["node"]: s["key"] for s in json.loads(desk("plan", "--json"))["steps"]}

    path = hollow(desk.file.parent, "sd1")
    before = keys()
    path.with_suffix(".json").write_text(json.dumps({"description": "a picture model"}))
    assert keys() == before
    path.with_suffix(".yaml").write_text(SIDECAR.format("v"))
    assert keys()["checkpoint"] != before["checkpoint"]
