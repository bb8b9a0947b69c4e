"""`run_bot.py replay`: a chat of days, decided as the daemon would have."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.daemon import run
from tests.fakes.llm_api import LlmApi, agreeable
from tests.test_cli_llm import api, remote

__all__ = ["api"]

PORT = "which port does the kettle server listen on?"
SLOW = "why is the first request to the kettle server slow?"
WHEEL = "how do I install kettle with pip?"
DAY = 86400
START = 1772414045
SETTINGS = ["--set", "schedule.timezone=UTC", "--set", "bot.quiet_s=6",
            "--set", "flood={wait_for_humans_s: 20}"]  # fmt: skip


def chat(folder: Path, lines: Sequence[tuple[float, str, str, str, dict[str, Any]]]) -> str:
    """Lines are (seconds since the start, group, user, text, more)."""
    file = folder / "chat.jsonl"
    rows = [
        {"time": START + at, "group": group, "user": user, "text": text, **more}
        for at, group, user, text, more in lines
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(file)


async def replayed(
    folder: Path, file: str, *command: str, more: Sequence[str] = ()
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The figures that are printed, and all of them."""
    out = folder / "out"
    status, text, err = await run(
        folder, "replay", file, "--json", "--out", str(out), *command, more=[*SETTINGS, *more]
    )
    assert status == 0, err
    return json.loads(text), json.loads((out / "replay.json").read_text())


async def test_replies_by_day_and_group_and_when_they_would_have_come(indexed: Path) -> None:
    file = chat(
        indexed,
        [
            (0, "a", "ann", PORT, {"label": 1}),
            (60, "a", "bob", "anyone going to the concert on friday?", {"label": 0}),
            (DAY, "b", "cat", SLOW, {"label": 1}),
            (DAY + 900, "b", "dan", "@豆哥 " + WHEEL, {}),
        ],
    )
    short, figures = await replayed(indexed, file)
    assert (short["messages"], short["groups"], short["people"]) == (4, 2, 4)
    assert short["decisions"] == {"answered": 3, "off_topic": 1}
    by_day = figures["replies"]["by_day"]
    assert by_day == [
        {"day": "2026-03-02", "group": "a", "unprompted": 1, "mention": 0},
        {"day": "2026-03-03", "group": "b", "unprompted": 1, "mention": 1},
    ]
    first, _, mention = figures["replies"]["list"]
    assert "7311" in first["reply"]
    assert first["seconds_to_reply"] == 26.0, "6 s of quiet, then 20 s for people to answer"
    assert mention["seconds_to_reply"] == 0.1
    assert figures["labelled"]["replies"] == {
        "chosen": 2, "right": 2, "precision": 1.0, "recall": 1.0
    }  # fmt: skip


async def test_flood_control_holds_back_what_it_would(indexed: Path) -> None:
    questions = (PORT, SLOW, WHEEL)
    lines: list[tuple[float, str, str, str, dict[str, Any]]] = [
        (40.0 * number, "a", f"user{number}", text, {}) for number, text in enumerate(questions)
    ]
    more = ("--set", "flood={burst: 1, refill_s: 3600, wait_for_humans_s: 20}")
    short, figures = await replayed(indexed, chat(indexed, lines), more=more)
    assert short["replies"]["unprompted"] == 1
    assert short["held_back"]["budget"] == 2
    assert [row["text"] for row in figures["held_back"]["list"]] == [SLOW, WHEEL]


async def test_people_who_answer_first_and_later_are_found(indexed: Path) -> None:
    lines: list[tuple[float, str, str, str, dict[str, Any]]] = [
        (0, "a", "ann", PORT, {"id": "first"}),
        (12, "a", "bob", "7311", {"reply_to": "first"}),
        (DAY, "a", "cat", SLOW, {"id": "second"}),
        (DAY + 300, "a", "dan", "好的收到", {"reply_to": "second"}),
    ]
    short, figures = await replayed(indexed, chat(indexed, lines))
    people = figures["people_answered"]
    assert short["decisions"]["human_first"] == 1
    assert (people["questions"], people["answered"]) == (2, 2)
    assert (people["before_the_bot"], people["after_the_bot"]) == (1, 1)
    assert people["delays_s"] == [12.0, 300.0]


async def test_a_fragment_counts_as_what_it_was_judged_with(indexed: Path) -> None:
    lines: list[tuple[float, str, str, str, dict[str, Any]]] = [
        (0, "a", "ann", "port 7311 is taken on my machine", {}),
        (60, "a", "ann", "how do I change it?", {"id": "asked"}),
        (360, "a", "dan", "with --port", {"reply_to": "asked"}),
    ]
    short, figures = await replayed(indexed, chat(indexed, lines))
    assert short["decisions"] == {"off_topic": 2, "answered": 1}
    assert figures["people_answered"]["questions"] == 1
    (reply,) = figures["replies"]["list"]
    assert reply["score"] >= reply["threshold"]


async def test_one_group_alone_and_the_page_escapes_what_people_say(indexed: Path) -> None:
    evil = "kettle server <script>alert(1)</script> which port does it listen on?"
    lines: list[tuple[float, str, str, str, dict[str, Any]]] = [
        (0, "<b>a", "<i>ann", evil, {}),
        (5, "b", "bob", PORT, {}),
    ]
    short, _ = await replayed(indexed, chat(indexed, lines), "--group", "<b>a")
    assert short["messages"] == 1
    page = (indexed / "out/replay.html").read_text()
    assert "&lt;script&gt;" in page and "<script" not in page and "<i>ann" not in page
    assert "<svg" in page and "http://" not in page.replace("http://www.w3.org/2000/svg", "")
    status, _, err = await run(indexed, "replay", chat(indexed, lines), "--group", "c")
    assert status == 1 and "there are: <b>a, b" in err


async def test_shadow_in_the_configuration_does_not_silence_a_replay(indexed: Path) -> None:
    file = chat(indexed, [(0, "a", "ann", PORT, {})])
    more = ("--set", "bot.mode=shadow", "--set", "bot.shadow_days=7")
    short, _ = await replayed(indexed, file, more=more)
    assert short["replies"]["unprompted"] == 1


async def test_messages_wait_for_the_opening(indexed: Path) -> None:
    file = chat(indexed, [(0, "a", "ann", PORT, {})])  # at 01:14 UTC
    hours = ("--set", "schedule.hours=['09:00-18:00']", "--set", "schedule.outside_hours=later")
    _, figures = await replayed(indexed, file, more=hours)
    (reply,) = figures["replies"]["list"]
    assert reply["seconds_to_reply"] > 7 * 3600


async def test_what_can_not_be_measured_is_a_dash(indexed: Path) -> None:
    file = chat(indexed, [(0, "a", "ann", "lunch?", {"label": 0}), (9, "a", "bob", "yes", {})])
    status, text, _ = await run(indexed, "replay", file, more=SETTINGS)
    assert status == 0
    assert "precision -, recall - (1 labelled)" in text
    assert "2, 1 group, " in text and "None" not in text


async def test_with_a_model_calls_tokens_and_cost_are_counted(indexed: Path, api: LlmApi) -> None:
    api.script = agreeable("The server listens on port 7311 by default [1].")
    file = chat(indexed, [(0, "a", "ann", PORT, {}), (90, "a", "bob", "lunch?", {})])
    prices = ("--set", "llm.remote.prompt_price=2", "--set", "llm.remote.completion_price=8")
    short, _ = await replayed(indexed, file, "--llm", more=[*remote(api), *prices])
    counted = short["llm"]["backends"]["remote"]
    paid = (counted["prompt"] * 2 + counted["completion"] * 8) / 1e6
    assert counted["calls"] == len(api.kinds()) > 3
    assert short["llm"]["cost"] == pytest.approx(paid, abs=1e-4) and paid > 0


async def test_without_a_model_none_is_asked(indexed: Path) -> None:
    file = chat(indexed, [(0, "a", "ann", PORT, {})])
    status, _, err = await run(indexed, "replay", file, "--llm")
    assert status == 1 and "no language model" in err
