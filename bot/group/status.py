"""What the commands `status`, `groups` and `why` say, in Chinese or English."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from bot.store.groups import Chat
from bot.texts.notices import REASONS
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
    if chinese:
        lines = [
            f"文档 {status.documents} 篇，片段 {status.pieces} 个，跳过 {status.skipped} 个"
            f"（{built}）",
            f"来源：{'、'.join(status.sources)}",
            f"阈值：主动 {unprompted}，被提及 {mentioned}",
            f"消息 {counts['messages']} 条，回答 {counts['answers']} 条，"
            f"未处理 {counts['unfinished']} 条；"
            f"有帮助 {counts['helpful']}，没帮助 {counts['unhelpful']}",
            *connections,
            f"本群静音到：{muted}",
            f"问题：{problems}",
        ]
    else:
        lines = [
            f"{status.documents} documents, {status.pieces} pieces, {status.skipped} skipped "
            f"({built})",
            f"sources: {', '.join(status.sources)}",
            f"thresholds: {unprompted} unprompted, {mentioned} mentioned",
            f"{counts['messages']} messages, {counts['answers']} answers, "
            f"{counts['unfinished']} unfinished; "
            f"helpful {counts['helpful']}, not helpful {counts['unhelpful']}",
            *connections,
            f"muted here until: {muted}",
            f"problems: {problems}",
        ]
    return "\n".join(lines)


def groups_text(chats: Sequence[Chat], *, chinese: bool) -> str:
    """A line per group, those with the most messages first."""
    lines = []
    for chat in chats[:GROUPS_SHOWN]:
        name = f"{chat.adapter}:{chat.group}" + (f" {chat.title}" if chat.title else "")
        if chinese:
            sources = "、".join(chat.sources) or "全部来源"
            gone = "" if chat.present else "（已离开）"
            lines.append(f"{name}{gone}：消息 {chat.messages}，回答 {chat.answers}，{sources}")
        else:
            sources = ", ".join(chat.sources) or "all sources"
            gone = "" if chat.present else " (left)"
            lines.append(
                f"{name}{gone}: {chat.messages} messages, {chat.answers} answers, {sources}"
            )
    if len(chats) > GROUPS_SHOWN:
        lines.append(f"… +{len(chats) - GROUPS_SHOWN}")
    return "\n".join(lines) or "-"


def why_text(decision: Mapping[str, Any], *, chinese: bool) -> str:
    """Why a message was answered or not: the reason, then each stage with its figures."""
    reason = Reason(decision["reason"])
    lines = [f"{reason}: {REASONS[reason]['zh' if chinese else 'en']}"]
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
    age, event = _ago(link["age"], chinese=chinese), _ago(link["last_event_age"], chinese=chinese)
    if chinese:
        state = "已连接" if link["up"] else "未连接"
        return (
            f"{name}：{state} {age}，上次事件 {event}，重连 {link['reconnects']} 次，"
            f"补回 {link['recovered']} 条"
        )
    state = "connected for" if link["up"] else "not connected for"
    return (
        f"{name}: {state} {age}, last event {event} ago, {link['reconnects']} reconnects, "
        f"{link['recovered']} recovered"
    )


def _ago(seconds: float | None, *, chinese: bool) -> str:
    """Seconds as people say them; "-" for never."""
    if seconds is None:
        return "-"
    for size, zh, en in ((86400, "天", "d"), (3600, "小时", "h"), (60, "分钟", "min")):
        if seconds >= size:
            return f"{round(seconds / size)} {zh if chinese else en}"
    return f"{round(seconds)} {'秒' if chinese else 's'}"
