"""`doctor`: versions, devices, memory and folders, what is wrong and how to mend it."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import studio
from studio.cli.show import output_console, table_of
from studio.errors import StudioError
from studio.hardware import cpu_info, memory_info, resolve_policy
from studio.modelfiles import find_models
from studio.places import Places
from studio.registry import Registry
from studio.words import size

if TYPE_CHECKING:
    from collections.abc import Iterator

LIBRARIES = (
    "torch",
    "diffusers",
    "transformers",
    "safetensors",
    "numpy",
    "pillow",
    "networkx",
    "pydantic",
    "PySide6",
)
LOW_DISK = 2 * 2**30


def doctor(*, as_json: bool) -> int:
    """Print what is there; returns 1 where something is wrong."""
    facts, problems = examine()
    if as_json:
        sys.stdout.write(json.dumps({"facts": facts, "problems": problems}, indent=2) + "\n")
        return 1 if problems else 0
    console = output_console()
    console.print(table_of([{"what": name, "value": value} for name, value in facts.items()]))
    console.print()
    for problem in problems:
        console.print(f"wrong: {problem}", markup=False)
    if not problems:
        console.print("nothing wrong found")
    return 1 if problems else 0


def examine() -> tuple[dict[str, str], list[str]]:
    """Facts by name, and problems in words with their remedy."""
    facts: dict[str, str] = {
        "Latent Studio": studio.__version__,
        "Python": f"{platform.python_version()} ({sys.executable})",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }
    problems: list[str] = []
    for name in LIBRARIES:
        try:
            facts[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            facts[name] = "missing"
            problems.append(f"{name} isn't installed. Run: pip install -c constraints.txt .")
    if facts["PySide6"] == "6.12.0" and sys.version_info < (3, 12):
        problems.append("PySide6 6.12.0 aborts on Python 3.11. Run: pip install PySide6==6.11.3")
    problems.extend(_devices(facts))
    cpu = cpu_info()
    memory = memory_info()
    facts["processor"] = f"{cpu.model}, {cpu.physical_cores} cores"
    facts["memory"] = f"{size(memory.total)}, {size(memory.available)} free"
    try:
        places = Places.load()
    except StudioError as error:
        return facts, [*problems, str(error)]
    problems.extend(_folders(places, facts))
    registry = Registry.load()
    facts["node types"] = str(len(registry))
    problems.extend(registry.problems)
    return facts, problems


def _devices(facts: dict[str, str]) -> Iterator[str]:
    try:
        policy = resolve_policy()
    except StudioError as error:
        yield str(error)
        return
    facts["device"] = f"{policy.device}, {policy.dtype}"
    try:
        import torch
    except Exception as error:
        yield f"torch can't be imported: {error}. Install it again."
        return
    if policy.kind == "cuda":
        if not torch.cuda.is_available():
            yield (
                "there is a GPU, and torch can't use it. Its driver may be too old for CUDA "
                f"{torch.version.cuda}; update the driver, or use --device cpu."
            )
            return
        for index in range(torch.cuda.device_count()):
            about = torch.cuda.get_device_properties(index)
            facts[f"cuda:{index}"] = f"{about.name}, {size(about.total_memory)}"
    elif Path("/proc/driver/nvidia/version").exists() and torch.version.cuda is None:
        yield (
            "there is an NVIDIA GPU, and this torch is built for the CPU. Install the CUDA build "
            "of torch."
        )


def _folders(places: Places, facts: dict[str, str]) -> Iterator[str]:
    facts["home"] = str(places.home)
    facts["cache"] = str(places.cache)
    facts["output"] = str(places.output)
    for name, folder in (("cache", places.cache), ("output", places.output)):
        there = next(p for p in (folder, *folder.parents) if p.exists())
        if not there.is_dir():
            yield f"the {name} folder {folder} can't be made: {there} is a file. Move it away."
            continue
        if not os.access(there, os.W_OK):
            yield f"the {name} folder {folder} can't be written. Change its permissions."
        free = shutil.disk_usage(there).free
        facts[f"{name}, free disk"] = size(free)
        if free < LOW_DISK:
            yield f"only {size(free)} are free for the {name} folder {folder}. Make room."
    checkpoints = find_models(places, "checkpoints")
    facts["checkpoints"] = ", ".join(file.name for file in checkpoints[:10]) or "none"
    if not checkpoints:
        yield (
            "no checkpoint was found, not even the one that ships with the program. Install it "
            "again."
        )
