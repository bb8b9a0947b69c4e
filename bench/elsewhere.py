"""Questions whose answers stand only in source code, or only on a web page: answered with that
search, declined without; and the development questions no worse with both searches on.

The code is that of two packages of this environment; the pages and the search engine are the
tests' servers on loopback.
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apscheduler
import tenacity

from adapters.base import IncomingMessage
from bench.figures import Figure, at_least, at_most
from bench.setup import ROOT, Bench
from bot.answering.external import open_external_sources
from bot.answering.pipeline import Pipeline
from bot.config.schema import Config, load_config
from bot.daemon.compose import open_knowledge
from bot.llm.create import open_llm
from bot.metrics import create_metrics
from bot.types import Answer, Outcome, Question
from common.clock import SystemClock
from knowledge.ingest.build_process import build_apart
from knowledge.web.search import CACHE_FILE
from tests.fakes.serper_api import finding, serper_api
from tests.fakes.web_pages import web_pages

ABOUT = """# The tools of our team

## tenacity

Tenacity is a library for retrying in Python: stop strategies, wait strategies and callbacks.
Put the decorator `@retry` on a function, and it is called again until it raises nothing.
Tenacity 是一个 Python 重试库，提供停止策略、等待策略和回调。

## APScheduler

APScheduler runs jobs later: by date, interval or cron. Job stores keep the jobs, executors run
them. Make a scheduler, call `add_job` with a function and a trigger, and start it.
APScheduler 用来定时运行任务：创建调度器，用 `add_job` 加上函数和触发器，然后启动。

## Tidemill

Tidemill is a job server: it takes jobs, runs them on its wheels and spills what waits to disk.
It is configured by a file and steered by the command `tidemill`.
Tidemill 是一个任务服务器：接收任务，用 wheel 运行，把等待的任务落盘。
"""
"""What the documents say of the three: that they exist."""

NEAR_MISSES = (
    "tenacity 的 wait_fibonacci 怎么设置起始值",
    "what does tenacity's stop_after_errors count?",
    "apscheduler 的 RabbitJobStore 连接超时默认多少",
    "which option of apscheduler's KafkaExecutor sets the topic?",
    "tidemill 的 moon_phase 选项默认值是什么",
    "does tidemill have a Helm chart, and which values does it take?",
    "tidemill 怎么接入 Kerberos 认证",
    "how do I run tidemill on OpenBSD?",
)
"""Sound like it, and stand nowhere."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with what came of it."""

    entry: Mapping[str, Any]
    outcome: Outcome

    @property
    def right(self) -> bool:
        """Is it answered with all that it must contain?"""
        return isinstance(self.outcome, Answer) and all(
            re.search(pattern, self.outcome.text) for pattern in self.entry["must_contain"]
        )

    @property
    def answered(self) -> bool:
        """Is there an answer that is not marked as the nearest passage only?"""
        return isinstance(self.outcome, Answer) and self.outcome.exact


def measure(bench: Bench) -> Iterator[Figure]:
    """With a language model where `--llm` names one."""
    yield from asyncio.run(_measured(bench))


async def _measured(bench: Bench) -> list[Figure]:
    figures = []
    async with _searches(bench) as config:
        for name in ("code", "web"):
            asked = json.loads((ROOT / "bench" / f"{name}_questions.json").read_text())
            for language in ("zh", "en"):
                entries = [entry for entry in asked if entry["lang"] == language]
                figures += await _of_one(config, f"{name}, {language}", entries)
        misses = [{"question": text, "must_contain": [r"(?!)"]} for text in NEAR_MISSES]
        said = await _ask(config, misses, elsewhere=True)
        wrong = sum(one.answered for one in said)
        figures.append(at_most(f"near misses answered ({len(said)})", wrong, len(said) // 4))
        figures += await _no_worse(bench, config)
    return figures


async def _of_one(config: Config, name: str, entries: Sequence[Mapping[str, Any]]) -> list[Figure]:
    began = time.perf_counter()
    with_it = await _ask(config, entries, elsewhere=True)
    took = 1000 * (time.perf_counter() - began) / len(entries)
    without = await _ask(config, entries, elsewhere=False)
    right, before = (sum(one.right for one in said) for said in (with_it, without))
    answered = sum(one.answered for one in without)
    for one in with_it:
        if not one.right:
            print("    missed:", one.entry["question"])
    print(f"    {name}: {took:.0f} ms a question")
    return [
        at_least(f"{name}: right with the search ({len(entries)})", right, 0.8 * len(entries)),
        at_most(f"{name}: right without", before, 0),
        at_most(f"{name}: answered without", answered, 1),
    ]


async def _no_worse(bench: Bench, config: Config) -> list[Figure]:
    """The development questions over the big corpus, the searches on and off."""
    lines = (bench.data / "qa_dev.jsonl").read_text(encoding="utf-8").splitlines()
    entries = [{"must_contain": [], **json.loads(line)} for line in lines if line]
    big = bench.config.model_copy(update={"search": config.search, "llm": config.llm})
    shares = []
    for elsewhere in (True, False):
        said = await _ask(big, entries, elsewhere=elsewhere)
        good = [one for one in said if one.entry["kind"] == "answerable"]
        other = [one for one in said if one.entry["kind"] != "answerable"]
        shares.append((
            sum(one.right for one in good) / len(good),
            sum(not one.answered for one in other) / len(other),
        ))  # fmt: skip
    (right, left), (right_off, left_off) = shares
    return [
        at_least("development questions right, searches on", right, right_off),
        at_least("near misses and chit-chat left alone, searches on", left, left_off),
    ]


async def _ask(
    config: Config, entries: Sequence[Mapping[str, Any]], *, elsewhere: bool
) -> list[Asked]:
    clock, options = SystemClock(), config.answer
    async with (
        open_knowledge(config) as knowledge,
        open_llm(config.llm, create_metrics(), clock, watch=False) as llm,
        open_external_sources(config.search, config.knowledge, config.bot.data_dir, clock) as more,
    ):
        if more:
            await more.refresh()
        pipeline = Pipeline(knowledge, options, llm, more if elsewhere else None)
        return [
            Asked(entry, await pipeline.decide(_question(entry["question"]), []))
            for entry in entries
        ]


def _question(text: str) -> Question:
    message = IncomingMessage("bench", "bench", "bench", "1", text, 0.0, mention=True)
    return Question(text, mention=True, messages=(message,))


@asynccontextmanager
async def _searches(bench: Bench) -> AsyncIterator[Config]:
    """A configuration over a few documents, with both searches on servers of this machine."""
    folder = bench.work / "elsewhere"
    (folder / "docs").mkdir(parents=True, exist_ok=True)
    (folder / "data" / CACHE_FILE).unlink(missing_ok=True)  # of pages at other ports
    (folder / "docs" / "tools.md").write_text(ABOUT, encoding="utf-8")
    sources = [{"name": "tidemill", "path": str(folder / "docs")},
               {"name": "bot", "path": str(ROOT / "docs")}]  # fmt: skip
    repos = [
        {"name": name, "introduction": about, "repo": str(Path(package.__path__[0]))}
        for name, about, package in (
            ("tenacity", "a library for retrying in Python", tenacity),
            ("apscheduler", "a scheduler of jobs in Python", apscheduler),
        )
    ]
    async with web_pages() as site, serper_api(finding(site.listed())) as api:
        web = {
            "engine": "serper", "api_key": api.key, "endpoint": api.url, "allow": [site.place],
            "preferred_domains": ["127.0.0.1"],
        }  # fmt: skip
        config = load_config(ROOT / "config.yaml", [
            f"bot.data_dir={folder / 'data'}",
            f"knowledge.sources={json.dumps(sources)}",
            f"search={json.dumps({'web': web, 'repo': repos})}",
            *([f"llm.remote={{provider: custom, base_url: {bench.llm}, model: ''}}"]
              if bench.llm else []),
        ])  # fmt: skip
        await build_apart(config.plan, lambda *_: None)
        yield config
