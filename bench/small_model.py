"""Twenty questions about our own documentation, as people ask them, put to the daemon over its HTTP
API: without a model, then with the one at an address.

    python -m bench.small_model http://127.0.0.1:18080/v1

Whether a model that is small leaves people worse off than none: each question's answer stands
beside the one that is quoted without it. Ends by itself; a question takes minutes on a busy CPU.
"""

import argparse
import csv
import json
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.daemon import Daemon, started
from bench.llm import SMALL, remote_at
from bench.setup import ROOT

QUESTIONS = ROOT / "bench" / "small_model.tsv"
"""Kind, page that answers, what a right answer holds (a pattern), question."""

WORK = ROOT / ".bench" / "small_model"
"""Its data, and what was said, as JSON lines."""

MOST_S, TUNE_S = 3600.0, 7200.0
"""Seconds for a question, and for fitting the thresholds; then it is given up."""

TUNE = ("eval", "scoring", "--write")

_TOKENS = re.compile(
    r"^huixiangdou_llm_tokens_total\{.*kind=\"(prompt|completion)\".*\} (\S+)$", re.M
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and how it is to be answered."""

    kind: str
    page: str
    holds: str
    question: str


@dataclass(frozen=True, slots=True)
class Said:
    """What became of a question. `how` is "written", "quoted", "nearest" (quoted, and not sure) or
    why there is no answer; `holds` and `cites` tell what is in it, not whether all of it is right.
    """

    asked: Asked
    how: str
    text: str
    holds: bool
    cites: bool
    seconds: float
    tokens: int
    trace: Sequence[Any]

    @property
    def good(self) -> bool:
        """Does it hold what answers, and its page; or, where nothing does, no answer?"""
        if self.asked.kind == "documented":
            return self.holds and self.cites
        return self.how not in ("written", "quoted", "nearest")


def main() -> int:
    """Asks, and prints a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.small_model", description=__doc__)
    parser.add_argument("llm", metavar="URL", help="an OpenAI-compatible server")
    parser.add_argument("--tune", action="store_true", help="fit the thresholds to the model first")
    parser.add_argument("--only", metavar="PATTERN", default="", help="questions that match")
    args = parser.parse_args()
    questions = [one for one in load() if re.search(args.only, one.question)]
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    config = _configured(args.llm)
    command = [sys.executable, str(ROOT / "run_bot.py"), "--config", str(config)]
    bare = list(_each(questions, [*command, "--set", "llm={}"]))
    if args.tune:
        subprocess.run([*command, *TUNE], cwd=ROOT, check=True, timeout=TUNE_S)
    print("| question | without the model | with it | seconds | tokens |\n|---|---|---|---:|---:|")
    beside = []
    for one, other in zip(bare, _each(questions, command), strict=True):
        beside.append(other)
        print(_row(one, other), flush=True)
        with (WORK / "said.jsonl").open("a", encoding="utf-8") as out:
            for what in (one, other):
                out.write(json.dumps(asdict(what), ensure_ascii=False) + "\n")
    for name, each in (("without", bare), ("with", beside)):
        print(f"{name} the model: {sum(one.good for one in each)} of {len(each)} as they should be")
    return 0


def load() -> list[Asked]:
    """The questions."""
    with QUESTIONS.open(encoding="utf-8", newline="") as file:
        return [
            Asked(**row) for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        ]


def _configured(url: str) -> Path:
    """What docs/en/llm.md says for a very small model, and patience for a slow machine."""
    patience = {"score_s": 300, "keywords_s": 300, "answer_s": 900, "first_chunk_s": 600}
    tree = {
        "bot": {"data_dir": str(WORK / "data"), "mention_wait_s": 0.1},
        "knowledge": {"sources": [{"name": "huixiangdou", "path": str(ROOT / "docs")}]},
        "gate": {"examples": [str(ROOT / "examples" / "questions.json")]},
        "http": {"port": 0},
        "llm": SMALL | {"remote": remote_at(url), "evidence_tokens": 800, "timeouts": patience},
    }
    file = WORK / "config.yaml"
    file.write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8")
    return file


def _each(questions: Sequence[Asked], command: Sequence[str]) -> Iterator[Said]:
    """Asks one after the other, each in a group of its own, by mention."""
    with started(command, WORK / "log", MOST_S) as daemon:
        for number, asked in enumerate(questions):
            yield _ask(daemon, asked, number)


def _ask(daemon: Daemon, asked: Asked, number: int) -> Said:
    before, began = _tokens(daemon), time.monotonic()
    body = {
        "group": f"{daemon.port}-{number}",
        "user": "alice",
        "text": asked.question,
        "mention": True,
    }
    message_id = _json(daemon, "/api/messages", body)["message_id"]
    while (found := _json(daemon, f"/api/decisions/{message_id}"))["state"] == "pending":
        if time.monotonic() - began > MOST_S:
            raise TimeoutError(f"no decision on {asked.question!r} within {MOST_S:.0f} s")
        time.sleep(0.2)
    stages = {stage["stage"]: stage for stage in found["trace"]}
    how = found["reason"]
    if found["outcome"] == "answer":
        how = stages.get("answer", {}).get("kind", how)
        how = "nearest" if how == "quoted" and not stages["check"].get("exact") else how
    text = found["text"] or ""
    cited = [one["path"] for one in found["citations"]]
    return Said(
        asked=asked,
        how=how,
        text=text,
        holds=bool(asked.holds) and re.search(asked.holds, text) is not None,
        cites=any(path.endswith(asked.page.partition("/")[2]) for path in cited if asked.page),
        seconds=round(time.monotonic() - began, 1),
        tokens=_tokens(daemon) - before,
        trace=found["trace"],
    )


def _tokens(daemon: Daemon) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{daemon.port}/metrics", timeout=60) as page:
        text = page.read().decode()
    return int(sum(float(count) for _, count in _TOKENS.findall(text)))


def _json(daemon: Daemon, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    url = f"http://127.0.0.1:{daemon.port}{path}"
    asked = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=60) as answer:  # noqa: S310 - our own address
        return json.load(answer)


def _row(bare: Said, said: Said) -> str:
    each = (f"{one.how}{', good' if one.good else ''}" for one in (bare, said))
    cells = (said.asked.question, *each, f"{said.seconds:.0f}", str(said.tokens))
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
