"""The default environment, installed as `make setup` does: size on disk, packages, time."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure, against, at_most
from bench.setup import ROOT, Bench

LANGBOT_MB, LANGBOT_PACKAGES = 1500.0, 250.0
"""LangBot 4.11, measured on the same kind of machine."""


def measure(bench: Bench) -> Iterator[Figure]:
    """Installs it in `.bench/` from the lock files; needs the package index."""
    folder = bench.work / "environment"
    shutil.rmtree(folder, ignore_errors=True)
    began = time.perf_counter()
    subprocess.run(
        ["make", "--silent", "setup", f"VENV={folder}", f"PYTHON={sys.executable}"],
        cwd=ROOT, check=True, timeout=600, capture_output=True,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    size = sum(_size(path) for path in folder.rglob("*")) / 2**20
    packages = len(list(folder.glob("lib/python*/site-packages/*.dist-info")))
    shutil.rmtree(folder)
    yield at_most("environment: first setup", seconds, 180.0, "s")
    yield at_most("environment: on disk", size, 900.0, "MB")
    yield against("environment: on disk", size, LANGBOT_MB, "MB", "LangBot")
    yield against("environment: packages", packages, LANGBOT_PACKAGES, "", "LangBot")


def _size(path: Path) -> int:
    if path.is_symlink() or not path.is_file():
        return 0
    return path.stat().st_blocks * 512
