"""What a replay's record says, as one JSON object: the report."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from statistics import quantiles
from typing import Any

from bot.llm.budget import Price
from bot.replay.chat import ChatMessage
from bot.replay.record import Decided, Record
from bot.types import Reason
from common.clock import WEEK_S

HELD_BACK = (Reason.BUDGET, Reason.COOLDOWN)
"""Answers that flood control kept back."""

UNCERTAIN = 30
"""Messages listed whose score is nearest to the threshold."""

SHOWN_CHARS = 400
"""So much of a message or reply stands in the report."""

Figures = dict[str, Any]


def report(chat: Sequence[ChatMessage], record: Record, zone: tzinfo | None) -> Figures:
    """All figures; times are ISO 8601 in a time zone, None the system's."""
    first, last = chat[0].message.sent_at, chat[-1].message.sent_at
    weeks = max(1.0, (last - first) / WEEK_S)
    decided = record.decided
    replied = [one for one in decided if one.reply]
    held = [one for one in decided if one.reason in HELD_BACK]
    when = _Times(zone)
    return {
        "messages": len(chat),
        "groups": len({one.message.group for one in chat}),
        "people": len({one.message.user for one in chat}),
        "from": when(first),
        "to": when(last),
        "decisions": dict(Counter(str(one.reason) for one in decided).most_common()),
        "replies": {
            "total": len(replied),
            "unprompted": sum(not one.question.mention for one in replied),
            "unprompted_per_week": round(
                sum(not one.question.mention for one in replied) / weeks, 2
            ),
            "by_day": _by_day(replied, when),
            "list": [_row(one, when) for one in replied],
        },
        "held_back": {
            "budget": sum(one.reason is Reason.BUDGET for one in held),
            "cooldown": sum(one.reason is Reason.COOLDOWN for one in held),
            "queue_full": sum(one.reason is Reason.QUEUE_FULL for one in decided),
            "list": [_row(one, when) for one in held],
        },
        "people_answered": _people(decided, when),
        "labelled": _labelled(decided),
        "scores": _scores(decided),
        "uncertain": [_row(one, when) for one in _uncertain(decided)],
    }


class _Times:
    def __init__(self, zone: tzinfo | None) -> None:
        self._zone = zone

    def __call__(self, at: float) -> str:
        return datetime.fromtimestamp(at, self._zone).isoformat(" ", "seconds")

    def day(self, at: float) -> str:
        return datetime.fromtimestamp(at, self._zone).date().isoformat()


def _row(one: Decided, when: _Times) -> Figures:
    question = one.question
    return {
        "time": when(one.asked_at),
        "group": question.last.group,
        "user": question.last.user,
        "text": question.text[:SHOWN_CHARS],
        "mention": question.mention,
        "reason": one.reason,
        "score": one.score,
        "threshold": one.threshold,
        "label": None if one.label is None else int(one.label),
        "reply": one.reply.text[:SHOWN_CHARS] if one.reply else None,
        "seconds_to_reply": round(one.at - one.asked_at, 1) if one.reply else None,
        "seconds_to_person": _delay(one),
    }


def _delay(one: Decided) -> float | None:
    return None if one.answered_at is None else round(max(0.0, one.answered_at - one.asked_at), 1)


def _by_day(replied: Iterable[Decided], when: _Times) -> list[Figures]:
    counts: dict[tuple[str, str], Counter[bool]] = defaultdict(Counter)
    for one in replied:
        question = one.question
        counts[when.day(one.at), question.last.group][question.mention] += 1
    return [
        {"day": day, "group": group, "unprompted": count[False], "mention": count[True]}
        for (day, group), count in sorted(counts.items())
    ]


def _people(decided: Sequence[Decided], when: _Times) -> Figures:
    """The questions that the gate let through without a mention, and what people did with them."""
    asked = [one for one in decided if one.accepted and not one.question.mention]
    for one in asked:
        if one.reason is Reason.HUMAN_FIRST and one.answered_at is None:
            one.answered_at = one.at
    delays = sorted(delay for one in asked if (delay := _delay(one)) is not None)
    return {
        "questions": len(asked),
        "answered": len(delays),
        "before_the_bot": sum(one.reason is Reason.HUMAN_FIRST for one in asked),
        "after_the_bot": sum(one.answered_at is not None and bool(one.reply) for one in asked),
        "bot_alone": sum(one.answered_at is None and bool(one.reply) for one in asked),
        "nobody": sum(one.answered_at is None and not one.reply for one in asked),
        "median_s": _quantile(delays, 0.5),
        "p90_s": _quantile(delays, 0.9),
        "delays_s": delays,
        "list": [_row(one, when) for one in asked if one.answered_at is not None],
    }


def _quantile(values: Sequence[float], share: float) -> float | None:
    if len(values) < 2:
        return values[0] if values else None
    return round(quantiles(values, n=100, method="inclusive")[int(share * 100) - 1], 1)


def _labelled(decided: Sequence[Decided]) -> Figures | None:
    """Precision and recall among unprompted messages with a label: of the gate, and of what would
    have been posted after people and flood control had their say."""
    known = [one for one in decided if one.label is not None and not one.question.mention]
    if not known:
        return None
    return {
        "n": len(known),
        "good": sum(bool(one.label) for one in known),
        "gate": _precision_recall([(bool(one.label), one.accepted) for one in known]),
        "replies": _precision_recall([(bool(one.label), bool(one.reply)) for one in known]),
    }


def _precision_recall(pairs: Sequence[tuple[bool, bool]]) -> Figures:
    hits = sum(good and chosen for good, chosen in pairs)
    chosen, good = sum(chosen for _, chosen in pairs), sum(good for good, _ in pairs)
    return {
        "chosen": chosen,
        "right": hits,
        "precision": round(hits / chosen, 4) if chosen else None,
        "recall": round(hits / good, 4) if good else None,
    }


def _judged(decided: Iterable[Decided]) -> list[Decided]:
    return [one for one in decided if one.score is not None and not one.question.mention]


def _uncertain(decided: Sequence[Decided]) -> list[Decided]:
    """Each text once."""
    judged = sorted(
        _judged(decided), key=lambda one: abs((one.score or 0.0) - (one.threshold or 0.0))
    )
    return list({one.question.text: one for one in reversed(judged)}.values())[::-1][:UNCERTAIN]


def _scores(decided: Sequence[Decided], steps: int = 40) -> Figures:
    """A histogram of the unprompted scores, and the threshold that most of them met."""
    judged = _judged(decided)
    if not judged:
        return {"edges": [], "counts": [], "threshold": None}
    scores = [one.score or 0.0 for one in judged]
    low, high = min(scores), max(scores)
    width = (high - low) / steps or 1.0
    counts = Counter(min(steps - 1, int((score - low) / width)) for score in scores)
    threshold = Counter(one.threshold for one in judged).most_common(1)[0][0]
    return {
        "edges": [round(low + width * step, 4) for step in range(steps + 1)],
        "counts": [counts[step] for step in range(steps)],
        "threshold": threshold,
    }


def llm_figures(sample: Mapping[str, Mapping[str, float]], prices: Mapping[str, Price]) -> Figures:
    """Calls, tokens and cost by backend, of `sample`: backend -> {"calls", "prompt", "cached",
    "completion"}; `prices` are those of the backends that cost something."""
    found: Figures = {"backends": {}, "calls": 0, "cost": None}
    for backend, counted in sample.items():
        cost = None
        if backend in prices:
            tokens = (counted[kind] for kind in ("prompt", "cached", "completion"))
            cost = round(prices[backend].of(*tokens), 4)
            found["cost"] = round((found["cost"] or 0.0) + cost, 4)
        numbers = {name: int(value) for name, value in counted.items()}
        found["backends"][backend] = {**numbers, "cost": cost}
        found["calls"] += numbers["calls"]
    return found
