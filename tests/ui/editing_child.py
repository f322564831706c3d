"""A process that edits graphs in tabs until it is killed, and says what it did and when."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from files_kit import Stage, edit
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from studio.editing.edits import set_param
from studio.registry import Registry


def main(home: Path, paths: list[Path], pace: int) -> None:
    app = QApplication(["child"])
    stage = Stage(Registry.load(), home)
    keeper = stage.keep()
    untitled = stage.tabs.new()
    edit(untitled, 0)
    keeper.start(paths)
    count = 0

    def go_on() -> None:
        nonlocal count
        if len(stage.tabs.editors()) <= len(paths):
            return
        count += 1
        for editor in stage.tabs.editors():
            name = next(iter(editor.document.nodes))
            editor.push(set_param(editor.document, name, "value", count))
        sys.stdout.write(f"{count} {time.monotonic()}\n")
        sys.stdout.flush()

    timer = QTimer(app)
    timer.timeout.connect(go_on)
    timer.start(pace)
    app.exec()


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(text) for text in sys.argv[3:]], int(sys.argv[2]))
