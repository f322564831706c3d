"""A worker that behaves badly on command: it speaks the protocol, and dies or hangs as asked.

Run as `python fake_worker.py MODE`. Modes: good, rubbish, flood, hang, deaf, exit_at_start,
bad_import, slow_start, die_on_submit. A graph with the key "mode" has it for its run alone.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time


def say(**event: object) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def run(identity: str, mode: str) -> None:
    say(event="accepted", id=identity)
    say(event="run_started", id=identity, title="T", nodes=["a", "b"])
    say(event="node_started", id=identity, node="a", type="A")
    if mode == "hang":
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        while True:
            time.sleep(60)
    if mode == "die_on_submit":
        sys.stderr.write("about to crash\n")
        sys.stderr.flush()
        os.kill(os.getpid(), signal.SIGSEGV)
    for node in ("a", "b"):
        for step in range(1, 4):
            say(event="node_progress", id=identity, node=node, step=step, of=3)
        say(event="node_finished", id=identity, node=node, seconds=0.01, loading=0.0)
    say(
        event="run_finished", id=identity, status="ok", outputs=[], seconds=0.02, message="",
        exit_code=0,
    )  # fmt: skip


def main(mode: str) -> int:
    if mode == "exit_at_start":
        sys.stderr.write("error: The device \"warp\" can't be used.\n")
        return 3
    if mode == "bad_import":
        import a_package_that_is_not_there  # type: ignore[import-not-found]  # noqa: F401
    if mode == "slow_start":
        time.sleep(60)
    if mode in ("rubbish", "flood"):
        sys.stdout.write("Loading weights...\n\x00\xff{not json}\n[1, 2]\n{\"no\": \"event\"}\n\n")
    say(event="ready", protocol=1, version="0", pid=os.getpid(), device="cpu", dtype="float32")
    if mode == "flood":
        for number in range(200_000):
            sys.stdout.write(f"rubbish {number}\n")
            sys.stderr.write(f"noise {number}\n")
        sys.stdout.flush()
    for line in sys.stdin:
        request = json.loads(line)
        match request["request"]:
            case "shutdown":
                return 0
            case "submit":
                run(request["id"], request["graph"].get("mode", mode))
            case "cancel":
                say(event="cancelling", id=request["id"], run=request["run"])
            case "plan":
                steps = [
                    {"node": name, "type": "A", "key": "k", "action": "runs", "tier": "",
                     "reason": "never ran in this graph", "notes": [], "files": []}
                    for name in request["graph"]["nodes"]
                ]  # fmt: skip
                say(event="plan", id=request["id"], steps=steps, folded={}, faults=[])
            case _:
                say(event="error", id=request["id"], message="not known here")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
