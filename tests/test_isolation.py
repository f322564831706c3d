"""The house's import rules, in processes that have loaded nothing else."""

from __future__ import annotations

import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ("torch", "diffusers", "transformers", "safetensors", "numpy", "scipy", "PIL", "networkx")
QT = ("PySide6", "shiboken6", "PyQt6", "qtpy")

LOADED = """
import importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def loaded_by(*modules: str) -> set[str]:
    """Top-level packages in memory once a fresh process has imported these modules."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *modules],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def modules_of(package: str) -> list[str]:
    """Every module of a package of ours, found without importing any."""
    found = [package]
    for info in pkgutil.iter_modules([str(ROOT / Path(*package.split(".")))], f"{package}."):
        found += modules_of(info.name) if info.ispkg else [info.name]
    return found


def test_there_are_modules_to_look_at() -> None:
    studio = modules_of("studio")
    assert {"studio.session", "studio.execution.cache.disk", "studio.cli.run"} <= set(studio)
    assert len(studio) > 60
    assert {"nodes.image", "nodes.sampling"} <= set(modules_of("nodes"))


def test_what_doesnt_compute_loads_neither_torch_nor_qt() -> None:
    """All of it in one process: what one module loads, the test would see."""
    names = [*modules_of("studio"), *modules_of("nodes"), "main"]
    computing = ("studio.diffusion", "studio.training")
    names = [name for name in names if not name.startswith(computing)]
    names += ["studio.training.recipe", "studio.training.bases"]  # to say no before torch is there
    loaded = loaded_by(*names)
    assert not loaded & {"torch", "diffusers", "transformers", "safetensors", *QT}
    assert {"studio", "nodes", "main", "pydantic"} <= loaded


def test_the_command_line_and_the_nodes_load_nothing_heavy() -> None:
    loaded = loaded_by("main", "studio.session", "studio.registry", *modules_of("nodes"))
    assert not loaded & {*HEAVY, *QT}


def test_what_the_nodes_need_of_diffusion_loads_nothing_heavy() -> None:
    assert not loaded_by("studio.diffusion.names", "studio.diffusion.checkpoints") & {*HEAVY, *QT}


def test_no_module_of_diffusion_loads_qt_or_a_pipeline() -> None:
    """The library's model classes, not its pipelines: those take as long again to import."""
    code = LOADED.replace('.partition(".")[0]', "")
    done = subprocess.run(
        [sys.executable, "-c", code, *modules_of("studio.diffusion")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout)
    assert "torch" in loaded
    assert not [name for name in loaded if name.partition(".")[0] in QT]
    assert not [name for name in loaded if name.startswith("diffusers.pipelines.stable")]


@pytest.mark.parametrize("package", ["torch", "PySide6"])
def test_the_rule_is_looked_at_in_earnest(package: str) -> None:
    """A process that has loaded the package is caught."""
    assert package in loaded_by(package)


@pytest.mark.skipif(
    not (Path(sys.executable).parent / "lint-imports").exists(), reason="no import-linter here"
)
def test_the_import_contracts_hold() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=ROOT,
        env={**os.environ, "NO_COLOR": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout
