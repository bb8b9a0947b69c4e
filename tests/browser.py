"""Finds a Chromium for the tests of the page, and installs one where that may be done."""

import shutil

from tests.debian import NotInstalled, install

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
PACKAGES = ("chromium", "fonts-noto-cjk")

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


def find_or_install_browser() -> str:
    """Path of a Chromium. Raises NotInstalled."""
    found = _find()
    if found is None:
        install("the page's tests need Chromium", *PACKAGES)
        found = _find()
    if found is None:
        raise NotInstalled(f"none of {', '.join(NAMES)} is on the PATH")
    return found


def _find() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)
