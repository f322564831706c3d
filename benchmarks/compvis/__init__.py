"""Random checkpoints in the original single-file layout of CompVis and Stability.

No module is built: the names and shapes of the tensors follow from a short description of the
architecture (`layouts`), the values from a seed, and the file is written tensor by tensor.

    write_checkpoint(path, FULL["sd1"], dtype="float16")     # 2 GB
    write_checkpoint(path, TINY["sdxl"], dtype="float32")
    write_configs(folder, TINY["sdxl"])                      # the diffusers configs that fit it
"""

from benchmarks.compvis.first_stage import FirstStage, first_stage_shapes
from benchmarks.compvis.folders import configs, write_configs
from benchmarks.compvis.layouts import FULL, TINY, Layout, shapes
from benchmarks.compvis.text import (
    ClassTable,
    ClipText,
    LdmBert,
    OpenClip,
    text_shapes,
)
from benchmarks.compvis.unet import Unet, unet_shapes
from benchmarks.compvis.write import random_tensor, write_checkpoint, write_tensors

__all__ = [
    "FULL",
    "TINY",
    "ClassTable",
    "ClipText",
    "FirstStage",
    "Layout",
    "LdmBert",
    "OpenClip",
    "Unet",
    "configs",
    "first_stage_shapes",
    "random_tensor",
    "shapes",
    "text_shapes",
    "unet_shapes",
    "write_checkpoint",
    "write_configs",
    "write_tensors",
]
