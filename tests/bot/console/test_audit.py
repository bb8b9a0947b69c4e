"""The audit log: what was done comes back, the newest first, and survives a restart."""

from pathlib import Path

from bot.console.access import Role, User
from bot.console.audit import Audit
from bot.store.store import open_store
from tests.fakes.clock import FakeClock


async def test_what_was_done_is_kept_and_read_in_pages(tmp_path: Path) -> None:
    clock = FakeClock()
    path = tmp_path / "bot.sqlite"
    async with open_store(path) as store:
        audit = Audit(store, clock)
        await audit.record(User("alice", Role.ADMIN), "mode", "lark:oc_1", "live", "shadow")
        await audit.record("lark:ou_1", "mute", "lark:oc_1", after="2h")
    async with open_store(path) as store:
        audit = Audit(store, clock)
        newest, oldest = await audit.page()
        assert (newest.who, newest.action, newest.before, newest.after) == (
            "lark:ou_1",
            "mute",
            None,
            "2h",
        )
        assert (oldest.who, oldest.target, oldest.before) == ("alice", "lark:oc_1", "live")
        assert oldest.at == clock.now()
        assert await audit.page(newest.id) == [oldest]
        assert await audit.page(limit=1) == [newest]
