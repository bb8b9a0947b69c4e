"""Installs what tests need besides Python, where that may be done."""

import os
import shutil
import subprocess
from pathlib import Path

INSTALL_TIMEOUT_S = 600


class NotInstalled(Exception):
    """It is missing and could not be installed; says how to install it."""


def install(why: str, *packages: str) -> None:
    """Installs Debian packages, as root on Debian. Raises NotInstalled."""
    if not (_is_debian() and os.geteuid() == 0):
        raise NotInstalled(f"{why}; on Debian: apt-get install {' '.join(packages)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update"],
        ["apt-get", "install", "--yes", "--no-install-recommends", *packages],
    ):
        try:
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S
            )
        except subprocess.TimeoutExpired:
            raise NotInstalled(f"{why}; {' '.join(command)} took too long") from None
        if done.returncode != 0:
            raise NotInstalled(f"{why}; {' '.join(command)} failed: {done.stderr[-500:]}")


def _is_debian() -> bool:
    return Path("/etc/debian_version").exists() and shutil.which("apt-get") is not None
