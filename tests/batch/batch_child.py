"""Runs batches in processes that may be killed: forks one for each line on stdin.

Forked, because importing torch takes longer than the batches of these tests do. A line is JSON
with home, root, graph, count, resume, on, workers; each event of the batch is a line on stdout.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent), str(HERE.parent), str(HERE)]

import batch_kit  # noqa: E402

from studio import tuning  # noqa: E402
from studio.batch.model import RunnerChoice  # noqa: E402
from studio.registry import Registry  # noqa: E402

tuning.before_torch()
import studio.diffusion.store  # noqa: E402, F401


def say(data: dict[str, object]) -> None:
    # One system call a line: a process that is killed leaves no half of one.
    os.write(1, json.dumps(data).encode() + b"\n")


def run(order: dict[str, object]) -> None:
    os.environ["LATENT_STUDIO_HOME"] = str(order["home"])
    pocket = order["graph"] == "pocket"
    count = int(str(order["count"]))
    batch = batch_kit.Batch(
        Path(str(order["root"])),
        batch_kit.POCKET if pocket else batch_kit.CHEAP,
        batch_kit.seeds(count) if pocket else batch_kit.colours(count),
        RunnerChoice(order.get("on", "here"), order.get("workers")),  # type: ignore[arg-type]
    )
    batch.run(
        resume=bool(order.get("resume")),
        on_event=lambda event: say(event.to_json()),
        batch_size=order.get("batch_size", 1),
        use_cache=order.get("cache", True),
    )


def main() -> None:
    # Whatever a batch imports: once, and not in each of the processes.
    Registry.load()
    from diffusers import AutoencoderKL, UNet2DConditionModel  # noqa: F401
    from transformers import CLIPTextModel, CLIPTokenizer  # noqa: F401

    say({"event": "server"})
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                run(json.loads(line))
                code = 0
            except BaseException as error:
                say({"event": "raised", "words": f"{type(error).__name__}: {error}"})
            finally:
                os._exit(code)
        say({"event": "forked", "pid": pid})
        _, status = os.waitpid(pid, 0)
        say({"event": "gone", "code": os.waitstatus_to_exitcode(status)})


if __name__ == "__main__":
    main()
