"""What the console's pages are built on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from adapters.contract import Adapter
from bot.answering.pipeline import Pipeline
from bot.config.config_file import ConfigFile
from bot.config.options import written_pages
from bot.config.schema import Config
from bot.console.audit import Audit
from bot.console.logbook import LogBook
from bot.console.users import Users
from bot.group.delivery import Delivery
from bot.group.erasing import Erasing
from bot.group.flood import Flood
from bot.group.types import GroupOptions
from bot.metrics import Metrics
from bot.pages import WrittenPages
from bot.store.store import Store
from common.clock import Clock
from common.tasks import Tasks
from knowledge.base import KnowledgeBase


@dataclass(slots=True, kw_only=True)
class ConsoleParts:
    """What the daemon lends to the console. `config` is what holds now, which a reload and a change
    on the page replace in part, and `file` what it was read from; `knowledge` and `pipeline` are
    None until they are loaded; `command` is how this program was started, options and all, without
    what it does."""

    config: Config
    file: ConfigFile | None
    options: GroupOptions
    store: Store
    adapters: Mapping[str, Adapter]
    delivery: Delivery
    flood: Flood
    audit: Audit
    users: Users
    erasing: Erasing
    health: Callable[[], dict[str, Any]]
    metrics: Metrics
    clock: Clock
    tasks: Tasks
    log: LogBook
    pages: WrittenPages
    command: tuple[str, ...] = ()
    knowledge: KnowledgeBase | None = None
    pipeline: Pipeline | None = None

    def open(self, knowledge: KnowledgeBase, pipeline: Pipeline) -> None:
        """The knowledge base is loaded: from now on all pages can be shown."""
        self.knowledge, self.pipeline = knowledge, pipeline

    def take_sources(self, config: Config) -> None:
        """The sources of the configuration are these now."""
        knowledge = self.config.knowledge.model_copy(update={"sources": config.knowledge.sources})
        self.config = self.config.model_copy(update={"knowledge": knowledge})
        self.pages.folders = written_pages(config).folders

    def loaded(self) -> KnowledgeBase:
        """The knowledge base. Raises HTTPServiceUnavailable while it is being loaded."""
        if self.knowledge is None:
            raise web.HTTPServiceUnavailable(text="the knowledge base is being loaded; try again")
        return self.knowledge
