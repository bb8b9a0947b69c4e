"""What the daemon says on standard error: standard output belongs to the console adapter."""

import sys

from bot.answering.settings import SearchSettings
from bot.config.schema import Config
from knowledge.types import Status


def greet_at_once(config: Config, address: str) -> None:
    """Says where the page is, which shows how far the loading is."""
    sys.stderr.write(f"{config.bot.name} is listening\n  page       {address}\n")


def greet(config: Config, status: Status) -> None:
    """Says what is known and which parts are on, once questions are answered."""
    kinds = ", ".join(getattr(adapter, "name", "") for adapter in config.adapters)
    lines = (
        f"{config.bot.name} is ready",
        f"  knowledge  {status.documents} documents, {status.pieces} pieces from "
        f"{', '.join(status.sources)}",
        f"  adapters   {kinds}",
        f"  embedder   {config.knowledge.embedder.kind}",
        f"  llm        {_llm_line(config)}",
        f"  search     {_search_line(config.search)}",
        f"  data       {config.bot.data_dir}",
    )
    sys.stderr.write("\n".join(lines) + "\n")


def _llm_line(config: Config) -> str:
    if not config.llm.configured:
        return "off: answers are quoted from the documents"
    local = config.llm.local.model or config.llm.local.serve.model or "lmdeploy"
    remote = f"{config.llm.remote.provider} {config.llm.remote.model}".strip()
    names = {"local": f"local ({local})", "remote": f"remote ({remote})"}
    return " and ".join(names[side] for side in config.llm.configured)


def _search_line(search: SearchSettings) -> str:
    if not search.configured:
        return "off: answers come from the documents only"
    web = [] if search.web.engine == "none" else [f"web ({search.web.engine})"]
    repos = ", ".join(repo.name for repo in search.repo)
    return " and ".join([*web, *([f"code of {repos}"] if repos else [])])
