"""Finding "@bot" in a text, for platforms that have no mark-up of their own for mentions."""

import re

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
