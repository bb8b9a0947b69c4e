"""Git: asked about a folder, and sources that are cloned once and then brought up to date."""

import re
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from common.process import CANNOT_START, NETWORK, Command, Done, environment, run
from knowledge.types import SourceError

GIT_VARIABLES = (
    *NETWORK, "HOME", "XDG_CONFIG_HOME", "USER", "LOGNAME", "SSH_AUTH_SOCK", "SSH_ASKPASS",
    "GIT_ASKPASS", "GIT_CONFIG_*", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_SSL_*",
)  # fmt: skip
"""What git may know of the bot's environment: its settings, and how to reach a server."""

_QUIET = {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1"}
_SAFE = ("protocol.ext.allow=never", "core.hooksPath=/dev/null", "core.fsmonitor=false")
"""Neither an address nor a folder's own settings must make git run other programs."""


def git(
    *arguments: str, timeout_s: float, options: tuple[str, ...] = (), login: Mapping[str, str] = {}
) -> Done:
    """Runs git. Raises OSError, and TimeoutError after ending it."""
    settings = [word for option in (*_SAFE, *options) for word in ("-c", option)]
    variables = environment(*GIT_VARIABLES, **_QUIET, **login)
    return run(Command(("git", *settings, *arguments), variables), timeout_s)


def update_git(name: str, url: str, checkout: Path, timeout_s: float) -> str:
    """Clones a repository, or brings a checkout of it to its newest commit.

    A checkout of another address is replaced, and so is one that can't be brought up to date.
    When that fails as well, a whole checkout of the same address stays as it was, and what went
    wrong is returned; without one it raises SourceError.
    """
    source = _GitSource(name, url, time.monotonic() + timeout_s)
    problem = ""
    same = source.origin(checkout) == source.address
    if same:
        try:
            _unlock(checkout / ".git")
            source.run("-C", str(checkout), "fetch", "--quiet", "--depth=1", "origin", "HEAD")
            source.run("-C", str(checkout), "reset", "--quiet", "--hard", "FETCH_HEAD")
        except SourceError as error:
            problem = str(error)
        else:
            return ""
    try:
        _clone(source, checkout)
    except SourceError:
        if same and source.is_whole(checkout):
            return problem
        raise
    return ""


def _clone(source: "_GitSource", checkout: Path) -> None:
    """Into a folder beside it first: a clone that breaks off leaves nothing that looks whole."""
    waiting = checkout.with_name(f"{checkout.name}.new")
    shutil.rmtree(waiting, ignore_errors=True)
    waiting.parent.mkdir(parents=True, exist_ok=True)
    try:
        source.run("clone", "--quiet", "--depth=1", "--no-tags", "--", source.address, str(waiting))
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


class _GitSource:
    """Runs git for one source. User name and password of an address go to it by its environment:
    they are in no list of processes, no message and no file."""

    def __init__(self, name: str, url: str, until: float) -> None:
        self._name, self._until = name, until
        self.address, login = without_login(url)
        self._login: dict[str, str] = {}
        self._options: tuple[str, ...] = ()
        if login:
            self._login = {"HXD_USER": login[0], "HXD_PASSWORD": login[1]}
            self._options = ("credential.helper=", f"credential.helper={_LOGIN}")

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
        left_s = max(1.0, self._until - time.monotonic())
        try:
            done = git(*arguments, timeout_s=left_s, options=self._options, login=self._login)
        except TimeoutError as error:
            raise SourceError(f"source {self._name}: git took too long and was stopped") from error
        except OSError as error:
            raise SourceError(f"source {self._name}: git can't be started: {error}") from error
        if done.status == CANNOT_START:
            raise SourceError(f"source {self._name}: git is not installed; install it")
        if done.status:
            raise SourceError(
                f"source {self._name}: git failed on {_masked(self.address)}: "
                f"{_masked(_reason(done.last_words))}"
            )
        return done.output.decode("utf-8", "replace")


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
