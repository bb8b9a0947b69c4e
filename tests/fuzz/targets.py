"""The parsers, each with what it is given and what it may do with it: return something sound, or
raise the one error that it promises."""

import asyncio
import json
import math
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from aiohttp import web
from protego import Protego

from adapters import console
from adapters.base import Citation, Reply
from adapters.dialects import DINGTALK, LARK, WECOM
from adapters.dingtalk import events as dingtalk
from adapters.dingtalk import markup as dingtalk_markup
from adapters.lark import callback, card
from adapters.lark import events as lark
from adapters.lark.content import Me, forwarded
from adapters.markdown import rendered
from adapters.payload import clean, objects, parsed
from adapters.rest import Response
from adapters.web import types as web_types
from adapters.webhook.codes import refusal, result_of
from adapters.wecom import events as wecom
from adapters.wecom import protocol, streaming
from bot.answering.keywords import parsed as parsed_keywords
from bot.answering.several import split_questions
from bot.console import login
from bot.grounding.claims import grounded
from bot.grounding.sanitize import harmless, without_foreign_links
from bot.grounding.sources import Sources
from bot.group.command_parser import parse_command, parse_duration
from bot.llm import error_mapping, wire
from bot.llm.scoring import Rubric, read_score
from bot.llm.types import LlmError
from common.language import words as words_of
from common.small_talk import small_talk, without_openers
from knowledge.code import graphql, stream
from knowledge.retrieval.rerank import scores_in
from knowledge.web import reader_process, serper, tidy
from knowledge.web.types import PageError
from tests.fuzz import samples
from tests.fuzz.inputs import as_bytes, as_json, as_text, words

ME = Me("lark", "cli_dou", "ou_dou")
NOW = 1_700_000_000.0
PAGE = "The server listens on port 7311 by default; `--port` changes it.\n\n    kettle serve\n"
SOURCES = Sources([PAGE], "which port?")


@dataclass(frozen=True)
class Target:
    """`made` makes an input of a source of chance, `fed` gives it to the parser, which may raise
    what is `allowed`. `share` of the inputs go to it, beside others; slow ones get fewer."""

    name: str
    made: Callable[[random.Random], Any]
    fed: Callable[[Any], Any]
    allowed: tuple[type[Exception], ...] = ()
    share: float = 1.0

    def try_one(self, seed: int) -> Any:
        """Feeds the input of a seed; returns it. Raises what was not promised."""
        given = self.made(random.Random(seed))
        self.feed_one(given)
        return given

    def feed_one(self, given: Any) -> None:
        """Feeds an input. Raises what was not promised."""
        with suppress(*self.allowed):
            check(self.fed(given))


def check(found: Any) -> None:
    """What comes in can be stored and shown: texts are Unicode without NUL, numbers are finite."""
    if isinstance(found, str):
        found.encode()
        assert "\0" not in found
    elif isinstance(found, float):
        assert math.isfinite(found)
    elif is_dataclass(found) and not isinstance(found, type):
        for field in fields(found):
            check(getattr(found, field.name))
    elif isinstance(found, dict):
        check(list(found.items()))
    elif isinstance(found, tuple | list):
        for each in found:
            check(each)


def _json(some: list[Any]) -> Callable[[random.Random], bytes]:
    return lambda chance: as_json(some, chance)


def _text(some: list[str]) -> Callable[[random.Random], str]:
    return lambda chance: as_text(some, chance)


def _lark(data: bytes) -> Any:
    payload = parsed(data)
    event = lark.parse(payload, ME)
    return event, dict(lark.toast(event, payload)), lark.event_id(payload)


def _lark_history(data: bytes) -> Any:
    payload = parsed(data)
    items = [payload, *objects(payload, "items")]
    read = [lark.parse_item(item, ME, private=False) for item in items]
    return read, forwarded(items, "om_0", ME)


def _lark_body(data: bytes) -> Any:
    text = data.decode("latin-1")
    return [dict(callback.decrypted(text, "key")), dict(callback.decrypted(text[:64], ""))]


def _dingtalk(data: bytes) -> Any:
    payload = parsed(data)
    message = dingtalk.parse_message(payload, "ding", "豆哥", NOW)
    return message, dingtalk.group_of(payload), dingtalk.person_of(dingtalk.group_of(payload))


def _dingtalk_action(data: bytes) -> Any:
    return dingtalk.parse_action(parsed(data), "ding", ["cidA==", "private:ann"], NOW)


def _wecom(data: bytes) -> Any:
    frame = protocol.read(data)
    if frame is None or frame.code is not None:
        return None
    group = wecom.group_of(frame.body)
    json.dumps(wecom.target(group))
    return wecom.parse(frame.body, "wecom", "豆哥", NOW), group, frame.event


def _webhook(data: bytes) -> Any:
    response = Response(data[0] * 3 if data else 0, {}, parsed(data))
    return [
        (str(refusal(platform, response)), result_of(platform, response))
        for platform in ("lark", "dingtalk", "wecom")
    ]


def _http_bodies(data: bytes) -> None:
    for model in (
        *(web_types.PostedMessage, web_types.RecallRequest, web_types.Judgement),
        *(web_types.PostedLabel, login.PostedLogin, login.PostedChoice),
    ):
        try:
            check(clean(web_types.parse_body(model, data).model_dump()))
        except web.HTTPBadRequest as error:
            (error.text or "").encode()


def _http_queries(text: str) -> None:
    names = text.split()
    query = {name[:40]: text[-len(name) :] for name in names} | {"group": text[:70]}
    for model in (web_types.MessagesQuery, web_types.StreamQuery):
        try:
            web_types.parse_query(model, query)
        except web.HTTPBadRequest as error:
            check(error.text)


def _completion(data: bytes) -> Any:
    done = wire.parse_completion(data.decode("utf-8", "replace"), "remote", "m")
    return [read_score(rubric, done) for rubric in Rubric]


def _llm_error(text: str) -> Any:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        body = text
    said = error_mapping.message_of(body)
    pause = error_mapping.retry_after({"retry-after": text[:40], "date": text[40:80]}, NOW)
    refused = wire.refused_fields({"model": "m", "top_p": 1, "max_tokens": 5}, said)
    errors = [error_mapping.of_status(status, "remote", said) for status in (400, 403, 429, 500)]
    return [pause, sorted(refused), len(errors)]


def _scores(text: str) -> Any:
    done = wire.completion_of({"content": text}, "b", "m", finish="stop", usage=None)
    return [read_score(Rubric.QUESTION, done), parsed_keywords(done.text)]


def _grounded(text: str) -> Any:
    found = grounded(wire.without_thoughts(text), SOURCES)
    return [found.text, found.core_lost]


def _posted(text: str) -> Any:
    """An answer on its way out, as each platform shows it."""
    said = wire.without_thoughts(text)
    safe = without_foreign_links(harmless(said), frozenset({"a.b"}), "(gone)")
    cited = (Citation("a.md", "Ports > [x](y)", 7, "https://a.b/c"),)
    reply = Reply("k", "g", "m", safe, citations=cited)
    shown = [rendered(safe, dialect) for dialect in (LARK, DINGTALK, WECOM)]
    cards = [card.card(reply, buttons=True), card.plain(reply), streaming.render(reply)]
    return [*shown, *cards, dingtalk_markup.message(reply, "ann")]


def _message(text: str) -> Any:
    """A message on its way in, cleaned as every adapter does."""
    said = clean(text)
    command = parse_command(said, "/dou")
    if command:
        parse_duration(command.argument)
    line = console.parse(said, _CONSOLE, "豆哥", message_id="m", sent_at=NOW)
    talk = small_talk(said)
    return [without_openers(said), *split_questions(said), talk, words_of(said), line]


_CONSOLE = console.Settings(kind="console")


def _serper(data: bytes) -> Any:
    found = serper._object(data)
    status = data[0] * 4 if data else 0
    return [repr(serper._error(status, str((found or {}).get("message", ""))))]


def _sourcegraph(data: bytes) -> Any:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    answer = stream.Answer()
    for event in ("matches", "alert", "error", "done"):
        answer.take(event, found)
    reply = found if isinstance(found, dict) else {}
    more = graphql.found(reply)
    return [answer.matches, answer.alert, more.matches, more.alert, graphql.contents(reply, ["x"])]


def _stream(data: bytes) -> Any:
    async def chunks() -> Any:
        for start in range(0, len(data), 7):
            yield data[start : start + 7]

    async def read() -> int:
        return len([event async for event in stream.read_events(chunks())])

    return asyncio.run(read())


def _rerank(data: bytes) -> Any:
    return scores_in(json.loads(data), 2)


def _page(data: bytes) -> Any:
    kind = tidy.kind_of("text/html" if data[:1] < b"a" else "text/plain", "", data)
    return [kind, *reader_process.read("text" if kind == "pdf" else kind, "", data).values()]


def _robots(data: bytes) -> bool:
    rules = Protego.parse(data.decode("utf-8-sig", "replace"))
    return bool(rules.can_fetch("https://a.b/private/x.html?y", "huixiangdou"))


def _terms(text: str) -> Any:
    found = graphql.phrases((), words_of(clean(text)), 3)
    return [graphql.query(phrase, "github.com/a/b", "") for phrase in found]


PARSERS = (
    Target("lark: events", _json(samples.LARK), _lark, share=3),
    Target("lark: history", _json(samples.LARK_ITEMS), _lark_history),
    Target("lark: callback bodies", lambda c: as_bytes(["aGVsbG8gd29ybGQ="], c), _lark_body),
    Target("dingtalk: messages", _json(samples.DINGTALK), _dingtalk, share=3),
    Target("dingtalk: buttons", _json(samples.DINGTALK_ACTIONS), _dingtalk_action),
    Target("wecom: frames", _json(samples.WECOM), _wecom, share=3),
    Target("webhook: answers", _json(samples.WEBHOOK), _webhook),
    Target("web: bodies", _json(samples.POSTED), _http_bodies, share=2),
    Target("web: queries", lambda chance: clean(words(chance, 8)), _http_queries),
    Target("llm: answers", _json(samples.COMPLETIONS), _completion, (LlmError,), share=3),
    Target("llm: errors", lambda c: as_json(samples.COMPLETIONS, c).decode("latin-1"), _llm_error),
    Target("llm: scores and keywords", _text(samples.ANSWERS), _scores),
    Target("llm: answers checked", _text(samples.ANSWERS), _grounded, share=0.3),
    Target("answers shown", _text(samples.ANSWERS), _posted, share=0.3),
    Target("messages and commands", _text(samples.MESSAGES), _message),
    Target("search: serper", _json(samples.SERPER), _serper),
    Target("search: sourcegraph", _json(samples.SOURCEGRAPH), _sourcegraph),
    Target("search: stream", lambda c: as_bytes(samples.STREAM, c), _stream, share=0.2),
    Target("search: terms", _text(samples.MESSAGES), _terms),
    Target("search: reranker", _json(samples.RERANK), _rerank, (ValueError, RecursionError)),
    Target("search: robots.txt", lambda c: as_bytes(samples.ROBOTS, c), _robots, share=0.5),
    Target("search: pages", lambda c: as_bytes(samples.HTML, c), _page, (PageError,), share=0.02),
)
