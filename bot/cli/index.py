"""`index`, `search`, `gate`, `calibrate`: the knowledge base from the command line."""

import argparse
import json
import sys
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from textwrap import indent
from typing import Any

from tqdm import tqdm

from bot.cli.pictures import draw_gate
from knowledge.base import KnowledgeBase
from knowledge.gate.gate import precision_recall
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
        say(f"! {item.path}: {item.reason}")
    say(
        f"{report.documents} documents, {report.pieces} pieces: {len(report.added)} added, "
        f"{len(report.changed)} changed, {len(report.removed)} removed, "
        f"{len(report.skipped)} skipped, in {report.seconds:.1f} s"
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


async def gate(knowledge: KnowledgeBase, args: argparse.Namespace) -> int:
    """`gate`: a verdict for each line of standard input."""
    for line in sys.stdin:
        text = line.rstrip("\n")
        if not text.strip():
            continue
        verdict = await knowledge.judge(text, mention=args.mention)
        if args.json:
            say_json(
                {"text": text, "accept": verdict.accept, "score": round(verdict.score, 4)}
                | {"reason": verdict.reason, "threshold": round(verdict.threshold, 4)}
            )
        else:
            mark = "accept" if verdict.accept else "reject"
            say(f"{mark}  {verdict.score:.3f}  {text}")
    return 0


async def calibrate(knowledge: KnowledgeBase, picture: Path) -> int:
    """`calibrate`: fits the gate anew, shows its figures and draws its curve."""
    figures, good, bad = await knowledge.calibrate()
    status = knowledge.status()
    say(f"examples   {len(good)} good, {len(bad)} bad")
    if not status.examples_fit:
        say("note       the good examples are not about these documents; the headings of these")
        say("           stand in. Write questions that your documents answer into gate.examples.")
    say(f"precision  {figures.precision:.3f}")
    say(f"recall     {figures.recall:.3f}")
    say(f"F1         {figures.f1:.3f}")
    say(f"AUC        {figures.auc:.3f}")
    say(f"threshold  {figures.threshold:.3f}")
    say(f"mentioned  {status.thresholds[1]:.3f} is enough when the bot is mentioned")
    precisions, _ = precision_recall(good, bad)
    if len(precisions):
        draw_gate(picture, good, bad, figures.threshold)
        say(f"picture    {picture}")
    return 0
