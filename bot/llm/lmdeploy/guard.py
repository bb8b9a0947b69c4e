"""Stands between the bot and a server that it starts: when the bot is gone, so is the server.

A program of its own: the bot runs `python -I guard.py COMMAND ...` in a session of its own.
Its standard input is a pipe into which the bot never writes: it closes when the bot ends, by
`kill -9` too, and then the whole session is killed, because nobody waits for its answers. Should
the guard itself be killed, Linux kills the server with it.

It ends as the server does: with its status, or 128 and the signal's number, as shells have it.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading

CANNOT_START = 126
"""The status when the command could not be started at all."""

_PR_SET_PDEATHSIG = 1


def main(command: list[str]) -> int:
    """Runs a command until it ends, or the bot does."""
    guard, libc = os.getpid(), ctypes.CDLL(None)

    def end_with_the_guard() -> None:
        if sys.platform == "linux":
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != guard:  # it was killed a moment ago
            os._exit(CANNOT_START)

    try:
        server = subprocess.Popen(  # noqa: S603 - the bot's own command
            command,
            stdin=subprocess.DEVNULL,
            preexec_fn=end_with_the_guard,  # noqa: PLW1509 - there is one thread yet
        )
    except OSError as error:
        sys.stderr.write(f"can't start {command[0]}: {error.strerror}\n")
        return CANNOT_START
    signal.signal(signal.SIGTERM, lambda *_: server.terminate())
    threading.Thread(target=_kill_without_a_bot, daemon=True).start()
    code = server.wait()
    return code if code >= 0 else 128 - code


def _kill_without_a_bot() -> None:
    while os.read(0, 512):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
