"""The codes with which a platform refuses, as tables: a code and what it means for us."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from adapters.base import AdapterError, RateLimited, SendRefused


@dataclass(frozen=True, slots=True)
class Meaning:
    """Which error it is, in which words, and for a RateLimited how many seconds to wait."""

    words: str
    error: type[AdapterError] = SendRefused
    pause_s: float = 0.0

    def as_error(self, message: str) -> AdapterError:
        """The error with this text."""
        if issubclass(self.error, RateLimited):
            return self.error(message, self.pause_s)
        return self.error(message)


Codes: TypeAlias = Mapping[int, Meaning]


def all_mean(codes: Iterable[int], meaning: Meaning) -> Codes:
    """Several codes for the same thing."""
    return dict.fromkeys(codes, meaning)
