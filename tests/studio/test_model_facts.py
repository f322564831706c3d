"""`models` and `models show`: what files say of themselves, and what they look like."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from blake3 import blake3
from rich.console import Console

from benchmarks.compvis import TINY, shapes
from benchmarks.compvis.hollow import write_hollow
from studio.cli import models as command
from studio.modelfacts import MAX_PICKLE, facts_of
from studio.modelfiles import ModelFile, resolve_model
from studio.places import Places

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
STAGE = "first_stage_model."
LAYER = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k."
LORA = {f"{LAYER}lora_up.weight": (320, 4), f"{LAYER}lora_down.weight": (4, 768)}
TAGS = {
    "modelspec.trigger_phrase": "zxc style",
    "ss_tag_frequency": json.dumps({"set": {"cat": 3, "a\x1b[31mred": 9}}),
    "ss_network_dim": "4",
    "modelspec.thumbnail": "data:image/jpeg;base64," + "A" * 5000,
}


@pytest.fixture
def folder(home: Path) -> Path:
    """A models folder with one of everything."""
    models = home / "models"
    whole = shapes(TINY["sdxl"])
    write_hollow(models / "checkpoints" / "good.safetensors", whole)
    write_hollow(models / "checkpoints" / "v.safetensors", shapes(TINY["sd1"]),
                 metadata={"modelspec.prediction_type": "v"}, dtype="BF16")  # fmt: skip
    write_hollow(models / "checkpoints" / "lost.safetensors", LORA)
    (models / "checkpoints" / "cut.safetensors").write_bytes(b"\xff" * 99)
    (models / "checkpoints" / "empty.ckpt").touch()
    write_hollow(models / "loras" / "deep" / "style.safetensors", LORA, metadata=TAGS)
    write_hollow(models / "loras" / "none.safetensors", whole)
    stage = {name.removeprefix(STAGE): shape for name, shape in whole.items()
             if name.startswith(STAGE)}  # fmt: skip
    write_hollow(models / "vae" / "stage.safetensors", stage, dtype="F32")
    write_hollow(models / "embeddings" / "one.safetensors", {"emb_params": (4, 768)})
    write_hollow(models / "embeddings" / "two.safetensors",
                 {"clip_l": (2, 768), "clip_g": (2, 1280)})  # fmt: skip
    write_hollow(models / "controlnet" / "c.safetensors", {"control_model.a": (4, 4)})
    return models


def listed(capsys: pytest.CaptureFixture[str], **options: Any) -> dict[str, dict[str, Any]]:
    options = {"kind": None, "hashing": False, "as_json": True} | options
    assert command.listing(**options) == 0
    return {row["name"]: row for row in json.loads(capsys.readouterr().out)}


@pytest.mark.usefixtures("folder")
def test_every_file_is_listed_and_a_bad_one_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    rows = listed(capsys)
    told = {name: (row["kind"], row["family"], row["dtype"], bool(row["fault"]))
            for name, row in rows.items()}  # fmt: skip
    assert told == {
        "good.safetensors": ("checkpoints", "sdxl", "fp16", False),
        "v.safetensors": ("checkpoints", "sd1", "bf16", False),
        "lost.safetensors": ("checkpoints", "", "", True),
        "cut.safetensors": ("checkpoints", "", "", True),
        "empty.ckpt": ("checkpoints", "", "", True),
        "pocket": ("checkpoints", "sd1", "fp16", False),
        "pocket-inpaint": ("checkpoints", "sd1_inpaint", "fp16", False),
        "deep/style.safetensors": ("loras", "sd1", "fp16", False),
        "none.safetensors": ("loras", "", "fp16", True),
        "pocket-striped.safetensors": ("loras", "", "fp32", False),
        "stage.safetensors": ("vae", "kl-f8-c4", "fp32", False),
        "one.safetensors": ("embeddings", "sd1", "fp16", False),
        "two.safetensors": ("embeddings", "sdxl", "fp16", False),
        "c.safetensors": ("controlnet", "", "fp16", False),
    }
    assert rows["empty.ckpt"]["fault"] == "the file is empty"
    assert rows["lost.safetensors"]["fault"].startswith("is a LoRA: put it into the folder loras")
    assert rows["none.safetensors"]["fault"].startswith("is no LoRA: it is a checkpoint")
    assert Path(rows["good.safetensors"]["path"]).is_file()


def test_hashes_are_those_that_are_remembered_unless_more_are_asked_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import os

    path = folder / "embeddings" / "one.safetensors"
    os.utime(path, (1e9, 1e9))  # young files are hashed anew each time
    assert listed(capsys)["one.safetensors"]["blake3"] == ""
    fingerprint = blake3(path.read_bytes()).hexdigest()
    for hashing in (True, False):
        rows = listed(capsys, kind="embeddings", hashing=hashing)
        assert rows["one.safetensors"]["blake3"] == fingerprint
    path.write_bytes(path.read_bytes())
    assert listed(capsys)["one.safetensors"]["blake3"] == ""


def test_a_folders_hash_is_that_of_its_run(tmp_path: Path) -> None:
    import os

    from studio.execution.filehash import FileHashes

    for name in ("a.safetensors", "deep/b.json"):
        file = tmp_path / "model" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
        os.utime(file, (1e9, 1e9))
    hashes = FileHashes()
    assert hashes.remembered(tmp_path / "model") is None
    assert hashes.fingerprint(tmp_path / "model") == hashes.remembered(tmp_path / "model")
    assert hashes.remembered(tmp_path / "gone") is None


def terminal(width: int, show: Callable[[Console], None]) -> list[str]:
    stream = io.StringIO()
    show(Console(file=stream, width=width, soft_wrap=True, highlight=False))
    return stream.getvalue().splitlines()


def rows_of(*names: tuple[str, str]) -> list[command.Row]:
    files = [resolve_model(Places.load(), kind, name) for kind, name in names]
    return [command.Row(file, facts_of(file), "0123456789abcdef") for file in files]


def test_a_terminal_of_80_columns_shows_it_all(folder: Path) -> None:
    long = "a-merge-of-many-merges-with-a-name-that-never-ends-v12-final-pruned-fp16"
    (folder / "checkpoints" / "good.safetensors").rename(
        folder / "checkpoints" / f"{long}.safetensors"
    )
    rows = rows_of(("checkpoints", long), ("checkpoints", "cut"), ("loras", "deep/style"))
    lines = terminal(80, lambda console: command.print_listing(console, rows))
    text = "\n".join(lines)
    assert f"checkpoints  {folder / 'checkpoints'}" in lines
    assert all(len(line) <= 80 for line in lines if not line.startswith(("checkpoints", "loras")))
    for words in ("sdxl", "0123456789  ", "isn't a whole", "deep/style.safetensors"):
        assert words in text
    # The long name is folded, not cut.
    assert f"{long}.safetensors" in "".join(line[-len(_name_column(lines)) :].strip()
                                            for line in lines)  # fmt: skip


def _name_column(lines: list[str]) -> str:
    """What stands from the heading "name" on."""
    heading = next(line for line in lines if line.startswith("family"))
    return heading[heading.index("name") :]


def test_show(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert folder.is_dir()
    (row,) = rows_of(("loras", "deep/style"))
    text = "\n".join(terminal(80, lambda console: command.print_one(console, row)))
    for words in ("made for       Stable Diffusion 1", "trigger words  zxc style", "ranks",
                  "[31mred (9), cat (3)", "ss_network_dim", "a picture (5.0 kB)"):  # fmt: skip
        assert words in text, text
    assert "\x1b" not in text
    assert command.show("deep/style", kind=None, hashing=False, as_json=True) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["metadata"] == TAGS
    assert found["about"]["trigger words"] == "zxc style"
    command.show("v", kind="checkpoints", hashing=False, as_json=True)
    (found,) = json.loads(capsys.readouterr().out)
    assert found["about"]["predicts"] == "v_prediction, by the file's metadata"
    assert found["about"]["first stage"] == "AutoencoderKL, kl-f8-c4-0.18215"


def test_names_that_are_not_there(folder: Path) -> None:
    assert folder.is_dir()
    with pytest.raises(command.NoSuchModel, match=r"Did you mean good\.safetensors"):
        command.show("goood", kind=None, hashing=False, as_json=False)
    with pytest.raises(command.NoSuchKind, match="Did you mean loras"):
        command.listing(kind="lora", hashing=False, as_json=False)


def test_pickled_files_are_told_too_and_code_in_them_never_runs(home: Path) -> None:
    class Code:
        def __reduce__(self) -> Any:
            return (Path.write_text, (home / "executed", "x"))

    folder = home / "models" / "embeddings"
    folder.mkdir(parents=True)
    torch.save({"string_to_param": {"*": torch.zeros(3, 1024)}}, folder / "a.pt")
    torch.save({"a": torch.zeros(3, 768), "code": Code()}, folder / "b.pt")
    for kind in ("checkpoints", "loras", "vae", "embeddings"):
        found = facts_of(ModelFile("b.pt", kind, folder / "b.pt", "single file", 9))
        assert "needs code to run" in found.fault, kind
    assert not (home / "executed").exists()
    found = facts_of(ModelFile("a.pt", "embeddings", folder / "a.pt", "single file", 9))
    assert (found.family, dict(found.rows)["vectors"]) == ("sd2", "3")
    # The old format would have to be read whole.
    torch.save({"a": torch.zeros(3)}, folder / "c.pt", _use_new_zipfile_serialization=False)
    old = ModelFile("c.pt", "checkpoints", folder / "c.pt", "single file", MAX_PICKLE + 1)
    assert "not opened for the list" in facts_of(old).fault
    assert "not opened for the list" not in facts_of(old, patient=True).fault


@pytest.mark.usefixtures("folder")
def test_listing_imports_no_torch(home: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import main\n"
        "sys.argv = ['x', 'models']\n"
        "try: main.main()\nexcept SystemExit as stop: assert not stop.code\n"
        "heavy = {'torch', 'diffusers', 'transformers', 'numpy', 'PIL'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=home,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if "good.safetensors" in line]
    path = home / "models" / "checkpoints" / "good.safetensors"
    assert line.split()[:4] == ["checkpoints", "good.safetensors", "sdxl", "fp16"]
    assert line.rstrip().endswith(str(path))
    assert "isn't a whole safetensors file" in done.stdout
