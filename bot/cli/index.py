"""`index`, `search`: the knowledge base from the command line."""

import argparse
import json
import sys
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from textwrap import indent
from typing import Any

from tqdm import tqdm

from common.texts import counted
from knowledge.base import KnowledgeBase
from knowledge.index.snapshots import CHANGES
from knowledge.ingest.build_process import build_apart
from knowledge.plan import BuildPlan

SHOWN = 20
"""Documents of a kind that `index` names on a terminal."""


def say(line: str = "") -> None:
    """Prints a line of output."""
    sys.stdout.write(line + "\n")


def say_json(value: Any) -> None:
    """Prints a value as one line of JSON; lone surrogates of broken input become "?"."""
    line = json.dumps(value, ensure_ascii=False)
    say(line.encode("utf-8", "replace").decode())


class ProgressBars:
    """One bar per stage on standard error; nothing where that is no terminal."""

    def __init__(self) -> None:
        self._bars: dict[str, tqdm[Any]] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        if total == 0:
            return
        bar = self._bars.get(stage)
        if bar is None or bar.total != total:
            unit = " files" if stage == "read" else " pieces"
            bar = self._bars[stage] = tqdm(total=total, desc=stage, unit=unit, disable=None)
        bar.update(done - bar.n)
        if done >= total:
            bar.close()

    def close(self) -> None:
        """Ends bars that a failure left open."""
        for bar in self._bars.values():
            bar.close()


async def index(plan: BuildPlan) -> int:
    """`index`: updates and says what changed; a terminal shows the first of many."""
    with closing(ProgressBars()) as bars:
        report = await build_apart(plan, bars)
    most = SHOWN if sys.stdout.isatty() else sys.maxsize
    for sign, paths in (("+", report.added), ("~", report.changed), ("-", report.removed)):
        for path in paths[:most]:
            say(f"{sign} {path}")
        if len(paths) > most:
            everything = Path(plan.folder, report.snapshot, CHANGES)
            say(f"{sign} … and {len(paths) - most} more, see {everything}")
    for item in report.skipped:
        say(f"{'!' if item.document else '·'} {item.path}: {item.reason}")
    say(
        f"{counted(report.documents, 'document')}, {counted(report.pieces, 'piece')}: "
        f"{len(report.added)} added, "
        f"{len(report.changed)} changed, {len(report.removed)} removed, "
        f"{report.unread} skipped, in {report.seconds:.1f} s"
    )
    return 0


async def search(knowledge: KnowledgeBase, args: argparse.Namespace) -> int:
    """`search`: the passages found for a text."""
    found = await knowledge.search(args.text, args.k)
    if args.json:
        keys = ("path", "heading", "line", "score", "text", "source", "url", "also_in")
        say_json([{key: asdict(hit)[key] for key in keys} for hit in found.passages])
        return 0
    for number, hit in enumerate(found.passages, 1):
        say(f"[{number}] {hit.path}:{hit.line}  {hit.heading}  score {hit.score:.3f}")
        say(indent(hit.text, "    ") + "\n")
    say(f"evidence {found.evidence:.2f}; names on no page: {', '.join(found.unknown) or 'none'}")
    return 0
