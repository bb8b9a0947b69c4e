"""bench/web_questions.json: every answer stands on its page, as the bot reads it."""

import json
import re
from pathlib import Path
from typing import Any

from tests.fakes.serper_api import finding, organic, serper_api
from tests.fakes.web_pages import PAGES, web_pages
from tests.knowledge.web.running import searching

FILE = Path(__file__).parents[3] / "bench" / "web_questions.json"
QUESTIONS: list[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))


def test_both_languages_ask_the_same() -> None:
    chinese = [q for q in QUESTIONS if q["lang"] == "zh"]
    english = [q for q in QUESTIONS if q["lang"] == "en"]
    assert len(chinese) == len(english) == 15
    for one, other in zip(chinese, english, strict=True):
        assert (one["page"], one["must_contain"]) == (other["page"], other["must_contain"])
    assert {q["page"] for q in QUESTIONS} == set(PAGES)
    assert len({q["id"] for q in QUESTIONS}) == 30


async def test_every_answer_stands_on_its_page(tmp_path: Path) -> None:
    async with web_pages() as site, serper_api() as api:
        api.script = lambda _: organic(site.listed())
        async with searching(tmp_path, api, site, max_articles=7) as search:
            found = await search.search(["tidemill"], chinese=False)
    texts = {article.url.split("/", 3)[3]: article.text for article in found}
    assert len(texts) == len(PAGES)
    for question in QUESTIONS:
        text = texts[question["page"].lstrip("/")]
        for pattern in question["must_contain"]:
            assert re.search(pattern, text, re.IGNORECASE), (question["id"], pattern)


async def test_the_fake_engine_finds_the_page_by_the_question() -> None:
    async with web_pages() as site:
        engine = finding(site.listed())
        missed = [
            question["id"]
            for question in QUESTIONS
            if not any(
                result["link"] == site.url(question["page"])
                for result in engine({"q": question["question"]}).data["organic"][:3]
            )
        ]
    assert not missed
