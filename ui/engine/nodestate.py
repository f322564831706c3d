"""What a node is doing, as a value; and the words for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Status = Literal[
    "unknown", "cached", "saved", "light", "unused", "will_run", "never",
    "running", "done", "failed", "muted", "bypassed",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class NodeState:
    """What a node is doing.

    Args:
        status: "unknown" before the first plan, or where the graph has faults.
        words: for the footer, short: "will run · seed 41 → 42".
        reason: for hovering: the plan's reason, or the whole error.
        step: done, of a node that reports steps.
        of: all of them; 0 where it reports none.
        rate: steps a second; 0 while unknown.
        seconds: its last run took, if it ran in this session.
        message: a warning of its last run.
        tier: "memory" or "disk" of a cached result.
        loading: the part of `seconds` that importing libraries and reading weights took.
        memory: bytes that the engine used when the node had run; 0 while unknown.
        peak: the most it used.
    """

    status: Status = "unknown"
    words: str = ""
    reason: str = ""
    step: int = 0
    of: int = 0
    rate: float = 0.0
    seconds: float | None = None
    message: str = ""
    tier: str = ""
    loading: float = 0.0
    memory: int = 0
    peak: int = 0


UNKNOWN = NodeState()

_ACTIONS: dict[str, tuple[Status, str]] = {
    "runs": ("will_run", "will run"),
    "cached": ("cached", "cached"),
    "saved": ("saved", "saved"),
    "light": ("light", "made when needed"),
    # What it feeds is there already, so it is as good as cached; "unused" is what nothing needs.
    "not needed": ("cached", "up to date"),
}
_MODES: dict[str, Status] = {"mute": "muted", "bypass": "bypassed"}
_TIERS = {"memory": "in memory", "disk": "on disk"}
_NEVER = "never ran"
"""How the plan's reason begins for a node without a past."""


def with_past(
    past: NodeState, status: Status, words: str, reason: str, tier: str = ""
) -> NodeState:
    """A new state that keeps what the node's last run left to tell."""
    # By place, not by `replace`: a plan of 5,000 nodes makes as many.
    return NodeState(
        status, words, reason, 0, 0, 0.0, past.seconds, past.message, tier, past.loading,
        past.memory, past.peak,
    )  # fmt: skip


def by_plan(step: Mapping[str, Any], past: NodeState) -> NodeState:
    """The state that a step of a plan means.

    Args:
        step: as the worker sends it.
        past: what was known of the node.
    """
    status, words = _ACTIONS.get(step["action"], ("unknown", ""))
    reason, tier = str(step.get("reason", "")), str(step.get("tier", ""))
    if status == "will_run":
        if reason.startswith(_NEVER):
            status, words = "never", _NEVER
        elif reason:
            words = f"{words} · {reason}"
    if notes := step.get("notes"):
        reason = "; ".join([reason, *notes])
    if tier:
        reason = f"{reason} ({_TIERS.get(tier, tier)})"
    return with_past(past, status, words, reason, tier)


def by_mode(mode: str, past: NodeState) -> NodeState:
    """The state of a node that is muted ("mute") or bypassed ("bypass")."""
    status = _MODES[mode]
    return with_past(past, status, status, "")
