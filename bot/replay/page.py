"""The report as one HTML file: pictures are SVG inside it, no scripts, nothing from elsewhere."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from bot.replay.pictures import histogram, stacked_days
from bot.texts.notices import reason_text
from bot.types import Reason
from common.texts import Texts

phrase = Texts(Path(__file__).parents[1] / "texts" / "replay.toml")

ROWS = 100
"""Rows of a table; the JSON holds all."""

DELAYS_S = (0, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600)

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:1000px;margin:2rem auto;padding:0 1rem;color:#111}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.2rem}
table{border-collapse:collapse;width:100%;font-size:13px}
th,td{text-align:left;vertical-align:top;padding:.3rem .5rem;border-bottom:1px solid #e5e7eb}
td{overflow-wrap:anywhere}.n{white-space:nowrap}
.big{display:flex;flex-wrap:wrap;gap:1rem}
.big div{flex:1 1 8rem;background:#f3f4f6;border-radius:.5rem;padding:.6rem .9rem}
.big b{display:block;font-size:1.5rem}
details{white-space:pre-wrap}svg{max-width:100%;height:auto}
"""


def page(figures: Mapping[str, Any], *, chinese: bool) -> str:
    """The whole page. What people and documents say is data: escaped."""
    say = _Say(chinese)
    replies, held = figures["replies"], figures["held_back"]
    big = (
        (replies["unprompted"], "unprompted"),
        (replies["unprompted_per_week"], "per_week"),
        (replies["total"] - replies["unprompted"], "mention"),
        (held["budget"] + held["cooldown"], "held"),
    )
    title = say("title")
    span = say(
        "range",
        messages=figures["messages"],
        groups=figures["groups"],
        people=figures["people"],
        start=figures["from"],
        end=figures["to"],
    )
    tiles = "".join(f"<div><b>{value}</b>{say(name)}</div>" for value, name in big)
    parts = [
        f"<h1>{title}</h1><p>{span}</p><div class=big>{tiles}</div>",
        f"<h2>{say('by_day')}</h2>{stacked_days(replies['by_day'])}",
        _people(figures["people_answered"], say),
        _labelled(figures["labelled"], say),
        _section(
            "replies", replies["list"], ("time", "group", "said", "reply", "person_after"), say
        ),
        _section("held", held["list"], ("time", "group", "said", "reason"), say),
        f"<h2>{say('scores')}</h2>{_score_picture(figures['scores'])}",
        _section("uncertain", figures["uncertain"], ("time", "group", "said", "score"), say),
        f"<p>{say('uncertain_text')}</p>",
        _llm(figures.get("llm"), say),
        _decisions(figures["decisions"], say),
    ]
    language = "zh" if chinese else "en"
    return (
        f"<!doctype html><html lang={language}><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width'>"
        f"<title>{title}</title><style>{STYLE}</style><body>{''.join(parts)}</body></html>\n"
    )


class _Say:
    def __init__(self, chinese: bool) -> None:
        self.chinese = chinese

    def __call__(self, name: str, /, **fields: object) -> str:
        return escape(phrase(name, self.chinese, **fields))


def _section(
    title: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str], say: _Say
) -> str:
    if not rows:
        return f"<h2>{say(title)}</h2><p>{say('none')}</p>"
    heads = "".join(f"<th>{say(name)}</th>" for name in columns)
    lines = "".join(
        "<tr>" + "".join(_cell(row, name, say) for name in columns) + "</tr>" for row in rows[:ROWS]
    )
    left = len(rows) - ROWS
    more = f"<p>{say('more', n=left)}</p>" if left > 0 else ""
    return f"<h2>{say(title)}</h2><table><tr>{heads}</tr>{lines}</table>{more}"


def _cell(row: Mapping[str, Any], name: str, say: _Say) -> str:
    match name:
        case "time":
            return f"<td class=n>{escape(row['time'][:16])}</td>"
        case "group":
            return f"<td>{escape(row['group'])}</td>"
        case "said":
            return f"<td>{escape(row['user'])}: {escape(row['text'])}</td>"
        case "reply":
            text = row["reply"] or ""
            first = text.partition("\n")[0][:80]
            return f"<td><details><summary>{escape(first)}</summary>{escape(text)}</details></td>"
        case "reason":
            return f"<td>{escape(reason_text(Reason(row['reason']), say.chinese))}</td>"
        case "score":
            return f"<td class=n>{row['score']:.3f} / {row['threshold']:.3f}</td>"
        case _:
            delay = row["seconds_to_person"]
            return f"<td class=n>{'' if delay is None else f'{delay:g} s'}</td>"


def _people(people: Mapping[str, Any], say: _Say) -> str:
    text = say(
        "people_text",
        questions=people["questions"],
        answered=people["answered"],
        median="–" if people["median_s"] is None else f"{people['median_s']:g}",
        p90="–" if people["p90_s"] is None else f"{people['p90_s']:g}",
        before=people["before_the_bot"],
        alone=people["bot_alone"],
        nobody=people["nobody"],
    )
    counts = [
        sum(low <= delay < high for delay in people["delays_s"])
        for low, high in zip(DELAYS_S, (*DELAYS_S[1:], float("inf")), strict=True)
    ]
    names = [f"{low}" for low in DELAYS_S]
    picture = histogram(counts, names) if any(counts) else ""
    return f"<h2>{say('people')}</h2><p>{text}</p><h3>{say('delays')}</h3>{picture}"


def _labelled(found: Mapping[str, Any] | None, say: _Say) -> str:
    if found is None:
        return ""
    rows = "".join(
        f"<tr><td>{say(name)}</td><td>{one['chosen']}</td>"
        f"<td>{_share(one['precision'])}</td><td>{_share(one['recall'])}</td></tr>"
        for name, one in (("gate", found["gate"]), ("posted", found["replies"]))
    )
    heads = "".join(f"<th>{say(name)}</th>" for name in ("chosen", "precision", "recall"))
    title = f"{say('labelled')}: {found['good']} / {found['n']}"
    return f"<h2>{title}</h2><table><tr><th></th>{heads}</tr>{rows}</table>"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _score_picture(scores: Mapping[str, Any]) -> str:
    if not scores["counts"]:
        return ""
    edges, threshold = scores["edges"], scores["threshold"]
    names = [f"{edge:.2f}" if place % 5 == 0 else "" for place, edge in enumerate(edges[:-1])]
    share = (threshold - edges[0]) / ((edges[-1] - edges[0]) or 1.0)
    return histogram(scores["counts"], names, mark=share)


def _llm(found: Mapping[str, Any] | None, say: _Say) -> str:
    if found is None:
        return f"<h2>{say('llm')}</h2><p>{say('no_llm')}</p>"
    lines = "".join(
        "<p>"
        + say(
            "llm_text",
            backend=name,
            calls=one["calls"],
            prompt=one["prompt"],
            completion=one["completion"],
            cost="–" if one["cost"] is None else f"{one['cost']:g}",
        )
        + "</p>"
        for name, one in found["backends"].items()
    )
    return f"<h2>{say('llm')}</h2>{lines}"


def _decisions(decisions: Mapping[str, int], say: _Say) -> str:
    rows = "".join(
        f"<tr><td>{escape(reason_text(Reason(name), say.chinese))}</td><td>{count}</td></tr>"
        for name, count in decisions.items()
    )
    return f"<h2>{say('decisions')}</h2><table>{rows}</table>"
