"""The groups: all of them, what the bot does in one and where that is changed, and its messages."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from adapters.base import AdapterError, RecallAsked
from adapters.http_guard import json_response
from adapters.web.http import read_json_body
from adapters.web.types import MAX_SEQ, parse_body, parse_query
from bot.console.access import Role, User, needs, user_of
from bot.console.describe import takes
from bot.console.parts import ConsoleParts
from bot.group.labels import label_by_recall
from bot.store.browse_groups import ListedGroup
from bot.texts.trace import trace_lines
from bot.types import Group, Mode
from common.clock import DAY_S

GROUPS = "/api/console/groups"
ONE = f"{GROUPS}/{{adapter}}/{{group}}"

_QUERY = ConfigDict(extra="forbid", frozen=True)
_BODY = ConfigDict(extra="forbid", frozen=True)

Seq = Annotated[int, Field(ge=0, le=MAX_SEQ)]


class GroupsQuery(BaseModel):
    """GET /api/console/groups: those whose title or id contains `search`, from `offset` on."""

    model_config = _QUERY

    search: Annotated[str, Field(max_length=100)] = ""
    offset: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class TimelineQuery(BaseModel):
    """GET …/messages: the last ones before a `seq`, the first ones after one, those around a
    message, else the newest."""

    model_config = _QUERY

    before: Seq | None = None
    after: Seq | None = None
    around: Annotated[str, Field(max_length=200)] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class Budget(BaseModel):
    """How often the bot may speak unprompted in a group: `burst` times in a row, and once more
    every `refill_s` seconds."""

    model_config = _BODY

    burst: Annotated[int, Field(ge=1, le=1000)]
    refill_s: Annotated[float, Field(gt=0, le=30 * DAY_S)]


class GroupChange(BaseModel):
    """PATCH of a group; what isn't given stays. `mode` "default" and `budget` null go back to
    the configuration, no `sources` means all, `muted_s` 0 lets the bot speak again."""

    model_config = _BODY

    mode: Mode | Annotated[str, Field(pattern="^default$")] | None = None
    sources: tuple[Annotated[str, Field(max_length=100)], ...] | None = None
    muted_s: Annotated[float, Field(ge=0, le=30 * DAY_S)] | None = None
    budget: Budget | None = None


class Seen(BaseModel):
    """POST …/seen: the messages up to this `seq` have been read."""

    model_config = _BODY

    seq: Seq


def group_routes(parts: ConsoleParts) -> list[web.RouteDef]:
    """What the pages of groups ask for."""
    api = _Groups(parts)
    return [
        web.get(GROUPS, api.listed),
        web.get("/api/console/sources", api.sources),
        web.get(ONE, api.one),
        web.patch(ONE, api.change),
        web.get(f"{ONE}/messages", api.messages),
        web.post(f"{ONE}/seen", api.seen),
        web.get("/api/console/decisions/{adapter}/{message_id}", api.decision),
        web.post("/api/console/replies/{adapter}/{reply_id}/recall", api.recall),
    ]


class _Groups:
    def __init__(self, parts: ConsoleParts) -> None:
        self._parts, self._store = parts, parts.store

    @needs(Role.VIEWER)
    @takes(query=GroupsQuery)
    async def listed(self, request: web.Request) -> web.Response:
        """The groups that were ever heard of, those with the newest messages first."""
        asked = parse_query(GroupsQuery, request.query)
        found = await self._store.list_groups(
            person=user_of(request).name,
            now=self._parts.clock.now(),
            search=asked.search,
            offset=asked.offset,
            limit=asked.limit,
        )
        more = asked.offset + len(found) if len(found) == asked.limit else None
        return json_response({"groups": [await self._shown(one) for one in found], "next": more})

    @needs(Role.VIEWER)
    async def one(self, request: web.Request) -> web.Response:
        """A group by its adapter and id."""
        return json_response(await self._read(_group(request), user_of(request)))

    @needs(Role.VIEWER)
    async def sources(self, _: web.Request) -> web.Response:
        """The names of the sources that a group may be bound to."""
        return json_response({"sources": list(self._parts.loaded().status().sources)})

    @needs(Role.ADMIN)
    @takes(body=GroupChange)
    async def change(self, request: web.Request) -> web.Response:
        """Changes what the bot does in a group."""
        change = parse_body(GroupChange, await read_json_body(request))
        group, user = _group(request), user_of(request)
        before = await self._read(group, user)
        wanted = change.model_fields_set
        if "sources" in wanted:
            self._demand_known(change.sources or ())
            await self._store.bind_sources(*group, change.sources or ())
        if change.mode is not None:
            chosen = "" if change.mode == "default" else change.mode
            await self._store.set_mode(*group, chosen, self._parts.clock.now())
        if change.muted_s is not None:
            await self._mute(group, change.muted_s)
        if "budget" in wanted:
            own = (change.budget.burst, change.budget.refill_s) if change.budget else None
            await self._store.set_budget(*group, own)
            self._parts.flood.set_budget(group, own)
        after = await self._read(group, user)
        changed = [name for name in after if after[name] != before[name]]
        if changed:
            await self._parts.audit.record(
                user,
                "group.change",
                ":".join(group),
                before="; ".join(f"{name} {before[name]}" for name in changed),
                after="; ".join(f"{name} {after[name]}" for name in changed),
            )
        return json_response(after)

    @needs(Role.VIEWER)
    @takes(query=TimelineQuery)
    async def messages(self, request: web.Request) -> web.Response:
        """Messages and replies of a group with what was decided, oldest first."""
        asked = parse_query(TimelineQuery, request.query)
        adapter, group = _group(request)
        before, after = asked.before, asked.after
        rows: list[dict[str, Any]] = []
        if asked.around is not None:
            seq = await self._store.seq_of(adapter, group, asked.around)
            if seq is None:
                raise web.HTTPNotFound(text="around: there is no such message in this group")
            rows = await self._store.timeline(adapter, group, before=seq, limit=asked.limit // 2)
            before, after = None, seq - 1
        rows += await self._store.timeline(
            adapter, group, before=before, after=after, limit=asked.limit
        )
        return json_response({"messages": rows})

    @needs(Role.VIEWER)
    @takes(body=Seen)
    async def seen(self, request: web.Request) -> web.Response:
        """Remembers how far who asks has read a group."""
        body = parse_body(Seen, await read_json_body(request))
        await self._store.mark_seen(user_of(request).name, *_group(request), body.seq)
        return json_response({"seq": body.seq})

    @needs(Role.VIEWER)
    async def decision(self, request: web.Request) -> web.Response:
        """Why the bot answered a message or kept silent, in words of both languages."""
        found = await self._store.decision(
            request.match_info["adapter"], request.match_info["message_id"]
        )
        if found is None:
            raise web.HTTPNotFound(text="message_id: there is no such message")
        words = {
            "zh": trace_lines(found["trace"], chinese=True),
            "en": trace_lines(found["trace"], chinese=False),
        }
        return json_response({**found, "adapter": request.match_info["adapter"], "words": words})

    @needs(Role.LABELLER)
    async def recall(self, request: web.Request) -> web.Response:
        """Takes back one of the bot's replies, which labels its question as one not to answer."""
        adapter, reply_id = request.match_info["adapter"], request.match_info["reply_id"]
        stored = await self._store.reply_by_platform_id(adapter, reply_id)
        if stored is None:
            raise web.HTTPNotFound(text="reply_id: no such reply of the bot stands in a group")
        try:
            await self._parts.delivery.withdraw(stored)
        except AdapterError as error:
            raise web.HTTPConflict(text=f"the platform did not take it back: {error}") from error
        user = user_of(request)
        asked = RecallAsked(adapter, stored.reply.group, reply_id, f"console/{user.name}")
        await label_by_recall(self._store, asked, self._parts.clock.now())
        await self._parts.audit.record(
            user, "reply.recall", f"{adapter}:{stored.reply.group}", before=stored.reply.text
        )
        return json_response({"reply_id": reply_id})

    async def _read(self, group: Group, user: User) -> dict[str, Any]:
        found = await self._store.one_group(*group, person=user.name, now=self._parts.clock.now())
        if found is None:
            raise web.HTTPNotFound(text="group: the bot never heard of it")
        return await self._shown(found)

    async def _shown(self, one: ListedGroup) -> dict[str, Any]:
        """The group with what holds for it now: the mode, and until when the bot is muted."""
        group, flood = (one.adapter, one.group), self._parts.config.flood
        until = await self._store.muted_until(*group, self._parts.clock.now())
        own = dict(zip(("burst", "refill_s"), one.budget, strict=True)) if one.budget else None
        return {
            **asdict(one),
            "chosen_mode": one.mode,
            "mode": await self._parts.delivery.mode(group),
            "muted_until": until,
            "budget": own,
            "default_budget": {"burst": flood.burst, "refill_s": flood.refill_s},
        }

    async def _mute(self, group: Group, seconds: float) -> None:
        if seconds:
            await self._store.mute(*group, self._parts.clock.now() + seconds)
        else:
            await self._store.unmute(*group)

    def _demand_known(self, sources: Sequence[str]) -> None:
        known = self._parts.loaded().status().sources
        if unknown := [name for name in sources if name not in known]:
            raise web.HTTPBadRequest(
                text=f"sources: {', '.join(unknown)[:200]} is none; there are {', '.join(known)}"
            )


def _group(request: web.Request) -> Group:
    return request.match_info["adapter"], request.match_info["group"]
