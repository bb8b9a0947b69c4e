"""The process of a `ReaderProcess`, `python -m knowledge.reading.process_main`.

Each connection is served by a thread of its own: (method of the reader, its arguments) come in,
(False, result) or (True, what was raised) go back. The first one is for asking the bot for vectors.
"""

import gc
import logging
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from threading import Lock, Thread
from typing import Any

from common.process_child import parent
from knowledge.reading.reader import LocalReader
from knowledge.types import KnowledgeError, Vectors


def main() -> None:
    """Serves until standard input ends."""
    logging.basicConfig(format="%(levelname)s %(message)s")
    with parent() as asking, suppress(EOFError):
        lent, *served = [Connection(file) for file in asking.receive()["files"]]
        plan, gate, name, dim = lent.recv()
        reader = LocalReader(plan, gate, _Borrowed(lent, name, dim))
        for connection in served:
            Thread(target=_serve, args=(connection, reader), daemon=True).start()
        asking.receive()


class _Borrowed:
    """The bot's embedder."""

    def __init__(self, lent: Connection, name: str, dim: int) -> None:
        self._lent, self._asking = lent, Lock()
        self.id, self.dim = name, dim

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Embeds texts, shape (len(texts), dim). Raises KnowledgeError."""
        with self._asking:
            self._lent.send(list(texts))
            failed, result = self._lent.recv()
        if failed:
            raise result
        vectors: Vectors = result
        return vectors


def _serve(connection: Connection, reader: LocalReader) -> None:
    with connection, suppress(EOFError, OSError):  # closed, it shows that nobody serves it
        while True:
            method, arguments = connection.recv()
            connection.send(_answer(reader, method, arguments))
            if method == "open":
                gc.freeze()  # it stays: looking through it for garbage takes 30 ms


def _answer(reader: LocalReader, method: str, arguments: Sequence[Any]) -> tuple[bool, Any]:
    try:
        return False, getattr(reader, method)(*arguments)
    except KnowledgeError as error:
        return True, error
    except Exception as error:  # noqa: BLE001 - raised again by the bot
        sys.stderr.write(traceback.format_exc())
        return True, RuntimeError(f"{error!r} in the process that searches the documents")


if __name__ == "__main__":
    main()
