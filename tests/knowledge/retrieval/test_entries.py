"""Reference pages: who asks for one thing by its name gets what is told of it, and nothing else."""

from pathlib import Path

import pytest

from knowledge.base import KnowledgeBase
from knowledge.ingest.build import build
from tests.knowledge.library import gate_options, plan, write_pages

SURE = 0.55
"""As in the shipped configuration."""

PAGES = {
    "settings.md": """# Settings

## Settings of the kettle

| Key | Default | Meaning |
|---|---|---|
| `kettle.boil_time_s` | 240 | seconds until the water must boil, else the kettle stops |
| `kettle.keep_warm_s` | 1200 | seconds for which the water is kept warm after it boiled |
| `kettle.log_level` | `INFO` | how much is written to the log: `DEBUG`, `INFO` or `ERROR` |
| `kettle.warm_level` | 80 | degrees at which the water is kept warm |
""",
    "zh/settings.md": """# 配置

## 水壶的配置

| 键 | 默认值 | 含义 |
|---|---|---|
| `kettle.boil_time_s` | 240 | 水要在多少秒内烧开，否则水壶停下，不再加热，要人来重新按一次开关 |
| `kettle.keep_warm_s` | 1200 | 烧开之后保温多少秒，之后水壶自己关机，指示灯也熄灭 |
| `kettle.log_level` | `INFO` | 日志写多少：`DEBUG`、`INFO` 或 `ERROR`，调试的时候用第一个最合适 |
| `kettle.warm_level` | 80 | 保温的温度，单位是摄氏度，不能超过九十五度，也不能低于四十度 |
| `kettle.max_fill_ml` | 1700 | 最多加多少毫升水，超过这条线水会从壶嘴溢出来 |
| `kettle.beep` | true | 水烧开的时候要不要响一声，半夜里可以关掉 |
""",
    "variables.rst": """Variables
=========

The environment decides these.

.. envvar:: KETTLE_HOST

   Where the kettle listens. Without it only this machine reaches it.

   Default: ``127.0.0.1``

.. envvar:: KETTLE_TOKEN

   What a caller has to know. Without it nobody may switch it on.

   Default: ``None``
""",
    "logs.md": "# Logs\n\nThe log of the kettle is a file with a line for each time that it boiled."
    " Its level is a setting. Lines are kept for a week and deleted by the cleaner.\n",
}


@pytest.mark.parametrize(
    ("question", "told", "other"),
    [
        ("what does kettle.keep_warm_s do?", "is kept warm after", "boil_time_s"),
        ("what is the default of log_level", "`INFO` or `ERROR`", "boil_time_s"),
        ("log_level 能填哪些值", "日志写多少", "boil_time_s"),
        ("keep_warm_s 是干什么的", "烧开之后保温多少秒", "warm_level"),
        ("how do I set KETTLE_HOST", "Where the kettle listens", "KETTLE_TOKEN"),
    ],
    ids=("row", "last part", "last part, Chinese", "row, Chinese", "name above a paragraph"),
)
async def test_who_names_a_setting_gets_what_is_told_of_it(
    tmp_path: Path, question: str, told: str, other: str
) -> None:
    made = plan(tmp_path / "index", write_pages(tmp_path / "docs", PAGES))
    build(made)
    async with KnowledgeBase(made, gate_options(tmp_path)) as knowledge:
        found = await knowledge.search(question, 5)
        quotes = await knowledge.quote(question, found.passages, 1200, sure=True)
    assert found.evidence >= SURE
    assert told in quotes[0].text
    assert not any(other in quote.text for quote in quotes)


async def test_what_a_row_does_not_tell_is_not_sure_because_its_name_stands_there(
    tmp_path: Path,
) -> None:
    made = plan(tmp_path / "index", write_pages(tmp_path / "docs", PAGES))
    build(made)
    async with KnowledgeBase(made, gate_options(tmp_path)) as knowledge:
        for question in (
            "how do I translate keep_warm_s into French for the display",
            "怎么把 keep_warm_s 翻译成法语显示在屏幕上",
        ):
            assert (await knowledge.search(question, 5)).evidence < SURE
