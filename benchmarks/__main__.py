"""`python -m benchmarks NAME`: one JSON object on stdout, everything else on stderr."""

from __future__ import annotations

import importlib
import json
import os
import sys

from benchmarks.report import report

BENCHMARKS = {
    "executor": "overhead of a graph of many cheap nodes: cold, cached, planned",
    "startup": "whole processes: a cached run, --help, a cold text_to_image; imports",
    "sampling": "a denoising step and the peak in memory against the library's pipeline",
    "models": "a full-size Stable Diffusion 1.5 file: loading, memory, LoRA, a step; detection",
    "editor": "the window: start, frames, opening, the palette, stalls in a run, memory",
    "inpaint": "the next three together",
    "inpaint_raster": "masks without a window: 500 strokes at 16 MP, dabs, undo",
    "inpaint_canvas": "the brush canvas: event to painted, opening, undo, memory",
    "inpaint_quality": "what inpainting paints: 50 scenes, judged; seams, and what stays as it was",
    "quality": "the pocket family, judged: prompts, inpainting, LoRAs, the first stage, time",
    "batch": "pictures a second of batches, fused and singly; a job, writing, workers",
    "cpu": "settings of the CPU, each alone against the default",
}
"""By the name of the module, which has `measure() -> list[Figure]`."""


def main(arguments: list[str]) -> int:
    """Run one benchmark; 0 done, 2 no such benchmark."""
    if arguments == ["--list"]:
        for name, words in BENCHMARKS.items():
            print(f"{name:<16} {words}")
        return 0
    if len(arguments) != 1 or arguments[0] not in BENCHMARKS:
        given = " ".join(arguments)
        print(
            f"{f'there is no benchmark {given!r}' if given else 'name a benchmark'}: "
            f"{', '.join(BENCHMARKS)} (or --list)",
            file=sys.stderr,
        )
        return 2
    name = arguments[0]
    # Libraries and child processes print; stdout is for the one object.
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    figures = importlib.import_module(f"benchmarks.{name}").measure()
    with output:
        json.dump(report(name, figures), output, indent=1, ensure_ascii=False)
        output.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
