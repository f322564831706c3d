"""Parts of the editor by themselves, each with a large graph: finding, laying out, lists, wires.

`benchmarks.editor_frames` runs them, in a process of their own.
"""

from __future__ import annotations

import time
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.editor_frames import Bench
    from ui.editor.editor import GraphEditor

REROUTES = 5000
FAULTS = 50_000


def find(bench: Bench, editor: GraphEditor) -> dict[str, list[float]]:
    """The find bar: to be opened, and each letter with the list of what has it."""
    from PySide6.QtTest import QTest

    from ui.editor.find import FindBar

    bar = FindBar(editor)
    opened = [_took(lambda: (bar.open(), bench.paint()))]
    letters: list[float] = []

    def press(letter: str) -> None:
        QTest.keyClicks(bar.line, letter)
        bench.paint()

    for word in ("ksampler", "number 12", "image"):
        letters += [_took(partial(press, letter)) for letter in word]
        bar.line.clear()
        bench.paint()
    bar.close_bar()
    return {"find": opened, "find, first letter": letters[:1], "find, a letter": letters}


def parts(bench: Bench) -> dict[str, list[float]]:
    """What takes long for a large graph and isn't a frame of the canvas."""
    from benchmarks.editor_graphs import grid
    from studio.editing import arrange
    from studio.editing.compat import Matcher, ports
    from studio.editing.document import Document
    from studio.graph.checked import Source
    from studio.graph.document import Graph, Node
    from studio.graph.errors import Fault
    from ui.panels.outline import Outline
    from ui.panels.problems import ProblemsPanel

    tangled = Document(Graph(nodes=_tangle(1000)), bench.registry)
    arrange.auto_layout(Document(Graph(nodes=_tangle(2)), bench.registry), {})  # networkx is there
    found = {"lay out": [_took(lambda: arrange.auto_layout(tangled, {})) for _ in range(3)]}

    chain = {"r0": Node(type="Reroute")}
    chain |= {
        f"r{number}": Node(type="Reroute", inputs={"value": f"r{number - 1}"})
        for number in range(1, REROUTES)
    }
    reroutes = Document(Graph(nodes=chain), bench.registry)

    def match() -> None:
        matcher = Matcher(reroutes, source=Source("r10", "any"))
        for name in reroutes.nodes:
            ports(reroutes, name)
            matcher.why_not(name, "value")

    found["match"] = [_took(match)]

    editor = bench.editor(grid(5000))
    outline = Outline()
    outline.show()
    found["outline"] = [_took(lambda: (outline.set_editor(editor), bench.paint()))]
    outline.set_editor(None)
    outline.close()

    problems = ProblemsPanel()
    problems.show()
    faults = [Fault(f"nodes.n{number}", "is wrong", f"n{number}") for number in range(FAULTS)]
    found["problems"] = [_took(lambda: (problems.set_faults(faults), bench.paint()))]
    problems.close()
    return found


def _tangle(count: int) -> dict[str, Any]:
    """Decoders that each feed one of the next forty."""
    from studio.graph.document import Node

    rng = Random(1)
    nodes = {"n0": Node(type="Reroute")}
    for number in range(1, count):
        near = rng.randrange(max(0, number - 40), number)
        nodes[f"n{number}"] = Node(type="VAEDecode", inputs={"latent": f"n{near}", "vae": "n0"})
    return nodes


def _took(work: Callable[[], object]) -> float:
    """Milliseconds."""
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)
