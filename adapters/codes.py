"""The codes with which a platform refuses, as tables: a code and what it means for us."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from adapters.base import AdapterError, RateLimited, SendRefused


@dataclass(frozen=True, slots=True)
class Meaning:
    """Which error it is, in which words, and for a RateLimited how many seconds to wait. What a
    person has to put right is said in Chinese, too."""

    words: str
    error: type[AdapterError] = SendRefused
    pause_s: float = 0.0
    zh: str = ""

    def as_error(self, message: str, code: object = "", more: str = "") -> AdapterError:
        """The error with this text, and the platform's code; `more` goes with the Chinese."""
        if issubclass(self.error, RateLimited):
            error: AdapterError = self.error(message, self.pause_s)
        else:
            error = self.error(message)
        error.code = str(code)
        if self.zh:
            error.zh = f"{self.zh}（{code}）{more}"
        return error


Codes: TypeAlias = Mapping[int, Meaning]


def all_mean(codes: Iterable[int], meaning: Meaning) -> Codes:
    """Several codes for the same thing."""
    return dict.fromkeys(codes, meaning)
