"""Quotes end where sentences, list items and blocks end, and say things once."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from knowledge.base import KnowledgeBase
from knowledge.retrieval.sentences import first_whole, is_whole_at, units

PAGE = """# Serving

## Ports

The server listens on port 7311. Change it with `--port`:

```bash
kettle serve --port 7400
```

## Muting

- Send `/mute` to be left alone.
- Send `/unmute` to hear from it again; version 1.2.3
  knows both.

| key | default |
|---|---|
| port | 7311 |
| host | 127.0.0.1 |
"""

LINES = st.sampled_from(
    ["# Title", "## Part", "One sentence. And another one.", "一句话。又一句！", "- an item",
     "1. first", "```", "code = 1", "| a | b |", "|---|---|", "", "ends with a colon:", "no end"]
)  # fmt: skip


def test_code_stays_with_the_sentence_that_leads_to_it() -> None:
    (code,) = [unit for unit in units(PAGE) if "kettle serve" in unit.text]
    assert "Change it with" in code.text
    assert code.text.count("```") == 2


def test_a_table_is_one_unit() -> None:
    assert any("| key" in unit.text and "127.0.0.1" in unit.text for unit in units(PAGE))


@given(st.lists(LINES, max_size=30).map("\n".join))
def test_units_are_whole_and_in_order(text: str) -> None:
    found = units(text)
    for unit in found:
        assert text[unit.start : unit.end] == unit.text
    for before, after in pairwise(found):
        assert before.end <= after.start
        if before.heading == after.heading and "```" not in text:
            assert is_whole_at(text, before.end)


@given(st.lists(LINES, max_size=30).map("\n".join), st.integers(20, 400))
def test_what_is_cut_ends_whole_and_fits(text: str, room: int) -> None:
    cut = first_whole(text, room)
    assert len(cut) <= max(room, 0)
    if len(text) > room:
        assert cut.endswith("…")
        assert cut.count("```") % 2 == 0


async def test_a_page_and_its_translation_are_not_both_quoted(kettle: KnowledgeBase) -> None:
    question = "DLL load failed"
    found = await kettle.search(question, 4)
    assert {"en/install.md", "zh/install.md"} <= {passage.path for passage in found.passages}
    quotes = await kettle.quote(question, found.passages, 1200)
    paths = [quote.passage.path for quote in quotes]
    assert len({"en/install.md", "zh/install.md"} & set(paths)) == 1
