"""Ports for servers that are told theirs before they listen."""

import errno
import itertools
import os
import socket

_BELOW_THE_SYSTEMS = 20_000
"""The system gives ports from 32768 on to whoever asks for any, so also to the next connection of
another test: one that is only known to be free must not be among them."""

_EACH, _PROCESSES = 50, 240
_numbers = itertools.count()


def free_port() -> int:
    """A port that nobody listens on, and that no other process of the tests gives away."""
    first = _BELOW_THE_SYSTEMS + os.getpid() % _PROCESSES * _EACH
    for number in itertools.islice(_numbers, _EACH):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port := first + number % _EACH))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            else:
                return port
    raise AssertionError("all ports are taken")
