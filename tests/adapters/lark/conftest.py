"""A fake Lark and a bot that listens."""

from collections.abc import AsyncIterator

import pytest

from tests.adapters.lark.stand import Listener
from tests.fakes.lark_server import FakeLark


@pytest.fixture
async def lark() -> AsyncIterator[FakeLark]:
    async with FakeLark() as server:
        yield server


@pytest.fixture
def bot() -> Listener:
    return Listener()
