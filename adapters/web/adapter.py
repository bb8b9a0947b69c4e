"""A group chat on the bot's own page, or of who calls its API: the API and its live stream."""

import asyncio
import logging
import math
from collections.abc import Iterable
from typing import Any, Literal
from uuid import uuid4

from aiohttp import web

from adapters.base import (
    Decision,
    Event,
    Feedback,
    IncomingMessage,
    Labelled,
    MessageRecalled,
    Publish,
    Reply,
    StoreFailed,
    Vote,
)
from adapters.contract import Adapter, Context
from adapters.http_guard import USER, Role, json_response
from adapters.markup import called_at_first, take_mention
from adapters.payload import clean
from adapters.settings import AdapterSettings, Name
from adapters.web.http import read_json_body, storage_at_work
from adapters.web.socket import serve_stream
from adapters.web.stream import StreamHub
from adapters.web.types import (
    Judgement,
    MessagesQuery,
    PostedLabel,
    PostedMessage,
    RecallRequest,
    parse_body,
    parse_query,
)

log = logging.getLogger(__name__)

FOLLOW_S = 1.0
"""Where several processes share the history, so often it is looked for what is new."""


class Settings(AdapterSettings):
    """Settings of the web page's groups; address and token are the server's (`http`)."""

    kind: Literal["web"]
    name: Name = "web"


def create(settings: Settings, context: Context) -> "WebAdapter":
    """Builds the adapter; the server must serve its `routes()`."""
    return WebAdapter(settings, context)


class WebAdapter(Adapter):
    """Takes messages over HTTP and shows what the history holds."""

    streams = names_only = on_page = True
    resend_s = math.inf  # the page shows what the history holds, where a reply stands once

    def __init__(self, settings: Settings, context: Context) -> None:
        super().__init__(settings.name, context.clock)
        self._context = context
        self._publish: Publish | None = None
        self._hub = StreamHub(context.history, settings.name)

    async def run(self, publish: Publish) -> None:
        """Accepts messages until cancelled; then says goodbye to the streams."""
        self._publish = publish
        try:
            with self._link.connected():
                await self._follow()
        finally:
            self._publish = None
            self._hub.close()

    async def _follow(self) -> None:
        """Until cancelled: shows what others wrote into the history, which nobody tells here."""
        while not self._context.shared:
            await asyncio.Event().wait()
        while True:
            await asyncio.sleep(FOLLOW_S)
            await self._hub.push_all()

    async def send(self, reply: Reply) -> str:
        """Shows a reply, which the history holds already, to those who watch."""
        await self._hub.push_messages(reply.group)
        return reply.key

    async def recall(self, group: str, message_id: str) -> None:
        await self._hub.push(group, {"type": "recall", "group": group, "message_id": message_id})

    async def draft(self, group: str, reply_to: str, text: str) -> None:
        await self._hub.push(
            group, {"type": "draft", "group": group, "message_id": reply_to, "text": text}
        )

    async def show(self, decision: Decision) -> None:
        """Shows why the bot answered or kept silent."""
        if not self._hub.has_listeners(decision.group):
            return
        for message_id in decision.message_ids:
            shown = await self._describe(decision, message_id)
            await self._hub.push(decision.group, {"type": "decision", **shown})

    def routes(self) -> Iterable[web.RouteDef]:
        """The API; the page that shows it is the console's."""
        return (
            web.post("/api/messages", self._post),
            web.delete("/api/messages/{message_id}", self._delete),
            web.post("/api/feedback", self._feedback),
            web.post("/api/labels", self._label),
            web.get("/api/groups/{group}/messages", self._messages),
            web.get("/api/decisions/{message_id}", self._decision),
            web.get("/api/stream", self._stream, allow_head=False),
        )

    async def _post(self, request: web.Request) -> web.Response:
        posted = parse_body(PostedMessage, await read_json_body(request))
        text, found = take_mention(clean(posted.text), self._context.bot_name)
        called = called_at_first(text)
        message = IncomingMessage(
            adapter=self.name,
            group=posted.group,
            user=posted.user,
            message_id=posted.message_id or uuid4().hex,
            text=text,
            sent_at=self._context.clock.now(),
            mention=posted.mention or found,
            reply_to=posted.reply_to,
            mentions=(called,) if called else (),
            login=_login(request, Role.ADMIN),
        )
        answer: dict[str, Any] = {"message_id": message.message_id}
        if not await self._hand_over(message):
            await self._demand_same_group(message)
            return json_response({**answer, "duplicate": True}, 202)
        await self._hub.push_messages(message.group)
        return json_response(answer, 202)

    async def _delete(self, request: web.Request) -> web.Response:
        asked = parse_body(RecallRequest, await read_json_body(request))
        message_id = request.match_info["message_id"]
        known = await self._known(message_id)
        if known is None or known["group"] != asked.group:
            raise web.HTTPNotFound(text="message_id: nobody posted such a message in this group")
        if known["user"] != asked.user:
            raise web.HTTPForbidden(text="user: only its author can recall a message")
        await self._hand_over(MessageRecalled(self.name, asked.group, message_id))
        await self.recall(asked.group, message_id)
        return json_response({"message_id": message_id})

    async def _demand_same_group(self, message: IncomingMessage) -> None:
        """A known id in another group is no second delivery but a mistake of the client's."""
        known = await self._known(message.message_id)
        if known is not None and known["group"] != message.group:
            raise web.HTTPConflict(text="message_id: was used in another group; choose a new one")

    async def _feedback(self, request: web.Request) -> web.Response:
        judged = parse_body(Judgement, await read_json_body(request))
        vote = Feedback(
            adapter=self.name,
            group=judged.group,
            reply_id=judged.message_id,
            user=judged.user,
            vote=Vote(judged.vote),
            at=self._context.clock.now(),
        )
        if not await self._hand_over(vote):
            raise web.HTTPNotFound(text="message_id: the bot posted no such answer")
        return json_response({"message_id": judged.message_id, "vote": judged.vote})

    async def _label(self, request: web.Request) -> web.Response:
        if (user := request.get(USER)) and not user.role.covers(Role.LABELLER):
            raise web.HTTPForbidden(text=f"this needs the role labeller; {user.name} is a viewer")
        posted = parse_body(PostedLabel, await read_json_body(request))
        label = Labelled(
            adapter=self.name,
            group=posted.group,
            message_id=posted.message_id,
            user=posted.user,
            good=posted.label == 1,
            at=self._context.clock.now(),
            login=_login(request, Role.LABELLER),
        )
        if not await self._hand_over(label):
            raise web.HTTPNotFound(text="message_id: nobody posted such a message in this group")
        return json_response({"message_id": posted.message_id, "label": posted.label})

    async def _hand_over(self, event: Event) -> bool:
        if self._publish is None:
            raise web.HTTPServiceUnavailable(text="the bot is starting or stopping; try again")
        self._link.heard(event=True)
        with storage_at_work():
            return await self._publish(event)

    async def _messages(self, request: web.Request) -> web.Response:
        asked = parse_query(MessagesQuery, {**request.query, **request.match_info})
        with storage_at_work():
            rows = await self._context.history.messages(
                self.name, asked.group, asked.after, asked.limit
            )
        return json_response({"messages": rows})

    async def _decision(self, request: web.Request) -> web.Response:
        found = await self._known(request.match_info["message_id"])
        if found is None:
            raise web.HTTPNotFound(text="message_id: nobody posted such a message")
        return json_response(found)

    async def _known(self, message_id: str) -> dict[str, Any] | None:
        with storage_at_work():
            return await self._context.history.decision(self.name, message_id)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        return await serve_stream(request, self._hub)

    async def _describe(self, decision: Decision, message_id: str) -> dict[str, Any]:
        try:
            stored = await self._context.history.decision(self.name, message_id)
        except (OSError, StoreFailed) as error:
            log.warning("decision on %s can't be read back: %s", message_id, error)
            stored = None
        return stored or {
            "message_id": message_id,
            "group": decision.group,
            "state": "answered" if decision.outcome == "answer" else "dismissed",
            "outcome": decision.outcome,
            "reason": decision.reason,
            "trace": list(decision.trace),
        }


def _login(request: web.Request, needed: Role) -> str:
    """The name of the login with such rights that sent the request, "" where there is none: what
    somebody calls himself in the body proves nothing."""
    user = request.get(USER)
    return str(user.name) if user and user.role.covers(needed) else ""
