"""A bug in one group is no fault of the others, and people are told when it stays."""

import logging
from pathlib import Path

import pytest

from adapters.base import IncomingMessage
from bot.group.dispatcher import OVER_S, Failing
from bot.group.worker import Worker
from knowledge.base import KnowledgeBase
from tests.bot.dialog import GROUP, talking

HERE = ("fake", GROUP)


class Seconds:
    """They pass when told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_pauses_grow_and_who_fails_again_and_again_is_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    steady = Seconds()
    bugs = Failing(steady)
    pauses = [bugs.failed(HERE, KeyError("k")) for _ in range(2)]
    assert not bugs.named()
    pauses += [bugs.failed(HERE, KeyError("k")) for _ in range(20)]
    assert pauses[:4] == [1, 2, 4, 8] and pauses[-1] == 300
    assert bugs.named() == {f"fake:{GROUP}": "KeyError"}
    assert sum(record.exc_info is not None for record in caplog.records) == 1
    bugs.failed(HERE, ValueError("v"))
    assert sum(record.exc_info is not None for record in caplog.records) == 2, "another bug"
    steady.now += OVER_S + 1
    assert not bugs.named()
    assert bugs.failed(HERE, KeyError("k")) == 1, "that was long ago"
    bugs.failed(HERE, KeyError("k"))
    bugs.well(HERE)
    assert bugs.failed(HERE, KeyError("k")) == 1, "it was well meanwhile"


async def test_the_other_groups_are_answered_and_the_group_itself_goes_on(
    tmp_path: Path,
    kettle: KnowledgeBase,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.ERROR)
    take = Worker._take

    async def failing_take(self: Worker, message: IncomingMessage, arrived: float) -> None:
        if message.text == "trouble":
            raise ZeroDivisionError
        await take(self, message, arrived)

    monkeypatch.setattr(Worker, "_take", failing_take)
    async with talking(tmp_path, kettle) as talk:
        for _ in range(3):
            await talk.say("ann", "trouble")
        for pause_s in (0.0, 1.0, 2.0):
            await talk.wait(pause_s)
        assert "ZeroDivisionError" in caplog.text
        (line,) = talk.parts.health.report()["degraded"]
        said = f"a bug keeps 1 group waiting (fake:{GROUP}), see the log: ZeroDivisionError"
        assert line == said
        await talk.say("bob", "@bot which port does the kettle server listen on?", group="other")
        await talk.wait(0.0)
        await talk.say("ann", "@bot which port does the kettle server listen on?")
        await talk.idle()
        assert sorted(reply.group for reply in talk.heard()) == sorted(["other", GROUP])
        assert not talk.parts.health.report()["degraded"]
