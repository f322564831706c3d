"""From a request to a batch that can run: graph, jobs, order, all checked. Writes nothing."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.batch.axes import Axis, RowsAxis, SetTwice, Space, SweepAxis
from studio.batch.checking import Judge, check_jobs
from studio.batch.jobfile import Asked, FrozenValues, Request
from studio.batch.model import Setup
from studio.batch.order import Order, running_order
from studio.batch.rows import read_csv, read_jsonl
from studio.batch.specs import Spec, parse_spec, spec_of_list
from studio.batch.targets import BadTarget, find_target, with_sets
from studio.batch.texts import Reader, StoredValues, read_values
from studio.errors import InputError
from studio.graph.files import to_json
from studio.graph.migrate import migrate
from studio.graph.overrides import apply_sets
from studio.session import locate
from studio.words import cut

if TYPE_CHECKING:
    from collections.abc import Callable

    from studio.batch.targets import Target

    Judging = Callable[[Target, Any], str | None]

    from studio.environment import Environment
    from studio.graph.checked import CheckedGraph
    from studio.graph.document import Graph
    from studio.session import Session


class TwoTables(InputError):
    """--csv and --jsonl at once."""

    def __init__(self) -> None:
        super().__init__("A batch has one table.", hint="Give --csv or --jsonl, not both.")


@dataclass(frozen=True)
class BatchPlan:
    """A batch that can run.

    Args:
        request: what was asked for, sweeps in canonical form.
        graph: migrated, constants applied.
        checked: the first job's.
        space: the jobs, by the user's order.
        order: job numbers in running order.
        environment: models and files.
        specs: the sweeps.
        warnings: sentences.
    """

    request: Request
    graph: Graph
    checked: CheckedGraph
    space: Space
    order: Order
    environment: Environment
    specs: tuple[Spec, ...]
    warnings: tuple[str, ...]

    @property
    def setup(self) -> Setup:
        """What all jobs share, for the driver."""
        run = self.request.run
        size = run.batch_size if isinstance(run.batch_size, int) else None
        return Setup(
            graph=to_json(self.graph),
            base=self.environment.base,
            name=self.environment.graph_name,
            count=len(self.space),
            only=self.request.only,
            device=run.device,
            dtype=run.dtype,
            use_cache=run.cache is not False,
            batch_size=size,
        )


def plan_batch(request: Request, session: Session, *, known: bool = False) -> BatchPlan:
    """Read and check all of a batch.

    Args:
        request: from the command line, a job file, or the folder of a run.
        session: node types and folders.
        known: the batch goes on, and all of it was checked when it began.

    Raises:
        InputError: whatever is wrong, in one to three lines.
    """
    if request.csv and request.jsonl:
        raise TwoTables
    path = locate(request.graph)
    graph, notes, _ = migrate(session.load(path), session.registry)
    graph, constants = _with_constants(graph, request, session)
    if request.base:
        environment = session.environment_at(request.base, request.name or path.stem)
    else:
        environment = session.environment(path)
    judge = _trusting if known else Judge(environment)
    reading = _Reading(request, graph, session, judge)
    specs = tuple(reading.spec(asked) for asked in request.sweeps)
    space = Space([*reading.tables(), *_sweep_axes(specs, paired=request.zip)])
    for target in space.targets:
        if target.place in constants:
            raise SetTwice(target.place, "--set", "a sweep or a column")
    checked, warnings = check_jobs(
        space,
        graph,
        session.registry,
        environment,
        only=request.only,
        source="standard input" if str(path) == "-" else str(path),
        known=known,
    )
    canonical = replace(
        request,
        graph=path,
        base=environment.base,
        name=environment.graph_name,
        sets=tuple(constants.items()),
        sweeps=tuple(
            asked._replace(
                place=spec.target.place,
                spec=spec.text if isinstance(asked.spec, str) else asked.spec,
            )
            for spec, asked in zip(specs, request.sweeps, strict=True)
        ),
    )
    told = (
        *(f"migrated {note}" for note in notes),
        *(str(fault) for fault in checked.warnings),
        *warnings,
    )
    order = running_order(space, graph, session.registry)
    return BatchPlan(canonical, graph, checked, space, order, environment, specs, told)


def _with_constants(
    graph: Graph, request: Request, session: Session
) -> tuple[Graph, dict[str, Any]]:
    """The graph with --set and [set] applied, and what they set."""
    constants: dict[str, Any] = {}
    for item in request.sets:
        if isinstance(item, str):
            graph = apply_sets(graph, session.registry, [item])
            place = item.partition("=")[0].strip()
            name, _, key = place.partition(".")
            constants[place] = graph.nodes[name].params[key]
            continue
        place, value = item
        where = f"{request.source}, set {place}"
        target = find_target(place, graph, session.registry, where)
        try:
            text = isinstance(value, str) and target.param.kind != "str"
            value = target.parse(value) if text else target.check(value)
        except ValueError as error:
            raise BadTarget(where, f"{error}.") from None
        constants[place] = value
        graph = with_sets(graph, {place: value})
    return graph, constants


class _Reading:
    """Reads the axes of one request."""

    def __init__(self, request: Request, graph: Graph, session: Session, judge: Judging) -> None:
        self.request = request
        self.graph = graph
        self.session = session
        self.judge = judge

    def spec(self, asked: Asked) -> Spec:
        where = cut(asked.where, 160)
        target = find_target(asked.place, self.graph, self.session.registry, where)
        if isinstance(asked.spec, FrozenValues):
            reader = None if self.judge is _trusting else Reader(target, self.judge)
            store = read_values(asked.base / asked.spec.values, reader)
            return Spec(target, "", StoredValues(store), outside=True)
        if isinstance(asked.spec, list):
            return spec_of_list(asked.spec, target, where, self.judge)
        return parse_spec(asked.spec, target, where, asked.base, self.judge)

    def tables(self) -> list[Axis]:
        request = self.request
        found: list[Axis] = []
        if request.csv:
            found.append(RowsAxis(read_csv(request.csv, self._find, self.judge), "csv"))
        if request.jsonl:
            found.append(RowsAxis(read_jsonl(request.jsonl, self._find, self.judge), "jsonl"))
        return found

    @property
    def _find(self) -> Callable[[str, str], Target]:
        return lambda place, where: find_target(place, self.graph, self.session.registry, where)


def _trusting(_target: Target, _value: Any) -> None:
    """Judges nothing."""


def _sweep_axes(specs: tuple[Spec, ...], *, paired: bool) -> list[Axis]:
    if paired and specs:
        return [SweepAxis(specs)]
    return [SweepAxis([spec]) for spec in specs]


def absolute(path: Path | None) -> Path | None:
    """A path as it is meant from here, wherever it is read."""
    return None if path is None else Path(os.path.abspath(path.expanduser()))
