"""`check`: what would keep the bot from working, found before it does; a line per finding."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile

from adapters.base import Finding
from adapters.contract import Adapter
from bot.answering.external import ExternalSources
from bot.cli.check_live import check_live, check_platform
from bot.cli.check_llm import check_llm
from bot.cli.index import say
from bot.config.schema import Config
from bot.console.users import UsersError, read_users
from bot.llm.llm import Llm
from bot.store.database import StoreError
from bot.store.engines.place import PostgresUrl
from bot.texts.gate import gate_lines
from common.texts import counted
from knowledge.base import KnowledgeBase
from knowledge.gate.examples import load_examples
from knowledge.index.snapshots import is_current
from knowledge.retrieval.rerank import RerankerError, create_reranker
from knowledge.settings import KnowledgeSettings
from knowledge.sharing.publishing import VERSIONS, open_share
from knowledge.sharing.settings import S3Place
from knowledge.types import KnowledgeError, Status

SAMPLE = "HuixiangDou group chat assistant"
"""What the web is asked for, to see whether it answers."""

RERANKED_FOR = "Which port does the server listen on?"
RERANKED = ("The cake needs three eggs and some sugar.", "The server listens on port 8080.")
"""A question for the reranker and two passages, the second of which answers."""

LOADING_S = 120.0
"""The time in which the reranker must answer once; a model that runs here is loaded first."""


async def check(config: Config, llm: Llm | None, external: ExternalSources | None) -> int:
    """Prints a line per finding; status 0 when none of them is bad."""
    findings = [
        Finding("ok", "configuration: read without problems"),
        *_data_folder(config.bot.data_dir),
        *_store(config.store_place),
        *_logins(config),
        *_sources(config),
        *_adapters(config),
        *await check_llm(config, llm),
        *await _search(external),
        *_examples(config.gate.examples),
        *await _index(config),
        *await _reranker(config.knowledge),
        *await _share(config.knowledge),
    ]
    for finding in findings:
        say(f"{finding.mark:<6}{finding.text}")
    return 1 if any(finding.mark == "bad" for finding in findings) else 0


async def check_adapter(adapters: Mapping[str, Adapter], name: str) -> int:
    """Walks through one platform's set-up; a line per point, status 0 when none is bad."""
    if name not in adapters:
        say(f"bad   no adapter is named {name}; there are: {', '.join(adapters)}")
        return 1
    return await _shown(check_platform(name, adapters[name]))


async def check_alive(config: Config, adapters: Mapping[str, Adapter]) -> int:
    """Asks every platform and the bot that runs; status 0 when nothing is bad."""
    return await _shown(check_live(config, adapters))


async def _shown(findings: AsyncIterator[Finding]) -> int:
    status = 0
    async for finding in findings:
        say(f"{finding.mark:<6}{finding.text}")
        status = 1 if finding.mark == "bad" else status
    return status


def _data_folder(folder: Path) -> Iterator[Finding]:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with TemporaryFile(dir=existing):  # permissions alone don't tell of read-only disks
            yield Finding("ok", f"data: {folder} can be written")
    except OSError as error:
        why = f"can't be written ({error.strerror}); set bot.data_dir"
        yield Finding("bad", f"data: {folder} {why}")


def _store(place: Path | PostgresUrl) -> Iterator[Finding]:
    """A database; a file stands in the data folder."""
    if isinstance(place, Path):
        return
    from bot.store.engines.postgres import probe  # a tenth of a second

    try:
        yield Finding("ok", f"store: {place} answers, PostgreSQL {probe(place)}")
    except StoreError as error:
        yield Finding("bad", f"store: {error}")


def _logins(config: Config) -> Iterator[Finding]:
    if not isinstance(config.store_place, Path):
        yield Finding("ok", "logins: those of the store are listed by run_bot.py user list")
        return
    try:
        stored = read_users(config.bot.data_dir)
    except UsersError as error:
        yield Finding("bad", f"logins: {error}")
        return
    roles = [user.role for user in config.http.users] + [user.role for user in stored.users]
    token = bool(config.http.token.get_secret_value())
    if not roles and not token:
        who = "whoever uses this machine" if stored.open else "nobody yet"
        advice = "on the page, or by: run_bot.py user add NAME --role admin"
        yield Finding("note", f"logins: none, admin is {who}; make one {advice}")
        return
    admins = roles.count("admin") + token
    said = f"logins: {len(roles) + token}, {admins} of them admin"
    yield Finding("ok" if admins else "note", said)


def _sources(config: Config) -> Iterator[Finding]:
    for source in config.knowledge.sources:
        if source.path and not source.path.is_dir():
            yield Finding("bad", f"source {source.name}: there is no folder {source.path}")
        else:
            yield Finding("ok", f"source {source.name}: {source.path or 'git repository'}")


def _examples(files: Sequence[Path]) -> Iterator[Finding]:
    try:
        examples = load_examples(files)
    except KnowledgeError as error:
        yield Finding("bad", f"gate examples: {error}")
        return
    good, bad = len(examples.good), len(examples.bad)
    line = f"gate examples: {good} good, {bad} bad"
    if min(good, bad) >= 10:
        yield Finding("ok", line)
    else:
        yield Finding("note", f"{line}; at least 10 of each make the threshold trustworthy")


async def _index(config: Config) -> list[Finding]:
    try:
        if not is_current(config.plan):
            missing = "index: there is none for this configuration; run: run_bot.py index"
            return [Finding("bad", missing)]
        async with KnowledgeBase(config.plan, config.gate) as knowledge:
            return list(_served(knowledge.status()))
    except KnowledgeError as error:
        return [Finding("bad", f"index: {error}")]


def _served(status: Status) -> Iterator[Finding]:
    pieces = counted(status.pieces, "piece")
    yield Finding("ok", f"index: {counted(status.documents, 'document')}, {pieces}")
    if status.pieces == 0:
        yield Finding("bad", "index: it is empty; do knowledge.sources hold documents?")
    if status.skipped:
        yield Finding("note", f"index: {status.skipped} documents could not be read; see index")
    yield from _gate(status)


def _gate(status: Status) -> Iterator[Finding]:
    unprompted, mentioned = status.thresholds
    yield Finding("ok", f"gate: threshold {unprompted:.3f}, mentioned {mentioned:.3f}")
    state = status.gate
    fine = state.examples_fit and (
        state.unprompted.proven or state.unprompted.precision >= state.target
    )
    for line in gate_lines(state, chinese=False):
        yield Finding("ok" if fine else "note", line)


async def _reranker(settings: KnowledgeSettings) -> list[Finding]:
    """Puts two passages in order, as long as those of the documents may be."""
    reranker = create_reranker(settings.reranker)
    if reranker is None:
        return []
    texts = [(f"{text}\n" * settings.passage_chars)[: settings.passage_chars] for text in RERANKED]
    started = time.perf_counter()
    try:
        async with asyncio.timeout(LOADING_S):
            wrong, right = await reranker.scores(RERANKED_FOR, texts)
    except TimeoutError:
        return [Finding("bad", f"reranker: {reranker.id} took more than {LOADING_S:g} s")]
    except RerankerError as error:
        return [Finding("bad", f"reranker: {error}")]
    finally:
        await reranker.close()
    line = f"reranker: {reranker.id}, {time.perf_counter() - started:.1f} s for 2 passages"
    if wrong < right:
        return [Finding("ok", line)]
    return [Finding("note", f"{line}, in the wrong order; is the model a reranker?")]


async def _share(settings: KnowledgeSettings) -> list[Finding]:
    """A bucket; a folder may be mounted where the roles run, and not here."""
    if not isinstance(settings.share, S3Place):
        return []
    try:
        share = open_share(settings.share, settings.s3)
        found = await asyncio.to_thread(lambda: len(list(share.names(VERSIONS))))
    except (KnowledgeError, OSError) as error:
        return [Finding("bad", f"knowledge.share: {error}")]
    return [Finding("ok", f"knowledge.share: {settings.share} answers, {found} versions")]


def _adapters(config: Config) -> Iterator[Finding]:
    for settings in config.adapters:
        name, own = settings.name, settings.kind in ("web", "console")
        more = "" if own else f"; ask the platform: check --adapter {name}"
        yield Finding("ok", f"adapter {name}: settings complete{more}")
    names = {settings.name for settings in config.adapters}
    for user in config.admin.users:
        if user.split(":", 1)[0] not in names:
            yield Finding("note", f"admin {user}: no adapter has that name")
    digest_to = config.schedule.digest_to
    if digest_to and digest_to.split(":", 1)[0] not in names:
        yield Finding("bad", f"schedule.digest_to {digest_to}: no adapter has that name")


async def _search(external: ExternalSources | None) -> list[Finding]:
    """A line per search that is configured; the web is asked one question."""
    if external is None:
        return [Finding("ok", "search: documents only")]
    found = []
    if external.code:
        wrong = external.code.notes()
        found += [Finding("bad", note) for note in wrong]
        found += [] if wrong else [Finding("ok", "search.repo: all can be searched")]
    if external.web:
        articles = await external.web.search([SAMPLE], chinese=False)
        wrong = external.web.notes()
        found += [Finding("bad", f"search.web: {note}") for note in wrong]
        brought = f"search.web: a sample question brought {len(articles)} pages"
        found += [] if wrong else [Finding("ok", brought)]
    return found
