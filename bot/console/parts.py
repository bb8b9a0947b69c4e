"""What the console's pages are built on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from adapters.contract import Adapter
from bot.config.schema import Config
from bot.console.audit import Audit
from bot.group.delivery import Delivery
from bot.group.flood import Flood
from bot.group.types import GroupOptions
from bot.metrics import Metrics
from bot.store.store import Store
from common.clock import Clock
from common.tasks import Tasks
from knowledge.base import KnowledgeBase


@dataclass(slots=True, kw_only=True)
class ConsoleParts:
    """What the daemon lends to the console. `knowledge` is None until it is loaded."""

    config: Config
    options: GroupOptions
    store: Store
    adapters: Mapping[str, Adapter]
    delivery: Delivery
    flood: Flood
    audit: Audit
    health: Callable[[], dict[str, Any]]
    metrics: Metrics
    clock: Clock
    tasks: Tasks
    knowledge: KnowledgeBase | None = None

    def loaded(self) -> KnowledgeBase:
        """The knowledge base. Raises HTTPServiceUnavailable while it is being loaded."""
        if self.knowledge is None:
            raise web.HTTPServiceUnavailable(text="the knowledge base is being loaded; try again")
        return self.knowledge
