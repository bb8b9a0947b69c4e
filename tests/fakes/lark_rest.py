"""What the REST API of a fake Lark does: messages, emojis, cards, keys, limits."""

import json
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.fakes.lark_chats import Chats, Json

ROUTES = {
    "bot_info": ("GET", "bot/v3/info"),
    "scopes": ("GET", "application/v6/scopes"),
    "list_chats": ("GET", "im/v1/chats"),
    "send": ("POST", "im/v1/messages"),
    "history": ("GET", "im/v1/messages"),
    "reply": ("POST", "im/v1/messages/{message}/reply"),
    "get_message": ("GET", "im/v1/messages/{message}"),
    "get_picture": ("GET", "im/v1/messages/{message}/resources/{key}"),
    "recall": ("DELETE", "im/v1/messages/{message}"),
    "react": ("POST", "im/v1/messages/{message}/reactions"),
    "unreact": ("DELETE", "im/v1/messages/{message}/reactions/{reaction}"),
    "card_create": ("POST", "cardkit/v1/cards"),
    "card_find": ("POST", "cardkit/v1/cards/id_convert"),
    "card_update": ("PUT", "cardkit/v1/cards/{card}"),
    "card_text": ("PUT", "cardkit/v1/cards/{card}/elements/{element}/content"),
}
UUID_S = 3600.0
MAX_CARD_BYTES, MAX_TABLES = 30 * 1024, 5


class Refused(Exception):
    """An answer with an error code; without one it is none of the platform's."""

    def __init__(
        self, code: int | None, status: int = 400, msg: str = "no", **headers: str
    ) -> None:
        super().__init__(code)
        self.code, self.status, self.msg = code, status, msg
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of a bot; `parts` are those of the path."""

    app_id: str
    parts: Json
    body: Json
    query: Json


class Rest:
    """Each call is a method of its name, and returns the answer's data."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.chats = Chats(now)
        self.cards: dict[str, Json] = {}
        self.reactions: dict[str, Json] = {}
        self.pictures: dict[str, bytes] = {}
        self.over_budget: list[str] = []
        """Groups that got more than 5 messages within a second, once for each message."""
        self._uuids: dict[str, tuple[float, str]] = {}
        self._lately: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=6))

    def send(self, asked: Asked) -> Json:
        if asked.query.get("receive_id_type") != "chat_id":
            raise Refused(230001)
        return self._post(asked.app_id, asked.body["receive_id"], asked.body)

    def reply(self, asked: Asked) -> Json:
        item = self._message(asked.parts["message"])
        threaded = item.get("thread_id") or (
            "omt_new" if asked.body.get("reply_in_thread") else None
        )
        more = {"thread_id": threaded} if threaded else {}
        place = {
            "parent_id": item["message_id"],
            "root_id": item.get("root_id") or item["message_id"],
        }
        return self._post(asked.app_id, item["chat_id"], asked.body, **place, **more)

    def get_message(self, asked: Asked) -> Json:
        found = self.chats.messages.get(asked.parts["message"])
        if found is None:
            raise Refused(230110)
        items, bundles = [found], {found["message_id"]}
        if found["msg_type"] == "merge_forward":
            for item in self.chats.messages.values():
                if item.get("upper_message_id") in bundles:
                    bundles.add(item["message_id"])
                    items.append(item)
        return {"items": items}

    def get_picture(self, asked: Asked) -> bytes:
        key = asked.parts["key"]
        if json.dumps(key) not in self._message(asked.parts["message"])["body"]["content"]:
            raise Refused(234003)
        return self.pictures[key]

    def recall(self, asked: Asked) -> Json:
        item = self._message(asked.parts["message"])
        if item["sender"]["id"] != asked.app_id:
            raise Refused(230026)
        self.chats.take_back(item["message_id"])
        return {}

    def history(self, asked: Asked) -> Json:
        desc = asked.query.get("sort_type") == "ByCreateTimeDesc"
        since = float(asked.query.get("start_time", 0))
        found = self.chats.stretch(
            asked.query["container_id_type"], asked.query["container_id"], since, desc=desc
        )
        begin, size = int(asked.query.get("page_token") or 0), int(asked.query["page_size"])
        more = begin + size < len(found)
        page = {"items": found[begin : begin + size], "has_more": more}
        return page | ({"page_token": str(begin + size)} if more else {})

    def list_chats(self, asked: Asked) -> Json:
        groups = [chat for chat in self.chats.chats if chat not in self.chats.private]
        begin, size = int(asked.query.get("page_token") or 0), int(asked.query["page_size"])
        items = [{"chat_id": chat, "name": chat} for chat in groups[begin : begin + size]]
        return {
            "items": items,
            "has_more": begin + size < len(groups),
            "page_token": str(begin + size),
        }

    def react(self, asked: Asked) -> Json:
        self._message(asked.parts["message"])
        emoji = asked.body["reaction_type"]["emoji_type"]
        if emoji == "NOSUCH":
            raise Refused(231001)
        reaction = self.chats.new_id("re")
        self.reactions[reaction] = {"message_id": asked.parts["message"], "emoji": emoji}
        return {"reaction_id": reaction}

    def unreact(self, asked: Asked) -> Json:
        if self.reactions.pop(asked.parts["reaction"], None) is None:
            raise Refused(231003)
        return {}

    def card_create(self, asked: Asked) -> Json:
        card_id = self.chats.new_id("card")
        self.cards[card_id] = {"card": json.loads(asked.body["data"]), "sequence": 0, "updates": []}
        return {"card_id": card_id}

    def card_find(self, asked: Asked) -> Json:
        item = self._message(asked.body["message_id"])
        content = json.loads(item["body"]["content"])
        if "schema" in content:  # a card that was sent whole becomes one that can be updated
            card_id = self.chats.new_id("card")
            self.cards[card_id] = {"card": content, "sequence": 0, "updates": []}
            content = {"type": "card", "data": {"card_id": card_id}}
            item["body"] = {"content": json.dumps(content)}
        return {"card_id": content["data"]["card_id"]}

    def card_update(self, asked: Asked) -> Json:
        self._card(asked.parts, asked.body)["card"] = json.loads(asked.body["card"]["data"])
        return {}

    def card_text(self, asked: Asked) -> Json:
        card = self._card(asked.parts, asked.body)
        if not card["card"]["config"].get("streaming_mode"):
            raise Refused(300309)
        for element in card["card"]["body"]["elements"]:
            if element.get("element_id") == asked.parts["element"]:
                element["content"] = asked.body["content"]
        card["updates"].append((self._now(), asked.body["content"]))
        return {}

    def shown(self, item: Json) -> Json:
        """The card that a posted message shows."""
        content: Json = json.loads(item["body"]["content"])
        if content.get("type") == "card":
            card: Json = self.cards[content["data"]["card_id"]]["card"]
            return card
        return content

    def _post(self, app_id: str, chat: str, body: Json, **more: Any) -> Json:
        uuid = f"{app_id} {body['uuid']}"
        posted_at, known = self._uuids.get(uuid, (0.0, ""))
        if known and self._now() - posted_at < UUID_S:
            return self.chats.messages[known]
        self._count(chat)
        _check_card(body)
        item = self.chats.add(chat, body["msg_type"], body["content"], app_id, "app", **more)
        self._uuids[uuid] = (self._now(), item["message_id"])
        return item

    def _count(self, chat: str) -> None:
        lately = self._lately[chat]
        lately.append(self._now())
        if len(lately) == 6 and lately[-1] - lately[0] < 1.0:
            self.over_budget.append(chat)

    def _message(self, message_id: str) -> Json:
        item = self.chats.messages.get(message_id)
        if item is None:
            raise Refused(230110)
        if item["deleted"]:
            raise Refused(230011)
        return item

    def _card(self, parts: Json, body: Json) -> Json:
        card = self.cards[parts["card"]]
        if body["sequence"] <= card["sequence"]:
            raise Refused(300317)
        card["sequence"] = body["sequence"]
        return card


def _check_card(body: Json) -> None:
    if len(json.dumps(body, ensure_ascii=False).encode()) > MAX_CARD_BYTES:
        raise Refused(230025)
    content = json.loads(body["content"])
    elements = content.get("body", {}).get("elements", [])
    rows = "\n".join(str(element.get("content")) for element in elements).splitlines()
    tables = sum(set(row) <= set("|-: ") and "---" in row and "|" in row for row in rows)
    if tables > MAX_TABLES:
        raise Refused(230099, msg="Failed to create card content, ext=ErrCode: 11310; over limit")
