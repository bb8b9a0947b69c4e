"""What answers look like in a group: their sources, how a text too long is cut, and how what
others wrote is kept from ringing people and hiding addresses."""

import re
from collections.abc import Callable

from adapters.base import Citation, Reply

FENCE = "```"

_MORE = ("……（其余部分见来源）", "… (for the rest see the sources)")
_MENTION = re.compile(r"<(?=[@＠])")
_TAG = re.compile(r"<(?=/?(?:font|think|at|a)\b)", re.IGNORECASE)
_ADDRESS = r"(?=\s*<?(?:[a-zA-Z][a-zA-Z0-9+.-]*:|//|www\.))"
_LINK = re.compile(
    rf"!?\[([^\[\]\n]{{0,500}})\]\({_ADDRESS}\s{{0,9}}<?([^)\s>]{{0,2000}})(?:[\s>][^)\n]{{0,500}})?\)"
)
_LINK_LEFT = re.compile(rf"\]\({_ADDRESS}")
_DEFINITION = re.compile(rf"\]:{_ADDRESS}")
_AT = re.compile(r"(?<![A-Za-z0-9_.])[@＠﹫](?=\w)")
"""Chinese has no space before a mention. In `user@host` it is none."""
_SPAN = re.compile(r"(`[^`\n]+`)")


def sources(reply: Reply) -> list[str]:
    """A Markdown line for each citation, "[1] …", with a link where the source has an address."""
    return [f"[{n}] {_source(citation)}" for n, citation in enumerate(reply.citations, 1)]


def sources_heading(reply: Reply) -> str:
    """What stands above the sources."""
    return "来源" if reply.chinese else "Sources"


def _source(citation: Citation) -> str:
    name = _plain(f"{citation.path} › {citation.heading}" if citation.heading else citation.path)
    if citation.url.startswith(("https://", "http://")):
        return f"[{name}]({citation.url.replace(')', '%29').replace(' ', '%20')})"
    return f"{name} ({citation.line})"


def _plain(text: str) -> str:
    """A name from a document, without marks that end a link's text or begin another."""
    return "".join(" " if char in "[]()<>`\n" else char for char in text).strip()


def cut(text: str, max_bytes: int, more: str) -> str:
    """The text's beginning in at most `max_bytes` of UTF-8, with `more` below it where something
    is left out. It ends behind a paragraph where one ends late enough, else behind a line, else
    behind a character; a code block that is cut is closed."""
    if len(text.encode()) <= max_bytes:
        return text
    room = max_bytes - len(f"\n{FENCE}\n\n{more}".encode())
    kept = text.encode()[: max(0, room)].decode(errors="ignore")
    for end in ("\n\n", "\n"):
        before = kept.rpartition(end)[0]
        if len(before) > 0.6 * len(kept):
            kept = before
            break
    closing = f"\n{FENCE}" if in_code(kept) else ""
    return f"{kept.rstrip()}{closing}\n\n{more}"


def in_code(text: str) -> bool:
    """Does the text end inside a code block?"""
    return sum(line.lstrip().startswith(FENCE) for line in text.splitlines()) % 2 == 1


def compose(text: str, reply: Reply, max_bytes: int) -> str:
    """A text with the reply's sources below, in at most so many bytes: the text is cut, and of
    very many sources the last ones go."""
    text = text.strip()
    if in_code(text):
        text += f"\n{FENCE}"
    below = _sources(reply, max_bytes // 2)
    room = max_bytes - len(below.encode())
    return cut(text, room, _MORE[0 if reply.chinese else 1]) + below


def defused(text: str) -> str:
    """Text that rings nobody and hides no address, whoever wrote it. What is code is decided by
    the reader's client: so mentions and links are broken up there too."""
    text = outside_code(_MENTION.sub("< ", text), _harmless)
    return _DEFINITION.sub("] :", _LINK_LEFT.sub("] (", text))


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """The text with all that is not code changed."""
    pieces: list[str] = []
    prose: list[str] = []
    in_block = False
    for line in text.splitlines(keepends=True):
        fence = line.lstrip().startswith(FENCE)
        if not fence and not in_block:
            prose.append(line)
            continue
        pieces.append(_changed_prose("".join(prose), change))
        pieces.append(line)
        prose.clear()
        in_block ^= fence
    return "".join([*pieces, _changed_prose("".join(prose), change)])


def _harmless(text: str) -> str:
    return _AT.sub("@\u200b", _TAG.sub("‹", _LINK.sub(_visible, text)))


def _visible(match: re.Match[str]) -> str:
    """A link or image as its words, and its address where that is another thing."""
    words, address = match[1].strip(), match[2]
    return words if not address or words == address else f"{words} ({address})".strip()


def _changed_prose(text: str, change: Callable[[str], str]) -> str:
    pieces = enumerate(_SPAN.split(text))
    return "".join(piece if index % 2 else change(piece) for index, piece in pieces)


def _sources(reply: Reply, max_bytes: int) -> str:
    lines = sources(reply)
    while lines:
        below = "\n".join(["", "", sources_heading(reply), *lines])
        if len(below.encode()) <= max_bytes:
            return below
        lines.pop()
    return ""


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
