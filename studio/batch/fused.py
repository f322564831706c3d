"""Jobs that differ in a seed, a text or another value of one picture, denoised as one batch.

Which jobs go together is told by the values that they set (`groups`). What they have in common is
then computed once, and their samplers run side by side, the calls of the UNet made as one
(`prepare`; see `studio.diffusion.together`). Every picture's latent goes into the cache under the
key that it has in a run of its own, so each job then runs as ever and finds its latent there. A job
at fault leaves nothing there: it fails in its own run, and no other notices. No torch at import.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from studio import tuning
from studio.errors import Cancelled, StudioError
from studio.execution import events
from studio.execution.plan import Action, Plan, make_plan
from studio.graph.order import needed_by
from studio.params import Prompt, Seed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from torch import Tensor

    from studio.batch.model import Job
    from studio.diffusion.together import Ask, Predictor, Turn
    from studio.environment import Environment
    from studio.execution.executor import Executor
    from studio.graph.checked import CheckedGraph
    from studio.graph.document import Graph
    from studio.node import NodeSpec

    Emit = Callable[[events.Event], None]

_RECIPES = frozenset({"Model", "Clip", "Vae", "Sampler", "Sigmas"})
"""Outputs that samplings in one batch should have in common."""

_predictors: WeakKeyDictionary[Executor, Predictor] = WeakKeyDictionary()


def samples(spec: NodeSpec) -> bool:
    """Whether a node type denoises: it takes a model and gives what isn't one."""
    takes = any(port.type == "Model" for port in spec.inputs)
    gives = {port.type for port in spec.outputs}
    return takes and not spec.light and bool(gives & {"Latent", "Image"})


# Which jobs go together


def groups(
    jobs: Iterable[Job], graph: Graph, registry: Mapping[str, NodeSpec], limit: int
) -> Iterator[tuple[Job, ...]]:
    """Neighbours that may be denoised as one batch, in the order of the jobs.

    Args:
        jobs: looked at one by one, as they are asked for.
        graph: of all jobs.
        registry: its node types.
        limit: jobs of a group, at most.
    """
    apart = _Splitting(graph, registry)
    group: list[Job] = []
    common: tuple[object, ...] = ()
    for job in jobs:
        own = apart.common(job)
        if group and (len(group) >= limit or own is None or own != common):
            yield tuple(group)
            group = []
        group.append(job)
        common = own or ()
        if own is None:
            yield (job,)
            group = []
    if group:
        yield tuple(group)


class _Splitting:
    """Tells of every parameter whether pictures of one batch must agree in it."""

    def __init__(self, graph: Graph, registry: Mapping[str, NodeSpec]) -> None:
        self._graph = graph
        self._registry = registry
        self._known: dict[str, bool] = {}
        self._samplers = {
            name
            for name, node in graph.nodes.items()
            if node.type in registry and samples(registry[node.type])
        }
        feeds = {
            name: [wire.partition(".")[0] for wire in node.inputs.values()]
            for name, node in graph.nodes.items()
        }
        self._above = needed_by(self._samplers, feeds)

    def common(self, job: Job) -> tuple[object, ...] | None:
        """What others must have in common with a job; None where nothing samples."""
        if not self._samplers:
            return None
        return tuple(
            (name, repr(value)) for name, value in sorted(job.sets.items()) if self._shared(name)
        )

    def _shared(self, name: str) -> bool:
        if name not in self._known:
            self._known[name] = self._must_agree(*name.split(".", 1))
        return self._known[name]

    def _must_agree(self, node: str, name: str) -> bool:
        if node not in self._above:
            return False  # what comes after the samplers is each picture's own
        spec = self._registry.get(self._graph.nodes[node].type)
        param = spec.param_by_name.get(name) if spec else None
        if spec is None or param is None:
            return True
        if node not in self._samplers and any(port.type in _RECIPES for port in spec.outputs):
            return True  # other weights, or other steps
        if isinstance(param.marker, Seed | Prompt):
            return False
        if node in self._samplers:
            return param.kind != "float"  # cfg, eta, denoise …; not steps, samplers, sizes
        return param.kind in ("int", "bool")  # sizes


# Denoising them


def prepare(
    executor: Executor,
    plans: Sequence[Plan],
    environment: Environment,
    emit: Emit,
    *,
    limit: int | None = None,
) -> int:
    """Denoise what several plans will need as one batch, and leave it in the cache.

    Afterwards each plan is made anew and run: it then finds its latent in the cache.

    Args:
        executor: whose cache, models and cancelling are used. Its cache should keep results in
            memory, or some are computed twice.
        plans: of the jobs; their graphs may differ.
        environment: of all of them.
        emit: told of the nodes above the samplers, and of the samplers as of one picture.
        limit: pictures in a call of the UNet, at most; None takes what is fastest and fits.

    Returns:
        How many pictures were denoised together; 0 where no two plans have anything to denoise,
        and then nothing was run. A plan that failed here, or was cancelled, is among those counted
        but has left nothing in the cache.
    """
    wanted = _wanted(plans) if executor.cache.enabled else []
    if len(wanted) < 2:
        return 0
    tuning.before_torch()
    ready = _run_above(executor, wanted, environment, emit)
    if len(ready) < 2 or executor.cancel.is_set():
        return 0
    from studio.diffusion.together import take_turns

    predictor = _predictor(executor)
    predictor.limit = limit
    speaker = _Speaker(emit, len(ready))
    works = [
        _work(executor, predictor, plan, environment, speaker.voice(number))
        for number, plan in enumerate(ready)
    ]
    try:
        take_turns(works, predictor)
    finally:
        predictor.forget()
    return len(ready)


def _wanted(plans: Sequence[Plan]) -> list[Plan]:
    """Plans of the samplers alone, one for each set of keys that is to be made."""
    found: dict[tuple[str, ...], Plan] = {}
    for plan in plans:
        graph = plan.graph
        targets = [
            name
            for name in plan.running
            if samples(graph.nodes[name].spec) and name not in graph.fresh
        ]
        key = tuple(plan.signed[name].key for name in targets)
        if targets and key not in found:
            found[key] = _to(plan, targets)
    return list(found.values())


def _to(plan: Plan, targets: Collection[str]) -> Plan:
    """The part of a plan that it takes to make `targets`, as if nothing were cached."""
    graph = plan.graph
    feeds = {name: [w.node for w in node.wires.values()] for name, node in graph.nodes.items()}
    needed = needed_by(targets, feeds)
    nodes = {name: node for name, node in graph.nodes.items() if name in needed}
    part: CheckedGraph = replace(graph, nodes=nodes, targets=tuple(targets))
    signed = {name: plan.signed[name] for name in nodes}
    steps = {name: plan.steps[name] for name in nodes if name in plan.steps}
    return Plan(part, signed, steps, plan.graph_id)


def _made(plan: Plan, executor: Executor, environment: Environment) -> Plan:
    """The plan by what is cached now."""
    cache = executor.cache
    return make_plan(plan.graph, plan.signed, cache, environment, plan.graph_id)


def _run_above(
    executor: Executor, plans: Sequence[Plan], environment: Environment, emit: Emit
) -> list[Plan]:
    """Run what feeds the first samplers, here and one after the other; those that didn't fail.

    They'd do it themselves, but in threads of their own, and torch gives each thread that computes
    helpers of its own.
    """
    from studio.execution.run import Run

    ready = []
    done: set[str] = set()
    for plan in plans:
        nodes = plan.graph.nodes
        below: set[str] = set()
        sources: dict[str, None] = {}
        for name, node in nodes.items():
            feeding = [source.node for source in node.wires.values()]
            if samples(node.spec) and plan.steps[name].action is Action.RUN:
                below.add(name)
                if not below.intersection(feeding):
                    sources.update(dict.fromkeys(feeding))
            elif below.intersection(feeding):
                below.add(name)
        targets = [
            name
            for name in sources
            if not nodes[name].spec.light and plan.signed[name].key not in done
        ]
        if targets:
            above = _made(_to(plan, targets), executor, environment)
            if above.running:
                run = Run(executor, above, environment, _quiet(emit))
                try:
                    run.all()
                except Cancelled:
                    return []
                except StudioError:
                    continue  # its job will say so
                finally:
                    run.close()
            done.update(plan.signed[name].key for name in targets)
        ready.append(plan)
    return ready


def _work(
    executor: Executor, predictor: Predictor, plan: Plan, environment: Environment, emit: Emit
) -> Callable[[Turn[Ask, Tensor]], None]:
    """What one thread does: run the samplers of a plan."""
    from studio.diffusion.together import TurnModels
    from studio.execution.executor import Executor
    from studio.execution.run import Run

    def work(turn: Turn[Ask, Tensor]) -> None:
        models = cast("Any", TurnModels(predictor, turn))
        own = Executor(executor.cache, executor.policy, lambda: models, executor.cancel)
        run = Run(own, _made(plan, own, environment), environment, emit)
        try:
            run.all()
        except (Cancelled, StudioError):
            return  # its job will meet it again, and say so
        finally:
            run.close()

    return work


def _predictor(executor: Executor) -> Predictor:
    """The predictor of an executor's models; it remembers what it learnt of them."""
    from studio.diffusion.together import Predictor

    if executor not in _predictors:
        _predictors[executor] = Predictor(executor.models)
    return _predictors[executor]


def _quiet(emit: Emit) -> Emit:
    """Leaves out what the jobs will report themselves: failures, and what was cached."""

    def pass_on(event: events.Event) -> None:
        if not isinstance(event, events.NodeFailed | events.NodeCached | events.OutputWritten):
            emit(event)

    return pass_on


class _Speaker:
    """Lets one of several runs speak for all: the first that still does anything."""

    def __init__(self, emit: Emit, count: int) -> None:
        self._emit = _quiet(emit)
        self._alive = list(range(count))

    def voice(self, number: int) -> Emit:
        """What to give run `number` as its `emit`."""

        def say(event: events.Event) -> None:
            failed = isinstance(event, events.NodeFailed) and number in self._alive
            if failed and len(self._alive) > 1:
                self._alive.remove(number)
            if isinstance(event, events.Warned) or self._alive[0] == number:
                self._emit(event)

        return say
