"""The public checkpoints as descriptions, at full size and tiny.

The figures are those of the yaml files that CompVis and Stability published with them; where each
came from is in `resources/configs/about.json`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from benchmarks.compvis.first_stage import FirstStage, first_stage_shapes
from benchmarks.compvis.parts import Shapes, prefixed
from benchmarks.compvis.text import (
    ClassTable,
    ClipText,
    LdmBert,
    OpenClip,
    TextPart,
    text_shapes,
)
from benchmarks.compvis.unet import Unet, unet_shapes

SCHEDULE = (
    "betas",
    "alphas_cumprod",
    "alphas_cumprod_prev",
    "sqrt_alphas_cumprod",
    "sqrt_one_minus_alphas_cumprod",
    "log_one_minus_alphas_cumprod",
    "sqrt_recip_alphas_cumprod",
    "sqrt_recipm1_alphas_cumprod",
    "posterior_variance",
    "posterior_log_variance_clipped",
    "posterior_mean_coef1",
    "posterior_mean_coef2",
)
"""Buffers that `LatentDiffusion` saves, each float32 of 1000."""


@dataclass(frozen=True)
class Layout:
    """One kind of checkpoint file.

    Attributes:
        configs: folder in `resources/configs` with the library's view of it.
        unet: the denoiser.
        first_stage: the first stage.
        text: prefixes and descriptions of the conditioning stages.
        betas: first and last of the schedule (linear in the square root), as buffers; None: the
            file has no schedule (Stability's generative-models saves none).
        scale_factor: saved as a buffer where it was measured in training (`scale_by_std`).
        low_scale: the file carries a second schedule, of the noise on the low resolution picture.
        sample_size: height of the latents that the library takes when none is given; None: as
            published.
    """

    configs: str
    unet: Unet
    first_stage: FirstStage
    text: tuple[tuple[str, TextPart], ...] = ()
    betas: tuple[float, float] | None = (0.00085, 0.012)
    scale_factor: float | None = None
    low_scale: bool = False
    sample_size: int | None = None


def shapes(layout: Layout, *, ema: bool = False, schedule: bool = True) -> Shapes:
    """Names and shapes of every tensor of the file.

    Args:
        layout: of the file.
        ema: with averaged weights of the denoiser as `LitEma` names them.
        schedule: with the buffers of the schedule, where the layout has them.
    """
    unet = unet_shapes(layout.unet)
    tensors = prefixed("model.diffusion_model.", unet)
    tensors |= prefixed("first_stage_model.", first_stage_shapes(layout.first_stage))
    for prefix, part in layout.text:
        tensors |= prefixed(prefix, text_shapes(part))
    if layout.betas and schedule:
        tensors |= dict.fromkeys(SCHEDULE, (1000,))
        if layout.low_scale:
            tensors |= {f"low_scale_model.{name}": (1000,) for name in SCHEDULE[:8]}
    if layout.scale_factor is not None:
        tensors["scale_factor"] = ()
    if ema:
        # LitEma drops every dot of a name that starts below `model.`.
        tensors |= {
            "model_ema." + f"diffusion_model.{name}".replace(".", ""): shape
            for name, shape in unet.items()
        }
        tensors |= {"model_ema.decay": (), "model_ema.num_updates": ()}
    return tensors


_KL8 = FirstStage(width=128, mult=(1, 2, 4, 4), channels=4, embed=4)
_KL4 = FirstStage(width=128, mult=(1, 2, 4), channels=4, embed=4)
_VQ4 = FirstStage(width=128, mult=(1, 2, 4), channels=3, embed=3, codes=8192)
_VQ8 = FirstStage(width=128, mult=(1, 2, 2, 4), channels=4, embed=4, codes=16384, attention=(3,))
_LDM_BETAS = (0.0015, 0.0195)
_COND = "cond_stage_model."

_SD1 = Layout(
    "sd1",
    Unet(4, 4, 320, (1, 2, 4, 4), (1, 1, 1, 0), context=768, heads=8),
    _KL8,
    ((_COND, ClipText()),),
)
_SD2 = Layout(
    "sd2",
    replace(_SD1.unet, context=1024, heads=None, head_width=64, linear=True),
    _KL8,
    ((_COND, OpenClip()),),
)
_UPSCALE = Layout(
    "sd2_upscale",
    Unet(
        7,
        4,
        256,
        (1, 2, 2, 4),
        (0, 1, 1, 1),
        context=1024,
        heads=8,
        linear=True,
        classes=1000,
        cross_only=(0, 1, 2),
    ),
    _KL4,
    ((_COND, OpenClip()),),
    betas=(0.0001, 0.02),
    low_scale=True,
)
_SDXL = Layout(
    "sdxl",
    Unet(4, 4, 320, (1, 2, 4), (0, 2, 10), 10, context=2048, head_width=64, linear=True, adm=2816),
    _KL8,
    (
        ("conditioner.embedders.0.", ClipText()),
        ("conditioner.embedders.1.", OpenClip(1280, 32)),
    ),
    betas=None,
)
_REFINER = Layout(
    "sdxl_refiner",
    Unet(
        4,
        4,
        384,
        (1, 2, 4, 4),
        (0, 4, 4, 0),
        4,
        context=1280,
        head_width=64,
        linear=True,
        adm=2560,
    ),
    _KL8,
    (("conditioner.embedders.0.", OpenClip(1280, 32)),),
    betas=None,
)
_LDM_TEXT = Layout(
    "ldm_text",
    replace(_SD1.unet, context=1280),
    _KL8,
    ((_COND, LdmBert()),),
)
_LDM_CLASS = Layout(
    "ldm_class",
    Unet(3, 3, 192, (1, 2, 3, 5), (0, 1, 1, 1), context=512, heads=1),
    _VQ4,
    ((_COND, ClassTable()),),
    betas=_LDM_BETAS,
)
_LDM_CLASS_VQ8 = Layout(
    "ldm_class_vq8",
    Unet(4, 4, 256, (1, 2, 4), (1, 1, 1), context=512, head_width=32),
    _VQ8,
    ((_COND, ClassTable(classes=1000)),),
    betas=_LDM_BETAS,
)
_LDM_FACES = Layout(
    "ldm_uncond",
    Unet(3, 3, 224, (1, 2, 3, 4), (0, 1, 1, 1), head_width=32),
    _VQ4,
    betas=_LDM_BETAS,
)
_LDM_CHURCHES = Layout(
    "ldm_uncond_kl",
    Unet(
        4,
        4,
        192,
        (1, 2, 2, 4, 4),
        (1, 1, 1, 1, 0),
        heads=8,
        scale_shift=True,
        resample_blocks=True,
    ),
    _KL8,
    betas=(0.0015, 0.0155),
    scale_factor=0.22,
)
_LDM_SR = Layout(
    "ldm_sr",
    Unet(6, 3, 160, (1, 2, 2, 4), (0, 0, 0, 1), head_width=32),
    _VQ4,
    betas=(0.0015, 0.0155),
)


def _inpainting(layout: Layout, configs: str) -> Layout:
    return replace(layout, configs=configs, unet=replace(layout.unet, in_channels=9))


FULL: dict[str, Layout] = {
    "sd1": _SD1,
    "sd1_inpaint": _inpainting(_SD1, "sd1_inpaint"),
    "sd2": _SD2,
    "sd2_v": replace(_SD2, configs="sd2_v"),
    "sd2_inpaint": _inpainting(_SD2, "sd2_inpaint"),
    "sd2_upscale": _UPSCALE,
    "sdxl": _SDXL,
    "sdxl_refiner": _REFINER,
    "sdxl_inpaint": _inpainting(_SDXL, "sdxl_inpaint"),
    "ldm_text": _LDM_TEXT,
    "ldm_class": _LDM_CLASS,
    "ldm_class_vq8": _LDM_CLASS_VQ8,
    "ldm_celebahq": _LDM_FACES,
    "ldm_ffhq": _LDM_FACES,
    "ldm_bedrooms": _LDM_FACES,
    "ldm_churches": _LDM_CHURCHES,
    "ldm_sr": _LDM_SR,
}
"""The public checkpoints, by the names of their families."""

_TINY_PARTS: dict[TextPart, TextPart] = {
    # 64 is the least width that keeps CLIP's rule of 64 channels a head.
    ClipText(): ClipText(64, 2),
    # One layer more than the library reads: it leaves out the last of SD 2's encoder.
    OpenClip(): OpenClip(64, 3),
    # The library tells SDXL's two encoders apart by their widths.
    OpenClip(1280, 32): OpenClip(128, 3),
    LdmBert(): LdmBert(64, 2),
    ClassTable(): ClassTable(width=64),
    ClassTable(classes=1000): ClassTable(classes=1000, width=64),
}
_TINY_CONTEXT = {768: 64, 1024: 64, 512: 64, 1280: 64, 2048: 64 + 128}
_TINY_ADM = {2816: 6 * 256 + 128, 2560: 5 * 256 + 128}


def _tiny(layout: Layout) -> Layout:
    """The same structure (levels, blocks, attention) with the least widths its rules allow."""
    unet = layout.unet
    levels = len(unet.mult)
    small = replace(
        unet,
        width=64 if unet.head_width == 64 else 32,
        # A change of width somewhere, so that skip connections with a shortcut occur.
        mult=(1,) * (levels - 1) + (2,),
        depth=tuple(min(depth, 2) for depth in unet.depth),
        middle=min(unet.middle, 2),
        # The refiner's text is as wide as LDM's, and SDXL's second encoder gives both.
        context=unet.context and (128 if unet.adm == 2560 else _TINY_CONTEXT[unet.context]),
        adm=unet.adm and _TINY_ADM[unet.adm],
    )
    stage = layout.first_stage
    return replace(
        layout,
        unet=small,
        first_stage=replace(
            stage,
            width=32,
            mult=(1,) * (len(stage.mult) - 1) + (2,),
            codes=stage.codes and 128,
        ),
        text=tuple((prefix, _TINY_PARTS[part]) for prefix, part in layout.text),
        sample_size=2 ** max(levels - 1, 3),
    )


TINY: dict[str, Layout] = {name: _tiny(layout) for name, layout in FULL.items()}
"""The same, small enough for tests. Vocabularies stay whole: the tokenizers ship."""
TINY["ldm_class_kl"] = replace(
    TINY["ldm_class"],
    configs="ldm_class_kl",
    unet=replace(TINY["ldm_class"].unet, in_channels=4, out_channels=4),
    first_stage=TINY["sd1"].first_stage,
)
