"""A platform that remembers what the bot did, and fails when told to."""

import asyncio

from adapters.base import Decision, IncomingMessage, LinkStatus, Picture, Publish, Reply
from adapters.contract import Adapter


class RecordingAdapter(Adapter):
    """`failures` are raised by the next sends, in order."""

    streams = True

    def __init__(self, name: str = "fake", resend_s: float = 3600.0) -> None:
        self.name, self.resend_s = name, resend_s
        self.sent: list[Reply] = []
        self.recalled: list[str] = []
        self.drafts: list[str] = []
        self.decisions: list[Decision] = []
        self.failures: list[Exception] = []
        self.publish: Publish | None = None
        self.shown: list[Picture] = []

    async def run(self, publish: Publish) -> None:
        """Waits to be cancelled; tests call `publish` themselves."""
        self.publish = publish
        await asyncio.Event().wait()

    async def send(self, reply: Reply) -> str:
        """Remembers the reply."""
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(reply)
        return f"platform-{reply.key}"

    async def recall(self, group: str, message_id: str) -> None:
        """Remembers the recall."""
        if self.failures:
            raise self.failures.pop(0)
        self.recalled.append(f"{group}/{message_id}")

    async def draft(self, group: str, reply_to: str, text: str) -> None:
        """Remembers the draft."""
        del group, reply_to
        self.drafts.append(text)

    async def show(self, decision: Decision) -> None:
        """Remembers the decision."""
        self.decisions.append(decision)

    async def pictures(self, message: IncomingMessage) -> list[Picture]:
        """The pictures of any message."""
        del message
        return self.shown

    def link(self) -> LinkStatus:
        """Up while it runs."""
        return LinkStatus(up=self.publish is not None)
