"""Walks through the setup of an app, asking DingTalk. Nothing is posted, and no connection for
events is opened: DingTalk would push a part of the messages to it instead of to a running bot."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from adapters.base import AdapterError, Finding, LoginRefused, NetworkError
from adapters.dingtalk.api import Api
from adapters.dingtalk.cards import variables
from adapters.dingtalk.codes import api_problem, code_of, missing_permissions
from adapters.dingtalk.receive import MESSAGES
from adapters.dingtalk.settings import WEBHOOK_HOST, Settings
from adapters.link import Link
from adapters.rest import Rest
from common.clock import Clock

PERMISSIONS = "developer console > your app > Permissions (权限管理)"
ROBOT = "developer console > your app > Robot (机器人)"
NOBODY = "huixiangdou-check"
"""A name of what does not exist: a call on it does nothing, but is refused without the right."""

NOTES = (
    "in groups DingTalk delivers only messages that mention the bot; it has no way to hear others",
    "messages sent while no bot is connected are lost: DingTalk neither repeats nor keeps them",
    "whether the robot is in a group can't be asked: mention it there once",
    "only one program should be connected with this client_id: several share the messages",
)


async def findings(settings: Settings, clock: Clock) -> AsyncIterator[Finding]:
    """One finding for each point, in the order in which they are set up."""
    link = Link(clock)
    async with Rest(link, code_of) as rest:
        api = Api(settings, rest, link, clock)
        try:
            await api.log_in()
        except LoginRefused as error:
            yield Finding("bad", str(error))
            return
        except AdapterError as error:
            yield Finding("bad", f"{error}; allow {urlsplit(settings.openapi_endpoint).netloc}")
            return
        yield Finding("ok", "client_id and client_secret are right")
        for look in (_robot, _card, _streaming, _events, _webhooks):
            try:
                found = await look(settings, api, rest)
            except AdapterError as error:
                found = Finding("bad", str(error))
            if found:
                yield found
    for note in NOTES:
        yield Finding("note", note)


async def _robot(settings: Settings, api: Api, _: Rest) -> Finding:
    body = {
        "robotCode": settings.robot,
        "openConversationId": NOBODY,
        "processQueryKeys": [NOBODY],
    }
    response = await api.try_call("POST", "/v1.0/robot/groupMessages/recall", body)
    if wanted := missing_permissions(response):
        return _missing(wanted)
    code = code_of(response)
    if "robotcode" in code.lower() or "bot." in code.lower():
        return Finding("bad", f"the robot {settings.robot} can't be used ({code}): {ROBOT}")
    return Finding("ok", "the robot may send messages and take them back")


async def _card(settings: Settings, api: Api, _: Rest) -> Finding | None:
    if not settings.card_template_id:
        return None
    body = {
        "cardTemplateId": settings.card_template_id,
        "outTrackId": NOBODY,
        "callbackType": "STREAM",
        "cardData": {"cardParamMap": variables("", "", "notice")},
    }
    response = await api.try_call("POST", "/v1.0/card/instances", body)
    if wanted := missing_permissions(response):
        return _missing(wanted)
    problem = api_problem(response, repeatable=True)
    if problem is None or "exist" in code_of(response).lower():
        return Finding("ok", "the card's template can be used")
    return Finding("bad", f"card_template_id: {problem}")


async def _streaming(settings: Settings, api: Api, _: Rest) -> Finding | None:
    if not settings.streaming:
        return None
    body = {"outTrackId": NOBODY, "guid": NOBODY, "key": "content", "content": "", "isFull": True}
    response = await api.try_call("PUT", "/v1.0/card/streaming", body)
    if wanted := missing_permissions(response):
        return _missing(wanted)
    return Finding("ok", "cards may be written bit by bit")


async def _events(_: Settings, api: Api, rest: Rest) -> Finding:
    ticket = await api.register([MESSAGES])
    url = ticket.endpoint.replace("ws", "http", 1)
    return await _reached(rest, url, "a connection for events is granted, and it needs")


async def _webhooks(settings: Settings, _: Api, rest: Rest) -> Finding | None:
    if settings.recallable or settings.card_template_id or settings.is_test:
        return None
    return await _reached(rest, f"https://{WEBHOOK_HOST}/", "answers by session webhook need")


async def _reached(rest: Rest, url: str, why: str) -> Finding:
    host = urlsplit(url).netloc
    try:
        await rest.request("check", "GET", url, repeatable=True)
    except NetworkError as error:
        return Finding("bad", f"{error}; {why} {host}")
    return Finding("ok", f"{host} can be reached: {why} it")


def _missing(permissions: list[str]) -> Finding:
    return Finding("bad", f"the app lacks the permission {', '.join(permissions)}: {PERMISSIONS}")
