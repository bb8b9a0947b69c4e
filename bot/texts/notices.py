"""The bot's own short lines, which stand in notices.toml, and in which language they are said."""

from collections.abc import Mapping
from pathlib import Path

from bot.types import Reason
from common.language import is_chinese
from common.texts import Texts

notice = Texts(Path(__file__).with_name("notices.toml"))


def reason_text(reason: Reason, chinese: bool) -> str:
    """Why a message was answered or not."""
    return notice(f"reason_{reason}", chinese)


def reason_texts(reason: Reason) -> Mapping[str, str]:
    """The same by language, "zh" and "en"."""
    return notice.lines[f"reason_{reason}"]


def speaks_chinese(language: str, text: str) -> bool:
    """The language of the bot's lines: `bot.language`, or for "auto" that of the text."""
    return is_chinese(text) if language == "auto" else language == "zh"
