"""Finding nodes: built-in ones, real plugins by entry point, and broken ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from studio.registry import DuplicateNode, Registry

ROOT = Path(__file__).resolve().parents[2]


def install_plugin(site: Path, name: str, code: str) -> None:
    """A plugin as pip would lay it: a module and its metadata with an entry point."""
    site.mkdir(exist_ok=True)
    (site / f"{name}.py").write_text(code)
    info = site / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[latent_studio.nodes]\n{name} = {name}\n")


GOOD = '''
from studio.node import node

@node("Doubled", category="Plugin")
def doubled(value: int) -> int:
    """Twice the number."""
    return 2 * value
'''


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


def test_a_plugin_is_found_by_its_entry_point(site: Path) -> None:
    install_plugin(site, "ls_good_plugin", GOOD)
    registry = Registry.load()
    assert registry["Doubled"].category == "Plugin"
    assert not registry.problems


def test_a_broken_plugin_costs_only_its_own_nodes(site: Path) -> None:
    install_plugin(site, "ls_good_plugin2", GOOD.replace("Doubled", "Doubled2"))
    install_plugin(site, "ls_broken_plugin", "import no_such_module_at_all")
    install_plugin(site, "ls_clashing_plugin", GOOD.replace("Doubled", "KSampler"))
    registry = Registry.load()
    assert "Doubled2" in registry
    assert registry["KSampler"].function.__module__ == "nodes.sampling"
    problems = "\n".join(registry.problems)
    assert "ls_broken_plugin" in problems
    assert "no_such_module_at_all" in problems
    assert "KSampler is declared twice" in problems


def test_two_declarations_of_one_type_name_both_places(registry: Registry) -> None:
    spec = registry["KSampler"]
    with pytest.raises(DuplicateNode, match="declared twice"):
        Registry([spec, spec])


def test_the_built_in_nodes_load_neither_torch_nor_qt() -> None:
    code = (
        "import sys; from studio.registry import Registry; r = Registry.load(); "
        "[s.help for s in r.values()]; "
        "bad = [m for m in sys.modules if m.split('.')[0] in "
        "('torch', 'diffusers', 'transformers', 'PySide6', 'numpy')]; "
        "print(len(r), bad)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    count, bad = done.stdout.split(maxsplit=1)
    assert int(count) >= 20
    assert bad.strip() == "[]"


def test_every_socket_and_widget_of_the_built_in_nodes_is_explained(registry: Registry) -> None:
    for spec in registry.values():
        names = {port.name for port in (*spec.inputs, *spec.params)}
        assert names == set(spec.help.args), f"{spec.type} explains {set(spec.help.args)}"
        assert spec.help.summary.endswith("."), spec.type
        assert bool(spec.outputs) == bool(spec.help.returns), spec.type
