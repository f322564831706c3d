"""Texts before pictures: where memory is short, text encoders and denoiser needn't share it.

Every different text of a batch is encoded by a child process of its own, into the user's cache on
disk; the process ends and takes the encoders with it. The jobs then find their texts there, and
load the denoiser alone. Whatever goes wrong here costs nothing but time: a job that doesn't find
its text encodes it itself.
"""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import studio
from studio.batch.checking import combinations
from studio.batch.targets import with_sets
from studio.errors import StudioError
from studio.graph.files import to_json
from studio.graph.order import needed_by
from studio.hardware import memory_info
from studio.params import ModelName

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

    from studio.batch.planning import BatchPlan
    from studio.graph.document import Graph
    from studio.session import Session

MOST_TEXTS = 4000
"""Encoded ahead, about 1 GB in the cache; the others are encoded when their job runs."""

HEADROOM = 1.3
"""What models take while they compute, over the size of their files."""

GRACE = 30.0
"""Seconds that the child gets to write to the cache."""

_START = "import sys; sys.path.insert(0, {path!r}); from studio.execution.worker import main; \
sys.exit(main({device!r}, {dtype!r}))"


def is_short(plan: BatchPlan, session: Session, workers: int = 1) -> bool:
    """Whether the models of a batch don't fit into the free memory of the device together.

    Args:
        plan: of the batch.
        session: names the device.
        workers: processes of this machine that load them; on GPUs it is taken that each has one.
    """
    free = _free(session)
    copies = 1 if session.policy.kind == "cuda" else workers
    return free is not None and HEADROOM * _model_bytes(plan) * copies > free


def encoders(plan: BatchPlan) -> tuple[str, ...]:
    """The nodes that turn texts alone into conditioning: of all that a picture needs, no more."""
    found = []
    nodes = plan.checked.nodes
    for name, node in nodes.items():
        gives = {port.type for port in node.spec.outputs}
        if gives != {"Conditioning"} or not node.spec.uses_models:
            continue
        above = needed_by([name], {n: [s.node for s in nodes[n].wires.values()] for n in nodes})
        types = {port.type for other in above for port in nodes[other].spec.outputs}
        if types.isdisjoint({"Latent", "Image", "Mask"}):
            found.append(name)
    return tuple(found)


def graphs_to_encode(plan: BatchPlan, session: Session) -> Iterator[Graph]:
    """A graph for each combination of texts that the cache doesn't hold, up to MOST_TEXTS.

    Args:
        plan: of the batch.
        session: with the user's cache.
    """
    wanted = encoders(plan)
    nodes = plan.graph.nodes
    feeds = {
        name: [wire.partition(".")[0] for wire in node.inputs.values()]
        for name, node in nodes.items()
    }
    above = needed_by(wanted, feeds)
    columns = {target.place for target in plan.space.targets if target.node in above}
    first = plan.space[0].sets
    # Texts that no job changes are encoded too.
    points = combinations(plan.space.axes, columns) if columns else iter([{}])
    for sets in itertools.islice(points, MOST_TEXTS):
        graph = with_sets(plan.graph, {**first, **sets})
        checked = session.check(graph, plan.environment, "texts", wanted)
        if session.plan(checked, plan.environment, "-").running:
            yield graph


def encode_texts(
    plan: BatchPlan,
    session: Session,
    cancel: threading.Event,
    tell: Callable[[int], None],
    warn: Callable[[str], None],
) -> int:
    """Encode the texts of a batch that the cache doesn't hold yet.

    Args:
        plan: of the batch.
        session: with the user's cache.
        cancel: set from anywhere to stop after the text in hand.
        tell: called with the number of texts after each.
        warn: called where it goes wrong, with what that means. What is wrong with a text shows
            when its job runs.

    Returns:
        how many were encoded.
    """
    wanted = encoders(plan)
    count = 0
    left_off = False
    child: subprocess.Popen[bytes] | None = None
    try:
        for graph in graphs_to_encode(plan, session) if wanted else ():
            if cancel.is_set():
                break
            child = child or _start(session)
            if not _encode(child, str(count), graph, wanted, plan):
                left_off = True
                break
            count += 1
            tell(count)
    except (StudioError, OSError, ValueError):  # a child killed in the middle of a line, too
        left_off = True
    finally:
        if child:
            _end(child)
    if left_off:
        warn(f"encoding texts first ended after {count:,}; the other jobs encode their own")
    return count


def _start(session: Session) -> subprocess.Popen[bytes]:
    path = str(Path(studio.__file__).resolve().parent.parent)
    policy = session.policy
    return subprocess.Popen(
        [sys.executable, "-c", _START.format(path=path, device=policy.device, dtype=policy.dtype)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # Ctrl-C is the parent's: it lets the text in hand be finished.
        start_new_session=True,
    )


def _encode(
    child: subprocess.Popen[bytes],
    identity: str,
    graph: Graph,
    wanted: tuple[str, ...],
    plan: BatchPlan,
) -> bool:
    """Have one graph's texts encoded; False where the child is gone or gives up.

    Args:
        child: that encodes.
        identity: of the request. Another each time: the last may still be being put away.
        graph: with the texts.
        wanted: its encoders.
        plan: of the batch.
    """
    assert child.stdin
    assert child.stdout
    request: dict[str, Any] = {
        "id": identity,
        "request": "submit",
        "graph": to_json(graph),
        "base": str(plan.environment.base),
        "name": plan.environment.graph_name,
        "history": "-",
        "only": list(wanted),
    }
    child.stdin.write(json.dumps(request).encode() + b"\n")
    child.stdin.flush()
    for line in child.stdout:
        event = json.loads(line)
        if event.get("event") == "run_finished":
            return bool(event["status"] == "ok")
        if event.get("event") in ("rejected", "error"):
            return False
    return False


def _end(child: subprocess.Popen[bytes]) -> None:
    """Let the child write what it has to the cache, and end."""
    try:
        child.communicate(timeout=GRACE)  # the end of its stdin tells it
    except (subprocess.TimeoutExpired, OSError):
        child.kill()
        child.communicate()


def _model_bytes(plan: BatchPlan) -> int:
    """What the files of all models that the first job names take."""
    paths: set[Path] = set()
    for node in plan.checked.nodes.values():
        for param in node.spec.params:
            value = node.params.get(param.name)
            if isinstance(param.marker, ModelName) and isinstance(value, str):
                path = plan.environment.model(param.marker.kind, value).path
                paths |= set(path.rglob("*.safetensors")) if path.is_dir() else {path}
    return sum(path.stat().st_size for path in paths)


def _free(session: Session) -> int | None:
    """Bytes free on the device; None where nobody knows."""
    policy = session.policy
    if policy.kind != "cuda":
        return memory_info().available
    # Asking torch would take the memory of a context on the very device that is short of it.
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    index = policy.device.partition(":")[2] or "0"
    try:
        told = subprocess.run(
            [program, "-i", index, "--query-gpu=memory.free", "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        ).stdout
        return int(told.split()[0]) * 2**20
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None
