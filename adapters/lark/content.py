"""What a message says: its text without mention mark-up, what is attached, whom it speaks to."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.base import EVERYBODY
from adapters.payload import Json, inside, listed, objects, parsed, text

KINDS = {"audio": "voice", "media": "video", "merge_forward": "forward", "interactive": "card"}
"""Types of messages by their name in an `IncomingMessage`; others keep Lark's own."""

MAX_FORWARDED = 100
"""Messages of a bundle that are read."""

ALL = "@_all"
_PLACEHOLDER = re.compile(r"(@_user_\d+|@_all(?![A-Za-z0-9_]))( ?)")


@dataclass(frozen=True, slots=True)
class Me:
    """The bot, as the platform knows it, and its adapter's name."""

    adapter: str
    app_id: str
    open_id: str


@dataclass(frozen=True, slots=True)
class Content:
    """`mentions` are ids of others, and EVERYBODY; `mention` is one of the bot."""

    text: str
    attachments: tuple[str, ...] = ()
    mention: bool = False
    mentions: tuple[str, ...] = ()


def read(kind: str, content: str, mentions: Sequence[Json], me: Me) -> Content:
    """Reads a message's `content`, which is JSON in a text except for some forwarded bundles."""
    body = parsed(content)
    attachments: tuple[str, ...] = ()
    if kind == "text":
        raw = text(body, "text")
    elif kind == "post":
        raw, attachments = _post(body)
    else:
        raw, attachments = "", (KINDS.get(kind, kind),) if kind else ()
    called = {text(entry, "key"): entry for entry in mentions}
    everybody = ALL in called or ALL in raw
    ids = [_id(entry) for key, entry in called.items() if key != ALL]
    others = [one for one in ids if one and not _is_me(one, me)]
    return Content(
        text=_without_placeholders(raw, called, me).strip(),
        attachments=attachments,
        mention=any(_is_me(one, me) for one in ids),
        mentions=tuple(dict.fromkeys([*others, *([EVERYBODY] if everybody else [])])),
    )


def _id(entry: Json) -> str:
    """In events the id is an object of several ids, over REST it is a text."""
    return text(entry, "id", "open_id") or text(entry, "id")


def _is_me(some_id: str, me: Me) -> bool:
    return bool(some_id) and some_id in (me.open_id, me.app_id)


def _without_placeholders(raw: str, called: Mapping[str, Json], me: Me) -> str:
    """The bot's own mention goes, that of others becomes their name."""

    def name(match: re.Match[str]) -> str:
        key, space = match.groups()
        entry = called.get(key, {})
        shown = "" if key == ALL or _is_me(_id(entry), me) else text(entry, "name")
        return f"@{shown}{space}" if shown else ""

    return _PLACEHOLDER.sub(name, raw)


def _post(body: Json) -> tuple[str, tuple[str, ...]]:
    body = _bare(body)
    lines = [text(body, "title")]
    attachments: list[str] = []
    for paragraph in listed(body, "content"):
        pieces = objects({"pieces": paragraph}, "pieces")
        lines.append("".join(_piece(piece) for piece in pieces))
        kinds = {"img": "image", "media": "video"}
        attachments += [kinds[tag] for piece in pieces if (tag := text(piece, "tag")) in kinds]
    return "\n".join(line for line in lines if line), tuple(attachments)


def picture_keys(kind: str, content: str) -> list[str]:
    """The keys of the pictures that a message shows."""
    body = parsed(content)
    if kind == "image":
        return [key] if (key := text(body, "image_key")) else []
    pieces = [
        piece
        for paragraph in listed(_bare(body), "content")
        for piece in objects({"pieces": paragraph}, "pieces")
        if kind == "post" and text(piece, "tag") == "img"
    ]
    return [key for piece in pieces if (key := text(piece, "image_key"))]


def _bare(body: Json) -> Json:
    """A rich text. Events carry it bare, other places below a language ("zh_cn")."""
    if listed(body, "content"):
        return body
    return next((inside(body, key) for key in body if listed(body, key, "content")), {})


def _piece(piece: Json) -> str:
    shown = text(piece, "text")
    match text(piece, "tag"):
        case "a":
            address = text(piece, "href")
            return f"{shown} ({address})" if shown and address not in ("", shown) else address
        case "at":
            user = text(piece, "user_id")
            return ALL if user in ("all", ALL) else user
        case "code_block":
            return f"```{text(piece, 'language').lower()}\n{shown.rstrip()}\n```"
        case "hr":
            return "\n"
        case _:
            return shown


def forwarded(items: Sequence[Json], bundle_id: str, me: Me) -> Content:
    """What the messages of a forwarded bundle say, in their order; those of bundles inside it
    stand at the place of theirs."""
    below: dict[str, list[Json]] = {}
    for item in items[: MAX_FORWARDED + 1]:
        below.setdefault(text(item, "upper_message_id"), []).append(item)
    texts: list[str] = []
    attachments = ["forward"]
    waiting: list[Any] = list(reversed(below.pop(bundle_id, [])))
    while waiting:
        item = waiting.pop()
        kind = text(item, "msg_type")
        if kind == "merge_forward":
            # Taken out: a bundle that claims to be inside itself is not read twice.
            waiting += reversed(below.pop(text(item, "message_id"), []))
            continue
        said = read(kind, text(item, "body", "content"), objects(item, "mentions"), me)
        texts.append(said.text)
        attachments += said.attachments
    return Content("\n".join(filter(None, texts)), tuple(attachments))
