"""Versions and languages that a documentation states elsewhere than in the names of its folders:
in the heads of its pages, and in a `versions.json`."""

import json
from pathlib import Path

import pytest

from knowledge.base import KnowledgeBase
from knowledge.ingest.build import build
from tests.knowledge.library import gate_options, plan, write_pages

ASKED = "how many jobs does a queue hold by default?"
SIZES = ("100", "200", "300", "400")


def queue(size: int, head: str = "") -> str:
    above = f"---\n{head}\n---\n\n" if head else ""
    return f"{above}# Queues\n\n## Size\n\nA queue holds {size} jobs by default.\n"


async def sizes(folder: Path, pages: dict[str, str], *questions: str) -> list[str]:
    """The sizes of queues that are quoted, for each question."""
    made = plan(folder / "index", write_pages(folder / "docs", pages))
    build(made)
    async with KnowledgeBase(made, gate_options(folder)) as knowledge:
        return [await _sizes(knowledge, question) for question in questions]


async def _sizes(knowledge: KnowledgeBase, question: str) -> str:
    found = await knowledge.search(question, 5)
    said = await knowledge.quote(question, found.passages, 1200)
    text = "\n".join(quote.text for quote in said)
    return " ".join(size for size in SIZES if size in text)


HEADS = {
    "old/queue.md": queue(100, "version: 1.0"),
    "new/queue.md": queue(200, 'title: Queues\nversion: "v2.0"  # the newest'),
    "other/trace.md": "---\nversion: 7\n---\n\n# Traces\n\nA trace shows the way of a job.\n",
}


async def test_a_page_s_head_says_its_version(tmp_path: Path) -> None:
    asked = (ASKED, f"kettle 1.0: {ASKED}", f"kettle v2.0: {ASKED}")
    assert await sizes(tmp_path, HEADS, *asked) == ["200", "100", "200"]


async def test_a_folder_is_believed_before_the_head(tmp_path: Path) -> None:
    pages = {
        "docs/queue.md": queue(300, "version: 1.4"),
        "versioned_docs/version-2.0/queue.md": queue(200, "version: 9.9"),
    }
    assert await sizes(tmp_path, pages, ASKED, f"kettle 2.0: {ASKED}") == ["300", "200"]


async def test_pages_of_one_name_that_say_different_things_are_no_versions_of_one(
    tmp_path: Path,
) -> None:
    pages = {
        "queues/index.md": queue(100, "version: 1.0"),
        "traces/index.md": "---\nversion: 2.0\n---\n\n# Traces\n\nWho wants to see the way of a"
        " request through all servers writes a trace and opens it in a browser.\n",
    }
    assert await sizes(tmp_path, pages, ASKED) == ["100"]


LANGUAGES = {
    "queue.md": queue(200, "lang: en-US"),
    "de/queue.md": queue(300, "language: de"),
    "ja/queue.md": queue(400, "locale: ja_JP"),
    "ja/only.md": "---\nlang: ja\n---\n\n# Pumps\n\nA pump moves 100 litres of water.\n",
}


async def test_a_page_in_another_language_yields_to_the_same_in_english(tmp_path: Path) -> None:
    asked = (ASKED, "how much water does a pump move?")
    assert await sizes(tmp_path, LANGUAGES, *asked) == ["200", "100"]


DOCUSAURUS = {
    "docs/queue.md": queue(400),
    "versioned_docs/version-2.0/queue.md": queue(300),
    "versioned_docs/version-legacy/queue.md": queue(100),
    "versions.json": '["2.0", "legacy"]',
}
DOCUSAURUS_SITE = {
    path if path.startswith("docs") else f"website/{path}": text
    for path, text in DOCUSAURUS.items()
}
MIKE = {
    "dev/queue.md": queue(400),
    "emerald/queue.md": queue(300),
    "10.0/queue.md": queue(200),
    "versions.json": json.dumps(
        [
            {"version": "dev", "title": "next", "aliases": []},
            {"version": "emerald", "title": "11.2 (emerald)", "aliases": ["latest"]},
            {"version": "10.0", "title": "10.0", "aliases": ["lts"]},
        ]
    ),
}


IN_DOCUSAURUS = {
    ASKED: "300",
    f"kettle 2.0: {ASKED}": "300",
    f"in the legacy version, {ASKED}": "100",
}
IN_MIKE = {
    ASKED: "300",
    f"kettle 11.2: {ASKED}": "300",
    f"LTS 版里，{ASKED}": "200",
    f"in the lts version, {ASKED}": "200",
}


@pytest.mark.parametrize(
    ("pages", "said"),
    [
        (DOCUSAURUS, IN_DOCUSAURUS),
        (DOCUSAURUS_SITE, IN_DOCUSAURUS),
        (MIKE, IN_MIKE),
        ({f"site/{path}": text for path, text in MIKE.items()}, IN_MIKE),
    ],
    ids=("docusaurus", "docusaurus' site", "mike", "mike below a folder"),
)
async def test_a_list_of_versions_says_which_is_the_newest_and_what_they_are_called(
    tmp_path: Path, pages: dict[str, str], said: dict[str, str]
) -> None:
    assert await sizes(tmp_path, pages, *said) == list(said.values())


async def test_a_list_that_changes_is_seen_though_no_page_did(tmp_path: Path) -> None:
    pages = {path: text for path, text in MIKE.items() if not path.startswith("dev")}
    assert await sizes(tmp_path, pages, ASKED) == ["300"]
    pages["versions.json"] = '[{"version": "10.0", "aliases": ["latest"]}, "emerald"]'
    assert await sizes(tmp_path, pages, ASKED) == ["200"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 100_000, "no JSON"),
        ("\0", "no JSON"),
        ('{"node": 18}', "no list"),
        (json.dumps(["1"] * 2000), "no list"),
        (" " * 300_000, "200 kB"),
        ('[7, {"version": 2}, {"version": "1", "aliases": [null]}, "1.0"]', "3 of its entries"),
    ],
    ids=str.__len__,
)
def test_what_is_no_list_of_versions_is_reported(tmp_path: Path, text: str, reason: str) -> None:
    pages = {"1.0/queue.md": queue(100), "versions.json": text}
    report = build(plan(tmp_path / "index", write_pages(tmp_path / "docs", pages)))
    said = {item.path: item.reason for item in report.skipped}
    assert reason in said["versions.json"]
    assert report.documents == 1


def test_a_list_outside_of_the_source_is_not_read(tmp_path: Path) -> None:
    docs = write_pages(tmp_path / "docs", {"1.0/queue.md": queue(100)})
    (tmp_path / "secret.json").write_text('["1.0"]')
    (docs / "versions.json").symlink_to(tmp_path / "secret.json")
    report = build(plan(tmp_path / "index", docs))
    assert ("versions.json", "a link that leads out of the source") in {
        (item.path, item.reason) for item in report.skipped
    }


def test_a_head_that_states_no_text_is_reported(tmp_path: Path) -> None:
    heads = ("version: [1, 2]", "lang:\n  - en", "locale: " + "x" * 500, "version:", "lang: en")
    pages = {f"{number}.md": queue(100, head) for number, head in enumerate(heads)}
    made = plan(tmp_path / "index", write_pages(tmp_path / "docs", pages))
    for _ in range(2):
        said = {item.path: item.reason for item in build(made).skipped}
        assert sorted(said) == ["0.md", "1.md", "2.md"]
        assert said["0.md"] == "line 2: `version` should be one short text"
