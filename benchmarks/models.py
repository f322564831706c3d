"""A full-size Stable Diffusion 1.5 in one file: loading, memory, LoRA, a step.

The file is random, of the real names and shapes, 2 GB in float16; both sides compute in float32.
It is written first, so it is in the page cache for both.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import detect
from benchmarks.compvis import FULL, write_checkpoint, write_tensors
from benchmarks.report import Figure, log, medians, ratio
from benchmarks.sides import PLAIN, ROOT, Child, Side

CONFIG = ROOT / "resources" / "configs" / "sd1"
ROUNDS = 3
FIRST_ROUNDS = 7
RANK = 16


def measure() -> list[Figure]:
    """The figures of real checkpoints."""
    figures = detect.measure()
    with tempfile.TemporaryDirectory(prefix="latent-studio-bench-") as temporary:
        folder = Path(temporary)
        file, lora = folder / "sd15.safetensors", folder / "lora.safetensors"
        log("writing a random Stable Diffusion 1.5")
        write_checkpoint(file, FULL["sd1"], dtype="float16")
        write_lora(lora)
        config = _config(folder / "config")
        ours, theirs = {"file": str(file)}, {"file": str(file), "config": str(config)}
        figures += _first_step(ours, theirs)
        figures += _memory(ours, theirs)
        figures += _lora(f"a LoRA (rank {RANK})", {**ours, "lora": str(lora)}, "<= 0.2")
        write_lora(lora, hadamard=True)
        figures += _lora(f"a LoHa (rank {RANK})", {**ours, "lora": str(lora)}, "")
        return [*figures, *_steps(ours, theirs)]


def _first_step(ours: dict[str, str], theirs: dict[str, str]) -> list[Figure]:
    runs: dict[str, list[float]] = {"ours": [], "library": []}
    for i in range(FIRST_ROUNDS + 1):
        for name, options in (("ours", ours), ("library", theirs)):
            found = _once(f"first-{name}", options)
            log(f"first step, {name}: {found}")
            if i:  # the first round warms the page cache and the imports
                runs[name].append(found["first"])
    both = medians(runs)
    return [
        Figure("file to the beginning of the first step, ours", both["ours"], "s"),
        Figure("file to the beginning of the first step, the library's", both["library"], "s"),
        Figure("file to the first step, ours against the library's",
               ratio(runs, "ours", "library"), "x", "<= 1.0"),
    ]  # fmt: skip


def _memory(ours: dict[str, str], theirs: dict[str, str]) -> list[Figure]:
    figures = []
    for name, options in (("ours", ours), ("library", theirs)):
        found = _once(f"unet-{name}", options)
        log(f"memory, {name}: {found}")
        whose = "ours" if name == "ours" else "the library's"
        figures += [
            Figure(f"denoiser alone: peak of loading beyond the imports, {whose}",
                   found["peak"] / 2**20, "MiB"),
            Figure(f"denoiser alone: that peak against its weights in float32, {whose}",
                   found["peak"] / found["weights"], "x", "<= 1.1" if name == "ours" else ""),
        ]  # fmt: skip
    return figures


def _lora(what: str, options: dict[str, str], reach: str) -> list[Figure]:
    runs = [_once("lora-ours", options) for _ in range(ROUNDS)]
    log(f"lora: {runs}")

    def middle(key: str) -> float:
        return statistics.median(run[key] for run in runs)

    return [
        Figure(f"another strength of {what}, same base: time before the first step",
               middle("ready"), "s", reach),
        Figure(f"another strength of {what}: time spent on reading base weights",
               middle("read again"), "s", "<= 0.0"),
        Figure(f"a step with {what} against one without",
               statistics.median(run["step"] / run["step without"] for run in runs), "x"),
    ]  # fmt: skip


def _steps(ours: dict[str, str], theirs: dict[str, str]) -> list[Figure]:
    runs: dict[str, list[float]] = {"ours": [], "library": []}
    sides = {"ours": Side("steps-ours", ours), "library": Side("steps-library", theirs)}
    children = {name: Child(side, "benchmarks.child_models") for name, side in sides.items()}
    try:
        for child in children.values():
            _ = child.ready
        for i in range(ROUNDS + 1):
            for name, child in children.items():
                seconds = statistics.mean(child.ask(steps=4, sampler="euler"))
                log(f"a step, {name}: {seconds:.3f}")
                if i:
                    runs[name].append(seconds)
    finally:
        for child in children.values():
            child.close()
    both = medians(runs)
    return [
        Figure("a step at 256², guidance, ours", both["ours"], "s"),
        Figure("a step at 256², guidance, the library's", both["library"], "s"),
        Figure("a step at 256², ours against the library's", ratio(runs, "ours", "library"), "x",
               "<= 1.0"),
    ]  # fmt: skip


def _once(role: str, options: dict[str, str]) -> dict[str, Any]:
    import os

    environment = {**os.environ, **PLAIN}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.child_models", role, json.dumps(options)],
        cwd=ROOT,
        env={name: value for name, value in environment.items() if value is not None},
        stdout=subprocess.PIPE,
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _config(folder: Path) -> Path:
    """The published configs with a vocabulary, as `from_single_file` wants them."""
    shutil.copytree(CONFIG, folder)
    shutil.copytree(ROOT / "resources" / "clip", folder / "tokenizer")
    return folder


def write_lora(path: Path, *, hadamard: bool = False) -> None:
    """A random LoRA on all attention of Stable Diffusion 1's denoiser, in kohya's names.

    Args:
        path: of the file.
        hadamard: make it a LoHa, whose difference has to be computed whole.
    """
    from benchmarks.compvis import shapes

    prefix = "model.diffusion_model."
    found: dict[str, tuple[int, ...]] = {}
    for name, shape in shapes(FULL["sd1"]).items():
        layer = name.removeprefix(prefix).removesuffix(".weight")
        attention = ".attn1.to_" in name or ".attn2.to_" in name or ".ff.net." in name
        if name.startswith(prefix) and name.endswith(".weight") and attention:
            key = "lora_unet_" + layer.replace(".", "_")
            down, up = (RANK, shape[1]), (shape[0], RANK)
            if hadamard:
                found |= {f"{key}.hada_w{i}_{part}": side
                          for i in (1, 2) for part, side in (("a", up), ("b", down))}  # fmt: skip
            else:
                found |= {f"{key}.lora_down.weight": down, f"{key}.lora_up.weight": up}
    write_tensors(path, found, dtype="float16")
