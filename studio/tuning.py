"""Settings of the process that make the CPU faster; each was measured (docs/performance.md)."""

from __future__ import annotations

import os

ENVIRONMENT = {
    # OpenMP's threads wait for each other by spinning, 3 ms at most, and lose most of their time
    # where another program wants the core. Sleeping at once costs as much as a small model's
    # operation. 3,000 turns are about 30 us: longer than most waits of a step on idle cores, and
    # where the cores are wanted a step never takes several times as long as the one before.
    "GOMP_SPINCOUNT": "3000",
    # The same for the OpenMP of Windows and macOS, which counts in milliseconds; not measured.
    "KMP_BLOCKTIME": "0",
    # Nothing may look for a hub while a graph runs.
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_KEEP = 1 << 30


def before_torch() -> None:
    """Set what libraries read when they are loaded. A user's own setting wins."""
    chosen = "OMP_WAIT_POLICY" in os.environ  # says the same thing with another name
    for name, value in ENVIRONMENT.items():
        if not (chosen and name in ("GOMP_SPINCOUNT", "KMP_BLOCKTIME")):
            os.environ.setdefault(name, value)
    keep_freed_memory()


def after_torch(threads: int | None = None) -> None:
    """Set what torch takes at run time.

    Args:
        threads: for tensor work; None takes the physical cores this process may use.
    """
    import torch

    from studio.hardware import cpu_info

    if "OMP_NUM_THREADS" not in os.environ or threads:
        torch.set_num_threads(threads or max(1, cpu_info().physical_cores))


def keep_freed_memory() -> None:
    """Tell glibc to keep freed blocks: giving them back costs a page fault a page at the next step.

    Does nothing with other C libraries, or where the user chose an allocator.
    """
    if "LD_PRELOAD" in os.environ or any(name.startswith("MALLOC_") for name in os.environ):
        return
    import ctypes

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    for option in (_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD):
        mallopt(option, _KEEP)
    mallopt(_M_TOP_PAD, 64 << 20)
