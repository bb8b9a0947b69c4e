"""What commands say when the language model can't be asked, in one line."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from bot.llm.llm import Llm
from bot.types import Trace
from common.hosts import is_loopback

NO_MODEL = "there is no language model; configure llm.local or llm.remote"
NOT_ASKED = "the language model can't be asked"


@contextmanager
def quiet(parts: str = "bot.llm") -> Iterator[None]:
    """A command says by itself what is wrong with a model, or what was decided; the parts of the
    bot that see to it need not say it at each call, unless everything is logged."""
    logger = logging.getLogger(parts)
    before = logger.level
    if logging.getLogger().level > logging.DEBUG:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def model_failed(llm: Llm, what: str, then: str, problem: object = "") -> None:
    """Says on standard error what a model did not do, why as far as it is known, and what that
    led to."""
    why = "; ".join(llm.hybrid.problems()) or str(problem)
    line = ": ".join(part for part in (what, why) if part)
    sys.stderr.write(f"{line}; {then}{_started_by(llm)}\n")


def failures(trace: Trace) -> list[str]:
    """The kinds of errors with which calls of the model ended."""
    return [str(entry["failed"]) for entry in trace if entry["stage"] == "llm"]


def kind_of(trace: Trace) -> str:
    """How an answer came about: "written" by the model, "quoted", or "" where there is none."""
    kinds = [str(e["kind"]) for e in trace if e["stage"] == "answer" and "kind" in e]
    return kinds[-1] if kinds else ""


def _started_by(llm: Llm) -> str:
    """A server on this machine that is down may be one that the daemon starts."""
    own = any(
        not backend.up and is_loopback(urlsplit(url).hostname or "")
        for backend in llm.hybrid.backends
        for url in backend.options.base_urls
        if backend.name == "local"
    )
    return " (a server of llm.local.serve runs only while the daemon does)" if own else ""
