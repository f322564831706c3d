"""The node law (docs/nodes.md), a test a clause, over every built-in node.

Every node runs twice in real graphs, with every choice of its widgets: under another id, from
another folder and with models loaded anew the second time. What the law forbids is looked for in
what the two runs left behind. At the end the law is tried on nodes that break it.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from blake3 import blake3
from compvis_files import tiny_file
from graph_bench import Bench, graph
from PIL import Image as Pil

from benchmarks.compvis import TINY, write_checkpoint, write_tensors
from studio.context import Context
from studio.execution import events
from studio.node import NodeSpec, node
from studio.params import ModelName, OneOf, OutputFile, PictureFile
from studio.registry import Registry, in_module
from studio.session import Session
from studio.values import Conditioning, Image, Latent, Mask, tensors_of

if TYPE_CHECKING:
    import types
    from collections.abc import Iterable, Iterator, Mapping

    from studio.execution.executor import Executor, RunResult
    from studio.spec import Port

# ------------------------------------------------------------------ what the nodes are given

PROVIDERS: dict[str, Any] = {
    "checkpoint": ("LoadCheckpoint", {"name": "tiny"}),
    "words": ("TextEncode", {"text": "a red circle"}, {"clip": "checkpoint.clip"}),
    "picture": ("LoadImage", {"path": "picture.png"}),
    "encoded": ("VAEEncode", {}, {"image": "picture.image", "vae": "checkpoint.vae"}),
    "empty": ("EmptyLatent", {"width": 64, "height": 48, "batch": 2}),
    "sampled": (
        "KSampler",
        {"steps": 1, "sampler": "euler", "seed": 5},
        {"model": "checkpoint.model", "positive": "words", "negative": "words", "latent": "empty"},
    ),
    "masked": ("SetNoiseMask", {}, {"latent": "sampled", "mask": "picture.mask"}),
    "decoded": ("VAEDecode", {}, {"latent": "sampled", "vae": "checkpoint.vae"}),
    "solver": ("SelectSampler", {"name": "euler"}),
    "levels": ("SchedulerSigmas", {"steps": 3}, {"model": "checkpoint.model"}),
    "classes": ("LoadCheckpoint", {"name": "ldm_class.safetensors"}),
    "xl": ("LoadCheckpoint", {"name": "sdxl.safetensors"}),
    "refiner": ("LoadCheckpoint", {"name": "sdxl_refiner.safetensors"}),
    "cropped": ("CropToMask", {}, {"image": "decoded", "mask": "picture.mask"}),
}
SOURCES = {
    "Model": "checkpoint.model",
    "Clip": "checkpoint.clip",
    "Vae": "checkpoint.vae",
    "Conditioning": "words",
    "Latent": "masked",  # two of them, with a mask
    "Image": "decoded",  # two of them
    "Mask": "picture.mask",
    "Sampler": "solver",
    "Sigmas": "levels",
    "CropFrame": "cropped.frame",
    "any": "decoded",
}
SPECIAL = {
    ("EncodeClass", "clip"): "classes.clip",
    ("TextEncodeSDXL", "clip"): "xl.clip",
    ("TextEncodeRefiner", "clip"): "refiner.clip",
    ("Stitch", "patch"): "cropped.image",
}
"""Sockets that only some models fit, or only what was made for another of them."""
FILES = {
    "checkpoints": "tiny",
    "loras": "tiny.safetensors",
    "vae": "tiny.safetensors",
}
"""The model of each kind."""
NEEDS = {("LoadCheckpoint", "weights"): {"name": "averaged.safetensors"}}
"""Widgets whose choices only some models have."""
SMALL = {"steps": 3, "width": 32, "height": 32, "right": 16}
"""Values of widgets that only cost time where they are large."""


@dataclass(frozen=True)
class Case:
    """A node with one setting of its widgets."""

    spec: NodeSpec
    params: Mapping[str, Any]
    id: str


def cases(specs: Mapping[str, NodeSpec]) -> Iterator[Case]:
    """Every node, and once for every choice of its widgets that have choices.

    Widgets that share their list of choices share what is behind it: one node tries it.
    """
    tried: set[OneOf] = set()
    for spec in specs.values():
        base: dict[str, Any] = {}
        for param in spec.params:
            match param.marker:
                case PictureFile():
                    base[param.name] = "picture.png"
                case OutputFile():
                    base[param.name] = "saved/latent_00001.safetensors"
                case ModelName(kind):
                    base[param.name] = FILES[kind]
                case _ if param.name in SMALL and param.kind == "int" and not param.nullable:
                    base[param.name] = SMALL[param.name]
                case _:
                    assert not param.required, f"teach this test a value for {spec.type}"
        yield Case(spec, base, spec.type)
        for param in spec.params:
            if isinstance(param.marker, OneOf) and param.marker not in tried:
                tried.add(param.marker)
                for choice in param.marker.names:
                    title = f"{spec.type}-{param.name}-{choice}"
                    needs = NEEDS.get((spec.type, param.name), {})
                    yield Case(spec, {**base, **needs, param.name: choice}, title)


# ------------------------------------------------------------------ running and looking


def digest(value: object) -> Any:
    """A value with its tensors replaced by hashes: equal digests, equal to the bit."""
    if isinstance(value, torch.Tensor):
        data = value.detach().contiguous().numpy().tobytes()
        return (str(value.dtype), tuple(value.shape), blake3(data).hexdigest())
    if is_dataclass(value):
        parts = [(item.name, digest(getattr(value, item.name))) for item in fields(value)]
        return (type(value).__name__, parts)
    if isinstance(value, dict):
        return [(key, digest(item)) for key, item in value.items()]
    if isinstance(value, tuple | list):
        return [digest(item) for item in value]
    return value


def files_under(folder: Path) -> dict[str, tuple[int, int, str]]:
    """Every file with its time, size and contents; of models, which are large, without these."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            status = path.stat()
            contents = "" if "models" in path.parts else blake3(path.read_bytes()).hexdigest()
            found[str(path)] = (status.st_mtime_ns, status.st_size, contents)
    return found


def random_states() -> Any:
    kind, *rest = np.random.get_state(legacy=True)
    numpys = (kind, rest[0].tobytes(), *rest[1:])
    return (random.getstate(), numpys, torch.get_rng_state().numpy().tobytes())


@dataclass
class Observed:
    """What two runs of a node left behind."""

    outputs: list[dict[str, Any]] = field(default_factory=list)
    inputs: list[Any] = field(default_factory=list)
    files: list[tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=list)
    random: list[tuple[Any, Any]] = field(default_factory=list)


def source(case: Case, port: Port) -> str:
    """What a socket is wired to."""
    return SPECIAL.get((case.spec.type, port.name), SOURCES[port.type])


def above(names: Iterable[str]) -> list[str]:
    """The providers of these names, and all that feed them."""
    found: set[str] = set()
    stack = list(names)
    while stack:
        name = stack.pop()
        if name not in found:
            found.add(name)
            _, _, inputs = (*PROVIDERS[name], {}, {})[:3]
            stack.extend(wire.partition(".")[0] for wire in inputs.values())
    return sorted(found)


class Law:
    """A workplace with real models, pictures and a saved latent."""

    def __init__(self, session: Session, folder: Path) -> None:
        self.session = session
        self.folder = folder
        self.bench = Bench(session, folder)
        self.warm = self.bench.executor()
        self.untouched = self._providers(list(PROVIDERS), self._run(list(PROVIDERS), {}))
        self._run(
            above(["masked"]),
            {"save": ("SaveLatent", {"name": "saved/latent"}, {"latent": "masked"})},
        )
        self._observed: dict[str, Observed] = {}

    def document(self, case: Case, name: str) -> dict[str, Any]:
        inputs = {port.name: source(case, port) for port in case.spec.inputs}
        return {name: (case.spec.type, dict(case.params), inputs)}

    def given(self, case: Case) -> list[str]:
        """The providers that a case needs."""
        return above(source(case, port).partition(".")[0] for port in case.spec.inputs)

    def observe(self, case: Case) -> Observed:
        """Run a case twice, or recall what was seen."""
        if case.id not in self._observed:
            seen = self._observed[case.id] = Observed()
            elsewhere = self.folder / "elsewhere"
            elsewhere.mkdir(exist_ok=True)
            self._once(seen, case, "subject", self.folder, self.warm)
            self._once(seen, case, "another", elsewhere, self.bench.executor())
        return self._observed[case.id]

    def _once(self, seen: Observed, case: Case, name: str, place: Path, executor: Executor) -> None:
        before = os.getcwd()
        os.chdir(place)
        try:
            files, states = files_under(self.folder), random_states()
            given = self.given(case)
            result = self._run(given, self.document(case, name), executor)
            seen.random.append((states, random_states()))
            seen.files.append((files, files_under(self.folder)))
        finally:
            os.chdir(before)
        seen.outputs.append(dict(result.values.get(name, {})))
        seen.inputs.append(self._providers(given, result))

    @staticmethod
    def _providers(names: list[str], result: RunResult) -> dict[str, Any]:
        return {name: digest(dict(result.values[name])) for name in names}

    def _run(
        self, given: list[str], more: dict[str, Any], executor: Executor | None = None
    ) -> RunResult:
        nodes = {**{name: PROVIDERS[name] for name in given}, **more}
        result = self.bench.run(graph(**nodes), list(nodes), executor=executor or self.warm)
        assert result.status == "ok", result.error
        return result


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory, tiny_master: Path) -> Path:
    """A folder with models of every kind and a picture."""
    folder = tmp_path_factory.mktemp("law")
    models = folder / "home" / "models" / "checkpoints"
    shutil.copytree(tiny_master, models / "tiny")
    for name in ("ldm_class", "sdxl", "sdxl_refiner"):
        tiny_file(models / f"{name}.safetensors", name)
    write_checkpoint(models / "averaged.safetensors", TINY["sd1"], ema=True)
    others = models.parent
    (others / "vae").mkdir()
    shutil.copy(
        tiny_master / "vae" / "diffusion_pytorch_model.safetensors",
        others / "vae" / "tiny.safetensors",
    )
    write_tensors(
        others / "loras" / "tiny.safetensors",
        {
            f"lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q.lora_{end}.weight":
            shape
            for end, shape in (("down", (2, 32)), ("up", (32, 2)))
        },
    )  # fmt: skip
    rng = np.random.default_rng(1)
    Pil.fromarray(rng.integers(0, 256, (48, 64, 4), np.uint8)).save(folder / "picture.png")
    return folder


@contextmanager
def make_law(folder: Path, specs: Registry) -> Iterator[Law]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENT_STUDIO_HOME", str(folder / "home"))
        with Session.open(
            out=folder / "out", device="cpu", dtype="float32", use_cache=False
        ) as session:
            session.registry = specs
            yield Law(session, folder)


@pytest.fixture(scope="module")
def law(workplace: Path) -> Iterator[Law]:
    with make_law(workplace, Registry.load()) as made:
        yield made


BUILT_IN = list(cases(Registry.load()))
every_case = pytest.mark.parametrize("case", BUILT_IN, ids=lambda case: case.id)


def test_every_node_is_tried_with_every_type_of_socket(registry: Registry) -> None:
    assert {case.spec.type for case in BUILT_IN} == set(registry)
    assert len({case.id for case in BUILT_IN}) == len(BUILT_IN) > len(registry)
    sockets = {port.type for spec in registry.values() for port in spec.inputs}
    assert sockets <= set(SOURCES)


# ------------------------------------------------------------------ the clauses


def is_pure(case: Case, law: Law) -> None:
    first, second = law.observe(case).outputs
    assert digest(first) == digest(second)


def leaves_its_inputs(case: Case, law: Law) -> None:
    for inputs in law.observe(case).inputs:
        assert inputs.items() <= law.untouched.items()


def gives_what_it_declares(case: Case, law: Law) -> None:
    for outputs in law.observe(case).outputs:
        assert list(outputs) == [port.name for port in case.spec.outputs]
        for port in case.spec.outputs:
            value = outputs[port.name]
            if port.type == "any":
                assert port.variable in {socket.variable for socket in case.spec.inputs}
            else:
                assert isinstance(value, case.spec.types[port.type])
            check_shape(value)


def computes_in_float32_on_the_cpu(case: Case, law: Law) -> None:
    for outputs in law.observe(case).outputs:
        for tensor in tensors_of(outputs):
            assert tensor.dtype == torch.float32
            assert tensor.device.type == "cpu"
            assert not tensor.requires_grad
            assert tensor.isfinite().all()


def declares_its_effects(case: Case, law: Law) -> None:
    for before, after in law.observe(case).files:
        assert before.items() <= after.items(), "a file that was there has changed"
        new = [Path(path) for path in after.keys() - before.keys()]
        assert bool(new) == case.spec.effects, new
        assert all(path.is_relative_to(law.folder / "out") for path in new)


def touches_no_global_random_state(case: Case, law: Law) -> None:
    for before, after in law.observe(case).random:
        assert before == after


def check_shape(value: object) -> None:
    match value:
        case Image(pixels):
            assert pixels.ndim == 4
            assert pixels.shape[1] == 3
            assert 0 <= float(pixels.min()) <= float(pixels.max()) <= 1
        case Mask(pixels):
            assert pixels.ndim == 4
            assert pixels.shape[1] == 1
            assert 0 <= float(pixels.min()) <= float(pixels.max()) <= 1
        case Latent(samples, space, width, height, batch, mask):
            assert (samples is None) == (space is None)
            if samples is not None and space is not None:
                cells = (height // space.downscale, width // space.downscale)
                assert samples.shape == (batch, space.channels, *cells)
            assert mask is None or (mask.ndim == 4 and mask.shape[0] in (1, batch))
        case Conditioning(entries):
            assert entries
            shapes = [e.embeddings.shape for e in entries if e.embeddings is not None]
            assert all(len(shape) == 3 and shape[0] == 1 for shape in shapes)


@every_case
def test_a_node_is_a_pure_function(case: Case, law: Law) -> None:
    is_pure(case, law)


@every_case
def test_a_node_never_mutates_an_input(case: Case, law: Law) -> None:
    leaves_its_inputs(case, law)


@every_case
def test_a_node_gives_what_it_declares(case: Case, law: Law) -> None:
    gives_what_it_declares(case, law)


@every_case
def test_results_are_float32_on_the_cpu(case: Case, law: Law) -> None:
    computes_in_float32_on_the_cpu(case, law)


@every_case
def test_effects_are_declared(case: Case, law: Law) -> None:
    declares_its_effects(case, law)


@every_case
def test_no_global_random_state_is_touched(case: Case, law: Law) -> None:
    touches_no_global_random_state(case, law)


# ------------------------------------------------------------------ progress and cancelling


def with_sockets(*kinds: str) -> list[Any]:
    """Nodes with sockets of all these types."""
    found = [c for c in BUILT_IN if c.id == c.spec.type]
    chosen = [c for c in found if {port.type for port in c.spec.inputs} >= set(kinds)]
    return [pytest.param(case, id=case.id) for case in chosen]


SAMPLING = with_sockets("Model", "Latent")


@pytest.mark.parametrize("case", SAMPLING)
def test_sampling_reports_every_step_with_a_preview_at_the_end(case: Case, law: Law) -> None:
    bench = law.bench
    bench.run(graph(**PROVIDERS, **law.document(case, "subject")), ["subject"])
    steps = [
        (event.step, event.of)
        for event in bench.events
        if isinstance(event, events.NodeProgress) and event.node == "subject"
    ]
    assert steps == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("case", [*SAMPLING, *with_sockets("Vae")])
def test_what_takes_long_stops_when_asked_to(case: Case, law: Law) -> None:
    """Asked once the node has begun: only the node itself can notice."""
    seen, executor = run_and_cancel(law, case, lambda event: isinstance(event, events.NodeStarted))
    assert [type(event).__name__ for event in seen][-1] == "RunFinished"
    assert seen[-1].status == "cancelled"
    assert "subject" not in [e.node for e in seen if isinstance(e, events.NodeFinished)]
    # The same executor goes on afterwards.
    executor.cancel.clear()
    assert law.bench.run(graph(solid=("SolidImage",)), ["solid"], executor=executor).error is None


@pytest.mark.parametrize("case", SAMPLING)
def test_sampling_stops_within_a_step(case: Case, law: Law) -> None:
    seen, _ = run_and_cancel(law, case, lambda event: isinstance(event, events.NodeProgress))
    assert seen[-1].status == "cancelled"
    assert [e.step for e in seen if isinstance(e, events.NodeProgress) and e.node == "subject"] == [
        1
    ]


def run_and_cancel(law: Law, case: Case, when: Any) -> tuple[list[Any], Any]:
    """Run a node, and ask for a stop at its first event that `when` picks."""
    cancel = threading.Event()
    executor = law.bench.executor(cancel)
    seen: list[Any] = []

    def emit(event: events.Event) -> None:
        seen.append(event)
        if getattr(event, "node", None) == "subject" and when(event):
            cancel.set()

    providers = {name: PROVIDERS[name] for name in law.given(case)}
    plan = law.bench.plan(graph(**providers, **law.document(case, "subject")), ["subject"])
    executor.run(plan, law.session.environment(law.folder / "graph.json"), emit)
    return seen, executor


# ------------------------------------------------------------------ the law on those who break it


@node("Mutates", category="Test")
def mutates(image: Image) -> Image:
    """Changes its input in place."""
    image.pixels.mul_(0.5)
    return Image(image.pixels.clone())


@node("Remembers", category="Test")
def remembers(image: Image, *, context: Context) -> Image:
    """Depends on its id."""
    return Image(image.pixels * (0.5 if context.node == "subject" else 0.25))


@node("LooksAround", category="Test")
def looks_around(image: Image) -> Image:
    """Depends on the folder it runs in."""
    return Image(image.pixels * (0.5 if Path("picture.png").exists() else 0.25))


@node("Writes", category="Test")
def writes(image: Image, *, context: Context) -> Image:
    """Writes without saying so."""
    root = context.environment.output.root
    root.mkdir(exist_ok=True)
    (root / f"{context.node}.txt").write_text("x")
    return image


@node("WritesElsewhere", category="Test", effects=True)
def writes_elsewhere(image: Image, *, context: Context) -> None:
    """Writes outside the output folder."""
    (context.environment.base / f"{context.node}.txt").write_text("x")


@node("Throws", category="Test")
def throws(image: Image) -> Image:
    """Throws the global dice."""
    torch.rand(1)
    return image


@node("Doubles", category="Test")
def doubles(image: Image) -> Image:
    """Computes in float64."""
    return Image(image.pixels.double())


@node("Overshoots", category="Test")
def overshoots(image: Image) -> Image:
    """A picture brighter than white."""
    return Image(image.pixels + 1)


def broken(folder: Path) -> Iterator[tuple[Law, dict[str, NodeSpec]]]:
    """The law with those who break it."""
    found = {spec.type: spec for spec in in_module(sys.modules[__name__])}
    with make_law(folder, Registry([*Registry.load().values(), *found.values()])) as made:
        yield made, found


@pytest.fixture(scope="module")
def breakers(workplace: Path) -> Iterator[tuple[Law, dict[str, NodeSpec]]]:
    yield from broken(workplace)


@pytest.mark.parametrize(
    ("type_name", "clause"),
    [
        ("Remembers", is_pure),
        ("LooksAround", is_pure),
        ("Writes", declares_its_effects),
        ("WritesElsewhere", declares_its_effects),
        ("Throws", touches_no_global_random_state),
        ("Doubles", computes_in_float32_on_the_cpu),
        ("Overshoots", gives_what_it_declares),
    ],
)
def test_the_law_notices(
    type_name: str, clause: types.FunctionType, breakers: tuple[Law, dict[str, NodeSpec]]
) -> None:
    law, found = breakers
    (case,) = cases({type_name: found[type_name]})
    with pytest.raises(AssertionError):
        clause(case, law)


def test_the_law_notices_who_changes_an_input(workplace: Path) -> None:
    """In a law of its own, whose values it spoils."""
    for law, found in broken(workplace):
        (case,) = cases({"Mutates": found["Mutates"]})
        with pytest.raises(AssertionError):
            leaves_its_inputs(case, law)
