"""Addresses that show a line of a file at an exact commit; made here, never taken from outside."""

import re
from urllib.parse import quote, urlsplit

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
