"""Small documentations in which the answer is easy to miss: names decide, what every page says
does not, and of several versions the right one is quoted."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from knowledge.base import KnowledgeBase
from knowledge.index.rows import DocumentRow
from knowledge.index.variants import variants_of
from knowledge.ingest.build import build
from knowledge.types import Quote
from tests.knowledge.library import gate_options, plan, write_pages

SURE = 0.55
"""As in the shipped configuration."""

FAULTS = "# Fault codes\n\n| code | meaning | what to do |\n|---|---|---|\n" + "".join(
    f"| E{number:03} | sensor {number % 17} of drive {number % 23} out of range"
    f" | replace part {1000 + number} |\n"
    for number in range(1, 401)
)

BELT = {
    "zh/belt.md": """# 输送机维护

## 皮带张力

皮带张力要调到 340 牛。用张力计在两个托辊中间测量，每个月检查一次。

## 润滑

轴承每 500 小时加一次润滑脂，型号是 LG-2。
""",
    "zh/greeting.md": """# 群规

## 在吗

提问前请先看文档，不要只发“在吗”。说清楚机器型号和现象，大家才好帮忙。
""",
}


async def quotes(
    folder: Path, pages: dict[str, str], question: str, most: int = 1200
) -> tuple[Sequence[Quote], float]:
    """What is quoted for a question about these pages, and the evidence."""
    made = plan(folder / "index", write_pages(folder / "docs", pages))
    build(made)
    async with KnowledgeBase(made, gate_options(folder)) as knowledge:
        found = await knowledge.search(question, 5)
        return await knowledge.quote(question, found.passages, most), found.evidence


async def test_the_very_row_of_a_long_table_is_quoted(tmp_path: Path) -> None:
    said, _ = await quotes(tmp_path, {"faults.md": FAULTS}, "what does E237 mean?")
    assert "| E237 |" in said[0].text
    assert "replace part 1237" in said[0].text
    assert not any("| E019 |" in quote.text for quote in said[:1])


async def test_what_the_row_says_decides_among_rows_that_share_a_number(tmp_path: Path) -> None:
    rows = "".join(
        f"| `{name}` | Fires {when}, while the tank is {level} percent full. |\n"
        for name, when, level in (
            *((f"start_{n}", f"when pump {n} starts in the morning", n) for n in range(14, 20)),
            *((f"stop_{n}", f"when pump {n} stops in the evening", n) for n in range(14, 20)),
        )
    )
    table = (
        f"# Pumps\n\nThese events exist:\n\n|  |  |\n|---|---|\n| **Event** | **Meaning** |\n{rows}"
    )
    asked = "which event fires in the evening while the tank is 17 percent full"
    said, _ = await quotes(tmp_path, {"pumps.md": table}, asked)
    assert "`stop_17`" in said[0].text
    assert said[0].text.count("| **Event** | **Meaning** |\n|---") == 1


LOG = "\n".join(f'  File "site/flask_{n}.py", line {n}, in build_wheel_{n}' for n in range(10))


async def test_below_a_log_stands_what_to_do(tmp_path: Path) -> None:
    page = f"""# Failures

Some packages fail like this:

```text
× Failed to build `brewlib==0.7`
{LOG}
ModuleNotFoundError: No module named 'kettlepip'
```

To get past it, build the package with `--keep-environment`.
"""
    asked = f"× Failed to build `brewlib==0.7`\n{LOG[:300]}\nNo module named 'kettlepip'\nwhat now?"
    said, _ = await quotes(tmp_path, {"failures.md": page}, asked)
    assert "--keep-environment" in "\n".join(quote.text for quote in said)


BUFFER = {
    "en/buffer.md": "# Trouble\n\n## The buffer is full\n\nRaise `buffer_mb`, or drain it with"
    " `brew drain`.\n",
    "zh/buffer.md": "# 故障\n\n## 缓冲区满了\n\n把 `buffer_mb` 调大，或者用 `brew drain` 清空。\n",
    "zh/system.md": "# 系统要求\n\n需要 8 GB 内存和 64 位的操作系统，磁盘至少留 20 GB。\n",
    "en/system.md": "# System requirements\n\n8 GB of memory and a 64 bit system are needed.\n",
}


@pytest.mark.parametrize("asked", ["缓冲区满了怎么办？", "the buffer is full, what can I do?"])
async def test_evidence_belongs_to_what_is_quoted(tmp_path: Path, asked: str) -> None:
    said, sure = await quotes(tmp_path, BUFFER, asked)
    assert "`brew drain`" in said[0].text
    assert sure > SURE
    assert "8 GB" not in said[0].text


async def test_a_latin_word_among_chinese_is_a_name_and_no_function_word(tmp_path: Path) -> None:
    rows = "".join(
        f"| {tag} | `{role}` | 页面里的这一部分 |\n"
        for tag, role in (("header", "banner"), ("aside", "complementary"), ("main", "main"))
    )
    pages = {
        "roles.md": f"# 标签\n\n## 角色\n\n| 标签 | 角色 | 说明 |\n|---|---|---|\n{rows}",
        "labels.md": "# 表单\n\n## 标签\n\n每个输入框都要有标签，放在它前面。\n",
    }
    said, _ = await quotes(tmp_path, pages, "aside 标签对应写哪个")
    assert "complementary" in said[0].text


async def test_a_name_that_stands_on_one_page_brings_it(tmp_path: Path) -> None:
    pages = {
        f"guide/part{number}.md": f"# Server settings {number}\n\nA server reads its settings "
        f"from a file when it starts. Setting number {number} sets how the server waits.\n"
        for number in range(12)
    }
    pages["reference/queue.md"] = (
        "# Queues\n\n`spill_after_kb` is 4096: what is larger goes to the disk.\n"
    )
    said, _ = await quotes(tmp_path, pages, "spill_after_kb what does the server do with it")
    assert "4096" in said[0].text


@pytest.mark.parametrize("opener", ["", "在吗？", "大佬们，"])
async def test_greetings_say_nothing(tmp_path: Path, opener: str) -> None:
    said, _ = await quotes(tmp_path, BELT, opener + "皮带张力要调到多少？")
    assert "340" in said[0].text


async def test_the_project_s_own_name_says_nothing(tmp_path: Path) -> None:
    pages = {
        f"kettle/{name}.md": f"# Kettle {name}\n\nKettle {name} is how Kettle does {name}. "
        f"Everybody who uses Kettle should know about Kettle {name}.\n"
        for name in ("serving", "building", "testing", "packing", "naming")
    }
    pages["kettle/limits.md"] = "# Limits\n\nA request may be 64 megabytes, and not more.\n"
    said, _ = await quotes(tmp_path, pages, "kettle: how many megabytes may a kettle request be")
    assert "64 megabytes" in said[0].text


@pytest.mark.parametrize("word", ["multipel", "proccess", "support"])
async def test_misspelt_and_common_words_are_no_names(tmp_path: Path, word: str) -> None:
    pages = {
        "a.md": "# Files\n\nMultiple files are read at once: pass them one after another.\n",
        "b.md": "# Workers\n\nEach process reads multiple files. One process is the main one.\n",
    }
    made = plan(tmp_path / "index", write_pages(tmp_path / "docs", pages))
    build(made)
    async with KnowledgeBase(made, gate_options(tmp_path)) as knowledge:
        assert (await knowledge.search(f"{word} files in one call?", 3)).unknown == ()
        assert (await knowledge.search("quuxfiler in one call?", 3)).unknown == ("quuxfiler",)


VERSIONS = {
    f"{folder}/queue.md": f"# Queues\n\n## Size\n\nA queue holds {size} jobs by default.\n"
    for folder, size in (
        ("docs", 300),
        ("versioned_docs/version-2.0", 200),
        ("versioned_docs/version-1.0", 100),
    )
}


@pytest.mark.parametrize(
    ("question", "size"),
    [
        ("how many jobs does a queue hold by default?", "300"),
        ("kettle 1.0: how many jobs does a queue hold by default?", "100"),
        ("kettle v2.0 how many jobs does a queue hold by default?", "200"),
    ],
)
async def test_the_version_that_is_asked_for_is_quoted(
    tmp_path: Path, question: str, size: str
) -> None:
    said, _ = await quotes(tmp_path, VERSIONS, question)
    text = "\n".join(quote.text for quote in said)
    assert [number for number in ("100", "200", "300") if number in text] == [size]


READ_THE_DOCS = {
    f"en/{folder}/queue.md": f"# Queues\n\n## Size\n\nA queue holds {size} jobs by default.\n"
    for folder, size in (("latest", 400), ("stable", 300), ("v2.0", 200), ("v1.0", 100))
}
MIKE = {path.removeprefix("en/"): text for path, text in READ_THE_DOCS.items() if "st" not in path}


@pytest.mark.parametrize(
    ("pages", "question", "size"),
    [
        (READ_THE_DOCS, "how many jobs does a queue hold by default?", "300"),
        (READ_THE_DOCS, "how many jobs does a queue hold by default in v1.0?", "100"),
        (MIKE, "how many jobs does a queue hold by default?", "200"),
        (MIKE, "how many jobs does a queue hold by default in kettle 1.0?", "100"),
    ],
)
async def test_folders_of_read_the_docs_and_of_mike_are_versions(
    tmp_path: Path, pages: dict[str, str], question: str, size: str
) -> None:
    said, _ = await quotes(tmp_path, pages, question)
    text = "\n".join(quote.text for quote in said)
    assert [number for number in ("100", "200", "300", "400") if number in text] == [size]


EDITIONS = {
    f"guide/{name}": f"# Queues\n\n## Size\n\nA queue holds {size} jobs by default.\n"
    for name, size in (
        ("cloud/queue.md", 500),
        ("self-hosted/queue.md", 600),
        ("enterprise/queue.md", 700),
        ("enterprise/sso.md", 800),
    )
}


@pytest.mark.parametrize(
    ("question", "sizes"),
    [
        ("self-hosted: how many jobs does a queue hold by default?", ["600"]),
        ("how many jobs does a queue hold by default in the cloud?", ["500"]),
        ("企业版的队列默认放多少 jobs？ queue jobs by default", ["700"]),
    ],
)
async def test_the_edition_that_is_asked_for_is_quoted(
    tmp_path: Path, question: str, sizes: list[str]
) -> None:
    said, _ = await quotes(tmp_path, EDITIONS, question)
    text = "\n".join(quote.text for quote in said)
    found = [number for number in ("500", "600", "700") if number in text]
    assert found == sizes


def test_an_edition_is_one_only_beside_others() -> None:
    paths = (
        "install-cloud.md",
        "install.md",
        "cloud/billing.md",
        "once.md",
        "price_ee.md",
        "price_ce.md",
    )
    rows = [DocumentRow(n, "docs", path, "", 0, 0, "", 1, None) for n, path in enumerate(paths, 1)]
    assert variants_of(rows, {}, {}).editions == {1: "cloud", 5: "enterprise", 6: "community"}


async def test_a_version_that_no_page_is_of_is_less_sure(tmp_path: Path) -> None:
    asked = "{}how many jobs does a queue hold by default?"
    _, sure = await quotes(tmp_path / "a", VERSIONS, asked.format("kettle 1.0: "))
    _, strange = await quotes(tmp_path / "b", VERSIONS, asked.format("kettle 7.0: "))
    assert strange < SURE / 2 < sure


async def test_the_same_text_is_not_said_twice(tmp_path: Path) -> None:
    text = "# Ports\n\nThe server listens on port 7311 by default; `--port` changes it.\n"
    pages = {
        "a/ports.md": text,
        "b/ports.md": text,
        "c/other.md": "# Other\n\nNothing here to see.\n",
    }
    said, _ = await quotes(tmp_path, pages, "which port does the server listen on?")
    assert sum("7311" in quote.text for quote in said) == 1
