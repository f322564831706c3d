"""Several processes on one cache folder at once, and processes that are killed while they write.

Each test is one script in a process of its own, which forks the real workers: so torch is
imported at most once, and no thread of pytest's is forked.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")

REPOSITORY = Path(__file__).parents[3]

WITH_TENSORS = """
import torch
from studio.values import Image
torch.set_num_threads(1)
sizes = [16, 1000, 30_000, 260_000]

def outputs(number):
    generator = torch.Generator().manual_seed(number)
    pixels = torch.rand(sizes[number % 4], generator=generator)
    return {"image": Image(pixels), "number": number}

def check(number, found):
    assert found["number"] == number, (number, found)
    assert torch.equal(found["image"].pixels, outputs(number)["image"].pixels), number
"""

WITH_TEXT = """
def outputs(number):
    return {"number": number, "text": f"{number} " * 5000}

def check(number, found):
    assert found == outputs(number), number
"""

PREAMBLE = """
import os, random, signal, sys, time, traceback
from pathlib import Path
from studio.execution.cache import Cache
from studio.execution.cache.disk import DiskTier

folder = Path(sys.argv[1])

def put(tier, number):
    return tier.put(f"k{number}", outputs(number), compute_seconds=9, node_type="Draw")

def fork(work, *args):
    process = os.fork()
    if process:
        return process
    try:
        work(*args)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)

def files():
    return sorted(path.name for path in (folder / "entries").iterdir())
"""


def run(script: str, folder: Path, *, values: str = WITH_TEXT, returncode: int = 0) -> str:
    """Run the script after the preamble; its output."""
    done = subprocess.run(
        [sys.executable, "-c", PREAMBLE + values + textwrap.dedent(script), str(folder)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == returncode, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_four_processes_hammer_one_folder(tmp_path: Path) -> None:
    out = run(
        """
        def work(seed):
            dice = random.Random(seed)
            hits = 0
            with Cache(folder, 4_000_000, {"cpu": 0}) as cache:  # so that all reads are from disk
                for step in range(150):
                    number = dice.randrange(24)
                    key = f"k{number}"
                    match dice.choices(["put", "get", "where", "prune", "clear"],
                                       [40, 50, 8, 2, 1])[0]:
                        case "put":
                            cache.put(key, outputs(number), compute_seconds=9, node_type="Draw")
                        case "get":
                            found = cache.get(key)
                            if found is not None:
                                hits += found[1] == "disk"
                                check(number, found[0])
                        case "where":
                            found = cache.where(f"k{number}" for number in range(30))
                            assert set(found) <= {f"k{number}" for number in range(24)}
                        case "prune":
                            cache.prune(2_000_000)
                        case "clear":
                            cache.clear()
            assert hits > 5, hits

        workers = [fork(work, seed) for seed in range(4)]
        for worker in workers:
            assert os.waitpid(worker, 0)[1] == 0

        with Cache(folder, 4_000_000) as cache:
            for number in range(24):
                found = cache.get(f"k{number}")
                if found is not None:
                    check(number, found[0])
            info = cache.info().disk
        assert not list((folder / "tmp").iterdir())
        assert len(files()) == info.entries, (files(), info)
        assert sum(os.stat(folder / "entries" / name).st_size for name in files()) == info.bytes
        assert info.bytes <= 4_000_000
        """,
        tmp_path / "cache",
        values=WITH_TENSORS,
    )
    # An entry that another process evicted between looking it up and reading it is no damage.
    assert out == ""


def test_four_processes_open_a_new_folder_at_once(tmp_path: Path) -> None:
    out = run(
        """
        def work(start, number):
            while time.time() < start:
                pass
            tier = DiskTier(folder)
            assert put(tier, number)
            check(number, tier.get(f"k{number}"))
            tier.close()

        for round in range(10):
            folder = Path(sys.argv[1]) / str(round)
            start = time.time() + 0.02
            workers = [fork(work, start, number) for number in range(4)]
            for worker in workers:
                assert os.waitpid(worker, 0)[1] == 0
            tier = DiskTier(folder)
            assert tier.contains_many([f"k{n}" for n in range(5)]) == {f"k{n}" for n in range(4)}
            tier.close()
        """,
        tmp_path,
    )
    assert out == ""


def test_killed_at_random_moments(tmp_path: Path) -> None:
    out = run(
        """
        dice = random.Random(7)
        found_temporary = 0

        def work(seed):
            dice = random.Random(seed)
            tier = DiskTier(folder, 3_000_000)
            while True:
                put(tier, dice.randrange(24))

        DiskTier(folder).close()
        # At least 25 times, and until three of them hit the middle of writing: on a busy machine
        # a child may not get so far in time.
        for round in range(250):
            if round >= 25 and found_temporary >= 3:
                break
            worker = fork(work, round)
            time.sleep(dice.uniform(0.005, 0.06))
            os.kill(worker, signal.SIGKILL)
            assert os.waitpid(worker, 0)[1] == signal.SIGKILL
            found_temporary += bool(list((folder / "tmp").iterdir()))
            with Cache(folder, 3_000_000) as cache:
                assert not list((folder / "tmp").iterdir())  # the dead process's are swept
                for number in range(24):
                    found = cache.get(f"k{number}")
                    if found is not None:
                        check(number, found[0])
                cache.put("after", outputs(round), compute_seconds=9, node_type="Draw")
                cache.flush()
            with Cache(folder, 3_000_000) as cache:
                check(round, cache.get("after")[0])
                assert cache.info().disk.bytes <= 3_000_000
                cache.prune(3_000_000)
                info = cache.info().disk
                assert len(files()) == info.entries
                sizes_on_disk = [os.stat(folder / "entries" / name).st_size for name in files()]
                assert sum(sizes_on_disk) == info.bytes
        print("killed in the middle of writing:", found_temporary)
        assert found_temporary >= 3
        """,
        tmp_path / "cache",
        values=WITH_TENSORS,
    )
    # Killed between deleting a file and committing its row's end; but never a damaged value.
    warnings = [line for line in out.splitlines() if "dropped" in line]
    assert all(line.endswith("dropped, its file is missing.") for line in warnings)


POINTS = {
    "before fsync": "os.fsync = die",
    "before the file is in place": "os.replace = die",
    "in place, before the row": "entries.put = die",
    "after the row, before the commit": """
        put_row = entries.put
        entries.put = lambda *args: (put_row(*args), die())
    """,
    "after the commit": "DiskTier._evict = die",
}


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_each_point(point: str, tmp_path: Path) -> None:
    out = run(
        f"""
        from studio.execution.cache import entries

        def die(*args, **more):
            os.kill(os.getpid(), signal.SIGKILL)

        tier = DiskTier(folder)
        put(tier, 2)
        tier.close()

        def work():
            tier = DiskTier(folder)
            {textwrap.indent(textwrap.dedent(POINTS[point]).strip(), " " * 12).strip()}
            put(tier, 1)

        worker = fork(work)
        assert os.waitpid(worker, 0)[1] == signal.SIGKILL
        print(len(list((folder / "tmp").iterdir())), len(files()))
        tier = DiskTier(folder)
        print(len(list((folder / "tmp").iterdir())), tier.contains_many(["k1", "k2"]) - {{"k2"}})
        check(2, tier.get("k2"))
        tier.prune(10**9)
        print(len(files()), tier.info().entries)
        if tier.contains_many(["k1"]):
            check(1, tier.get("k1"))
        assert put(tier, 1)
        check(1, tier.get("k1"))
        """,
        tmp_path / "cache",
    )
    temporary = point in ("before fsync", "before the file is in place")
    row = point == "after the commit"
    assert out.splitlines() == [
        f"{int(temporary)} {1 if temporary else 2}",
        f"0 { {'k1'} if row else set() }",
        "1 1" if temporary else "2 2",  # the file without a row is taken in
    ]


def test_pending_writes_are_not_lost_at_exit(tmp_path: Path) -> None:
    run(
        """
        cache = Cache(folder)
        for number in range(30):
            cache.put(f"k{number}", outputs(number), compute_seconds=9, node_type="Draw")
        """,
        tmp_path / "cache",
    )
    run(
        """
        cache = Cache(folder)
        assert len(cache.where(f"k{number}" for number in range(30))) == 30
        check(29, cache.get("k29")[0])
        """,
        tmp_path / "cache",
    )


def test_an_interrupt_does_not_hang(tmp_path: Path) -> None:
    run(
        """
        cache = Cache(folder)
        cache.put("k1", outputs(1), compute_seconds=9, node_type="Draw")
        os.kill(os.getpid(), signal.SIGTERM)
        """,
        tmp_path / "cache",
        returncode=-signal.SIGTERM,
    )
