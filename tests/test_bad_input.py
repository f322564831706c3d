"""What is given is at fault: exit code 2, words that name the place and the way out, nothing lost.

Through the front door, as a user meets it: `main.main` in this process, and `main.py` in a child
where the process itself matters (stderr, the log, a full disk).
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import zlib
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from forks import Program
from graph_bench import document
from PIL import Image as Pil

import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from forks import Forks

ROOT = Path(__file__).resolve().parent.parent
WORKFLOW = json.loads((ROOT / "workflows" / "text_to_image.json").read_text())


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    code: int
    out: str
    err: str


@dataclass
class Desk:
    """A folder with graph files in it, and the command line to run them."""

    folder: Path
    home: Path
    capsys: pytest.CaptureFixture[str]
    forks: Forks

    def write(self, data: Any, name: str = "graph.json") -> Path:
        path = self.folder / name
        path.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
        return path

    def graph(self, **nodes: Any) -> Path:
        return self.write(document(**nodes))

    def changed(self, *path: str, value: Any) -> Path:
        """The first workflow with one thing in it changed."""
        copy: Any = json.loads(json.dumps(WORKFLOW))
        place = copy
        for step in path[:-1]:
            place = place.setdefault(step, {})
        place[path[-1]] = value
        return self.write(copy)

    def __call__(self, *arguments: str | Path) -> Done:
        """Run the program in this process."""
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main.main([str(argument) for argument in arguments])
        text = self.capsys.readouterr()
        return Done(int(stop.value.code or 0), text.out, text.err)

    def child(self, *arguments: str | Path, home: Path | None = None, fresh: bool = False) -> Done:
        """Run the program in a process of its own; in a fresh Python, or in one that is warm."""
        environment = {
            **os.environ,
            "LATENT_STUDIO_HOME": str(home or self.home),
            "OMP_NUM_THREADS": "1",
            "COLUMNS": "200",
        }
        forks = None if fresh else self.forks
        with closing(Program(forks, arguments, self.folder, environment)) as process:
            out, err = process.communicate()
            return Done(process.wait(), out, err)

    def files(self) -> dict[str, bytes]:
        """All files but the program's own."""
        return {
            str(path): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file() and not path.is_relative_to(self.home)
        }

    def refused(self, path: str | Path, *words: str, run: Callable[..., Done] | None = None) -> str:
        """Run a graph that can't run; what was said."""
        before = self.files()
        done = (run or self)("run", path, "--out", self.folder / "out", "--dtype", "float32")
        assert done.code == 2, f"exit {done.code}: {done.err}"
        assert "Traceback" not in done.err
        assert done.out == ""
        for word in words:
            assert word in done.err, done.err
        assert self.files() == before, "files have changed"
        return done.err


@pytest.fixture
def desk(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], forks: Forks) -> Desk:
    return Desk(tmp_path, home, capsys, forks)


SOLID = ("SolidImage", {"width": 8, "height": 8})
SAVE = ("SaveImage", {}, {"image": "solid"})


# ------------------------------------------------------------------ files that are no graphs

NO_GRAPHS: dict[str, tuple[Any, str]] = {
    "not JSON": (b"a red circle", "isn't JSON: Expecting value at line 1, column 1"),
    "nothing": (b"", "isn't JSON"),
    "cut short": (json.dumps(WORKFLOW).encode()[:-20], "isn't JSON"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(50), "isn't text in UTF-8"),
    "a list": ([1, 2], 'no Latent Studio graph (it has no "format": "latent-studio")'),
    "a ComfyUI workflow": ({"3": {"class_type": "KSampler", "inputs": {}}}, "ComfyUI"),
    "nodes a list": ({"format": "latent-studio", "version": 1, "nodes": []}, "nodes: "),
    "a newer version": ({**WORKFLOW, "version": 2}, "has format version 2; this program knows 1"),
    "2 MB of brackets": (b"[" * 2_000_000, "nested too deeply"),
    "2 MB of brackets in a graph": (
        b'{"format": "latent-studio", "version": 1, "x": ' + b"[" * 2_000_000,
        "nested too deeply",
    ),
    "half a character": ({**WORKFLOW, "title": "\ud800"}, "half a character"),
    "half a character somewhere": ({**WORKFLOW, "mine": {"\udfff": 1}}, "half a character"),
    "not a number": ({**WORKFLOW, "mine": float("nan")}, "NaN"),
}


@pytest.mark.parametrize("fault", NO_GRAPHS)
def test_files_that_are_no_graphs(desk: Desk, fault: str) -> None:
    data, words = NO_GRAPHS[fault]
    path = desk.write(data)
    text = desk.refused(path, words)
    assert text.startswith(f"error: {path}")


@pytest.mark.parametrize("command", ["run", "check", "plan"])
@pytest.mark.parametrize("fault", ["not JSON", "2 MB of brackets", "a newer version"])
def test_files_that_are_no_graphs_in_a_process_of_their_own(
    desk: Desk, command: str, fault: str
) -> None:
    data, words = NO_GRAPHS[fault]
    path = desk.write(data)
    done = desk.child(command, path.name) if command == "run" else desk(command, path)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert "Traceback" not in done.err
    assert len(done.err.splitlines()) <= 3


def test_paths_that_are_no_files(desk: Desk) -> None:
    desk.write(WORKFLOW, "graph.json")
    desk.refused(desk.folder / "grahp.json", "there is no such file. Did you mean graph.json?")
    desk.refused(desk.folder, "this is a folder; name a graph file in it")
    desk.refused(desk.folder / "no" / "such.json", f"{desk.folder / 'no'} isn't there")
    desk.refused("a\0b.json", "null byte")


# ------------------------------------------------------------------ graphs that cannot run


def test_a_wire_to_a_missing_node(desk: Desk) -> None:
    path = desk.changed("nodes", "decode", "inputs", "latent", value="samples")
    desk.refused(path, "nodes.decode.inputs.latent", "'samples'", "Did you mean sampler?")


def test_a_wire_to_a_missing_output(desk: Desk) -> None:
    path = desk.changed("nodes", "decode", "inputs", "vae", value="checkpoint.vea")
    desk.refused(path, "nodes.decode.inputs.vae", "Did you mean vae?")


def test_a_type_mismatch(desk: Desk) -> None:
    path = desk.changed("nodes", "decode", "inputs", "latent", value="checkpoint.vae")
    desk.refused(path, "nodes.decode.inputs.latent: wants a Latent, and checkpoint.vae gives a Vae")


def test_a_missing_input(desk: Desk) -> None:
    path = desk.changed("nodes", "save", "inputs", value={})
    desk.refused(path, "nodes.save.inputs.image", "for example decode.image")


def test_a_cycle(desk: Desk) -> None:
    path = desk.graph(
        a=("InvertImage", {}, {"image": "c"}),
        b=("InvertImage", {}, {"image": "a"}),
        c=("InvertImage", {}, {"image": "b"}),
        save=("SaveImage", {}, {"image": "a"}),
    )
    desk.refused(path, "in a circle: a → b → c → a. Remove one of the wires")


def test_a_long_cycle(desk: Desk) -> None:
    """As many nodes as would break a recursion."""
    nodes = {f"n{i}": ("InvertImage", {}, {"image": f"n{(i - 1) % 3000}"}) for i in range(3000)}
    desk.refused(desk.graph(**nodes, save=("SaveImage", {}, {"image": "n0"})), "in a circle")


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("sampler.steps", 0, "steps is 0; it must be a whole number from 1 to 1000"),
        ("sampler.steps", 2.5, "steps is 2.5; it must be a whole number"),
        ("sampler.steps", "20", 'steps is "20"; it must be a whole number'),
        ("sampler.steps", None, "steps is null; it must be a whole number"),
        ("sampler.steps", 10**400, "steps is 1000"),
        ("sampler.seed", -1, "seed is -1; it must be a whole number from 0"),
        ("sampler.seed", 2**64, "seed is 18446744073709551616"),
        ("sampler.cfg", 1e300, "cfg is 1e+300; it must be a number from 0 to 100"),
        ("sampler.sampler", "eulr", "Did you mean euler"),
        ("sampler.sampler", ["euler"], "sampler is "),
        ("sampler.sped", 1, "has no parameter 'sped'. Did you mean seed?"),
        ("latent.width", 100, "multiple of 8; nearest: 96 or 104"),
        ("latent.width", 1_000_000, "width is 1000000; it must be a whole number from 16 to 16384"),
        ("latent.width", 10**400, "width is 1000"),
        ("latent.width", -8, "width is -8"),
        ("checkpoint.name", "poket", "Did you mean pocket?"),
        ("checkpoint.name", "../../etc", 'There is no model "../../etc"'),
        ("checkpoint.name", "a\0b", "There is no model"),
        ("save.name", "../x", '".." is not allowed'),
        ("save.name", "/etc/x", "relative to the output folder"),
        ("positive.text", "x" * 100_001, "of at most 100000 characters"),
    ],
)
def test_values_that_cannot_be(desk: Desk, path: str, value: Any, words: str) -> None:
    node, param = path.split(".")
    file = desk.changed("nodes", node, "params", param, value=value)
    text = desk.refused(file, f"nodes.{node}.params.{param}: ", words)
    assert len(text) < 1000


def test_all_faults_come_in_one_go(desk: Desk) -> None:
    copy: Any = json.loads(json.dumps(WORKFLOW))
    copy["nodes"]["sampler"]["params"]["steps"] = 0
    copy["nodes"]["latent"]["params"]["width"] = 100
    copy["nodes"]["decode"]["inputs"]["vae"] = "nobody"
    desk.refused(
        desk.write(copy), "nodes.sampler.params", "nodes.latent.params", "nodes.decode.inputs"
    )


# ------------------------------------------------------------------ pictures


def png(path: Path, size: int = 16) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (size, size, 3), np.uint8)
    Pil.fromarray(pixels).save(path)
    return path.read_bytes()


def bomb() -> bytes:
    """A PNG of a few bytes that claims 100,000 x 100,000 pixels."""
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(10_000))), (b"IEND", b"")]
    data = b"\x89PNG\r\n\x1a\n"
    for kind, body in chunks:
        crc = struct.pack(">I", zlib.crc32(kind + body))
        data += struct.pack(">I", len(body)) + kind + body + crc
    return data


BAD_PICTURES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, "There is no picture"),
    "truncated": (lambda path: path.write_bytes(png(path)[:-30]), "is cut short or damaged"),
    "text": (lambda path: path.write_text("a red circle\n" * 9), "it looks like a text file"),
    "bomb": (lambda path: path.write_bytes(bomb()), "claims 100000 x 100000 pixels"),
    "empty": (lambda path: path.write_bytes(b""), "the file has 0 bytes"),
    "folder": (lambda path: path.mkdir(), "is a folder"),
}


@pytest.mark.parametrize("fault", BAD_PICTURES)
def test_bad_pictures_are_found_before_the_run(desk: Desk, fault: str) -> None:
    make, words = BAD_PICTURES[fault]
    make(desk.folder / "a.png")
    path = desk.graph(
        solid=("LoadImage", {"path": "a.png"}), save=("SaveImage", {}, {"image": "solid.image"})
    )
    desk.refused(path, "nodes.solid.params.path", str(desk.folder / "a.png"), words)


def test_a_bad_picture_that_only_decoding_shows(desk: Desk) -> None:
    """A JPEG's header tells nothing of what is missing at its end."""
    Pil.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(
        desk.folder / "a.jpg"
    )
    data = (desk.folder / "a.jpg").read_bytes()
    (desk.folder / "a.jpg").write_bytes(data[: len(data) // 2])
    path = desk.graph(
        photo=("LoadImage", {"path": "a.jpg"}), save=("SaveImage", {}, {"image": "photo.image"})
    )
    desk.refused(path, f"photo (LoadImage): {desk.folder / 'a.jpg'} is cut short or damaged")


def sixteen_bits(path: Path) -> None:
    Pil.fromarray(np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000).save(path)


def with_alpha(path: Path) -> None:
    Pil.new("RGBA", (8, 8), (255, 0, 0, 128)).save(path)


def cmyk(path: Path) -> None:
    Pil.new("CMYK", (8, 8), (0, 255, 255, 0)).save(path, "TIFF")


def rotated(path: Path) -> None:
    exif = Pil.Exif()
    exif[0x0112] = 6
    Pil.new("RGB", (8, 16), "red").save(path, exif=exif)


@pytest.mark.parametrize(
    ("make", "size"),
    [(sixteen_bits, (8, 8)), (with_alpha, (8, 8)), (cmyk, (8, 8)), (rotated, (16, 8))],
    ids=["sixteen bits", "alpha", "CMYK", "EXIF"],
)
def test_unusual_pictures_work(
    desk: Desk, make: Callable[[Path], None], size: tuple[int, int]
) -> None:
    make(desk.folder / "a.png")
    path = desk.graph(
        solid=("LoadImage", {"path": "a.png"}), save=("SaveImage", {}, {"image": "solid.image"})
    )
    done = desk("run", path, "--out", desk.folder / "out", "-q")
    assert (done.code, done.err) == (0, "")
    with Pil.open(done.out.strip()) as picture:
        assert picture.size == size


# ------------------------------------------------------------------ model folders


@pytest.mark.parametrize(
    ("name", "damage", "words"),
    [
        ("unet/config.json", Path.unlink, "the file is missing"),
        (
            "vae/diffusion_pytorch_model.safetensors",
            lambda path: path.write_bytes(path.read_bytes()[:-100]),
            "bytes long where its header says",
        ),
    ],
)
def test_a_damaged_model_folder(
    desk: Desk, tiny: Path, name: str, damage: Callable[[Path], object], words: str
) -> None:
    damage(tiny / name)
    path = desk.changed("nodes", "checkpoint", "params", "name", value="tiny")
    desk.refused(path, "nodes.checkpoint.params.name", str(tiny / name), words, "download")


# ------------------------------------------------------------------ places that cannot be written


def test_an_output_folder_that_is_a_file(desk: Desk) -> None:
    (desk.folder / "out").write_text("mine")
    desk.refused(desk.graph(solid=SOLID, save=SAVE), "is a file", "choose another output folder")
    assert (desk.folder / "out").read_text() == "mine"


def test_a_name_that_is_a_file_where_a_folder_should_be(desk: Desk) -> None:
    (desk.folder / "out").mkdir()
    (desk.folder / "out" / "sub").write_text("mine")
    path = desk.graph(solid=SOLID, save=("SaveImage", {"name": "sub/x"}, {"image": "solid"}))
    desk.refused(path, "save (SaveImage): ", "sub is a file")


def test_a_home_folder_below_a_file(desk: Desk) -> None:
    """Without a place for its cache it works and says so; without one for pictures it can't."""
    (desk.folder / "file").write_text("mine")
    home = desk.folder / "file" / "home"
    path = desk.graph(solid=SOLID, save=SAVE)
    done = desk.child("run", path, "--out", "out", home=home)
    assert done.code == 0, done.err
    assert (desk.folder / "out" / "graph_00001.png").is_file()
    assert done.err.count(f"{home / 'cache'}: the cache cannot be used") == 1
    assert "Traceback" not in done.err
    done = desk.child("run", path, home=home)
    assert done.code == 2
    assert f"The folder {home / 'output'} can't be made: {desk.folder / 'file'} is a" in done.err
    assert "Traceback" not in done.err
    assert (desk.folder / "file").read_text() == "mine"


def test_a_home_of_a_user_that_is_not_there(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tilde stands for nothing, as in a shell."""
    monkeypatch.chdir(desk.folder)
    monkeypatch.setenv("LATENT_STUDIO_HOME", "~nobody-of-this-name/home")
    done = desk("run", desk.graph(solid=SOLID, save=SAVE), "-q")
    assert done.code == 0
    assert (desk.folder / "~nobody-of-this-name" / "home" / "output").is_dir()


@pytest.fixture
def drive(tmp_path: Path) -> Iterator[Callable[[Path, int], Path]]:
    """Mounts file systems of some KiB; skips where that isn't permitted."""
    mounted: list[Path] = []

    def mount(folder: Path, kib: int) -> Path:
        folder.mkdir(parents=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", str(folder)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            pytest.skip("there is no mount command")
        if done.returncode:
            pytest.skip(f"mounting is not permitted: {done.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)


Drive = "Callable[[Path, int], Path]"


def test_a_disk_that_fills_up_while_a_picture_is_written(desk: Desk, drive: Drive) -> None:
    out = drive(desk.folder / "out", 64)
    png(desk.folder / "noise.png", 256)
    path = desk.graph(
        noise=("LoadImage", {"path": "noise.png"}),
        save=("SaveImage", {}, {"image": "noise.image"}),
    )
    desk.refused(path, "save (SaveImage): No room for", str(out), "Free some space")
    assert list(out.iterdir()) == []


def test_a_disk_that_fills_up_keeps_what_was_written_before(desk: Desk, drive: Drive) -> None:
    """Of two pictures one has room; it is whole, whichever came first."""
    out = drive(desk.folder / "out", 64)
    png(desk.folder / "noise.png", 256)
    path = desk.graph(
        solid=SOLID,
        small=("SaveImage", {"name": "small"}, {"image": "solid"}),
        noise=("LoadImage", {"path": "noise.png"}),
        large=("SaveImage", {"name": "large"}, {"image": "noise.image"}),
    )
    done = desk("run", path, "--out", out, "-q")
    assert done.code == 2
    assert [file.name for file in out.iterdir()] in ([], ["small_00001.png"])
    assert "large (SaveImage): No room for" in done.err
    with_room = desk("run", path, "--out", out, "--only", "small", "-q")
    assert with_room.code == 0
    with Pil.open(out / "small_00001.png") as picture:
        assert picture.size == (8, 8)


def test_a_disk_that_fills_up_while_the_cache_is_written(desk: Desk, drive: Drive) -> None:
    """The run goes on; one warning tells that nothing more is kept."""
    cache = drive(desk.home / "cache", 512)
    path = desk.graph(
        solid=("SolidImage", {"width": 600, "height": 600}),  # the first pays for importing torch
        invert=("InvertImage", {}, {"image": "solid"}),
        save=("SaveImage", {}, {"image": "invert"}),
    )
    done = desk.child("run", path, "--out", "out", fresh=True)
    assert done.code == 0, done.err
    with Pil.open(desk.folder / "out" / "graph_00001.png") as picture:
        assert picture.size == (600, 600)
    assert done.err.count("nothing more is kept there") == 1
    assert "No space left on device" in done.err
    assert "Traceback" not in done.err
    assert not [file for file in cache.rglob("*.safetensors") if file.stat().st_size > 0]
    # Nothing half-written is taken for a result by the next run.
    again = desk("run", path, "--out", desk.folder / "out", "--json")
    assert json.loads(again.out.splitlines()[-1])["status"] == "ok"


def test_names_that_are_no_utf8_work(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux takes any bytes; a drive from another system brings such names along."""
    odd = os.fsdecode(b"caf\xe9")
    folder = desk.folder / odd
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this file system wants UTF-8")
    data = document(
        picture=("LoadImage", {"path": "a.png"}),
        save=("SaveImage", {}, {"image": "picture.image"}),
    )
    path = folder / f"{odd}.json"
    path.write_text(json.dumps(data))
    png(folder / "a.png")
    monkeypatch.setenv("LATENT_STUDIO_HOME", str(folder / "home"))
    for saved in (False, True):
        done = desk("run", path, "--out", folder / "out", "--json", "-q")
        assert done.code == 0, done.err
        (output,) = json.loads(done.out.splitlines()[-1])["outputs"]
        assert output["saved"] is saved
        assert Path(output["path"]).is_file()
    assert "caf\\udce9" in desk("run", path, "--out", folder / "out", "-q").out
    done = desk("run", path, "--out", folder / "out", "--set", f"picture.path={odd}.png")
    assert done.code == 2
    assert "isn't text in UTF-8" in done.err


# ------------------------------------------------------------------ hostile graphs


@pytest.mark.parametrize("kind", ["SaveImage", "SaveLatent"])
@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "a/../../x",
        "/tmp/x",
        "~/x",
        "C:\\x",
        "..",
        ".",
        "a/../b",
        "\\\\server\\x",
        "{graph}/../x",
    ],
)
def test_no_name_writes_outside_the_output_folder(desk: Desk, kind: str, name: str) -> None:
    socket, source = ("image", SOLID) if kind == "SaveImage" else ("latent", ("EmptyLatent",))
    desk.refused(
        desk.graph(it=source, save=(kind, {"name": name}, {socket: "it"})),
        "nodes.save.params.name",
    )


@pytest.mark.parametrize("kind", ["SaveImage", "SaveLatent"])
def test_no_link_leads_outside_the_output_folder(desk: Desk, kind: str) -> None:
    (desk.folder / "out").mkdir()
    (desk.folder / "elsewhere").mkdir()
    (desk.folder / "out" / "link").symlink_to(desk.folder / "elsewhere")
    socket, source = ("image", SOLID) if kind == "SaveImage" else ("latent", ("EmptyLatent",))
    path = desk.graph(it=source, save=(kind, {"name": "link/x"}, {socket: "it"}))
    desk.refused(path, f"save ({kind}): ", "outside the output folder")
    assert list((desk.folder / "elsewhere").iterdir()) == []


def test_titles_and_file_names_add_no_folders(desk: Desk) -> None:
    data = document(solid=SOLID, save=("SaveImage", {"name": "{graph}-{node}"}, {"image": "solid"}))
    path = desk.write({**data, "title": "../../../etc/passwd"}, "...json")
    done = desk("run", path, "--out", desk.folder / "out", "-q")
    assert done.code == 0
    assert Path(done.out.strip()).parent == desk.folder / "out"


EXECUTED = "executed.txt"
HOSTILE = f"__import__('pathlib').Path('{EXECUTED}').touch()"


@pytest.mark.parametrize(
    "nodes",
    [
        {"a": (HOSTILE,)},
        {"a": ("os.system", {"command": f"touch {EXECUTED}"})},
        {"a": ("builtins.eval", {"source": HOSTILE})},
        {"a": ("nodes.image", {})},
        {"a": ("SaveImage", {"name": f"{{{HOSTILE}}}"}, {"image": "solid"})},
        {"a": ("SaveImage", {"name": "{graph.__class__.__mro__}"}, {"image": "solid"})},
        {"a": ("SaveImage", {"name": "{graph!r}"}, {"image": "solid"})},
        {"a": ("SaveImage", {"name": "%(node)s{node[0]}"}, {"image": "solid"})},
        {"a": ("SaveImage", {"__class__": "os.system"}, {"image": "solid"})},
        {"a": ("SaveImage", {}, {"image": "solid.__class__"})},
        {"a": ("SaveImage", {}, {"image": "solid.pixels"})},
        {"a": ("SaveImage", {"context": None}, {"image": "solid"})},
        {"a": ("SaveImage", {}, {"image": "solid", "context": "solid"})},
        {"a": ("LoadCheckpoint", {"name": f"$(touch {EXECUTED})"})},
    ],
    ids=str,
)  # fmt: skip
def test_no_graph_runs_code(
    desk: Desk, nodes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(desk.folder)
    path = desk.graph(solid=SOLID, save=SAVE, **nodes)
    done = desk("run", path, "--out", desk.folder / "out", "--only", "a")
    assert done.code == 2
    assert "nodes.a." in done.err
    assert "Traceback" not in done.err
    assert not (desk.folder / EXECUTED).exists()


@pytest.mark.parametrize(
    "setting", [f"solid.width={HOSTILE}", "solid.__class__=1", "solid.width=1e3", "save.name=../x"]
)
def test_no_setting_runs_code_or_leads_outside(
    desk: Desk, setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(desk.folder)
    path = desk.graph(solid=SOLID, save=SAVE)
    before = desk.files()
    done = desk("run", path, "--out", desk.folder / "out", "--set", setting)
    assert done.code == 2
    assert setting.partition("=")[0].replace(".", ".params.") in done.err.replace(
        "solid.", "solid.params."
    )
    assert desk.files() == before


def test_a_pickle_in_a_models_folder_is_never_loaded(desk: Desk, tiny: Path) -> None:
    import pickle

    class Trap:
        def __reduce__(self) -> Any:
            return (Path.write_text, (desk.folder / EXECUTED, "x"))

    weights = tiny / "unet" / "diffusion_pytorch_model.safetensors"
    weights.unlink()
    weights.with_suffix(".bin").write_bytes(pickle.dumps(Trap()))
    path = desk.changed("nodes", "checkpoint", "params", "name", value="tiny")
    words = "needs code to run when it is opened (pathlib.Path.write_text)"
    desk.refused(path, words, "Convert it to safetensors")
    assert not (desk.folder / EXECUTED).exists()
