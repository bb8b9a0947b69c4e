"""Who is logged in changes his password."""

from adapters.http_guard import Role
from bot.console.sessions import hash_password
from bot.console.users import StoredUser, UserFile, read_users, write_users
from tests.bot.console.conftest import Visit
from tests.bot.console.test_login import send, session
from tests.fakes.clock import FakeClock
from tests.fakes.web_app import serving

OLD, NEW = "correct horse battery", "another horse altogether"


async def test_who_knows_his_password_changes_it_and_his_other_sessions_end(
    visit: Visit, clock: FakeClock
) -> None:
    async with serving("a-token-of-the-bot-itself", clock=clock) as served:
        ann = StoredUser(name="ann", role="viewer", password_hash=hash_password(OLD))
        write_users(served.folder, UserFile(users=(ann,)))
        clock.advance(10)
        here, elsewhere = visit(served.url), visit(served.url)
        for one in (here, elsewhere):
            status, _ = await send(one, "/api/login", {"name": "ann", "password": OLD})
            assert status == 200
        csrf = (await session(here))["csrf"]
        change = {"old": OLD, "new": NEW}
        assert (await send(here, "/api/password", change))[0] == 403, "without what the page knows"
        wrong = await send(here, "/api/password", {**change, "old": "a guess"}, csrf)
        assert wrong[0] == 403 and "until now" in wrong[1]["error"]
        assert (await send(here, "/api/password", {**change, "new": "short"}, csrf))[0] == 400
        assert (await send(here, "/api/password", change, csrf))[0] == 200
        assert (await session(here))["role"] == Role.VIEWER
        assert (await session(elsewhere))["user"] is None
        (stored,) = read_users(served.folder).users
        assert stored.role == "viewer" and stored.password_hash != ann.password_hash
        fresh = visit(served.url)
        assert (await send(fresh, "/api/login", {"name": "ann", "password": NEW}))[0] == 200
