"""Finds a Chromium for the tests of the page, and installs one where that may be done."""

import os
import shutil
import subprocess
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
PACKAGES = ("chromium", "fonts-noto-cjk")
INSTALL_TIMEOUT_S = 600

ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class BrowserMissing(Exception):
    """There is no browser and none could be installed; says how to install one."""


def find_or_install_browser() -> str:
    """Path of a Chromium. Raises BrowserMissing."""
    found = _find()
    if found is None and _may_install():
        _install()
        found = _find()
    if found is None:
        raise BrowserMissing(
            "the page's tests need Chromium; on Debian: apt-get install " + " ".join(PACKAGES)
        )
    return found


def _find() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def _may_install() -> bool:
    debian = Path("/etc/debian_version").exists() and shutil.which("apt-get") is not None
    return debian and os.geteuid() == 0


def _install() -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update"],
        ["apt-get", "install", "--yes", "--no-install-recommends", *PACKAGES],
    ):
        try:
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S
            )
        except subprocess.TimeoutExpired:
            raise BrowserMissing(f"{' '.join(command)} took too long") from None
        if done.returncode != 0:
            raise BrowserMissing(f"{' '.join(command)} failed: {done.stderr[-500:]}")
