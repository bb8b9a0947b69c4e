"""Git sources: a checkout that is cloned once and then brought up to date."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from knowledge.types import SourceError


def update_git(name: str, url: str, checkout: Path, timeout_s: float) -> str:
    """Clones a repository, or brings a checkout of it to its newest commit.

    A checkout of another address is replaced, and so is one that can't be brought up to date.
    When that fails as well, a whole checkout of the same address stays as it was, and what went
    wrong is returned; without one it raises SourceError.
    """
    git = _Git(name, url, time.monotonic() + timeout_s)
    problem = ""
    same = git.origin(checkout) == git.address
    if same:
        try:
            _unlock(checkout / ".git")
            git.run("-C", str(checkout), "fetch", "--quiet", "--depth=1", "origin", "HEAD")
            git.run("-C", str(checkout), "reset", "--quiet", "--hard", "FETCH_HEAD")
        except SourceError as error:
            problem = str(error)
        else:
            return ""
    try:
        _clone(git, checkout)
    except SourceError:
        if same and git.is_whole(checkout):
            return problem
        raise
    return ""


def _clone(git: "_Git", checkout: Path) -> None:
    """Into a folder beside it first: a clone that breaks off leaves nothing that looks whole."""
    waiting = checkout.with_name(f"{checkout.name}.new")
    shutil.rmtree(waiting, ignore_errors=True)
    waiting.parent.mkdir(parents=True, exist_ok=True)
    try:
        git.run("clone", "--quiet", "--depth=1", "--no-tags", "--", git.address, str(waiting))
        shutil.rmtree(checkout, ignore_errors=True)
        waiting.rename(checkout)
    finally:
        shutil.rmtree(waiting, ignore_errors=True)


def _unlock(folder: Path) -> None:
    """Removes locks that a git that was killed left behind: nobody else works in our checkouts."""
    for lock in (*folder.glob("*.lock"), *folder.glob("refs/**/*.lock")):
        lock.unlink(missing_ok=True)


_LOGIN = """!f() { printf 'username=%s\\npassword=%s\\n' "$HXD_USER" "$HXD_PASSWORD"; }; f"""
"""A credential helper, as git wants it: what to run in a shell."""


class _Git:
    """Runs git for one source. User name and password of an address go to it by its environment:
    they are in no list of processes, no message and no file."""

    def __init__(self, name: str, url: str, until: float) -> None:
        self._name, self._until = name, until
        self.address, login = without_login(url)
        quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C.UTF-8"}
        self._environment = {**os.environ, **quiet}
        self._options = ["-c", "protocol.ext.allow=never", "-c", "core.hooksPath=/dev/null"]
        if login:
            self._environment |= {"HXD_USER": login[0], "HXD_PASSWORD": login[1]}
            self._options += ["-c", "credential.helper=", "-c", f"credential.helper={_LOGIN}"]

    def origin(self, checkout: Path) -> str:
        """The address that a checkout was cloned from; "" where there is none."""
        if not (checkout / ".git").is_dir():
            return ""
        try:
            return self.run("-C", str(checkout), "config", "--local", "remote.origin.url").strip()
        except SourceError:
            return ""

    def is_whole(self, checkout: Path) -> bool:
        """Has it a commit that is checked out?"""
        try:
            self.run("-C", str(checkout), "rev-parse", "--quiet", "--verify", "HEAD^{commit}")
        except SourceError:
            return False
        return any(path.name != ".git" for path in checkout.iterdir())

    def run(self, *arguments: str) -> str:
        """What git prints. Raises SourceError with its own words."""
        try:
            done = subprocess.run(  # noqa: S603 - fixed arguments; the address comes after "--"
                ["git", *self._options, *arguments],  # noqa: S607 - git is where the system has it
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=max(1.0, self._until - time.monotonic()),
                check=False,
            )
        except FileNotFoundError as error:
            raise SourceError(f"source {self._name}: git is not installed; install it") from error
        except subprocess.TimeoutExpired as error:
            raise SourceError(f"source {self._name}: git took too long and was stopped") from error
        if done.returncode:
            raise SourceError(
                f"source {self._name}: git failed on {_masked(self.address)}: "
                f"{_masked(_reason(done.stderr))}"
            )
        return done.stdout


def _reason(said: str) -> str:
    """The line that says what is fatal, and the one before it, which often says why."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    fatal = next((n for n, line in enumerate(lines) if line.startswith("fatal:")), None)
    if fatal is None:
        return lines[-1] if lines else "no reason given"
    return "; ".join(lines[max(0, fatal - 1) : fatal + 1])


def without_login(url: str) -> tuple[str, tuple[str, str] | None]:
    """A web address without its user name and password, and these."""
    parts = urlsplit(url)
    login, _, host = parts.netloc.rpartition("@")
    if parts.scheme not in ("http", "https") or not login:
        return url, None
    user, _, password = login.partition(":")
    return urlunsplit(parts._replace(netloc=host)), (unquote(user), unquote(password))


def _masked(text: str) -> str:
    """Hides user names and passwords in addresses."""
    return re.sub(r"(?<=://)\S+@", "***@", text)
