"""How much memory the process uses, for people who watch a run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from studio.hardware import Policy


def usage(policy: Policy) -> dict[str, Any]:
    """Memory where tensors are computed.

    Args:
        policy: names the device.

    Returns:
        "device"; bytes "used" now, "peak" since the process began (on CUDA since the last call)
        and "total" of the device. On CUDA it is what torch has given out, on other devices the
        whole process.
    """
    torch = sys.modules.get("torch")
    if policy.kind == "cuda" and torch is not None and torch.cuda.is_initialized():
        cuda, device = torch.cuda, policy.device
        used, peak = cuda.memory_allocated(device), cuda.max_memory_allocated(device)
        cuda.reset_peak_memory_stats(device)
        total = cuda.get_device_properties(device).total_memory
        return {"device": policy.device, "used": used, "peak": peak, "total": total}
    import psutil  # type: ignore[import-untyped]

    from studio.limits import memory_info

    memory = psutil.Process().memory_info()
    peak = getattr(memory, "peak_wset", 0) or _peak() or memory.rss
    total = memory_info().total
    return {"device": "cpu", "used": memory.rss, "peak": max(peak, memory.rss), "total": total}


def _peak() -> int:
    """The most memory this process ever used; 0 where the system doesn't tell."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
