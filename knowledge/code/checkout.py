"""What git says of a folder: its commit, the committed files, and where it was cloned from."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

from knowledge.ingest.git import git

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
    try:
        done = git("--no-optional-locks", "-C", str(folder), *arguments, timeout_s=_TIMEOUT_S)
    except OSError:
        return b""
    return b"" if done.status or len(done.output) > _MAX_BYTES else done.output


_SCP = re.compile(r"(?:[\w.-]+@)?([\w.-]+):(?!//)(.+)")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def link_base(remote: str) -> str:
    """What the paths of a repository are appended to, from the address that it was cloned from;
    "" where the host's links are not known."""
    host, path = _host_and_path(remote)
    path = path.strip("/").removesuffix(".git")
    if not re.fullmatch(r"[\w.~-]+(?:/[\w.~-]+)+", path) or ".." in path.split("/"):
        return ""
    if host in ("github.com", "gitee.com"):
        return f"https://{host}/{path}/blob/{{commit}}"
    if host == "gitlab.com" or host.startswith("gitlab."):
        return f"https://{host}/{path}/-/blob/{{commit}}"
    return ""


def line_link(base: str, commit: str, path: str, line: int) -> str:
    """The address of a line, 1-based; "" where it would need a commit that is not known."""
    if not base or ("{commit}" in base and not _COMMIT.fullmatch(commit)):
        return ""
    return f"{base.replace('{commit}', commit).rstrip('/')}/{_quoted(path)}#L{line}"


def sourcegraph_link(endpoint: str, repository: str, commit: str, path: str, line: int) -> str:
    """The address of a line, 1-based, of a repository that Sourcegraph knows: on its own host
    where that is GitHub, else on the server."""
    if not _COMMIT.fullmatch(commit):
        return ""
    if base := link_base(f"https://{repository}"):
        return line_link(base, commit, path, line)
    return f"{endpoint}/{quote(repository)}@{commit}/-/blob/{_quoted(path)}?L{line}"


def _quoted(path: str) -> str:
    return quote(path, errors="replace")


def _host_and_path(remote: str) -> tuple[str, str]:
    """Without any user name, password or port."""
    if match := _SCP.fullmatch(remote.strip()):
        return match[1].lower(), match[2]
    try:
        parts = urlsplit(remote.strip())
        return (parts.hostname or "").lower(), parts.path
    except ValueError:
        return "", ""
