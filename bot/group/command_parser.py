"""Commands in the group: which text is one.

Only the users of `admin.users` may use them, except that anyone may recall, say what is good and
bad, have erased what is kept of themselves, and ask for help.
"""

import re
from dataclasses import dataclass
from datetime import timedelta

from adapters.base import IncomingMessage
from bot.texts.translated import translated
from bot.types import Group

FORGET, ME = "forget", "me"

FREE = ("help", "recall", "good", "bad", FORGET)
"""Commands that anyone may use."""

SETTINGS = {"mute": "mute", "unmute": "mute", "bind": "bind", "unbind": "bind", "mode": "mode"}
"""Commands that count for what is said after them, and what each sets: of two that set the same the
one that was sent later counts, though after a gap it may come first."""

ABOUT_REPLIES = ("recall", "why", "good", "bad", "approve")
"""Commands that may be about a reply that has just been posted."""

ALIASES = {
    "豆哥撤回": "recall",
    "豆哥闭嘴": "mute 2h",
    "豆哥说话": "unmute",
    "豆哥状态": "status",
    "豆哥帮助": "help",
    "豆哥为什么": "why",
    "豆哥绑定": "bind",
    "豆哥解绑": "unbind",
    "豆哥群列表": "groups",
    "豆哥该答": "good",
    "豆哥别答": "bad",
    "豆哥收录": "approve",
    "豆哥门控": "gate",
    "豆哥模式": "mode",
    "豆哥旁听": "shadow",
    "豆哥忘记": "forget",
    "豆哥忘记我": "forget me",
    "重载知识库": "reload",
}

_ALIAS = re.compile(
    rf"({'|'.join(alias.replace('豆哥', r'豆哥 ?') for alias in ALIASES)})(?: +(.+?))?[。.!！~～]*"
)
"""As people write them: with a space or a mark behind."""

_DURATION = re.compile(r"(\d{1,5})\s*(m|min|h|d|分钟|小时|天)?")
_UNITS = {"m": 60, "min": 60, "分钟": 60, "h": 3600, "小时": 3600, "d": 86400, "天": 86400}
_LONGEST_S = 30 * 86400


@dataclass(frozen=True, slots=True)
class Command:
    """A command and what follows it."""

    name: str
    argument: str = ""


@dataclass(frozen=True, slots=True)
class CommandMessage:
    """A command that somebody sent, and the language to answer it in."""

    message: IncomingMessage
    command: Command
    chinese: bool

    @property
    def group(self) -> Group:
        """Where it was sent."""
        return self.message.adapter, self.message.group

    def said(self, problem: Exception) -> str:
        """What went wrong, in the language to answer in, where there is a translation."""
        return translated(problem, chinese=self.chinese)


def parse_command(text: str, prefix: str) -> Command | None:
    """The command in a message's first line (what is quoted may follow); None for ordinary talk,
    Command("") for a bare prefix."""
    text = text.strip().partition("\n")[0].strip()
    if alias := _ALIAS.fullmatch(text):
        name, _, usual = ALIASES["".join(alias[1].split())].partition(" ")
        return Command(name, (alias[2] or usual).strip())
    head, _, rest = text.partition(" ")
    if head.lower() != prefix.lower():
        return None
    name, _, argument = rest.strip().partition(" ")
    return Command(name.lower(), argument.strip())


def parse_duration(text: str) -> timedelta | None:
    """ "30m", "2h", "1d", "2小时"; a bare number is minutes. None when it is none or too long."""
    match = _DURATION.fullmatch(text.strip().lower())
    if not match:
        return None
    seconds = int(match.group(1)) * _UNITS[match.group(2) or "m"]
    return timedelta(seconds=seconds) if 0 < seconds <= _LONGEST_S else None
