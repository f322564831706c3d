"""What every front door shares: folders, node types, cache and policy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from studio import tuning
from studio.environment import Environment
from studio.execution.cache import Cache
from studio.graph import files
from studio.graph.check import check
from studio.graph.overrides import apply_seed, apply_sets
from studio.hardware import Policy, resolve_policy
from studio.outputs import OutputFolder
from studio.places import Places, resources
from studio.registry import Registry
from studio.words import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from studio.diffusion.store import ModelStore
    from studio.execution.plan import Plan
    from studio.graph.checked import CheckedGraph
    from studio.graph.document import Graph


DEVICE_KINDS = ("cpu", "cuda", "mps")


@dataclass
class Session:
    """The surroundings of one command or worker. Close it.

    Args:
        places: the user's folders and settings.
        registry: node types.
        cache: results of earlier runs.
        policy: device and dtype.
        output: where pictures go.
    """

    places: Places
    registry: Registry
    cache: Cache
    policy: Policy
    output: OutputFolder

    @classmethod
    def open(
        cls,
        *,
        out: Path | None = None,
        device: str | None = None,
        dtype: str | None = None,
        use_cache: bool = True,
        memory_cache: bool = False,
    ) -> Session:
        """Open a session.

        Args:
            out: output folder; None takes the user's.
            device: "auto", "cpu", "cuda", …; None takes the settings'.
            dtype: "auto", "float32", …; None takes the settings'.
            use_cache: False neither reads nor writes results of earlier runs.
            memory_cache: keep results in memory too; of use where a process runs several graphs.

        Raises:
            InputError: settings, device or dtype that make no sense.
        """
        places = Places.load()
        settings = places.settings
        cache = (
            Cache(
                places.cache,
                settings.cache_budget,
                memory_budget=dict.fromkeys(
                    DEVICE_KINDS, settings.memory_budget if memory_cache else 0
                ),
            )
            if use_cache
            else Cache.disabled()
        )
        return cls(
            places=places,
            registry=Registry.load(),
            cache=cache,
            policy=resolve_policy(device or settings.device, dtype or settings.dtype),
            output=OutputFolder(out or places.output),
        )

    def close(self) -> None:
        """Finish writing to the cache."""
        self.cache.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def load(self, path: Path | str, sets: Sequence[str] = (), seed: int | None = None) -> Graph:
        """A graph file with the overrides of the command line.

        Raises:
            GraphFileError: the file is at fault.
            BadOverride: an override is.
        """
        graph = files.load(path)
        graph = apply_sets(graph, self.registry, sets)
        return graph if seed is None else apply_seed(graph, self.registry, seed)

    def environment(self, path: Path | str) -> Environment:
        """The surroundings of one graph file ("-" for standard input)."""
        if str(path) == "-":
            return self.environment_at(Path.cwd(), "graph")
        return self.environment_at(Path(path).resolve().parent, Path(path).stem)

    def environment_at(self, base: Path, name: str, out: Path | None = None) -> Environment:
        """The surroundings of a graph called `name` whose relative paths start at `base`."""
        output = OutputFolder(out) if out else self.output
        return Environment(self.places, self.cache.hashes, output, base, name)

    def check(
        self,
        graph: Graph,
        environment: Environment,
        path: Path | str,
        only: Sequence[str] = (),
    ) -> CheckedGraph:
        """Validate a graph.

        Raises:
            GraphInvalid: with every fault.
        """
        return check(graph, self.registry, environment, only=only, source=_title(path))

    def plan(self, checked: CheckedGraph, environment: Environment, path: Path | str) -> Plan:
        """The plan of a checked graph."""
        from studio.execution.keys import sign
        from studio.execution.plan import make_plan

        signed = sign(checked, environment, self.policy)
        graph_id = "-" if str(path) == "-" else plain(str(Path(path).resolve()))
        return make_plan(checked, signed, self.cache, environment, graph_id)

    def models(self) -> ModelStore:
        """A new model store; imports torch."""
        from studio.diffusion.store import ModelStore

        tuning.after_torch(self.places.settings.threads)
        return ModelStore(self.policy)


def locate(path: Path, suffix: str = ".json") -> Path:
    """A graph's path; the name of one that ships with the program stands for it.

    So `run text_to_image` and `run workflows/text_to_image.json` work from any folder, installed
    or not; a file that is there always wins. Job files ship with the `suffix` ".toml".
    """
    if str(path) == "-" or path.exists() or path.parent not in (Path(), Path("workflows")):
        return path
    shipped = resources().parent / "workflows" / path.with_suffix(suffix).name
    return shipped if path.suffix in ("", suffix) and shipped.is_file() else path


def _title(path: Path | str) -> str:
    return "standard input" if str(path) == "-" else str(path)
