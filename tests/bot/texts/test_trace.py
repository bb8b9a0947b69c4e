"""A decision's trace in words: in both languages, without our own names for things."""

import re

from bot.texts.trace import line, trace_lines

TRACE = [
    {"stage": "preprocess", "ms": 0.1, "messages": 2, "chars": 30, "attachments": ["image"]},
    {"stage": "rewrite", "ms": 9.0, "context_score": 0.5, "rewritten": "which port?"},
    {"stage": "reject", "ms": 3.0, "score": 0.4, "threshold": 0.3, "accept": True, "judged": "x"},
    {"stage": "reject", "ms": 3.0, "score": 0.1, "threshold": 0.3, "accept": True, "in_code": True},
    {"stage": "reject", "ms": 3.0, "score": 0.1, "threshold": 0.3, "accept": False},
    {"stage": "intent", "ms": 9.0, "question": 7.5, "at_least": 5, "unsafe": 9, "below": 5},
    {"stage": "repeated", "ms": 1.0, "similarity": 0.2, "threshold": 0.8},
    {
        "stage": "retrieve",
        "ms": 2.0,
        "evidence": 0.6,
        "min_evidence": 0.3,
        "unknown": ["frob"],
        "hits": [{"path": "a.md", "line": 3, "score": 0.9}],
    },
    {"stage": "relevance", "ms": 9.0, "scores": [8, 2], "at_least": 5, "failed": 1},
    {"stage": "gather", "ms": 9.0, "queries": ["q"], "names": [], "code": [], "scores": [0.9]},
    {"stage": "expand", "ms": 1.0, "passages": 2, "chars": 900, "at_most": 2000},
    {"stage": "answer", "ms": 1.0, "kind": "written", "model": "m", "chars": 9, "prompt_tokens": 9},
    {"stage": "check", "ms": 1.0, "grounded": 2, "dropped": 1, "exact": False},
    {"stage": "check", "ms": 1.0, "cited": [1], "dropped": ["a lie"], "dodge": 1, "unsafe": 0},
    {"stage": "llm", "ms": 1.0, "failed": "LlmTimeout"},
]


def test_every_stage_says_what_it_found_in_both_languages() -> None:
    for chinese in (True, False):
        told = trace_lines(TRACE, chinese=chinese)
        assert [entry["stage"] for entry in told] == [entry["stage"] for entry in TRACE]
        for entry in told:
            assert entry["lines"], entry["stage"]
            text = " ".join([entry["title"], *entry["lines"]])
            assert not re.search(r"\{|\}|min_evidence|at_least|None|_", text), text
            assert bool(re.search(r"[\u4e00-\u9fff]", text)) is chinese, text


def test_an_unknown_stage_and_figures_of_another_version_are_no_failure() -> None:
    strange = [{"stage": "oracle", "ms": 1.0}, {"stage": "answer", "ms": 1.0, "kind": "written"}]
    told = trace_lines(strange, chinese=False)
    assert [entry["lines"] for entry in told] == [[], []]
    assert told[0]["title"] == "oracle"


def test_every_line_is_complete() -> None:
    for name, texts in line.lines.items():
        assert set(texts) == {"zh", "en"}, name
        fields = [set(re.findall(r"\{(\w+)\}", text)) for text in texts.values()]
        assert fields[0] == fields[1], name
