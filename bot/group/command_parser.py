"""Admin commands in the group: which text is a command, and what each does.

`/dou help | status | reload | mute 2h | unmute | why | recall | bind NAME | unbind | groups`, with
Chinese aliases. Only the
users of `admin.users` may use them, except that anyone may recall and ask for help.
"""

import re
from dataclasses import dataclass
from datetime import timedelta

FREE = ("help", "recall")
"""Commands that anyone may use."""

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
    "重载知识库": "reload",
}

HELP = (
    (
        "{p} help：这份说明\n"
        "{p} status：知识库、群和适配器的状态\n"
        "{p} reload（重载知识库）：重新读取文档\n"
        "{p} mute 2h（豆哥闭嘴）：在本群安静一段时间\n"
        "{p} unmute（豆哥说话）：恢复\n"
        "{p} bind 来源（豆哥绑定）：本群只用这些知识来源回答\n"
        "{p} unbind（豆哥解绑）：本群使用全部来源\n"
        "{p} groups（豆哥群列表）：机器人所在的群\n"
        "{p} why（豆哥为什么）：回复一条消息，说明机器人为什么回答或沉默\n"
        "{p} recall（豆哥撤回）：撤回机器人在本群的上一条回答，或所回复的那条；任何人都可以用"
    ),
    (
        "{p} help: this list\n"
        "{p} status: knowledge base, groups and adapters\n"
        "{p} reload: read the documents again\n"
        "{p} mute 2h: keep quiet in this group for a while\n"
        "{p} unmute: speak again\n"
        "{p} bind SOURCE: answer in this group from these sources only\n"
        "{p} unbind: answer in this group from all sources\n"
        "{p} groups: the groups that the bot is in\n"
        "{p} why: in reply to a message, why the bot answered it or kept silent\n"
        "{p} recall: withdraw the bot's last answer here, or the one replied to; anyone may"
    ),
)

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


def may_use(command: Command, user: str, admins: tuple[str, ...]) -> bool:
    """`user` is "adapter:user"."""
    return command.name in FREE or user in admins


def help_text(prefix: str, chinese: bool) -> str:
    """The list of commands."""
    return HELP[0 if chinese else 1].format(p=prefix)
