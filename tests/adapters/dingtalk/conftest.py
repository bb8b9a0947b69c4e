"""Time that a test lets pass, and the platform that counts by it."""

from collections.abc import AsyncIterator

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.dingtalk_server import DingTalkServer, dingtalk


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def server(clock: FakeClock) -> AsyncIterator[DingTalkServer]:
    async with dingtalk(clock.now) as platform:
        yield platform
