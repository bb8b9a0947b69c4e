"""Starts a command for `common.process`, and is a program of its own:
`python -I -S process_launch.py PARENT GUARDED MEMORY CPU FILE NICE COMMAND ...`.

It ends with its parent, takes on the limits, and becomes the command. With GUARDED 1 it stays
above the command and, when the parent is gone, kills the whole session: what the command has
started would outlive it. That shows at the standard input, a pipe into which nobody writes and
which closes with the parent. What a guarded command writes goes to standard error, and the guard
ends as it does: with its status, or 128 and the signal's number, as shells have it.
"""

import ctypes
import os
import resource
import signal
import sys

CANNOT_START = 126
"""The status when the command could not be started at all."""

_PR_SET_PDEATHSIG = 1
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


def main(arguments: list[str]) -> int:
    """Becomes the command, or waits for it."""
    parent, guarded, memory, cpu, file, nice = map(int, arguments[:6])
    command = arguments[6:]
    _limit(resource.RLIMIT_CORE, 0)
    for kind, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_FSIZE, file),
    ):
        if most:
            _limit(kind, most)
    os.nice(nice)
    if guarded:
        return _guard(command)
    _end_with(parent)
    return _become(command)


def _limit(kind: int, most: int) -> None:
    _, hard = resource.getrlimit(kind)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (most, most))


def _end_with(parent: int) -> None:
    """Linux kills this process when its parent ends, even when it is too busy to notice."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended a moment ago
        os._exit(CANNOT_START)


def _become(command: list[str]) -> int:
    for ignored in _IGNORED_BY_PYTHON:
        signal.signal(ignored, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606 - the caller's own command, no shell
    except OSError as error:
        sys.stderr.write(f"can't start {command[0]}: {error.strerror}\n")
        return CANNOT_START


def _guard(command: list[str]) -> int:
    import subprocess  # these two take longer than all that is done without a guard
    import threading

    os.dup2(2, 1)
    no_limits = ("0", "0", "0", "0")
    again = (sys.executable, "-I", "-S", __file__, str(os.getpid()), "0", *no_limits, *command)
    server = subprocess.Popen(again, stdin=subprocess.DEVNULL)  # noqa: S603 - see _become
    # It goes to the whole session: the guard only waits for what the command makes of it.
    signal.signal(signal.SIGTERM, lambda *_: None)
    threading.Thread(target=_kill_without_a_parent, daemon=True).start()
    code = server.wait()
    return code if code >= 0 else 128 - code


def _kill_without_a_parent() -> None:
    while os.read(0, 512):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
