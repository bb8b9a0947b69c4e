"""What git says of a folder: its commit, the committed files, and where it was cloned from."""

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.search.repo.links import link_base

_TIMEOUT_S = 60
_MAX_BYTES = 1 << 26
_ENTRY = re.compile(rb"100(?:644|755) blob ([0-9a-f]+)\t(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Checkout:
    """A folder's commit and the link base of its files; both "" where it is not under git.
    `blobs` are the committed files below the folder with git's hash of each."""

    commit: str = ""
    link_base: str = ""
    blobs: Mapping[str, str] = field(default_factory=dict)


def read_checkout(folder: Path) -> Checkout:
    """What git knows of a folder. Without git, or where none of its files is committed, nothing."""
    commit = _git(folder, "rev-parse", "HEAD").decode("ascii", "replace").strip()
    listed = _git(folder, "ls-tree", "-r", "-z", "HEAD") if commit else b""
    blobs = {
        os.fsdecode(match[2]): match[1].decode()
        for entry in listed.split(b"\0")
        if (match := _ENTRY.fullmatch(entry))
    }
    if not blobs:
        return Checkout()
    remote = _git(folder, "config", "--get", "remote.origin.url").decode("utf-8", "replace")
    base = link_base(remote.strip())
    prefix = _git(folder, "rev-parse", "--show-prefix").decode("utf-8", "replace").strip("/\n")
    return Checkout(commit, f"{base}/{prefix}".rstrip("/") if base else "", blobs)


def _git(folder: Path, *arguments: str) -> bytes:
    """What git prints; nothing where it fails: then there are no links to commits."""
    # A folder's own settings must not make git run other programs.
    safe = ["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-optional-locks"]
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments, no shell
            ["git", *safe, "-C", str(folder), *arguments],  # noqa: S607 - where the system has it
            env={**os.environ, **quiet},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return b""
    return b"" if done.returncode or len(done.stdout) > _MAX_BYTES else done.stdout
