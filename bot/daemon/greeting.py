"""What the daemon says on standard error: standard output belongs to the console adapter."""

import sys
from collections.abc import Iterator

from bot.config.schema import Config
from bot.texts.notices import notice
from knowledge.types import Status


def greet_at_once(config: Config, address: str, *, guarded: bool) -> None:
    """Says where the page is, which shows how far the loading is, and whether it has logins."""
    chinese = _chinese(config)
    sys.stderr.write(notice("listening", chinese, name=config.bot.name, address=address))
    if not guarded:
        sys.stderr.write(notice("no_login", chinese))


def greet(config: Config, status: Status) -> None:
    """Says what is known and which parts are on, once questions are answered."""
    chinese = _chinese(config)
    both, comma = notice("and", chinese), notice("comma", chinese)
    line = notice(
        "ready",
        chinese,
        name=config.bot.name,
        documents=status.documents,
        pieces=status.pieces,
        sources=comma.join(status.sources),
        adapters=comma.join(adapter.name for adapter in config.adapters),
        embedder=config.knowledge.embedder.kind,
        llm=both.join(_models(config, chinese)) or notice("llm_off", chinese),
        search=both.join(_searches(config, chinese)) or notice("search_off", chinese),
        data=config.bot.data_dir,
    )
    sys.stderr.write(line)


def _chinese(config: Config) -> bool:
    """English where the bot goes by the language of who asks: nobody has asked."""
    return config.bot.language == "zh"


def _models(config: Config, chinese: bool) -> Iterator[str]:
    local, remote = config.llm.local, config.llm.remote
    if "local" in config.llm.configured:
        yield notice("llm_local", chinese, model=local.model or local.serve.model or "lmdeploy")
    if "remote" in config.llm.configured:
        yield notice("llm_remote", chinese, model=f"{remote.provider} {remote.model}".strip())


def _searches(config: Config, chinese: bool) -> Iterator[str]:
    if config.search.web.engine != "none":
        yield notice("search_web", chinese, engine=config.search.web.engine)
    if config.search.repo:
        names = notice("comma", chinese).join(repo.name for repo in config.search.repo)
        yield notice("search_code", chinese, names=names)
