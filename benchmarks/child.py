"""A process of its own for one side of a comparison: `python -m benchmarks.child ROLE OPTIONS`.

Settings of the CPU belong to a process, so each side has its own, warm, and computes only while
the benchmark (`sides.py`) asks it to. A request is a line of JSON on stdin, the answer a line on
stdout.
"""

from __future__ import annotations

import importlib
import itertools
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PROMPT = "a red circle on a blue background"
CFG = 4.0

# Imported before memory is measured: what a run would import on its way.
OUR_IMPORTS = (
    "torch",
    "diffusers.models.unets.unet_2d_condition",
    "diffusers.models.autoencoders.autoencoder_kl",
    "transformers.models.clip.modeling_clip",
    "transformers.models.clip.tokenization_clip",
    "safetensors.torch",
    "PIL.PngImagePlugin",
)
THEIR_IMPORTS = (
    *OUR_IMPORTS,
    "diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion",
    "diffusers.schedulers.scheduling_dpmsolver_multistep",
    "accelerate",
)

Run = Callable[[int, str], list[float]]
"""(steps, sampler) to the seconds between the ends of successive steps."""


def main(role: str, options: dict[str, Any]) -> None:
    """Serve requests until stdin ends."""
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries print

    def answer(value: object) -> None:
        output.write(json.dumps(value) + "\n")
        output.flush()

    if role.startswith("memory"):
        answer(memory_ours(**options) if role == "memory-ours" else memory_library(**options))
        return
    run = ours(**options) if role == "ours" else library(**options)
    answer(None)
    for line in sys.stdin:
        answer(run(**json.loads(line)))


def ours(
    folder: str,
    size: int,
    tuned: bool = True,
    threads: int = 0,
    malloc: bool = False,
    dtype: str = "float32",
    channels_last: bool | None = None,
) -> Run:
    """Our sampling.

    Args:
        folder: of the checkpoint.
        size: of the picture, pixels.
        tuned: with everything of `studio/tuning.py`, as the program runs; else without.
        threads: 0 leaves what torch takes.
        malloc: without the rest of the tuning: tell glibc to keep freed memory.
        dtype: of the weights.
        channels_last: the layout of the UNet's weights; None leaves what loading gives.
    """
    from studio import tuning

    if tuned:
        tuning.before_torch()
    if malloc:
        tuning.keep_freed_memory()
    import torch

    from studio.diffusion.sampling import sample
    from studio.diffusion.store import ModelStore
    from studio.hardware import Policy
    from studio.values import CheckpointRef, Clip, Latent, Model

    if tuned:
        tuning.after_torch()
    if threads:
        torch.set_num_threads(threads)
    store = ModelStore(Policy("cpu", "cpu", dtype))
    reference = CheckpointRef("model", folder, folder)
    model = store.model(Model(reference))
    if channels_last is not None:
        layout = torch.channels_last if channels_last else torch.contiguous_format
        model.unet.to(memory_format=layout)  # type: ignore[attr-defined]
    text = store.text(Clip(reference))
    positive, negative = (text.encode(words, print) for words in (PROMPT, ""))

    def run(steps: int, sampler: str) -> list[float]:
        ends: list[float] = []
        sample(
            model, positive, negative, Latent(None, None, size, size),
            seed=1, steps=steps, cfg=CFG, sampler=sampler, schedule="karras",
            progress=lambda step, of, x0: ends.append(time.perf_counter()),
        )  # fmt: skip
        return _between(ends)

    return run


def library(folder: str, size: int) -> Run:
    """The library's pipeline, as its documentation has it; nothing of ours is imported."""
    pipe = _pipeline(folder)
    from diffusers import DPMSolverMultistepScheduler, EulerDiscreteScheduler

    schedulers = {"dpmpp_2m": DPMSolverMultistepScheduler, "euler": EulerDiscreteScheduler}
    config = pipe.scheduler.config
    positive, negative = pipe.encode_prompt(
        PROMPT, "cpu", 1, do_classifier_free_guidance=True, negative_prompt=""
    )

    def run(steps: int, sampler: str) -> list[float]:
        ends: list[float] = []

        def ended(_pipe: Any, _step: int, _time: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            ends.append(time.perf_counter())
            return tensors

        pipe.scheduler = schedulers[sampler].from_config(config, use_karras_sigmas=True)
        pipe(
            prompt_embeds=positive, negative_prompt_embeds=negative, width=size, height=size,
            num_inference_steps=steps, guidance_scale=CFG, output_type="latent",
            callback_on_step_end=ended,
        )  # fmt: skip
        return _between(ends)

    return run


def memory_ours(folder: str, size: int, steps: int, out: str) -> dict[str, float]:
    """Bytes at the peak of a whole text-to-image by the executor, beyond the imports.

    Args:
        folder: of the checkpoint, which is called as the folder is.
        size: of the picture, pixels.
        steps: of the sampler.
        out: where the picture goes.
    """
    from studio import tuning

    tuning.before_torch()
    for module in (*OUR_IMPORTS, "studio.diffusion.sampling", "studio.diffusion.store"):
        importlib.import_module(module)
    from studio.execution.executor import Executor
    from studio.graph.overrides import apply_sets
    from studio.session import Session

    path = ROOT / "workflows" / "text_to_image.json"
    with Session.open(out=Path(out)) as session:
        sets = [f"latent.width={size}", f"latent.height={size}", f"sampler.steps={steps}",
                f"checkpoint.name={Path(folder).name}"]  # fmt: skip
        graph = apply_sets(session.load(path), session.registry, sets)
        environment = session.environment(path)
        plan = session.plan(session.check(graph, environment, path), environment, path)
        base = _reset_peak()
        executor = Executor(session.cache, session.policy, session.models)
        result = executor.run(plan, environment, lambda event: None)
        if result.status != "ok":
            raise RuntimeError(str(result.error))
    return {"imports": base, "peak": _peak() - base}


def memory_library(folder: str, size: int, steps: int, out: str) -> dict[str, float]:
    """Bytes at the peak of a whole text-to-image by the library, beyond the imports."""
    for module in THEIR_IMPORTS:
        importlib.import_module(module)
    from diffusers import DPMSolverMultistepScheduler

    base = _reset_peak()
    pipe = _pipeline(folder)
    pipe.scheduler = DPMSolverMultistepScheduler.from_config(
        pipe.scheduler.config, use_karras_sigmas=True
    )
    pictures = pipe(
        PROMPT, width=size, height=size, num_inference_steps=steps, guidance_scale=CFG
    ).images
    Path(out).mkdir(parents=True)
    pictures[0].save(Path(out) / "picture.png")
    return {"imports": base, "peak": _peak() - base}


def _pipeline(folder: str) -> Any:
    import torch
    from diffusers import StableDiffusionPipeline

    pipe = StableDiffusionPipeline.from_pretrained(
        folder, torch_dtype=torch.float32, local_files_only=True, safety_checker=None
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def _between(ends: list[float]) -> list[float]:
    return [later - earlier for earlier, later in itertools.pairwise(ends)]


def _reset_peak() -> float:
    """Let the high-water mark start from here; the bytes that are resident now."""
    import gc

    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _peak() -> float:
    return _status("VmHWM")


def _status(name: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return 1024.0 * int(line.split()[1])
    raise RuntimeError(f"/proc/self/status has no {name}")


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
