"""What can be wrong with a conditioning, seen from the model that it meets."""

from __future__ import annotations

from studio.errors import InputError


class EmptyConditioning(InputError):
    """A conditioning without entries."""

    def __init__(self, which: str) -> None:
        super().__init__(f"The {which} conditioning is empty.", hint="Wire a text encoder to it.")


class WrongConditioningWidth(InputError):
    """A conditioning made by another family's text encoder."""

    def __init__(self, which: str, width: int, wanted: int) -> None:
        super().__init__(
            f"The {which} conditioning is {width} wide, the model wants {wanted}: it comes from "
            "another family's text encoder.",
            hint="Encode the text with the clip of the checkpoint that the model is from.",
        )


class MissingText(InputError):
    """A conditioning without text meets a model that wants one."""

    def __init__(self, which: str) -> None:
        super().__init__(
            f"The {which} conditioning brings no text, and the model wants one.",
            hint="Wire a text encoder to it; an empty text will do.",
        )


class UnwantedText(InputError):
    """A conditioning with text meets a model that takes none."""

    def __init__(self, which: str) -> None:
        super().__init__(
            f"The {which} conditioning brings a text, and this model takes none.",
            hint="Wire a NoText node to it, or SuperResolutionConditioning where the model scales "
            "pictures up.",
        )


class MissingPooled(InputError):
    """A conditioning without pooled text meets SDXL."""

    def __init__(self, which: str) -> None:
        super().__init__(
            f"The {which} conditioning has no pooled text, and the model wants one.",
            hint="Encode the text with the clip of the checkpoint that the model is from.",
        )


class WrongPooledWidth(InputError):
    """Pooled text of another family."""

    def __init__(self, which: str, width: int, wanted: int) -> None:
        super().__init__(
            f"The pooled text of the {which} conditioning is {width} wide, the model wants "
            f"{wanted}: it comes from another family's text encoder.",
            hint="Encode the text with the clip of the checkpoint that the model is from.",
        )


class MissingConcat(InputError):
    """A model that wants to see a picture beside the latent isn't shown one."""

    def __init__(self, which: str, channels: int, extra: int) -> None:
        hints = {
            channels + 1: "It is an inpainting model: wire InpaintModelConditioning between text "
            "and sampler, or give the latent a noise mask.",
            3: "It scales pictures up: wire UpscaleConditioning, or SuperResolutionConditioning "
            "where it takes no text, before the sampler.",
        }
        super().__init__(
            f"The model takes {extra} channels beside the latent's {channels}, and the {which} "
            "conditioning brings none.",
            hint=hints.get(extra, "Nothing here makes such channels."),
        )


class WrongConcat(InputError):
    """Channels beside the latent that were made for another kind of model."""

    def __init__(self, which: str, found: int, wanted: int) -> None:
        super().__init__(
            f"The {which} conditioning brings {found} channels beside the latent, the model takes "
            f"{wanted}.",
            hint="InpaintModelConditioning is for inpainting models, UpscaleConditioning and "
            "SuperResolutionConditioning are for those that scale pictures up.",
        )


class MissingLevel(InputError):
    """The x4 upscaler isn't told how noisy its picture is."""

    def __init__(self, which: str) -> None:
        super().__init__(
            f"The model wants to know how noisy its picture is, and the {which} conditioning "
            "doesn't say.",
            hint="Wire UpscaleConditioning between text and sampler.",
        )


class UnwantedPicture(InputError):
    """A picture to be made larger meets a model that can't be shown it."""

    def __init__(self, which: str) -> None:
        super().__init__(
            f"The {which} conditioning shows a picture for the x4 upscaler, and this model is "
            "none: it would take no notice of it.",
            hint="Load the x4 upscaler, or wire the text to the sampler without "
            "UpscaleConditioning.",
        )


class AreaOutside(InputError):
    """An area with nothing of the picture in it."""

    def __init__(self, which: str, top: int, left: int, height: int, width: int) -> None:
        super().__init__(
            f"An area of the {which} conditioning begins {left} pixels from the left and {top} "
            f"from the top: outside of the picture, which is {width} x {height} pixels.",
            hint="Move the area into the picture.",
        )


class WrongSides(InputError):
    """A latent whose sides this model can't halve often enough."""

    def __init__(self, height: int, width: int, multiple: int, downscale: int) -> None:
        step = multiple * downscale
        good = [max(round(side / multiple), 1) * step for side in (width, height)]
        super().__init__(
            f"{width * downscale}x{height * downscale} pixels (an area's included) can't be made: "
            f"this model needs multiples of {step}.",
            hint=f"Try {good[0]}x{good[1]}.",
        )
