"""The gate on messages that it has not seen: nested cross-validation, learning curve, promises,
other documents, drift, and what fitting and judging cost. See bench/README.md."""

import asyncio
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.figures import Figure, against, at_least, at_most
from bench.judging import (
    Group,
    cross_validated,
    drift,
    judge_ms,
    learning_curve,
    promises,
    refit_seconds,
)  # fmt: skip
from bench.setup import ROOT, Bench
from bot.config.schema import Config, load_config
from knowledge.gate.examples import load_examples
from knowledge.gate.promise import SURE
from knowledge.index.embedders import create_embedder
from knowledge.index.snapshots import is_current
from knowledge.ingest.build_process import build_apart
from knowledge.serving import Opener
from knowledge.settings import GateSettings

EXAMPLES = Path("examples/questions.json")


def measure(bench: Bench) -> Iterator[Figure]:
    """Everything on the group's messages, then the same gate on other documents."""
    options = bench.config.gate
    group = looked_up(bench.config, bench.data / "rejection_dev.jsonl")
    yield from _nested(group, options)
    yield from _curve(group, options)
    for row in promises(group, options):
        print("    promise", _shown(row))
        yield at_most(f"gate: promises missed from {row['labels']:.0f} labels, noise taken away",
                      row["missed_truly"], row["allowed"])  # fmt: skip
        yield at_most(f"gate: numbers of unwanted replies missed, from {row['labels']:.0f} labels",
                      row["said_missed_truly"], 1.0 - SURE)  # fmt: skip
    for name, row in drift(group, options):
        print("    drift", name, _shown(row))
        yield against(f"gate: AUC on questions about {name}, none of which it was fitted to",
                      row["auc"], row["distance"], "", "distance", more_is_better=True)  # fmt: skip
    for name, other in others(bench):
        row = cross_validated(other, options)
        print("   ", name, _shown(row))
        yield at_least(f"gate: AUC on {name} ({row['n']:.0f} written examples)", row["auc"], 0.9)
        for row in learning_curve(other, options):
            print("    curve", _shown(row))
            what = f"where 0.9 was wished, from {row['labels']:.0f} examples on {name}"
            yield at_least(f"gate: precision {what}", row["precision"], 0.88)
    yield at_most("gate: a fit to 2,000 labels", refit_seconds(group, options), 5.0, "s")
    yield at_most("gate: a message, beyond what retrieval looks up",
                  judge_ms(group, options), 1.0, "ms")  # fmt: skip


def _nested(group: Group, options: GateSettings) -> Iterator[Figure]:
    row = cross_validated(group, options)
    print("    nested cross-validation", _shown(row))
    what = f"({row['n']:.0f}, nested cross-validation)"
    yield at_least(f"gate: AUC {what}", row["auc"], 0.945)
    yield at_least(f"gate: best F1 {what}", row["best_f1"], 0.80)
    yield at_least(f"gate: recall where 0.9 was wished {what}", row["recall"], 0.62)
    yield at_least(f"gate: precision where 0.9 was wished {what}", row["precision"], 0.88)
    yield at_most(f"gate: calibration error {what}", row["ece"], 0.05)


def _curve(group: Group, options: GateSettings) -> Iterator[Figure]:
    for row in learning_curve(group, options):
        print("    curve", _shown(row))
        yield against(f"gate: AUC from {row['labels']:.0f} labels", row["auc"],
                      row["auc_distance"], "", "distance", more_is_better=True)  # fmt: skip
        if row["labels"] >= 50:
            name = f"where 0.9 was wished, from {row['labels']:.0f} labels"
            yield at_least(f"gate: recall {name}", row["recall"], 0.45)
            yield at_least(f"gate: precision {name}", row["precision"], 0.88)


def others(bench: Bench) -> Iterator[tuple[str, Group]]:
    """Other documents with examples that were written for them."""
    own = [f"bot.data_dir={bench.work / 'own'}"]
    config = load_config(ROOT / "config.yaml", own)
    yield "our own documents", looked_up(config, ROOT / EXAMPLES)
    folder = bench.work / "foreign"
    with tarfile.open(bench.data / "foreign_docs_dev.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    foreign = [
        f"bot.data_dir={bench.work / 'uv'}",
        f"knowledge.sources=[{{name: uv, path: {folder / 'uv'}}}]",
    ]
    config = load_config(ROOT / "config.yaml", foreign)
    yield "the documentation of uv", looked_up(config, Path(__file__).parent / "gate_uv.json")


def looked_up(config: Config, examples: Path) -> Group:
    """Examples in the index of a configuration, which is built where there is none."""
    plan = config.plan
    if not is_current(plan):
        asyncio.run(build_apart(plan))
    embedder = create_embedder(plan.embedder)
    opener = Opener(plan, config.gate, embedder)
    found = load_examples([examples])
    return Group(opener.look_up(opener.open().snapshot, found), found)


def _shown(row: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.3g}" for name, value in row.items())
