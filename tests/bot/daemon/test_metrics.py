"""The metrics that there are are those of docs/metrics.md; rules and dashboard know no others."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.config.schema import Config
from bot.daemon.assemble import build
from bot.daemon.compose import measure
from bot.metrics import Metrics
from bot.store.store import open_store
from knowledge.base import KnowledgeBase
from tests.fakes.clock import FakeClock
from tests.fakes.recording_adapter import RecordingAdapter

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| ([\w, ]*)\| \S.* \|$", re.MULTILINE)
NAME = re.compile(r"\b(?:huixiangdou|process)_\w+")
PARTS = re.compile(r"_(?:bucket|sum|count)$")

Rows = dict[str, tuple[str, tuple[str, ...]]]


@pytest.fixture
async def metrics(tmp_path: Path, kettle: KnowledgeBase) -> Metrics:
    """Those of a whole daemon."""
    config = Config()
    config = config.model_copy(update={"bot": config.bot.model_copy(update={"data_dir": tmp_path})})
    async with open_store(tmp_path / "bot.sqlite") as store:
        parts = await build(config, FakeClock(), store, {"fake": RecordingAdapter("fake")})
        measure(parts, kettle, None)
    return parts.metrics


def exposed(metrics: Metrics) -> Rows:
    """All of them by name, as a scraper sees them."""
    labels = {
        one._name: tuple(one._labelnames)
        for name in Metrics.__dataclass_fields__
        if hasattr(one := getattr(metrics, name), "_labelnames")
    }
    rows: Rows = {}
    for family in metrics.registry.collect():
        end = "_total" if family.type == "counter" else ""
        own: Any = getattr(family, "_labelnames", ())
        rows[family.name + end] = (family.type, labels.get(family.name, tuple(own)))
    return rows


def test_every_metric_is_documented_and_every_documented_one_exists(metrics: Metrics) -> None:
    page = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    told = {
        name: (kind, tuple(labels.replace(",", " ").split()))
        for name, kind, labels in ROW.findall(page)
    }
    assert told == exposed(metrics)


def test_the_figures_that_are_asked_for_when_read_are_there(metrics: Metrics) -> None:
    text = metrics.render().decode()
    asked = "store_bytes disk_free_bytes memory_bytes index_built_timestamp_seconds documents"
    for name in asked.split():
        (value,) = re.findall(rf"^huixiangdou_{name} (\S+)$", text, re.MULTILINE)
        assert float(value) > 0
    assert 'huixiangdou_problems{level="not_ready"} 2.0' in text


def expressions(found: Any) -> list[str]:
    """What is asked of Prometheus, wherever it stands in rules or a dashboard."""
    if isinstance(found, dict):
        own = [value for key, value in found.items() if key == "expr"]
        return own + [text for value in found.values() for text in expressions(value)]
    return [text for one in found for text in expressions(one)] if isinstance(found, list) else []


def test_rules_and_dashboard_ask_for_metrics_and_labels_that_exist(metrics: Metrics) -> None:
    rows = exposed(metrics)
    rules = yaml.safe_load((DEPLOY / "prometheus/alerts.yaml").read_text(encoding="utf-8"))
    board = json.loads((DEPLOY / "grafana/huixiangdou.json").read_text(encoding="utf-8"))
    asked = expressions(rules) + expressions(board)
    assert len(asked) > 25
    for expression in asked:
        names = {PARTS.sub("", name) for name in NAME.findall(expression)}
        assert names and names <= set(rows), expression
        used = set(re.findall(r"[{,]\s*(\w+)\s*[!=]?[=~]", expression))
        used |= {
            label.strip()
            for group in re.findall(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)", expression)
            for label in group.split(",")
            if label.strip()
        }
        known = {label for name in names for label in rows[name][1]} | {"le"}
        assert used <= known, expression


def test_every_rule_says_what_to_do() -> None:
    rules = yaml.safe_load((DEPLOY / "prometheus/alerts.yaml").read_text(encoding="utf-8"))
    for group in rules["groups"]:
        for rule in group["rules"]:
            assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
            assert rule["labels"]["severity"] in ("page", "ticket")
            assert {"summary", "description"} <= set(rule["annotations"])
    if promtool := shutil.which("promtool"):
        for words in ("rules alerts.yaml", "config --syntax-only prometheus.yml"):
            *what, name = words.split()
            command = [promtool, "check", *what, str(DEPLOY / "prometheus" / name)]
            done = subprocess.run(command, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    board = json.loads((DEPLOY / "grafana/huixiangdou.json").read_text(encoding="utf-8"))
    assert board["schemaVersion"] >= 39
    panels = [panel for panel in board["panels"] if panel["type"] != "row"]
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, f"{panel['title']} lies on another panel"
        taken |= cells
    for panel in panels:
        assert panel["title"] and panel["targets"]
        assert panel["datasource"]["uid"] == "${DS_PROMETHEUS}"
