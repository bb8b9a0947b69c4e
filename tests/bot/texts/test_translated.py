"""What is said in English below the bot has its Chinese, as long as it is said like that."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.group.status import reload_text
from bot.texts.translated import in_chinese
from knowledge.plan import BuildReport, Skipped
from tests.bot.texts.english import english_left

ROOT = Path(__file__).parents[3]
LINES = tomllib.loads((ROOT / "bot/texts/translated.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("a binary file", "二进制文件"),
        ("broken: no %EOF", "已损坏：no %EOF"),
        ("No such file, kept as it was", "No such file，沿用原来的"),
        ("llm remote: not reachable", "大模型 remote：连不上"),
        (
            "web search is off until 12:30: serper has no credits left",
            "网页搜索停用到 12:30：serper 余额用完了",
        ),
        ("what nobody has translated", "what nobody has translated"),
        ("no long connection: ConnectionError", "建立不了长连接：ConnectionError"),
        (
            "ALL_PROXY names a proxy of the kind socks5, and only http:// ones are used; name one "
            "in HTTPS_PROXY, or unset it",
            "ALL_PROXY 里的代理是 socks5 类型，只支持 http:// 代理：请在 HTTPS_PROXY 里写一个，"
            "或者取消设置",
        ),
        ("must be at least 1, not 0", "应为不小于 1 的数，而不是 0"),
        ('must be auto, zh or en, not "de"', '应为 auto, zh 或 en，而不是 "de"'),
        ("unknown key; did you mean `bot`?", "没有这个键；是不是想写 `bot`？"),
        (
            "the process that builds the index was ended by signal 9, perhaps for want of memory; "
            "the index is as it was before",
            "建索引的进程被信号 9 结束，可能是内存不够；索引没有变",
        ),
    ],
)
def test_a_line_in_chinese(english: str, chinese: str) -> None:
    assert in_chinese(english) == chinese


def test_each_line_is_still_said() -> None:
    parts = ("knowledge", "bot", "common", "adapters")
    sources = [path for part in parts for path in (ROOT / part).rglob("*.py")]
    written = "\n".join(path.read_text("utf-8") for path in sources)
    code = re.sub(r"""["']\s*\n\s*f?["']""", "", written).replace("\\'", "'")
    for english, chinese in LINES.items():
        words = max(re.split(r"\{\w+\}", english), key=len)
        assert words in code, english
        assert set(re.findall(r"\{\w+\}", english)) == set(re.findall(r"\{\w+\}", chinese))


def test_a_reload_says_in_the_groups_language_why_a_file_was_left_out() -> None:
    skipped = (Skipped("a.bin.md", "a binary file"),)
    report = BuildReport("snapshot-1", (), (), (), skipped, 4, 9, 0.5)
    assert "a.bin.md (二进制文件)" in reload_text(report, chinese=True)
    assert "a.bin.md (a binary file)" in reload_text(report, chinese=False)


SECTIONS = [
    *(
        path
        for part in ("knowledge", "bot", "adapters")
        for path in (ROOT / part).rglob("settings.py")
    ),
    *(ROOT / "bot/config" / name for name in ("http.py", "schema.py")),
    *(ROOT / "common" / name for name in ("settings.py", "hours.py")),
]


def _said(path: Path) -> Iterator[str]:
    """The sentences with which a module of sections refuses what was written."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Raise(exc=ast.Call(func=ast.Name(id="ValueError"), args=[text])):
                yield _filled(text)


def _filled(text: ast.expr) -> str:
    match text:
        case ast.Constant(value=str(words)):
            return words
        case ast.JoinedStr(values=parts):
            return "".join(_filled(part) for part in parts)
        case _:
            return "7"


def test_whatever_a_section_refuses_is_said_in_chinese() -> None:
    said = {line: in_chinese(line) for path in SECTIONS for line in _said(path)}
    assert len(said) > 40
    assert not [line for line, zh in said.items() if zh == line or english_left(zh)]
