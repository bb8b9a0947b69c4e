"""`ask`: one message that mentions the bot, through the whole pipeline."""

import argparse
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from adapters.base import Citation, IncomingMessage
from bot.answering.pipeline import Pipeline
from bot.cli.index import say, say_json
from bot.cli.model import NOT_ASKED, failures, kind_of, model_failed, quiet
from bot.config.schema import BotSettings
from bot.texts.answers import answer_text, decline_text, small_talk_text
from bot.texts.notices import reason_text, speaks_chinese
from bot.types import Answer, Question, Reason, Trace


def mention(text: str, group: str = "cli", user: str = "me") -> Question:
    """A question as if somebody had mentioned the bot with it."""
    now = time.time()
    message = IncomingMessage("cli", group, user, f"cli-{now}", text, now, mention=True)
    return Question(text, mention=True, messages=(message,))


async def ask(pipeline: Pipeline, args: argparse.Namespace, bot: BotSettings, prefix: str) -> int:
    """Prints outcome, answer and citations, with `--trace` each stage. In the JSON form `text` of
    a silence is the line that a mention gets."""
    trace: Trace = []
    with quiet():
        outcome = await pipeline.decide(mention(args.text, args.group, args.user), trace)
    if pipeline.llm and (failed := failures(trace)) and kind_of(trace) != "written":
        then = "what is answered is quoted from the documents"
        model_failed(pipeline.llm, NOT_ASKED, then, failed[-1])
    chinese = speaks_chinese(bot.language, args.text)
    if isinstance(outcome, Answer):
        kind, reason, citations = "answer", outcome.reason, outcome.citations
        text = answer_text(outcome, chinese)
        notes = ["", *(f"[{n}] {_line(citation)}" for n, citation in enumerate(citations, 1))]
    else:
        kind, reason, citations = "silence", outcome.reason, ()
        text = decline_text(trace, chinese, reason, said=args.text)
        if reason is Reason.SMALL_TALK:
            text = small_talk_text(
                args.text, chinese, name=bot.name, prefix=prefix, helpers=bot.helpers
            )
        notes = [f"({reason}: {reason_text(reason, chinese)})"]
    if args.json:
        cited = [asdict(citation) for citation in citations]
        found = {"outcome": kind, "reason": reason, "text": text, "citations": cited}
        say_json(found | {"trace": trace})
        return 0
    say("\n".join([text, *notes]))
    if args.trace:
        _show(trace)
    return 0


def _line(citation: Citation) -> str:
    place = citation.place
    return "  ".join(part for part in (place, citation.heading, citation.url) if part)


def _show(trace: Sequence[Any]) -> None:
    for entry in trace:
        say(f"\n{entry['stage']}  {entry['ms']:.1f} ms")
        for name, value in entry.items():
            if name in ("stage", "ms"):
                continue
            for line in value if isinstance(value, list) and value else [value]:
                say(f"  {name}: {line}")
