"""What a running node may ask of the engine.

A node that wants any of this takes a keyword-only parameter annotated `Context`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from studio.diffusion.store import ModelStore
    from studio.environment import Environment
    from studio.execution.cache import SavedFile
    from studio.hardware import Policy

    Preview = Callable[[], NDArray[np.uint8] | None]
    """Makes a small picture, uint8 [H, W, 3]; called only where somebody looks."""


class Context(ABC):
    """Progress, cancellation, live models and the output folder, for one node in one run."""

    node: str
    """The id of the node in its graph."""
    key: str
    """The key of the node's outputs: equal keys, equal results."""
    policy: Policy
    """Device and dtype of this run."""
    environment: Environment
    """Models folders, input files, the output folder."""

    @abstractmethod
    def check_cancelled(self) -> None:
        """Raise `Cancelled` where the user asked to stop. Call it where work can stop cleanly."""

    @abstractmethod
    def progress(self, step: int, of: int, preview: Preview | None = None) -> None:
        """Report `step` of `of` done, and check for cancellation."""

    @abstractmethod
    def warn(self, message: str) -> None:
        """Tell the user something they should know though the run goes on."""

    @property
    @abstractmethod
    def models(self) -> ModelStore:
        """Turns recipes into live modules."""

    @abstractmethod
    def write(self, job: Callable[[], Sequence[SavedFile]]) -> None:
        """Encode and write files on a side thread; the node counts as finished when it is done.

        The job must not touch what the node returned or the context.
        """

    @abstractmethod
    def provenance(self) -> Mapping[str, Any]:
        """What it takes to make this node's result again: graph, versions, models, timings."""
