"""The log that the console shows: whoever logs is not disturbed by it."""

import logging

import pytest

from bot.console.logbook import LogBook

log = logging.getLogger(__name__)


def test_a_line_whose_values_do_not_fit_fails_nobody(caplog: pytest.LogCaptureFixture) -> None:
    book = LogBook()
    with caplog.at_level(logging.INFO), book.kept(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(logging.getLogger(), "handlers", [book])  # pytest's own would complain
        log.info("so many: %d", "three")
    assert [line.text for line in book.newest()] == ["so many: %d"]
