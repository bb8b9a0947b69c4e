"""Reading the groups' history: what was missed in a gap, and what is never pushed."""

import logging
from collections import OrderedDict
from dataclasses import dataclass

from adapters.base import IncomingMessage, MessageEdited, MessageRecalled
from adapters.lark.api import Api
from adapters.lark.events import parse_item
from adapters.lark.intake import Intake
from adapters.payload import Json, inside, objects, seconds, text

log = logging.getLogger(__name__)

PAGE = 50
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


class Reader:
    """Reads a stretch of a group's history, and publishes what is new in it as if it had been
    pushed. Remembers what it has published, so that it can read with overlap."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._seen: OrderedDict[str, str] = OrderedDict()
        self._groups: set[str] | None = None

    async def groups(self) -> set[str]:
        """The groups that the bot is in. Raises AdapterError."""
        found: set[str] = set()
        page = ""
        for _ in range(MAX_PAGES):
            params = {"page_size": "100"} | ({"page_token": page} if page else {})
            await self._api.reads.wait()
            answer = await self._api.call("list_chats", "GET", "im/v1/chats", params=params)
            found |= {text(chat, "chat_id") for chat in objects(answer.data, "data", "items")}
            page = _next_page(answer.data)
            if not page:
                break
        self._groups = found - {""}
        return found - {""}

    async def read(self, intake: Intake, stretch: Stretch) -> None:
        """Publishes what was said since, oldest first. Raises AdapterError, and OSError or
        sqlite3.Error when something could not be stored."""
        threads: dict[str, None] = {}
        page = ""
        for _ in range(MAX_PAGES):
            answer = await self._page("chat", stretch.group, page, stretch.since)
            for item in objects(answer, "data", "items"):
                await self._take(intake, stretch, item)
                if thread := text(item, "thread_id"):
                    threads[thread] = None
            page = _next_page(answer)
            if not page:
                break
        # A group's history shows only the first message of a thread, and threads have no times.
        for thread in list(threads)[-MAX_THREADS:]:
            answer = await self._page("thread", thread, "", 0)
            for item in reversed(objects(answer, "data", "items")):
                if seconds(item.get("create_time")) >= stretch.since:
                    await self._take(intake, stretch, item)

    async def _page(self, container: str, container_id: str, page: str, since: float) -> Json:
        params = {
            "container_id_type": container,
            "container_id": container_id,
            "sort_type": "ByCreateTimeDesc" if container == "thread" else "ByCreateTimeAsc",
            "page_size": str(PAGE),
        }
        if since:
            params["start_time"] = str(int(since))
        if page:
            params["page_token"] = page
        await self._api.reads.wait()
        return (await self._api.call("history", "GET", "im/v1/messages", params=params)).data

    async def _take(self, intake: Intake, stretch: Stretch, item: Json) -> None:
        message_id = text(item, "message_id")
        state = f"{text(item, 'update_time')} {item.get('deleted')}"
        if self._seen.get(message_id) != state:
            stretch.new += await self._publish(intake, stretch.group, item)
            self._remember(message_id, state)
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

    def _remember(self, message_id: str, state: str) -> None:
        self._seen[message_id] = state
        self._seen.move_to_end(message_id)
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)


def _next_page(answer: Json) -> str:
    data = inside(answer, "data")
    return text(data, "page_token") if data.get("has_more") is True else ""
