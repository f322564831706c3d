"""What the tests of batches share: a session that keeps nothing, and requests on the pocket."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.batch.jobfile import Asked, Request
from studio.batch.planning import BatchPlan, plan_batch
from studio.batch.targets import Target, find_target
from studio.graph import files

if TYPE_CHECKING:
    from studio.registry import Registry
    from studio.session import Session

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW = ROOT / "workflows" / "text_to_image.json"


def target(registry: Registry, place: str) -> Target:
    """A widget of the text_to_image workflow."""
    return find_target(place, files.load(WORKFLOW), registry, "here")


def asked(text: str, base: Path = Path()) -> Asked:
    """A sweep as the command line gives it."""
    place, _, spec = text.partition("=")
    return Asked(place, spec, f"--sweep {text}", base)


def plan(session: Session, *sweeps: str, graph: Path = WORKFLOW, **options: Any) -> BatchPlan:
    """A planned batch of text_to_image."""
    return plan_batch(Request(graph, sweeps=tuple(map(asked, sweeps)), **options), session)
