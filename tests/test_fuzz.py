"""Ten thousand damaged pictures and ten thousand damaged prompts: never a crash, always a word.

Each runs in a child process, whose peak in memory is looked at. Damaged headers of models are in
`tests/studio/diffusion`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
COUNT = 10_000
GIB = 2**30

MUTATE = """
import json, random, resource, struct, sys, zlib
from pathlib import Path
rng = random.Random(7)

def mutate(data, tokens):
    data = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(6)
        if kind == 0 and data:
            data[min(at, len(data) - 1)] = rng.randrange(256)
        elif kind == 1:
            del data[at : at + rng.randint(1, 40)]
        elif kind == 2:
            data[at:at] = bytes(rng.randrange(256) for _ in range(rng.randint(1, 20)))
        elif kind == 3:
            data[at:at] = rng.choice(tokens) * rng.choice((1, 1, 2, 200))
        elif kind == 4:
            data = data[:at]
        else:
            other = rng.randrange(len(data) + 1)
            data[at:at] = data[other : other + 60]
    return bytes(data)

def own_peak():
    # What getrusage says begins with the memory of the process that started this one.
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if "VmHWM" in line)
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

def done(refused, taken):
    print(json.dumps({"refused": refused, "taken": taken, "peak": own_peak()}))
"""

PICTURES = """
import io
from pathlib import Path
import numpy as np
from PIL import Image
from studio.errors import InputError
from studio.pictures import probe_picture, read_picture, read_png_text
from studio.png import encode_png

pixels = np.random.default_rng(1).integers(0, 256, (24, 17, 3), np.uint8)
seeds = [encode_png(pixels, {"parameters": "a word"})]
modes = (("P", {"transparency": 1}), ("I;16", {}), ("RGBA", {}), ("LA", {}), ("1", {}))
for mode, options in modes:
    stream = io.BytesIO()
    Image.new(mode, (13, 9)).save(stream, "PNG", **options)
    seeds.append(stream.getvalue())

def mend(data):
    \"\"\"Right checksums, so that damage gets behind them.\"\"\"
    out, at = bytearray(data[:8]), 8
    while at + 12 <= len(data):
        length = min(int.from_bytes(data[at : at + 4], "big"), len(data) - at - 12)
        chunk = data[at + 4 : at + 8 + length]
        out += data[at : at + 4] + chunk + struct.pack(">I", zlib.crc32(chunk))
        at += 12 + length
    return bytes(out)

tokens = [b"IHDR", b"IDAT", b"IEND", b"tRNS", b"eXIf", b"zTXt", b"iTXt", b"acTL", b"\\0\\0\\0\\x0d",
          b"\\x7f\\xff\\xff\\xff", struct.pack(">II", 100000, 100000)]
path = Path(sys.argv[1])
refused = taken = 0
for i in range(int(sys.argv[2])):
    data = mutate(rng.choice(seeds), tokens)
    path.write_bytes(mend(data) if i % 2 else data)
    for read in (probe_picture, read_picture, read_png_text):
        try:
            read(path)
            taken += 1
        except InputError as error:
            assert str(path) in str(error) or path.name in str(error), error
            refused += 1
done(refused, taken)
"""

PROMPTS = """
import torch
from transformers.utils import logging
logging.set_verbosity_error()  # as the program does: texts longer than 77 tokens are no news
from studio.diffusion.text.loading import read_tokenizer, shipped_vocabulary
from studio.diffusion.text.tokens import Vocabulary, chunks
from studio.diffusion.text.alternatives import settle, without_comments
from studio.diffusion.text.errors import BadPrompt
from studio.diffusion.text.prompt import fault_in, parse

seeds = ["a (red:1.3) circle, [blue] {a|b|{c|d}} BREAK embedding:name \\\\(x\\\\)".encode(),
         "((((nested)))) words: 1.2, (so:-0.5) // note\\n/* more */ \\N{SNOWMAN}".encode()]
tokens = [b"(", b")", b"[", b"]", b"{", b"}", b"|", b":1.5)", b":", b"\\\\", b"BREAK",
          b"embedding:", b"//", b"/*", b"*/", b"1e999", b"nan", b"\\n", b",", b"\\xff"]
folder = shipped_vocabulary("CLIPTextModel")
vocabulary = Vocabulary.of(read_tokenizer(folder, "CLIPTextModel", "it"), 77)
refused = taken = 0
for i in range(int(sys.argv[2])):
    text = mutate(rng.choice(seeds), tokens).decode("utf-8", "replace")
    for weighting in ("comfy", "a1111"):
        try:
            pieces = parse(settle(without_comments(text), i), weighting).pieces
            cut = chunks(pieces, vocabulary, lambda name: torch.ones(len(name) % 90, 8), weighting)
            assert cut and all(len(chunk) == 77 for chunk in cut)
            taken += 1
        except BadPrompt:
            refused += 1
    fault_in(text)
done(refused, taken)
"""


@pytest.mark.parametrize(("subject", "script"), [("pictures", PICTURES), ("prompts", PROMPTS)])
def test_ten_thousand_of_them(subject: str, script: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MUTATE + script, str(tmp_path / "fuzz.png"), str(COUNT)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert not done.stderr
    found = json.loads(done.stdout)
    # It must have got past the first look at times, and have been refused at times, to say much.
    assert found["taken"] > COUNT / 100, found
    assert found["refused"] > COUNT / 100, found
    assert found["peak"] < GIB
