"""Building the index in a process of its own: neither its work nor its memory is the daemon's."""

import asyncio
import json
import os
import signal
import sys
from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from knowledge.plan import BuildPlan, BuildReport
from knowledge.types import KnowledgeError, Skipped, Vectors

_LINE_BYTES = 1 << 26
"""A report names every changed and skipped file: tens of megabytes for a million of them."""

_LAST_WORDS_S = 5.0
"""How long a process that has ended may keep its output open: something else holds it."""


@dataclass(frozen=True, slots=True)
class Lent:
    """A model that is loaded here: the build's process need not load it for a few texts."""

    dim: int
    encode: Callable[[Sequence[str]], Awaitable[Vectors]]


async def build_apart(
    plan: BuildPlan,
    progress: Callable[[str, int, int], None] = lambda *_: None,
    lent: Lent | None = None,
) -> BuildReport:
    """Builds in a child process, see `knowledge.ingest.builder_main`. Raises KnowledgeError, also
    when the child is killed; cancelling ends it, and it ends with this process."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "knowledge.ingest.builder_main",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        start_new_session=True,  # what it starts ends with it, see _end
        limit=_LINE_BYTES,
    )  # fmt: skip
    working = asyncio.ensure_future(_result(child, plan, progress, lent))
    ended = asyncio.ensure_future(child.wait())
    try:
        await asyncio.wait({working, ended}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({working}, timeout=_LAST_WORDS_S)
        found = working.result() if working.done() else None
        if found is None:
            await asyncio.wait({ended}, timeout=_LAST_WORDS_S)
            raise KnowledgeError(_ending(ended.result() if ended.done() else None))
        return found
    finally:
        working.cancel()
        await _end(child, ended)


async def _result(
    child: asyncio.subprocess.Process,
    plan: BuildPlan,
    progress: Callable[[str, int, int], None],
    lent: Lent | None,
) -> BuildReport | None:
    """The report; None when the child ends without one. Raises KnowledgeError."""
    assert child.stdin and child.stdout  # noqa: S101 - both are pipes, as asked for above
    with suppress(ConnectionError):  # it is gone: how it ended tells more
        await _send(child.stdin, {"plan": asdict(plan), "dim": lent.dim if lent else 0})
        async for line in child.stdout:
            message = json.loads(line)
            if "report" in message:
                return _report(message["report"])
            if "error" in message:
                raise KnowledgeError(message["error"])
            if lent and "encode" in message:
                await _send(child.stdin, await _encoded(lent, message["encode"]))
            else:
                progress(*message["progress"])
    return None


async def _send(pipe: asyncio.StreamWriter, message: dict[str, Any]) -> None:
    pipe.write(json.dumps(message).encode() + b"\n")
    await pipe.drain()


async def _encoded(lent: Lent, texts: list[str]) -> dict[str, Any]:
    try:
        return {"vectors": b64encode((await lent.encode(texts)).tobytes()).decode()}
    except KnowledgeError as error:
        return {"error": str(error)}


async def _end(child: asyncio.subprocess.Process, ended: "asyncio.Future[int]") -> None:
    """Ends the child and everything that it started, in whatever state they are."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, sign)
        await asyncio.wait({ended}, timeout=5)


def _ending(status: int | None) -> str:
    why = "has stopped answering" if status is None else f"ended with status {status}, see the log"
    if status is not None and status < 0:
        why = f"was ended by signal {-status}"
    if status == -signal.SIGKILL:
        why += ", perhaps for want of memory"
    return f"the process that builds the index {why}; the index is as it was before"


def _report(found: dict[str, Any]) -> BuildReport:
    skipped = tuple(Skipped(**item) for item in found.pop("skipped"))
    paths = {name: tuple(found.pop(name)) for name in ("added", "changed", "removed")}
    return BuildReport(**found | paths | {"skipped": skipped})
