"""What Run and its kin do: snapshots of a tab's graph go to the queue."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from studio.editing.seeds import advance_seeds, remember
from ui.editor import inline
from ui.engine.job import Job
from ui.engine.planner import place_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ui.editor.editor import GraphEditor
    from ui.engine.queue import RunQueue


class Runner(QObject):
    """Sends graphs to the queue.

    Args:
        queue: where jobs go.
        parent: Qt's.
    """

    message = Signal(str)

    def __init__(self, queue: RunQueue, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.queue = queue
        self._random = random.SystemRandom()

    def run(
        self,
        editor: GraphEditor,
        *,
        key: str = "",
        only: Sequence[str] = (),
        front: bool = False,
        times: int = 1,
    ) -> None:
        """Queue the graph as it is now.

        Seeds that aren't fixed move on before each run, so that the graph shows the seed of the
        picture that it makes; for several runs they are one step of undo.

        Args:
            editor: the graph's.
            key: of its tab.
            only: nodes to run to; empty takes all that write something.
            front: before what waits already.
            times: how many runs.
        """
        # What is being typed counts.
        inline.close_editor(editor, commit=True)
        merge = editor.new_gesture()
        jobs = []
        for _ in range(times):
            editor.push(replace(advance_seeds(editor.document, self._random), merge=merge))
            remember(editor.document)
            jobs.append(self._job(editor, key, only))
        # To the front they go last first, so that they keep their order.
        for job in reversed(jobs) if front else jobs:
            self.queue.add(job, front=front)
        if times > 1:
            self.message.emit(f"{times} runs queued")

    def _job(self, editor: GraphEditor, key: str, only: Sequence[str]) -> Job:
        return Job(
            title=editor.name(),
            graph=editor.text.whole(editor.document.graph()),
            key=key,
            only=tuple(only),
            states=editor.states,
            **place_of(editor),
        )
