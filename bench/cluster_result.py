"""What came of a run of `bench.cluster`, judged by what stands in the groups in the end."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.fakes.lark_chats import Chats

BURST, REFILL_S = 3, 600.0
"""The flood budget of each group."""

TOKEN = re.compile(r"frob\d{5}")


@dataclass
class Record:
    """What was done: of each group the tokens asked for in order, the ids of the questions that
    nobody asked the bot, and how often each fault was made; when each token was asked for."""

    asked: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    at: dict[str, float] = field(default_factory=dict)
    unprompted: set[str] = field(default_factory=set)
    messages: set[str] = field(default_factory=set)
    pushed: int = 0
    faults: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Result:
    """What came of it; `seconds` from the first message to the last decision, `waited` of each
    mention until its answer stood there, in ascending order."""

    mentions: int
    answered: int
    twice: int
    missing: int
    out_of_order: int
    undecided: int
    doubled: int
    over_budget: int
    seconds: float
    waited: list[float]
    record: Record


def judged(record: Record, chats: Chats, known: int, decided: int, seconds: float) -> Result:
    """`known` and `decided` are how many messages the store has, and has decided."""
    said = {chat: list(_answers(chats, chat)) for chat in record.asked}
    counts = Counter(token for answers in said.values() for token, _ in answers)
    wanted = [token for tokens in record.asked.values() for token in tokens]
    return Result(
        mentions=len(wanted),
        answered=sum(counts[token] > 0 for token in wanted),
        twice=sum(counts[token] > 1 for token in wanted),
        missing=sum(counts[token] == 0 for token in wanted),
        out_of_order=sum(
            list(dict.fromkeys(token for token, _ in said[chat]))
            != [token for token in tokens if counts[token]]
            for chat, tokens in record.asked.items()
        ),
        undecided=len(record.messages) - decided,
        doubled=known - len(record.messages),
        over_budget=_over_budget(record, chats),
        seconds=seconds,
        waited=sorted(at - record.at[token] for answers in said.values() for token, at in answers),
        record=record,
    )


def _answers(chats: Chats, chat: str) -> Iterator[tuple[str, float]]:
    """The tokens that were answered in a group, each with the time of its answer."""
    for item in chats.posted(chat):
        if found := TOKEN.search(item["body"]["content"]):
            yield found[0], int(item["create_time"]) / 1000


def _over_budget(record: Record, chats: Chats) -> int:
    """Groups with more unprompted answers than their bucket allows, in any stretch of time."""
    times: defaultdict[str, list[float]] = defaultdict(list)
    for chat, items in chats.chats.items():
        for item in items:
            if item.get("parent_id") in record.unprompted:
                times[chat].append(int(item["create_time"]) / 1000)
    return sum(_beyond(sorted(moments)) > 0 for moments in times.values())


def _beyond(moments: list[float]) -> int:
    return max(
        last - first + 1 - int(BURST + (moments[last] - moments[first] + 60) // REFILL_S)
        for first in range(len(moments))
        for last in range(first, len(moments))
    )
