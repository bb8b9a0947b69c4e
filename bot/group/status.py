"""What the commands `status`, `groups`, `reload` and `why` say, in Chinese or English."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from bot.grounding.sanitize import harmless
from bot.store.drafts import Draft
from bot.store.groups import KnownGroup
from bot.texts.answers import EXCERPT_CHARS, excerpt
from bot.texts.gate import gate_lines
from bot.texts.notices import notice, reason_text
from bot.texts.trace import trace_lines
from bot.texts.translated import translated
from bot.types import Reason
from knowledge.plan import BuildReport
from knowledge.types import Status

GROUPS_SHOWN, CHANGES_SHOWN, DRAFTS_SHOWN = 30, 10, 5


def status_text(
    status: Status | None,
    counts: Mapping[str, int],
    muted_until: float | None,
    health: Mapping[str, Any],
    gate: str = "",
    *,
    chinese: bool,
) -> str:
    """The knowledge base (None until it is loaded), what the gate is and promises (`gate`, else by
    the traffic that is configured), the counts, the connections, and what is wrong."""
    wrong = health.get("zh", health) if chinese else health
    problems = "; ".join([*wrong.get("problems", ()), *wrong.get("degraded", ())])
    connections = [
        _connection(name, link, chinese=chinese)
        for name, link in health.get("adapters", {}).items()
    ]
    connections += [_process(one, chinese=chinese) for one in health.get("processes", ())]
    connections += [_model(one, chinese=chinese) for one in health.get("models", ())]
    served = _served(status, gate, chinese=chinese) if status else _loading(health, chinese=chinese)
    return notice(
        "status",
        chinese,
        knowledge=served,
        connections="".join(f"{line}\n" for line in connections),
        muted=_muted(muted_until, chinese=chinese) if muted_until else "",
        problems=problems or notice("no_problems", chinese),
        **counts,
    )


def _muted(until: float, *, chinese: bool) -> str:
    shown = time.strftime("%m-%d %H:%M", time.localtime(until))
    return notice("muted_here", chinese, until=shown) + "\n"


def _served(status: Status, gate: str, *, chinese: bool) -> str:
    unprompted, mentioned = (f"{threshold:.3f}" for threshold in status.thresholds)
    return notice(
        "knowledge",
        chinese,
        documents=status.documents,
        pieces=status.pieces,
        skipped=status.skipped,
        built=time.strftime("%Y-%m-%d %H:%M", time.localtime(status.built_at)),
        sources=notice("comma", chinese).join(status.sources),
        unprompted=unprompted,
        mentioned=mentioned,
        gate=gate or "\n".join(gate_lines(status.gate, chinese=chinese)),
    )


def _loading(health: Mapping[str, Any], *, chinese: bool) -> str:
    loading = health.get("loading")
    if not loading or not loading["stage"]:
        return notice("loading", chinese)
    name = "building_read" if loading["stage"] == "read" else "building_embed"
    return notice(name, chinese, done=loading["done"], total=loading["total"])


def groups_text(groups: Sequence[KnownGroup], *, chinese: bool) -> str:
    """A line per group, those with the most messages first."""
    lines = []
    for one in groups[:GROUPS_SHOWN]:
        name = f"{one.adapter}:{one.group}" + (f" {one.title}" if one.title else "")
        sources = notice("comma", chinese).join(one.sources) or notice("all_sources", chinese)
        kind = "group" if one.present else "group_left"
        figures = {"messages": one.messages, "answers": one.answers, "sources": sources}
        lines.append(notice(kind, chinese, name=name, **figures))
    if len(groups) > GROUPS_SHOWN:
        lines.append(f"… +{len(groups) - GROUPS_SHOWN}")
    return "\n".join(lines) or "-"


def shadow_text(drafts: Sequence[Draft], seconds: float, *, chinese: bool) -> str:
    """How often the bot would have answered, how often a person did instead and how fast; then
    the latest of it, with its time."""
    answers = [draft for draft in drafts if draft.kind == "answer"]
    period = _ago(seconds, chinese=chinese)
    if not answers:
        return notice("shadow_none", chinese, period=period)
    waited = sorted(
        max(0.0, draft.answered_at - draft.question.last.sent_at)
        for draft in answers
        if draft.answered_at is not None
    )
    lines = [
        notice(
            "shadow",
            chinese,
            period=period,
            answers=len(answers),
            unprompted=sum(draft.unprompted for draft in answers),
            people=len(waited),
            median=_ago(waited[len(waited) // 2] if waited else None, chinese=chinese),
        )
    ]
    for draft in answers[-DRAFTS_SHOWN:]:
        waited_s = draft.answered_at and draft.answered_at - draft.question.last.sent_at
        kind = "shadow_nobody" if waited_s is None else "shadow_person"
        lines.append(
            notice(
                kind,
                chinese,
                time=time.strftime("%m-%d %H:%M", time.localtime(draft.at)),
                question=one_line(draft.question.text),
                answer=excerpt(draft.text),
                after=_ago(waited_s, chinese=chinese),
            )
        )
    return "\n".join(lines)


def reload_text(report: BuildReport, *, chinese: bool) -> str:
    """What a reload changed; names the first of many documents."""
    changes = [f"+{path}" for path in report.added] + [f"~{path}" for path in report.changed]
    changes += [f"-{path}" for path in report.removed]
    changes += [
        f"{'!' if item.document else '·'}{translated(item.path, chinese=chinese)}"
        f" ({translated(item.reason, chinese=chinese)})"
        for item in report.skipped
    ]
    names = "".join(f"\n{change}" for change in changes[:CHANGES_SHOWN])
    same = len(changes) == len(report.skipped)
    return notice(
        "reloaded_same" if same else "reloaded",
        chinese,
        seconds=report.seconds,
        added=len(report.added),
        changed=len(report.changed),
        removed=len(report.removed),
        skipped=report.unread,
        documents=report.documents,
        names=names + ("\n…" if len(changes) > CHANGES_SHOWN else ""),
    )


def why_text(decision: Mapping[str, Any], *, chinese: bool) -> str:
    """Why a message was answered or not: the reason, then what each stage found."""
    stages = trace_lines(decision["trace"], chinese=chinese)
    lines = [
        reason_text(Reason(decision["reason"]), chinese),
        *(f"{stage['title']}: {'; '.join(stage['lines']) or '-'}" for stage in stages),
    ]
    if any(decision["feedback"].values()):
        helpful, unhelpful = decision["feedback"]["helpful"], decision["feedback"]["unhelpful"]
        lines.append(f"👍 {helpful} 👎 {unhelpful}")
    return "\n".join(lines)


def one_line(text: str) -> str:
    """The first words of what anybody wrote, cleaned."""
    return harmless(" ".join(text.split()))[:EXCERPT_CHARS]


def _model(figures: Mapping[str, Any], *, chinese: bool) -> str:
    cost = "-" if figures["cost"] is None else f"{figures['cost']:g}"
    return notice("model", chinese, **{**figures, "cost": cost})


def _process(figures: Mapping[str, Any], *, chinese: bool) -> str:
    holds = notice("comma", chinese).join(one.lstrip(":") for one in figures["holds"]) or "-"
    age = _ago(figures["age"], chinese=chinese)
    lease = "-" if figures["lease"] is None else f"{figures['lease']:.0f} s"
    return notice("process", chinese, **{**figures, "age": age, "holds": holds, "lease": lease})


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
