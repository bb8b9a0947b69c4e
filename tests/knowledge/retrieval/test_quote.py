"""Quotes end where sentences, list items and blocks end, and say things once."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.base import KnowledgeBase
from knowledge.retrieval.units import Unit, first_whole, units

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
     "1. first", "```",  "code = 1", "| a | b |", "|---|---|", "", "ends with a colon:", "no end",
     "`name`", "---", "**Bold**"]
)  # fmt: skip


def test_code_stays_with_the_sentence_that_leads_to_it() -> None:
    (code,) = [unit for unit in units(PAGE) if "kettle serve" in PAGE[unit.start : unit.end]]
    assert "Change it with" in PAGE[code.start : code.end]
    assert PAGE[code.start : code.end].count("```") == 2


def test_a_short_table_is_one_unit() -> None:
    assert any({"| key", "127.0.0.1"} <= {t for t in ("| key", "127.0.0.1") if t in said(PAGE, u)}
               for u in units(PAGE))  # fmt: skip


def test_rows_of_a_long_table_have_its_head_even_where_the_first_is_empty() -> None:
    rows = "".join(f"| `mode_{n}` | what mode number {n} is good for |\n" for n in range(20))
    table = f"## Modes\n\n|  |  |\n|---|---|\n| **Mode** | **Meaning** |\n{rows}"
    found = units(table)
    assert len(found) == 20
    assert all(unit.kind == "row" and "**Meaning**" in unit.head for unit in found)
    assert said(table, found[7]) == "| `mode_7` | what mode number 7 is good for |"


def test_a_text_that_begins_within_code_goes_on_as_code() -> None:
    lines = "\n".join(f"    call_number_{n}(with_some, arguments={n})" for n in range(20))
    text = f"{lines}\n```\n\nThat was all.\n\n```python\nafter = 1\n```"
    *code, words, after = units(text)
    assert {unit.kind for unit in code} == {"code"}
    assert said(text, words) == "That was all."
    assert said(text, after).startswith("```python")


def test_a_fence_is_closed_by_its_own_sign() -> None:
    lines = "\n".join(f"call_number_{n}(with_some, arguments={n})" for n in range(20))
    found = units(f"~~~~python\n{lines}\n~~~~\n")
    assert {(unit.head, unit.tail) for unit in found} == {("~~~~python", "~~~~")}


LONG = "It takes a while, for all of it is read again, and what is found there is compared. " * 2


@pytest.mark.parametrize("gap", ["\n", "\n\n"], ids=("tight", "loose"))
@pytest.mark.parametrize("above", ["", "## Parts\n\n"], ids=("first", "below a heading"))
def test_items_are_shown_with_the_line_that_leads_to_their_list(gap: str, above: str) -> None:
    items = gap.join(f"- `part-{n}`: {LONG}" for n in range(3))
    text = f"{above}These parts exist:\n\n{items}"
    found = [unit for unit in units(text) if "`part-2`" in said(text, unit)]
    assert found[0].kind == "item"
    assert all(unit.head.rstrip() == f"{above}These parts exist:" for unit in found)


def test_a_name_alone_heads_what_is_told_of_it_and_is_nothing_by_itself() -> None:
    text = f"## Settings\n\n`HOST`\n\nWhere it listens.\n\n`PORT`\n\n{LONG}\n\n`TOKEN`"
    first, *rest = units(text)
    assert (first.title, said(text, first)) == ("HOST", "`HOST`\n\nWhere it listens.")
    assert {unit.title for unit in rest} == {"PORT"}
    assert first.above == rest[0].above != ()


def test_footnotes_below_a_rule_are_no_part_of_the_section_above_it() -> None:
    found = units("## Muting\n\nSend `/mute` to be left alone.\n\n---\n\n[1] For two hours.")
    assert [unit.title for unit in found] == ["Muting", ""]
    assert found[0].section not in (found[1].section, *found[1].above)


def test_a_sentence_does_not_end_at_a_semicolon() -> None:
    text = f"{LONG}A token is asked for; one of a reader will do. {LONG}"
    assert not any(said(text, unit).startswith("one of") for unit in units(text))


def test_the_last_line_of_code_leads_to_nothing() -> None:
    lines = "\n".join(f"call_number_{n}(with_some, arguments={n})" for n in range(20))
    found = units(f"```python\n{lines}\n\nshow()\n```\n\nThat was all.\n")
    assert [unit.kind for unit in found[-2:]] == ["code", "text"]


def test_nothing_is_left_over_that_leads_to_what_does_not_follow() -> None:
    text = f"{LONG}\n\n**Example**\n\n```\na = 1\n```\n\n## Next"
    assert "**Example**\n\n```" in said(text, units(text)[-1])
    assert not any("Next" in said(text, unit) for unit in units(text))
    assert len(units(f"It takes a while.\n\n{LONG}\n\nThe file of settings:")) == 2
    assert len(units("The file of settings:")) == 1


@given(st.lists(LINES, max_size=30).map("\n".join))
def test_units_are_whole_lines_or_sentences_and_in_order(text: str) -> None:
    found = units(text)
    for unit in found:
        assert 0 <= unit.start < unit.end <= len(text)
        assert said(text, unit).strip()
    for before, after in pairwise(found):
        assert before.end <= after.start
        assert before.block <= after.block


def said(text: str, unit: Unit) -> str:
    return text[unit.start : unit.end]


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
