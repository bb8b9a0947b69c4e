"""The session webhooks that came with messages. They are kept in memory only: whoever has one can
post into its group."""

from collections import OrderedDict
from dataclasses import dataclass

from pydantic import SecretStr

from adapters.dingtalk.events import group_of
from adapters.dingtalk.settings import Settings
from adapters.payload import Json, seconds, text
from common.clock import Clock

MAX_SESSIONS = 10_000
SPARE_S = 60.0
"""A webhook is not used any more when it has only this long to live."""


@dataclass(frozen=True, slots=True)
class Session:
    """A webhook into a group, and until when it is valid."""

    webhook: SecretStr
    until: float


class Sessions:
    """The newest webhook of each group."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._by_group: OrderedDict[str, Session] = OrderedDict()

    def learn(self, payload: Json) -> None:
        """Keeps the webhook of a message that was pushed; one that leads elsewhere is not."""
        group, url = group_of(payload), text(payload, "sessionWebhook")
        until = seconds(payload.get("sessionWebhookExpiredTime"))
        if not (group and until and self._settings.trusts_webhook(url)):
            return
        self._by_group[group] = Session(SecretStr(url), until)
        self._by_group.move_to_end(group)
        while len(self._by_group) > MAX_SESSIONS:
            self._by_group.popitem(last=False)

    def webhook(self, group: str) -> SecretStr | None:
        """A webhook into the group that is still valid."""
        session = self._by_group.get(group)
        if session is None or session.until - SPARE_S <= self._clock.now():
            return None
        return session.webhook

    def groups(self) -> list[str]:
        """Where the bot was spoken to since it started."""
        return list(self._by_group)

    def forget(self, group: str) -> None:
        """The webhook does not work any more."""
        self._by_group.pop(group, None)
