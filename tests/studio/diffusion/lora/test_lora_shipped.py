"""The LoRA that ships, on the model that ships, against weights merged by hand."""

from __future__ import annotations

from typing import Any

import torch
from lora_makers import ref
from safetensors.torch import load_file
from torch import nn

from studio.diffusion.lora.live import Loras
from studio.diffusion.lora.stack import layers_of
from studio.diffusion.lora.summary import summarise
from studio.diffusion.weights.header import read_header
from studio.places import resources
from studio.values import FileRef

PATH = resources() / "loras" / "pocket-striped.safetensors"

# It holds two of diffusers' spellings: of attention, and of the feed-forward layers.
ENDINGS = ((".lora.down.weight", ".lora.up.weight"), (".lora_A.weight", ".lora_B.weight"))


def pocket() -> Any:
    from diffusers import UNet2DConditionModel

    folder = resources() / "pocket" / "unet"
    unet = UNet2DConditionModel.from_pretrained(folder, torch_dtype=torch.float32)
    return unet.eval().requires_grad_(False)


def never(words: str) -> None:
    raise AssertionError(f"a warning: {words}")


def test_it_does_what_its_factors_say() -> None:
    tensors = load_file(PATH)
    unet, wanted = pocket(), pocket()
    layers = layers_of(wanted)
    found = 0
    for down_end, up_end in ENDINGS:
        for name in [name for name in tensors if name.endswith(down_end)]:
            base = name.removesuffix(down_end)
            layer: Any = layers[base.removeprefix("unet.")]
            delta = (tensors[base + up_end] @ tensors[name]).reshape(layer.weight.shape)
            layer.weight = nn.Parameter(layer.weight + 0.8 * delta, requires_grad=False)
            found += 1
    assert found == len(tensors) / 2 == 70
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 4, 16, 16, generator=generator)
    words = torch.randn(2, 77, 128, generator=generator)
    plain = unet(x, torch.tensor(400), words, return_dict=False)[0]
    expected = wanted(x, torch.tensor(400), words, return_dict=False)[0]
    loras = Loras()
    loras.on_unet(unet, (ref(FileRef("s", str(PATH), "s"), 0.8),), family="sd1", warn=never)
    got = unet(x, torch.tensor(400), words, return_dict=False)[0]
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5)
    assert (got - plain).abs().max() > 0.05
    loras.on_unet(unet, (), family="sd1", warn=never)
    assert torch.equal(unet(x, torch.tensor(400), words, return_dict=False)[0], plain)


def test_what_it_says_of_itself() -> None:
    header = read_header(PATH)
    shapes = {name: tuple(info.shape) for name, info in header.tensors.items()}
    summary = summarise(header.metadata, shapes)
    assert (summary.form, summary.layers, summary.ranks) == ("LoRA", (70, 0), (8,))
    assert summary.trigger == "striped style"
    assert summary.family is None
