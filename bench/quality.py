"""The evaluation commands on the development data, beside what was demanded of them."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

from bench.figures import Figure, against, at_least
from bench.setup import ROOT, Bench


def measure(bench: Bench) -> Iterator[Figure]:
    """Gate, retrieval, answers, and the curve by which the operating point was chosen."""
    gate = _json(
        bench, "eval", "gate", "--data", str(bench.data / "rejection_dev.jsonl"),
        "--train", str(bench.data / "seed_questions.json"),
    )  # fmt: skip
    target = bench.config.gate.target_precision
    yield at_least(f"gate: precision at the fitted threshold ({gate['n']})",
                   gate["precision"], target)  # fmt: skip
    yield against("gate: recall at the fitted threshold, at precision 0.9", gate["recall"],
                  gate["recall_at_p90"], "", "", more_is_better=True)  # fmt: skip
    yield against("gate: AUC", gate["auc"], 0.5, "", "chance", more_is_better=True)
    questions = str(bench.data / "qa_dev.jsonl")
    found = _json(bench, "eval", "retrieval", "--data", questions)
    # The peers: reciprocal rank fusion of dense and BM25 over pieces of 300 to 600 characters.
    for name, limit, peer in (
        ("recall@1", 0.80, 0.75), ("recall@5", 0.95, 0.91), ("must_contain@5", 0.82, 0.70),
    ):  # fmt: skip
        yield at_least(f"retrieval: {name} ({found['n']})", found[name], limit)
        yield against(f"retrieval: {name}", found[name], peer, "", "plain fusion",
                      more_is_better=True)  # fmt: skip
    answers = _json(bench, "eval", "answers", "--data", questions)
    yield at_least("quoted answers: all of what they must contain", answers["must_contain"], 0.65)
    yield at_least("quoted answers: sure precision", answers["sure_precision"], 0.92)
    yield at_least("quoted answers: sure recall", answers["sure_recall"], 0.65)
    yield at_least("quoted answers: off-topic messages silent", answers["offtopic_silent"], 0.95)
    yield against("answerable answered, near misses declined", answers["answerable_answered"],
                  answers["near_miss_declined"], "", "", more_is_better=True)  # fmt: skip
    print(_run(bench, "eval", "answers", "--data", questions))


def _json(bench: Bench, *command: str) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads(_run(bench, *command, "--json"))
    print("   ", " ".join(command[:2]), json.dumps(figures))
    return figures


def _run(bench: Bench, *command: str) -> str:
    done = subprocess.run(
        [*bench.command, *command],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=600,
    )  # fmt: skip
    return done.stdout
