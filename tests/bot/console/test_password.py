"""Who is logged in changes his password."""

from pathlib import Path

from adapters.http_guard import Role
from bot.config.http import HttpSettings
from bot.console.sessions import hash_password
from bot.console.users import (
    LOOK_EVERY_S,
    InStore,
    StoredUser,
    UserFile,
    open_users,
    read_users,
    write_users,
)
from bot.store.store import open_store
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


async def test_processes_that_share_a_store_share_its_logins(tmp_path: Path) -> None:
    clock, settings = FakeClock(), HttpSettings()
    async with open_store(tmp_path / "bot.sqlite", durable=False) as store:
        kept = InStore(store.database, tmp_path)
        console = await open_users(settings, kept, clock)
        worker = await open_users(settings, kept, clock)
        assert await console.decide(StoredUser(name="ann", role="admin", password_hash="1"))
        assert not worker.guarded
        clock.advance(LOOK_EVERY_S)
        assert await worker.refresh() == [], "who did it is noted where it was done"
        known = worker.get("ann")
        assert known is not None and known.user.role is Role.ADMIN
        assert not await worker.decide(StoredUser(name="eve", role="admin", password_hash="2"))
        assert await worker.change_password("ann", "3")
        clock.advance(LOOK_EVERY_S)
        await console.refresh()
        changed = console.get("ann")
        assert changed is not None and changed.password_hash == "3"
