"""docs/reliability.md names tests that exist, one at least in every row."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/reliability.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def test_every_test_that_is_named_exists() -> None:
    missing = [
        f"{file}::{name}"
        for file, name in NAMED.findall(PAGE)
        if not re.search(rf"^ *(?:async )?def {name}\(", (ROOT / file).read_text(), re.MULTILINE)
    ]
    assert not missing


def test_every_fault_says_what_shows_it() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and "Shown by" not in line]
    faults = [row for row in rows if row.count(" | ") == 3]
    assert len(faults) > 45
    assert not [row for row in faults if not NAMED.search(row)]
