"""Tables as people have them, and as nobody should."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import threading
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from batch_graphs import WORKFLOW
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio.batch.rows import Rows, read_csv, read_jsonl
from studio.batch.targets import find_target
from studio.batch.texts import TextFileError
from studio.graph import files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from studio.batch.targets import Target
    from studio.registry import Registry

HEAD = "positive.text,sampler.seed,sampler.cfg\n"
BODY = "a cat,1,3.5\na dog,2,5\n"
WANTED = [
    {"positive.text": "a cat", "sampler.seed": 1, "sampler.cfg": 3.5},
    {"positive.text": "a dog", "sampler.seed": 2, "sampler.cfg": 5.0},
]


@pytest.fixture(scope="session")
def find(registry: Registry) -> Callable[[str, str], Target]:
    graph = files.load(WORKFLOW)
    return lambda place, where: find_target(place, graph, registry, where)


def judge(_target: Target, value: Any) -> str | None:
    return "unlucky." if value == 13 else None


@pytest.fixture
def read(find: Any, tmp_path: Path) -> Callable[[bytes | str], list[dict[str, Any]]]:
    def reading(data: bytes | str, kind: Any = read_csv) -> list[dict[str, Any]]:
        path = tmp_path / "rows.csv"
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return all_of(kind(path, find, judge))

    return reading


def all_of(rows: Rows) -> list[dict[str, Any]]:
    return [rows.at(index) for index in range(len(rows.store))]


def fault(read: Any, data: bytes | str, kind: Any = read_csv) -> list[str]:
    with pytest.raises(TextFileError) as caught:
        read(data, kind)
    lines = str(caught.value).splitlines()
    assert 1 <= len(lines) <= 3
    assert caught.value.exit_code == 2
    return lines


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_encodings(read: Any, encoding: str) -> None:
    assert read((HEAD + BODY).encode(encoding)) == WANTED


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_delimiters_and_line_ends(read: Any, mark: str, end: str) -> None:
    text = (HEAD + BODY).replace(",", mark).replace("\n", end)
    assert read(text) == WANTED
    assert read(f"sep={mark}{end}{text}") == WANTED


def test_unusual_letters_survive(read: Any) -> None:
    for encoding in ("utf-8", "utf-16"):
        text = 'positive.text\n"ein Mädchen, 猫 🐈\nin zwei Zeilen, ""so"""\n'
        assert read(text.encode(encoding)) == [
            {"positive.text": 'ein Mädchen, 猫 🐈\nin zwei Zeilen, "so"'}
        ]


def test_empty_cells_and_rows(read: Any) -> None:
    text = HEAD + ",,\n\n , ,\n,1,\na cat,,2\n"
    assert read(text) == [
        {"positive.text": "", "sampler.seed": 1},
        {"positive.text": "a cat", "sampler.cfg": 2.0},
    ]
    assert read('positive.text\n\n""\na\n') == [{"positive.text": ""}, {"positive.text": "a"}]


def test_an_empty_cell_is_a_text_only_where_that_will_do(find: Any, tmp_path: Path) -> None:
    """A prompt may be empty; the name of a model is what the graph says then."""

    def needs_a_name(target: Target, value: Any) -> str | None:
        return "no such model." if target.place == "checkpoint.name" and not value else None

    path = tmp_path / "rows.csv"
    path.write_text('checkpoint.name,positive.text\n,""\npocket,\n,a\n')
    assert all_of(read_csv(path, find, needs_a_name)) == [
        {"checkpoint.name": "pocket", "positive.text": ""},
        {"positive.text": "a"},
    ]


def test_rows_of_several_shapes_are_known(find: Any, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(HEAD + "a,1,2\nb,,2\nc,3,4\nd,,5\n")
    shapes = read_csv(path, find, judge).shapes
    assert sorted(shapes.values()) == [0, 1]


def test_columns_without_a_name(read: Any) -> None:
    assert read("positive.text,,sampler.seed,\na,,1,\n") == [
        {"positive.text": "a", "sampler.seed": 1}
    ]
    assert "line 2: column 2 has no name" in fault(read, "positive.text,\na,b\n")[0]
    assert "no column has a name" in fault(read, ",,\n1,2,3\n")[0]


def test_bad_columns_are_named_with_the_nearest(read: Any) -> None:
    told = fault(read, "positive.txt,sampler.sed,nothing\n1,2,3\n")
    assert "line 1, column 1" in told[0]
    assert "Did you mean text" in told[0]
    assert "Did you mean seed" in told[1]
    assert "'nothing' is not NODE.PARAM" in told[2]
    assert "Did you mean sampler.cfg" in fault(read, "cfg;steps\n1;2\n")[0]
    assert "several columns" in fault(read, "sampler.seed,sampler.seed\n1,2\n")[0]
    assert "latent is a socket" in fault(read, "decode.latent\n1\n")[0]


def test_ragged_rows(read: Any) -> None:
    told = fault(read, HEAD + "a,1,2\nb,1\nc,1,2,3\nd\n")
    assert "line 3: it has 2 cells, and the header has 3" in told[0]
    assert "line 4: it has 4 cells" in told[1]
    assert "commas in it goes in" in told[1]
    assert "line 5: it has 1 cell," in told[2]


def test_the_line_is_where_the_row_begins(read: Any) -> None:
    told = fault(read, HEAD + '"a\nb\nc",1,2\n"d\ne",x,2\n')
    assert "line 5, column sampler.seed" in told[0]


def test_bad_values(read: Any) -> None:
    told = fault(read, HEAD + "a,x,2\na,13,2\na,1,200\na,1,y\n")
    assert 'line 2, column sampler.seed: seed is "x"; it must be a whole number' in told[0]
    assert "line 3, column sampler.seed: unlucky." in told[1]
    assert 'line 4, column sampler.cfg: cfg is "200"; it must be a number from 0 to' in told[2]
    late = HEAD + "a,1,2\n" * 2000 + "a\0,1,2\n"
    assert "line 2002, column positive.text: it contains a zero byte" in fault(read, late)[0]


def test_broken_quotes(read: Any) -> None:
    assert "never closed" in fault(read, HEAD + 'a,1,2\n"b,1,2\n')[0]
    assert "line 3" in fault(read, HEAD + 'a,1,2\n"b,1,2\n')[0]
    assert "goes on after its end" in fault(read, HEAD + '"b" c,1,2\n')[0]
    assert "longer than" in fault(read, HEAD + '"' + "b" * 200_000 + ",1,2\n")[0]


def test_files_that_are_no_tables(read: Any, find: Any, tmp_path: Path) -> None:
    assert "it is empty" in fault(read, "")[0]
    assert "it is empty" in fault(read, "\n\n\n")[0]
    assert "no rows" in fault(read, HEAD)[0]
    assert "--jsonl" in fault(read, '{"sampler.seed": 1}\n')[0]
    assert "isn't a text file" in fault(read, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0")[0]
    latin = HEAD.encode() + "ein Mädchen,1,2\n".encode("latin-1")
    assert "line 2: it isn't UTF-8" in fault(read, latin)[0]
    late = HEAD.encode() + b"a,1,2\n" * 50_000 + b"\xff,1,2\n"
    assert "line 50002: it isn't UTF-8" in fault(read, late)[0]
    assert "longer than 1,048,576 characters" in fault(read, "x" * 2**21)[0]
    assert "UTF-8" in fault(read, (HEAD + BODY).encode("utf-16")[:-1])[0]
    for path, words in (
        (tmp_path / "row.csv", "Did you mean rows.csv"),
        (tmp_path / "no" / "rows.csv", "there is no folder"),
        (tmp_path, "this is a folder"),
    ):
        with pytest.raises(TextFileError, match=words):
            read_csv(path, find, judge)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_read_once(find: Any, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(HEAD + BODY,))
    writer.start()
    assert all_of(read_csv(pipe, find, judge)) == WANTED
    writer.join()


# JSON Lines


def test_json_lines(read: Any) -> None:
    text = (
        '{"positive.text": "a cat", "sampler.seed": 1}\n\n'
        '{"sampler": {"seed": 2, "cfg": 5}, "positive.text": "a, dog"}\r\n'
        '{"sampler.eta": null}'
    )
    assert read(text, read_jsonl) == [
        {"positive.text": "a cat", "sampler.seed": 1},
        {"sampler.seed": 2, "sampler.cfg": 5.0, "positive.text": "a, dog"},
        {"sampler.eta": None},
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"sampler.seed": 1\n', "isn't JSON: Expecting ',' delimiter at column 19"),
        ("[1]", "isn't an object"),
        ("[", "one list"),
        ('{"sampler.seed": "1"}', "whole number"),
        ('{"sampler.seed": 1.5}', "whole number"),
        ('{"sampler.seed": true}', "seed is true; it must be a whole number"),
        ('{"sampler.seed": 13}', "unlucky"),
        ('{"sampler.cfg": NaN}', "NaN"),
        ('{"sampler.seed": 1, "sampler.seed": 2}', 'line 1: the key "sampler.seed" stands twice'),
        ('{"sampler.seed": 1, "sampler": {"seed": 2}}', "twice"),
        ('{"sampler.sed": 1}', "Did you mean seed"),
        ('{"seed": 1}', "Did you mean"),
        ('{"positive.text": "\\ud800"}', "half a character"),
        ('{"positive.text": ' + "[" * 200 + "]" * 200 + "}", "nested"),
        ("", "no rows"),
        ("x" * 2**21, "longer than"),
    ],
    ids=range(16),
)
def test_bad_json_lines(read: Any, line: str, words: str) -> None:
    assert words in fault(read, line, read_jsonl)[0]


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@given(
    st.lists(st.tuples(texts, st.integers(0, 2**64 - 1)), min_size=1, max_size=8),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_python_writes_is_read_back(
    read: Any, rows: list[tuple[str, int]], mark: str, encoding: str
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=mark, quoting=csv.QUOTE_ALL)
    writer.writerow(["positive.text", "sampler.seed"])
    writer.writerows(rows)
    wanted = [{"positive.text": prompt, "sampler.seed": seed} for prompt, seed in rows]
    assert read(text.getvalue().encode(encoding)) == wanted
    lines = "\n".join(json.dumps(row) for row in wanted)
    assert read(lines, read_jsonl) == wanted


@given(st.binary(max_size=200))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_read_or_refused_in_words(read: Any, data: bytes) -> None:
    for kind in (read_csv, read_jsonl):
        for head in (b"", HEAD.encode(), HEAD.encode("utf-16")):
            with contextlib.suppress(TextFileError):
                read(head + data, kind)


def test_a_long_table_isnt_kept_in_memory(find: Any, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    prompt = "word " * 200
    with path.open("w") as file:
        file.write(HEAD)
        file.writelines(f"{number} {prompt},{number},3\n" for number in range(45_000))
    assert path.stat().st_size > 45e6
    tracemalloc.start()
    try:
        rows = read_csv(path, find, lambda *_: None)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(rows.store) == 45_000
    assert rows.at(44_999)["sampler.seed"] == 44_999
    assert peak < 40e6, f"{peak:,}"
