"""What the commands `status`, `groups` and `why` say, in Chinese or English."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from bot.store.groups import Chat
from bot.texts.notices import notice, reason_text
from bot.types import Reason
from knowledge.types import Status

GROUPS_SHOWN = 30


def status_text(
    status: Status,
    counts: Mapping[str, int],
    muted_until: float | None,
    health: Mapping[str, Any],
    *,
    chinese: bool,
) -> str:
    """The knowledge base, the counts, the connections, and what is wrong."""
    built = time.strftime("%Y-%m-%d %H:%M", time.localtime(status.built_at))
    muted = time.strftime("%H:%M", time.localtime(muted_until)) if muted_until else "-"
    problems = "; ".join([*health.get("problems", ()), *health.get("degraded", ())]) or "-"
    connections = [
        _connection(name, link, chinese=chinese)
        for name, link in health.get("adapters", {}).items()
    ]
    unprompted, mentioned = (f"{threshold:.3f}" for threshold in status.thresholds)
    return notice(
        "status",
        chinese,
        documents=status.documents,
        pieces=status.pieces,
        skipped=status.skipped,
        built=built,
        sources=notice("comma", chinese).join(status.sources),
        unprompted=unprompted,
        mentioned=mentioned,
        connections="".join(f"{line}\n" for line in connections),
        muted=muted,
        problems=problems,
        **counts,
    )


def groups_text(chats: Sequence[Chat], *, chinese: bool) -> str:
    """A line per group, those with the most messages first."""
    lines = []
    for chat in chats[:GROUPS_SHOWN]:
        name = f"{chat.adapter}:{chat.group}" + (f" {chat.title}" if chat.title else "")
        sources = notice("comma", chinese).join(chat.sources) or notice("all_sources", chinese)
        kind = "group" if chat.present else "group_left"
        figures = {"messages": chat.messages, "answers": chat.answers, "sources": sources}
        lines.append(notice(kind, chinese, name=name, **figures))
    if len(chats) > GROUPS_SHOWN:
        lines.append(f"… +{len(chats) - GROUPS_SHOWN}")
    return "\n".join(lines) or "-"


def why_text(decision: Mapping[str, Any], *, chinese: bool) -> str:
    """Why a message was answered or not: the reason, then each stage with its figures."""
    reason = Reason(decision["reason"])
    lines = [f"{reason}: {reason_text(reason, chinese)}"]
    for entry in decision["trace"]:
        shown = {k: v for k, v in entry.items() if k not in ("stage", "hits")}
        figures = ", ".join(f"{name} {value}" for name, value in shown.items())
        lines.append(f"{entry['stage']}: {figures}")
        lines += [
            f"  {hit['path']}:{hit['line']} {hit['score']}" for hit in entry.get("hits", ())[:3]
        ]
    if any(decision["feedback"].values()):
        helpful, unhelpful = decision["feedback"]["helpful"], decision["feedback"]["unhelpful"]
        lines.append(f"👍 {helpful} 👎 {unhelpful}")
    return "\n".join(lines)


def _connection(name: str, link: Mapping[str, Any], *, chinese: bool) -> str:
    return notice(
        "connected" if link["up"] else "not_connected",
        chinese,
        name=name,
        age=_ago(link["age"], chinese=chinese),
        event=_ago(link["last_event_age"], chinese=chinese),
        reconnects=link["reconnects"],
        recovered=link["recovered"],
    )


def _ago(seconds: float | None, *, chinese: bool) -> str:
    """Seconds as people say them; "-" for never."""
    if seconds is None:
        return "-"
    sizes = (("days", 86400), ("hours", 3600), ("minutes", 60), ("seconds", 1))
    unit, size = next((each for each in sizes if seconds >= each[1]), sizes[-1])
    return notice(unit, chinese, n=round(seconds / size))
