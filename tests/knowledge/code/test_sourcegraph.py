"""Sourcegraph over loopback: what is asked, what is answered, and every way to fail."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from knowledge.code.client import MAX_BYTES
from knowledge.code.search import RepoSearch
from knowledge.code.types import MAX_HITS, MAX_LINES
from tests.fakes.clock import FakeClock
from tests.fakes.sourcegraph_api import COMMIT, Say, SourcegraphApi, sourcegraph_api
from tests.knowledge.code.code import FILES, opened, places, question, repo

KETTLE = "github.com/open-kettle/kettle"
TOKEN = "sgp_geheim"


@pytest.fixture
async def api() -> AsyncIterator[SourcegraphApi]:
    async with sourcegraph_api() as running:
        running.repos[KETTLE] = {path: text for path, text in FILES.items() if "test" not in path}
        yield running


def entry(api: SourcegraphApi, **fields: Any) -> Any:
    given = {"backend": "sourcegraph", "repo": "open-kettle/kettle", "endpoint": api.url, **fields}
    return repo(**given)


async def asked(search: RepoSearch, text: str = "warm_up 怎么算") -> list[tuple[str, str]]:
    return places(await search.search(question(text)))


async def test_hits_come_with_their_place(api: SourcegraphApi, tmp_path: Path) -> None:
    async with opened(tmp_path, [entry(api)]) as search:
        hits = await search.search(question("Heater.warm_up怎么算的"))
        assert search.notes() == []
    first = hits[0]
    assert (first.repo, first.path, first.heading) == (
        "kettle", "kettle/heat.py", "Heater > warm_up",
    )  # fmt: skip
    assert first.url == f"https://{KETTLE}/blob/{COMMIT}/kettle/heat.py#L{first.line}"
    assert "def warm_up" in first.text
    assert FILES["kettle/heat.py"].split("\n")[first.line - 1] == first.text.split("\n")[0]
    assert first.matched == ("Heater.warm_up",)
    assert first.score > hits[1].score


async def test_queries_hold_names_only_and_our_own_filters(
    api: SourcegraphApi, tmp_path: Path
) -> None:
    hostile = 'repo:evil count:all "a_b" OR type:repo" `x" repo:^evil$ count:all` --work-dir'
    async with opened(tmp_path, [entry(api, rev="main")]) as search:
        await search.search(question(hostile, terms=["foo(bar)", "-repo:x", "\\"]))
    assert 0 < len(api.queries) <= 3
    for query in api.queries:
        phrase, own = query.rsplit('" repo:', 1)
        assert own == (
            r"^github\.com/open-kettle/kettle$ rev:main -file:(^|/)(tests?|testing)/ type:file "
            "fork:yes archived:yes count:10 timeout:10s"
        )
        assert phrase.startswith('"')
        assert not set(phrase[1:]) & set('":\\^$()|')
    kind, parameters = api.requests[0]
    assert kind == "stream"
    assert (parameters["v"], parameters["t"], parameters["cm"]) == ("V3", "keyword", "true")


async def test_a_question_without_names_asks_nothing(api: SourcegraphApi, tmp_path: Path) -> None:
    async with opened(tmp_path, [entry(api)]) as search:
        assert await asked(search, "水壶为什么不热") == []
    assert api.queries == []


async def test_several_repositories_share_the_queries(api: SourcegraphApi, tmp_path: Path) -> None:
    both = [entry(api, name="a"), entry(api, name="b")]
    async with opened(tmp_path, both) as search:
        await search.search(question("a and b: one_x two_x three_x four_x"))
    assert len(api.queries) == 2


async def test_the_token_is_sent_and_never_shown(api: SourcegraphApi, tmp_path: Path) -> None:
    api.token = TOKEN
    async with opened(tmp_path, [entry(api, token=SecretStr(TOKEN))]) as search:
        assert await asked(search)
        assert TOKEN not in repr(search) + repr(vars(search))


@pytest.mark.parametrize("token", ["", "sgp_wrong"])
async def test_a_refused_token_is_named_and_not_tried_again(
    api: SourcegraphApi, tmp_path: Path, token: str
) -> None:
    api.token = TOKEN
    async with opened(tmp_path, [entry(api, token=SecretStr(token))]) as search:
        assert await asked(search) == []
        note = search.notes()[0]
        assert "search.repo (kettle): `token`" in note
        assert ("must be set" in note) == (not token)
        assert TOKEN not in note
        assert "wrong" not in note
        api.token = ""
        assert await asked(search) == []
        await search.refresh()
        assert await asked(search)
        assert search.notes() == []


async def test_403_is_permanent(api: SourcegraphApi, tmp_path: Path) -> None:
    api.script = [Say(403)]
    async with opened(tmp_path, [entry(api)]) as search:
        assert await asked(search) == []
        assert await asked(search) == []
        assert "answers 403" in search.notes()[0]
    assert len(api.queries) == 1


async def test_a_redirect_is_not_followed(api: SourcegraphApi, tmp_path: Path) -> None:
    api.script = [Say(302, {"Location": "http://127.0.0.1:1/sign-in"})]
    async with opened(tmp_path, [entry(api)]) as search:
        assert await asked(search) == []
        assert "sends on to another page" in search.notes()[0]


async def test_without_streams_graphql_is_asked(api: SourcegraphApi, tmp_path: Path) -> None:
    api.has_stream = False
    async with opened(tmp_path, [entry(api)]) as search:
        hits = await search.search(question("Heater.warm_up怎么算"))
        assert search.notes() == []
        assert (hits[0].path, hits[0].heading) == ("kettle/heat.py", "Heater")
        assert hits[0].text.startswith("class Heater:")
        assert COMMIT in hits[0].url
        api.requests.clear()
        assert await asked(search)
    assert [kind for kind, _ in api.requests] == ["graphql", "graphql"]


async def test_graphql_lines_do_where_files_are_too_long(
    api: SourcegraphApi, tmp_path: Path
) -> None:
    api.has_stream = False
    api.repos[KETTLE]["kettle/heat.py"] += "# x\n" * MAX_BYTES
    async with opened(tmp_path, [entry(api)]) as search:
        hits = await search.search(question("warm_up怎么算"))
    assert hits[0].text == "    def warm_up(self, degrees: int) -> float:"
    assert hits[0].line == 12
    assert hits[0].url == ""


async def test_no_api_at_all_is_a_wrong_endpoint(api: SourcegraphApi, tmp_path: Path) -> None:
    api.has_stream = api.has_graphql = False
    async with opened(tmp_path, [entry(api)]) as search:
        assert await asked(search) == []
        assert "search.repo (kettle): `endpoint` is no Sourcegraph server" in search.notes()[0]


@pytest.mark.parametrize("body", ["[]", "{", "null", '{"errors":[{"message":"boom"}]}', "[" * 9999])
async def test_graphql_errors_bring_nothing(api: SourcegraphApi, tmp_path: Path, body: str) -> None:
    api.has_stream = False
    api.script = [Say(body=body)]
    async with opened(tmp_path, [entry(api)]) as search:
        assert await asked(search) == []
        assert search.notes() != []
        assert await asked(search)


async def test_429_is_waited_for_once(api: SourcegraphApi, tmp_path: Path) -> None:
    api.script = [Say(429, {"Retry-After": "7"})]
    clock = FakeClock()
    async with opened(tmp_path, [entry(api)], clock=clock) as search:
        found = await jumping(search, clock)
        assert found
        assert clock.now() == 1_700_000_007
        api.script = [Say(429), Say(429)]
        assert await jumping(search, clock) == []
        assert "too many requests" in search.notes()[0]
    assert len(api.queries) == 4


async def test_a_long_pause_is_kept(api: SourcegraphApi, tmp_path: Path) -> None:
    api.script = [Say(429, {"Retry-After": "600"})]
    clock = FakeClock()
    async with opened(tmp_path, [entry(api)], clock=clock) as search:
        assert await asked(search) == []
        clock.advance(599)
        assert await asked(search) == []
        assert len(api.queries) == 1
        clock.advance(2)
        assert await asked(search)


async def jumping(search: RepoSearch, clock: FakeClock) -> list[tuple[str, str]]:
    """Asks, and lets the time pass that is waited for."""
    import asyncio

    task = asyncio.create_task(asked(search))
    while not task.done():
        clock.jump()
        await asyncio.sleep(0)
    return task.result()


@pytest.mark.parametrize("status", [500, 502, 418])
async def test_server_faults_pass(api: SourcegraphApi, tmp_path: Path, status: int) -> None:
    api.script = [Say(status)]
    async with opened(tmp_path, [entry(api)]) as search:
        assert await asked(search) == []
        assert f"status {status}" in search.notes()[0]
        assert await asked(search)
        assert search.notes() == []


async def test_a_cut_stream_gives_what_came(api: SourcegraphApi, tmp_path: Path) -> None:
    api.script = [Say(cut=1)]
    async with opened(tmp_path, [entry(api)]) as search:
        assert await asked(search)
        assert search.notes() == ["search.repo (kettle): the last results were cut short"]
        api.script = [Say(cut=0)]
        assert await asked(search) == []
        assert search.notes() != []


async def test_a_stream_that_hangs_is_left(api: SourcegraphApi, tmp_path: Path) -> None:
    matches = _event("matches", _content("warm_up = 1\n"))
    api.script = [Say(raw=each, hang=True, takes_s=61) for each in (matches, b"")]
    async with opened(tmp_path, [entry(api)], timeout_s=60) as search:
        assert len(await asked(search)) == 1
        assert "cut short" in search.notes()[0]
        assert await asked(search) == []
        assert "more than 60 s" in search.notes()[0]


async def test_nobody_listening_is_noted(tmp_path: Path) -> None:
    nowhere = repo(backend="sourcegraph", repo="a/b", endpoint="http://127.0.0.1:1")
    async with opened(tmp_path, [nowhere]) as search:
        assert await asked(search) == []
        assert "127.0.0.1:1 did not answer" in search.notes()[0]


async def test_an_unknown_repository_is_a_wrong_key(api: SourcegraphApi, tmp_path: Path) -> None:
    async with opened(tmp_path, [entry(api, repo="open-kettle/kettel")]) as search:
        assert await asked(search) == []
        assert (
            "`repo`: the server knows no repository github.com/open-kettle/kettel"
            in (search.notes()[0])
        )
    async with opened(tmp_path, [entry(api, rev="v9")]) as search:
        assert await asked(search) == []
        assert "no revision v9" in search.notes()[0]


async def test_other_alerts_are_passed_on(api: SourcegraphApi, tmp_path: Path) -> None:
    alert = {"title": "Timed out\n\x1b[31m", "description": "try again " * 90}
    api.script = [Say(raw=_event("alert", alert) + _event("done", {}))]
    async with opened(tmp_path, [entry(api)]) as search:
        assert await asked(search) == []
        note = search.notes()[0]
    assert note.startswith("search.repo (kettle): Timed out [31m try again")
    assert len(note) < 300


async def test_endless_streams_are_left_early(api: SourcegraphApi, tmp_path: Path) -> None:
    endless = b"event: matches\ndata: " + b"x" * (5 * MAX_BYTES)
    many = _events([_content(f"warm_up{n} = 1\n", f"f{n}.py")[0] for n in range(900)])
    api.script = [Say(raw=endless), Say(raw=many)]
    async with opened(tmp_path, [entry(api)]) as search:
        assert await asked(search) == []
        assert len(await asked(search)) <= MAX_HITS


HOSTILE: list[dict[str, Any]] = [
    {"repository": "github.com/evil/kettle"},
    {"repository": 7},
    {"path": "../../etc/passwd"},
    {"path": "/etc/passwd"},
    {"path": "a\nb.py"},
    {"path": None},
    {"type": "commit"},
    {"chunkMatches": "x"},
    {"chunkMatches": [7, {"content": "warm_up", "contentStart": {"line": "x"}, "ranges": []}]},
    {"chunkMatches": [{"content": "warm_up", "contentStart": {"line": -5}, "ranges": [7]}]},
    {"chunkMatches": [{"content": "warm_up", "contentStart": {"line": 10**30}, "ranges": []}]},
]


@pytest.mark.parametrize("fields", HOSTILE)
async def test_matches_that_make_no_sense_are_left_out(
    api: SourcegraphApi, tmp_path: Path, fields: dict[str, Any]
) -> None:
    good, bad = _content("warm_up = 1\n")[0], _content("warm_up = 2\n")[0] | fields
    api.script = [Say(raw=_event("matches", [bad, "x", None]) + b"data: {\n\n" + _events([good]))]
    async with opened(tmp_path, [entry(api)]) as search:
        hits = await search.search(question("warm_up"))
    assert [hit.text for hit in hits] == ["warm_up = 1"]


async def test_text_is_cleaned_and_links_are_our_own(api: SourcegraphApi, tmp_path: Path) -> None:
    lines = ["x = 1"] * 80 + ["warm_up = '\x1b[31m\x00'"] + ["y = 2"] * 80
    content = _content("\r\n".join(lines), "a b/#x?.py", at=80)[0] | {"commit": "javascript:alert"}
    own = _content("warm_up = 3", "ok.py")[0]
    api.repos["git.test/o/kettle"] = {}
    content, own = (item | {"repository": "git.test/o/kettle"} for item in (content, own))
    api.script = [Say(raw=_events([content, own]))]
    async with opened(tmp_path, [entry(api, repo="git.test/o/kettle")]) as search:
        hits = {hit.path: hit for hit in await search.search(question("warm_up"))}
    dirty, clean = hits["a b/#x?.py"], hits["ok.py"]
    assert dirty.url == ""
    assert clean.url == f"{api.url}/git.test/o/kettle@{COMMIT}/-/blob/ok.py?L1"
    assert not set(dirty.text) & set("\x1b\x00\r")
    assert dirty.text.count("\n") + 1 == MAX_LINES
    assert dirty.text.split("\n")[80 - dirty.line + 1].startswith("warm_up")


def _content(text: str, path: str = "a.py", at: int = 0) -> list[dict[str, Any]]:
    place = {"offset": 0, "line": at, "column": 0}
    chunk = {
        "content": text,
        "contentStart": place | {"line": 0},
        "ranges": [{"start": place, "end": place}],
    }
    return [
        {"type": "content", "path": path, "repository": KETTLE, "commit": COMMIT,
         "chunkMatches": [chunk]}
    ]  # fmt: skip


def _events(matches: list[dict[str, Any]]) -> bytes:
    return _event("matches", matches) + _event("done", {})


def _event(name: str, data: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


async def test_a_socks_proxy_is_no_matter_on_this_machine_and_else_named(
    api: SourcegraphApi, tmp_path: Path, socks_proxy: str
) -> None:
    async with opened(tmp_path, [entry(api)]) as search:
        assert await asked(search)
    async with opened(tmp_path, [entry(api, endpoint="https://code.test")]) as search:
        assert not await asked(search)
        (note,) = search.notes()
    assert f"HTTPS_PROXY names a proxy of the kind {socks_proxy}" in note
