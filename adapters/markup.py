"""What answers look like in a group: their sources, and how a text too long is cut; and whom a
message mentions."""

import json
import re
from collections.abc import Callable
from typing import TypeVar

from adapters.base import Citation, Reply
from adapters.markdown import Dialect, rendered
from adapters.payload import clean
from adapters.texts import phrase

T = TypeVar("T")

_STEP = 100
_LEAST = 500


def sources(reply: Reply, max_bytes: int) -> list[str]:
    """A heading and a Markdown line for each citation, "[1] …", with a link where the source has an
    address; of very many sources the last ones are left out. [] without any."""
    lines = [phrase("sources", reply.chinese)]
    for number, citation in enumerate(reply.citations, 1):
        line = clean(f"[{number}] {_source(citation)}")
        if byte_size("\n".join([*lines, line])) > max_bytes:
            break
        lines.append(line)
    return lines if len(lines) > 1 else []


def _source(citation: Citation) -> str:
    path = citation.path if citation.place.endswith(f":{citation.line}") else citation.place
    name = _plain(f"{path} › {citation.heading}" if citation.heading else path)
    if citation.url.startswith(("https://", "http://")):
        return f"[{name}]({citation.url.replace(')', '%29').replace(' ', '%20')})"
    return f"{name} ({citation.line})" if path == citation.path else name


def _plain(text: str) -> str:
    """A name from a document, without marks that end a link's text or begin another."""
    return "".join(" " if char in "[]()<>`\n" else char for char in text).strip()


def composed(
    reply: Reply,
    dialect: Dialect,
    limit: int,
    wrap: Callable[[str], T],
    size: Callable[[T], int],
) -> T:
    """A reply's text with its sources below, wrapped, and cut where its `size` is over the limit.
    An empty one is "…"."""
    listed = sources(reply, limit // 2)
    below = "\n".join(["", "", *listed]) if listed else ""
    return fitted(
        reply, limit, lambda text, more: wrap(rendered(text, dialect) + more + below or "…"), size
    )


def fitted(reply: Reply, limit: int, made: Callable[[str, str], T], size: Callable[[T], int]) -> T:
    """What is `made` of a reply's text, or of as much of it as there is room for, and of what says
    then that something is left out, else ""."""
    text = clean(reply.text).strip()
    more = f"\n\n{phrase('cut', reply.chinese)}"
    return fit(text, limit, lambda kept: made(kept, "" if kept == text else more), size)


def fit(text: str, limit: int, made: Callable[[str], T], size: Callable[[T], int]) -> T:
    """What is `made` of as much of a text as its `size` allows."""
    text, room = clean(text), limit
    while True:
        kept = cut(text, room)
        found = made(kept)
        taken = size(found)
        if taken <= limit or room < _LEAST:
            return found
        # What is escaped takes more room; how much, depends on the text.
        room = min(room - _STEP, int(byte_size(kept) * 0.97 * limit / taken))


def byte_size(text: str) -> int:
    """In UTF-8."""
    return len(text.encode())


def json_size(value: object) -> int:
    """In bytes, as it is written into a request's body."""
    return byte_size(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def cut(text: str, max_bytes: int) -> str:
    """The text's beginning in at most `max_bytes` of UTF-8. It ends behind a paragraph where one
    ends late enough, else behind a line, else behind a character."""
    if byte_size(text) <= max_bytes:
        return text
    kept = text.encode()[: max(0, max_bytes)].decode(errors="ignore")
    for end in ("\n\n", "\n"):
        before = kept.rpartition(end)[0]
        if len(before) > 0.6 * len(kept):
            kept = before
            break
    return kept.rstrip()


MAX_QUOTE = 2000
"""So many characters of what a message quotes belong to the question."""


def with_quote(said: str, quoted: str) -> str:
    """What somebody says, and below it what it quotes."""
    lines = quoted.strip()[:MAX_QUOTE].splitlines()
    return "\n".join([said.strip(), "", *(f"> {line}" for line in lines)]).strip()


_CALLED = re.compile(r"\s*[@＠]([\w-]{1,64})(?=[\s,，:：])")

ALIAS = "bot"
"""What people may write after "@" besides the bot's own name."""


def take_mention(text: str, bot_name: str) -> tuple[str, bool]:
    """Returns the text without its mentions of the bot, and whether there was one.

    Chinese is written without spaces, so "@豆哥怎么安装" is a mention; "@bottle" and
    "me@bot.example" are none. Upper and lower case are the same.
    """
    stripped, count = _pattern(bot_name).subn(" ", text)
    return stripped.strip(), count > 0


def called_at_first(text: str) -> str:
    """Whom a text speaks to, "@carol how did you …": the name, "" for nobody.

    Only at the beginning: elsewhere an "@" may stand for anything, a decorator for instance.
    """
    found = _CALLED.match(text)
    return found[1] if found else ""


def _pattern(bot_name: str) -> re.Pattern[str]:
    names = [re.escape(name) + _end(name) for name in (bot_name, ALIAS) if name]
    return re.compile(
        rf"[ \t]*(?<![A-Za-z0-9_.@＠])[@＠](?:{'|'.join(names)})[ \t]*", re.IGNORECASE
    )


def _end(name: str) -> str:
    """A name that ends in a Latin letter or digit must not go on with one."""
    return r"(?![A-Za-z0-9_-]|\.[A-Za-z0-9])" if name[-1].isascii() and name[-1].isalnum() else ""
