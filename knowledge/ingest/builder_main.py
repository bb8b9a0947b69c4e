"""The build's own process: `python -m knowledge.ingest.builder_main`, see `build_process`.

It is told {"plan": {...}, "dim": ...}, then {"vectors": ...} for each {"encode": [...]} that it
sends; "dim" is not 0 where the other side embeds a few texts with a model that it has loaded. It
sends {"progress": [stage, done, total]}, and at last {"report": {...}} or {"error": "..."}.
"""

import signal
import sys
from dataclasses import asdict
from typing import Any

from common.process import ONE_THREAD, Child, Message, environment, module
from common.process_child import Parent, parent


def main() -> None:
    """Builds the index as the plan says. Told to end, it ends what it has started: what git has
    started in turn would outlive it, and wait for its server."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with parent() as bot:
        order = bot.receive()
        bot.send(_result(order["plan"], order["dim"], bot))


def _result(plan: dict[str, Any], dim: int, bot: Parent) -> Message:
    child = None
    if plan["embedder"]["kind"] == "use" and not dim:
        # Loading the model takes longest of all: it begins before anything else is imported.
        command = module("knowledge.index.embedding_process", environment(**ONE_THREAD))
        child = Child.start(command, {})

    from knowledge.index.borrowed_embedder import AskedEmbedder
    from knowledge.index.embedders import create_embedder
    from knowledge.index.embedding_pool import UseWorkers
    from knowledge.ingest.build import build
    from knowledge.plan import plan_from
    from knowledge.types import KnowledgeError

    def ask(texts: list[str]) -> Message:
        bot.send({"encode": texts})
        return bot.receive()

    full = plan_from(plan)
    with UseWorkers(child) as workers:
        own = workers if full.embedder.kind == "use" else create_embedder(full.embedder)
        embedder = AskedEmbedder(own, dim, ask) if dim else own
        try:
            report = build(full, lambda *step: bot.send({"progress": step}), embedder)
        except KnowledgeError as error:
            return {"error": str(error)}
        except MemoryError:
            return {"error": "there is not enough memory to build the index"}
        return {"report": asdict(report)}


if __name__ == "__main__":
    main()
