"""The questions of all groups: listed by filters, labelled, exported."""

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import asdict
from typing import Annotated, Any, Literal

from aiohttp import hdrs, web
from pydantic import BaseModel, ConfigDict, Field

from adapters.http_guard import json_response
from adapters.web.http import read_json_body
from adapters.web.types import parse_body, parse_query
from bot.console.access import Role, needs, user_of
from bot.console.describe import takes
from bot.console.parts import ConsoleParts
from bot.group.labels import WHOLE
from bot.store.browse_questions import Cursor, Filters, ListedQuestion, Mark, Sort
from bot.store.examples import Origin
from bot.types import Reason

PAGE, EXPORT_PAGE = 50, 500
MOST_LABELS = 500
"""Labels that are given at once."""

COLUMNS = (
    "at", "adapter", "group", "user", "message_id", "mention", "text", "outcome", "reason",
    "score", "threshold", "label", "reply_kind", "reply",
)  # fmt: skip


class MessagesQuery(BaseModel):
    """GET /api/console/messages: `reason` may name several, with commas; times are in seconds since
    the epoch; `cursor` is the `next` of the page before."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sort: Sort = "newest"
    cursor: Annotated[str, Field(pattern=r"^[0-9.e+-]{1,40}:[0-9]{1,18}$")] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = PAGE
    group: Annotated[str, Field(pattern=r"^[^:]+:.+$", max_length=300)] | None = None
    since: float | None = None
    until: float | None = None
    outcome: Literal["answer", "silence", ""] = ""
    reason: Annotated[str, Field(max_length=500)] = ""
    mark: Mark | Literal[""] = ""
    least: Annotated[float, Field(ge=-2, le=2)] | None = None
    most: Annotated[float, Field(ge=-2, le=2)] | None = None
    text: Annotated[str, Field(max_length=200)] = ""
    user: Annotated[str, Field(max_length=200)] = ""
    mention: bool | None = None

    def filters(self) -> Filters:
        """The same for the store. Raises HTTPBadRequest for a reason that there is not."""
        reasons = tuple(filter(None, self.reason.split(",")))
        if unknown := [name for name in reasons if name not in tuple(Reason)]:
            raise web.HTTPBadRequest(text=f"reason: there is no {unknown[0][:80]}")
        adapter, _, group = (self.group or "").partition(":")
        return Filters(
            group=(adapter, group) if self.group else None,
            since=self.since,
            until=self.until,
            outcome=self.outcome,
            reasons=reasons,
            mark=self.mark,
            least=self.least,
            most=self.most,
            text=self.text.strip(),
            user=self.user,
            mention=self.mention,
        )


class GivenLabel(BaseModel):
    """What somebody thinks of a message: that the bot should answer such, should not, that he can't
    tell; "none" takes back what he said before."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    adapter: Annotated[str, Field(max_length=64)]
    message_id: Annotated[str, Field(max_length=200)]
    label: Literal["good", "bad", "unsure", "none"]


class GivenLabels(BaseModel):
    """POST /api/console/labels."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: Annotated[tuple[GivenLabel, ...], Field(min_length=1, max_length=MOST_LABELS)]


def message_routes(parts: ConsoleParts) -> list[web.RouteDef]:
    """What the page of messages asks for."""
    api = _Messages(parts)
    return [
        web.get("/api/console/messages", api.listed),
        web.get("/api/console/messages.csv", api.csv),
        web.get("/api/console/messages.jsonl", api.jsonl),
        web.post("/api/console/labels", api.label),
        web.get("/api/console/people/{adapter}/{user}", api.person),
        web.delete("/api/console/people/{adapter}/{user}", api.erase),
    ]


class _Messages:
    def __init__(self, parts: ConsoleParts) -> None:
        self._parts, self._store = parts, parts.store

    @needs(Role.VIEWER)
    @takes(query=MessagesQuery)
    async def listed(self, request: web.Request) -> web.Response:
        """Decided questions that pass the filters, the newest or the most uncertain first."""
        asked = parse_query(MessagesQuery, request.query)
        cursor = _parsed(asked.cursor)
        found = await self._store.list_questions(asked.filters(), asked.sort, cursor, asked.limit)
        more = _written(found[-1].cursor) if len(found) == asked.limit else None
        return json_response({"messages": [asdict(one) for one in found], "next": more})

    @needs(Role.LABELLER)
    @takes(body=GivenLabels)
    async def label(self, request: web.Request) -> web.Response:
        """Records labels, and tells of each whether the gate would decide so already."""
        given = parse_body(GivenLabels, await read_json_body(request))
        user = user_of(request)
        told = [await self._labelled(one, f"console:{user.name}") for one in given.labels]
        waiting = sum(1 for label in await self._store.labels() if label.step is None)
        return json_response({"labels": told, "waiting": waiting})

    async def _labelled(self, given: GivenLabel, person: str) -> dict[str, Any]:
        question = await self._store.question_of(given.adapter, given.message_id)
        if question is None:
            raise web.HTTPNotFound(text=f"message_id: there is no message {given.message_id[:80]}")
        now = self._parts.clock.now()
        place = (question.adapter, question.message_id)
        await self._store.remove_label(*place, Origin.CONSOLE, person)
        await self._store.set_unsure(*place, person, now if given.label == "unsure" else None)
        if given.label in ("good", "bad") and question.text.strip():
            await self._store.add_label(
                question.labelled(
                    good=given.label == "good",
                    origin=Origin.CONSOLE,
                    at=now,
                    weight=WHOLE,
                    person=person,
                )
            )
        told = {**given.model_dump(), "message_id": question.message_id}
        if self._parts.knowledge is None:
            return told
        verdict = await self._parts.knowledge.judge(
            question.text,
            mention=not question.unprompted,
            sources=await self._store.bound_sources(question.adapter, question.group),
            group=f"{question.adapter}:{question.group}",
        )
        return told | {"passes_now": verdict.accept, "score": round(verdict.score, 4)}

    @needs(Role.ADMIN)
    async def person(self, request: web.Request) -> web.Response:
        """What is kept of a person."""
        adapter, user = request.match_info["adapter"], request.match_info["user"]
        return json_response(await self._store.person_data(adapter, user))

    @needs(Role.ADMIN)
    async def erase(self, request: web.Request) -> web.Response:
        """Erases all that is kept of a person; `pages` are those that were made of questions of
        theirs, which only an admin changes."""
        adapter, user = request.match_info["adapter"], request.match_info["user"]
        found = await self._parts.erasing.erase(adapter, user)
        told = {"messages": found.messages, "votes": found.votes, "labels": found.labels}
        after = f"{found.messages} messages, {found.votes} votes, {found.labels} labels"
        await self._parts.audit.record(user_of(request), "person.erase", adapter, after=after)
        return json_response({**told, "pages": sorted(found.pages)})

    @needs(Role.VIEWER)
    @takes(query=MessagesQuery)
    async def csv(self, request: web.Request) -> web.StreamResponse:
        """What passes the filters as a table; a cell that a spreadsheet would take for a formula
        gets an apostrophe before it."""

        def rows(found: list[dict[str, Any]]) -> str:
            text = io.StringIO()
            csv.DictWriter(text, COLUMNS).writerows(
                {name: _harmless(value) for name, value in row.items()} for row in found
            )
            return text.getvalue()

        head = "\ufeff" + ",".join(COLUMNS) + "\r\n"  # the mark has a spreadsheet read UTF-8
        return await self._exported(request, "text/csv", head, rows)

    @needs(Role.VIEWER)
    @takes(query=MessagesQuery)
    async def jsonl(self, request: web.Request) -> web.StreamResponse:
        """The same as one JSON object a line."""

        def rows(found: list[dict[str, Any]]) -> str:
            return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in found)

        return await self._exported(request, "application/x-ndjson", "", rows)

    async def _exported(
        self,
        request: web.Request,
        kind: str,
        head: str,
        rows: Callable[[list[dict[str, Any]]], str],
    ) -> web.StreamResponse:
        asked = parse_query(MessagesQuery, request.query)
        filters = asked.filters()
        await self._parts.audit.record(user_of(request), "messages.export", str(request.rel_url))
        response = web.StreamResponse(
            headers={
                hdrs.CONTENT_TYPE: f"{kind}; charset=utf-8",
                hdrs.CACHE_CONTROL: "no-store",
                hdrs.CONTENT_DISPOSITION: "attachment",
            }
        )
        await response.prepare(request)
        await response.write(head.encode())
        async for page in self._pages(filters, asked.sort):
            await response.write(rows([_row(one) for one in page]).encode("utf-8", "replace"))
        await response.write_eof()
        return response

    async def _pages(self, filters: Filters, sort: Sort) -> AsyncIterator[list[ListedQuestion]]:
        cursor: Cursor | None = None
        while page := await self._store.list_questions(filters, sort, cursor, EXPORT_PAGE):
            yield page
            cursor = page[-1].cursor


def _row(one: ListedQuestion) -> dict[str, Any]:
    """A question as a line of an export; its label is the last that a person gave."""
    given = [good for origin, _, good in one.labels if origin != Origin.TEACHER]
    kind, text = one.reply or ("", "")
    values: Mapping[str, Any] = {
        **asdict(one),
        "label": ("good" if given[-1] else "bad") if given else "",
        "reply_kind": f"draft {kind}" if one.draft else kind,
        "reply": text,
    }
    return {name: values[name] for name in COLUMNS}


def _harmless(value: object) -> object:
    risky = isinstance(value, str) and value[:1] in "=+-@\t\r" and value
    return f"'{value}" if risky else value


def _parsed(cursor: str | None) -> Cursor | None:
    if cursor is None:
        return None
    margin, _, last = cursor.partition(":")
    try:
        return float(margin), int(last)
    except ValueError:
        raise web.HTTPBadRequest(text="cursor: must be the `next` of another page") from None


def _written(cursor: Cursor) -> str:
    return f"{cursor[0]!r}:{cursor[1]}"
