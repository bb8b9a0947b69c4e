"""Two bots of one daemon in one group of a platform: one of them answers."""

from dataclasses import replace
from pathlib import Path

import pytest

from adapters.base import IncomingMessage
from knowledge.base import KnowledgeBase
from tests.bot.dialog import GROUP, talking
from tests.fakes.recording_adapter import RecordingAdapter

PORT = "which port does the kettle server listen on?"


async def test_one_of_them_answers_where_a_message_has_an_id_for_each(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    first, second = RecordingAdapter("first"), RecordingAdapter("second")
    async with talking(tmp_path, kettle, adapter=first, others=(second,)) as talk:
        asked = IncomingMessage("first", GROUP, "ann", "m1", PORT, talk.clock.now(), mention=True)
        await talk.receive(asked)
        await talk.receive(replace(asked, adapter="second", message_id="n1"))
        await talk.receive(replace(asked, adapter="second", message_id="n2", user="bob"))
        await talk.idle()
        assert [reply.reply_to for reply in first.sent] == ["m1"]
        assert [reply.reply_to for reply in second.sent] == ["n2"]
        copied = await talk.store.decision("second", "n1")
        assert copied and copied["reason"] == "other_bot"


@pytest.mark.parametrize(
    ("called", "answers"),
    [
        ((), "first"),
        (("first",), "first"),
        (("second",), "second"),
        (("first", "second"), "first"),
    ],
)
async def test_one_of_them_answers(
    tmp_path: Path, kettle: KnowledgeBase, called: tuple[str, ...], answers: str
) -> None:
    first, second = RecordingAdapter("first"), RecordingAdapter("second")
    async with talking(tmp_path, kettle, adapter=first, others=(second,)) as talk:
        heard = IncomingMessage("first", GROUP, "ou_1", "om_1", PORT, talk.clock.now())
        for name in ("first", "second", "second"):  # a second delivery changes nothing
            others = tuple(f"id of {one}" for one in called if one != name)
            await talk.receive(
                replace(heard, adapter=name, mention=name in called, mentions=others)
            )
        elsewhere = replace(heard, adapter="second", group="another", text="lunch?")
        await talk.receive(replace(elsewhere, message_id="om_2"))
        await talk.idle()
        said = {"first": first.sent, "second": second.sent}
        assert [reply.reply_to for reply in said.pop(answers)] == ["om_1"]
        assert said == {next(iter(said)): []}
        other = await talk.store.decision(next(iter(said)), "om_1")
        assert other and other["reason"] in ("other_bot", "addressed")
