"""The build's own process: `python -m knowledge.ingest.builder_main`, see `build_process`.

It reads JSON lines: {"plan": {...}, "dim": ...}, then {"vectors": ...} for each {"encode": [...]}
that it writes; "dim" is not 0 where the other side embeds a few texts with a model that it has
loaded. It writes {"progress": [stage, done, total]}, and at last {"report": {...}} or {"error":
"..."}. Its input stays open as long as somebody waits for it; when that closes, it ends with all
that it started.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from queue import SimpleQueue
from threading import Thread
from typing import Any

from common.process import Child, private_output

Say = Callable[[dict[str, Any]], None]


def main() -> None:
    """Builds the index as the plan says."""
    order = json.loads(sys.stdin.readline())
    answers: SimpleQueue[str] = SimpleQueue()
    Thread(target=_listen, args=(answers,), daemon=True).start()
    with private_output() as out:

        def say(message: dict[str, Any]) -> None:
            out.write(json.dumps(message) + "\n")
            out.flush()

        try:
            say(_result(order["plan"], order["dim"], say, answers))
        except BrokenPipeError:
            _end_all()  # the bot was stopped: nobody listens, and there is nothing to complain of


def _result(
    plan: dict[str, Any], dim: int, say: Say, answers: "SimpleQueue[str]"
) -> dict[str, Any]:
    child = None
    if plan["embedder"]["kind"] == "use" and not dim:
        # Loading the model takes longest of all: it begins before anything else is imported.
        child = Child("knowledge.index.embedding_process", {})

    from knowledge.index.borrowed_embedder import AskedEmbedder
    from knowledge.index.embedders import create_embedder
    from knowledge.index.embedding_pool import UseWorkers
    from knowledge.ingest.build import build
    from knowledge.plan import plan_from
    from knowledge.types import KnowledgeError

    def ask(texts: list[str]) -> dict[str, Any]:
        say({"encode": texts})
        answer: dict[str, Any] = json.loads(answers.get())
        return answer

    full = plan_from(plan)
    with UseWorkers(child) as workers:
        own = workers if full.embedder.kind == "use" else create_embedder(full.embedder)
        embedder = AskedEmbedder(own, dim, ask) if dim else own
        try:
            return {"report": asdict(build(full, lambda *step: say({"progress": step}), embedder))}
        except KnowledgeError as error:
            return {"error": str(error)}
        except MemoryError:
            return {"error": "there is not enough memory to build the index"}


def _listen(answers: "SimpleQueue[str]") -> None:
    for line in sys.stdin:
        answers.put(line)
    _end_all()


def _end_all() -> None:
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    main()
