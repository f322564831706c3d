"""LoRA files of every form with tensors and notes exchanged at random: ours is the only error."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lora_makers import (
    Toy,
    biased,
    dora,
    hadamard,
    kronecker,
    low_rank,
    named,
    ref,
    shape_of,
    tucker_hadamard,
    tucker_low_rank,
    whole,
    write,
)

from studio.diffusion.lora.adapter import FIELD
from studio.diffusion.lora.errors import BadLora, LoraMismatch
from studio.diffusion.lora.live import Loras
from studio.diffusion.weights.header import BadWeights

if TYPE_CHECKING:
    from pathlib import Path

LINE, CONV3 = shape_of("line"), shape_of("conv3")
FORMS = [
    ("line", biased(low_rank(LINE), 20)),
    ("line", dora(LINE, "input")),
    ("line", kronecker(LINE, first=(5, 3), split="12")),
    ("words", low_rank((10, 12))),
    ("conv3", tucker_low_rank(CONV3)),
    ("conv3", hadamard(CONV3)),
    ("conv3", tucker_hadamard(CONV3)),
    ("conv3", kronecker(CONV3, first=(3, 2), split="1t")),
    ("conv3", dora(CONV3, "output")),
    ("norm", biased(whole((8,), name="w_norm"), 8, name="b_norm")),
]
ENDINGS = [
    *sorted({ending for _, made in FORMS for ending in made.tensors}),
    "lora_A.weight", "lora_B.weight", "lora_B.bias", "lora_magnitude_vector", "oft_blocks",
]  # fmt: skip
DTYPES = [torch.float32] * 4 + [torch.float16, torch.float8_e4m3fn, torch.int64, torch.bool]

shapes = st.lists(st.sampled_from([0, 1, 2, 3, 4, 6, 8, 20, 24]), max_size=5)
changes = st.dictionaries(
    st.sampled_from(ENDINGS),
    st.none() | st.tuples(shapes, st.sampled_from(DTYPES)),
    max_size=3,
)
notes = st.sampled_from(
    ["", "[]", "{", '{"unet.lora_alpha": NaN}', '{"unet.lora_alpha": 1e999}',
     '{"unet.lora_alpha": %s}' % ("9" * 900), '{"unet.lora_alpha": "2"}',
     '{"unet.lora_alpha": 2, "unet.use_rslora": true}', '{"unet.alpha_pattern": {"line": []}}',
     '{"unet.alpha_pattern": {"line": -Infinity}}'],
)  # fmt: skip


def test_any_exchange_of_tensors(tmp_path: Path) -> None:
    numbers = itertools.count()

    @given(st.sampled_from(FORMS), changes, notes, st.booleans(), st.sampled_from([None, 0]))
    @settings(max_examples=150, deadline=None)
    def check(form: Any, changes: Any, noted: str, half: bool, spare: int | None) -> None:
        layer, made = form
        tensors = dict(made.tensors)
        for ending, change in changes.items():
            if change is None:
                tensors.pop(ending, None)
            else:
                tensors[ending] = torch.ones(change[0]).to(change[1])
        path = tmp_path / f"{next(numbers)}.safetensors"
        file = write(path, {f"unet.mid_block.{layer}.{e}": t for e, t in tensors.items()},
                     {FIELD: noted})  # fmt: skip
        toy = Toy().half() if half else Toy()
        loras, said = Loras(), []
        try:
            loras.on_unet(toy, (ref(file),), family="sd1", warn=said.append, spare=spare)
        except (BadLora, LoraMismatch, BadWeights) as error:
            assert path.stem in str(error)  # noqa: PT017
            return
        finally:
            path.unlink()
        if not half:
            assert all(output.isfinite().all() for output in toy().values()) or said
        loras.on_unet(toy, (), family="sd1", warn=said.append)

    check()


@pytest.mark.parametrize(
    ("noted", "message"),
    [
        ('{"unet.lora_alpha": NaN}', "unet.mid_block.line an alpha that is no finite number"),
        ('{"unet.lora_alpha": 1e999}', "an alpha that is no finite number"),
        ('{"unet.lora_alpha": %s}' % ("9" * 900), "an alpha that is no finite number"),
    ],
)  # fmt: skip
def test_an_alpha_of_the_notes_that_is_no_number(noted: str, message: str, tmp_path: Path) -> None:
    made = low_rank(LINE, alpha=None)
    tensors = named("line", made, prefix="unet.mid_block.")
    with pytest.raises(BadLora, match=message):
        Loras().on_unet(
            Toy(), (ref(write(tmp_path / "x.safetensors", tensors, {FIELD: noted})),), family="sd1"
        )


@pytest.mark.parametrize(
    ("tensors", "error", "message"),
    [
        ({**named("line", low_rank(LINE)),
          "lora_unet_mid_block_line.dora_scale": torch.tensor(1.0)},
         BadLora, "the shapes of lora_unet_mid_block_line contradict each other"),
        ({**named("line", biased(low_rank(LINE), 20)),
          "lora_unet_mid_block_line.lora_B.bias": torch.ones(3)},
         BadLora, "the shapes of lora_unet_mid_block_line contradict each other"),
        ({"lora_unet_mid_block_line.lora_B.bias": torch.ones(20)},
         BadLora, "the shapes of lora_unet_mid_block_line contradict each other"),
        (named("words", biased(low_rank((10, 12)), 10)),
         LoraMismatch, "has a difference to the bias, and mid_block.words has none"),
    ],
)  # fmt: skip
def test_what_once_was_a_traceback(
    tensors: dict[str, torch.Tensor], error: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        Loras().on_unet(Toy(), (ref(write(tmp_path / "x.safetensors", tensors)),), family="sd1")


@pytest.mark.parametrize(("alpha", "count"), [(400.0, 0), (401.0, 1), (-1e9, 1)])
def test_an_alpha_far_above_its_rank_is_remarked_upon(
    alpha: float, count: int, tmp_path: Path
) -> None:
    file = write(tmp_path / "x.safetensors", named("line", low_rank(LINE, alpha=alpha, rank=4)))
    said: list[str] = []
    Loras().on_unet(Toy(), (ref(file),), family="sd1", warn=said.append)
    assert len(said) == count
    words = "the alpha of 1 of 1 keys for the UNet is over 100 times their rank"
    assert all(words in each for each in said)
