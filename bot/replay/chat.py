"""An exported chat, read as the messages that the bot would have received.

| export                                                                     | known by        |
|----------------------------------------------------------------------------|-----------------|
| ours, lines of {"group", "user", "time", "text"}                           | `user`          |
| Lark: answers of `GET im/v1/messages`, or their items                      | `msg_type`      |
| DingTalk: `dws chat message list --format json`                            | `openMessageId` |
| WeChat, chatlog: the JSON of `/api/v1/chatlog`                             | `isChatRoom`    |
| WeChat, MemoTrace: CSV                                                     | `StrContent`    |
| WeChat, MemoTrace: text, each message below a line of its time and author  | the first line  |

Ours may hold `id`, `reply_to` (an `id`, or a number of a message from 1 on), `mention` and `label`.
JSON may be one document or one per line. Pure, but for `load_chat`, which reads the file.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from adapters.base import IncomingMessage
from adapters.lark.content import Me
from adapters.lark.events import parse_item
from adapters.markup import called_at_first, take_mention
from adapters.payload import clean, inside, text
from common.visible import visible

PLATFORM = "replay"
"""The adapter that replayed messages come from."""

_WRAPPERS = ("data", "result", "items", "messages", "conversationMessagesList")
"""Keys of JSON documents below which the messages stand."""

_HEAD = re.compile(
    r"(?P<time>\d{4}[-/]\d{1,2}[-/]\d{1,2} \d{1,2}:\d{2}(?::\d{2})?) (?P<user>\S.{0,63}?)\s*"
)
_WECHAT_TEXT = 1
_WECHAT_KINDS = {3: "image", 34: "voice", 43: "video", 47: "sticker", 49: "card"}
_DINGTALK_FILE = re.compile(r"\[(图片消息|文件|语音|视频)\]")


class ExportError(Exception):
    """The file can't be read as a chat; says where and what is expected."""


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A message of an exported chat. `label`: is it one that the bot should answer? None where
    nobody has said so."""

    message: IncomingMessage
    label: bool | None = None


@dataclass(frozen=True, slots=True)
class _Said:
    """A message as the exports have it in common, before what its text holds is looked at."""

    group: str
    user: str
    message_id: str
    text: str
    sent_at: float
    reply_to: str | None = None
    mention: bool = False
    label: bool | None = None
    attachments: tuple[str, ...] = ()


def load_chat(path: Path, bot_name: str, zone: tzinfo | None = None) -> list[ChatMessage]:
    """Reads an export, oldest message first; times without a zone are of `zone`, None the
    system's. Raises ExportError."""
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise ExportError(f"can't read {path}: {error}") from error
    try:
        found = list(_messages(clean(content), path.stem, bot_name, zone))
    except _Unreadable as error:
        raise ExportError(f"{path}: {error}") from error
    if not found:
        raise ExportError(f"{path} holds no message of a person")
    unique = {one.message.message_id: one for one in found}
    return sorted(unique.values(), key=lambda one: one.message.sent_at)


class _Unreadable(Exception):
    pass


def _messages(content: str, stem: str, bot_name: str, zone: tzinfo | None) -> Iterator[ChatMessage]:
    first = content.lstrip()[:1]
    if first in ("{", "["):
        yield from _of_json(content, bot_name, zone)
    elif "StrContent" in content.partition("\n")[0]:
        for said in _memotrace(csv.DictReader(io.StringIO(content)), stem):
            yield _message(said, bot_name)
    elif _HEAD.fullmatch(content.lstrip().partition("\n")[0].strip()):
        for said in _headed(content, stem, zone):
            yield _message(said, bot_name)
    else:
        raise _Unreadable(
            'expected lines {"group", "user", "time", "text"}, or an export of Lark, DingTalk '
            "or WeChat, see docs/en/replay.md"
        )


def _message(said: _Said, bot_name: str) -> ChatMessage:
    """Finds out whom the text speaks to: in a text the bot is called by its name."""
    words, called = take_mention(clean(said.text), bot_name)
    other = called_at_first(words)
    message = IncomingMessage(
        adapter=PLATFORM,
        group=said.group,
        user=visible(said.user),
        message_id=said.message_id,
        text=words,
        sent_at=said.sent_at,
        mention=said.mention or called,
        reply_to=said.reply_to,
        attachments=said.attachments,
        mentions=(other,) if other else (),
    )
    return ChatMessage(message, said.label)


def _of_json(content: str, bot_name: str, zone: tzinfo | None) -> Iterator[ChatMessage]:
    me = Me(PLATFORM, "", "")
    for number, row in _rows(content):
        try:
            if "msg_type" in row:
                if (item := parse_item(row, me, private=False)) and not row.get("deleted"):
                    words, called = take_mention(item.text, bot_name)
                    yield ChatMessage(replace(item, text=words, mention=item.mention or called))
                continue
            said = _reader(row)(row, number, zone)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise _Unreadable(f"message {number} can't be read: {error!r}") from error
        if said:
            yield _message(said, bot_name)


def _reader(row: Mapping[str, Any]) -> Callable[..., _Said | None]:
    if "openMessageId" in row:
        return _dingtalk
    return _chatlog if "isChatRoom" in row else _ours


def _rows(content: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The messages with their numbers, from 1 on."""
    try:
        documents = [json.loads(content)]
    except ValueError:
        documents = []
        for number, line in enumerate(content.splitlines(), 1):
            try:
                documents += [json.loads(line)] if line.strip() else []
            except ValueError as error:
                raise _Unreadable(f"line {number} is no JSON: {error}") from error
    yield from enumerate(_below(clean(documents)), 1)


def _below(found: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(found, list):
        for one in found:
            yield from _below(one)
    elif isinstance(found, dict):
        key = next((k for k in _WRAPPERS if isinstance(found.get(k), (list, dict))), None)
        if key is None:
            yield found
            return
        for row in _below(found[key]):
            # DingTalk's search names the conversation once, above its messages.
            above = {"openConversationId": found.get("openConversationId")}
            yield {**above, **row} if above["openConversationId"] else row


def _ours(row: Mapping[str, Any], number: int, zone: tzinfo | None) -> _Said:
    label = row.get("label")
    if label not in (None, 0, 1):
        raise ValueError(f"a label is 1 or 0, not {label!r}")
    reply_to = row.get("reply_to")
    return _Said(
        group=str(row["group"]),
        user=str(row["user"]),
        message_id=str(row.get("id", number)),
        text=str(row["text"]),
        sent_at=_time(row["time"], zone),
        reply_to=None if reply_to in (None, "") else str(reply_to),
        mention=bool(row.get("mention", False)),
        label=None if label is None else bool(label),
    )


def _dingtalk(row: Mapping[str, Any], _: int, zone: tzinfo | None) -> _Said | None:
    """A message as DingTalk's own command line shows it; it does not say what is replied to."""
    sender, said = row.get("sender"), row.get("content")
    name = text(row, "sender", "name") or (sender if isinstance(sender, str) else "")
    user = text(row, "senderOpenDingTalkId") or text(row, "senderId") or name
    if not user or user == "null":
        return None
    words = said if isinstance(said, str) else text(row, "content", "richText")
    attached = bool(_DINGTALK_FILE.match(words))
    return _Said(
        group=text(row, "openConversationId") or "dingtalk",
        user=user,
        message_id=str(row["openMessageId"]),
        text="" if attached else words,
        sent_at=_time(row["createTime"], zone),
        attachments=("file",) if attached else (),
    )


def _chatlog(row: Mapping[str, Any], _: int, zone: tzinfo | None) -> _Said | None:
    kind = int(row.get("type", 0))
    is_text = kind == _WECHAT_TEXT
    # A quoting message is a card whose content is what was said beside it.
    if not is_text and kind not in _WECHAT_KINDS:
        return None
    quotes = kind == 49 and row.get("subType") == 57
    reply_to = inside(row, "contents", "refer").get("seq")
    return _Said(
        group=text(row, "talkerName") or str(row["talker"]),
        user=text(row, "sender") or text(row, "senderName") or "me",
        message_id=f"{row['talker']}-{row['seq']}",
        text=str(row.get("content", "")) if is_text or quotes else "",
        sent_at=_time(row["time"], zone),
        reply_to=f"{row['talker']}-{reply_to}" if quotes and reply_to else None,
        attachments=() if is_text or quotes else (_WECHAT_KINDS[kind],),
    )


def _memotrace(rows: "csv.DictReader[str]", stem: str) -> Iterator[_Said]:
    """A file of one chat is named after it; one of all chats names it in each row."""
    for number, row in enumerate(rows, 2):
        try:
            kind, at = int(row["Type"]), _time(row["CreateTime"], None)
            if kind != _WECHAT_TEXT and kind not in _WECHAT_KINDS:
                continue
            is_text = kind == _WECHAT_TEXT
            # A row that was cut short has None for what is missing.
            yield _Said(
                group=stem,
                user=row["Sender"] or row["NickName"] or row["Remark"] or "?",
                message_id=row["localId"] or str(number),
                text=(row["StrContent"] or "") if is_text else "",
                sent_at=at,
                attachments=() if is_text else (_WECHAT_KINDS[kind],),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise _Unreadable(f"line {number} can't be read: {error!r}") from error


def _headed(content: str, stem: str, zone: tzinfo | None) -> Iterator[_Said]:
    """Messages below a line of their time and who wrote them."""
    head: re.Match[str] | None = None
    lines: list[str] = []
    for number, line in enumerate([*content.splitlines(), None]):
        found = None if line is None else _HEAD.fullmatch(line.strip())
        if line is not None and not found:
            lines.append(line)
            continue
        if head:
            words = "\n".join(lines).strip()
            try:
                at = _time(head["time"], zone)
            except (ValueError, OverflowError) as error:
                raise _Unreadable(f"line {number} can't be read: {error}") from error
            yield _Said(stem, head["user"], str(number), words, at)
        head, lines = found, []


def _time(value: object, zone: tzinfo | None) -> float:
    """Seconds since the epoch: of a number (milliseconds too), or of a date and time."""
    if isinstance(value, str) and not value.replace(".", "", 1).isdecimal():
        moment = datetime.fromisoformat(value.strip().replace("/", "-"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()
    seconds = float(value)  # type: ignore[arg-type]  # TypeError is told as one of the row
    return seconds / 1000 if seconds > 1e11 else seconds


def of_group(chat: Sequence[ChatMessage], group: str) -> list[ChatMessage]:
    """The messages of one group. Raises ExportError, which names the groups that there are."""
    found = [one for one in chat if one.message.group == group]
    if not found:
        names = ", ".join(dict.fromkeys(one.message.group for one in chat))
        raise ExportError(f"no message was sent in the group {group}; there are: {names}")
    return found
