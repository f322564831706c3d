"""A process that paints one picture after the other: `python -m benchmarks.child_picture ROLE
OPTIONS`, for `sides.Child`. A request is a line on stdin, the answer is in seconds."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path


def main(folder: str, cfg: float, prompt: str) -> None:
    """Serve requests until stdin ends: paint the prompt; by the clock, and of the processor."""
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries print
    from studio import tuning

    tuning.before_torch()
    from studio.training.painting import Painter

    tuning.after_torch()
    painter = Painter.load(Path(folder), cfg)
    painter.paint([prompt])

    def answer(value: object) -> None:
        output.write(json.dumps(value) + "\n")
        output.flush()

    answer(None)
    for _ in sys.stdin:
        start, busy = time.perf_counter(), time.process_time()
        painter.paint([prompt])
        answer([time.perf_counter() - start, time.process_time() - busy])


if __name__ == "__main__":
    main(**json.loads(sys.argv[2]))
