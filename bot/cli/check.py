"""`check`: what would keep the bot from working, found before it does; a line per finding."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryFile

from adapters.base import AdapterError
from adapters.contract import Adapter
from bot.answering.external import ExternalSources
from bot.cli.check_llm import check_llm
from bot.cli.check_search import check_search
from bot.cli.findings import BAD, NOTE, OK
from bot.cli.index import say
from bot.config.schema import Config
from bot.llm.llm import Llm
from knowledge.base import KnowledgeBase
from knowledge.gate.examples import load_examples
from knowledge.index.snapshots import is_current
from knowledge.plan import BuildPlan
from knowledge.settings import GateSettings
from knowledge.types import KnowledgeError, Status


async def check(config: Config, llm: Llm | None, external: ExternalSources | None) -> int:
    """Prints a line per finding; status 0 when none of them is bad."""
    findings = [*_data_folder(config), *_sources(config.plan), *_adapters(config)]
    findings += await check_llm(config, llm)
    findings += await check_search(external)
    findings += [*_examples(config.gate), *await _index(config.plan, config.gate)]
    say(f"{OK}configuration: read without problems")
    for finding in findings:
        say(finding)
    return 1 if any(finding.startswith(BAD) for finding in findings) else 0


async def check_adapter(adapters: Mapping[str, Adapter], name: str) -> int:
    """Walks through one platform's set-up; a line per point, status 0 when none is bad."""
    if name not in adapters:
        say(f"{BAD}no adapter is named {name}; there are: {', '.join(adapters)}")
        return 1
    adapter, status = adapters[name], 0
    try:
        async with adapter:
            async for finding in adapter.check():
                say(f"{finding.mark:<6}{name}: {finding.text}")
                status = 1 if finding.mark == "bad" else status
    except AdapterError as error:
        say(f"{BAD}{name}: {error}")
        return 1
    return status


def _data_folder(config: Config) -> Iterator[str]:
    folder = config.bot.data_dir
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with TemporaryFile(dir=existing):  # permissions alone don't tell of read-only disks
            yield f"{OK}data: {folder} can be written"
    except OSError as error:
        yield f"{BAD}data: {folder} can't be written ({error.strerror}); set bot.data_dir"


def _sources(plan: BuildPlan) -> Iterator[str]:
    for source in plan.sources:
        if source.git:
            yield f"{OK}source {source.name}: git repository"
        elif not Path(source.path).is_dir():
            yield f"{BAD}source {source.name}: there is no folder {source.path}"
        else:
            yield f"{OK}source {source.name}: {source.path}"


def _examples(gate: GateSettings) -> Iterator[str]:
    try:
        examples = load_examples(gate.examples)
    except KnowledgeError as error:
        yield f"{BAD}gate examples: {error}"
        return
    good, bad = len(examples.good), len(examples.bad)
    mark = OK if good >= 10 and bad >= 10 else NOTE
    yield f"{mark}gate examples: {good} good, {bad} bad" + (
        "; at least 10 of each make the threshold trustworthy" if mark == NOTE else ""
    )


async def _index(plan: BuildPlan, gate: GateSettings) -> list[str]:
    try:
        if not is_current(plan):
            return [f"{BAD}index: there is none for this configuration; run: run_bot.py index"]
        async with KnowledgeBase(plan, gate) as knowledge:
            status = knowledge.status()
    except KnowledgeError as error:
        return [f"{BAD}index: {error}"]
    findings = [f"{OK}index: {status.documents} documents, {status.pieces} pieces"]
    if status.pieces == 0:
        findings.append(f"{BAD}index: it is empty; do knowledge.sources hold documents?")
    if status.skipped:
        findings.append(f"{NOTE}index: {status.skipped} documents could not be read; see index")
    return [*findings, _gate(status)]


def _gate(status: Status) -> str:
    unprompted, mentioned = status.thresholds
    passing = "good examples" if status.examples_fit else "documents' headings"
    line = f"gate: threshold {unprompted:.3f}, mentioned {mentioned:.3f}; "
    line += f"{status.recall:.0%} of the {passing} pass unprompted"
    if status.examples_fit:
        return OK + line
    return f"{NOTE}{line}; the good examples are not about them, write your own: gate.examples"


def _adapters(config: Config) -> Iterator[str]:
    for settings in config.adapters:
        name, kind = getattr(settings, "name", "?"), getattr(settings, "kind", "")
        more = "" if kind in ("web", "console") else f"; ask the platform: check --adapter {name}"
        yield f"{OK}adapter {name}: settings complete{more}"
    names = {getattr(settings, "name", "") for settings in config.adapters}
    for user in config.admin.users:
        if user.split(":", 1)[0] not in names:
            yield f"{NOTE}admin {user}: no adapter has that name"
    digest_to = config.schedule.digest_to
    if digest_to and digest_to.split(":", 1)[0] not in names:
        yield f"{BAD}schedule.digest_to {digest_to}: no adapter has that name"
