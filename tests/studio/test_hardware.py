"""Devices, processor and memory, found without torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from studio import hardware, limits
from studio.hardware import Policy, TorchBuild, cpu_info, memory_info, resolve_policy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GIB = 2**30


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    """What is remembered for a process would leak from one test into the next."""

    def forget() -> None:
        for remembered in (hardware.torch_build, hardware.cuda_count, hardware._load_libcuda):
            getattr(remembered, "cache_clear", lambda: None)()
        limits.cpu_info.cache_clear()

    forget()
    yield
    forget()


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Linux that tells nothing until a test writes its files."""
    root = tmp_path / "system"
    root.mkdir()
    monkeypatch.setattr(limits, "_ROOT", root)
    return root


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("DOT", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")


def with_cuda(monkeypatch: pytest.MonkeyPatch, count: int, cuda: str | None = "12.8") -> None:
    monkeypatch.setattr(hardware, "torch_build", lambda: TorchBuild("2.13.0", cuda))
    monkeypatch.setattr(hardware, "cuda_count", lambda: count)


def with_flags(monkeypatch: pytest.MonkeyPatch, *flags: str) -> None:
    monkeypatch.setattr(hardware, "cpu_info", lambda: hardware.CpuInfo("x", 2, 4, flags))


# ------------------------------------------------------------------ policy


def test_cpu_without_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    with_cuda(monkeypatch, 0)
    with_flags(monkeypatch, "avx2", "avx512f")
    assert resolve_policy() == Policy("cpu", "cpu", "float32")
    assert resolve_policy("cpu", "bfloat16") == Policy("cpu", "cpu", "bfloat16")


@pytest.mark.parametrize("flag", ["avx512_bf16", "amx_bf16"])
def test_bfloat16_only_on_a_cpu_that_computes_in_it(
    monkeypatch: pytest.MonkeyPatch, flag: str
) -> None:
    with_cuda(monkeypatch, 0)
    with_flags(monkeypatch, "avx2", flag)
    assert resolve_policy().dtype == "bfloat16"
    assert resolve_policy(dtype="float32").dtype == "float32"


def test_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    with_cuda(monkeypatch, 2)
    with_flags(monkeypatch, "avx512_bf16")
    assert resolve_policy() == Policy("cuda:0", "cuda", "float16")
    assert resolve_policy("cuda") == Policy("cuda:0", "cuda", "float16")
    assert resolve_policy("cuda:1", "bfloat16") == Policy("cuda:1", "cuda", "bfloat16")
    assert resolve_policy("cpu") == Policy("cpu", "cpu", "bfloat16")
    with pytest.raises(hardware.DeviceMissing, match="offers 2 devices") as caught:
        resolve_policy("cuda:2")
    assert "cuda:0, cuda:1, cpu" in caught.value.hint


def test_a_driver_is_no_use_to_a_torch_without_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    with_cuda(monkeypatch, 1, cuda=None)
    assert resolve_policy().device == "cpu"
    with pytest.raises(hardware.DeviceMissing, match=r"2\.13\.0 is built without CUDA"):
        resolve_policy("cuda")


def test_no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "torch_build", lambda: None)
    assert resolve_policy().device == "cpu"
    with pytest.raises(hardware.DeviceMissing, match="torch isn't installed"):
        resolve_policy("cuda")


@pytest.mark.parametrize(
    ("system_name", "processor", "there"),
    [("darwin", "arm64", True), ("darwin", "x86_64", False), ("linux", "arm64", False)],
)
def test_mps(
    monkeypatch: pytest.MonkeyPatch, system_name: str, processor: str, there: bool
) -> None:
    with_cuda(monkeypatch, 0, cuda=None)
    with_flags(monkeypatch)
    monkeypatch.setattr("sys.platform", system_name)
    monkeypatch.setattr("platform.machine", lambda: processor)
    if there:
        assert resolve_policy() == resolve_policy("mps") == Policy("mps", "mps", "float16")
        return
    assert resolve_policy().device == "cpu"
    with pytest.raises(hardware.DeviceMissing, match="Apple silicon"):
        resolve_policy("mps")


@pytest.mark.parametrize(
    "device", ["gpu", "", "cuda:", "cuda:x", "cuda:-1", "cuda:01", "cpu:0", "mps:1", "CPU", "cpu\n"]
)
def test_unknown_device(device: str) -> None:
    with pytest.raises(hardware.UnknownDevice, match="There is no device") as caught:
        resolve_policy(device)
    assert "This machine has" in caught.value.hint
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("dtype", ["half", "", "fp16", "Float32", "float64"])
def test_unknown_dtype(dtype: str) -> None:
    with pytest.raises(hardware.UnknownDtype, match="There is no dtype") as caught:
        resolve_policy("cpu", dtype)
    assert "auto, float32, float16 or bfloat16" in caught.value.hint


# ------------------------------------------------------------------ torch and the driver, for real


def run(code: str, **env: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **env}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_agrees_with_torch_and_does_not_import_it() -> None:
    code = (
        "import sys, json; from studio.hardware import *\n"
        "found = [torch_build().version, torch_build().cuda, list(devices())]\n"
        "resolve_policy(); machine()\n"
        "heavy = [m for m in ('torch', 'numpy', 'pydantic') if m in sys.modules]\n"
        "import torch\n"
        "there = [f'cuda:{i}' for i in range(torch.cuda.device_count())]\n"
        "there += ['mps'] if torch.backends.mps.is_available() else []\n"
        "expected = [torch.__version__, torch.version.cuda, there + ['cpu']]\n"
        "print(json.dumps([found, heavy, expected]))"
    )
    found, heavy, expected = json.loads(run(code))
    assert found == expected
    assert heavy == []


VERSIONS = {
    "typed": (
        "from typing import Optional\n__version__ = '2.9.1+cu128'\ncuda: Optional[str] = '12.8'\n"
        "hip: Optional[str] = None\n",
        "2.9.1+cu128 12.8",
    ),
    "untyped": ("__version__ = '1.0'\ncuda = \"11.8\"\n", "1.0 11.8"),
    "cpu": (
        "__version__ = '2.9.1'\ncuda: Optional[str] = None\ngit_version = 'abc'\n",
        "2.9.1 None",
    ),
    "odd": ("nothing = 1\n", "unknown None"),
}


@pytest.mark.parametrize("name", VERSIONS)
def test_torch_build_is_read_not_imported(tmp_path: Path, name: str) -> None:
    text, expected = VERSIONS[name]
    package = tmp_path / "torch"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('torch was imported')")
    (package / "version.py").write_text(text)
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from studio.hardware import torch_build; build = torch_build()\n"
        "print(build.version, build.cuda)"
    )
    assert run(code) == expected


DRIVER = r"""
#include <stdlib.h>
#include <string.h>
int cuInit(unsigned flags) { return getenv("NO_DEVICE") ? 100 : 0; }
int cuDeviceGetCount(int *count) { *count = 2; return 0; }
int cuDeviceGetName(char *name, int length, int device) {
    strncpy(name, device ? "Second" : "First", length); return 0;
}
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="builds an ELF library")
def test_a_driver_with_two_devices(tmp_path: Path) -> None:
    """Through ctypes and a real library, as it would be with a GPU."""
    source = tmp_path / "driver.c"
    source.write_text(DRIVER)
    command = ["cc", "-shared", "-fPIC", "-o", str(tmp_path / "libcuda.so.1"), str(source)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no C compiler: {error}")
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise RuntimeError('torch was imported')")
    (tmp_path / "torch" / "version.py").write_text("__version__ = '2'\ncuda = '12.8'\n")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from studio.hardware import *; print(*devices(), *cuda_names(), resolve_policy().dtype)"
    )
    library_path = str(tmp_path)
    assert run(code, LD_LIBRARY_PATH=library_path).startswith(
        "cuda:0 cuda:1 cpu First Second float16"
    )
    assert run(code, LD_LIBRARY_PATH=library_path, NO_DEVICE="1").startswith("cpu ")


def test_no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_: str) -> Any:
        raise OSError("no such library")

    monkeypatch.setattr("ctypes.CDLL", absent)
    assert hardware.cuda_count() == 0
    assert hardware.cuda_names() == ()


# ------------------------------------------------------------------ processor and memory


CPUINFO = "processor\t: 0\nmodel name\t: A Processor 9000\nflags\t\t: fpu avx2 fma amx_bf16 avx\n"


def with_cores(monkeypatch: pytest.MonkeyPatch, root: Path, usable: set[int]) -> None:
    """Four cores of two threads: 0 and 4, 1 and 5, …"""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: usable, raising=False)
    for number in range(8):
        place = f"sys__devices__system__cpu__cpu{number}__topology__core_cpus_list"
        write(root, **{place: f"{number % 4},{number % 4 + 4}"})
    write(root, proc__cpuinfo=CPUINFO)


@pytest.mark.parametrize(
    ("usable", "physical", "logical"),
    [(set(range(8)), 4, 8), ({0, 4}, 1, 2), ({0, 1, 2}, 3, 3), ({3}, 1, 1)],
)
def test_affinity(
    system: Path, monkeypatch: pytest.MonkeyPatch, usable: set[int], physical: int, logical: int
) -> None:
    with_cores(monkeypatch, system, usable)
    info = cpu_info()
    assert (info.physical_cores, info.logical_cores) == (physical, logical)
    assert info.model == "A Processor 9000"
    assert info.flags == ("avx", "avx2", "fma", "amx_bf16")


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"proc__self__cgroup": "0::/", "sys__fs__cgroup__cpuDOTmax": "250000 100000"}, (3, 3)),
        ({"proc__self__cgroup": "0::/", "sys__fs__cgroup__cpuDOTmax": "max 100000"}, (4, 8)),
        ({"proc__self__cgroup": "0::/", "sys__fs__cgroup__cpuDOTmax": "10000 100000"}, (1, 1)),
        ({"proc__self__cgroup": "0::/", "sys__fs__cgroup__cpuDOTmax": "600000 100000"}, (4, 6)),
        # The group above is the narrower one.
        (
            {
                "proc__self__cgroup": "0::/a/b",
                "sys__fs__cgroup__a__b__cpuDOTmax": "400000 100000",
                "sys__fs__cgroup__a__cpuDOTmax": "200000 100000",
            },
            (2, 2),
        ),
        (
            {
                "proc__self__cgroup": "5:memory:/x\n4:cpu,cpuacct:/job",
                "sys__fs__cgroup__cpu__job__cpuDOTcfs_quota_us": "150000",
                "sys__fs__cgroup__cpu__job__cpuDOTcfs_period_us": "100000",
            },
            (2, 2),
        ),
        (
            {
                "proc__self__cgroup": "4:cpu:/job",
                "sys__fs__cgroup__cpu__job__cpuDOTcfs_quota_us": "-1",
                "sys__fs__cgroup__cpu__job__cpuDOTcfs_period_us": "100000",
            },
            (4, 8),
        ),
        # A container that sees the group's outer path but has its own files at the top.
        (
            {
                "proc__self__cgroup": "4:cpu:/docker/0123",
                "sys__fs__cgroup__cpu__cpuDOTcfs_quota_us": "100000",
                "sys__fs__cgroup__cpu__cpuDOTcfs_period_us": "100000",
            },
            (1, 1),
        ),
    ],
)
def test_quota(
    system: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], cores: tuple[int, int]
) -> None:
    with_cores(monkeypatch, system, set(range(8)))
    write(system, **files)
    assert (cpu_info().physical_cores, cpu_info().logical_cores) == cores


def test_a_system_that_tells_nothing(system: Path) -> None:
    info = cpu_info()
    assert 1 <= info.physical_cores <= info.logical_cores
    assert info.model
    assert info.flags == ()


def test_this_machine() -> None:
    info = cpu_info()
    assert info.logical_cores <= (os.cpu_count() or 1)
    if hasattr(os, "sched_getaffinity"):
        one = min(os.sched_getaffinity(0))
        code = f"import os; os.sched_setaffinity(0, {{{one}}})\n"
        code += "from studio.hardware import cpu_info; c = cpu_info()\n"
        code += "print(c.physical_cores, c.logical_cores)"
        assert run(code) == "1 1"


class _Memory:
    total, available = 64 * GIB, 40 * GIB


@pytest.mark.parametrize(
    ("files", "total", "available"),
    [
        ({}, 64, 40),
        (
            {
                "proc__self__cgroup": "0::/job",
                "sys__fs__cgroup__job__memoryDOTmax": str(8 * GIB),
                "sys__fs__cgroup__job__memoryDOTcurrent": str(6 * GIB),
                "sys__fs__cgroup__job__memoryDOTstat": f"anon 5\ninactive_file {3 * GIB}",
            },
            8,
            5,
        ),
        (
            {"proc__self__cgroup": "0::/job", "sys__fs__cgroup__job__memoryDOTmax": "max"},
            64,
            40,
        ),
        (
            {
                "proc__self__cgroup": "9:memory:/job",
                "sys__fs__cgroup__memory__job__memoryDOTlimit_in_bytes": "9223372036854771712",
                "sys__fs__cgroup__memory__memoryDOTlimit_in_bytes": str(16 * GIB),
                "sys__fs__cgroup__memory__memoryDOTusage_in_bytes": str(20 * GIB),
            },
            16,
            0,
        ),
        (  # The wider group is nearly full, which limits the narrower one too.
            {
                "proc__self__cgroup": "0::/a/b",
                "sys__fs__cgroup__a__b__memoryDOTmax": str(8 * GIB),
                "sys__fs__cgroup__a__b__memoryDOTcurrent": str(1 * GIB),
                "sys__fs__cgroup__a__memoryDOTmax": str(16 * GIB),
                "sys__fs__cgroup__a__memoryDOTcurrent": str(14 * GIB),
            },
            8,
            2,
        ),
    ],
)
def test_memory_limits(
    system: Path,
    monkeypatch: pytest.MonkeyPatch,
    files: dict[str, str],
    total: int,
    available: int,
) -> None:
    monkeypatch.setattr("psutil.virtual_memory", _Memory)
    write(system, **files)
    info = memory_info()
    assert (info.total, info.available) == (total * GIB, available * GIB)


def test_memory_of_this_machine() -> None:
    info = memory_info()
    assert 0 < info.available <= info.total


def test_machine_is_plain_json() -> None:
    report = json.loads(json.dumps(hardware.machine()))
    assert report["devices"][-1] == "cpu"
    assert report["cpu"]["physical_cores"] >= 1
    assert report["memory_bytes"] > 0
