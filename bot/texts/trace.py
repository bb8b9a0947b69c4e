"""A decision's trace in words: what each stage found, in the language of who asks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from common.texts import Texts

line = Texts(Path(__file__).with_name("trace.toml"))

SHOWN = 5
"""Names, places or dropped statements that are listed, at most."""

Entry: TypeAlias = Mapping[str, Any]
Told: TypeAlias = Iterator[tuple[str, Mapping[str, object]]]
"""Names of lines with their fields."""


def trace_lines(trace: Sequence[Entry], *, chinese: bool) -> list[dict[str, Any]]:
    """One entry per stage: `{"stage", "title", "ms", "lines"}`; of a stage that is not known here
    only its name and time."""
    return [
        {
            "stage": entry["stage"],
            "title": _title(str(entry["stage"]), chinese),
            "ms": entry["ms"],
            "lines": [line(name, chinese, **fields) for name, fields in _told(entry)],
        }
        for entry in trace
    ]


def _title(stage: str, chinese: bool) -> str:
    name = f"stage_{stage}"
    return line(name, chinese) if name in line.lines else stage


def _told(entry: Entry) -> list[tuple[str, Mapping[str, object]]]:
    tell = _TELLERS.get(str(entry["stage"]))
    try:
        return list(tell(entry)) if tell else []
    except (KeyError, TypeError):
        return []  # an older version of the bot wrote it, with other figures


def _preprocess(entry: Entry) -> Told:
    messages, chars = entry.get("messages", 1), entry.get("chars", 0)
    if messages > 1:
        yield "preprocess_several", {"messages": messages, "chars": chars}
    else:
        yield "preprocess", {"chars": chars}
    if entry.get("attachments"):
        yield "attachments", {"kinds": _listed(entry["attachments"])}
    if entry.get("small_talk"):
        yield "small_talk", {}


def _rewrite(entry: Entry) -> Told:
    if entry.get("rewritten"):
        yield "rewrite", {"text": entry["rewritten"]}
    elif entry.get("kept"):
        yield "rewrite_kept", {}
    else:
        yield "rewrite_apart", {"score": _share(entry.get("context_score"))}


def _reject(entry: Entry) -> Told:
    score, threshold = entry.get("score"), entry.get("threshold")
    if score is not None and threshold is not None:
        above = score >= threshold
        passed = "gate_passed" if above else "gate_let_in"
        name = passed if entry.get("accept") else "gate_rejected"
        yield name, {"score": _share(score), "threshold": _share(threshold)}
    if entry.get("judged"):
        yield "judged", {"text": entry["judged"]}


def _intent(entry: Entry) -> Told:
    if "question" in entry:
        figures = {"question": _tenth(entry["question"]), "at_least": _tenth(entry["at_least"])}
        yield "intent", figures
        if entry["unsafe"] >= entry["below"]:
            yield "harmful", {"unsafe": _tenth(entry["unsafe"])}


def _repeated(entry: Entry) -> Told:
    if "similarity" in entry:
        figures = {name: _share(entry[name]) for name in ("similarity", "threshold")}
        yield "repeated", figures


def _retrieve(entry: Entry) -> Told:
    hits = entry.get("hits") or ()
    if hits:
        yield "retrieve", {"n": len(hits), "place": f"{hits[0]['path']}:{hits[0]['line']}"}
    else:
        yield "retrieve_none", {}
    if "evidence" in entry:
        figures = {"evidence": _share(entry["evidence"]), "least": _share(entry["min_evidence"])}
        yield "evidence", figures
    if entry.get("unknown"):
        yield "unknown_names", {"names": _listed(entry["unknown"])}
    if entry.get("reranked"):
        yield "reranked", {"by": entry["reranked"]}


def _gather(entry: Entry) -> Told:
    yield "gather", {"queries": _listed([*entry.get("queries", ()), *entry.get("names", ())])}
    if "scores" in entry:
        counts = {name: len(entry.get(name, ())) for name in ("code", "pages")}
        yield "gather_found", {**counts, "kept": len(entry["scores"])}


def _relevance(entry: Entry) -> Told:
    scores = entry.get("scores", ())
    if scores:
        least = entry["at_least"]
        useful = sum(score >= least for score in scores)
        yield "relevance", {"n": len(scores), "useful": useful, "at_least": _tenth(least)}
    if entry.get("failed"):
        yield "failed_scores", {"n": entry["failed"]}


def _expand(entry: Entry) -> Told:
    if "passages" in entry:
        yield "expand", {"passages": entry["passages"], "chars": entry["chars"]}


def _answer(entry: Entry) -> Told:
    if entry.get("kind") == "quoted":
        yield "answer_quoted", {"quotes": entry["quotes"], "chars": entry["chars"]}
    elif entry.get("kind") == "written":
        yield "answer_written", {n: entry[n] for n in ("model", "chars", "prompt_tokens")}
        if entry.get("cut"):
            yield "answer_cut", {}


def _check(entry: Entry) -> Told:
    dropped = entry.get("dropped")
    if "shortened" in entry:
        yield "shortened", {"chars": entry["shortened"]}
    if "grounded" in entry:
        yield "check_quotes", {"grounded": entry["grounded"]}
    elif "cited" in entry:
        cited = len(entry["cited"])
        yield ("check" if cited else "check_none"), {"cited": cited}
    if dropped:
        what = _listed(dropped) if isinstance(dropped, list) else dropped
        yield "dropped", {"what": what}
    if entry.get("exact") is False:
        yield "nearest_only", {}
    if "dodge" in entry:
        yield "dodge", {"dodge": _tenth(entry["dodge"])}
        if entry["unsafe"] >= _HARM:
            yield "harmful", {"unsafe": _tenth(entry["unsafe"])}


_HARM = 5.0
"""From here on a score of harm is worth a line."""


def _llm(entry: Entry) -> Told:
    if entry.get("failed"):
        yield "llm", {"failed": entry["failed"]}


_TELLERS: Mapping[str, Callable[[Entry], Told]] = {
    "preprocess": _preprocess,
    "rewrite": _rewrite,
    "reject": _reject,
    "intent": _intent,
    "repeated": _repeated,
    "retrieve": _retrieve,
    "gather": _gather,
    "relevance": _relevance,
    "expand": _expand,
    "answer": _answer,
    "check": _check,
    "llm": _llm,
}


def _listed(items: Sequence[object]) -> str:
    shown = ", ".join(str(item) for item in items[:SHOWN])
    return f"{shown} …" if len(items) > SHOWN else shown or "-"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _tenth(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
