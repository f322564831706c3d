"""A tensor in a file that isn't read yet, and how a module wants to see it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from studio.diffusion.weights.files import WeightsFile


class View(NamedTuple):
    """One change of shape.

    Args:
        kind: "rows" takes rows `start` to `end`; "transposed" swaps two axes; "flat" drops the
            axes of length 1 behind the second (a 1x1 convolution as a linear layer); "heads" takes
            the part `start` (0 query, 1 key, 2 value) of a projection whose rows are sorted by
            head first, `end` heads in all.
    """

    kind: Literal["rows", "transposed", "flat", "heads"]
    start: int = 0
    end: int = 0


@dataclass(frozen=True)
class Deferred:
    """A tensor that is read when it is needed.

    Args:
        file: where it is.
        name: in that file.
        views: changes of shape, applied in this order.
    """

    file: WeightsFile
    name: str
    views: tuple[View, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """As the module will see it."""
        shape = self.file.tensors[self.name].shape
        for view in self.views:
            shape = _shape(shape, view)
        return shape

    def rows(self, start: int, end: int) -> Deferred:
        """Rows `start` to `end` (excluded)."""
        return self._viewed(View("rows", start, end))

    def transposed(self) -> Deferred:
        """Of a matrix."""
        return self._viewed(View("transposed"))

    def flat(self) -> Deferred:
        """[out, in] of [out, in, 1] or [out, in, 1, 1]."""
        return self._viewed(View("flat"))

    def heads(self, part: int, heads: int) -> Deferred:
        """Query (0), key (1) or value (2) of rows [heads, 3, width]."""
        return self._viewed(View("heads", part, heads))

    @property
    def is_floating(self) -> bool:
        """Whether its elements are floating-point numbers."""
        return "F" in self.file.tensors[self.name].dtype  # F16, BF16, F32, F64, F8_E4M3 …

    def read(self, dtype: torch.dtype | None = None) -> Tensor:
        """The tensor on the CPU.

        Args:
            dtype: to convert to on the way; None leaves the file's own.

        Raises:
            BadWeights: the file can't be read any more.
        """
        tensor = (
            self.file.read(self.name) if dtype is None else self.file.read_as(self.name, dtype)
        )
        for view in self.views:
            tensor = _view(tensor, view)
        return tensor

    def _viewed(self, view: View) -> Deferred:
        return replace(self, views=(*self.views, view))


def _shape(shape: tuple[int, ...], view: View) -> tuple[int, ...]:
    match view.kind:
        case "rows":
            return (max(min(view.end, shape[0]) - view.start, 0), *shape[1:])
        case "transposed":
            return shape[::-1]
        case "flat":
            return shape[:2] if all(side == 1 for side in shape[2:]) else shape
        case "heads":
            return (shape[0] // 3, *shape[1:])


def _view(tensor: Tensor, view: View) -> Tensor:
    match view.kind:
        case "rows":
            return tensor[view.start : view.end]
        case "transposed":
            return tensor.T
        case "flat":
            return tensor.reshape(_shape(tuple(tensor.shape), view))
        case "heads":
            grouped = tensor.reshape(view.end, 3, -1, *tensor.shape[1:])
            return grouped[:, view.start].reshape(-1, *tensor.shape[1:])
