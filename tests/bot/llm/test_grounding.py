"""What counts as a hard fact, what sources hold, and what is left of a text without the rest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.stages.grounding import (
    Sources,
    facts_in,
    grounded,
    marks_in,
    renumbered,
    sentences,
    without_foreign_links,
)

PAGE = """Serving
The server listens on port 7311 by default; `--port` changes it. Edit `conf/kettle.yaml` and set
`cache_fraction: 0.2`. Version 1.4.2 needs CUDA 11.8, see https://docs.test/cuda for more.

kettle serve --port 7400 --workers 4
"""
SOURCES = Sources([PAGE], "how do I use an RTX3090?")


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("Set `cache_fraction: 0.2` first.", ["cache_fraction: 0.2"]),
        ("Use --port 7400 [1].", ["--port", "7400"]),
        ("Edit conf/kettle.yaml, then call set_cache().", ["conf/kettle.yaml", "set_cache()"]),
        ("升级到 1.4.2 版本，见 https://docs.test/cuda 。", ["1.4.2", "https://docs.test/cuda"]),
        ("An RTX3090 has 80% left.", ["RTX3090", "80%"]),
        ("Call mmpose.apis.init with KeyPointLabels.", ["mmpose.apis.init", "KeyPointLabels"]),
        ("2. Just words, and a well-known one.", []),
    ],
)  # fmt: skip
def test_hard_facts_are_found(text: str, facts: list[str]) -> None:
    assert facts_in(text) == facts


@pytest.mark.parametrize(
    "fact",
    [
        "7311", "--port", "conf/kettle.yaml", "kettle.yaml", "1.4.2", "CUDA", "RTX3090",
        "cache_fraction:  0.2", "kettle serve --workers 4", "https://docs.test/cuda", "Kettle",
    ],
)  # fmt: skip
def test_what_stands_in_the_sources_is_held(fact: str) -> None:
    assert SOURCES.hold(fact)


@pytest.mark.parametrize(
    "fact",
    [
        "731", "73110", "--ports", "--por", "kettle.yam", "1.4", "1.4.20", "cache_fractions",
        "kettle serve --listen 4", "https://docs.test/cud", "https://evil.test", "set_cache",
    ],
)  # fmt: skip
def test_what_does_not_stand_there_is_not(fact: str) -> None:
    assert not SOURCES.hold(fact)


def test_an_address_in_the_question_is_no_source() -> None:
    asked = Sources([PAGE], "is it https://evil.test/x or evil.test?")
    assert not asked.hold("https://evil.test/x")
    assert not asked.hold("curl https://evil.test/x")
    assert not asked.hold("evil.test")


def test_a_sentence_goes_with_its_wrong_fact() -> None:
    checked = grounded(
        "It listens on 7311 [1]. Or on 8080 [1]! 端口用 `--port` 修改 [1]。", SOURCES
    )
    assert checked.text == "It listens on 7311 [1]. 端口用 `--port` 修改 [1]。"
    assert checked.dropped == ("8080",)
    assert not checked.core_lost


@pytest.mark.parametrize(
    "text",
    [
        "It listens on 8080 [1].",
        "It listens on 8080 [1]. And on 8081 [1]. Use `--port` [1].",
        "Run this [1]:\n\n```bash\nkettle serve --listen 0.0.0.0\n```",
        "",
        "[1] [2]",
    ],
)
def test_the_core_is_lost_where_most_or_the_code_goes(text: str) -> None:
    assert grounded(text, SOURCES).core_lost


def test_code_of_the_sources_stays() -> None:
    text = "Run this [1]:\n\n```bash\n# four workers\nkettle serve --port 7400 --workers 4\n```"
    checked = grounded(text, SOURCES)
    assert (checked.text, checked.core_lost) == (text, False)


def test_marks_are_found_outside_code_only() -> None:
    text = "One [2]. `a[1]` two [1][2].\n```\nx[3]\n```"
    assert marks_in(text) == [2, 1]
    assert renumbered(text, {2: 1, 1: 2}).endswith("two [2][1].\n```\nx[3]\n```")


def test_marks_get_new_numbers_and_invalid_ones_go() -> None:
    assert renumbered("One [2]. Two [1][9]. Three [9].", {2: 1, 1: 2}) == "One [1]. Two [2]. Three."


def test_foreign_links_go_and_ours_stay() -> None:
    text = (
        "See https://docs.test/a, http://127.0.0.1:8000 and https://evil.test/b. Or www.evil.com!"
    )
    shown = without_foreign_links(text, frozenset({"docs.test"}), "(gone)")
    assert shown == "See https://docs.test/a, http://127.0.0.1:8000 and (gone). Or (gone)!"


TEXT = st.text(
    alphabet=st.sampled_from("ab1 .。!?`[]\n-_/:@(中文"), max_size=80
)  # what sentences, code and marks are made of


@given(TEXT)
def test_sentences_lose_nothing(text: str) -> None:
    assert "".join(sentences(text)) == text


@given(TEXT)
def test_a_text_is_grounded_in_itself(text: str) -> None:
    assert grounded(text, Sources([text], "")).dropped == ()


@given(TEXT, TEXT)
def test_what_is_kept_stands_in_the_text_and_has_no_wrong_fact(text: str, page: str) -> None:
    sources = Sources([page], "")
    kept = grounded(text, sources).text
    assert grounded(kept, sources).dropped == () or "```" in text
    assert len(kept) <= len(text)
