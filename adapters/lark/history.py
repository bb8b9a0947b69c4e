"""Reading the groups' history: what was missed in a gap, and what is never pushed."""

from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass

from adapters.base import IncomingMessage, MessageEdited, MessageRecalled
from adapters.lark.api import Api
from adapters.lark.events import parse_item
from adapters.lark.intake import Intake
from adapters.payload import Json, inside, objects, seconds, text

MAX_PAGES = 200
MAX_THREADS = 20
"""Threads that are read along with one stretch of a group's history."""
REMEMBERED = 5000


@dataclass(slots=True)
class Stretch:
    """From when on a group's history is read, and what that brought: how many messages that
    nobody knew, and the time of the newest. Reading may be broken off and begun again."""

    group: str
    since: float
    new: int = 0
    newest: float = 0.0


class HistoryReader:
    """Reads a stretch of a group's history, and publishes what is new in it as if it had been
    pushed. Remembers what it has published, so that it can read with overlap."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._seen: OrderedDict[str, str] = OrderedDict()
        self._groups: set[str] | None = None

    async def groups(self) -> set[str]:
        """The groups that the bot is in. Raises AdapterError."""
        params = {"page_size": "100"}
        pages = self._pages("list_chats", "im/v1/chats", params)
        self._groups = {text(chat, "chat_id") async for page in pages for chat in page} - {""}
        return self._groups

    async def read(self, intake: Intake, stretch: Stretch) -> None:
        """Publishes what was said since, oldest first. Raises AdapterError, and OSError or
        StoreFailed when something could not be stored."""
        threads: dict[str, None] = {}
        since = {"start_time": str(int(stretch.since))} if stretch.since else {}
        async for page in self._history("chat", stretch.group, "ByCreateTimeAsc", since):
            for item in page:
                await self._take(intake, stretch, item)
                if thread := text(item, "thread_id"):
                    threads[thread] = None
        # A group's history shows only the first message of a thread, and threads have no times.
        for thread in list(threads)[-MAX_THREADS:]:
            async for page in self._history("thread", thread, "ByCreateTimeDesc", {}, most=1):
                for item in reversed(page):
                    if seconds(item.get("create_time")) >= stretch.since:
                        await self._take(intake, stretch, item)

    def _history(
        self,
        container: str,
        container_id: str,
        order: str,
        more: dict[str, str],
        most: int = MAX_PAGES,
    ) -> AsyncIterator[list[Json]]:
        params = {"container_id_type": container, "container_id": container_id}
        params |= {"sort_type": order, "page_size": "50", **more}
        return self._pages("history", "im/v1/messages", params, most)

    async def _pages(
        self, name: str, path: str, params: dict[str, str], most: int = MAX_PAGES
    ) -> AsyncIterator[list[Json]]:
        for _ in range(most):
            await self._api.reads.wait()
            answer = (await self._api.call(name, "GET", path, params=params)).data
            yield objects(answer, "data", "items")
            page = text(answer, "data", "page_token")
            if not page or inside(answer, "data").get("has_more") is not True:
                return
            params = {**params, "page_token": page}

    async def _take(self, intake: Intake, stretch: Stretch, item: Json) -> None:
        message_id = text(item, "message_id")
        state = f"{text(item, 'update_time')} {item.get('deleted')}"
        if self._seen.get(message_id) != state:
            stretch.new += await self._publish(intake, stretch.group, item)
            self._seen[message_id] = state
            self._seen.move_to_end(message_id)
            if len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
        stretch.newest = max(stretch.newest, seconds(item.get("create_time")))

    async def _publish(self, intake: Intake, group: str, item: Json) -> bool:
        """True for a message that nobody knew."""
        if item.get("deleted") is True:
            if text(item, "sender", "sender_type") == "user":
                message_id = text(item, "message_id")
                await intake.publish(MessageRecalled(intake.me.adapter, group, message_id))
            return False
        private = self._groups is not None and group not in self._groups
        message = parse_item({"chat_id": group, **item}, intake.me, private=private)
        return message is not None and await self._hand_over(intake, message, item)

    async def _hand_over(self, intake: Intake, message: IncomingMessage, item: Json) -> bool:
        new = await intake.publish(await intake.completed(message))
        if not new and item.get("updated") is True and message.attachments != ("forward",):
            await intake.publish(
                MessageEdited(message.adapter, message.group, message.message_id, message.text)
            )
        return new
