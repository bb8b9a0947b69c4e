"""`check --adapter`: is everything set up in the developer console?"""

from collections.abc import AsyncIterator

from adapters.base import AdapterError, Finding
from adapters.lark.api import Api
from adapters.lark.codes import ScopeMissing
from adapters.lark.settings import Settings
from adapters.payload import inside, objects, text

ACTIVE = 2
"""`activate_status` of a bot that people can use."""

GRANTED = 1

NEEDED = {
    "im:message:send_as_bot": "to answer",
    "im:message.group_at_msg:readonly": "to hear what mentions the bot",
    "im:message.p2p_msg:readonly": "to be asked in a private chat",
    "im:message:readonly": "to read messages again, and the history",
}
WANTED = {
    "im:message.group_msg": "to hear all messages of a group, and to read its history",
    "im:message.reactions:write_only": "for emojis below messages",
    "im:message.reactions:read": "to count 👍 and 👎 below answers",
    "im:chat:readonly": "to know the bot's groups",
}
STREAMING = {"cardkit:card:write": "for streaming: true"}
INCLUDED = {
    "im:message:send_as_bot": {"im:message"},
    "im:message:readonly": {"im:message"},
    "im:message.group_at_msg:readonly": {"im:message.group_msg"},
    "im:message.reactions:write_only": {"im:message"},
    "im:message.reactions:read": {"im:message", "im:message:readonly"},
    "im:chat:readonly": {"im:chat", "im:chat:read"},
}
"""Permissions that hold another one."""

NOT_ON = (
    "the bot is not switched on: publish a version in the developer console under Version "
    "management, and let the administrator approve it"
)
SUBSCRIBED = (
    "the platform does not tell what is subscribed; it should be im.message.receive_v1, "
    "im.message.recalled_v1, im.message.reaction.created_v1, im.message.reaction.deleted_v1, "
    "im.chat.member.bot.added_v1, im.chat.member.bot.deleted_v1, and in the tab Callbacks "
    "card.action.trigger"
)
OPENABLE = (
    "the long connection can be opened (it was not, so as not to take events from a running bot)"
)


async def findings(settings: Settings, api: Api) -> AsyncIterator[Finding]:
    """Asks the platform, and changes nothing there; a running bot does not notice."""
    try:
        bot = await api.bot()
    except AdapterError as error:
        yield Finding("bad", f"app_id and app_secret: {error}")
        return
    yield Finding("ok", f"app_id and app_secret are right; the bot is {text(bot, 'app_name')}")
    active = bot.get("activate_status") == ACTIVE
    yield Finding("ok", "the bot is switched on") if active else Finding("bad", NOT_ON)
    async for finding in _permissions(settings, api):
        yield finding
    yield await _reception(settings, api)
    yield Finding("note", SUBSCRIBED)
    async for finding in _groups(api):
        yield finding


async def _permissions(settings: Settings, api: Api) -> AsyncIterator[Finding]:
    try:
        answer = await api.call("scopes", "GET", "application/v6/scopes")
    except AdapterError as error:
        yield Finding("note", f"the platform does not tell the permissions: {error}")
        return
    scopes = objects(answer.data, "data", "scopes")
    granted = {text(s, "scope_name") for s in scopes if s.get("grant_status") == GRANTED}
    wanted = WANTED | (STREAMING if settings.streaming else {})
    for scope, purpose in (NEEDED | wanted).items():
        if granted & {scope, *INCLUDED.get(scope, set())}:
            yield Finding("ok", f"permission {scope}")
        else:
            yield Finding(
                "bad" if scope in NEEDED else "note",
                f"permission {scope} is missing ({purpose}): add it under Permissions, publish a "
                "version and let the administrator approve it",
            )


async def _reception(settings: Settings, api: Api) -> Finding:
    if settings.mode == "callback":
        return Finding(
            "note",
            "whether events arrive can't be asked: enter https://YOUR-HOST/lark/"
            f"{settings.name}/events as request address under Events and callbacks, in both tabs",
        )
    try:
        await api.stream_address()
    except AdapterError as error:
        return Finding(
            "bad",
            f"the long connection is refused: {error}; choose it under Events and callbacks > "
            "Subscription mode, while the bot runs",
        )
    return Finding("ok", OPENABLE)


async def _groups(api: Api) -> AsyncIterator[Finding]:
    try:
        answer = await api.call("list_chats", "GET", "im/v1/chats", params={"page_size": "20"})
    except AdapterError as error:
        yield Finding("note", f"the bot's groups can't be listed: {error}")
        return
    chats = objects(answer.data, "data", "items")
    if not chats:
        yield Finding("note", "the bot is in no group: add it in a group's settings under Bots")
        return
    more = " at least" if inside(answer.data, "data").get("has_more") is True else ""
    yield Finding("ok", f"the bot is in{more} {len(chats)} groups")
    params = {"container_id_type": "chat", "container_id": text(chats[0], "chat_id")}
    try:
        await api.call("history", "GET", "im/v1/messages", params={**params, "page_size": "1"})
    except ScopeMissing as error:
        yield Finding(
            "note", f"the history can't be read, so recover and poll_history_s do nothing: {error}"
        )
    except AdapterError as error:
        yield Finding("note", f"the history of a group can't be read: {error}")
    else:
        yield Finding("ok", "the history of a group can be read")
