"""A bot that keeps everything in memory and answers what contains "install" or "安装"."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

from adapters.base import (
    Citation,
    Decision,
    Event,
    Feedback,
    IncomingMessage,
    MessageRecalled,
    Reply,
)
from adapters.contract import Adapter

CITATIONS = (
    Citation("docs/en/install.md", "Install > From source", 12, "https://docs.example/install"),
    Citation("docs/zh/install.md", "安装", 3, "javascript:alert(1)"),
    Citation("README.md", "", 1),
)
ANSWER = """Install it **from source** [1]:

```bash
git clone https://docs.example/huixiangdou.git
make run
```

- Python 3.11 or newer
- `make` and a C++ compiler

> A GPU is not needed.

You wrote: """
WORDS = {
    "answered": {"zh": "已回答", "en": "the question was answered"},
    "off_topic": {"zh": "离文档太远", "en": "too far from the documents"},
    "command": {"zh": "管理命令", "en": "an admin command"},
    "recalled": {"zh": "已撤回", "en": "its author took it back"},
}


class MemoryBot:
    """History, publish and a worker; `failure` is raised by the next publish calls when set.
    `loading` is what /healthz says of the knowledge base."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.decisions: dict[str, dict[str, Any]] = {}
        self.events: list[Event] = []
        self.failure: Exception | None = None
        self.loading: dict[str, Any] | None = None
        self._todo: asyncio.Queue[IncomingMessage] = asyncio.Queue(1000)

    async def messages(
        self, adapter: str, group: str, after: int | None, limit: int
    ) -> list[dict[str, Any]]:
        del adapter
        rows = [self._public(row) for row in self.rows if row["group"] == group]
        if after is None:
            return rows[-limit:]
        return [row for row in rows if row["seq"] > after][:limit]

    async def decision(self, adapter: str, message_id: str) -> dict[str, Any] | None:
        del adapter
        return self.decisions.get(message_id)

    async def latest(self, adapter: str) -> dict[str, float]:
        del adapter
        return {row["group"]: row["sent_at"] for row in self.rows}

    async def publish(self, event: Event) -> bool:
        if self.failure is not None:
            raise self.failure
        self.events.append(event)
        if isinstance(event, MessageRecalled):
            self.mark_recalled(event.message_id)
            return True
        if isinstance(event, Feedback):
            return any(row["message_id"] == event.reply_id for row in self.rows)
        if not isinstance(event, IncomingMessage):
            return True
        if event.message_id in self.decisions:
            return False
        self._store(event)
        self._todo.put_nowait(event)
        return True

    @asynccontextmanager
    async def at_work(self, adapter: Adapter) -> AsyncIterator[None]:
        """Runs the adapter and decides on what it publishes."""
        async with asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(adapter.run(self.publish)),
                tasks.create_task(self.decide_all(adapter)),
            ]
            await asyncio.sleep(0)  # the adapter has to take `publish` first
            yield
            for task in running:
                task.cancel()

    async def answer(self, adapter: Adapter, group: str, text: str, reply_to: str | None) -> str:
        """Records a reply and sends it."""
        key = f"reply-{len(self.rows) + 1}"
        reply = Reply(key, group, reply_to, text, citations=CITATIONS if reply_to else ())
        self._row(group, key, None, text, kind="answer", reply_to=reply_to)
        self.rows[-1]["citations"] = [asdict(citation) for citation in reply.citations]
        return await adapter.send(reply)

    def mark_recalled(self, message_id: str) -> None:
        """What a store does with a recalled message."""
        for row in self.rows:
            if row["message_id"] == message_id:
                row.update(recalled=True, text="", citations=[])

    async def all_decided(self) -> None:
        """Waits until every message has its decision."""
        await self._todo.join()

    async def decide_all(self, adapter: Adapter) -> None:
        """Decides on one message after the other until cancelled."""
        while True:
            message = await self._todo.get()
            await self._handle(adapter, message)
            self._todo.task_done()

    async def _handle(self, adapter: Adapter, message: IncomingMessage) -> None:
        if message.text.startswith("/dou recall"):
            target = message.reply_to or ""
            self.mark_recalled(target)
            await adapter.recall(message.group, target)
            await self._decide(adapter, message, "command", None)
        elif "install" in message.text or "安装" in message.text:
            text = ANSWER + message.text
            key = await self.answer(adapter, message.group, text, message.message_id)
            await self._decide(adapter, message, "answered", key)
        else:
            await self._decide(adapter, message, "off_topic", None)

    async def _decide(
        self, adapter: Adapter, message: IncomingMessage, reason: str, reply_id: str | None
    ) -> None:
        score = 0.81 if reply_id else 0.12
        trace = [
            {"stage": "preprocess", "ms": 0.1, "chars": len(message.text)},
            {"stage": "gate", "ms": 2.4, "accept": bool(reply_id), "score": score}
            | {"threshold": 0.43, "reason": "nearest piece"},
        ]
        if reply_id:
            trace.append({"stage": "retrieve", "ms": 3.9, "hits": 5, "best": 0.83})
        self.decisions[message.message_id].update(
            state="answered" if reply_id else "dismissed",
            outcome="answer" if reply_id else "silence",
            reason=reason,
            reason_text=WORDS[reason],
            reply_id=reply_id,
            trace=trace,
        )
        outcome = "answer" if reply_id else "silence"
        ids = (message.message_id,)
        await adapter.show(Decision(message.group, ids, outcome, reason, trace))

    def _store(self, message: IncomingMessage) -> None:
        self._row(
            message.group,
            message.message_id,
            message.user,
            message.text,
            mention=message.mention,
            reply_to=message.reply_to,
        )
        self.decisions[message.message_id] = {
            "message_id": message.message_id,
            "group": message.group,
            "user": message.user,
            "state": "pending",
            "outcome": None,
            "reason": None,
            "reason_text": None,
            "reply_id": None,
            "text": None,
            "citations": [],
            "trace": [],
        }

    def _row(self, group: str, message_id: str, user: str | None, text: str, **more: Any) -> None:
        row = {"seq": len(self.rows) + 1, "group": group, "message_id": message_id}
        row |= {"user": user, "text": text, "kind": "message", "mention": False, "reply_to": None}
        row |= {"sent_at": time.time(), "recalled": False, "attachments": [], "citations": []}
        self.rows.append(row | more)

    @staticmethod
    def _public(row: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in row.items() if key != "group"}
