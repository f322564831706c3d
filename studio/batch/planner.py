"""Plans of one job after another: what a job has in common with the last isn't looked at again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio.batch.targets import with_sets
from studio.execution.keys import sign
from studio.execution.plan import Plan, make_plan
from studio.graph.files import from_json
from studio.graph.recheck import recheck

if TYPE_CHECKING:
    from collections.abc import Mapping

    from studio.batch.model import Job, Setup
    from studio.environment import Environment
    from studio.execution.keys import Signed
    from studio.graph.checked import CheckedGraph
    from studio.session import Session


class Planner:
    """Makes the plans of a batch's jobs. Of one thread.

    Args:
        setup: of the batch.
        session: its surroundings.
        environment: of all jobs, but for their output folders.
    """

    def __init__(self, setup: Setup, session: Session, environment: Environment) -> None:
        self._setup = setup
        self._session = session
        self._environment = environment
        self._graph = from_json(dict(setup.graph))
        self._last: tuple[Job, CheckedGraph, Mapping[str, Signed]] | None = None

    def plan(self, job: Job, environment: Environment | None = None) -> Plan:
        """The plan of a job.

        Args:
            job: what to plan.
            environment: with the job's output folder, where it is to be run.

        Raises:
            StudioError: it can't run (a file that it names is gone).
        """
        environment = environment or self._environment
        session, before = self._session, self._last
        graph = with_sets(self._graph, job.sets)
        checked = signed = None
        if before is not None:
            last, known, keys = before
            checked = recheck(known, graph, _places(last, job), environment)
            if checked is not None:
                signed = sign(checked, environment, session.policy, (known, keys))
        if checked is None or signed is None:
            checked = session.check(graph, environment, self._setup.name, self._setup.only)
            signed = sign(checked, environment, session.policy)
        self._last = (job, checked, signed)
        return make_plan(checked, signed, session.cache, environment, "-")

    def again(self, plan: Plan, environment: Environment) -> Plan:
        """The plan of the same job by what is cached now."""
        return make_plan(plan.graph, plan.signed, self._session.cache, environment, plan.graph_id)


def _places(*jobs: Job) -> dict[str, set[str]]:
    """The widgets that any of some jobs sets, by node."""
    found: dict[str, set[str]] = {}
    for job in jobs:
        for place in job.sets:
            node, _, param = place.partition(".")
            found.setdefault(node, set()).add(param)
    return found
