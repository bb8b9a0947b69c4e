"""`replay`: an exported chat, as it would have been with the bot in the group."""

import argparse
import json
from contextlib import AsyncExitStack, closing
from typing import Any

from bot.cli.index import ProgressBars, say, say_json
from bot.cli.model import NO_MODEL, quiet
from bot.config.options import zone
from bot.config.schema import Config
from bot.llm.budget import price_of
from bot.llm.create import open_llm
from bot.metrics import create_metrics, llm_usage
from bot.replay.chat import ExportError, load_chat, of_group
from bot.replay.figures import Figures, llm_figures, report
from bot.replay.page import page
from bot.replay.run import replay
from common.clock import SystemClock
from common.language import is_chinese
from common.texts import counted
from knowledge.base import KnowledgeBase
from knowledge.types import KnowledgeError


async def replay_chat(config: Config, knowledge: KnowledgeBase, args: argparse.Namespace) -> int:
    """Replays a file, writes the page and its figures, and prints the most important ones."""
    if args.llm and not config.llm.configured:
        raise KnowledgeError(NO_MODEL)
    times = zone(config)
    try:
        chat = load_chat(args.file, config.bot.name, times)
        if args.group:
            chat = of_group(chat, args.group)
    except ExportError as error:
        raise KnowledgeError(str(error)) from error
    metrics = create_metrics()
    async with AsyncExitStack() as stack:
        llm = None
        if args.llm:
            opening = open_llm(config.llm, metrics, SystemClock(), watch=False)
            llm = await stack.enter_async_context(opening)
        bars = stack.enter_context(closing(ProgressBars()))
        with quiet("bot.group"):
            record = await replay(config, chat, knowledge, llm, bars)
    figures = report(chat, record, times)
    if args.llm:
        price = price_of(config.llm.remote)
        prices = {"remote": price} if price.known else {}
        figures["llm"] = llm_figures(llm_usage(metrics), prices)
    chinese = sum(is_chinese(one.message.text) for one in chat) * 2 > len(chat)
    if config.bot.language != "auto":
        chinese = config.bot.language == "zh"
    folder = args.out or config.bot.data_dir / "replay"
    folder.mkdir(parents=True, exist_ok=True)
    whole = json.dumps(figures, ensure_ascii=False, indent=1)
    (folder / "replay.json").write_text(whole + "\n", encoding="utf-8")
    (folder / "replay.html").write_text(page(figures, chinese=chinese), encoding="utf-8")
    if args.json:
        say_json(_short(figures))
    else:
        _show(figures)
        say(f"page             {folder / 'replay.html'}")
    return 0


def _short(figures: Figures) -> Figures:
    """The report without its lists."""
    short = {name: value for name, value in figures.items() if name not in ("scores", "uncertain")}
    for name in ("replies", "held_back", "people_answered"):
        short[name] = {k: v for k, v in figures[name].items() if k not in ("list", "delays_s")}
    return short


def _show(figures: Figures) -> None:
    replies, held, people = (figures[n] for n in ("replies", "held_back", "people_answered"))
    lines: list[tuple[str, Any]] = [
        ("messages", f"{figures['messages']}, {counted(figures['groups'], 'group')}, "
                     f"{figures['from'][:10]} to {figures['to'][:10]}"),
        ("unprompted", f"{_replies(replies['unprompted'])}, "
                       f"{replies['unprompted_per_week']} a week"),
        ("mentioned", _replies(replies["total"] - replies["unprompted"])),
        ("held back", f"{held['budget']} budget, {held['cooldown']} cooldown"),
        ("people", f"answered {people['answered']} of {people['questions']} questions within an "
                   f"hour, {people['before_the_bot']} before the bot; half within "
                   f"{_figure(people['median_s'])} s"),
    ]  # fmt: skip
    if labelled := figures["labelled"]:
        for name in ("gate", "replies"):
            one = labelled[name]
            found = f"precision {_figure(one['precision'])}, recall {_figure(one['recall'])}"
            lines.append((f"labels: {name}", f"{found} ({labelled['n']} labelled)"))
    if llm := figures.get("llm"):
        lines.append(("model", f"{counted(llm['calls'], 'call')}, cost {_figure(llm['cost'])}"))
    for name, text in lines:
        say(f"{name:<16} {text}")


def _replies(number: int) -> str:
    return counted(number, "reply", "replies")


def _figure(value: float | None) -> str:
    """A figure, "-" where there is nothing to measure."""
    return "-" if value is None else f"{value}"
