"""No parser of outside bytes breaks a promise, whatever it is given; see `tests.fuzz`."""

import logging
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.fuzz.__main__ import TARGETS, feed
from tests.fuzz.files import clear

BY_NAME = {target.name: target for target in TARGETS}
WHOLE = sum(target.share for target in TARGETS)
INPUTS, NIGHTLY = 8_000, 1_000_000


@pytest.fixture(autouse=True)
def _quiet_and_clean() -> Iterator[None]:
    logging.disable()
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
        clear()


@pytest.mark.filterwarnings("ignore")  # those of the libraries that read pages and documents
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", BY_NAME)
def test_no_input_breaks_a_promise(name: str) -> None:
    inputs = NIGHTLY if settings.default and settings.default.max_examples >= 1000 else INPUTS
    target = BY_NAME[name]
    _, found = feed(target, max(2, round(inputs * target.share / WHOLE)), seed=0)
    assert not found


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("llm: answers", b'{"choices": [{"logprobs": {"content": [{"top_logprobs": 7}]}}]}'),
        ("llm: answers", b'{"choices": [{"logprobs": {"content": [{"top_logprobs": [[]]}]}}]}'),
        (
            "llm: answers",
            b'{"choices": [{"logprobs": {"content": [{"token": "7", "logprob": -1%s}]}}]}'
            % (b"0" * 400),
        ),
        ("answers shown", "half an emoji \ud83d and \0"),
        ("search: reranker", b'[{"index": 0, "score": 1%s}]' % (b"0" * 400)),
        ("search: sourcegraph", b'{"errors": [{"message": "\\ud83d"}]}'),
        ("search: sourcegraph", b'[{"repository": "a", "path": "b", "commit": "\\u0000"}]'),
        ("gate: examples", b'{"text": "how?", "label": 1, "weight": 1%s}' % (b"0" * 400)),
        ("replay: chats", b"2024-01-0 10:01 Ann\nhow do I install it?\n"),
        ("replay: chats", b"StrContent,Type,CreateTime,localId\nhow?,1,nan,1\n"),
        ("replay: chats", b"2024-01-01 10:00:00 A\0nn\nhow do I install it?"),
        ("documents: md", b"See [the page](\nhttps://a.b/c) for all that is said of ports."),
        (
            "documents: rst",
            b"Ports\n=====\n\n.. deprecated:: \n\nThe server listens on port 7311.\n",
        ),
        ("documents: html", b"<p>The server listens on port 7311 by default</p>\n\0" * 9),
    ],
)
def test_what_was_found_once(name: str, given: bytes | str) -> None:
    BY_NAME[name].feed_one(given)
