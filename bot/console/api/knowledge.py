"""What the bot knows: its sources, documents and pieces, which of them are used, and what it would
make of a question."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from adapters.base import IncomingMessage
from adapters.http_guard import json_response
from adapters.web.http import read_json_body
from adapters.web.types import parse_body, parse_query
from bot.console.access import Role, needs, user_of
from bot.console.describe import takes
from bot.console.parts import ConsoleParts
from bot.console.reloads import Reloads
from bot.texts.answers import answer_text
from bot.texts.notices import speaks_chinese
from bot.texts.trace import trace_lines
from bot.types import Answer, Question
from common.clock import DAY_S
from knowledge.index.rows import DocumentRow

USED_DAYS = 90
PAGE, PIECES = 100, 200
FOUND = 8
"""Passages shown for a question that is tried."""

_MODEL = ConfigDict(extra="forbid", frozen=True)

Use = Literal["", "cited", "helpful", "unhelpful", "never", "skipped"]


class DocumentsQuery(BaseModel):
    """GET /api/console/knowledge/documents: those whose path contains `search`, by how they are
    used, from `offset` on."""

    model_config = _MODEL

    source: Annotated[str, Field(max_length=64)] = ""
    search: Annotated[str, Field(max_length=200)] = ""
    use: Use = ""
    offset: Annotated[int, Field(ge=0, le=10_000_000)] = 0


class PiecesQuery(BaseModel):
    """GET /api/console/knowledge/pieces: of one document."""

    model_config = _MODEL

    source: Annotated[str, Field(max_length=64)]
    path: Annotated[str, Field(max_length=2000)]


class Tried(BaseModel):
    """POST /api/console/knowledge/try: a question that nobody asked."""

    model_config = _MODEL

    text: Annotated[str, Field(min_length=1, max_length=4000, pattern=r"\S")]
    mention: bool = True
    sources: tuple[Annotated[str, Field(max_length=64)], ...] = ()


def knowledge_routes(parts: ConsoleParts, reloads: Reloads) -> list[web.RouteDef]:
    """What the page of the knowledge base asks for."""
    api = _Knowledge(parts, reloads)
    return [
        web.get("/api/console/knowledge", api.summary),
        web.get("/api/console/knowledge/documents", api.documents),
        web.get("/api/console/knowledge/pieces", api.pieces),
        web.post("/api/console/knowledge/try", api.tried),
        web.post("/api/console/knowledge/reload", api.reload),
    ]


class _Knowledge:
    def __init__(self, parts: ConsoleParts, reloads: Reloads) -> None:
        self._parts, self._reloads = parts, reloads

    @needs(Role.VIEWER)
    async def summary(self, request: web.Request) -> web.Response:
        """The sources with what came of them, and how a reload under way is doing; where they lie
        on the server is for admins."""
        knowledge = self._parts.loaded()
        status, is_admin = knowledge.status(), user_of(request).role is Role.ADMIN
        rows, _ = await knowledge.documents()
        good = Counter(row.source for row in rows if row.error is None)
        bad = Counter(row.source for row in rows if row.error is not None)
        sources = [
            {
                "name": source.name,
                "place": str(source.path or "git") if is_admin else "",
                "writable": source.writable,
                "documents": good[source.name],
                "skipped": bad[source.name],
            }
            for source in self._parts.config.knowledge.sources
        ]
        return json_response(
            {
                "sources": sources,
                "documents": status.documents,
                "pieces": status.pieces,
                "skipped": status.skipped,
                "built_at": status.built_at,
                "reloading": self._reloads.under_way,
                "report": self._reloads.report,
            }
        )

    @needs(Role.VIEWER)
    @takes(query=DocumentsQuery)
    async def documents(self, request: web.Request) -> web.Response:
        """Documents with their pieces counted and how they were used lately, by path."""
        asked = parse_query(DocumentsQuery, request.query)
        since = self._parts.clock.now() - USED_DAYS * DAY_S
        cited = await self._parts.store.cited(since)
        rows, pieces = await self._parts.loaded().documents()
        shown = [
            _document(row, pieces[row.id], cited.get(row.path, {}))
            for row in rows
            if (not asked.source or row.source == asked.source)
            and asked.search.lower() in row.path.lower()
        ]
        shown = [one for one in shown if _is_used(one, asked.use)]
        page = shown[asked.offset : asked.offset + PAGE]
        more = asked.offset + PAGE if len(shown) > asked.offset + PAGE else None
        return json_response({"documents": page, "next": more, "count": len(shown)})

    @needs(Role.VIEWER)
    @takes(query=PiecesQuery)
    async def pieces(self, request: web.Request) -> web.Response:
        """A document's pieces as they are indexed, the first ones."""
        asked = parse_query(PiecesQuery, request.query)
        found = await self._parts.loaded().pieces(asked.source, asked.path, PIECES)
        if found is None:
            raise web.HTTPNotFound(text="path: there is no such document")
        pieces = [
            {"line": place.line, "heading": place.heading, "text": text} for place, text in found
        ]
        return json_response({"pieces": pieces})

    @needs(Role.VIEWER)
    @takes(body=Tried)
    async def tried(self, request: web.Request) -> web.Response:
        """What each stage would make of a question, what would be answered, and the passages that
        are nearest. Nothing is recorded."""
        asked = parse_body(Tried, await read_json_body(request))
        knowledge, pipeline = self._parts.loaded(), self._parts.pipeline
        if pipeline is None:
            raise web.HTTPServiceUnavailable(text="the models are being loaded; try again")
        now, trace = self._parts.clock.now(), list[Mapping[str, Any]]()
        message = IncomingMessage(
            "console", "console", "console", "try", asked.text, now, mention=asked.mention
        )
        question = Question(asked.text, asked.mention, (message,), sources=asked.sources)
        outcome = await pipeline.decide(question, trace)
        found = await knowledge.search(asked.text, FOUND, asked.sources)
        chinese = speaks_chinese(self._parts.options.language, asked.text)
        answered = isinstance(outcome, Answer)
        return json_response(
            {
                "outcome": "answer" if answered else "silence",
                "reason": outcome.reason,
                "text": answer_text(outcome, chinese) if isinstance(outcome, Answer) else "",
                "citations": [asdict(one) for one in outcome.citations]
                if isinstance(outcome, Answer)
                else [],
                "words": {
                    "zh": trace_lines(trace, chinese=True),
                    "en": trace_lines(trace, chinese=False),
                },
                "trace": trace,
                "evidence": found.evidence,
                "passages": [
                    {
                        "source": one.source,
                        "path": one.path,
                        "heading": one.heading,
                        "line": one.line,
                        "url": one.section_url,
                        "score": one.score,
                        "text": one.text,
                    }
                    for one in found.passages
                ],
            }
        )

    @needs(Role.ADMIN)
    async def reload(self, request: web.Request) -> web.Response:
        """Begins to bring the index up to date, unless that is being done; `summary` tells how far
        it is."""
        if self._reloads.begin():
            await self._parts.audit.record(user_of(request), "knowledge.reload", "knowledge")
        return json_response({"reloading": self._reloads.under_way}, 202)


def _document(row: DocumentRow, pieces: int, cited: Mapping[str, int]) -> dict[str, Any]:
    return {
        "source": row.source,
        "path": row.path,
        "url": row.url,
        "size": row.size,
        "changed_at": row.mtime_ns / 1e9,
        "error": row.error,
        "pieces": pieces,
        "cited": cited.get("n", 0),
        "helpful": cited.get("helpful", 0),
        "unhelpful": cited.get("unhelpful", 0),
    }


def _is_used(one: Mapping[str, Any], use: Use) -> bool:
    match use:
        case "never":
            return not one["cited"] and one["error"] is None
        case "skipped":
            return one["error"] is not None
        case "":
            return True
        case _:
            return bool(one[use])
