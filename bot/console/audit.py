"""Who did what, when, and what was before and after: kept in the store, shown in the console."""

import logging

from adapters.http_guard import User
from bot.store.access import AuditEntry as AuditEntry
from bot.store.store import Store
from common.clock import Clock

log = logging.getLogger(__name__)


class Audit:
    """The audit log of pages and API; commands in groups write to the same table."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def record(
        self,
        who: User | str,
        action: str,
        target: str,
        before: str | None = None,
        after: str | None = None,
    ) -> None:
        """Keeps that somebody did something. Raises StoreError."""
        name = who.name if isinstance(who, User) else who
        log.info("audit: %s did %s", name, action)
        await self._store.add_audit(
            at=self._clock.now(),
            who=name,
            action=action,
            target=target,
            before=before,
            after=after,
        )

    async def page(self, before_id: int | None = None, limit: int = 100) -> list[AuditEntry]:
        """The newest entries, or the newest of those before an id; the newest first."""
        return await self._store.audit_page(before_id, limit)
