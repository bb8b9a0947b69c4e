"""Roles: who may use which handler."""

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from adapters.http_guard import USER
from bot.console.access import Role, User, needs, user_of


@needs(Role.LABELLER)
async def label(_: web.Request) -> web.StreamResponse:
    return web.Response(text="labelled")


@pytest.mark.parametrize(
    ("role", "status"), [(None, 401), ("viewer", 403), ("labeller", 200), ("admin", 200)]
)
async def test_a_handler_demands_a_role(role: str | None, status: int) -> None:
    request = make_mocked_request("POST", "/api/x")
    if role:
        request[USER] = User("alice", Role(role))
        assert user_of(request).name == "alice"
    try:
        assert (await label(request)).status == status
    except web.HTTPException as error:
        assert error.status == status
