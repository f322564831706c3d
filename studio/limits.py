"""Processor and memory, as far as this process may use them.

A container or a job scheduler often gives a process less than the machine has; threads and
caches sized by the machine would then wait for each other, or be killed.
"""

from __future__ import annotations

import functools
import math
import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path

FLAGS = (
    "avx", "avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16",
    "amx_tile", "amx_bf16", "asimd", "asimdhp", "bf16", "sve",
)  # fmt: skip
"""Processor flags that matter for tensor work."""

# Where Linux tells what it knows; tests put another folder here.
_ROOT = Path("/")


@dataclass(frozen=True, slots=True)
class CpuInfo:
    """The processor, as far as this process may use it.

    Args:
        model: its name.
        physical_cores: cores; tensor work gains nothing from more threads.
        logical_cores: hardware threads.
        flags: those of `FLAGS` that it has.
    """

    model: str
    physical_cores: int
    logical_cores: int
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MemoryInfo:
    """Main memory in bytes, within the limits set to this process's group.

    Args:
        total: all there is.
        available: what can be taken without swapping.
    """

    total: int
    available: int


@functools.cache
def cpu_info() -> CpuInfo:
    """The processor; affinity and a container's quota are respected."""
    import psutil  # type: ignore[import-untyped]

    text = _read("proc/cpuinfo")
    flags = re.search(r"^(?:flags|Features)\s*:\s*(.*)$", text, re.M)
    model = re.search(r"^model name\s*:\s*(.*)$", text, re.M)
    has = set(flags[1].split()) if flags else set()
    usable = _usable_cores()
    logical = len(usable)
    siblings = {_read(f"sys/devices/system/cpu/cpu{n}/topology/core_cpus_list") for n in usable}
    if "" in siblings:  # no Linux, or one that doesn't tell
        physical = min(psutil.cpu_count(logical=False) or logical, logical)
    else:
        physical = len(siblings)
    quota = _cpu_quota()
    if quota is not None:
        # Half a core still needs a thread; beyond the quota threads only wait for each other.
        limit = max(1, math.ceil(quota))
        physical, logical = min(physical, limit), min(logical, limit)
    name = model[1].strip() if model else platform.processor() or platform.machine()
    return CpuInfo(name, physical, logical, tuple(flag for flag in FLAGS if flag in has))


def memory_info() -> MemoryInfo:
    """Main memory now."""
    import psutil

    memory = psutil.virtual_memory()
    total, available = int(memory.total), int(memory.available)
    for folder, limit_file, usage_file in (
        *((f, "memory.max", "memory.current") for f in _groups("")),
        *((f, "memory.limit_in_bytes", "memory.usage_in_bytes") for f in _groups("memory")),
    ):
        limit, usage = _read(f"{folder}/{limit_file}"), _read(f"{folder}/{usage_file}")
        if not limit.isdigit() or int(limit) >= memory.total:
            continue
        # File pages that weren't used lately are given up before anything is killed.
        stat = re.search(r"^inactive_file (\d+)$", _read(f"{folder}/memory.stat"), re.M)
        used = (int(usage) if usage.isdigit() else 0) - (int(stat[1]) if stat else 0)
        total = min(total, int(limit))
        available = min(available, max(0, int(limit) - max(0, used)))
    return MemoryInfo(total, available)


def _usable_cores() -> set[int]:
    """The numbers of the hardware threads this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return set(os.sched_getaffinity(0))
    return set(range(os.cpu_count() or 1))


def _cpu_quota() -> float | None:
    """Cores' worth of time allowed to this process's control group, None without a limit."""
    quotas = []
    for folder in _groups(""):
        limit = _read(f"{folder}/cpu.max").split()
        if len(limit) == 2 and limit[0].isdigit():
            quotas.append(int(limit[0]) / int(limit[1]))
    for folder in _groups("cpu"):
        quota, period = (_read(f"{folder}/cpu.cfs_{name}_us") for name in ("quota", "period"))
        if quota.isdigit() and period.isdigit() and int(period):
            quotas.append(int(quota) / int(period))
    return min(quotas, default=None)


def _groups(controller: str) -> list[str]:
    """Folders of this process's control group and those above it, which limit it too.

    Args:
        controller: "cpu" or "memory" for version 1; "" for version 2, which has one tree.
    """
    found: list[str] = []
    for line in _read("proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if controller not in names.split(","):
            continue
        base = f"sys/fs/cgroup/{controller}".rstrip("/")
        parts = [part for part in path.split("/") if part]
        found += ["/".join([base, *parts[:n]]) for n in range(len(parts), -1, -1)]
    return found


def _read(path: str) -> str:
    """A small file of the system, "" where it isn't there."""
    try:
        return (_ROOT / path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
