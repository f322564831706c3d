"""One side of `benchmarks models`, a process of its own: `python -m benchmarks.child_models ROLE`.

Each prints one JSON object on stdout. The imports come first and aren't counted.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from typing import Any

from benchmarks.child import (
    CFG,
    OUR_IMPORTS,
    PROMPT,
    ROOT,
    THEIR_IMPORTS,
    Run,
    _between,
    _peak,
    _reset_peak,
)

SIZE = 256


def main(role: str, options: dict[str, Any]) -> None:
    """Answer once, or, for the sides that step, serve requests until stdin ends."""
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries print

    def answer(value: object) -> None:
        output.write(json.dumps(value) + "\n")
        output.flush()

    if role.startswith("steps"):
        run = steps_ours(**options) if role == "steps-ours" else steps_library(**options)
        answer(None)
        for line in sys.stdin:
            answer(run(**json.loads(line)))
        return
    roles = {
        "first-ours": first_ours,
        "first-library": first_library,
        "unet-ours": unet_ours,
        "unet-library": unet_library,
        "lora-ours": lora_ours,
    }
    answer(roles[role](**options))


def _ours(file: str, loras: tuple[Any, ...] = ()) -> tuple[Any, Any, Any]:
    """(store, model recipe, clip recipe), nothing loaded."""
    from studio.diffusion.store import ModelStore
    from studio.hardware import Policy
    from studio.values import CheckpointRef, Clip, Model

    reference = CheckpointRef("model", file, file)
    store = ModelStore(Policy("cpu", "cpu", "float32"))
    return store, Model(reference, loras), Clip(reference)


def _import_ours() -> None:
    from studio import tuning

    tuning.before_torch()
    for module in (*OUR_IMPORTS, "diffusers.models.attention", "studio.diffusion.sampling",
                   "studio.diffusion.store", "studio.diffusion.text.loading"):  # fmt: skip
        importlib.import_module(module)
    tuning.after_torch()


def _sample(live: Any, positive: Any, negative: Any, steps: int, ends: list[float]) -> None:
    from studio.diffusion.sampling import sample
    from studio.values import Latent

    sample(
        live, positive, negative, Latent(None, None, SIZE, SIZE),
        seed=1, steps=steps, cfg=CFG, sampler="euler", schedule="normal",
        progress=lambda step, of, x0: ends.append(time.perf_counter()),
    )  # fmt: skip


def first_ours(file: str) -> dict[str, float]:
    """Seconds from the file to the first call of the denoiser."""
    _import_ours()
    store, model, clip = _ours(file)
    start = time.perf_counter()
    text = store.text(clip)
    positive, negative = (text.encode(words, print) for words in (PROMPT, ""))
    live = store.model(model)
    calls = _calls(live.unet)
    _sample(live, positive, negative, 1, [])
    return {"first": calls[0] - start}


def first_library(file: str, config: str) -> dict[str, float]:
    """The same by the library: `from_single_file`, then its pipeline."""
    for module in THEIR_IMPORTS:
        importlib.import_module(module)
    start = time.perf_counter()
    pipe = _pipeline(file, config)
    calls = _calls(pipe.unet)
    _call(pipe, 1, [])
    return {"first": calls[0] - start}


def _calls(unet: Any) -> list[float]:
    """The moments at which a denoiser is called from now on."""
    moments: list[float] = []
    unet.register_forward_pre_hook(lambda *_: moments.append(time.perf_counter()))
    return moments


def unet_ours(file: str) -> dict[str, float]:
    """Bytes at the peak of loading the denoiser, beyond the imports, and of its weights."""
    _import_ours()
    store, model, _ = _ours(file)
    base = _reset_peak()
    store.model(model)
    return {"peak": _peak() - base, "weights": float(store.bytes)}


def unet_library(file: str, config: str) -> dict[str, float]:
    """The same by the library."""
    for module in THEIR_IMPORTS:
        importlib.import_module(module)
    import torch
    from diffusers import UNet2DConditionModel

    base = _reset_peak()
    module = UNet2DConditionModel.from_single_file(
        file, config=config, subfolder="unet", local_files_only=True, torch_dtype=torch.float32
    )
    weights = sum(p.numel() * p.element_size() for p in module.parameters())
    return {"peak": _peak() - base, "weights": float(weights)}


def lora_ours(file: str, lora: str) -> dict[str, float]:
    """Seconds that a second recipe with another strength takes before its first step begins.

    The first recipe has the same LoRA at another strength, and has sampled.
    """
    _import_ours()
    from studio.values import FileRef, LoraRef

    reference = FileRef("lora", lora, lora)
    store, first, clip = _ours(file, (LoraRef(reference, 0.5),))
    _, second, _ = _ours(file, (LoraRef(reference, 0.8),))
    text = store.text(clip)
    positive, negative = (text.encode(words, print) for words in (PROMPT, ""))
    _sample(store.model(first), positive, negative, 1, [])
    loaded = store.loading_seconds
    start = time.perf_counter()
    live = store.model(second)
    calls = _calls(live.unet)
    ends: list[float] = []
    _sample(live, positive, negative, 2, ends)
    ready = calls[0] - start
    _, plain, _ = _ours(file)
    without: list[float] = []
    _sample(store.model(plain), positive, negative, 2, without)
    return {
        "ready": ready,
        "read again": store.loading_seconds - loaded,
        "step": ends[1] - ends[0],
        "step without": without[1] - without[0],
    }


def steps_ours(file: str) -> Run:
    """Seconds between successive steps."""
    _import_ours()
    store, model, clip = _ours(file)
    text = store.text(clip)
    positive, negative = (text.encode(words, print) for words in (PROMPT, ""))
    live = store.model(model)

    def run(steps: int, sampler: str) -> list[float]:
        ends: list[float] = []
        _sample(live, positive, negative, steps, ends)
        return _between(ends)

    return run


def steps_library(file: str, config: str) -> Run:
    """The same by the library."""
    pipe = _pipeline(file, config)

    def run(steps: int, sampler: str) -> list[float]:
        ends: list[float] = []
        _call(pipe, steps, ends)
        return _between(ends)

    return run


def _pipeline(file: str, config: str) -> Any:
    import torch
    from diffusers import EulerDiscreteScheduler, StableDiffusionPipeline

    pipe = StableDiffusionPipeline.from_single_file(
        file, config=config, local_files_only=True, torch_dtype=torch.float32,
        safety_checker=None, image_encoder=None, feature_extractor=None,
    )  # fmt: skip
    pipe.scheduler = EulerDiscreteScheduler.from_config(pipe.scheduler.config)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def _call(pipe: Any, steps: int, ends: list[float]) -> None:
    def ended(_pipe: Any, _step: int, _time: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        ends.append(time.perf_counter())
        return tensors

    pipe(
        PROMPT, width=SIZE, height=SIZE, num_inference_steps=steps, guidance_scale=CFG,
        output_type="latent", callback_on_step_end=ended,
    )  # fmt: skip


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main(sys.argv[1], json.loads(sys.argv[2]))
