"""The chats of a fake Lark: what people and bots said in them, and the events that tell of it."""

import json
from collections import defaultdict
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]


class Chats:
    """Messages as the REST API shows them, by chat and by id."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._number = 0
        self.chats: dict[str, list[Json]] = defaultdict(list)
        self.messages: dict[str, Json] = {}
        self.private: set[str] = set()
        """The chats that are private ones."""

    def new_id(self, prefix: str) -> str:
        """An id that nothing else has."""
        self._number += 1
        return f"{prefix}_{self._number:06d}"

    def stamp(self) -> str:
        """The time as Lark writes it."""
        return str(round(self._now() * 1000))

    def say(
        self,
        chat: str,
        text: str = "",
        *,
        user: str = "ou_ann",
        kind: str = "text",
        content: Any = None,
        mentions: tuple[str, ...] = (),
        **more: Any,
    ) -> Json:
        """Somebody posts a message, and nobody is told. `mentions` are open ids; "{0}" in the
        text is the place of the first one."""
        keys = [f"@_user_{number}" for number in range(1, len(mentions) + 1)]
        body = {"text": text.format(*keys)} if content is None else content
        called = [
            {"key": key, "id": one, "id_type": "open_id", "name": f"name of {one}"}
            for key, one in zip(keys, mentions, strict=True)
        ]
        written = body if isinstance(body, str) else json.dumps(body)
        return self.add(chat, kind, written, user, "user", mentions=called, **more)

    def add(
        self, chat: str, kind: str, content: str, sender: str, sender_type: str, **more: Any
    ) -> Json:
        """A message of anybody."""
        item: Json = {
            "message_id": self.new_id("om"),
            "msg_type": kind,
            "create_time": self.stamp(),
            "update_time": self.stamp(),
            "deleted": False,
            "updated": False,
            "chat_id": chat,
            "sender": {
                "id": sender,
                "id_type": "open_id" if sender_type == "user" else "app_id",
                "sender_type": sender_type,
                "tenant_key": "t",
            },
            "body": {"content": content},
            "mentions": [],
        } | more
        self.messages[item["message_id"]] = item
        if "upper_message_id" not in item:  # those inside a bundle stand in no chat of ours
            self.chats[chat].append(item)
        return item

    def edit(self, message_id: str, text: str) -> None:
        """Its author changes a message; the platform tells nobody."""
        item = self.messages[message_id]
        item["body"] = {"content": json.dumps({"text": text})}
        item.update(updated=True, update_time=self.stamp())

    def take_back(self, message_id: str) -> None:
        """A message is recalled."""
        item = self.messages[message_id]
        item.update(deleted=True, update_time=self.stamp())
        item["body"] = {"content": "This message was recalled"}

    def posted(self, chat: str) -> list[Json]:
        """What bots posted in a chat and did not take back."""
        return [
            item
            for item in self.chats[chat]
            if item["sender"]["sender_type"] == "app" and not item["deleted"]
        ]

    def stretch(self, container: str, container_id: str, since: float, *, desc: bool) -> list[Json]:
        """A chat's history, or a thread's; a chat shows only the first message of a thread."""
        if container == "chat":
            found = [
                item
                for item in self.chats[container_id]
                if int(item["create_time"]) >= since * 1000
                and not (item.get("thread_id") and item.get("root_id"))
            ]
        else:
            found = [m for m in self.messages.values() if m.get("thread_id") == container_id]
        return found[::-1] if desc else found


def receive_event(item: Json, *, private: bool = False) -> Json:
    """The event that tells of a message."""
    copied = ("message_id", "root_id", "parent_id", "thread_id", "create_time", "chat_id")
    message = {key: item[key] for key in copied if item.get(key)}
    message["update_time"] = item["update_time"]
    message["message_type"] = item["msg_type"]
    message["content"] = item["body"]["content"]
    message["chat_type"] = "p2p" if private else "group"
    message["mentions"] = [
        {"key": one["key"], "id": {"open_id": one["id"]}, "name": one["name"]}
        for one in item["mentions"]
    ]
    sender = item["sender"]
    return {
        "sender": {"sender_id": {"open_id": sender["id"]}, "sender_type": sender["sender_type"]},
        "message": message,
    }
