"""Asking for a connection: what is refused, and what that means."""

import pytest

from adapters.base import LoginRefused, NetworkError, RateLimited
from tests.adapters.dingtalk.running import running
from tests.fakes.clock import FakeClock
from tests.fakes.dingtalk_api import Answer
from tests.fakes.dingtalk_server import DingTalkServer


async def test_a_wrong_secret_is_a_clear_message(server: DingTalkServer, clock: FakeClock) -> None:
    async with running(server, clock, client_secret="wrong") as bot:
        error = await bot.failure()
        assert isinstance(error, LoginRefused)
        assert "client_secret" in str(error)
        assert "wrong" not in str(error)
        assert "client_secret" in bot.adapter.link().problem


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(500, {}), NetworkError),
        (Answer(503, None), NetworkError),
        (Answer(200, {"endpoint": 5}), NetworkError),
        (Answer(200, {"endpoint": "nonsense", "ticket": "t"}), NetworkError),
        (Answer(200, {"endpoint": "ws://127.0.0.1:1", "ticket": "t"}), NetworkError),
        (Answer(403, {"code": "Forbidden.AccessDenied.QpsLimitForApi"}), RateLimited),
        (Answer(200, {"status": 1111, "wait": 9}), RateLimited),
        (Answer(403, {"code": "Forbidden"}), LoginRefused),
    ],
)
async def test_a_registration_that_fails(
    server: DingTalkServer, clock: FakeClock, answer: Answer, kind: type[Exception]
) -> None:
    server.answers["gateway/connections/open"].append(answer)
    async with running(server, clock) as bot:
        assert isinstance(await bot.failure(), kind)


async def test_a_ticket_that_is_refused(server: DingTalkServer, clock: FakeClock) -> None:
    used = {"endpoint": server.url.replace("http", "ws") + "/connect", "ticket": "used"}
    server.answers["gateway/connections/open"].append(Answer(200, used))
    async with running(server, clock) as bot:
        error = await bot.failure()
        assert isinstance(error, NetworkError)
        assert "used" not in str(error)
