"""What the documents lack: open questions by topic, and the answers that people gave to them, which
an admin turns into pages or throws away. Nothing gets into the documents by itself."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from adapters.http_guard import json_response
from adapters.web.http import read_json_body
from adapters.web.types import parse_body, parse_query
from bot.console.access import Role, needs, user_of
from bot.console.describe import takes
from bot.console.parts import ConsoleParts
from bot.console.reloads import Reloads
from bot.console.topics import grouped
from bot.pages import MAX_CHARS, ApprovedAnswer, PageRefused, keep_answer
from bot.store.gaps import DecidedProposal, OpenQuestion
from common.clock import DAY_S

LOOKED_AT = 100
"""Open questions that are compared with each other; of more the newest."""

OLD_DAYS = 180
"""After so long an approved answer should be looked at again."""

APPROVED_SHOWN = 200

_BODY = ConfigDict(extra="forbid", frozen=True)

MAX_PAGE_BYTES = 6 * MAX_CHARS + 10_000
"""Of a request with a page: JSON may take six bytes for a character."""

Text = Annotated[str, Field(min_length=1, max_length=MAX_CHARS // 2, pattern=r"\S")]
Id = Annotated[str, Field(max_length=200)]


class GapsQuery(BaseModel):
    """GET /api/console/gaps: of the last days."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: Annotated[int, Field(ge=1, le=365)] = 30


class AnswersQuery(BaseModel):
    """GET /api/console/gaps/answers: to one question."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    adapter: Annotated[str, Field(max_length=200)]
    message_id: Annotated[str, Field(max_length=200)]


class Decided(BaseModel):
    """POST /api/console/gaps: the answer to a question as it shall stand in the documents of a
    writable source, or that there is none."""

    model_config = _BODY

    adapter: Id
    group: Id
    question_id: Id
    decision: Literal["approve", "reject"]
    source: Annotated[str, Field(max_length=64)] = ""
    question: Text = "-"
    answer: Text = "-"


class Page(BaseModel):
    """PUT /api/console/page."""

    model_config = _BODY

    source: Annotated[str, Field(max_length=64)]
    path: Annotated[str, Field(max_length=500)]
    text: Annotated[str, Field(max_length=MAX_CHARS)]


class PageQuery(BaseModel):
    """GET and DELETE of /api/console/page."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Annotated[str, Field(max_length=64)]
    path: Annotated[str, Field(max_length=500)]


def gap_routes(parts: ConsoleParts, reloads: Reloads) -> list[web.RouteDef]:
    """What the page of gaps and the editor of pages ask for."""
    api = _Gaps(parts, reloads)
    return [
        web.get("/api/console/gaps", api.listed),
        web.get("/api/console/gaps/answers", api.answers),
        web.post("/api/console/gaps", api.decide),
        web.get("/api/console/page", api.read),
        web.put("/api/console/page", api.write),
        web.delete("/api/console/page", api.remove),
    ]


class _Gaps:
    def __init__(self, parts: ConsoleParts, reloads: Reloads) -> None:
        self._parts, self._store, self._reloads = parts, parts.store, reloads
        self._pages = parts.pages
        self._compared: tuple[tuple[str, ...], list[list[int]]] = ((), [])

    @needs(Role.VIEWER)
    @takes(query=GapsQuery)
    async def listed(self, request: web.Request) -> web.Response:
        """Open questions by topic, the most frequent first, with what people said to them; and the
        answers that were approved."""
        asked, now = parse_query(GapsQuery, request.query), self._parts.clock.now()
        knowledge = self._parts.loaded()
        found = await self._store.open_questions(now - asked.days * DAY_S, LOOKED_AT)
        key = (knowledge.status().snapshot, *(one.message_id for one in found))
        if key != self._compared[0]:
            texts = [one.text for one in found]
            self._compared = (key, await grouped(texts, knowledge.similarity))
        topics = [self._topic([found[number] for number in topic]) for topic in self._compared[1]]
        approved = await self._store.approved_proposals(APPROVED_SHOWN)
        return json_response(
            {
                "topics": topics,
                "approved": [
                    {**asdict(one), "old": now - one.at > OLD_DAYS * DAY_S} for one in approved
                ],
                "writable": list(self._pages.folders),
            }
        )

    def _topic(self, questions: Sequence[OpenQuestion]) -> dict[str, Any]:
        """How often and by whom something was asked, by week, and each time with what was said to
        it."""
        now = self._parts.clock.now()
        weeks = [0, 0, 0, 0]
        for one in questions:
            weeks[min(3, max(0, int((now - one.at) // (7 * DAY_S))))] += 1
        return {
            "count": len(questions),
            "people": len({(one.adapter, one.user) for one in questions}),
            "weeks": weeks[::-1],
            "last": max(one.at for one in questions),
            "questions": [
                {**asdict(one), "answers": [asdict(said) for said in one.answers if said.direct]}
                for one in questions
            ],
        }

    @needs(Role.VIEWER)
    @takes(query=AnswersQuery)
    async def answers(self, request: web.Request) -> web.Response:
        """All that may be an answer to an open question: what was said to it, and what stands
        behind it and is about the same."""
        asked = parse_query(AnswersQuery, request.query)
        question = await self._store.open_question(asked.adapter, asked.message_id)
        if question is None:
            raise web.HTTPNotFound(text="message_id: there is no such open question")
        others = [said for said in question.answers if not said.direct]
        texts = [one.text for one in others]
        near = await self._parts.loaded().similarity(question.text, texts)
        least = self._parts.options.human_similarity
        close = [said for said, cosine in zip(others, near, strict=True) if cosine >= least]
        direct = [said for said in question.answers if said.direct]
        return json_response({"answers": [asdict(said) for said in (*direct, *close)]})

    @needs(Role.ADMIN)
    @takes(body=Decided)
    async def decide(self, request: web.Request) -> web.Response:
        """Writes an answer into a source, from where it is answered with once it is reloaded, or
        throws the proposal away."""
        decided = parse_body(Decided, await read_json_body(request, MAX_PAGE_BYTES))
        user, now, path = user_of(request), self._parts.clock.now(), ""
        place = {
            "adapter": decided.adapter,
            "group": decided.group,
            "question_id": decided.question_id,
        }
        if decided.decision == "approve":
            approved = ApprovedAnswer(
                **place,
                question=decided.question,
                answer=decided.answer,
                source=decided.source,
                approved_by=user.name,
                at=now,
            )
            with _bad_request():
                path = await keep_answer(self._store, self._pages, approved)
            self._reloads.begin()
        else:
            await self._store.decide_proposal(
                DecidedProposal(**place, state="rejected", path="", person=user.name, at=now)
            )
            target = f"{decided.adapter}:{decided.group} {decided.question_id}"
            await self._parts.audit.record(user, "gap.reject", target)
        return json_response({"path": path})

    @needs(Role.VIEWER)
    @takes(query=PageQuery)
    async def read(self, request: web.Request) -> web.Response:
        """A page of a writable source as it is written."""
        asked = parse_query(PageQuery, request.query)
        return json_response({"text": await self._text_of(asked)})

    @needs(Role.ADMIN)
    @takes(body=Page)
    async def write(self, request: web.Request) -> web.Response:
        """Makes or changes a page, and reloads."""
        page = parse_body(Page, await read_json_body(request, MAX_PAGE_BYTES))
        with _bad_request():
            before = await self._pages.read(page.source, page.path)
            await self._pages.write(page.source, page.path, page.text)
        await self._parts.audit.record(
            user_of(request), "page.write", f"{page.source}/{page.path}", before, page.text
        )
        self._reloads.begin()
        return json_response({"path": page.path})

    @needs(Role.ADMIN)
    @takes(query=PageQuery)
    async def remove(self, request: web.Request) -> web.Response:
        """Deletes a page, and reloads."""
        asked = parse_query(PageQuery, request.query)
        before = await self._text_of(asked)
        await self._pages.remove(asked.source, asked.path)
        await self._parts.audit.record(
            user_of(request), "page.remove", f"{asked.source}/{asked.path}", before
        )
        self._reloads.begin()
        return json_response({"path": asked.path})

    async def _text_of(self, asked: PageQuery) -> str:
        with _bad_request():
            text = await self._pages.read(asked.source, asked.path)
        if text is None:
            raise web.HTTPNotFound(text="path: there is no such page")
        return text


@contextmanager
def _bad_request() -> Iterator[None]:
    """A page that is refused is the request's fault."""
    try:
        yield
    except PageRefused as error:
        raise web.HTTPBadRequest(text=str(error)) from error
