"""Checkpoints in single files: every family recognised, and loaded as the library has them.

The measure is the library's own reading of the file (`from_single_file`), and for the papers'
models, which it can't read, the renaming tables of the test suite (`compvis_names`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import torch
from checkpoint_bench import FLOAT32, hollow, quiet_library, read, same
from safetensors.torch import load_file

from benchmarks.compvis import FULL, TINY, configs, shapes, write_checkpoint
from benchmarks.compvis.hollow import write_hollow
from studio.diffusion.checkpoints import BadCheckpoint
from studio.diffusion.store import ModelStore
from studio.errors import InputError
from studio.values import CheckpointRef, Clip, Model, Vae

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from family_files import Family

EPSILON, V = "epsilon", "v_prediction"
CLIP, PROJECTED = "CLIPTextModel", "CLIPTextModelWithProjection"
KL8, KL4, XL = "kl-f8-c4-0.18215", "kl-f4-c4-0.08333", "kl-f8-c4-0.13025"
VQ4 = "vq-f4-c3-1"


class Known(NamedTuple):
    """What a file of a kind must be told to be."""

    family: str
    channels: int
    space: str
    text: tuple[str, ...]
    prediction: str = EPSILON


KNOWN = {
    "sd1": Known("sd1", 4, KL8, (CLIP,)),
    "sd1_inpaint": Known("sd1_inpaint", 9, KL8, (CLIP,)),
    "sd2": Known("sd2", 4, KL8, (CLIP,)),
    "sd2_v": Known("sd2", 4, KL8, (CLIP,)),  # its random weights don't tell that it predicts v
    "sd2_inpaint": Known("sd2_inpaint", 9, KL8, (CLIP,)),
    "sd2_upscale": Known("sd2_upscale", 7, KL4, (CLIP,), V),
    "sdxl": Known("sdxl", 4, XL, (CLIP, PROJECTED)),
    "sdxl_inpaint": Known("sdxl_inpaint", 9, XL, (CLIP, PROJECTED)),
    "sdxl_refiner": Known("sdxl_refiner", 4, XL, (PROJECTED,)),
    "ldm_text": Known("ldm_text", 4, KL8, ("LDMBertModel",)),
    "ldm_class": Known("ldm_class", 3, VQ4, ("ClassEmbedder",)),
    "ldm_class_kl": Known("ldm_class", 4, "kl-f8-c4-1", ("ClassEmbedder",)),
    "ldm_class_vq8": Known("ldm_class", 4, "vq-f8-c4-1", ("ClassEmbedder",)),
    "ldm_celebahq": Known("ldm_uncond", 3, VQ4, ()),
    "ldm_ffhq": Known("ldm_uncond", 3, VQ4, ()),
    "ldm_bedrooms": Known("ldm_uncond", 3, VQ4, ()),
    "ldm_churches": Known("ldm_uncond", 4, "kl-f8-c4-0.22", ()),
    "ldm_sr": Known("ldm_sr", 6, VQ4, ()),
}
# Files of one build; one of each is loaded.
BUILDS = [name for name in KNOWN if name not in ("sd2_v", "ldm_ffhq", "ldm_bedrooms")]
# Written in another way (one depth for all levels), without use, or measured in training.
SAME = ("transformer_layers_per_block", "down_block_types", "projection_dim", "scaling_factor")
HALF = {"fp16": torch.float16, "bf16": torch.bfloat16, "fp8": torch.float8_e4m3fn}
NAMES = {torch.float16: "F16", torch.bfloat16: "BF16", torch.float8_e4m3fn: "F8_E4M3"}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quiet_library():
        yield


def told(path: Path) -> Known:
    """What the program says of a file."""
    found = read(path)
    return Known(
        found.family.id,
        found.unet.config["in_channels"],
        found.space.name,
        tuple(part.class_name for part in found.text_encoders),
        found.prediction,
    )


def loaded(path: Path, ema: bool | None = None) -> dict[str, dict[str, torch.Tensor]]:
    """The state of every module, as the program loads them, by the library's names of parts."""
    checkpoint = CheckpointRef(path.stem, str(path), path.stem, ema=ema)
    store, found = ModelStore(FLOAT32), read(path)
    states = {
        "unet": store.model(Model(checkpoint)).unet.state_dict(),
        "vae": store.vae(Vae(checkpoint)).module.state_dict(),
    }
    classes = [part.class_name for part in found.text_encoders]
    if "ClassEmbedder" in classes:
        table = store.classes(Clip(checkpoint)).table
        states["class_embedder"] = {"embedding.weight": table.weight}
    elif classes:
        parts = [_PARTS.get(name, "text_encoder") for name in classes]
        encoders = store.text(Clip(checkpoint)).encoders
        for part, encoder in zip(parts, encoders, strict=True):
            states[part] = encoder.module.state_dict()
    return states


_PARTS = {PROJECTED: "text_encoder_2", "LDMBertModel": "bert"}


def library(modules: dict[str, Any]) -> dict[str, dict[str, torch.Tensor]]:
    """The same of the library's modules."""
    names = ("unet", "vae", "vqvae", "text_encoder", "text_encoder_2", "bert", "class_embedder")
    found = {}
    for name in names:
        module = modules.get(name)
        if module is not None:
            state = module if isinstance(module, dict) else module.state_dict()
            found[name.removeprefix("vq") if name == "vqvae" else name] = state
    return found


def assert_same(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    assert ours.keys() == theirs.keys()
    for part, state in theirs.items():
        assert same(ours[part], state), part


# --- recognised ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", KNOWN)
def test_every_family_is_told_from_a_header(name: str, tmp_path: Path) -> None:
    assert set(KNOWN) == set(TINY)
    known = KNOWN[name]
    if name == "ldm_churches":  # its scale is a number in the file, and these are zeros
        known = known._replace(space=KL8.replace("0.18215", "1"))
    for layout in (FULL.get(name), TINY[name]):
        if layout is not None:
            path = write_hollow(tmp_path / "a.safetensors", shapes(layout))
            assert told(path) == known


@pytest.mark.parametrize("name", FULL)
def test_the_config_of_a_full_size_file_is_the_published_one(name: str, tmp_path: Path) -> None:
    found = read(write_hollow(tmp_path / "a.safetensors", shapes(FULL[name])),
                 V if name == "sd2_v" else "auto")  # fmt: skip
    published = configs(FULL[name])

    def fits(config: Any, where: str) -> bool:
        wanted = {k: v for k, v in published[where].items() if k[0] != "_" and k not in SAME}
        return {k: config.get(k) for k in wanted} == wanted

    assert found.vae is not None
    assert fits(found.unet.config, "unet/config.json")
    stage = "vae" if "vae/config.json" in published else "vqvae"
    assert fits(found.vae.config, f"{stage}/config.json")
    encoders = ("text_encoder", "text_encoder_2", "bert", "class_embedder")
    places = [f"{place}/config.json" for place in encoders if f"{place}/config.json" in published]
    assert len(places) == len(found.text_encoders)
    assert all(map(fits, (part.config for part in found.text_encoders), places))


@pytest.mark.parametrize("name", ["sd1", "sdxl", "ldm_text"])
def test_parts_that_a_file_lacks_are_missed_only_when_they_are_wanted(
    name: str, tmp_path: Path
) -> None:
    whole = shapes(FULL[name])
    denoiser = {k: v for k, v in whole.items() if k.startswith("model.diffusion_model.")}
    found = read(write_hollow(tmp_path / "a.safetensors", denoiser))
    assert (found.family.id, found.vae, found.text_encoders) == (name, None, ())
    assert found.space.channels == 4
    checkpoint = CheckpointRef("a", str(tmp_path / "a.safetensors"), "a")
    with pytest.raises(BadCheckpoint, match=r"has no first stage \(VAE\).*LoadVae"):
        ModelStore(FLOAT32).vae(Vae(checkpoint))
    with pytest.raises(InputError):
        ModelStore(FLOAT32).text(Clip(checkpoint))


def test_the_type_is_that_of_most_weights(tmp_path: Path) -> None:
    for kind in ("F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"):
        assert read(hollow(tmp_path, "sd1", dtype=kind)).dtype == kind


# --- loaded --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BUILDS)
def test_the_weights_are_the_librarys_to_the_bit(name: str, family: Family) -> None:
    tiny = family[name]
    assert told(tiny.file) == KNOWN[name]
    assert_same(loaded(tiny.file), library(tiny.modules))


@pytest.mark.parametrize("name", ["sd2", "sdxl_refiner", "sd2_upscale", "ldm_text", "ldm_class",
                                  "ldm_churches", "ldm_sr"])  # fmt: skip
def test_the_folder_that_the_library_writes_is_told_alike(name: str, family: Family) -> None:
    tiny = family[name]
    single, folder = read(tiny.file), read(tiny.folder)
    assert told(tiny.folder) == KNOWN[name]
    assert folder.family is single.family
    assert folder.unet.class_name == single.unet.class_name
    assert folder.space.scaling_factor == pytest.approx(single.space.scaling_factor)
    for ours, theirs in ((folder.unet, single.unet), (folder.vae, single.vae)):
        assert ours is not None
        assert theirs is not None
        assert ours.tensors().keys() == theirs.tensors().keys()


@pytest.mark.parametrize("short", HALF)
def test_narrow_types_are_widened_exactly(short: str, tmp_path: Path, family: Family) -> None:
    dtype = HALF[short]
    path = write_checkpoint(
        tmp_path / f"{short}.safetensors", TINY["sd1"], dtype=str(dtype).removeprefix("torch.")
    )
    assert read(path).dtype == NAMES[dtype]
    wanted = {
        part: {name: value.to(dtype).float() for name, value in state.items()}
        for part, state in library(family["sd1"].modules).items()
    }
    assert_same(loaded(path), wanted)


@pytest.mark.parametrize("ending", [".ckpt", ".pt"])
def test_files_of_torch_hold_the_same(ending: str, tmp_path: Path, family: Family) -> None:
    path = write_checkpoint(tmp_path / f"sd1{ending}", TINY["sd1"], dtype="float32")
    assert told(path) == KNOWN["sd1"]
    assert_same(loaded(path), library(family["sd1"].modules))


def test_old_files_of_torch_and_wrong_endings_are_read(tmp_path: Path, family: Family) -> None:
    tensors = load_file(family["ldm_sr"].file)
    old, named = tmp_path / "old.ckpt", tmp_path / "named.safetensors"
    torch.save({"state_dict": tensors, "epoch": 3}, old, _use_new_zipfile_serialization=False)
    torch.save(tensors, named)
    other = tmp_path / "other.ckpt"
    other.write_bytes(family["ldm_sr"].file.read_bytes())
    wanted = library(family["ldm_sr"].modules)
    for path in (old, named, other):
        assert_same(loaded(path), wanted)


# --- averages ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def with_averages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ema")
    return write_checkpoint(folder / "a.safetensors", TINY["sd1"], dtype="float32", ema=True)


@pytest.mark.parametrize("ema", [None, True, False])
def test_averages_are_taken_unless_the_user_wants_the_trained_weights(
    with_averages: Path, ema: bool | None
) -> None:
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint

    found = read(with_averages, ema=ema)
    assert found.averaged is (ema is not False)
    wanted = convert_ldm_unet_checkpoint(
        load_file(with_averages), configs(TINY["sd1"])["unet/config.json"],
        extract_ema=ema is not False,
    )  # fmt: skip
    assert same(loaded(with_averages, ema)["unet"], wanted)


def test_averages_that_are_not_whole_do_not_count(tmp_path: Path) -> None:
    path = hollow(tmp_path, "sd1", ema=True, drop="model_ema.diffusion_modelout")
    assert not read(path).averaged
    with pytest.raises(BadCheckpoint, match=r"no averaged weights \(EMA\)\. Set .* \"auto\""):
        read(path, ema=True)
