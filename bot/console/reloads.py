"""Reloads of the knowledge base that are begun on the console: one at a time, in the background."""

from dataclasses import asdict
from typing import Any

from bot.console.parts import ConsoleParts
from knowledge.base import KnowledgeBase
from knowledge.types import KnowledgeError


class Reloads:
    """`under_way` is `{"stage", "done", "total"}` of the reload that is being done, None where none
    is; `report` what the last one brought, or its `error`."""

    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts
        self._again = False
        self.under_way: dict[str, Any] | None = None
        self.report: dict[str, Any] | None = None

    def begin(self) -> bool:
        """Begins a reload; one that is under way, which may have missed what changed last, is
        followed by another. False where it had begun already. Raises HTTPServiceUnavailable."""
        knowledge = self._parts.loaded()
        if self.under_way is not None:
            self._again = True
            return False
        self.under_way = {"stage": "read", "done": 0, "total": 0}
        self._parts.tasks.spawn(self._all(knowledge))
        return True

    async def _all(self, knowledge: KnowledgeBase) -> None:
        try:
            await self._one(knowledge)
            while self._again:
                self._again = False
                await self._one(knowledge)
        finally:
            self.under_way = None

    async def _one(self, knowledge: KnowledgeBase) -> None:
        def progress(stage: str, done: int, total: int) -> None:
            self.under_way = {"stage": stage, "done": done, "total": total}

        try:
            self.report = asdict(await knowledge.reload(progress))
            result = "done"
        except KnowledgeError as error:
            self.report, result = {"error": str(error)}, "failed"
        self._parts.metrics.reloads.labels(result).inc()
