"""The half of DingTalk on loopback that is asked: tokens, robots, session webhooks, cards."""

import asyncio
import json
import random
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

PER_MINUTE, SILENCE_S = 20, 600.0
NOT_OBEYED = (
    (503, {"code": "ServiceUnavailable", "message": "busy", "requestid": "r"}),
    (403, {"code": "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi", "message": "slow down"}),
    (200, {"status": 1111, "wait": 5, "source": "x5", "punish": "deny"}),
)
"""What a call may be answered that was not obeyed, as one can tell."""


@dataclass(frozen=True)
class Posted:
    """What stands in a group or private chat."""

    group: str
    title: str
    text: str
    via: str
    key: str
    at: tuple[str, ...]
    time: float


@dataclass
class Card:
    """A card: what it shows now, and every text it has shown."""

    space: str
    shown: dict[str, str]
    texts: list[str] = field(default_factory=list)
    updated: list[float] = field(default_factory=list)
    delivered: int = 0


@dataclass(frozen=True)
class Answer:
    """A scripted answer. `obey`: do what is asked all the same; `cut`: and break the connection."""

    status: int = 200
    body: Any = None
    obey: bool = False
    cut: bool = False


class DingTalkApi:
    """Any number of apps. `now` is the time by which it counts.

    `answers` are given to the next calls of a name; `failing` is the share of all calls that fail.
    """

    def __init__(self, now: Callable[[], float] = time.time, seed: int = 1) -> None:
        self.url, self.apps = "", {"app": "secret"}
        self.now, self.random = now, random.Random(seed)
        self.posted: list[Posted] = []
        self.recalled: list[str] = []
        self.cards: dict[str, Card] = {}
        self.calls: Counter[str] = Counter()
        self.bodies: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[str, deque[Answer]] = defaultdict(deque)
        self.failing, self.kept_open = 0.0, 0
        self.pictures: dict[str, bytes] = {}
        self.too_fast: list[str] = []
        self.session_s, self.token_s = 5400.0, 7200
        self._tokens: dict[str, float] = {}
        self._sessions: dict[str, tuple[str, float]] = {}
        self._sent: dict[str, deque[float]] = defaultdict(deque)
        self._silenced: dict[str, float] = {}
        self._numbers = 0
        self._news = asyncio.Event()

    def message(self, text: str = "how do I install it?", /, **fields: Any) -> dict[str, Any]:
        """The payload of a group's text message that mentions the bot; `fields` replace its own,
        and None takes one away."""
        group, now_ms = fields.get("conversationId", "cidA=="), round(self.now() * 1000)
        session = self.number("session")
        self._sessions[session] = (_place(fields, group), self.now() + self.session_s)
        payload = {
            "conversationId": group,
            "conversationType": "2",
            "conversationTitle": "test group",
            "msgId": self.number("msg"),
            "createAt": now_ms,
            "senderId": "$:LWCP_v1:$ann",
            "senderNick": "Ann",
            "senderStaffId": "ann",
            "senderCorpId": "ding9f",
            "isAdmin": True,
            "chatbotCorpId": "ding9f",
            "chatbotUserId": "$:LWCP_v1:$bot",
            "robotCode": "app",
            "isInAtList": True,
            "atUsers": [{"dingtalkId": "$:LWCP_v1:$bot"}],
            "sessionWebhook": f"{self.url}/robot/sendBySession?session={session}",
            "sessionWebhookExpiredTime": now_ms + round(self.session_s * 1000),
            "msgtype": "text",
            "text": {"content": f" {text}"},
            **fields,
        }
        return {name: value for name, value in payload.items() if value is not None}

    def expire_tokens(self) -> None:
        """All access tokens are void at once."""
        self._tokens.clear()

    async def until(self, true: Callable[[], object], seconds: float = 60.0) -> None:
        """Waits for something to become true here."""
        async with asyncio.timeout(seconds):
            while not true():
                self._news.clear()
                try:
                    await asyncio.wait_for(self._news.wait(), 0.02)
                except TimeoutError:
                    continue

    async def session(self, request: web.Request) -> web.StreamResponse:
        body = await self.note(request, "sessionWebhook")
        group, until = self._sessions.get(request.query.get("session", ""), ("", 0.0))
        answer = self.scripted("sessionWebhook") or self._failure(session=True)
        if answer and not answer.obey:
            return await self._say(request, answer)
        if until <= self.now():
            return as_json({"errcode": 300001, "errmsg": "session does not exist"})
        if not self._counted(group):
            return as_json({"errcode": 130101, "errmsg": "send too fast"})
        at = tuple(body.get("at", {}).get("atUserIds", ()))
        self._post(group, body["markdown"], "session", at)
        return await self._say(request, answer or Answer(200, {"errcode": 0, "errmsg": "ok"}))

    async def file(self, request: web.Request) -> web.Response:
        """What an address of a download leads to."""
        data = self.pictures.get(request.match_info["code"])
        return web.Response(status=404) if data is None else web.Response(body=data)

    async def call(self, request: web.Request) -> web.StreamResponse:
        name = request.path.removeprefix("/v1.0/")
        body = await self.note(request, name)
        answer = self.scripted(name) or self._failure(session=False)
        if answer and not answer.obey:
            return await self._say(request, answer)
        if name == "oauth2/accessToken":
            return self._new_token(body)
        if self._tokens.get(request.headers["x-acs-dingtalk-access-token"], 0.0) <= self.now():
            return refusal("InvalidAuthentication", 401)
        done = getattr(self, "_do_" + name.replace("/", "_"))(body)
        return await self._say(request, answer) if answer else done

    def _do_robot_groupMessages_send(self, body: dict[str, Any]) -> web.Response:
        group, said = body["openConversationId"], json.loads(body["msgParam"])
        if body["robotCode"] not in self.apps:
            return refusal("invalidParameter.robotCode.notExsit")
        if len(body["msgParam"].encode()) > 15000:
            return refusal("invalidParameter.msgParam.tooLong")
        if not self._counted(group):
            return refusal("Forbidden.AccessDenied.QpsLimitForApi", 403)
        return as_json({"processQueryKey": self._post(group, said, "robot")})

    def _do_robot_oToMessages_batchSend(self, body: dict[str, Any]) -> web.Response:
        person = body["userIds"][0]
        empty: dict[str, Any] = {"invalidStaffIdList": [], "flowControlledStaffIdList": []}
        if person == "stranger":
            return as_json({**empty, "invalidStaffIdList": [person]})
        key = self._post(f"private:{person}", json.loads(body["msgParam"]), "person")
        return as_json({**empty, "processQueryKey": key})

    def _do_robot_groupMessages_recall(self, body: dict[str, Any]) -> web.Response:
        return self._recall(body)

    def _do_robot_otoMessages_batchRecall(self, body: dict[str, Any]) -> web.Response:
        return self._recall(body)

    def _do_robot_messageFiles_download(self, body: dict[str, Any]) -> web.Response:
        if body["robotCode"] not in self.apps:
            return refusal("invalidParameter.robotCode.notExsit")
        return as_json({"downloadUrl": f"{self.url}/files/{body['downloadCode']}"})

    def _do_card_instances_createAndDeliver(self, body: dict[str, Any]) -> web.Response:
        track, space = body["outTrackId"], body["openSpaceId"]
        if body["cardTemplateId"] == "unpublished.schema":
            return refusal("param.templateUnpublished")
        card = self.cards.setdefault(track, Card(space, {}))
        card.delivered += 1
        if card.delivered == 1:
            self._show(card, body["cardData"]["cardParamMap"])
        delivered = [{"success": True, "spaceId": space}]
        result = {"outTrackId": track, "deliverResults": delivered}
        return as_json({"success": True, "result": result})

    def _do_card_instances(self, body: dict[str, Any]) -> web.Response:
        if body.get("cardTemplateId") == "unpublished.schema":
            return refusal("param.templateUnpublished")
        if "cardTemplateId" not in body:
            if body["outTrackId"] not in self.cards:
                return refusal("param.cardNotExist")
            self._show(self.cards[body["outTrackId"]], body["cardData"]["cardParamMap"])
        return as_json({"success": True})

    def _do_card_streaming(self, body: dict[str, Any]) -> web.Response:
        card = self.cards.get(body["outTrackId"])
        if card is None:
            return refusal("unknownError", 500)
        self._show(card, {**card.shown, body["key"]: body["content"]})
        card.updated.append(self.now())
        return as_json({"success": True, "result": True})

    def _new_token(self, body: dict[str, Any]) -> web.Response:
        if self.apps.get(body["appKey"]) != body["appSecret"]:
            return refusal("invalidClientIdOrSecret")
        token = self.number("token")
        self._tokens[token] = self.now() + self.token_s
        return as_json({"accessToken": token, "expireIn": self.token_s})

    def _recall(self, body: dict[str, Any]) -> web.Response:
        standing = {post.key for post in self.posted} - set(self.recalled)
        known = [key for key in body["processQueryKeys"] if key in standing]
        failed = {key: "not found" for key in body["processQueryKeys"] if key not in standing}
        self.recalled += known
        return as_json({"successResult": known, "failedResult": failed})

    def _post(self, group: str, said: dict[str, str], via: str, at: tuple[str, ...] = ()) -> str:
        key = self.number("key")
        self.posted.append(Posted(group, said["title"], said["text"], via, key, at, self.now()))
        self.tell()
        return key

    def _show(self, card: Card, shown: dict[str, str]) -> None:
        card.shown = dict(shown)
        card.texts.append(shown.get("content", ""))
        self.tell()

    def _counted(self, group: str) -> bool:
        """Counts a message; False, and ten minutes of silence, where it is one too many."""
        now, sent = self.now(), self._sent[group]
        while sent and sent[0] <= now - 60:
            sent.popleft()
        if self._silenced.get(group, 0.0) > now or len(sent) >= PER_MINUTE:
            self._silenced[group] = now + SILENCE_S
            self.too_fast.append(group)
            return False
        sent.append(now)
        return True

    def _failure(self, *, session: bool) -> Answer | None:
        if self.random.random() >= self.failing:
            return None
        status, body = self.random.choice(NOT_OBEYED[2:] if session else NOT_OBEYED)
        return Answer(status, body)

    def scripted(self, name: str) -> Answer | None:
        return self.answers[name].popleft() if self.answers[name] else None

    async def _say(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        if answer.cut and request.transport:
            request.transport.abort()
        return as_json(answer.body, answer.status)

    async def note(self, request: web.Request, name: str) -> dict[str, Any]:
        self.calls[name] += 1
        self.kept_open += request.keep_alive
        body: dict[str, Any] = await request.json() if request.can_read_body else {}
        self.bodies.append((name, body))
        return body

    def number(self, name: str) -> str:
        self._numbers += 1
        return f"{name}-{self._numbers}"

    def tell(self) -> None:
        self._news.set()


def _place(fields: dict[str, Any], group: str) -> str:
    private = fields.get("conversationType") == "1"
    return f"private:{fields.get('senderStaffId', 'ann')}" if private else group


def as_json(body: Any, status: int = 200) -> web.Response:
    return web.json_response(body, status=status)


def refusal(code: str, status: int = 400, message: str = "no") -> web.Response:
    return as_json({"code": code, "message": message, "requestid": "r"}, status)
