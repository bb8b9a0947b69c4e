"""Building the index in a process of its own: neither its work nor its memory is the daemon's.

The child (`python -m knowledge.build`) reads one JSON line, the plan, from its standard input and
writes JSON lines: {"progress": [stage, done, total]}, then {"report": {...}} or {"error": "..."}.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from knowledge.embed import EmbedderSpec
from knowledge.ingest import build
from knowledge.plan import BuildPlan, BuildReport, Source
from knowledge.types import KnowledgeError, Skipped

_LINE_BYTES = 1 << 26
"""A report names every changed and skipped file: tens of megabytes for a million of them."""


async def build_apart(
    plan: BuildPlan, progress: Callable[[str, int, int], None] = lambda *_: None
) -> BuildReport:
    """Builds in a child process. Raises KnowledgeError; cancelling ends the child."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "knowledge.build",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parent.parent,
        start_new_session=True,  # its workers end with it, see _end
        limit=_LINE_BYTES,
    )  # fmt: skip
    assert child.stdin and child.stdout  # noqa: S101 - both are pipes, as asked for above
    try:
        child.stdin.write(json.dumps(asdict(plan)).encode() + b"\n")
        await child.stdin.drain()
        async for line in child.stdout:
            message = json.loads(line)
            if "report" in message:
                return _report(message["report"])
            if "error" in message:
                raise KnowledgeError(message["error"])
            progress(*message["progress"])
        raise KnowledgeError(f"the build ended with status {await child.wait()}; see the log")
    finally:
        await _end(child)


async def _end(child: asyncio.subprocess.Process) -> None:
    if child.returncode is None:
        for sign in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(child.pid, sign)
                await asyncio.wait_for(child.wait(), 5)
            except TimeoutError:
                continue
            except ProcessLookupError:
                pass
            return


def _report(found: dict[str, Any]) -> BuildReport:
    skipped = tuple(Skipped(**item) for item in found.pop("skipped"))
    paths = {name: tuple(found.pop(name)) for name in ("added", "changed", "removed")}
    return BuildReport(**found | paths | {"skipped": skipped})


def plan_from(found: dict[str, Any]) -> BuildPlan:
    """A plan from its JSON form."""
    sources = tuple(
        Source(**item | {name: tuple(item[name]) for name in ("include", "exclude")})
        for item in found.pop("sources")
    )
    chars = {name: tuple(found.pop(name)) for name in ("piece_chars", "reject_chars")}
    return BuildPlan(
        **found | chars | {"sources": sources, "embedder": EmbedderSpec(**found["embedder"])}
    )


def _main() -> None:
    out = sys.stdout
    sys.stdout = sys.stderr  # what a library prints must not get into the protocol

    def say(message: dict[str, Any]) -> None:
        out.write(json.dumps(message) + "\n")
        out.flush()

    try:
        plan = plan_from(json.loads(sys.stdin.readline()))
        report = build(plan, lambda *step: say({"progress": step}))
        say({"report": asdict(report)})
    except KnowledgeError as error:
        say({"error": str(error)})
    except BrokenPipeError:
        os._exit(1)  # the bot was stopped: nobody listens, and there is nothing to complain of


if __name__ == "__main__":
    _main()
