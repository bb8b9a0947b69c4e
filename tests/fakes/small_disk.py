"""A disk that takes no more, as far as a process can have one of its own: files may not grow beyond
a limit, so that writing fails as it does without room, or where it has become read-only."""

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def room(most: int) -> Iterator[None]:
    """Files take so many bytes each. No process may be started meanwhile, and nothing compiled:
    Python does not notice that it wrote half a module."""
    before, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    compiling, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, hard))
        sys.dont_write_bytecode = compiling
