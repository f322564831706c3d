"""Making pictures again from what they say of themselves, and comparing the two."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from studio.batch.pictured import NothingSaid, read_pictured, surroundings
from studio.batch.pixels import compare
from studio.errors import InputError, StudioError
from studio.graph.errors import GraphError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from studio.batch.pictured import Pictured
    from studio.batch.pixels import PixelDifference
    from studio.environment import Environment
    from studio.execution.events import Event
    from studio.graph.checked import CheckedGraph
    from studio.session import Session


class PictureNotMade(StudioError):
    """The graph ran, but made no picture in the place of the one to verify."""

    def __init__(self, path: Path, node: str, index: int) -> None:
        super().__init__(
            f"{path}: its graph ran, but {node} wrote no picture number {index + 1}.",
            hint="A file that the graph reads has other contents now.",
        )


class NoPicturesHere(InputError):
    """A folder without pictures of this program's."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} has no picture that says how it was made.",
            hint="Name the folder of a batch, or one into which graphs were run.",
        )


@dataclass(frozen=True)
class Verdict:
    """What came of making a picture again.

    Args:
        difference: between the two; None where it couldn't be made.
        differs: what differs in the surroundings, in words, whether it matters or not.
        error: why it couldn't be made; "" where it could.
    """

    difference: PixelDifference | None
    differs: tuple[str, ...]
    error: str = ""

    @property
    def equal(self) -> bool:
        """Whether every pixel came out the same."""
        return self.difference is not None and self.difference.equal

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        difference = self.difference.to_json() if self.difference else None
        return {
            "equal": self.equal,
            "difference": difference,
            "surroundings": list(self.differs),
            "error": self.error,
        }


class Verifier:
    """Makes pictures again, one after the other; models stay loaded for the next one.

    Use it in a `with` statement.

    Args:
        device: None takes the kind that each picture was made on, where it is here.
        dtype: None takes each picture's.
    """

    def __init__(self, device: str | None = None, dtype: str | None = None) -> None:
        self._device = device
        self._dtype = dtype
        self._open = ExitStack()
        self._session: Session | None = None
        self._kind: tuple[str | None, str | None] = None, None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def verify(self, path: Path, emit: Callable[[Event], None] = lambda event: None) -> Verdict:
        """Run the graph inside a picture again, without the cache, and compare.

        Args:
            path: of the picture; it is only read.
            emit: told how the run goes on.

        Raises:
            PictureError, NothingSaid, GarbledText, GraphFileError: the picture can't be read, or
                doesn't say how it was made.
            InputError: a device or dtype that can't be.
        """
        pictured = read_pictured(path)
        session = self._session_for(pictured)
        try:
            made = _make(pictured, session, emit)
        except StudioError as error:
            here = surroundings(pictured.about, _here(session))
            return Verdict(None, tuple(here), str(error))
        differs = surroundings(pictured.about, read_pictured(made).about)
        return Verdict(compare(path, made), tuple(differs))

    def _session_for(self, pictured: Pictured) -> Session:
        """A session as the picture's; the last one where it will do."""
        from studio.hardware import devices
        from studio.session import Session

        said = pictured.about.get("policy")
        policy: Mapping[str, Any] = said if isinstance(said, dict) else {}
        kind = str(policy.get("device", ""))
        device, dtype = self._device, self._dtype
        if device is None and any(name.partition(":")[0] == kind for name in devices()):
            device = kind
        if dtype is None and (device == kind or kind == ""):
            dtype = policy.get("dtype")
        if self._session is None or self._kind != (device, dtype):
            self._session = None  # should the next one not open
            self._open.close()
            folder = self._open.enter_context(
                tempfile.TemporaryDirectory(prefix="latent-studio-verify-")
            )
            self._session = self._open.enter_context(
                Session.open(out=Path(folder), device=device, dtype=dtype, use_cache=False)
            )
            self._kind = device, dtype
        return self._session


def _make(pictured: Pictured, session: Session, emit: Callable[[Event], None]) -> Path:
    """Make the picture again; its new file."""
    from studio.execution.executor import Executor

    checked, environment = _check(pictured, session)
    plan = session.plan(checked, environment, "verify")
    result = Executor(session.cache, session.policy, session.models).run(plan, environment, emit)
    if result.error is not None:
        raise result.error
    for output in result.outputs:
        file = Path(output.path)
        if output.node == pictured.node and read_pictured(file).index == pictured.index:
            return file
    raise PictureNotMade(pictured.path, pictured.node, pictured.index)


def _check(pictured: Pictured, session: Session) -> tuple[CheckedGraph, Environment]:
    """The checked graph, in a folder from which its relative paths lead to files.

    A picture doesn't say where its graph lay. So what it names is looked for from the folder of
    the picture and those around it, from the current one, and from that of the example graphs.
    """
    from studio.places import resources

    here = pictured.path.resolve().parent
    bases = [here, Path.cwd(), *list(here.parents)[:3], Path.cwd() / "workflows"]
    bases.append(resources().parent / "workflows")
    first: GraphError | None = None
    for base in dict.fromkeys(bases):
        environment = session.environment_at(base, pictured.path.stem)
        try:
            checked = session.check(
                pictured.graph, environment, pictured.path, only=[pictured.node]
            )
        except GraphError as error:
            first = first or error
        else:
            return checked, environment
    assert first is not None
    raise first


def _here(session: Session) -> dict[str, Any]:
    """The surroundings here, as far as they are known without a run."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    import studio

    libraries = {}
    for name in ("torch", "diffusers", "transformers", "numpy"):
        with suppress(PackageNotFoundError):
            libraries[name] = version(name)
    return {
        "version": studio.__version__,
        "policy": {"device": session.policy.kind, "dtype": session.policy.dtype},
        "libraries": libraries,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
    }


def pictures_in(folder: Path, most: int) -> tuple[list[Path], int]:
    """Pictures of this program's in a folder and those inside it, and how many PNG files there are.

    Args:
        folder: of a batch, or any other.
        most: of more, so many are taken, spread evenly over all of them; 0 takes all.

    Raises:
        NoPicturesHere: there is none.
    """
    files = sorted(
        path
        for path in folder.rglob("*.png")
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.name != "contact-sheet.png"
    )
    count = len(files)
    if most and count > most:
        files = [files[number * (count - 1) // max(most - 1, 1)] for number in range(most)]
    found = []
    for path in files:
        try:
            read_pictured(path)
        except NothingSaid:
            continue
        except StudioError:
            pass  # a damaged one: told when its turn comes
        found.append(path)
    if not found:
        raise NoPicturesHere(folder)
    return found, count
