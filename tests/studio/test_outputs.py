"""Names and writing of output files, on real folders, file systems and processes."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

import pytest
from blake3 import blake3
from hypothesis import example, given, settings
from hypothesis import strategies as st
from open_folders import open_to_all

from studio import outputs
from studio.outputs import OutputFolder, expand, pattern_fault

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2025, 11, 30, 14, 5, 59)
VALUES = {
    "graph": "Text to image", "node": "save", "seed": 7, "width": 64, "height": 48, "batch": 0,
    "key": "0123456789abcdef",
}  # fmt: skip


@contextmanager
def as_nobody() -> Iterator[None]:
    """Run as a user whom permissions bind (root may write everywhere)."""
    if not hasattr(os, "geteuid"):
        pytest.skip("no POSIX permissions here")
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def small_drive(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with 256 KiB."""
    drive = tmp_path / "drive"
    drive.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(drive)]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        pytest.skip(f"no mount here: {error}")
    if done.returncode:
        pytest.skip(f"mounting a tmpfs isn't permitted here: {done.stderr.strip()}")
    yield drive
    subprocess.run(["umount", str(drive)], check=True)


def files(root: Path) -> list[str]:
    """Everything under a folder but folders, hidden files too."""
    return sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if not p.is_dir())


# ------------------------------------------------------------------ patterns


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("picture", "picture_{counter}"),
        ("{counter}", "{counter}"),
        ("a{counter:3}b", "a{counter:3}b"),
        ("{date}/{node}_{seed}", "2025-11-30/save_7_{counter}"),
        ("{date:%y%m%d}-{time}", "251130-14-05-59_{counter}"),
        ("{time:%Hh%M}", "14h05_{counter}"),
        ("{graph} {width}x{height} {batch}", "Text to image 64x48 0_{counter}"),
        ("{key}", "01234567_{counter}"),
        ("円/é", "円/é_{counter}"),
        ("v1.5/.hidden", "v1.5/.hidden_{counter}"),
        ("console/nullable", "console/nullable_{counter}"),
        ("x" * 200, "x" * 199 + "_{counter}"),
    ],
)
def test_expand(pattern: str, name: str) -> None:
    assert pattern_fault(pattern) is None
    expanded = expand(pattern, VALUES, NOW)
    assert expanded == name
    assert expand(expanded, {}, NOW) == expanded


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("..", "not allowed"),
        ("../a", "not allowed"),
        ("a/../b", "not allowed"),
        ("./a", "not allowed"),
        ("/tmp/a", "relative"),
        ("~/a", "relative"),
        ("C:/a", "relative"),
        ("c:a", "relative"),
        ("a\\b", "write / between"),
        ("..\\a", "write / between"),
        ("a//b", "empty"),
        ("a/", "empty"),
        ("a\n", "control"),
        ("a\0b", "control"),
        ("a\x7f", "control"),
        ("a\x85", "control"),
        ("a\u2028", "control"),
        ("a\ud800", "control"),
        ("{sed}", "Did you mean seed?"),
        ("{}", "no field {}"),
        ("{SEED}", "no field"),
        ("{seed", "partner"),
        ("seed}", "partner"),
        ("{{seed}}", "partner"),
        ("{counter}_{counter}", "twice"),
        ("{counter}/a", "number a folder"),
        ("{counter:0}", "digits"),
        ("{counter:12}", "digits"),
        ("{seed:5}", "nothing after a colon"),
        ("{date:}", "no form"),
        ("{date:plain}", "no form"),
        ("{date:%Q}", "no form"),
        ("{date:%D}", "no form"),
        ("{date:%}", "no form"),
        ("{date:%Y/%m}", "write {date:%Y}/{date:%m}"),
        ("{time:%H:%M}", "contains one of"),
        ("a<b", "forbid"),
        ("a|b/c", "forbid"),
        ("what?", "forbid"),
        ("CON", "device"),
        ("nul.png/a", "device"),
        ("a/com1", "device"),
        ("Lpt9.txt.x", "device"),
        ("a./b", "dot or a space"),
        ("a /b", "dot or a space"),
        ("a ", "dot or a space"),
        ("{seed}.", "dot or a space"),
        ("...", "dot or a space"),
        ("x" * 201, "longer than 200"),
        ("円" * 67 + "/a", "longer than 200"),
        ("a/" * 10 + "a", "10 folders"),
        ("picture.png", "leave out .png"),
        ("picture.JPEG", "leave out .JPEG"),
    ],
)
def test_refused_patterns(pattern: str, fault: str) -> None:
    assert fault in (pattern_fault(pattern) or "")
    with pytest.raises(outputs.BadPattern):
        expand(pattern, VALUES, NOW)


def test_a_field_without_a_value() -> None:
    with pytest.raises(outputs.FieldUnknownHere, match=r"\{seed\}.*Known are \{node\}"):
        expand("{seed}", {"node": "a"}, NOW)
    assert outputs.fields_of("{date:%Y}/{node}_{seed}_{counter}") == {"node", "seed"}


@pytest.mark.parametrize(
    ("pattern", "value", "name"),
    [
        ("{graph}/a", "../../etc", "_.._etc/a_{counter}"),
        ("{graph}/a", "..", "_/a_{counter}"),
        ("{graph}{node}/a", ".", "__/a_{counter}"),
        ("{graph}", "/etc/passwd", "_etc_passwd_{counter}"),
        ("{graph}", "C:\\x", "C__x_{counter}"),
        ("{graph}", "", "__{counter}"),
        ("{graph}", "a{counter}{seed}", "a_counter__seed__{counter}"),
        ("{graph}", "a\nb\0", "a_b__{counter}"),
        ("{graph}/a", "con", "_con/a_{counter}"),
        ("{graph}.{counter}", "nul", "_nul.{counter}"),
        ("{graph}{counter:1}", "COM", "_COM{counter:1}"),
        ("{graph}", 7.5, "7.5_{counter}"),
        # Cutting to the longest name must not leave a dot at its end.
        ("{graph}" + "b" * 190 + "/a", "x" * 9 + ". .", "x" * 9 + "b" * 190 + "/a_{counter}"),
        ("b" * 100 + "{graph}/a", "x" * 99 + ".y", "b" * 100 + "x" * 99 + "/a_{counter}"),
    ],
)
def test_values_never_add_a_part(pattern: str, value: object, name: str) -> None:
    assert expand(pattern, {"graph": value, "node": value}, NOW) == name


FRAGMENTS = st.sampled_from(
    [
        *("{graph}", "{node}", "{seed}", "{key}", "{counter}", "{counter:2}", "{date}"),
        *("{date:%Y}", "{date:%B}", "{time}", "/", "/", ".", "..", "~", "\\", "C:", "con"),
        *("com", " ", "a", "円"),
    ]
)
PATTERNS = st.one_of(st.lists(FRAGMENTS, max_size=8).map("".join), st.text(max_size=30))
ANY_VALUE = st.one_of(
    st.text(max_size=300), st.sampled_from(["..", "/", "nul", ".", "com", "円" * 99])
)
DEVICES = re.compile(r"(con|prn|aux|nul|(com|lpt)\d)\s*(\..*)?", re.I)


@settings(max_examples=400, deadline=None)
@given(PATTERNS, ANY_VALUE, ANY_VALUE)
@example("{graph}{counter:1}", "com", "")
@example("{graph}/{node}", "..", "..")
def test_what_is_accepted_stays_under_the_root(pattern: str, graph: str, node: str) -> None:
    if pattern_fault(pattern) is not None:
        with pytest.raises(outputs.BadPattern):
            expand(pattern, VALUES, NOW)
        return
    expanded = expand(pattern, {**VALUES, "graph": graph, "node": node}, NOW)
    assert pattern_fault(expanded) is None
    assert not outputs.fields_of(expanded)
    assert expanded.count("{counter") == 1
    name = re.sub(r"\{counter(:\d)?\}", "1", expanded) + ".png"
    assert os.path.normpath(f"/base/{name}") == f"/base/{name}"  # no "..", ".", "//"
    assert len(PurePosixPath(name).parts) == pattern.count("/") + 1
    windows = PureWindowsPath(name)
    assert not windows.drive
    assert not windows.root
    assert len(windows.parts) == pattern.count("/") + 1
    for part in name.split("/"):
        assert len(part.encode()) <= 255 - 9
        assert not part.endswith((".", " "))
        assert not re.search(r'[<>:"|?*\\\x00-\x1f]', part)
        assert not DEVICES.fullmatch(part)


# ------------------------------------------------------------------ writing


def test_write_new(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path / "new" / "out")
    first = folder.write_new(expand("{date}/{node}", VALUES, NOW), b"one")
    second = folder.write_new(expand("{date}/{node}", VALUES, NOW), b"two")
    assert first.path == tmp_path / "new/out/2025-11-30/save_00001.png"
    assert second.path.name == "save_00002.png"
    assert (first.bytes, first.blake3) == (3, blake3(b"one").hexdigest())
    assert first.path.read_bytes() == b"one"
    assert folder.write_new("plain", b"x", ".json").path.name == "plain_00001.json"
    assert folder.write_new("{counter:2}-b", b"x").path.name == "01-b.png"
    assert files(tmp_path) == [
        "new/out/01-b.png", "new/out/2025-11-30/save_00001.png",
        "new/out/2025-11-30/save_00002.png", "new/out/plain_00001.json",
    ]  # fmt: skip


@pytest.mark.skipif(os.name == "nt", reason="umask")
def test_others_may_read_as_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        path = OutputFolder(tmp_path).write_new("a", b"").path
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o644
    assert path.stat().st_nlink == 1


def test_counting_goes_on_after_the_highest(tmp_path: Path) -> None:
    for name in ("a_00003.png", "a_00041.png", "A_00060.PNG", "a_00099.json", "a_20251130.png"):
        (tmp_path / name).write_bytes(b"old")
    (tmp_path / "a_00050.png").mkdir()
    folder = OutputFolder(tmp_path)
    assert folder.write_new("a", b"new").path.name == "a_00061.png"
    (tmp_path / "a_00062.png").write_bytes(b"theirs")  # another program, after we looked
    assert folder.write_new("a", b"new").path.name == "a_00063.png"
    (tmp_path / "a_99999.png").write_bytes(b"old")
    assert OutputFolder(tmp_path).write_new("a", b"new").path.name == "a_100000.png"
    assert OutputFolder(tmp_path).write_new("a", b"new").path.name == "a_100001.png"
    for name in ("a_00003.png", "a_00041.png", "a_99999.png"):
        assert (tmp_path / name).read_bytes() == b"old"
    assert (tmp_path / "a_00062.png").read_bytes() == b"theirs"


def test_catches_up_with_a_process_far_ahead(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    folder.write_new("a", b"")
    for number in range(2, 600):
        (tmp_path / f"a_{number:05}.png").touch()
    calls = 0
    real = os.link

    def counting(*args: object, **options: object) -> None:
        nonlocal calls
        calls += 1
        real(*args, **options)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "link", counting)
        assert folder.write_new("a", b"").path.name == "a_00600.png"
    assert calls < 20


def test_thousands_of_files_are_not_listed_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 3001):
        (tmp_path / f"a_{number:05}.png").touch()
    listed = 0
    real = os.scandir

    def counting(path: object) -> object:
        nonlocal listed
        listed += 1
        return real(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", counting)
    folder = OutputFolder(tmp_path)
    for _ in range(50):
        folder.write_new("a", b"x")
    assert listed <= 2  # the highest number, and old remains; once
    assert (tmp_path / "a_03050.png").exists()


@pytest.mark.parametrize("name", ["../a", "/a", "a/../../b", "{seed}", "a\\b", ""])
def test_an_unexpanded_or_leaving_name_is_refused(tmp_path: Path, name: str) -> None:
    root = tmp_path / "out"
    with pytest.raises(outputs.BadPattern):
        OutputFolder(root).write_new(name, b"x")
    assert files(tmp_path) == []


def test_links_that_leave_are_refused(tmp_path: Path) -> None:
    root, outside = tmp_path / "out", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / "away").symlink_to(outside)
    (root / "dangling").symlink_to(tmp_path / "not yet")
    (root / "loop").symlink_to(root / "loop")
    folder = OutputFolder(root)
    with pytest.raises(outputs.LeadsOutside, match="outside the output folder"):
        folder.write_new("away/a", b"x")
    with pytest.raises(outputs.LeadsOutside):
        folder.write_new("away/deep/er/a", b"x")
    with pytest.raises(outputs.LeadsOutside):
        folder.write_new("dangling/a", b"x")
    with pytest.raises(outputs.OutputNotWritable):
        folder.write_new("loop/a", b"x")
    assert list(outside.iterdir()) == []
    assert not (tmp_path / "not yet").exists()
    # A link that stays inside is fine, and so is a root that is itself a link.
    (root / "inside").mkdir()
    (root / "alias").symlink_to(root / "inside")
    folder.write_new("alias/a", b"x")
    (tmp_path / "link").symlink_to(root)
    OutputFolder(tmp_path / "link").write_new("inside/b", b"x")
    assert {p.name for p in (root / "inside").iterdir()} == {"a_00001.png", "b_00001.png"}


def test_a_name_that_is_a_link_is_never_written_through(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    root = tmp_path / "out"
    root.mkdir()
    (root / "a_00001.png").symlink_to(victim)
    (root / "b_00001.png").symlink_to(tmp_path / "nowhere")
    folder = OutputFolder(root)
    folder._next[root, "a_", 5, ".png"] = folder._next[root, "b_", 5, ".png"] = 1
    assert folder.write_new("a", b"x").path.name == "a_00002.png"
    assert folder.write_new("b", b"x").path.name == "b_00002.png"
    assert victim.read_bytes() == b"precious"


def test_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    folder = OutputFolder(tmp_path)
    (tmp_path / "a_00001.png").write_bytes(b"old")
    folder._next[tmp_path, "a_", 5, ".png"] = 1
    assert folder.write_new("a", b"new").path.name == "a_00002.png"
    assert files(tmp_path) == ["a_00001.png", "a_00002.png"]
    assert (tmp_path / "a_00001.png").read_bytes() == b"old"
    assert (tmp_path / "a_00002.png").read_bytes() == b"new"
    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(outputs.OutputNotWritable):
        folder.write_new("a", b"new")
    assert files(tmp_path) == ["a_00001.png", "a_00002.png"]


def test_threads_share_a_folder(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    threads = [
        threading.Thread(target=lambda: [folder.write_new("a", b"x" * 99) for _ in range(20)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert files(tmp_path) == [f"a_{n:05}.png" for n in range(1, 81)]


WRITER = """
import sys
from pathlib import Path
from studio.outputs import OutputFolder
folder = OutputFolder(Path(sys.argv[1]))
if sys.argv[3] == "no links":
    import errno, os
    def refuse(*_):
        raise OSError(errno.ENOTSUP, "no links")
    os.link = refuse
print("ready", flush=True)
sys.stdin.readline()
for i in range(int(sys.argv[4])):
    print(folder.write_new("same", (sys.argv[2] + str(i)).encode() * 20000).path.name, flush=True)
"""


def writer(root: Path, tag: str, mode: str, count: int) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(root), tag, mode, str(count)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("mode", ["links", "no links"])
def test_two_processes_writing_the_same_name(tmp_path: Path, mode: str) -> None:
    """100 files, all distinct, all whole, none lost: whoever wins a number, nobody overwrites."""
    processes = [writer(tmp_path, tag, mode, 50) for tag in "ab"]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    named = [name for process in processes for name in process.communicate()[0].split()]
    assert [process.returncode for process in processes] == [0, 0]
    assert len(set(named)) == 100
    assert files(tmp_path) == sorted(named)
    contents = {path.read_bytes() for path in tmp_path.iterdir()}
    assert contents == {f"{tag}{i}".encode() * 20000 for tag in "ab" for i in range(50)}


def test_a_killed_writer_leaves_no_half_file(tmp_path: Path) -> None:
    """Killed at many moments: every name holds a whole file."""
    whole = {len(f"a{i}") * 20000 for i in (1, 10, 100, 1000)}
    seen = 0
    for attempt in range(6):
        process = writer(tmp_path, "a", "links", 100_000)
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
        time.sleep(0.03 + 0.017 * attempt)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        pictures = list(tmp_path.glob("same_*.png"))
        seen = len(pictures)
        for path in pictures:
            assert path.stat().st_size in whole
            data = path.read_bytes()
            tag = data[: len(data) // 20000]
            assert data == tag * 20000
        assert all(p.suffix == ".png" or p.name.startswith(".") for p in tmp_path.iterdir())
    assert seen > 6


def test_what_a_killed_writer_left_is_removed_later(tmp_path: Path) -> None:
    old, new = (tmp_path / f".latent-studio-1-{name}.part" for name in ("old", "new"))
    mine = tmp_path / ".latent-studio-notes"
    for path in (old, new, mine):
        path.write_bytes(b"x")
    for path in (old, mine):
        os.utime(path, (time.time() - 7200,) * 2)
    OutputFolder(tmp_path).write_new("a", b"x")
    assert files(tmp_path) == [".latent-studio-1-new.part", mine.name, "a_00001.png"]


# ------------------------------------------------------------------ what can be in the way


def test_check_makes_the_folder_and_leaves_nothing(tmp_path: Path) -> None:
    root = tmp_path / "a" / "b"
    OutputFolder(root).check()
    assert root.is_dir()
    assert files(tmp_path) == []
    OutputFolder(root).check()


def test_a_file_is_in_the_way(tmp_path: Path) -> None:
    blocker = tmp_path / "out"
    blocker.write_bytes(b"")
    for root in (blocker, blocker / "deeper" / "still"):
        with pytest.raises(outputs.OutputBlocked, match=f"{blocker} is a file") as caught:
            OutputFolder(root).check()
        assert "Move that file away" in caught.value.hint
    with pytest.raises(outputs.OutputBlocked):
        OutputFolder(tmp_path).write_new("out/a", b"x")


def test_no_permission(tmp_path: Path) -> None:
    (tmp_path / "sealed").mkdir(mode=0o555)
    (tmp_path / "hidden").mkdir(mode=0o700)
    (tmp_path / "hidden" / "in").mkdir()
    open_to_all(tmp_path)
    with as_nobody():
        for root in ("sealed", "sealed/new"):
            with pytest.raises(outputs.OutputNotWritable, match="Permission denied"):
                OutputFolder(tmp_path / root).check()
        with pytest.raises(outputs.OutputNotWritable):
            OutputFolder(tmp_path / "sealed").write_new("a", b"x")
        if os.getuid() == 0:
            with pytest.raises(outputs.OutputNotWritable):
                OutputFolder(tmp_path / "hidden" / "in" / "deep").check()
    assert files(tmp_path) == []


def test_read_only_drive(small_drive: Path) -> None:
    (small_drive / "out").mkdir()
    subprocess.run(["mount", "-o", "remount,ro", str(small_drive)], check=True)
    for root in ("out", "new"):
        with pytest.raises(outputs.OutputNotWritable, match="Read-only"):
            OutputFolder(small_drive / root).check()
    with pytest.raises(outputs.OutputNotWritable, match="Read-only"):
        OutputFolder(small_drive / "out").write_new("a", b"x")


def test_disk_full(small_drive: Path) -> None:
    folder = OutputFolder(small_drive)
    folder.check()
    folder.write_new("a", b"x" * 100_000)
    with pytest.raises(outputs.DiskFull, match=r"needs 200\.0 kB, \d+\.\d kB are free") as caught:
        folder.write_new("a", b"x" * 200_000)
    assert caught.value.exit_code == 2
    assert str(small_drive) in caught.value.message
    assert "Free some space" in caught.value.hint
    assert files(small_drive) == ["a_00001.png"]
    assert folder.write_new("a", b"x" * 100_000).path.name == "a_00002.png"  # room was given back
    (small_drive / "rest").write_bytes(b"x" * os.statvfs(small_drive).f_bavail * 4096)
    with pytest.raises(outputs.DiskFull):
        folder.check()
    assert files(small_drive) == ["a_00001.png", "a_00002.png", "rest"]


def test_another_failure_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", break_)
    with pytest.raises(outputs.WriteFailed, match=r"a_#####\.png failed: Input/output") as caught:
        OutputFolder(tmp_path).write_new("a", b"x")
    assert caught.value.exit_code == 1
    assert files(tmp_path) == []


def test_import_is_light() -> None:
    code = (
        "import sys, studio.outputs\n"
        "heavy = ('numpy', 'PIL', 'pydantic', 'torch', 'rapidfuzz', 'blake3')\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
