"""`label`: a person goes through stored messages, those first of which the gate is least sure."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path

from adapters.console import printable
from bot.cli.index import say
from bot.config.options import zone
from bot.config.schema import Config
from bot.store.examples import Label, Origin, StoredQuestion
from bot.store.instance import running
from bot.store.store import Store, open_store
from common.clock import Clock
from knowledge.base import KnowledgeBase
from knowledge.types import KnowledgeError

NEWEST = 5000
"""Of so many questions that were judged last those to label are chosen."""

SHOWN_CHARS = 240

HELP = "g good   b bad   s skip   u undo   q quit"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stored question that may be labelled, and how the gate scores it now."""

    question: StoredQuestion
    score: float
    threshold: float

    @property
    def distance(self) -> float:
        """How far its score is from the threshold: the nearer, the less sure is the gate."""
        return abs(self.score - self.threshold)


async def label(
    config: Config, knowledge: KnowledgeBase, clock: Clock, args: argparse.Namespace
) -> int:
    """A session at the terminal: one key per message."""
    async with open_labels(config) as store:
        candidates = await unlabelled(store, knowledge, (Origin.LABEL,), args.group)
        if not candidates:
            say("no stored message is left to be labelled")
            return 0
        most = args.limit or len(candidates)
        session = _Session(store, knowledge, clock, zone(config), candidates[:most])
        given = await session.run(_key)
    say(f"{given} labels given; the gate learns from them at its next refit")
    return 0


def open_labels(config: Config) -> AbstractAsyncContextManager[Store]:
    """The bot's store. Raises KnowledgeError where there is none."""
    place = config.store_place
    if not isinstance(place, Path):
        return open_store(place, upgrade=False)  # who knows what runs on other machines
    if not place.is_file():
        raise KnowledgeError(f"there are no stored messages in {place}; let the bot run first")
    return open_store(place, upgrade=not running(config.bot.data_dir))


async def unlabelled(
    store: Store, knowledge: KnowledgeBase, origins: Sequence[Origin], group: str | None
) -> list[Candidate]:
    """The stored questions without a label of some origins, each text once, the most uncertain
    first; of one group, "adapter:group", or of all."""
    known = {label.text for label in await store.labels(aside=True) if label.origin in origins}
    only = None
    if group:
        adapter, _, name = group.partition(":")
        only = (adapter, name)
    stored = await store.stored_questions(NEWEST, only)
    by_text = {one.text: one for one in reversed(stored) if one.text not in known}
    return await scored(knowledge, list(by_text.values()))


async def scored(knowledge: KnowledgeBase, questions: Sequence[StoredQuestion]) -> list[Candidate]:
    """Questions as the gate of today sees them, the most uncertain first."""
    texts = [one.text for one in questions]
    await knowledge.prepare(texts)
    state, scores = await knowledge.scores(texts)
    found = [
        Candidate(one, score, (state.unprompted if one.unprompted else state.mention).threshold)
        for one, score in zip(questions, scores, strict=True)
    ]
    return sorted(found, key=lambda one: one.distance)


@dataclass(slots=True)
class _Session:
    store: Store
    knowledge: KnowledgeBase
    clock: Clock
    zone: tzinfo | None
    candidates: Sequence[Candidate]

    async def run(self, key: Callable[[], str]) -> int:
        """Asks for a key per message until there are none left, or somebody has enough; how many
        labels were given."""
        say(HELP)
        number, labelled = 0, list[bool]()
        while number < len(self.candidates):
            candidate = self.candidates[number]
            await self._show(number, candidate)
            pressed = await asyncio.to_thread(key)
            match pressed:
                case "g" | "b":
                    await self.store.add_label(self._label(candidate.question, pressed == "g"))
                    labelled.append(True)
                case "s":
                    labelled.append(False)
                case "u" if labelled:
                    number -= 1
                    if labelled.pop():
                        last = self.candidates[number].question
                        await self.store.remove_label(last.adapter, last.message_id, Origin.LABEL)
                    continue
                case "q" | "":
                    break
                case _:
                    say(HELP)
                    continue
            number += 1
        return sum(labelled)

    async def _show(self, number: int, candidate: Candidate) -> None:
        question = candidate.question
        when = datetime.fromtimestamp(question.at, self.zone).strftime("%Y-%m-%d %H:%M")
        place = f"{question.adapter}:{question.group}"
        figures = f"score {candidate.score:.3f}, threshold {candidate.threshold:.3f}"
        say(f"\n[{number + 1}/{len(self.candidates)}] {printable(place)}  {when}  {figures}")
        say(f"  {printable(question.user)}: {printable(question.text)}")
        found = await self.knowledge.search(question.text, 1)
        for piece in found.passages[:1]:
            text = " ".join(piece.text.split())[:SHOWN_CHARS]
            say(f"  nearest: {piece.path}:{piece.line} {piece.heading}\n    {printable(text)}")

    def _label(self, question: StoredQuestion, good: bool) -> Label:
        return question.labelled(good=good, origin=Origin.LABEL, at=self.clock.now())


def _key() -> str:
    """One key of a terminal, or the first letter of a line; "" at the end of the input."""
    if not sys.stdin.isatty():
        line = sys.stdin.readline()
        return line.strip()[:1].lower() or ("?" if line else "")
    import termios  # not on every platform, and only a terminal needs it
    import tty

    handle = sys.stdin.fileno()
    before = termios.tcgetattr(handle)
    try:
        tty.setcbreak(handle)
        return sys.stdin.read(1).lower().strip("\x04")
    finally:
        termios.tcsetattr(handle, termios.TCSADRAIN, before)
